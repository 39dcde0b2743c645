// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import org.apiguardian.api.API;

/**
 * The bits of a page-table entry and the levels of a walk, for one architecture. Walking, mapping
 * and copy-on-write rules stand above it, once. Entries are longs even where the hardware's are
 * smaller; 0 is an entry where nothing is.
 *
 * <p>An entry is one of: nothing; a table of the next level; a leaf that maps a frame; or absent,
 * with a payload that says where the page is (a swap slot, or a frame under migration).
 *
 * <p>Pure functions: any thread, O(1), no allocation.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface PageTableFormat {
  /** Nothing is there: {@code pte_none()}. */
  long EMPTY = 0;

  /** Writes are let through. */
  int WRITE = 1;

  /** User mode may use it. */
  int USER = 1 << 1;

  /** Code may run there. */
  int EXEC = 1 << 2;

  /** Stays in the TLB over a change of page directory. */
  int GLOBAL = 1 << 3;

  /** Levels of the walk, 2 to 5; level 1 is the one whose entries map pages. */
  int levels();

  /** Bytes of an entry in memory: 4 or 8. */
  int entryBytes();

  /** log2 of the bytes that one entry of this level covers. */
  int shift(int level);

  /** Entries of a table of this level. */
  int entries(int level);

  /** The index into the table of this level. */
  default int index(int level, long address) {
    return (int) (address >>> shift(level)) & (entries(level) - 1);
  }

  /**
   * An entry that maps a block of frames.
   *
   * @param level 1 for a page, more for a huge one
   * @param permissions {@link #WRITE} and the like, joined by {@code |}
   */
  long leaf(int level, long pfn, int permissions);

  /** An entry that refers to a lower table. */
  long table(long pfn);

  /** An entry that is not there for the hardware but says something: {@code swp_entry_to_pte()}. */
  long absent(long payload);

  /** What {@link #absent} was given. */
  long payload(long entry);

  /** Whether the entry is there for the hardware. */
  boolean isPresent(long entry);

  /** Whether a present entry of this level maps frames and is no table. */
  boolean isLeaf(int level, long entry);

  /** The frame that a present entry refers to. */
  long pfn(long entry);

  /** The permissions of a leaf. */
  int permissions(long entry);

  /** The same leaf with other permissions: {@code pte_modify()}. */
  long withPermissions(long entry, int permissions);

  /** Whether the hardware has read or written through it: {@code pte_young()}. */
  boolean isAccessed(long entry);

  /** The same leaf, used or not. */
  long withAccessed(long entry, boolean accessed);

  /** Whether the hardware has written through it: {@code pte_dirty()}. */
  boolean isDirty(long entry);

  /** The same leaf, written to or not. */
  long withDirty(long entry, boolean dirty);

  /** Whether a write is let through: {@code pte_write()}. */
  default boolean isWritable(long entry) {
    return (permissions(entry) & WRITE) != 0;
  }
}
