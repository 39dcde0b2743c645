// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.Cpu;
import io.mm4j.api.LockOrder;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.ReclaimRequest;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * {@code wakeup_kswapd()} and {@code pgdat_balanced()} of mm/vmscan.c (Linux 6.18). In {@code
 * defrag_mode} Linux wants whole pageblocks, which compaction then makes; here pages are enough.
 */
public class ModelKswapd implements Background {
  private static final AllocFlags NONE = new AllocFlags(Mark.MIN, Set.of());

  final State state;

  /** For each node that was woken: the largest order and the highest zone that were short. */
  public final Map<Integer, Work> work = new HashMap<>();

  /** What kswapd of a node is to do: {@code kswapd_order} and {@code kswapd_highest_zoneidx}. */
  public record Work(int order, ZoneType highest) {}

  public ModelKswapd(State state) {
    this.state = state;
  }

  @Override
  public void wake(Cpu cpu, ModelZone zone, int gfp, int order, ZoneType highest) {
    int node = zone.zone.nodeId();
    Work old = work.get(node);
    if (old != null) {
      ZoneType higher = old.highest.compareTo(highest) > 0 ? old.highest : highest;
      work.put(node, new Work(Math.max(old.order, order), higher));
      return;
    }
    if (balanced(node, order, highest) && !boosted(node, highest)) {
      return;
    }
    work.put(node, new Work(order, highest));
    if (state.events != null) {
      state.events.wakeupKswapd(cpu, zone.zone, order, gfp);
    }
  }

  /** {@code wake_all_kswapds()}: of every node that could have served. */
  @Override
  public void wakeAll(Request request) {
    int last = -1;
    for (ModelZone zone : request.zones()) {
      if (zone.zone.nodeId() != last) {
        wake(request.cpu(), zone, request.gfp(), request.order(), request.highest());
        last = zone.zone.nodeId();
      }
    }
  }

  /** {@code pgdat_balanced()}: one zone that has enough is enough. */
  final boolean balanced(int node, int order, ZoneType highest) {
    List<ModelZone> zones = zones(node, highest);
    return zones.isEmpty() || zones.stream().anyMatch(z -> enough(z, order, highest));
  }

  private static boolean enough(ModelZone zone, int order, ZoneType highest) {
    return Watermark.ok(zone, order, zone.mark(Mark.HIGH), NONE, highest);
  }

  final boolean boosted(int node, ZoneType highest) {
    return zones(node, highest).stream().anyMatch(z -> z.boost > 0);
  }

  final List<ModelZone> zones(int node, ZoneType highest) {
    return state.zones.stream()
        .filter(z -> z.zone.nodeId() == node && z.zone.type().compareTo(highest) <= 0)
        .sorted(Comparator.comparing(z -> z.zone.type()))
        .toList();
  }

  @Override
  public long run(Cpu cpu) {
    long freed = 0;
    for (int node = 0; node < state.settings.nodes(); node++) {
      Work now = work.get(node);
      if (now == null) {
        continue;
      }
      state.counters.vm("pageoutrun", 1);
      for (ModelZone zone : reclaimed(node, now.highest)) {
        zone.reclaiming = true;
        freed += balance(cpu, zone, now.highest);
        zone.reclaiming = false;
      }
      // It was awake all the time: only what is wanted of a higher zone is news.
      Work then = work.get(node);
      if (then != null && then.highest == now.highest) {
        work.remove(node);
      }
    }
    state.counters.vm("pgsteal_kswapd", freed);
    return freed;
  }

  /** The zones that a run looks at. */
  List<ModelZone> reclaimed(int node, ZoneType highest) {
    return zones(node, highest);
  }

  /** {@code balance_pgdat()}, zone by zone. */
  private long balance(Cpu cpu, ModelZone zone, ZoneType highest) {
    long boost = zone.boost;
    long freed = 0;
    for (int round = 0; round < rounds(); round++) {
      long missing = target(zone, highest) + 1 - zone.free();
      if (missing <= 0) {
        break;
      }
      ReclaimRequest request =
          new ReclaimRequest(
              cpu,
              Gfp.GFP_KERNEL,
              0,
              Migratetype.MOVABLE,
              zone.zone.type(),
              Math.max(32, missing),
              nodes(zone),
              priority(round),
              LockOrder.held(),
              null);
      long now = state.pressure.reclaim(request);
      if (now == 0) {
        break;
      }
      freed += now;
    }
    zone.boost -= back(boost);
    return freed;
  }

  /** Whose memory helps. */
  @Nullable
  public NodeMask nodes(ModelZone zone) {
    return NodeMask.of(zone.zone.nodeId());
  }

  /** Harder and harder. */
  public int priority(int round) {
    return 12 - round;
  }

  /** {@code DEF_PRIORITY}. */
  public int rounds() {
    return 12;
  }

  /** What a zone is to be above. */
  public long target(ModelZone zone, ZoneType highest) {
    return zone.mark(Mark.HIGH) + zone.protection(highest);
  }

  /** How much of a boost goes back. */
  public long back(long boost) {
    return boost;
  }
}
