// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.LockOrder;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.page.ReclaimRequest;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Background reclaim as a work item: requests wake it, {@link #run} does the work when whoever
 * drives the machine says so. Models {@code wakeup_kswapd()} and {@code balance_pgdat()} of
 * mm/vmscan.c (Linux 6.18) as far as the page allocator sees them: each zone of a woken node is to
 * come above its high watermark, and the boost of the watermarks is taken back.
 */
final class Kswapd {
  /** One for each priority but 0. */
  private static final int ROUNDS = ReclaimRequest.DEF_PRIORITY;

  private final Core core;

  /** By node: 0 asleep, else the highest kind of zone that is wanted, plus 1. */
  private final AtomicIntegerArray wanted;

  /** By node: 1 while somebody does its work. */
  private final AtomicIntegerArray running;

  Kswapd(Core core, int nodes) {
    this.core = core;
    this.wanted = new AtomicIntegerArray(nodes);
    this.running = new AtomicIntegerArray(nodes);
  }

  /**
   * Wakes the node of a zone, if it is not in balance; one that is awake is told of more work,
   * whether or not it is in balance for that: {@code wakeup_kswapd()} of mm/vmscan.c (Linux 6.18).
   */
  void wake(Cpu cpu, ZoneState zone, int order, int gfp, int highest) {
    boolean balanced = isBalanced(zone.zone.nodeId(), order, highest);
    balanced &= !isAwake(zone.zone.nodeId());
    if (balanced) {
      return;
    }
    int before = wanted.getAndAccumulate(zone.zone.nodeId(), highest + 1, Math::max);
    PageEvents events = core.events;
    if (events != null && before == 0) {
      events.wakeupKswapd(cpu, zone.zone, order, gfp);
      if (events.explains()) {
        events.step(cpu, zone + ": below its high watermark, kswapd is woken");
      }
    }
  }

  /** {@code pgdat_balanced()}, and no boost: one zone that is in order is enough for a node. */
  private boolean isBalanced(int node, int order, int highest) {
    boolean balanced = false;
    for (ZoneState zone : core.zones) {
      if (zone.zone.nodeId() == node && Zonelists.index(core.kinds, zone.zone.type()) <= highest) {
        if (zone.boost != 0) {
          return false;
        }
        long mark = zone.mark(AllocFlags.WMARK_HIGH);
        balanced |= zone.watermarkOk(order, mark, highest, 0, zone.free);
      }
    }
    return balanced;
  }

  /** {@code wake_all_kswapds()}: once for each node of the request. */
  void wakeAll(AllocContext request) {
    int last = -1;
    for (ZoneState zone : request.zones) {
      if (zone.zone.nodeId() != last) {
        wake(request.cpu, zone, request.order, request.gfp, request.highest);
      }
      last = zone.zone.nodeId();
    }
  }

  boolean isAwake(int node) {
    return wanted.get(node) != 0;
  }

  /**
   * Does the work of all nodes that were woken. A node stays awake until its work is done, so that
   * nobody wakes it in the middle; if a higher zone was wanted meanwhile it is awake afterwards.
   *
   * @return pages freed
   */
  long run(Cpu cpu) {
    long freed = 0;
    for (int node = 0; node < wanted.length(); node++) {
      if (wanted.get(node) != 0 && running.compareAndSet(node, 0, 1)) {
        try {
          int now = wanted.get(node);
          if (now != 0) {
            core.count(Core.Event.PAGEOUTRUN, 1);
            freed += balance(cpu, node, now - 1);
            wanted.compareAndSet(node, now, 0);
          }
        } finally {
          running.set(node, 0);
        }
      }
    }
    core.count(Core.Event.KSWAPD_STEAL, freed);
    return freed;
  }

  private long balance(Cpu cpu, int node, int highest) {
    long freed = 0;
    for (ZoneState zone : core.zones) {
      int kind = Zonelists.index(core.kinds, zone.zone.type());
      if (zone.zone.nodeId() != node || kind > highest) {
        continue;
      }
      zone.setReclaimActive(true);
      try {
        freed += balance(cpu, zone, kind, highest);
      } finally {
        zone.setReclaimActive(false);
      }
    }
    return freed;
  }

  private long balance(Cpu cpu, ZoneState zone, int kind, int highest) {
    long freed = 0;
    long boost = zone.boost;
    for (int round = 0; round < ROUNDS; round++) {
      long target = zone.mark(AllocFlags.WMARK_HIGH) + zone.protection[highest];
      long missing = target + 1 - zone.free;
      if (missing <= 0) {
        break;
      }
      long pages =
          core.pressure.reclaim(
              new ReclaimRequest(
                  cpu,
                  Gfp.GFP_KERNEL,
                  0,
                  Migratetype.MOVABLE,
                  core.kinds.get(kind),
                  Math.max(missing, 32),
                  zone.nodeOnly,
                  ReclaimRequest.DEF_PRIORITY - round,
                  LockOrder.held(),
                  null));
      if (pages == 0) {
        break;
      }
      freed += pages;
      refresh(zone);
    }
    zone.zone.lock().lock();
    zone.unboost(boost);
    zone.zone.lock().unlock();
    return freed;
  }

  private static void refresh(ZoneState zone) {
    zone.zone.lock().lock();
    try {
      zone.refresh();
    } finally {
      zone.zone.lock().unlock();
    }
  }
}
