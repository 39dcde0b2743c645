// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import java.util.List;

/** What an address space maps of the {@link HugePools}: a {@link HugeMap} for each of them. */
public final class HugeMaps {
  private final List<HugeMap> maps;

  HugeMaps(PageTable table, HugePools pools) {
    this.maps = pools.all().stream().map(pool -> new HugeMap(table, pool)).toList();
  }

  /** What is mapped of the pages that are leafs of a level; there is such a pool. */
  public HugeMap of(int leafLevel) {
    return maps.get(leafLevel - HugePools.LOWEST);
  }

  /** How many pages are mapped, of all sizes. */
  public long mapped() {
    long sum = 0;
    for (HugeMap map : maps) {
      sum += map.mapped();
    }
    return sum;
  }

  /**
   * Unmaps pages of all sizes.
   *
   * @param forGood whether the mappings go: see {@link HugeMap#zap}
   */
  public void zap(long start, long end, boolean forGood) {
    for (int i = 0; i < maps.size(); i++) {
      maps.get(i).zap(start, end, forGood);
    }
  }
}
