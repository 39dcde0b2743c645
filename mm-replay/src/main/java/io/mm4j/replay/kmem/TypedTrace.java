// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.memory.Pages;
import java.util.ArrayList;
import java.util.List;

/**
 * Applies the events of a trace to {@link TypedBlocks}, and asks a {@link Judge} just before each
 * decision of the kernel is carried out.
 *
 * <p>A claim ({@code e}) stands behind the {@code z} that it made possible, so a {@code z} waits
 * until it is clear that no claim follows: until the next event of its CPU, or the next core
 * operation in its zone.
 */
final class TypedTrace {
  /** Is asked with the blocks as they were before the decision. */
  interface Judge {
    /** A block leaves the list of its own type. */
    default void own(Removal z) {}

    /** A pageblock is about to be claimed for the removal that follows. */
    default void claim(TraceReader event) {}

    /** A block of another type is about to be taken, with its pageblock or without. */
    default void other(TraceReader event) {}
  }

  /** A {@code z} that waits; one for each CPU. */
  static final class Removal {
    boolean waits;
    int zone;
    long pfn;
    int order;
    int type;
    long line;

    @Override
    public String toString() {
      return "z " + pfn + " " + order + " " + type;
    }
  }

  private final RecordedZones zones;
  private final TypedBlocks blocks;
  private final Judge judge;
  private final List<Removal> removals = new ArrayList<>();

  TypedTrace(RecordedZones zones, TypedBlocks blocks, Judge judge) {
    this.zones = zones;
    this.blocks = blocks;
    this.judge = judge;
  }

  /** Carries out one event. */
  void apply(TraceReader event) {
    int op = event.op();
    boolean core = TraceReader.removes(op) || TraceReader.inserts(op);
    for (int cpu = 0; cpu < removals.size(); cpu++) {
      Removal z = removals.get(cpu);
      if (z.waits && (cpu == event.cpu() || (core && z.zone == event.zone()))) {
        if (op == 'e' && z.pfn == event.pfn()) {
          judge.claim(event);
          blocks.retype(z.zone, z.pfn, event.type());
        }
        carryOut(z);
      }
    }
    if (!core || !zones.holdsBlock(event.zone(), event.pfn(), event.order())) {
      return;
    }
    switch (op) {
      case 'z' -> put(event);
      case 'E' -> other(event);
      case 'Z' -> take(event.zone(), event.pfn(), event.order());
      default -> insert(event);
    }
  }

  /** Carries out what still waits. */
  void finish() {
    for (Removal z : removals) {
      if (z.waits) {
        carryOut(z);
      }
    }
  }

  private void put(TraceReader event) {
    while (removals.size() <= event.cpu()) {
      removals.add(new Removal());
    }
    Removal z = removals.get(event.cpu());
    z.waits = true;
    z.zone = event.zone();
    z.pfn = event.pfn();
    z.order = event.order();
    z.type = event.type();
    z.line = event.line();
  }

  private void carryOut(Removal z) {
    z.waits = false;
    judge.own(z);
    take(z.zone, z.pfn, z.order);
  }

  private void other(TraceReader event) {
    judge.other(event);
    int zone = event.zone();
    long pfn = event.pfn();
    if (event.changesOwner()) {
      long end = pfn + (1L << event.fallbackOrder());
      for (long p = pfn; p < end && zones.indexOf(p) == zone; p += Pages.PAGEBLOCK_NR_PAGES) {
        blocks.retype(zone, p, event.type());
      }
    }
    take(zone, pfn, event.order());
  }

  private void take(int zone, long pfn, int order) {
    if (blocks.find(zone, pfn, order)) {
      blocks.take(zone, pfn, order);
    }
  }

  private void insert(TraceReader event) {
    if (blocks.anyFree(event.zone(), event.pfn(), event.order())) {
      return;
    }
    if (event.op() == 'd') {
      blocks.retype(event.zone(), event.pfn(), event.type());
    }
    blocks.insert(event.zone(), event.pfn(), event.order());
  }
}
