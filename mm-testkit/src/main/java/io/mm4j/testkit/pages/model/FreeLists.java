// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Migratetype;

/**
 * Blocks in and out of a zone's free lists: {@code __rmqueue()} with all that it falls back to, and
 * {@code free_one_page()}, of mm/page_alloc.c (Linux 6.18).
 */
final class FreeLists {
  /** {@code enum rmqueue_mode}: where the last block of a refill was found. */
  enum Mode {
    /** On the own lists, or in a pageblock that was claimed. */
    NORMAL,
    /** In another type's pageblock: nothing could be claimed, so nothing will be. */
    STEAL
  }

  private final State state;

  FreeLists(State state) {
    this.state = state;
  }

  /**
   * Takes blocks one after the other, as {@code rmqueue_bulk()} or {@code rmqueue_buddy()} do. Each
   * is announced, after its fallback if there was one.
   */
  final class Taker {
    private final Cpu cpu;
    private final ModelZone zone;
    private final AllocFlags flags;
    private final boolean refill;
    private Mode mode = Mode.NORMAL;

    /**
     * Begins.
     *
     * @param refill whether the blocks go to per-cpu lists
     */
    Taker(Cpu cpu, ModelZone zone, AllocFlags flags, boolean refill) {
      this.cpu = cpu;
      this.zone = zone;
      this.flags = flags;
      this.refill = refill;
    }

    /** {@code __rmqueue()}: the next block, or {@link FrameAllocator#NONE}. */
    long next(int order, int type) {
      long pfn = find(order, type);
      if (pfn != FrameAllocator.NONE && state.events != null) {
        state.events.allocZoneLocked(cpu, zone.zone, pfn, order, type, refill);
      }
      return pfn;
    }

    /** {@code rmqueue_buddy()}: the next block, with what is reserved before or after all. */
    long nextOrReserved(int order, int type) {
      long pfn = FrameAllocator.NONE;
      if (flags.has(AllocFlag.HIGHATOMIC)) {
        pfn = smallest(zone, order, Migratetype.HIGHATOMIC);
      }
      if (pfn == FrameAllocator.NONE) {
        pfn = find(order, type);
      }
      boolean atLast = flags.has(AllocFlag.NON_BLOCK) || flags.has(AllocFlag.OOM);
      if (pfn == FrameAllocator.NONE && atLast) {
        pfn = smallest(zone, order, Migratetype.HIGHATOMIC);
      }
      if (pfn != FrameAllocator.NONE && state.events != null) {
        state.events.allocZoneLocked(cpu, zone.zone, pfn, order, type, refill);
      }
      return pfn;
    }

    private long find(int order, int type) {
      long pfn = FrameAllocator.NONE;
      if (mode == Mode.NORMAL) {
        pfn = smallest(zone, order, type);
        if (pfn == FrameAllocator.NONE) {
          pfn = claim(order, type);
        }
      }
      if (pfn == FrameAllocator.NONE && !flags.has(AllocFlag.NO_FRAGMENT)) {
        pfn = steal(order, type);
        if (pfn != FrameAllocator.NONE) {
          mode = Mode.STEAL;
        }
      }
      return pfn;
    }

    /** {@code __rmqueue_claim()}. */
    private long claim(int order, int type) {
      boolean avoids = flags.has(AllocFlag.NO_FRAGMENT);
      for (Fallback.Candidate from : state.choices.claims(zone, order, type, avoids)) {
        long pfn =
            from.order() >= zone.blockOrder()
                ? claimWhole(from, order, type)
                : claimHalf(from, order, type);
        if (pfn != FrameAllocator.NONE) {
          state.counters.other("extfrag_claim", 1);
          announce(pfn, order, from, type);
          return pfn;
        }
      }
      return FrameAllocator.NONE;
    }

    private long claimWhole(Fallback.Candidate from, int order, int type) {
      long pfn = zone.frames.head(from.order(), from.type());
      zone.zone.pageblocks().setRange(pfn, from.order(), type);
      return zone.frames.allocateFrom(
          from.order(), from.type(), order, state.choices.restOfClaim(type, from.type()));
    }

    private long claimHalf(Fallback.Candidate from, int order, int type) {
      long boost = state.choices.boost(zone, state.settings.boostFactor());
      if (boost != zone.boost || mayBoost()) {
        zone.boost = boost;
        zone.boosted |= flags.has(AllocFlag.KSWAPD);
      }
      long head = zone.frames.head(from.order(), from.type());
      long start = head & -(long) zone.blockPages();
      long end = start + zone.blockPages();
      if (!zone.zone.contains(start) || !zone.zone.contains(end - 1)) {
        return FrameAllocator.NONE;
      }
      int free = zone.frames.freePagesIn(start, zone.blockOrder());
      int movable = 0;
      for (long pfn = start; pfn < end; pfn++) {
        FrameOwner owner = state.map.owner(pfn);
        movable += owner == FrameOwner.ANON || owner == FrameOwner.FILE ? 1 : 0;
      }
      int alike = Fallback.alike(type, from.type(), free, movable, zone.blockPages());
      if (!state.choices.changesHands(zone, free, alike)) {
        return FrameAllocator.NONE;
      }
      zone.frames.movePageblock(start, type);
      return smallest(zone, order, type);
    }

    /** Whether a boost at its limit still counts as one. */
    private boolean mayBoost() {
      return zone.boost > 0
          && state.settings.boostFactor() > 0
          && zone.blockPages() * 4L <= zone.zone.managedPages();
    }

    /** {@code __rmqueue_steal()}. */
    private long steal(int order, int type) {
      Fallback.Candidate from = state.choices.steal(zone, order, type);
      if (from == null) {
        return FrameAllocator.NONE;
      }
      int rest = state.choices.restOfSteal(type, from.type());
      long pfn = zone.frames.allocateFrom(from.order(), from.type(), order, rest);
      state.counters.other("extfrag_steal", 1);
      announce(pfn, order, from, type);
      return pfn;
    }

    private void announce(long pfn, int order, Fallback.Candidate from, int type) {
      if (state.events != null) {
        boolean own = zone.typeOf(pfn) == type;
        state.events.allocExtfrag(cpu, zone.zone, pfn, order, from.order(), type, from.type(), own);
      }
    }
  }

  /** {@code __rmqueue_smallest()}: from the shortest order of one type that suffices. */
  static long smallest(ModelZone zone, int order, int type) {
    Fallback.Candidate own = Fallback.own(zone, order, type);
    if (own == null) {
      return FrameAllocator.NONE;
    }
    return zone.frames.allocateFrom(own.order(), type, order, type);
  }

  /** {@code split_large_buddy()}: back by pageblocks, each on the list of its own type. */
  void free(ModelZone zone, long pfn, int order) {
    int piece = Math.min(order, zone.blockOrder());
    for (long p = pfn; p < pfn + (1L << order); p += 1L << piece) {
      zone.frames.free(p, piece, zone.typeOf(p));
    }
  }
}
