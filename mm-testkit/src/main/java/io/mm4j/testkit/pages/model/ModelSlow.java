// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import static io.mm4j.api.page.PageAllocator.NO_PAGE;

import io.mm4j.api.Cpu;
import io.mm4j.api.LockOrder;
import io.mm4j.api.MemoryDeadlockException;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ReclaimRequest;
import java.util.Set;

/**
 * {@code __alloc_pages_slowpath()} and {@code __alloc_pages_may_oom()} of mm/page_alloc.c (Linux
 * 6.18) without compaction. Before a request fails, whatever it is, the lists of all CPUs are asked
 * for: a deliberate difference from Linux, where the pages come back by themselves.
 */
public class ModelSlow implements Slow {
  private static final int SWAP_CLUSTER_MAX = 32;
  private static final int MAX_RECLAIM_RETRIES = 16;

  final State state;
  private final Walk walk;
  private final PerCpu perCpu;
  private final HighAtomicReserve reserve;
  private final Background background;

  public ModelSlow(
      State state, Walk walk, PerCpu perCpu, HighAtomicReserve reserve, Background background) {
    this.state = state;
    this.walk = walk;
    this.perCpu = perCpu;
    this.reserve = reserve;
    this.background = background;
  }

  /** With the parts of another one. */
  public ModelSlow(ModelSlow other) {
    this(other.state, other.walk, other.perCpu, other.reserve, other.background);
  }

  @Override
  public long get(Request first) {
    Request request = first;
    AllocFlags flags =
        AllocFlagsOf.slow(request.gfp(), request.order(), state.settings.defragMode());
    wake(request, flags);
    long pfn = walk.get(request, flags);
    boolean all = AllocFlagsOf.mayIgnoreWatermarks(request.gfp(), request.cpu().flags());
    boolean costly = request.order() > PcpTuning.SMALL_ORDER;
    boolean waits = request.wants(Gfp.__GFP_DIRECT_RECLAIM);
    boolean compacts = waits && !all && request.wants(Gfp.__GFP_IO);
    if (pfn == NO_PAGE && !(costly && compacts && request.wants(Gfp.__GFP_NORETRY))) {
      wake(request, flags);
      request = dropsMask(request) ? request.anywhere() : request;
      pfn = effort(request, flags);
    }
    if (pfn == NO_PAGE) {
      perCpu.drainAll(request.cpu());
      pfn = walk.get(request, reserves(request, flags));
    }
    if (pfn == NO_PAGE && waits && request.wants(Gfp.__GFP_NOFAIL)) {
      pfn = walk.get(request, new AllocFlags(Mark.MIN, Set.of(AllocFlag.MIN_RESERVE)));
      if (pfn == NO_PAGE) {
        throw new MemoryDeadlockException("a request that must not fail: " + request.order());
      }
    }
    if (pfn == NO_PAGE) {
      state.counters.other("page_alloc_failure", 1);
    }
    return pfn;
  }

  /** Whether kswapd is woken in every round, as it may have gone to sleep. */
  public boolean wakesAnew() {
    return true;
  }

  private void wake(Request request, AllocFlags flags) {
    if (flags.has(AllocFlag.KSWAPD)) {
      background.wakeAll(request);
    }
  }

  /** Who helps to free memory may use all of it. */
  private static AllocFlags reserves(Request request, AllocFlags flags) {
    if (!AllocFlagsOf.mayIgnoreWatermarks(request.gfp(), request.cpu().flags())) {
      return flags;
    }
    return new AllocFlags(
        Mark.MIN,
        flags.has(AllocFlag.KSWAPD)
            ? Set.of(AllocFlag.NO_WATERMARKS, AllocFlag.KSWAPD)
            : Set.of(AllocFlag.NO_WATERMARKS));
  }

  private long effort(Request request, AllocFlags firstFlags) {
    AllocFlags flags = firstFlags;
    boolean costly = request.order() > PcpTuning.SMALL_ORDER;
    int idle = 0;
    for (int round = 0; ; round++) {
      if (round > 0 && wakesAnew()) {
        wake(request, flags);
      }
      AllocFlags now = reserves(request, flags);
      long pfn = walk.get(request, now);
      boolean reclaims =
          request.wants(Gfp.__GFP_DIRECT_RECLAIM) && (request.cpu().flags() & Cpu.PF_MEMALLOC) == 0;
      if (pfn != NO_PAGE || !reclaims) {
        return pfn;
      }
      long freed = reclaim(request, idle);
      if (freed > 0) {
        pfn = walk.get(request, now);
        if (pfn == NO_PAGE) {
          reserve.unreserve(request, false);
          perCpu.drainAll(request.cpu());
          pfn = walk.get(request, now);
        }
        if (pfn != NO_PAGE) {
          return pfn;
        }
      }
      boolean again = request.wants(Gfp.__GFP_RETRY_MAYFAIL) && request.wants(Gfp.__GFP_IO);
      if (request.wants(Gfp.__GFP_NORETRY) || (costly && !again)) {
        return NO_PAGE;
      }
      idle = freed > 0 && !costly ? 0 : idle + 1;
      boolean hopeless = idle > MAX_RECLAIM_RETRIES || !state.pressure.canReclaim();
      if (hopeless && !reserve.unreserve(request, true)) {
        if (state.settings.defragMode() && flags.has(AllocFlag.NO_FRAGMENT)) {
          flags = flags.without(AllocFlag.NO_FRAGMENT); // mixing is better than failing
          continue;
        }
        boolean noFail = request.wants(Gfp.__GFP_NOFAIL);
        if (!mayKill(request) || !(state.pressure.canKill() || noFail)) {
          return NO_PAGE;
        }
        perCpu.drainAll(request.cpu());
        pfn = walk.get(request, now);
        boolean killed = pfn == NO_PAGE && kill(request);
        if (pfn == NO_PAGE && noFail) {
          pfn = walk.get(request, new AllocFlags(Mark.MIN, Set.of(AllocFlag.NO_WATERMARKS)));
        }
        if (pfn != NO_PAGE || !killed) {
          return pfn;
        }
        idle = afterKill(idle);
      }
    }
  }

  /** Whether any node may serve, once those of the mask are short: no {@code ALLOC_CPUSET}. */
  public boolean dropsMask(Request request) {
    boolean atomic = request.wants(Gfp.__GFP_HIGH) && !request.wants(Gfp.__GFP_DIRECT_RECLAIM);
    return atomic || AllocFlagsOf.mayIgnoreWatermarks(request.gfp(), request.cpu().flags());
  }

  /** Whether somebody may be killed for the request. */
  public boolean mayKill(Request request) {
    return (request.cpu().flags() & Cpu.PF_DUMPCORE) == 0
        && request.order() <= PcpTuning.SMALL_ORDER
        && !request.wants(Gfp.__GFP_RETRY_MAYFAIL)
        && !request.wants(Gfp.__GFP_THISNODE)
        && request.highest() != ZoneType.DMA
        && request.highest() != ZoneType.DMA32;
  }

  /** {@code no_progress_loops} after somebody was killed. */
  public int afterKill(int idle) {
    return 0;
  }

  private boolean kill(Request request) {
    boolean killed = state.pressure.outOfMemory(want(request, 0));
    state.counters.vm("oom_kill", killed ? 1 : 0);
    return killed;
  }

  /** What reclaim is asked for. */
  ReclaimRequest want(Request request, int idle) {
    NodeMask own = NodeMask.of(request.preferred().zone.nodeId());
    return new ReclaimRequest(
        request.cpu(),
        request.gfp(),
        request.order(),
        request.type(),
        request.highest(),
        Math.max(1L << request.order(), SWAP_CLUSTER_MAX),
        request.wants(Gfp.__GFP_THISNODE) ? own : request.nodes(),
        Math.max(0, 12 - idle),
        LockOrder.held(),
        null);
  }

  private long reclaim(Request request, int idle) {
    state.counters.vm("allocstall", request.highest(), 1);
    long freed = state.pressure.reclaim(want(request, idle));
    state.counters.vm("pgsteal_direct", freed);
    if (freed > 0) {
      background.gained(request);
    }
    return freed;
  }
}
