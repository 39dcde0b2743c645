// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import org.apiguardian.api.API;

/**
 * What the fast paths of {@link CpuPages} count for all the lists that one CPU keeps of one zone.
 * An allocation halves the row of frees and counts nothing: how many there were follows from the
 * frees and from what is on the lists.
 *
 * <p>Threads: the owner of the CPU, or who holds its park lock; read by anybody, as a guess.
 */
@API(status = API.Status.MAINTAINED)
public final class PcpCounts {
  /** {@code pcp->free_count} of mm/page_alloc.c (Linux 6.18). */
  int freeCount;

  /** Whether the block that came back last is larger than a page. */
  boolean freedLarge;

  /** Blocks that came back through the fast path. */
  long frees;

  /** No row yet. */
  public PcpCounts() {}

  /**
   * Pages freed in a row, as far as they matter: a free adds its pages, up to a limit, and an
   * allocation halves what there is.
   */
  public int freeCount() {
    return freeCount;
  }

  /** Whether the block that was freed last was larger than a page: of order 1 to 3. */
  public boolean freedLarge() {
    return freedLarge;
  }

  /** An allocation of the slow path. */
  public void noteAlloc() {
    freeCount >>= 1;
  }

  /** Sets both, after a free of the slow path. */
  public void setFreed(int pages, boolean large) {
    freeCount = pages;
    freedLarge = large;
  }

  /** Blocks of all orders that came back through the fast path since boot. */
  public long frees() {
    return frees;
  }
}
