// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import java.util.BitSet;

/**
 * What a trace implies about its requests without saying it, from a look ahead. A trace shows
 * requests ({@code a}, {@code f}...) and what they did to the free blocks ({@code z}, {@code d});
 * another allocator can only be asked for the former.
 *
 * <ul>
 *   <li>A block whose first event is {@code a}, or {@code d} without a {@code z} before it, was on
 *       a per-cpu list at the start.
 *   <li>A block that leaves the free blocks and is freed without an {@code a} in between was handed
 *       out by {@code alloc_pages_bulk()}, which has no event: at its {@code z}.
 * </ul>
 */
final class Requests {
  /** Blocks that were on a per-cpu list at the start: pfn, order and CPU, three numbers each. */
  private long[] atStart = new long[3 * 1024];

  private int atStartCount;
  private long atStartPages;

  /** By number of the removal, counted from 0 in the order of the trace. */
  private final BitSet bulk = new BitSet();

  private int removals;

  private Requests() {}

  /**
   * Looks ahead.
   *
   * @param free the frames that are free before the first event
   */
  static Requests lookAhead(KmemSource source, RecordedZones zones, FreePages free) {
    Requests requests = new Requests();
    FreePages seen = new FreePages(zones);
    FrameTable removed = new FrameTable(zones);
    try (TraceReader event = new TraceReader(source, zones)) {
      while (event.next()) {
        requests.look(event, zones, seen, removed, free);
      }
    }
    return requests;
  }

  private void look(
      TraceReader event, RecordedZones zones, FreePages seen, FrameTable removed, FreePages free) {
    int op = event.op();
    switch (op) {
      case 'z', 'E' -> {
        removed.set(event.pfn(), ++removals);
        see(event, zones, seen, free, false);
      }
      case 'a' -> {
        if (event.pfn() >= 0) {
          removed.set(event.pfn(), 0);
          see(event, zones, seen, free, true);
        }
      }
      case 'd' -> {
        removed.set(event.pfn(), 0);
        see(event, zones, seen, free, true);
      }
      case 'f', 'g', 'F' -> {
        long number = removed.get(event.pfn());
        if (number > 0) {
          bulk.set((int) number - 1);
          removed.set(event.pfn(), 0);
        }
        see(event, zones, seen, free, false);
      }
      default -> {
        // Inferred lines are no requests.
      }
    }
  }

  private void see(
      TraceReader event, RecordedZones zones, FreePages seen, FreePages free, boolean fromPcp) {
    long pfn = event.pfn();
    int order = event.order();
    if (!zones.holdsBlock(event.zone(), pfn, order)) {
      return;
    }
    if (fromPcp && seen.count(pfn, order) == 0 && free.count(pfn, order) == 0) {
      if (3 * atStartCount == atStart.length) {
        atStart = java.util.Arrays.copyOf(atStart, 2 * atStart.length);
      }
      atStart[3 * atStartCount] = pfn;
      atStart[3 * atStartCount + 1] = order;
      atStart[3 * atStartCount + 2] = event.cpu();
      atStartCount++;
      atStartPages += 1L << order;
    }
    seen.set(pfn, order, true);
  }

  /** Whether the n-th removal was a bulk allocation. */
  boolean isBulk(int removal) {
    return bulk.get(removal);
  }

  /** How many blocks were on per-cpu lists at the start. */
  int atStartCount() {
    return atStartCount;
  }

  long atStartPfn(int i) {
    return atStart[3 * i];
  }

  int atStartOrder(int i) {
    return (int) atStart[3 * i + 1];
  }

  int atStartCpu(int i) {
    return (int) atStart[3 * i + 2];
  }

  /** Pages of these blocks. */
  long atStartPages() {
    return atStartPages;
  }

  /** Removals that were bulk allocations. */
  long bulkAllocations() {
    return bulk.cardinality();
  }
}
