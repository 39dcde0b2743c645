// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.page.ZoneStats;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What kswapd asks for on the only node of a machine, round by round, from what it found and got:
 * {@code balance_pgdat()} of mm/vmscan.c (Linux 6.18). First a boost is worked off, with little
 * effort; if the watermarks themselves are not met, all begins anew without it.
 */
final class BoostedRun {
  private static final int FIRST_PRIORITY = 12;

  private final KswapdCase c;
  private final Giver giver;

  /** What zones were raised by when the run began. */
  private final Map<Zone, Long> raised = new HashMap<>();

  private ZoneType highest = ZoneType.NORMAL;
  private boolean running;
  private int order;
  private int priority;
  private long boost;
  private long want;
  private long freed;

  BoostedRun(KswapdCase c, Giver giver) {
    this.c = c;
    this.giver = giver;
    giver.beforeEach(this::asked);
  }

  private void begin(ReclaimRequest request) {
    running = true;
    order = request.order();
    highest = request.highestZone();
    priority = FIRST_PRIORITY;
    boost = 0;
    freed = 0;
    raised.clear();
    for (Zone zone : zones()) {
      long now =
          c.s.stats().zones().stream()
              .filter(z -> z.nodeId() == zone.nodeId() && z.type() == zone.type())
              .mapToLong(ZoneStats::boost)
              .sum();
      raised.put(zone, now);
      boost += now;
    }
  }

  private List<Zone> zones() {
    return c.zones(0, highest);
  }

  private long high(Zone zone) {
    return c.numbers(zone).high() + raised.getOrDefault(zone, 0L);
  }

  private boolean balanced() {
    return zones().stream().anyMatch(z -> c.enough(z, order, high(z), highest));
  }

  private void asked(ReclaimRequest request) {
    if (running) {
      got();
    }
    if (!running) {
      begin(request);
    }
    boolean balanced = balanced();
    check(!balanced || boost > 0, "no more rounds: in balance, no boost is left", "" + request);
    if (!balanced && boost > 0) {
      boost = 0;
      priority = FIRST_PRIORITY;
    }
    want = zones().stream().mapToLong(z -> Math.max(32, high(z))).sum();
    checkEqual(order, request.order(), "order wanted in round " + round());
    checkEqual(priority, request.priority(), "priority of round " + round());
    checkEqual(want, request.pages(), "pages wanted in round " + round());
  }

  private int round() {
    return giver.asked().size() + 1;
  }

  /** What the last round brought. */
  private void got() {
    long pages = giver.gave().getLast();
    freed += pages;
    boolean harder = (boost == 0 || priority > FIRST_PRIORITY - 2) && pages < want;
    boost -= Math.min(boost, pages);
    if (order > 0 && freed >= 2L << order) {
      order = 0;
    }
    if (boost > 0 && pages == 0) {
      running = false;
    } else if (harder || pages == 0) {
      priority--;
      running = priority > 0;
    }
  }

  /** kswapd sleeps: there was a reason to. */
  void ended() {
    if (running) {
      got();
    }
    check(
        !running || (balanced() && boost == 0),
        "another round: boost=" + boost + " priority=" + priority + " order=" + order,
        "kswapd sleeps after " + giver.asked().size());
  }
}
