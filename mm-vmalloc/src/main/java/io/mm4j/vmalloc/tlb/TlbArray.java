// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.tlb;

import java.util.Arrays;

/**
 * The part of a TLB that holds translations of one page size: sets of some ways, each filled in
 * turn. Three arrays, by set and way:
 *
 * <pre>
 *   page    the number of the page: the address without what lies inside it
 *   asid    whose it is; GLOBAL for all, EMPTY for none
 *   value   physical address of the page, and in its lowest bits the rights, see {@link LinuxMmu}
 * </pre>
 */
final class TlbArray {
  static final int EMPTY = -2;
  static final int GLOBAL = -1;
  static final int NONE = -1;

  /** The level of the leafs it holds. */
  final int level;

  /** log2 of the page size. */
  final int shift;

  private final int ways;
  private final int setMask;
  private final long[] pages;
  private final int[] asids;
  private final long[] values;
  private final byte[] turns;

  TlbArray(int level, int shift, int sets, int ways) {
    this.level = level;
    this.shift = shift;
    this.ways = ways;
    setMask = sets - 1;
    pages = new long[sets * ways];
    asids = new int[sets * ways];
    values = new long[sets * ways];
    turns = new byte[sets];
    Arrays.fill(asids, EMPTY);
  }

  /** Where the translation of an address is, or NONE. */
  int find(long address, int asid) {
    long page = address >>> shift;
    int first = ((int) page & setMask) * ways;
    for (int i = first; i < first + ways; i++) {
      if (pages[i] == page && (asids[i] == asid || asids[i] == GLOBAL)) {
        return i;
      }
    }
    return NONE;
  }

  /** Puts a translation in; returns whether another one had to go. */
  boolean put(long address, int asid, long value) {
    long page = address >>> shift;
    int set = (int) page & setMask;
    int first = set * ways;
    int at = first;
    while (at < first + ways && asids[at] != EMPTY) {
      at++;
    }
    boolean evicts = at == first + ways;
    if (evicts) {
      at = first + turns[set];
      turns[set] = (byte) ((turns[set] + 1) % ways);
    }
    pages[at] = page;
    asids[at] = asid;
    values[at] = value;
    return evicts;
  }

  int size() {
    return asids.length;
  }

  boolean isEmpty(int at) {
    return asids[at] == EMPTY;
  }

  int asid(int at) {
    return asids[at];
  }

  long value(int at) {
    return values[at];
  }

  void setValue(int at, long value) {
    values[at] = value;
  }

  /**
   * The first address of the page at a place; bits above the width of addresses are as they were
   * put in.
   */
  long address(int at) {
    return pages[at] << shift;
  }

  void drop(int at) {
    asids[at] = EMPTY;
  }
}
