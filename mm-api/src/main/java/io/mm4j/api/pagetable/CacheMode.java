// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import org.apiguardian.api.API;

/**
 * A memory type as Linux names it ({@code enum page_cache_mode}), with the entry of the page
 * attribute table that {@code pat_init()} of arch/x86/mm/pat/memtype.c gives it on a CPU whose PAT
 * works in full: the three bits PAT, PCD, PWT select it.
 */
@API(status = API.Status.EXPERIMENTAL)
public enum CacheMode {
  /** Write-back: RAM. */
  WB(0),
  /** Write-combining: frame buffers. */
  WC(1),
  /** Uncached, unless an MTRR says write-combining: what {@code ioremap} gives. */
  UC_MINUS(2),
  /** Uncached. */
  UC(3),
  /** Write-through. */
  WT(7),
  /** Write-protected. */
  WP(5);

  private static final CacheMode[] OF_INDEX = {WB, WC, UC_MINUS, UC, WB, WP, UC_MINUS, WT};

  private final int index;

  CacheMode(int index) {
    this.index = index;
  }

  /** The entry of the table: PAT is bit 2, PCD bit 1, PWT bit 0. */
  public int index() {
    return index;
  }

  /** What an entry of the table means. */
  public static CacheMode of(int index) {
    return OF_INDEX[index & 7];
  }
}
