// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.PendingKind;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.page.PageStats;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The model as a page allocator: {@code __alloc_pages()}, {@code __free_pages()} and what stands
 * beside them. For one thread.
 */
public class ModelPages implements PageAllocator {
  private static final AllocFlags LOW = AllocFlagsOf.first(0, false);
  private static final int BOTH = Gfp.__GFP_MOVABLE | Gfp.__GFP_RECLAIMABLE;

  public final State state;
  final FreeLists lists;
  final PerCpu perCpu;
  final HighAtomicReserve reserve = new HighAtomicReserve();
  final Background background;
  final Walk walk;
  final Slow slow;
  final ModelRange range;

  public ModelPages(Floors floors, Choices choices, Hooks hooks) {
    state = new State(floors, choices);
    lists = new FreeLists(state);
    perCpu = new PerCpu(state, lists);
    floors.cpus().onRequest(PendingKind.PAGE_LISTS, perCpu::drainCpu);
    background = hooks.background(state, perCpu);
    walk = new Walk(state, lists, perCpu, reserve, background);
    slow = hooks.slow(state, walk, perCpu, reserve, background);
    range = hooks.range(this);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
    return allocate(cpu, gfp, order, nodeId, null);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
    if (nodes == null) {
      return allocPages(cpu, gfp, order, nodeId);
    }
    if (!nodes.intersects(state.settings.nodes())) {
      throw new MisuseException("no node of this machine is in the mask: mask=" + nodes);
    }
    return allocate(cpu, gfp, order, nodeId, mask(nodes));
  }

  /** The mask that counts. */
  @Nullable NodeMask mask(NodeMask nodes) {
    return nodes;
  }

  private long allocate(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
    if (nodeId >= state.settings.nodes()) {
      throw new MisuseException("no such node: nodeId=" + nodeId);
    }
    if (order < 0 || order > Pages.MAX_PAGE_ORDER) {
      return NO_PAGE;
    }
    if ((gfp & BOTH) == BOTH) {
      throw new MisuseException("movable and reclaimable at once: gfp=" + gfp);
    }
    perCpu.serve(cpu);
    Request request = request(cpu, gfp, order, nodeId, nodes);
    long pfn = NO_PAGE;
    if (!request.zones().isEmpty()) {
      pfn = walk.get(request, AllocFlagsOf.first(gfp, walk.avoidsMixing(request)));
      if (pfn == NO_PAGE) {
        pfn = slow.get(request);
      }
    } else {
      state.counters.other("page_alloc_failure", 1);
    }
    if (state.events != null) {
      state.events.alloc(cpu, pfn, order, gfp, request.type());
    }
    return pfn;
  }

  /** {@code prepare_alloc_pages()}. */
  public final Request request(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
    int node = nodeId == NUMA_NO_NODE ? cpu.nodeId() : nodeId;
    return new Request(
        cpu,
        gfp,
        order,
        AllocFlagsOf.migratetype(gfp),
        AllocFlagsOf.highestZone(gfp, state.settings.plan().kinds()),
        state.zones(gfp, node),
        nodes);
  }

  @Override
  public void freePages(Cpu cpu, long pfn, int order) {
    held(pfn, order);
    if (state.map.putUnlessLast(pfn)) {
      return;
    }
    if (state.map.mapcount(pfn) != 0 || state.map.entireMapcount(pfn) != 0) {
      throw new MisuseException("freed while mapped: pfn=" + pfn);
    }
    if (state.events != null) {
      state.events.free(cpu, pfn, order);
    }
    state.counters.vm("pgfree", 1L << order);
    ModelZone zone = state.zoneOf(pfn);
    int type = state.choices.listType(zone.typeOf(pfn));
    if (PcpTuning.allowed(order, zone.blockOrder()) && type >= 0) {
      state.map.release(pfn, order, FrameOwner.PCP);
      perCpu.put(cpu, zone, pfn, order, type);
    } else {
      state.map.release(pfn, order, FrameOwner.FREE);
      lists.free(zone, pfn, order);
    }
  }

  /** {@code free_one_page()}: a block of an isolated pageblock is on no list of a CPU. */
  final void freeStraight(Cpu cpu, ModelZone zone, long pfn, int order) {
    if (state.events != null) {
      state.events.free(cpu, pfn, order);
    }
    state.counters.vm("pgfree", 1L << order);
    state.map.release(pfn, order, FrameOwner.FREE);
    lists.free(zone, pfn, order);
  }

  private void held(long pfn, int order) {
    boolean known = pfn >= state.map.startPfn() && pfn < state.map.endPfn();
    if (!known || state.map.refcount(pfn) < 1 || state.map.order(pfn) != order) {
      throw new MisuseException("not a block in use: pfn=" + pfn + " order=" + order);
    }
  }

  @Override
  public void splitPage(long pfn, int order) {
    held(pfn, order);
    if (state.map.refcount(pfn) != 1 || (state.map.flags(pfn) & PageFlags.PG_HEAD) != 0) {
      throw new MisuseException("cannot be split: pfn=" + pfn + " order=" + order);
    }
    FrameOwner owner = state.map.owner(pfn);
    for (long p = pfn; p < pfn + (1L << order); p++) {
      state.map.prepare(p, 0, owner);
    }
  }

  @Override
  public void splitFolio(long pfn, int order, int toOrder) {
    state.map.splitFolio(pfn, order, toOrder);
  }

  @Override
  public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
    return range.take(cpu, startPfn, endPfn, gfp);
  }

  /** {@code alloc_pages_bulk()}: one look at one zone, or a single page. */
  @Override
  public int allocPagesBulk(
      Cpu cpu, int gfp, int nodeId, @Nullable NodeMask nodes, long[] pfns, int wanted) {
    int filled = 0;
    while (filled < wanted && pfns[filled] != NO_PAGE) {
      filled++;
    }
    if (wanted - filled < 2) {
      return PageAllocator.super.allocPagesBulk(cpu, gfp, nodeId, nodes, pfns, wanted);
    }
    perCpu.serve(cpu);
    if (nodes != null && !nodes.intersects(state.settings.nodes())) {
      throw new MisuseException("no node of this machine is in the mask: mask=" + nodes);
    }
    Request request = request(cpu, gfp, 0, nodeId, bulkMask(nodes));
    ModelZone zone = bulkZone(request, wanted);
    int at = filled;
    int got = 0;
    for (; zone != null && at < wanted; at++) {
      if (pfns[at] == NO_PAGE || overwrites()) {
        long pfn = perCpu.takeMore(cpu, zone, 0, request.type(), LOW);
        if (pfn == FrameAllocator.NONE) {
          break;
        }
        walk.prepare(bulkRequest(request), pfn);
        pfns[at] = pfn;
        got++;
        state.counters.served(cpu, request.preferred(), zone, 0);
      }
    }
    if (got > 0) {
      return at;
    }
    pfns[filled] = allocPages(cpu, gfp, 0, nodeId, nodes);
    return pfns[filled] == NO_PAGE ? filled : filled + 1;
  }

  /** The mask that counts for many pages at once. */
  public @Nullable NodeMask bulkMask(@Nullable NodeMask nodes) {
    return nodes;
  }

  /** Whether places that hold a frame are filled, too. */
  public boolean overwrites() {
    return false;
  }

  /** How a bulk page is prepared. */
  public Request bulkRequest(Request request) {
    return request;
  }

  /** The zone that gives many pages, if there is one. */
  @Nullable
  public ModelZone bulkZone(Request request, int wanted) {
    for (ModelZone zone : request.zones()) {
      if (zone.zone.nodeId() != request.preferred().zone.nodeId()) {
        return null;
      }
      long left = zone.free() - Watermark.unusable(zone, 0, LOW);
      if (left > zone.mark(Mark.LOW) + wanted + zone.protection(request.highest())) {
        return zone;
      }
    }
    return null;
  }

  @Override
  public void drainAllPages(Cpu cpu) {
    perCpu.drainAll(cpu);
  }

  @Override
  public long runKswapd(Cpu cpu) {
    return background.run(cpu);
  }

  @Override
  public boolean watch(@Nullable PageEvents events) {
    state.events = events;
    return true;
  }

  @Override
  public Optional<PageStats> stats() {
    return Optional.of(state.counters);
  }

  @Override
  public List<ManagedZone> zones() {
    return state.managed;
  }

  @Override
  public long pcpPages() {
    return state.zones.stream().flatMap(z -> z.cpus.stream()).mapToLong(c -> c.tuning.count).sum();
  }

  @Override
  public void validate() {
    for (ModelZone zone : state.zones) {
      for (CpuLists lists : zone.cpus) {
        CorruptStateError.check(
            lists.pages() == lists.tuning.count,
            zone + " cpu" + lists.cpu + " counts " + lists.tuning.count);
      }
    }
  }
}
