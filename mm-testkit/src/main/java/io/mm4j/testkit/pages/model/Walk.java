// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;

/**
 * One walk over the zones of a request: {@code get_page_from_freelist()}, {@code rmqueue()} and
 * {@code prep_new_page()} of mm/page_alloc.c (Linux 6.18). Nodes whose kswapd is at work are not
 * passed over, dirty pages are not spread over nodes: nothing here has either.
 */
public final class Walk {
  private final State state;
  private final FreeLists lists;
  private final PerCpu perCpu;
  private final HighAtomicReserve reserve;
  private final Background kswapd;

  Walk(State state, FreeLists lists, PerCpu perCpu, HighAtomicReserve reserve, Background kswapd) {
    this.state = state;
    this.lists = lists;
    this.perCpu = perCpu;
    this.reserve = reserve;
    this.kswapd = kswapd;
  }

  /** A block, ready for its holder, or {@link PageAllocator#NO_PAGE}. */
  long get(Request request, AllocFlags flags) {
    if (!flags.has(AllocFlag.NO_FRAGMENT)) {
      return pass(request, flags, false);
    }
    boolean strict = state.settings.defragMode();
    long pfn = pass(request, flags, !strict && state.settings.nodes() > 1);
    if (pfn == PageAllocator.NO_PAGE && !strict) {
      pfn = pass(request, flags.without(AllocFlag.NO_FRAGMENT), false);
    }
    return pfn;
  }

  /**
   * One pass.
   *
   * @param localOnly ends before the first zone of another node: memory that is near counts more
   *     than pageblocks of one type
   */
  private long pass(Request request, AllocFlags flags, boolean localOnly) {
    for (ModelZone zone : request.zones()) {
      if (localOnly && zone.zone.nodeId() != request.preferred().zone.nodeId()) {
        return PageAllocator.NO_PAGE;
      }
      if (!allows(request, flags, zone)) {
        continue;
      }
      long pfn = take(request, flags, zone);
      if (pfn != FrameAllocator.NONE) {
        prepare(request, pfn);
        if (state.choices.reserves(flags)) {
          reserve.reserve(zone, pfn, request.order());
        }
        return pfn;
      }
    }
    return PageAllocator.NO_PAGE;
  }

  private boolean allows(Request request, AllocFlags flags, ModelZone zone) {
    if (!zone.belowHigh) {
      if (enough(request, flags, zone, Mark.HIGH)) {
        return true;
      }
      zone.belowHigh = true;
    }
    return enough(request, flags, zone, flags.mark()) || flags.has(AllocFlag.NO_WATERMARKS);
  }

  private boolean enough(Request request, AllocFlags flags, ModelZone zone, Mark mark) {
    return state.choices.enough(zone, request.order(), mark, flags, request.highest());
  }

  /** {@code rmqueue()}. */
  private long take(Request request, AllocFlags flags, ModelZone zone) {
    int order = request.order();
    long pfn = FrameAllocator.NONE;
    if (PcpTuning.allowed(order, zone.blockOrder())) {
      pfn = perCpu.take(request.cpu(), zone, order, request.type(), flags);
    }
    if (pfn == FrameAllocator.NONE) {
      pfn = straight(request, flags, zone);
    }
    if (pfn != FrameAllocator.NONE) {
      state.counters.served(request.cpu(), request.preferred(), zone, order);
    }
    if (flags.has(AllocFlag.KSWAPD) && zone.boosted) {
      zone.boosted = false;
      kswapd.wake(request.cpu(), zone, 0, 0, zone.zone.type());
    }
    return pfn;
  }

  /** {@code rmqueue_buddy()}. */
  private long straight(Request request, AllocFlags flags, ModelZone zone) {
    FreeLists.Taker taker = lists.new Taker(request.cpu(), zone, flags, false);
    return taker.nextOrReserved(request.order(), request.type());
  }

  /** {@code prep_new_page()}. */
  void prepare(Request request, long pfn) {
    state.map.prepare(pfn, request.order(), FrameOwner.KERNEL);
    if (request.order() > 0 && request.wants(Gfp.__GFP_COMP)) {
      state.map.setFlags(pfn, PageFlags.PG_HEAD);
    }
    if (state.choices.clears(request.gfp())) {
      state.memory.clearPages(pfn, request.order());
    }
  }

  /** Whether the first walk of a request keeps migratetypes apart. */
  boolean avoidsMixing(Request request) {
    Zone preferred = request.preferred().zone;
    boolean dma32 =
        state.zones.stream()
            .anyMatch(
                z -> z.zone.nodeId() == preferred.nodeId() && z.zone.type() == ZoneType.DMA32);
    return AllocFlagsOf.avoidsMixing(
        state.settings.defragMode(),
        preferred.type(),
        state.settings.plan().kinds(),
        state.settings.nodes(),
        dma32);
  }
}
