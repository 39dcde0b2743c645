// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import java.util.ArrayList;
import java.util.List;

/** All that is known of one zone: {@code struct zone} as far as the page allocator moves it. */
public final class ModelZone implements Watermark.Level {
  public final Zone zone;
  final FrameAllocator frames;
  final Marks.Numbers numbers;
  final List<CpuLists> cpus = new ArrayList<>();
  private final List<ZoneType> kinds;

  /** {@code watermark_boost}. */
  public long boost;

  /** {@code nr_reserved_highatomic}. */
  long reservedHighatomic;

  /** {@code ZONE_BELOW_HIGH}: an allocation found less than the high watermark. */
  boolean belowHigh;

  /** {@code ZONE_BOOSTED_WATERMARK}: kswapd is to be told of a boost. */
  boolean boosted;

  /** {@code ZONE_RECLAIM_ACTIVE}: kswapd is at work on the node. */
  boolean reclaiming;

  /** {@code numa_hit} and so on. */
  long numaHit;

  long numaMiss;
  long numaForeign;
  long numaLocal;
  long numaOther;

  ModelZone(ManagedZone managed, Marks.Numbers numbers, List<ZoneType> kinds, int cpuCount) {
    this.zone = managed.zone();
    this.frames = managed.frames();
    this.numbers = numbers;
    this.kinds = kinds;
    for (int i = 0; i < cpuCount; i++) {
      cpus.add(new CpuLists(i, numbers));
    }
  }

  @Override
  public long free() {
    return frames.freePages() - pages(Migratetype.ISOLATE);
  }

  @Override
  public long freeHighatomic() {
    return pages(Migratetype.HIGHATOMIC);
  }

  /** {@code NR_FREE_PAGES_BLOCKS}: free pages in blocks of whole pageblocks, none isolated. */
  long freeInBlocks() {
    long pages = 0;
    for (int order = blockOrder(); order <= Pages.MAX_PAGE_ORDER; order++) {
      long blocks = frames.freeBlocks(order) - frames.freeBlocks(order, Migratetype.ISOLATE);
      pages += blocks << order;
    }
    return pages;
  }

  private long pages(int type) {
    long pages = 0;
    for (int order = 0; order <= Pages.MAX_PAGE_ORDER; order++) {
      pages += frames.freeBlocks(order, type) << order;
    }
    return pages;
  }

  @Override
  public long freeBlocks(int order, int migratetype) {
    return frames.freeBlocks(order, migratetype);
  }

  @Override
  public long protection(ZoneType highest) {
    return numbers.protection().get(kinds.indexOf(highest));
  }

  @Override
  public long base(Mark mark) {
    return switch (mark) {
      case MIN -> numbers.min();
      case LOW -> numbers.low();
      case HIGH -> numbers.high();
    };
  }

  @Override
  public long boost() {
    return boost;
  }

  /** {@code pageblock_order}. */
  int blockOrder() {
    return zone.pageblocks().order();
  }

  /** {@code pageblock_nr_pages}. */
  int blockPages() {
    return zone.pageblocks().pages();
  }

  /** The type of the pageblock that holds a frame. */
  int typeOf(long pfn) {
    return zone.pageblocks().get(pfn);
  }

  @Override
  public String toString() {
    return zone.toString();
  }
}
