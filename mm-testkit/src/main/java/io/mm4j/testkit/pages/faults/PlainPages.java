// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.api.page.ReclaimRequest;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An allocator that claims nothing, in the fewest lines: what the plain rules demand. */
class PlainPages implements PageAllocator {
  final Floors floors;

  PlainPages(Floors floors) {
    this.floors = floors;
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
    throw new UnsupportedOperationException("no rule about plain allocators has a mask");
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
    long pfn = attempt(gfp, order);
    ReclaimRequest request = ReclaimRequest.of(cpu, gfp, order, 1L << order);
    boolean reclaims = (gfp & Gfp.__GFP_DIRECT_RECLAIM) != 0;
    for (int i = 0; reclaims && pfn == NO_PAGE && i < rounds(); i++) {
      if (floors.pressure().reclaim(request) == 0) {
        break;
      }
      pfn = attempt(gfp, order);
    }
    for (int i = 0; reclaims && pfn == NO_PAGE && i < lastResorts(); i++) {
      if (!floors.pressure().outOfMemory(request)) {
        break;
      }
      pfn = attempt(gfp, order);
    }
    if (pfn != NO_PAGE) {
      floors.memory().memMap().prepare(pfn, order, FrameOwner.KERNEL);
    }
    return pfn;
  }

  private long attempt(int gfp, int order) {
    for (ManagedZone managed : floors.zones().reversed()) {
      if (managed.zone().type().compareTo(Gfp.highestZone(gfp)) <= 0) {
        long pfn = managed.frames().allocate(order, Gfp.migratetype(gfp));
        for (int type = 0; pfn == FrameAllocator.NONE && type < types(); type++) {
          pfn = managed.frames().allocate(order, type);
        }
        if (pfn != FrameAllocator.NONE) {
          return pfn;
        }
      }
    }
    return NO_PAGE;
  }

  /** How many types are tried. */
  int types() {
    return Migratetype.ISOLATE;
  }

  /** How often reclaim is asked. */
  int rounds() {
    return 16;
  }

  /** How often the last resort is asked. */
  int lastResorts() {
    return 16;
  }

  /** The list that a block goes to. */
  int list(Zone zone, long pfn) {
    return zone.pageblocks().get(pfn);
  }

  @Override
  public void freePages(Cpu cpu, long pfn, int order) {
    for (ManagedZone managed : floors.zones()) {
      if (managed.zone().contains(pfn)) {
        floors.memory().memMap().release(pfn, order, FrameOwner.FREE);
        managed.frames().free(pfn, order, list(managed.zone(), pfn));
      }
    }
  }

  @Override
  public void splitPage(long pfn, int order) {
    throw new UnsupportedOperationException("no rule about plain allocators splits");
  }

  @Override
  public void splitFolio(long pfn, int order, int toOrder) {
    throw new UnsupportedOperationException("no rule about plain allocators splits");
  }

  @Override
  public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
    return false;
  }

  @Override
  public void drainAllPages(Cpu cpu) {}

  @Override
  public List<ManagedZone> zones() {
    return floors.zones();
  }

  @Override
  public long pcpPages() {
    return 0;
  }

  @Override
  public void validate() {}
}
