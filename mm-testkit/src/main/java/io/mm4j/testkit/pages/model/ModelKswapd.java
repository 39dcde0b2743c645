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
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * {@code wakeup_kswapd()}, {@code kswapd()}, {@code balance_pgdat()} and {@code pgdat_balanced()}
 * of mm/vmscan.c (Linux 6.18). A reclaimer says how much it freed, not how much it looked at, so
 * that is taken for it.
 */
public class ModelKswapd implements Background {
  private static final AllocFlags NONE = new AllocFlags(Mark.MIN, Set.of());

  /** {@code MAX_RECLAIM_RETRIES}. */
  private static final int HOPELESS = 16;

  final State state;

  /** {@code kswapd_order} and {@code kswapd_highest_zoneidx} of each node that has any. */
  private final Map<Integer, Work> wanted = new HashMap<>();

  /** The nodes whose kswapd does not sleep. */
  public final Set<Integer> awake = new HashSet<>();

  /** {@code kswapd_failures}. */
  private final Map<Integer, Integer> failures = new HashMap<>();

  /** What kswapd of a node is to do. */
  private record Work(int order, ZoneType highest) {}

  public ModelKswapd(State state) {
    this.state = state;
  }

  @Override
  public void wake(Cpu cpu, ModelZone zone, int gfp, int order, ZoneType highest) {
    int node = zone.zone.nodeId();
    wanted.merge(
        node,
        new Work(order, highest),
        (a, b) ->
            new Work(
                Math.max(a.order, b.order),
                a.highest.compareTo(b.highest) > 0 ? a.highest : b.highest));
    if (awake.contains(node) || isHopeless(node) || !needed(node, order, highest)) {
      return;
    }
    awake.add(node);
    if (state.events != null) {
      state.events.wakeupKswapd(cpu, zone.zone, order, gfp);
    }
  }

  /** Whether a node that sleeps is woken. */
  public boolean needed(int node, int order, ZoneType highest) {
    return !balanced(node, order, highest) || boosted(node, highest);
  }

  private boolean isHopeless(int node) {
    return failures.getOrDefault(node, 0) >= hopeless();
  }

  /** After how many runs without gain a node is left alone. */
  public int hopeless() {
    return HOPELESS;
  }

  /** {@code wake_all_kswapds()}: of every node that could have served. */
  @Override
  public void wakeAll(Request request) {
    int last = -1;
    for (ModelZone zone : request.zones()) {
      if (zone.zone.nodeId() != last) {
        int block = state.settings.defragMode() ? zone.zone.pageblocks().order() : 0;
        int order = Math.max(request.order(), block);
        wake(request.cpu(), zone, request.gfp(), order, request.highest());
        last = zone.zone.nodeId();
      }
    }
  }

  @Override
  public void gained(Request request) {
    request.zones().forEach(z -> failures.remove(z.zone.nodeId()));
  }

  /** {@code pgdat_balanced()}: one zone that has enough is enough. */
  final boolean balanced(int node, int order, ZoneType highest) {
    List<ModelZone> zones = zones(node, highest);
    return zones.isEmpty() || zones.stream().anyMatch(z -> enough(z, order, highest));
  }

  private boolean enough(ModelZone zone, int order, ZoneType highest) {
    long mark = target(zone);
    if (!state.settings.defragMode() || order == 0) {
      return Watermark.ok(zone, order, mark, NONE, highest);
    }
    long left = zone.freeInBlocks() - Watermark.unusable(zone, order, NONE);
    return left > mark + zone.protection(highest) && Watermark.hasBlock(zone, order, NONE);
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
      ZoneType highest = ZoneType.DMA;
      while (awake.contains(node)) {
        Work now = wanted.remove(node);
        highest = now == null ? highest : now.highest;
        Round round = new Round(cpu, node, now == null ? 0 : now.order, highest);
        state.counters.vm("pageoutrun", 1);
        round.balance();
        freed += round.freed;
        Work next = wanted.get(node);
        boolean less = round.order < (now == null ? 0 : now.order);
        int order = less ? round.order : next == null ? 0 : next.order;
        ZoneType then = less || next == null ? highest : next.highest;
        if (isHopeless(node) || balanced(node, order, then)) {
          awake.remove(node);
        }
      }
    }
    state.counters.vm("pgsteal_kswapd", freed);
    return freed;
  }

  /** One {@code balance_pgdat()}. */
  private final class Round {
    private final Cpu cpu;
    private final int node;
    private final ZoneType highest;
    private final List<ModelZone> zones;
    int order;
    long freed;

    Round(Cpu cpu, int node, int order, ZoneType highest) {
      this.cpu = cpu;
      this.node = node;
      this.order = order;
      this.highest = highest;
      this.zones = zones(node, highest);
    }

    void balance() {
      Map<ModelZone, Long> boosts = new HashMap<>();
      zones.forEach(z -> boosts.put(z, z.boost));
      zones.forEach(z -> z.reclaiming = true);
      reclaim(boosts.values().stream().mapToLong(b -> b).sum());
      zones.forEach(z -> z.reclaiming = false);
      boosts.forEach((z, b) -> z.boost -= Math.min(z.boost, back(b)));
    }

    private void reclaim(long boosts) {
      long forBoost = boosts;
      int round = 0;
      while (round < rounds()) {
        boolean enough = balanced(node, order, highest);
        if (enough && forBoost == 0) {
          return;
        }
        if (!enough && forBoost > 0) {
          forBoost = 0;
          round = 0;
        }
        long want = zones.stream().mapToLong(z -> Math.max(32, z.mark(Mark.HIGH))).sum();
        ReclaimRequest request =
            new ReclaimRequest(
                cpu,
                Gfp.GFP_KERNEL,
                order,
                Migratetype.MOVABLE,
                highest,
                want,
                nodes(node),
                priority(round),
                LockOrder.held(),
                null);
        long now = state.pressure.reclaim(request);
        freed += now;
        if (givesHope(now, want)) {
          failures.remove(node);
        }
        if (order > 0 && freed >= gap(order)) {
          order = 0;
        }
        boolean asHardAsItGets = forBoost > 0 && priority(round) <= 10;
        forBoost = Math.max(0, forBoost - now);
        if (forBoost > 0 && now == 0 && boostEnds()) {
          break;
        }
        round += now == 0 || (now < want && !asHardAsItGets) ? 1 : 0;
      }
      if (freed == 0) {
        failures.merge(node, 1, Integer::sum);
      }
    }
  }

  /** {@code compact_gap()}: from where on compaction can do the rest. */
  public long gap(int order) {
    return 2L << order;
  }

  /** Whether what a round brought begins the count of failures anew. */
  public boolean givesHope(long pages, long want) {
    return pages > 0;
  }

  /** Whose memory helps. */
  @Nullable
  public NodeMask nodes(int node) {
    return NodeMask.of(node);
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
  public long target(ModelZone zone) {
    return zone.mark(Mark.HIGH);
  }

  /** Whether a round without gain ends the work for a boost. */
  public boolean boostEnds() {
    return true;
  }

  /** How much of a boost goes back. */
  public long back(long boost) {
    return boost;
  }
}
