// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.memory.Pages;
import org.apiguardian.api.API;

/**
 * How fragmented free memory is, as {@code /sys/kernel/debug/extfrag} reports it: pure functions of
 * the free blocks of a zone. Models mm/vmstat.c (Linux 6.18).
 */
@API(status = API.Status.MAINTAINED)
public final class Fragmentation {
  private Fragmentation() {}

  /**
   * {@code unusable_free_index()}: the part of free memory that lies in blocks too small for this
   * order, in 1/1000. 0: all of it can be used; 1000: nothing, or nothing is free.
   */
  public static int unusableIndex(FrameAllocator frames, int order) {
    long free = 0;
    long usable = 0;
    for (int o = 0; o <= Pages.MAX_PAGE_ORDER; o++) {
      long pages = frames.freeBlocks(o) << o;
      free += pages;
      usable += o >= order ? pages : 0;
    }
    return free == 0 ? 1000 : (int) ((free - usable) * 1000 / free);
  }

  /**
   * {@code fragmentation_index()}: why a request of this order would fail, in 1/1000. Towards 0:
   * for want of memory; towards 1000: for fragmentation; -1000: it would not fail.
   */
  public static int extfragIndex(FrameAllocator frames, int order) {
    long free = 0;
    long blocks = 0;
    for (int o = 0; o <= Pages.MAX_PAGE_ORDER; o++) {
      long n = frames.freeBlocks(o);
      blocks += n;
      free += n << o;
      if (o >= order && n > 0) {
        return -1000;
      }
    }
    if (blocks == 0) {
      return 0;
    }
    return (int) (1000 - (1000 + free * 1000 / (1L << order)) / blocks);
  }
}
