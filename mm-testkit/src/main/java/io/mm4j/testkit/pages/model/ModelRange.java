// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import static io.mm4j.api.page.PageAllocator.NO_PAGE;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * {@code alloc_contig_range()} of mm/page_alloc.c and mm/page_isolation.c (Linux 6.18): isolates,
 * drains, moves what is in use, takes, and gives the pageblocks their types back.
 */
public class ModelRange {
  public final ModelPages pages;
  private final State state;

  /** The zones of which a cut pageblock is being worked on. */
  private final Set<ModelZone> cut = new HashSet<>();

  public ModelRange(ModelPages pages) {
    this.pages = pages;
    this.state = pages.state;
  }

  /** Whether the whole range is the caller's now. */
  public boolean take(Cpu cpu, long start, long end, int gfp) {
    ModelZone zone =
        state.zones.stream().filter(z -> z.zone.contains(start)).findFirst().orElse(null);
    if (start >= end || zone == null || end > zone.zone.endPfn() || !takesExactly() || !asks(gfp)) {
      return false;
    }
    Map<Long, Integer> types = new TreeMap<>();
    boolean edge = false;
    long last = (end + unit() - 1) & -unit();
    for (long p = start & -unit(); p < last; p += zone.blockPages()) {
      if (p < zone.zone.startPfn() || p + zone.blockPages() > zone.zone.endPfn()) {
        edge = true;
      } else if (busy(zone.typeOf(p))) {
        return false;
      } else {
        types.put(p, zone.typeOf(p));
      }
    }
    if (edge && busyEdge(zone)) {
      return false;
    }
    types.keySet().forEach(p -> zone.frames.movePageblock(p, Migratetype.ISOLATE));
    pages.perCpu.drainAll(cpu, zone);
    boolean taken;
    try {
      taken = moves(cpu, zone, start, end, gfp) && takes(zone, start, end);
    } finally {
      types.forEach((p, type) -> zone.frames.movePageblock(p, back(type)));
      if (edge) {
        cut.remove(zone);
      }
    }
    for (long p = start; taken && p < end; p++) {
      state.map.prepare(p, 0, FrameOwner.KERNEL);
      if ((gfp & Gfp.__GFP_ZERO) != 0) {
        state.memory.clearPages(p, 0);
      }
    }
    return taken;
  }

  /** Whether a range may be asked for so; the flags that are refused. */
  public boolean asks(int gfp) {
    return (gfp
            & (Gfp.__GFP_HIGH
                | Gfp.__GFP_NOFAIL
                | Gfp.__GFP_NORETRY
                | Gfp.__GFP_MEMALLOC
                | Gfp.__GFP_NOMEMALLOC
                | Gfp.__GFP_COMP
                | Gfp.__GFP_ACCOUNT))
        == 0;
  }

  /** Whether the floor below can take any frame. */
  public boolean takesExactly() {
    return state.managed.getFirst().capabilities().takesExactly();
  }

  /** What is isolated: whole blocks of the largest order. */
  public long unit() {
    return 1L << Pages.MAX_PAGE_ORDER;
  }

  /** Whether somebody else is at work on a pageblock. */
  public boolean busy(int type) {
    return type == Migratetype.ISOLATE;
  }

  private boolean busyEdge(ModelZone zone) {
    return !cut.add(zone);
  }

  /** The type that a pageblock gets back. */
  public int back(int type) {
    return type;
  }

  private boolean moves(Cpu cpu, ModelZone zone, long start, long end, int gfp) {
    for (long pfn = start; pfn < end; pfn++) {
      if (state.map.owner(pfn) != FrameOwner.FREE && !moves(cpu, zone, pfn, gfp)) {
        return false;
      }
    }
    return true;
  }

  /** The order of what is moved where this frame lies. */
  public int moved(long pfn) {
    return state.map.order(pfn);
  }

  /** Whether a reference is taken before the owner is asked. */
  public boolean holds() {
    return true;
  }

  /** Takes that reference, if the block is held. */
  public boolean refer(long head) {
    return state.map.tryGet(head);
  }

  private boolean moves(Cpu cpu, ModelZone zone, long pfn, int gfp) {
    int order = moved(pfn);
    long head = pfn & -(1L << order);
    FrameOwner owner = state.map.owner(pfn);
    if (!state.pressure.canMigrate(owner) || (holds() && !refer(head))) {
      return false;
    }
    if (same(head, owner)) {
      int compound = (state.map.flags(head) & PageFlags.PG_HEAD) != 0 ? Gfp.__GFP_COMP : 0;
      int flags = flags(gfp, zone.zone.type(), order);
      flags = order == 0 ? flags : (flags & ~Gfp.__GFP_COMP) | compound;
      long to = pages.allocPages(cpu, flags, order, zone.zone.nodeId());
      if (to != NO_PAGE) {
        boolean moved = asks(cpu, owner, head, to, order);
        if (!moved || holds()) {
          // All of it, or the reference that went along.
          pages.freePages(cpu, to, order);
        }
        if (!holds() && !moved) {
          return false;
        }
      }
    }
    boolean last = state.map.refcount(head) == 1;
    if (last) {
      pages.freeStraight(cpu, zone, head, state.map.order(head));
    } else if (holds()) {
      pages.freePages(cpu, head, state.map.order(head));
    }
    return last;
  }

  /** Asks the owner; if he throws, neither the place nor the reference is kept. */
  private boolean asks(Cpu cpu, FrameOwner owner, long head, long to, int order) {
    try {
      return state.pressure.migrate(cpu, owner, head, to, order);
    } catch (RuntimeException e) {
      pages.freePages(cpu, to, order);
      if (holds()) {
        pages.freePages(cpu, head, order);
      }
      throw e;
    }
  }

  /** Whether a block that somebody got hold of is still what it was. */
  public boolean same(long head, FrameOwner owner) {
    return state.map.owner(head) == owner;
  }

  /** What a destination is asked for with: of the caller's flags, how much effort he allows. */
  public int flags(int gfp, ZoneType zone, int order) {
    int effort =
        gfp
            & (Gfp.__GFP_DIRECT_RECLAIM
                | Gfp.__GFP_KSWAPD_RECLAIM
                | Gfp.__GFP_IO
                | Gfp.__GFP_FS
                | Gfp.__GFP_NOWARN);
    int flags = effort | Gfp.__GFP_MOVABLE | Gfp.__GFP_RETRY_MAYFAIL;
    if (order > 0) {
      flags = (flags & ~Gfp.__GFP_KSWAPD_RECLAIM) | Gfp.GFP_TRANSHUGE;
    }
    return zone == ZoneType.HIGHMEM || zone == ZoneType.MOVABLE ? flags | Gfp.__GFP_HIGHMEM : flags;
  }

  private boolean takes(ModelZone zone, long start, long end) {
    for (long pfn = start; pfn < end; pfn++) {
      if (!zone.frames.take(pfn, 0)) {
        giveBack(zone, start, pfn);
        return false;
      }
    }
    return true;
  }

  /** What was taken before a frame that is not free. */
  public void giveBack(ModelZone zone, long start, long end) {
    for (long p = start; p < end; p++) {
      zone.frames.free(p, 0, zone.typeOf(p));
    }
  }
}
