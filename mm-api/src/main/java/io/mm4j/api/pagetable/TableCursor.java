// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import org.apiguardian.api.API;

/**
 * A place in the tables of a root: an entry of some level, its address and its value. Made once and
 * used for any number of ranges.
 *
 * <p>A walk over a range meets every entry that is not a table and not nothing, in the order of
 * addresses, and passes over empty tables level by level:
 *
 * <pre>{@code
 * cursor.over(root, start, end);
 * while (cursor.next()) {
 *   long entry = cursor.entry();
 *   cursor.set(PageTableFormat.EMPTY);
 *   ...
 * }
 * }</pre>
 *
 * <p>A single place is found with {@link #seek} or made with {@link #ensure}; a walk can go on from
 * there.
 *
 * <p>The cursor remembers the tables on its way. Entries may be changed by others meanwhile; when
 * tables were freed or replaced in its range by another cursor, it must be placed anew. A huge leaf
 * that begins before the range or ends after it is met as a whole: {@link #address} and {@link
 * #bytes} say so.
 *
 * <p>Nothing is allocated on the heap. No TLB is flushed. Misuse - a place outside the root's half,
 * a call that the place does not allow, one without an entry - is a {@link
 * io.mm4j.api.MisuseException}.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface TableCursor {
  /** There is no frame for a table. */
  int NO_MEMORY = 0;

  /**
   * Begins a walk over the addresses {@code [start, end)}; the cursor stands at no entry yet.
   *
   * @param end one past the last address; 0 is the end of all of them. A user's range may end at
   *     the beginning of the kernel's half: there is nothing between the two
   */
  void over(long root, long start, long end);

  /**
   * Goes to the next entry of the range that is neither nothing nor a table. O(1) for neighbours,
   * O(entries of a table) for each table on the way.
   *
   * @return false if there is none; the cursor stands at no entry then
   */
  boolean next();

  /**
   * Goes to the entry for an address of the range, as far down as there are tables, but not below a
   * level. A walk goes on behind it.
   *
   * @return the level of the entry: {@code level}, or more if there is no table further down
   */
  int seek(long address, int level);

  /** {@link #over} a single address, and {@link #seek}. */
  default int seek(long root, long address, int level) {
    over(root, address, address + 1);
    return seek(address, level);
  }

  /**
   * As {@link #seek}, and makes the tables that are missing: {@code pmd_alloc()}, {@code
   * pte_alloc()}. Each is allocated before it is looked whether it is still missing, as allocating
   * may change entries.
   *
   * @return the level of the entry: {@code level}; or more if a leaf or an absent entry is in the
   *     way; or {@link #NO_MEMORY}: no table of this call is left then, except below the kernel's
   *     root, where others may have copied what leads to it, and the cursor stands at no entry
   */
  int ensure(Cpu cpu, long address, int level);

  /** {@link #over} a single address, and {@link #ensure}. */
  default int ensure(Cpu cpu, long root, long address, int level) {
    over(root, address, address + 1);
    return ensure(cpu, address, level);
  }

  /** The root. */
  long root();

  /** The level of the entry. */
  int level();

  /** The first address that the entry covers; it may lie before the range. */
  long address();

  /** How many bytes of addresses it covers. */
  long bytes();

  /** The physical address of the entry. */
  long paddr();

  /** The entry's value, read from RAM. */
  long entry();

  /**
   * {@code set_pte()}: writes the entry. A top entry of the kernel's root is written in all roots.
   * The value is stored as it is; an entry that refers to a table is {@link #populate}'s.
   *
   * @throws io.mm4j.api.MisuseException if a table is there: its tables would be lost
   */
  void set(long entry);

  /**
   * Writes entries of level 1 in a row: that of the cursor and those behind it, as far as they lie
   * in its table. The cursor then stands at the last one that was written. The pages of all of
   * them, written or not, lie in the range of {@link #over}.
   *
   * @param entries their values, from 0 on
   * @param count how many
   * @return how many were written, at least one
   * @throws io.mm4j.api.MisuseException if the cursor stands above level 1, or there are none
   */
  default int setRow(long[] entries, int count) {
    if (level() != 1 || count < 1 || count > entries.length) {
      throw new MisuseException(
          "no row of level 1: level=" + level() + " count=" + count + " given=" + entries.length);
    }
    long first = address();
    set(entries[0]);
    int done = 1;
    while (done < count) {
      int reached = seek(first + ((long) done << Pages.PAGE_SHIFT), 1);
      if (reached != 1 || (paddr() & (Pages.PAGE_SIZE - 1)) == 0) {
        int _ = seek(first + ((long) (done - 1) << Pages.PAGE_SHIFT), 1);
        break;
      }
      set(entries[done++]);
    }
    return done;
  }

  /** {@code ptep_get_and_clear()}: returns the entry and leaves nothing there. */
  long getAndClear();

  /**
   * {@code pmd_populate()}: puts a table where nothing is. The cursor stays at the upper entry.
   *
   * @param tablePfn from {@link PageTables#newTable} or {@link #withdraw}
   */
  void populate(long tablePfn);

  /**
   * {@code split_huge_pmd()}, {@code split_large_page()}: puts a table in the place of a leaf,
   * whose entries map the same frames with the same protection, accessed and dirty as it was. The
   * cursor then stands at the lower entry for the first of its addresses that is in the range.
   *
   * @param tablePfn from {@link PageTables#newTable} or {@link #withdraw}
   */
  void split(long tablePfn);

  /**
   * {@code pgtable_trans_huge_deposit()}: keeps a table with the table in which the entry stands,
   * for {@link #withdraw}, so that splitting a huge page needs no memory. It counts as a table of
   * the root, of the level below.
   */
  void deposit(long tablePfn);

  /**
   * {@code pgtable_trans_huge_withdraw()}: takes the table that was deposited last with the table
   * in which the entry stands.
   *
   * @return its frame, or {@link PageTables#NO_TABLE} if none is there
   */
  long withdraw();

  /**
   * {@code free_pgd_range()}: gives the tables back that have an address of the range of {@link
   * #over} and none outside of {@code [floor, ceiling)}. The cursor stands at no entry afterwards.
   * Tables of the kernel are not freed as long as the machine runs: others may have copied the
   * entries that lead to them.
   *
   * @param ceiling one past the last address; 0 is the end of all of them
   * @return how many tables were freed
   * @throws io.mm4j.api.MisuseException if one of them still has an entry or a deposited table; it
   *     names the address, and nothing is freed
   */
  long freeTables(Cpu cpu, long floor, long ceiling);
}
