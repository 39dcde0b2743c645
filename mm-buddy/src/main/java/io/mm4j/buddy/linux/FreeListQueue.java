// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static io.mm4j.api.page.FallbackRule.NONE;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FallbackRule;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageEvents;

/**
 * Takes blocks off a zone's free lists, own type first, then by the {@link FallbackRule}. The
 * zone's lock is held throughout.
 *
 * <p>Steps: {@code NORMAL}, the own lists; {@code CLAIM}, a pageblock of another type that becomes
 * one's own; {@code STEAL}, a block of another type. A refill remembers where it last found
 * something, so that it does not search in vain for each block: after a claim it begins with its
 * own lists again, after a steal it goes on stealing.
 *
 * <p>Models {@code __rmqueue()}, {@code __rmqueue_claim()}, {@code try_to_claim_block()} and {@code
 * __rmqueue_steal()} of mm/page_alloc.c (Linux 6.18).
 */
final class FreeListQueue {
  static final int NORMAL = 0;
  static final int CLAIM = 1;
  static final int STEAL = 2;

  private final Core core;
  private final FallbackRule rule;

  FreeListQueue(Core core) {
    this.core = core;
    this.rule = core.rule;
  }

  /**
   * Takes one block, beginning where {@code zone.mode} says; whoever takes the lock sets that to
   * {@link #NORMAL}.
   *
   * @return the first frame, or {@link FrameAllocator#NONE}
   */
  long take(Cpu cpu, ZoneState zone, int order, int type, int allocFlags) {
    if (zone.mode == NORMAL || !zone.typesOn) {
      long pfn = zone.frames.allocate(order, type);
      if (pfn != FrameAllocator.NONE || !zone.typesOn) {
        return pfn;
      }
      if (core.explains()) {
        core.step(
            cpu,
            zone
                + ": no free block of "
                + Migratetype.name(type)
                + " at order "
                + order
                + " or up");
      }
    }
    if (zone.mode <= CLAIM) {
      long pfn = claim(cpu, zone, order, type, allocFlags);
      if (pfn != FrameAllocator.NONE) {
        zone.mode = NORMAL;
        return pfn;
      }
    }
    if ((allocFlags & AllocFlags.NOFRAGMENT) != 0) {
      if (core.explains()) {
        core.step(cpu, zone + ": would have to mix types in a pageblock, which is not allowed yet");
      }
      return FrameAllocator.NONE;
    }
    return steal(cpu, zone, order, type);
  }

  private long claim(Cpu cpu, ZoneState zone, int order, int type, int allocFlags) {
    FrameAllocator frames = zone.frames;
    boolean whole = order < zone.pageblockOrder && (allocFlags & AllocFlags.NOFRAGMENT) != 0;
    int least = whole ? zone.pageblockOrder : order;
    int from = rule.claimOrder(frames, Pages.MAX_PAGE_ORDER, least, type);
    while (from != NONE) {
      int other = rule.firstType(frames, from, type);
      long head = frames.head(from, other);
      long pfn =
          rule.takesWholeBlocks(from)
              ? claimWhole(zone, head, from, order, type, other)
              : tryToClaim(cpu, zone, head, order, type, other, allocFlags);
      if (pfn != FrameAllocator.NONE) {
        core.count(Core.Event.EXTFRAG_CLAIM, 1);
        extfrag(cpu, zone, pfn, order, from, type, other, true);
        return pfn;
      }
      from = rule.claimOrder(frames, from - 1, least, type);
    }
    return FrameAllocator.NONE;
  }

  /** The block's pageblocks change hands as a whole; the rest goes to the new type's lists. */
  private static long claimWhole(
      ZoneState zone, long head, int from, int order, int type, int other) {
    long pfn = zone.frames.allocateFrom(from, other, order, type);
    zone.pageblocks.setRange(head, from, type);
    return pfn;
  }

  private long tryToClaim(
      Cpu cpu, ZoneState zone, long head, int order, int type, int other, int allocFlags) {
    if (zone.boost(core.sysctls.watermarkBoostFactor()) && (allocFlags & AllocFlags.KSWAPD) != 0) {
      zone.setBoosted(true);
    }
    long first = zone.pageblocks.start(head);
    long end = first + zone.pageblocks.pages();
    if (first < zone.startPfn || end > zone.endPfn) {
      return FrameAllocator.NONE;
    }
    int free = zone.frames.freePagesIn(first, zone.pageblockOrder);
    int alike = rule.alikePages(type, other, free, movablePages(first, end));
    boolean claims = rule.claims(free, alike);
    if (core.explains()) {
      core.step(
          cpu,
          String.format(
              "%s: pageblock at pfn %d of %s has %d free and %d alike pages of %d: %s",
              zone,
              first,
              Migratetype.name(other),
              free,
              alike,
              zone.pageblocks.pages(),
              claims ? "claimed for " + Migratetype.name(type) : "too few to claim it"));
    }
    if (!claims) {
      return FrameAllocator.NONE;
    }
    zone.frames.movePageblock(first, type);
    return zone.frames.allocate(order, type);
  }

  /**
   * Pages that could be moved: those that a process or a file has, which the kernel keeps on LRU.
   */
  private int movablePages(long first, long end) {
    int pages = 0;
    for (long pfn = first; pfn < end; pfn++) {
      FrameOwner owner = core.memMap.owner(pfn);
      if (owner == FrameOwner.ANON || owner == FrameOwner.FILE) {
        pages++;
      }
    }
    return pages;
  }

  private long steal(Cpu cpu, ZoneState zone, int order, int type) {
    int from = rule.stealOrder(zone.frames, order, type);
    if (from == NONE) {
      return FrameAllocator.NONE;
    }
    int other = rule.firstType(zone.frames, from, type);
    long pfn = zone.frames.allocateFrom(from, other, order, other);
    if (pfn != FrameAllocator.NONE) {
      zone.mode = STEAL;
      core.count(Core.Event.EXTFRAG_STEAL, 1);
      extfrag(cpu, zone, pfn, order, from, type, other, false);
    }
    return pfn;
  }

  private void extfrag(
      Cpu cpu, ZoneState zone, long pfn, int order, int from, int type, int other, boolean claim) {
    PageEvents events = core.events;
    if (events == null) {
      return;
    }
    events.allocExtfrag(cpu, zone.zone, pfn, order, from, type, other, claim);
    if (events.explains()) {
      events.step(
          cpu,
          String.format(
              "%s: %s of order %d from %s for %s: pfn %d",
              zone,
              claim ? "claim by a block" : "steal",
              from,
              Migratetype.name(other),
              Migratetype.name(type),
              pfn));
    }
  }
}
