// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.pages.model.Fallback;
import io.mm4j.testkit.pages.model.Marks;
import io.mm4j.testkit.pages.model.PcpTuning;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Lets the model say how many blocks each recorded refill of a per-cpu list took. A refill is a row
 * of removals of one CPU for one zone, order and type, ended by a request, free or drain of that
 * CPU.
 *
 * <p>What was on the lists at the start is known only as of some milliseconds before, and the
 * factor by which refills grow not at all; so a refill that shows one of them is used to set it and
 * counted by itself, see {@link Outcome}.
 */
class RefillJudge {
  /** What came of a refill. */
  enum Outcome {
    /** As many blocks as the model says. */
    EQUAL,
    /** Fewer, because the own list has run dry: a walk that avoids mixing ends there. */
    RAN_DRY,
    /** The first one of a CPU showed its factor. */
    SET_FACTOR,
    /** The first one that the length of the lists limited showed that length. */
    SET_COUNT,
    /** A whole power of the batch, but of another factor: a change that no event shows. */
    UNSEEN_CHANGE,
    /** Anything else: the model is wrong. */
    DIFFERENT
  }

  private static final class Lists {
    final PcpTuning tuning;
    boolean factorKnown;
    boolean countKnown;

    Lists(Marks.Numbers numbers, RecordedZoneinfo.Pcp recorded) {
      tuning = new PcpTuning(numbers.batch(), numbers.highMin(), numbers.highMax());
      tuning.high = recorded.high();
      tuning.count = recorded.count();
    }
  }

  /** A refill under way. */
  private static final class Refill {
    boolean open;
    int zone;
    int order;
    int type;
    int expected;
    int blocks;
    int countBefore;
    long line;

    boolean isOf(TraceReader event) {
      return open && zone == event.zone() && order == event.order() && type == event.type();
    }
  }

  private final RecordedZones zones;
  private final TypedBlocks free;
  private final Lists[][] lists;
  private final Refill[] refills;
  private final Map<String, Map<Outcome, Long>> outcomes = new TreeMap<>();
  private final List<String> differences = new ArrayList<>();

  RefillJudge(KmemSource source) {
    zones = RecordedZones.read(source);
    free = TrackedCounts.atStart(source, zones);
    RecordedZoneinfo recorded = new RecordedZoneinfo(source);
    Marks marks = new Marks(recorded.plan());
    lists = new Lists[zones.cpus()][zones.count()];
    refills = new Refill[zones.cpus()];
    for (int cpu = 0; cpu < zones.cpus(); cpu++) {
      refills[cpu] = new Refill();
      for (RecordedZoneinfo.ZoneFigures zone : recorded.zones()) {
        lists[cpu][zones.indexOf(zone.nodeId(), zone.type().procName())] =
            new Lists(marks.of(zone.size()), zone.pcps().get(cpu));
      }
    }
  }

  /** Judges every refill of the recording. */
  RefillJudge run(KmemSource source) {
    TypedTrace trace = new TypedTrace(zones, free, new TypedTrace.Judge() {});
    try (TraceReader event = new TraceReader(source, zones)) {
      while (event.next()) {
        trace.apply(event);
        apply(event);
      }
    }
    trace.finish();
    for (int cpu = 0; cpu < zones.cpus(); cpu++) {
      end(cpu);
    }
    return this;
  }

  /** How many blocks the model takes. */
  int blocks(PcpTuning tuning, int order) {
    return tuning.refill(order, false);
  }

  /** What a free does to the model's figures. */
  void freed(PcpTuning tuning, int order) {
    int _ = tuning.freed(order, false, false);
  }

  private void apply(TraceReader event) {
    int cpu = event.cpu();
    switch (event.op()) {
      case 'z', 'E' -> taken(event);
      case 'a', 'f', 'g', 'd' -> {
        end(cpu);
        if (event.pfn() >= 0 && PcpTuning.allowed(event.order())) {
          moved(event, lists[cpu][event.zone()].tuning);
        }
      }
      default -> {
        // Nothing of a per-cpu list.
      }
    }
  }

  private void moved(TraceReader event, PcpTuning tuning) {
    int pages = 1 << event.order();
    switch (event.op()) {
      case 'a' -> {
        tuning.allocates();
        tuning.count -= pages;
      }
      case 'd' -> tuning.count -= pages;
      default -> freed(tuning, event.order());
    }
  }

  private void taken(TraceReader event) {
    int cpu = event.cpu();
    Refill refill = refills[cpu];
    if (!refill.isOf(event)) {
      end(cpu);
    }
    if (!PcpTuning.allowed(event.order()) || event.type() >= Migratetype.PCPTYPES) {
      return;
    }
    PcpTuning tuning = lists[cpu][event.zone()].tuning;
    if (!refill.open) {
      refill.open = true;
      refill.zone = event.zone();
      refill.order = event.order();
      refill.type = event.type();
      refill.blocks = 0;
      refill.line = event.line();
      refill.countBefore = tuning.count;
      refill.expected = blocks(tuning, event.order());
    }
    refill.blocks++;
    tuning.count += 1 << event.order();
  }

  private void end(int cpu) {
    Refill refill = refills[cpu];
    if (!refill.open) {
      return;
    }
    refill.open = false;
    Outcome outcome = outcome(refill, lists[cpu][refill.zone]);
    String group = refill.order == 0 || refill.order > 3 ? "" + refill.order : "1-3";
    outcomes.computeIfAbsent(group, g -> new TreeMap<>()).merge(outcome, 1L, Long::sum);
    if (outcome == Outcome.DIFFERENT) {
      differences.add(
          "line "
              + refill.line
              + ": "
              + refill.blocks
              + " blocks of order "
              + refill.order
              + ", the model takes "
              + refill.expected);
    }
  }

  private Outcome outcome(Refill refill, Lists own) {
    PcpTuning tuning = own.tuning;
    if (refill.blocks == refill.expected) {
      own.factorKnown |= refill.order == 0;
      return Outcome.EQUAL;
    }
    if (refill.blocks < refill.expected && ranDry(refill)) {
      return Outcome.RAN_DRY;
    }
    if (refill.order != 0) {
      return Outcome.DIFFERENT;
    }
    for (int factor = 0; factor <= PcpTuning.SCALE_MAX; factor++) {
      if (tuning.batch << factor == refill.blocks) {
        tuning.allocFactor = Math.min(factor + 1, PcpTuning.SCALE_MAX);
        Outcome outcome = own.factorKnown ? Outcome.UNSEEN_CHANGE : Outcome.SET_FACTOR;
        own.factorKnown = true;
        return outcome;
      }
    }
    if (own.countKnown) {
      return Outcome.DIFFERENT;
    }
    own.countKnown = true;
    tuning.count += tuning.high - tuning.batch - refill.blocks - refill.countBefore;
    return Outcome.SET_COUNT;
  }

  private boolean ranDry(Refill refill) {
    free.ask(refill.zone);
    return Fallback.own(free, refill.order, refill.type) == null;
  }

  /** How many refills came out how, by order: {@code 0}, {@code 1-3} and {@code 9}. */
  Map<String, Map<Outcome, Long>> outcomes() {
    return outcomes;
  }

  /** The refills that the model takes otherwise. */
  List<String> differences() {
    return differences;
  }
}
