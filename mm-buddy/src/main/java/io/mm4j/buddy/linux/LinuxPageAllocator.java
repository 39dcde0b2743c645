// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static java.util.stream.Collectors.joining;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.page.PageStats;
import io.mm4j.api.page.PcpList;
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
 * <p><b>Steps of an allocation.</b> {@link CpuPages}: a block of order 0 to 3 from the front of the
 * CPU's list of the preferred zone, as long as {@link Gates} leaves it open. Else {@link
 * PageRequests}: {@link FreelistWalk} over the zonelist at the low watermark, which takes from
 * {@link PcpOps} or {@link FreeListQueue}. Else {@link SlowPath}.
 *
 * <p><b>Steps of a free.</b> {@link CpuPages}: a block of order 0 to 3 goes to the front of the
 * CPU's list of its pageblock's type, as long as {@link Gates} leaves it open. Else {@link
 * PageReturns}; if the lists have grown too long, {@link PcpOps} drains them. Large blocks go
 * straight to the zone.
 *
 * <p>Above a frame allocator that reserves frames for CPUs by itself there are no per-cpu lists;
 * above one that does not know migratetypes there is no fallback.
 *
 * <p>Threads: any, each with a Cpu of its own. A thread that uses a Cpu while others run holds its
 * park lock, as {@link io.mm4j.api.Cpus#acquire} does, or nobody may drain it.
 */
final class LinuxPageAllocator implements PageAllocator {
  private final Core core;
  private final MemMap memMap;
  private final List<ManagedZone> managed;

  /** By number of the CPU. */
  private final LinuxCpuPages[] cpuPages;

  private final PageRequests requests;
  private final PageReturns returns;
  private final Gates gates;
  private final PcpOps pcps;
  private final Kswapd kswapd;
  private final ContigRange contigRange;
  private final BulkPages bulk;
  private final LinuxPageStats stats;

  LinuxPageAllocator(
      Core core, List<ManagedZone> managed, Zonelist[] zonelists, LinuxPageStats stats) {
    this.core = core;
    this.memMap = core.memMap;
    this.managed = managed;
    this.stats = stats;
    for (Zonelist list : zonelists) {
      if (list.preferred != null) {
        list.preferred.keeps(list.reserve);
      }
    }
    FreeListQueue queue = new FreeListQueue(core);
    HighAtomic highAtomic = new HighAtomic(core);
    this.gates = new Gates(core);
    this.pcps = new PcpOps(core, queue, gates);
    this.kswapd = new Kswapd(core, zonelists.length >>> 4);
    FreelistWalk walk = new FreelistWalk(core, queue, pcps, highAtomic, kswapd);
    SlowPath slowPath = new SlowPath(core, walk, pcps, highAtomic, kswapd);
    this.requests = new PageRequests(core, zonelists, pcps, walk, slowPath);
    this.returns = new PageReturns(core, pcps);
    this.contigRange = new ContigRange(core, pcps, this);
    this.bulk = new BulkPages(core, pcps);
    this.cpuPages = new LinuxCpuPages[core.cpus.count()];
    for (Cpu cpu : core.cpus.all()) {
      cpuPages[cpu.id()] = new LinuxCpuPages(core, cpu, requests, returns);
    }
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order) {
    return cpuPages[cpu.id()].alloc(gfp, order);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
    return cpuPages[cpu.id()].alloc(gfp, order, nodeId);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask allowed) {
    LinuxCpuPages own = cpuPages[cpu.id()];
    if (allowed == null) {
      return own.alloc(gfp, order, nodeId);
    }
    checkMask(allowed);
    return requests.alloc(own, gfp, order, nodeId, allowed);
  }

  private void checkMask(@Nullable NodeMask allowed) {
    if (allowed != null && !allowed.intersects(requests.nodes())) {
      throw new MisuseException(
          "no node of this machine may serve: mask='" + allowed + "' nodes=" + requests.nodes());
    }
  }

  @Override
  public void freePages(Cpu cpu, long pfn, int order) {
    cpuPages[cpu.id()].free(pfn, order);
  }

  @Override
  public CpuPages on(Cpu cpu) {
    return cpuPages[cpu.id()];
  }

  /** One look at the watermarks and one list for all of them; a single request for what is left. */
  @Override
  public int allocPagesBulk(
      Cpu cpu, int gfp, int nodeId, @Nullable NodeMask allowed, long[] pfns, int wanted) {
    int filled = 0;
    while (filled < wanted && pfns[filled] != NO_PAGE) {
      filled++;
    }
    int node = nodeId < 0 ? cpu.nodeId() : nodeId;
    int kind = gfp & (Gfp.__GFP_MOVABLE | Gfp.__GFP_RECLAIMABLE);
    if (wanted - filled > 1
        && node < requests.nodes()
        && Gfp.migratetype(kind) < Migratetype.PCPTYPES) {
      if (cpu.drainRequested()) {
        pcps.serve(cpu);
      }
      checkMask(allowed);
      int now = bulk.fill(cpu, gfp, requests.zonelist(node, gfp), allowed, pfns, wanted, filled);
      if (now > filled) {
        return now;
      }
      // No zone may serve so many: one page, as by a single request.
      pfns[filled] = allocPages(cpu, gfp, 0, nodeId, allowed);
      return pfns[filled] == NO_PAGE ? filled : filled + 1;
    }
    return PageAllocator.super.allocPagesBulk(cpu, gfp, nodeId, allowed, pfns, wanted);
  }

  @Override
  public void splitPage(long pfn, int order) {
    int count = checkHeld(pfn, order);
    if ((memMap.flags(pfn) & PageFlags.PG_HEAD) != 0) {
      throw new MisuseException("a compound block cannot be split: " + returns.describe(pfn));
    }
    if (count != 1) {
      throw new MisuseException("split while others hold it: " + returns.describe(pfn));
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

  @Override
  public void freeBlocksChanged() {
    core.zones.forEach(ZoneState::refresh);
  }

  @Override
  public boolean watch(@Nullable PageEvents events) {
    core.events = events;
    gates.closeAll();
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
                throw new CorruptStateError(
                    zone + ": free, but not by its frame: " + returns.describe(p));
              }
            }
          });
    }
  }

  private void validate(ZoneState zone, PcpPages pcp) {
    pcp.validate(zone);
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
                zone + ": on a per-cpu list, but not by its frame: " + returns.describe(p));
          }
        }
      }
    }
  }

  /** The refcount of a block that is handed out with this order. */
  private int checkHeld(long pfn, int order) {
    int count = pfn < 0 || pfn >= memMap.endPfn() ? 0 : memMap.refcount(pfn);
    if (count <= 0 || memMap.order(pfn) != order) {
      throw returns.notHeld(pfn, order);
    }
    return count;
  }

  @Nullable ZoneState zoneOf(long pfn) {
    return returns.zoneOf(pfn);
  }

  /** Such as {@code linux: Node 0, zone DMA free=3998; Node 0, zone DMA32 free=12195}. */
  @Override
  public String toString() {
    return managed.stream()
        .map(zone -> zone.zone() + " free=" + zone.frames().freePages())
        .collect(joining("; ", "linux: ", ""));
  }
}
