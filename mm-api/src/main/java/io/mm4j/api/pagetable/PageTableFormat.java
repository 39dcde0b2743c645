// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

/**
 * The bits of a page-table entry and the levels of a walk, for one architecture. Walking, mapping
 * and copy-on-write rules stand above it, once. Entries are longs even where the hardware's are
 * smaller.
 */
public interface PageTableFormat {
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

  /** An entry that maps a frame. */
  long leaf(long pfn, boolean writable, boolean user, boolean executable);

  /** An entry that refers to a lower table. */
  long table(long pfn);

  /** Whether the entry is there for the hardware. */
  boolean isPresent(long entry);

  /** Whether the hardware lets a write through. */
  boolean isWritable(long entry);

  /** The frame that the entry refers to. */
  long pfn(long entry);

  /** The same entry, read-only: {@code pte_wrprotect()}. */
  long writeProtect(long entry);

  /** The same entry, writable: {@code pte_mkwrite()}. */
  long makeWritable(long entry);
}
