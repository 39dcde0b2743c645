// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.page.PageStats;
import io.mm4j.buddy.linux.Zonelists.Zonelist;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * {@code alloc_pages} as Linux 6.18 does it: mm/page_alloc.c.
 *
 * <p><b>Vocabulary.</b> A <i>zone</i> has free lists, watermarks and, for each CPU, <i>per-cpu
 * lists</i>. A <i>zonelist</i> says in which order a request looks at the zones. A <i>pageblock</i>
 * of 2 MiB has a <i>migratetype</i>, and so has a request.
 *
 * <p><b>Steps of an allocation.</b> Here: a page from the front of the CPU's list of the preferred
 * zone, if the zone has more than its high watermark. Else {@link FreelistWalk} over the zonelist
 * at the low watermark, which takes from {@link PcpOps} or {@link FreeListQueue}. Else {@link
 * SlowPath}.
 *
 * <p><b>Steps of a free.</b> A page goes to the front of the CPU's list of its pageblock's type; if
 * the lists have grown too long, {@link PcpOps} drains them. Large blocks go straight to the zone.
 *
 * <p>Above a frame allocator that reserves frames for CPUs by itself there are no per-cpu lists;
 * above one that does not know migratetypes there is no fallback.
 *
 * <p>Threads: any, each with a Cpu of its own. A thread that uses a Cpu while others run holds its
 * park lock, as {@link io.mm4j.api.Cpus#acquire} does, or nobody may drain it.
 */
final class LinuxPageAllocator implements PageAllocator {
  /** Requests with these are none of the fast path's. */
  private static final int NOT_FAST = Gfp.__GFP_THISNODE;

  private static final int KIND_MASK =
      Gfp.__GFP_DMA | Gfp.__GFP_HIGHMEM | Gfp.__GFP_DMA32 | Gfp.__GFP_MOVABLE;

  /** The flags that choose zone and migratetype. */
  private static final int KINDS = KIND_MASK | Gfp.__GFP_RECLAIMABLE;

  private static final int KINDS_SHIFT = 5;

  private final Core core;
  private final MemMap memMap;
  private final PhysicalMemory memory;
  private final List<ManagedZone> managed;

  /** Largest first: most frames lie there. */
  private final ZoneState[] bySize;

  /** By node and the four lowest bits of the request's flags. */
  private final Zonelist[] zonelists;

  private final int nodes;
  private final @Nullable AllocContext[] contexts;

  /** By CPU, then by node and {@link #KINDS}; made when first needed. */
  private final @Nullable Front[] @Nullable [] fronts;

  /** The largest zone. */
  private final ZoneState main;

  private final PcpOps pcps;
  private final FreelistWalk walk;
  private final SlowPath slowPath;
  private final Kswapd kswapd;
  private final ContigRange contigRange;
  private final LinuxPageStats stats;

  LinuxPageAllocator(
      Core core, List<ManagedZone> managed, Zonelist[] zonelists, LinuxPageStats stats) {
    this.core = core;
    this.memMap = core.memMap;
    this.memory = core.memory;
    this.managed = managed;
    this.zonelists = zonelists;
    this.stats = stats;
    this.nodes = zonelists.length >>> 4;
    this.bySize =
        core.zones.stream()
            .sorted((a, b) -> Long.compare(b.endPfn - b.startPfn, a.endPfn - a.startPfn))
            .toArray(ZoneState[]::new);
    this.main = bySize[0];
    this.contexts = new AllocContext[core.cpus.count()];
    this.fronts = new Front[core.cpus.count()][];
    FreeListQueue queue = new FreeListQueue(core);
    HighAtomic highAtomic = new HighAtomic(core);
    this.pcps = new PcpOps(core, queue);
    this.kswapd = new Kswapd(core, nodes);
    this.walk = new FreelistWalk(core, queue, pcps, highAtomic, kswapd);
    this.slowPath = new SlowPath(core, walk, pcps, highAtomic, kswapd);
    this.contigRange = new ContigRange(core, pcps, this);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
    int node = nodeId < 0 ? cpu.nodeId() : nodeId;
    if (order == 0 && (gfp & NOT_FAST) == 0 && node < nodes && core.events == null) {
      @Nullable Front[] own = fronts[cpu.id()];
      Front front = own == null ? null : own[node << KINDS_SHIFT | (gfp & KINDS)];
      if (front != null) {
        ZoneState zone = front.zone();
        PcpList list = front.list();
        if (zone.free > zone.enough + front.reserve() && !zone.boosted && !list.isEmpty()) {
          PcpPages pcp = front.pcp();
          long pfn = zone.pfn(list.popFront());
          pcp.freeCount >>= 1;
          pcp.count--;
          pcp.fastAllocs++;
          memMap.prepare(pfn, 0, FrameOwner.KERNEL);
          if ((gfp & Gfp.__GFP_ZERO) != 0) {
            memory.clearPages(pfn, 0);
          }
          return pfn;
        }
      }
    }
    return allocSlow(cpu, gfp, order, nodeId, node);
  }

  private long allocSlow(Cpu cpu, int gfp, int order, int nodeId, int node) {
    if (node >= nodes) {
      throw new MisuseException("no such node: nodeId=" + nodeId + " nodes=" + nodes);
    }
    int type = Gfp.migratetype(gfp);
    if (order < 0 || order > Pages.MAX_PAGE_ORDER) {
      return NO_PAGE;
    }
    if (type >= Migratetype.PCPTYPES) {
      throw new MisuseException(
          "a request is movable or reclaimable, not both: gfp=" + Gfp.format(gfp));
    }
    if (cpu.drainRequested()) {
      pcps.serve(cpu);
    }
    Zonelist list = zonelists[node << 4 | (gfp & KIND_MASK)];
    if (order == 0) {
      openFront(cpu, node, gfp, type, list);
    }
    AllocContext request = enter(cpu);
    try {
      request.of(gfp, order, type, list, (gfp & Gfp.__GFP_THISNODE) != 0);
      return request.zones.length == 0 ? NO_PAGE : get(request);
    } finally {
      leave(request);
    }
  }

  /** The next request of this kind on this CPU takes the fast path. */
  private void openFront(Cpu cpu, int node, int gfp, int type, Zonelist list) {
    ZoneState zone = list.preferred;
    if (zone == null || !zone.listsOn) {
      return;
    }
    @Nullable Front[] own = fronts[cpu.id()];
    if (own == null) {
      own = new Front[nodes << KINDS_SHIFT];
      fronts[cpu.id()] = own;
    }
    int at = node << KINDS_SHIFT | (gfp & KINDS);
    if (own[at] == null) {
      PcpPages pcp = zone.pcp(cpu.id());
      own[at] = new Front(zone, pcp, pcp.lists[PcpPages.index(0, type)], list.reserve);
    }
  }

  /** {@code __alloc_pages()}. */
  private long get(AllocContext request) {
    int flags = AllocFlags.WMARK_LOW | noFragment(request);
    if (core.explains()) {
      core.step(request.cpu, describe(request));
    }
    long pfn = walk.get(request, flags);
    if (pfn == NO_PAGE) {
      pfn = slowPath.get(request);
    }
    PageEvents events = core.events;
    if (pfn == NO_PAGE && events != null) {
      events.alloc(request.cpu, NO_PAGE, request.order, request.gfp, request.migratetype);
    }
    return pfn;
  }

  private static String describe(AllocContext request) {
    StringBuilder zones = new StringBuilder();
    for (ZoneState zone : request.zones) {
      zones.append(zones.isEmpty() ? "" : ", then ").append(zone);
    }
    return String.format(
        "order %d, %s: migratetype %s, looks at %s",
        request.order, Gfp.format(request.gfp), Migratetype.name(request.migratetype), zones);
  }

  /** {@code alloc_flags_nofragment()}. */
  private int noFragment(AllocContext request) {
    int flags = request.gfp & Gfp.__GFP_KSWAPD_RECLAIM;
    if (core.sysctls.defragMode()) {
      return flags | AllocFlags.NOFRAGMENT;
    }
    ZoneState preferred = request.preferred();
    boolean lowerZone =
        preferred.zone.type() == ZoneType.NORMAL
            && core.kinds.contains(ZoneType.DMA32)
            && (nodes == 1 || hasDma32(preferred.zone.nodeId()));
    return lowerZone ? flags | AllocFlags.NOFRAGMENT : flags;
  }

  private boolean hasDma32(int node) {
    for (ZoneState zone : bySize) {
      if (zone.zone.nodeId() == node && zone.zone.type() == ZoneType.DMA32) {
        return true;
      }
    }
    return false;
  }

  private AllocContext enter(Cpu cpu) {
    AllocContext context = contexts[cpu.id()];
    if (context == null) {
      context = new AllocContext(cpu);
      contexts[cpu.id()] = context;
    }
    while (context.busy) {
      if (context.inner == null) {
        context.inner = new AllocContext(cpu);
      }
      context = context.inner;
    }
    context.busy = true;
    return context;
  }

  private static void leave(AllocContext context) {
    context.busy = false;
  }

  @Override
  public void freePages(Cpu cpu, long pfn, int order) {
    ZoneState zone = main.contains(pfn) ? main : zoneOf(pfn);
    if (zone == null) {
      throw new MisuseException("in no zone: pfn=" + pfn);
    }
    if (order == 0 && core.events == null && zone.listsOn) {
      int type = zone.pageblocks.get(pfn);
      PcpPages pcp = zone.pcps[cpu.id()];
      if (type < Migratetype.PCPTYPES
          && pcp != null
          && memMap.releaseIfLast(pfn, 0, FrameOwner.PCP)) {
        pcp.lists[type].pushFront(zone.index(pfn));
        pcp.fastFrees++;
        pcp.notePageFreed();
        if (pcp.count >= pcp.high || zone.belowHigh || zone.reclaimActive || cpu.drainRequested()) {
          pcps.commit(cpu, zone, pcp, type, false);
        }
        return;
      }
    }
    freeSlow(cpu, zone, pfn, order);
  }

  private void freeSlow(Cpu cpu, ZoneState zone, long pfn, int order) {
    checkHeld(pfn, order);
    if (memMap.putUnlessLast(pfn)) {
      return;
    }
    if (memMap.mapcount(pfn) != 0) {
      throw new MisuseException(
          "freed while mapped: " + describe(pfn) + " mapcount=" + memMap.mapcount(pfn));
    }
    PageEvents events = core.events;
    if (events != null) {
      events.free(cpu, pfn, order);
    }
    int type = zone.pageblocks.get(pfn);
    if (!zone.listsOn || !PcpPages.allows(order) || type == Migratetype.ISOLATE) {
      pcps.freeOne(cpu, zone, pfn, order);
      return;
    }
    memMap.release(pfn, order, FrameOwner.PCP);
    // Pages of the atomic reserve rest on the lists of Movable until they are drained.
    pcps.put(cpu, zone, pfn, order, type < Migratetype.PCPTYPES ? type : Migratetype.MOVABLE);
  }

  @Override
  public void splitPage(long pfn, int order) {
    int count = checkHeld(pfn, order);
    if ((memMap.flags(pfn) & PageFlags.PG_HEAD) != 0) {
      throw new MisuseException("a compound block cannot be split: " + describe(pfn));
    }
    FrameOwner owner = memMap.owner(pfn);
    for (long p = pfn; p < pfn + (1L << order); p++) {
      memMap.prepare(p, 0, owner);
      memMap.setRefcount(p, count);
    }
  }

  @Override
  public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
    return contigRange.take(cpu, startPfn, endPfn, gfp);
  }

  @Override
  public void drainAllPages(Cpu cpu) {
    pcps.drainAll(cpu);
  }

  @Override
  public long runKswapd(Cpu cpu) {
    return kswapd.run(cpu);
  }

  /** The periodic work on a CPU's own lists: idle ones shrink. Pages given back. */
  int decayPcp(Cpu cpu) {
    return pcps.decay(cpu);
  }

  @Override
  public boolean watch(@Nullable PageEvents events) {
    core.events = events;
    return true;
  }

  @Override
  public Optional<PageStats> stats() {
    return Optional.of(stats);
  }

  @Override
  public List<ManagedZone> zones() {
    return managed;
  }

  @Override
  public long pcpPages() {
    long pages = 0;
    for (int cpu = 0; cpu < core.cpus.count(); cpu++) {
      pages += pcps.pages(cpu);
    }
    return pages;
  }

  @Override
  public void validate() {
    for (ZoneState zone : core.zones) {
      for (PcpPages pcp : zone.pcps) {
        if (pcp != null) {
          validate(zone, pcp);
        }
      }
      zone.frames.forEachFree(
          (pfn, order, type) -> {
            for (long p = pfn; p < pfn + (1L << order); p = memMap.sameUntil(p)) {
              if (memMap.owner(p) != FrameOwner.FREE || memMap.refcount(p) != 0) {
                throw new CorruptStateError(zone + ": free, but not by its frame: " + describe(p));
              }
            }
          });
    }
  }

  private void validate(ZoneState zone, PcpPages pcp) {
    if (pcp.count != pcp.walkedPages()) {
      throw new CorruptStateError(
          zone + ": per-cpu lists: count=" + pcp.count + " walked=" + pcp.walkedPages());
    }
    for (int i = 0; i < PcpPages.LISTS; i++) {
      PcpList list = pcp.lists[i];
      for (int k = 0; k < list.size(); k++) {
        long pfn = zone.pfn(list.at(k));
        long end = pfn + (1L << PcpPages.orderOf(i));
        if (!zone.contains(pfn) || end > zone.endPfn) {
          throw new CorruptStateError(zone + ": on a per-cpu list, but not here: pfn=" + pfn);
        }
        for (long p = pfn; p < end; p++) {
          if (memMap.owner(p) != FrameOwner.PCP || memMap.refcount(p) != 0) {
            throw new CorruptStateError(
                zone + ": on a per-cpu list, but not by its frame: " + describe(p));
          }
        }
      }
    }
  }

  /** The refcount of a block that is handed out with this order. */
  private int checkHeld(long pfn, int order) {
    int count = pfn < 0 || pfn >= memMap.endPfn() ? 0 : memMap.refcount(pfn);
    if (count <= 0 || memMap.order(pfn) != order) {
      throw new MisuseException("not a block of order=" + order + " in use: " + describe(pfn));
    }
    return count;
  }

  private String describe(long pfn) {
    if (pfn < 0 || pfn >= memMap.endPfn()) {
      return "no such frame: pfn=" + pfn + " endPfn=" + memMap.endPfn();
    }
    return String.format(
        "pfn=%d owner=%s order=%d refcount=%d",
        pfn, memMap.owner(pfn), memMap.order(pfn), memMap.refcount(pfn));
  }

  @Nullable ZoneState zoneOf(long pfn) {
    for (ZoneState zone : bySize) {
      if (zone.contains(pfn)) {
        return zone;
      }
    }
    return null;
  }
}
