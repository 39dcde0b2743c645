// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.LockOrder;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.page.ReclaimRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Background reclaim as a work item: requests wake it, {@link #run} does the work when whoever
 * drives the machine says so. Models {@code wakeup_kswapd()}, {@code kswapd()} and {@code
 * balance_pgdat()} of mm/vmscan.c (Linux 6.18) as far as the page allocator sees them.
 *
 * <p>A node is in balance when one of its zones is above its high watermark for the order that was
 * asked for; reclaim is asked for the whole node, with more and more effort, until that is so. If a
 * zone's watermarks were boosted the first rounds are for that, and the boosts are taken back at
 * the end. Once enough for compaction was freed a single page is asked for instead of the order. A
 * node where 16 runs got nothing is hopeless: nobody wakes it until somebody else's reclaim gets
 * something.
 *
 * <p>Difference from Linux: a reclaimer does not say how much it looked at, so a round is thought
 * to have looked at enough if it gave what it was asked for.
 */
final class Kswapd {
  private static final int MAX_RECLAIM_RETRIES = 16;
  private static final int SWAP_CLUSTER_MAX = 32;

  /** Rounds of one run, for reclaimers that give what nobody finds. */
  private static final int MAX_ROUNDS = 1024;

  private final Core core;

  /** By node: 1 from when it is woken until it sleeps. */
  private final AtomicIntegerArray awake;

  /** By node: 1 while somebody does its work. */
  private final AtomicIntegerArray running;

  /** By node: {@code kswapd_highest_zoneidx} plus 1, 0 for none, and {@code kswapd_order}. */
  private final AtomicIntegerArray highest;

  private final AtomicIntegerArray orders;

  /** By node: {@code kswapd_failures}, runs in a row that got nothing. */
  private final AtomicIntegerArray failures;

  Kswapd(Core core, int nodes) {
    this.core = core;
    this.awake = new AtomicIntegerArray(nodes);
    this.running = new AtomicIntegerArray(nodes);
    this.highest = new AtomicIntegerArray(nodes);
    this.orders = new AtomicIntegerArray(nodes);
    this.failures = new AtomicIntegerArray(nodes);
  }

  /**
   * Wakes the node of a zone, if it is not in balance, has a boost and is not hopeless. What is
   * wanted is noted in any case, for the next time that it runs.
   */
  void wake(Cpu cpu, ZoneState zone, int order, int gfp, int highestZone) {
    int node = zone.zone.nodeId();
    int _ = highest.accumulateAndGet(node, highestZone + 1, Math::max);
    int _ = orders.accumulateAndGet(node, order, Math::max);
    if (isAwake(node)
        || isHopeless(node)
        || (isBalanced(node, order, highestZone) && !isBoosted(node, highestZone))
        || !awake.compareAndSet(node, 0, 1)) {
      return;
    }
    PageEvents events = core.events;
    if (events != null) {
      events.wakeupKswapd(cpu, zone.zone, order, gfp);
      if (events.explains()) {
        events.step(cpu, zone + ": below its high watermark, kswapd is woken");
      }
    }
  }

  /** {@code wake_all_kswapds()}: once for each node of the request. */
  void wakeAll(AllocContext request) {
    int last = -1;
    for (ZoneState zone : request.zones) {
      if (zone.zone.nodeId() != last) {
        boolean blocks = core.sysctls.defragMode();
        int order = blocks ? Math.max(request.order, zone.pageblockOrder) : request.order;
        wake(request.cpu, zone, order, request.gfp, request.highest);
      }
      last = zone.zone.nodeId();
    }
  }

  boolean isAwake(int node) {
    return awake.get(node) != 0;
  }

  private boolean isHopeless(int node) {
    return failures.get(node) >= MAX_RECLAIM_RETRIES;
  }

  /** Somebody's reclaim got something from the nodes of these zones: there is hope. */
  void hope(ZoneState[] zones) {
    for (ZoneState zone : zones) {
      failures.set(zone.zone.nodeId(), 0);
    }
  }

  /** {@code pgdat_balanced()}; in {@code defrag_mode} whole blocks count, for larger orders. */
  private boolean isBalanced(int node, int order, int highestZone) {
    boolean any = false;
    boolean blocks = core.sysctls.defragMode() && order > 0;
    for (ZoneState zone : core.zones) {
      if (isOf(zone, node, highestZone)) {
        any = true;
        long free = blocks ? zone.freeInBlocks() : zone.free;
        if (zone.watermarkOk(order, zone.mark(AllocFlags.WMARK_HIGH), highestZone, 0, free)) {
          return true;
        }
      }
    }
    return !any;
  }

  private boolean isBoosted(int node, int highestZone) {
    for (ZoneState zone : core.zones) {
      if (zone.boost != 0 && isOf(zone, node, highestZone)) {
        return true;
      }
    }
    return false;
  }

  private boolean isOf(ZoneState zone, int node, int highestZone) {
    return zone.zone.nodeId() == node
        && Zonelists.index(core.kinds, zone.zone.type()) <= highestZone;
  }

  /**
   * Does the work of all nodes that were woken, each until it is in balance or hopeless. A node
   * stays awake meanwhile, so that nobody wakes it; what is wanted in the middle is looked at
   * before it sleeps.
   *
   * @return pages freed
   */
  long run(Cpu cpu) {
    long freed = 0;
    for (int node = 0; node < awake.length(); node++) {
      if (awake.get(node) != 0 && running.compareAndSet(node, 0, 1)) {
        try {
          freed += runNode(cpu, node);
        } finally {
          running.set(node, 0);
        }
      }
    }
    core.count(Core.Event.KSWAPD_STEAL, freed);
    return freed;
  }

  private long runNode(Cpu cpu, int node) {
    long freed = 0;
    int last = 0;
    while (awake.get(node) != 0) {
      int order = orders.getAndSet(node, 0);
      int wanted = highest.getAndSet(node, 0) - 1;
      last = wanted < 0 ? last : wanted;
      Run run = new Run(cpu, node, order, last);
      core.count(Core.Event.PAGEOUTRUN, 1);
      run.balance();
      freed += run.freed;
      int next = run.order;
      if (next >= order) {
        next = orders.get(node);
        wanted = highest.get(node) - 1;
        last = wanted < 0 ? last : wanted;
      }
      if (isHopeless(node) || isBalanced(node, next, last)) {
        awake.set(node, 0);
      }
    }
    return freed;
  }

  /** One {@code balance_pgdat()}. */
  private final class Run {
    private final Cpu cpu;
    private final int node;
    private final int highestZone;
    private final List<ZoneState> zones = new ArrayList<>();

    /** The order to make room for; 0 once there is enough for compaction. */
    int order;

    long freed;

    Run(Cpu cpu, int node, int order, int highestZone) {
      this.cpu = cpu;
      this.node = node;
      this.order = order;
      this.highestZone = highestZone;
      for (ZoneState zone : core.zones) {
        if (isOf(zone, node, highestZone)) {
          zones.add(zone);
        }
      }
    }

    void balance() {
      long[] boosts = zones.stream().mapToLong(z -> z.boost).toArray();
      long boost = 0;
      for (int i = 0; i < boosts.length; i++) {
        boost += boosts[i];
        zones.get(i).setReclaimActive(true);
      }
      try {
        reclaim(boost);
      } finally {
        for (int i = 0; i < boosts.length; i++) {
          ZoneState zone = zones.get(i);
          zone.setReclaimActive(false);
          if (boost > 0) {
            zone.zone.lock().lock();
            zone.unboost(boosts[i]);
            zone.zone.lock().unlock();
          }
        }
      }
    }

    private void reclaim(long boosted) {
      long boost = boosted;
      int priority = ReclaimRequest.DEF_PRIORITY;
      for (int round = 0; priority > 0 && round < MAX_ROUNDS; round++) {
        boolean balanced = isBalanced(node, order, highestZone);
        if (balanced && boost == 0) {
          return;
        }
        if (!balanced && boost > 0) {
          // What is missing is more than the boost: from the beginning, for the watermarks.
          boost = 0;
          priority = ReclaimRequest.DEF_PRIORITY;
        }
        boolean harder = boost == 0 || priority > ReclaimRequest.DEF_PRIORITY - 2;
        long want = wanted();
        long pages = ask(want, priority);
        harder &= pages < want;
        boost -= Math.min(boost, pages);
        if (boost > 0 && pages == 0) {
          break;
        }
        if (harder || pages == 0) {
          priority--;
        }
      }
      if (freed == 0) {
        int _ = failures.incrementAndGet(node);
      }
    }

    private long wanted() {
      long pages = 0;
      for (ZoneState zone : zones) {
        pages += Math.max(zone.mark(AllocFlags.WMARK_HIGH), SWAP_CLUSTER_MAX);
      }
      return pages;
    }

    /** {@code kswapd_shrink_node()}. */
    private long ask(long want, int priority) {
      long pages =
          core.pressure.reclaim(
              new ReclaimRequest(
                  cpu,
                  Gfp.GFP_KERNEL,
                  order,
                  Migratetype.MOVABLE,
                  core.kinds.get(highestZone),
                  want,
                  zones.getFirst().nodeOnly,
                  priority,
                  LockOrder.held(),
                  null));
      freed += pages;
      if (pages > 0) {
        failures.set(node, 0);
      }
      if (order > 0 && freed >= 2L << order) {
        order = 0;
      }
      for (ZoneState zone : zones) {
        zone.zone.lock().lock();
        zone.refresh();
        zone.zone.lock().unlock();
      }
      return pages;
    }
  }
}
