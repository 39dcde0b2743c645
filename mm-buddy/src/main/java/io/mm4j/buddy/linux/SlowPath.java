// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static io.mm4j.api.page.PageAllocator.NO_PAGE;

import io.mm4j.api.Cpu;
import io.mm4j.api.LockOrder;
import io.mm4j.api.MemoryDeadlockException;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ReclaimRequest;

/**
 * What a request does when no zone may serve it at the low watermark: {@code
 * __alloc_pages_slowpath()} of mm/page_alloc.c (Linux 6.18).
 *
 * <p>Steps:
 *
 * <ol>
 *   <li>kswapd is woken, and the zones are tried down to the min watermark and, for those who
 *       cannot wait, below it; a request that itself helps to free memory may ignore the
 *       watermarks;
 *   <li>who may wait asks the reclaimers and tries again, after giving up a reserved pageblock and
 *       draining the lists of all CPUs if need be;
 *   <li>that is repeated while it gets somewhere: not at all with NORETRY, not for large blocks
 *       unless RETRY_MAYFAIL, and at most 16 times in a row without progress;
 *   <li>then the last resort is asked ({@link LastResort}), and if that frees something the count
 *       of rounds without progress begins anew;
 *   <li>who must not fail may then use half of the minimum.
 * </ol>
 *
 * <p>A mask of nodes is dropped for requests that are more than a user's: those that cannot wait
 * and may use reserves, and those that help to free memory.
 *
 * <p>Differences from Linux: there is no compaction yet; before any request fails, also one that
 * cannot wait, and before the last resort is asked, the lists of all CPUs are asked for, as nothing
 * else would return what rests there; a request that must not fail ends in {@link
 * MemoryDeadlockException} where Linux panics or waits for ever; who always reports progress is
 * believed 1024 times. Reclaim begins at the priority that is left after the rounds before, in
 * Linux each round goes through all of them.
 */
final class SlowPath {
  private static final int MAX_RECLAIM_RETRIES = 16;
  private static final int MAX_ROUNDS = 1024;
  private static final int SWAP_CLUSTER_MAX = 32;

  /**
   * After how many answers of running CPUs, asked to give up their lists, a request looks again.
   */
  private static final int PATIENCE = 200;

  private final Core core;
  private final FreelistWalk walk;
  private final PcpOps pcps;
  private final HighAtomic highAtomic;
  private final Kswapd kswapd;
  private final LastResort lastResort;

  SlowPath(Core core, FreelistWalk walk, PcpOps pcps, HighAtomic highAtomic, Kswapd kswapd) {
    this.core = core;
    this.walk = walk;
    this.pcps = pcps;
    this.highAtomic = highAtomic;
    this.kswapd = kswapd;
    this.lastResort = new LastResort(core, walk);
  }

  long get(AllocContext request) {
    explain(request, "no zone served at the low watermark: slow path");
    int flags = AllocFlags.ofGfp(request.gfp, request.order, core.sysctls.defragMode());
    wakeKswapd(request, flags);
    long pfn = walk.get(request, flags);
    if (pfn != NO_PAGE) {
      return pfn;
    }
    if (!givesUpEarly(request)) {
      pfn = reclaiming(request, flags);
      if (pfn != NO_PAGE) {
        return pfn;
      }
    }
    return failing(request, flags);
  }

  private void wakeKswapd(AllocContext request, int flags) {
    if ((flags & AllocFlags.KSWAPD) != 0) {
      kswapd.wakeAll(request);
    }
  }

  /**
   * A large block without effort: compaction alone could help. Without {@code __GFP_IO} there is
   * none, and reclaim has its turn: {@code gfp_compaction_allowed()}.
   */
  private static boolean givesUpEarly(AllocContext request) {
    return request.order > PcpPages.COSTLY_ORDER
        && request.wants(Gfp.__GFP_IO)
        && request.wants(Gfp.__GFP_NORETRY)
        && request.wants(Gfp.__GFP_DIRECT_RECLAIM)
        && AllocFlags.reserves(request.gfp, request.cpu) == 0;
  }

  private long reclaiming(AllocContext request, int firstFlags) {
    int flags = firstFlags;
    boolean costly = request.order > PcpPages.COSTLY_ORDER;
    int idle = 0;
    int kills = 0;
    for (int round = 0; round < MAX_ROUNDS; round++) {
      wakeKswapd(request, flags);
      int now = withReserves(request, flags);
      if (request.nodes != null && mayGoAnywhere(request)) {
        explain(request, "more than a user's request: the mask of nodes is dropped");
        request.ignoreNodes();
      }
      long pfn = walk.get(request, now);
      if (pfn != NO_PAGE) {
        return pfn;
      }
      if (!request.wants(Gfp.__GFP_DIRECT_RECLAIM)) {
        explain(request, "may not wait, so nothing is reclaimed");
        return NO_PAGE;
      }
      if ((request.cpu.flags() & Cpu.PF_MEMALLOC) != 0) {
        explain(request, "runs on behalf of reclaim and does not reclaim itself");
        return NO_PAGE;
      }
      long freed = reclaim(request, idle);
      if (freed > 0) {
        pfn = afterReclaim(request, now);
        if (pfn != NO_PAGE) {
          return pfn;
        }
      }
      if (request.wants(Gfp.__GFP_NORETRY)) {
        explain(request, "__GFP_NORETRY: once is enough");
        return NO_PAGE;
      }
      if (costly && !(request.wants(Gfp.__GFP_RETRY_MAYFAIL) && request.wants(Gfp.__GFP_IO))) {
        explain(request, "too large to be worth more effort without __GFP_RETRY_MAYFAIL and _IO");
        return NO_PAGE;
      }
      idle = freed > 0 && !costly ? 0 : idle + 1;
      if (idle > MAX_RECLAIM_RETRIES || !core.pressure.canReclaim()) {
        if (highAtomic.unreserve(request, true)) {
          explain(request, "a pageblock of the atomic reserve is given up");
          continue;
        }
        if (core.sysctls.defragMode() && (flags & AllocFlags.NOFRAGMENT) != 0) {
          explain(request, "defrag_mode: reclaim did not help, so types are mixed");
          flags &= ~AllocFlags.NOFRAGMENT;
          continue;
        }
        if (!lastResort.isFor(request)) {
          return NO_PAGE;
        }
        pfn = fromAllLists(request, now);
        boolean progress = pfn == NO_PAGE && lastResort.ask(request);
        pfn = pfn == NO_PAGE ? lastResort.mustNotFail(request) : pfn;
        if (pfn != NO_PAGE || !progress) {
          return pfn;
        }
        idle = 0;
        round = kills++;
      }
    }
    return NO_PAGE;
  }

  /** A request that helps to free memory may ignore the watermarks. */
  private static int withReserves(AllocContext request, int flags) {
    int reserves = AllocFlags.reserves(request.gfp, request.cpu);
    return reserves != 0 ? reserves | (flags & AllocFlags.KSWAPD) : flags;
  }

  /** No {@code ALLOC_CPUSET}, or reserves: see the header. */
  private static boolean mayGoAnywhere(AllocContext request) {
    return (request.wants(Gfp.__GFP_HIGH) && !request.wants(Gfp.__GFP_DIRECT_RECLAIM))
        || AllocFlags.reserves(request.gfp, request.cpu) != 0;
  }

  private long reclaim(AllocContext request, int idle) {
    core.countStall(core.kinds.get(request.highest));
    long freed = core.pressure.reclaim(want(core, request, idle));
    core.count(Core.Event.DIRECT_STEAL, freed);
    if (freed > 0) {
      kswapd.hope(request.zones);
    }
    if (core.explains()) {
      core.step(request.cpu, "direct reclaim frees " + freed + " pages");
    }
    return freed;
  }

  /**
   * What reclaim is asked for.
   *
   * @param idle rounds without progress before
   */
  static ReclaimRequest want(Core core, AllocContext request, int idle) {
    return new ReclaimRequest(
        request.cpu,
        request.gfp,
        request.order,
        request.migratetype,
        core.kinds.get(request.highest),
        Math.max(1L << request.order, SWAP_CLUSTER_MAX),
        request.helpful(),
        Math.max(0, ReclaimRequest.DEF_PRIORITY - idle),
        LockOrder.held(),
        null);
  }

  private long afterReclaim(AllocContext request, int flags) {
    long pfn = walk.get(request, flags);
    if (pfn != NO_PAGE) {
      return pfn;
    }
    highAtomic.unreserve(request, false);
    pcps.drainAll(request.cpu);
    return walk.get(request, flags);
  }

  /**
   * Asks for the lists of all CPUs, and looks again until they have answered; with {@code
   * __GFP_NORETRY} nobody is waited for whose CPU is at work.
   */
  private long fromAllLists(AllocContext request, int flags) {
    explain(request, "before it fails, the per-cpu lists of all CPUs are asked for");
    int asked = pcps.drainAll(request.cpu);
    long pfn = walk.get(request, flags);
    int patience = request.wants(Gfp.__GFP_NORETRY) ? 0 : PATIENCE;
    for (int i = 0; pfn == NO_PAGE && asked > 0 && i < patience; i++) {
      if (!pcps.awaitAnswer(request.cpu, asked)) {
        break;
      }
      asked = pcps.drainAll(request.cpu);
      pfn = walk.get(request, flags);
    }
    return pfn;
  }

  private long failing(AllocContext request, int flags) {
    long pfn = fromAllLists(request, withReserves(request, flags));
    if (pfn == NO_PAGE
        && request.wants(Gfp.__GFP_NOFAIL)
        && request.wants(Gfp.__GFP_DIRECT_RECLAIM)) {
      explain(request, "__GFP_NOFAIL: half of the minimum may be used");
      pfn = walk.get(request, AllocFlags.MIN_RESERVE);
      if (pfn == NO_PAGE) {
        throw new MemoryDeadlockException(
            String.format(
                "a request that must not fail cannot be served, and nothing is left to reclaim:"
                    + " order=%d gfp=%s freePages=%d",
                request.order, Gfp.format(request.gfp), free(request)));
      }
    }
    if (pfn == NO_PAGE) {
      core.count(Core.Event.FAIL, 1);
      explain(request, "page allocation failure");
    }
    return pfn;
  }

  private static long free(AllocContext request) {
    long pages = 0;
    for (ZoneState zone : request.zones) {
      pages += zone.free;
    }
    return pages;
  }

  private void explain(AllocContext request, String text) {
    if (core.explains()) {
      core.step(request.cpu, text);
    }
  }
}
