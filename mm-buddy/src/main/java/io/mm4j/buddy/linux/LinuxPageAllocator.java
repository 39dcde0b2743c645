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
import java.lang.invoke.VarHandle;
import java.util.Arrays;
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
  /** The flags that choose the zone. */
  private static final int KIND_MASK =
      Gfp.__GFP_DMA | Gfp.__GFP_HIGHMEM | Gfp.__GFP_DMA32 | Gfp.__GFP_MOVABLE;

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

  /** By number of the CPU. */
  private final CpuPages[] cpuPages;

  private final PcpOps pcps;
  private final FreelistWalk walk;
  private final SlowPath slowPath;
  private final Kswapd kswapd;
  private final ContigRange contigRange;
  private final BulkPages bulk;
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
    this.cpuPages = new CpuPages[core.cpus.count()];
    Arrays.setAll(cpuPages, id -> new CpuPages(bySize[0]));
    this.contexts = new AllocContext[core.cpus.count()];
    FreeListQueue queue = new FreeListQueue(core);
    HighAtomic highAtomic = new HighAtomic(core);
    this.pcps = new PcpOps(core, queue);
    this.kswapd = new Kswapd(core, nodes);
    this.walk = new FreelistWalk(core, queue, pcps, highAtomic, kswapd);
    this.slowPath = new SlowPath(core, walk, pcps, highAtomic, kswapd);
    this.contigRange = new ContigRange(core, pcps, this);
    this.bulk = new BulkPages(core, pcps);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order) {
    return allocPages(cpu, gfp, order, NUMA_NO_NODE);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
    if (order == 0 && (nodeId < 0 || nodeId == cpu.nodeId())) {
      Front front = cpuPages[cpu.id()].fronts[gfp & CpuPages.KINDS];
      ZoneState zone = front.zone();
      PcpList list = front.list();
      if (zone.spare > front.reserve() && !list.isEmpty()) {
        long pfn = list.popFront();
        front.pcp().noteFastAlloc();
        memMap.prepare(pfn, 0, FrameOwner.KERNEL);
        if ((gfp & Gfp.__GFP_ZERO) != 0) {
          memory.clearPages(pfn, 0);
        }
        return pfn;
      }
    }
    return allocSlow(cpu, gfp, order, nodeId);
  }

  /**
   * {@code __alloc_pages()}. In one piece, as it must not grow into the fast path: what is longer
   * than 325 bytecodes the JIT compiler leaves a call.
   */
  private long allocSlow(Cpu cpu, int gfp, int order, int nodeId) {
    int node = nodeId < 0 ? cpu.nodeId() : nodeId;
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
    ZoneState preferred = list.preferred;
    PageEvents events = core.events;
    if (preferred == null) {
      return nobodyServes(cpu, gfp, order, type);
    }
    if (order == 0 && events == null && node == cpu.nodeId() && preferred.zone.nodeId() == node) {
      openFront(cpu, gfp, preferred.pcp(cpu.id()), list);
    }
    AllocContext request = enter(cpu);
    try {
      request.of(gfp, order, type, list, (gfp & Gfp.__GFP_THISNODE) != 0);
      if (request.zones.length == 0) {
        return nobodyServes(cpu, gfp, order, type);
      }
      if (core.explains()) {
        core.step(cpu, describe(request));
      }
      long pfn = walk.get(request, AllocFlags.WMARK_LOW | noFragment(request));
      if (pfn == NO_PAGE) {
        pfn = slowPath.get(request);
      }
      if (pfn == NO_PAGE && events != null) {
        events.alloc(cpu, NO_PAGE, order, gfp, type);
      }
      return pfn;
    } finally {
      request.busy = false;
    }
  }

  /** No zone at all may serve: it fails as others do that find nothing. */
  private long nobodyServes(Cpu cpu, int gfp, int order, int type) {
    core.count(Core.Event.FAIL, 1);
    PageEvents events = core.events;
    if (events != null) {
      events.alloc(cpu, NO_PAGE, order, gfp, type);
    }
    return NO_PAGE;
  }

  /** The next request of this kind on this CPU takes the fast path. */
  private void openFront(Cpu cpu, int gfp, PcpPages pcp, Zonelist list) {
    CpuPages own = cpuPages[cpu.id()];
    ZoneState zone = list.preferred;
    if (zone != null && zone.listsOn && own.isClosed(gfp)) {
      PcpList pages = pcp.lists[PcpPages.index(0, Gfp.migratetype(gfp))];
      own.fronts[gfp & CpuPages.KINDS] = new Front(zone, pcp, pages, list.reserve);
      closeIfWatched(own);
    }
  }

  /** A watcher that came while something was opened has not seen it. */
  private void closeIfWatched(CpuPages own) {
    VarHandle.fullFence();
    if (core.events != null) {
      own.close();
    }
  }

  /** One look at the watermarks and one list for all of them; a single request for what is left. */
  @Override
  public int allocPagesBulk(Cpu cpu, int gfp, int nodeId, long[] pfns, int wanted) {
    int filled = 0;
    while (filled < wanted && pfns[filled] != NO_PAGE) {
      filled++;
    }
    int node = nodeId < 0 ? cpu.nodeId() : nodeId;
    int kind = gfp & (Gfp.__GFP_MOVABLE | Gfp.__GFP_RECLAIMABLE);
    if (wanted - filled > 1 && node < nodes && Gfp.migratetype(kind) < Migratetype.PCPTYPES) {
      if (cpu.drainRequested()) {
        pcps.serve(cpu);
      }
      Zonelist list = zonelists[node << 4 | (gfp & KIND_MASK)];
      int now = bulk.fill(cpu, gfp, list, pfns, wanted, filled);
      if (now > filled) {
        return now;
      }
      // No zone may serve so many: one page, as by a single request.
      pfns[filled] = allocPages(cpu, gfp, 0, nodeId);
      return pfns[filled] == NO_PAGE ? filled : filled + 1;
    }
    return PageAllocator.super.allocPagesBulk(cpu, gfp, nodeId, pfns, wanted);
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

  @Override
  public void freePages(Cpu cpu, long pfn, int order) {
    CpuPages own = cpuPages[cpu.id()];
    if (order != 0
        || Long.compareUnsigned(pfn - own.startPfn, own.pages) >= 0
        || !freePage(cpu, own, pfn)) {
      freeSlow(cpu, pfn, order);
    }
  }

  /** Puts a page on its list if this is the last reference and nobody left anything in it. */
  private boolean freePage(Cpu cpu, CpuPages own, long pfn) {
    int type = own.pageblocks.get(pfn);
    if (type >= Migratetype.PCPTYPES || !memMap.releasePlain(pfn, FrameOwner.PCP)) {
      return false;
    }
    PcpPages pcp = own.pcp;
    ZoneState zone = own.zone;
    own.lists[type].pushFront(pfn);
    pcp.noteFastFree();
    if (pcp.count >= pcp.high || zone.isShort() || cpu.drainRequested()) {
      pcps.commit(cpu, zone, pcp, type, false);
    }
    return true;
  }

  /** All other frees. In one piece, as {@link #allocSlow}. */
  private void freeSlow(Cpu cpu, long pfn, int order) {
    ZoneState zone = null;
    for (ZoneState candidate : bySize) {
      if (candidate.contains(pfn)) {
        zone = candidate;
        break;
      }
    }
    if (zone == null) {
      throw new MisuseException("in no zone: pfn=" + pfn);
    }
    PageEvents events = core.events;
    CpuPages own = cpuPages[cpu.id()];
    if (order == 0 && events == null && zone.listsOn && (zone != own.zone || own.pages == 0)) {
      own.openBack(zone, zone.pcp(cpu.id()));
      closeIfWatched(own);
      if (freePage(cpu, own, pfn)) {
        return;
      }
    }
    if (memMap.refcount(pfn) <= 0 || memMap.order(pfn) != order) {
      throw notHeld(pfn, order);
    }
    if (memMap.putUnlessLast(pfn)) {
      return;
    }
    if (memMap.mapcount(pfn) != 0) {
      throw new MisuseException(
          "freed while mapped: " + describe(pfn) + " mapcount=" + memMap.mapcount(pfn));
    }
    if (events != null) {
      events.free(cpu, pfn, order);
    }
    if (order > zone.maxOrder) { // held since before the start: nobody can have allocated it
      pcps.freeOne(cpu, zone, pfn, order);
      return;
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
    if (count != 1) {
      throw new MisuseException("split while others hold it: " + describe(pfn));
    }
    FrameOwner owner = memMap.owner(pfn);
    for (long p = pfn; p < pfn + (1L << order); p++) {
      memMap.prepare(p, 0, owner);
    }
  }

  @Override
  public void splitFolio(long pfn, int order, int toOrder) {
    memMap.splitFolio(pfn, order, toOrder);
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
  public void freeBlocksChanged() {
    core.zones.forEach(ZoneState::refresh);
  }

  @Override
  public boolean watch(@Nullable PageEvents events) {
    core.events = events;
    VarHandle.fullFence(); // a front that opens from here on sees the watcher; others are closed
    for (CpuPages own : cpuPages) {
      own.close();
    }
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
        long pfn = list.fromBack(k);
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
      throw notHeld(pfn, order);
    }
    return count;
  }

  private MisuseException notHeld(long pfn, int order) {
    return new MisuseException("not a block of order=" + order + " in use: " + describe(pfn));
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
