// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.pagetable.PageTableFormat;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The pools of huge pages ({@code hstates}, mm/hugetlb.c of Linux 6.18), one for each size that the
 * page tables have leafs for: what a page table spans, and on 64 bits 1 GiB ({@code
 * gigantic_pages_init}). {@code vm.nr_hugepages} is about the default size, else the smallest.
 */
public final class HugePools {
  /** The level of the page tables at which the smallest ones are leafs. */
  static final int LOWEST = 2;

  private static final int HIGHEST = 3;

  private final List<HugePool> pools = new ArrayList<>();
  private HugePool standard;

  /** Empty ones. */
  public HugePools(Frames frames) {
    PageTableFormat format = frames.format();
    for (int level = LOWEST; level <= HIGHEST && level <= format.levels(); level++) {
      if (level == LOWEST || format.shape().hasLeafs(level)) {
        pools.add(new HugePool(frames, level));
      }
    }
    standard = pools.get(0);
  }

  /** {@code default_hstate}: the pool of pages of the default size. */
  public HugePool standard() {
    return standard;
  }

  /** Makes the size of a pool the default one. */
  public void standard(HugePool pool) {
    standard = pool;
  }

  /** All of them, the smallest pages first. */
  public List<HugePool> all() {
    return pools;
  }

  /** {@code hugetlb_total_pages()}: the frames of all of them. */
  public long totalPages() {
    long sum = 0;
    for (HugePool pool : pools) {
      sum += pool.total() * (pool.pageBytes() >>> 12);
    }
    return sum;
  }

  /** Whether there are pages that are leafs of a level. */
  boolean has(int leafLevel) {
    return leafLevel - LOWEST < pools.size();
  }

  /** The pool of pages that are leafs of a level; there is one. */
  public HugePool of(int leafLevel) {
    return pools.get(leafLevel - LOWEST);
  }

  /** The pool of a file of hugetlbfs. */
  public HugePool of(FileObject file) {
    return of(file.mapped().kind().leafLevel());
  }

  /** The pool of pages of a size, null if there are none of it. */
  public @Nullable HugePool ofBytes(long bytes) {
    for (HugePool pool : pools) {
      if (pool.pageBytes() == bytes) {
        return pool;
      }
    }
    return null;
  }

  /**
   * {@code hstate_sizelog()}: the pool that a call asks for by the binary logarithm of the size, 0
   * for the default one; null if there is none.
   */
  public @Nullable HugePool ofLog(long log) {
    return log == 0 ? standard : ofBytes(1L << log);
  }

  /** Gives all pages back; nothing uses them. */
  public void close() {
    pools.forEach(HugePool::close);
  }
}
