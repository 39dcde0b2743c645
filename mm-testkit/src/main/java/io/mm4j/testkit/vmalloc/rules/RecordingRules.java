// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.vmalloc.rules.VmRule.Needs;
import java.util.List;

/** What only recordings need: to begin in the middle, and to take an allocation back. */
final class RecordingRules {
  private static final int ROUNDS = 6;

  /** Pages of an area that lies in a pool, where there are pools, and that no other asks for. */
  private static final long SPARE = 7;

  private RecordingRules() {}

  static List<Rule<VmallocAllocatorProvider>> all() {
    return List.of(
        new VmRule(
            new RuleInfo(
                "VM-27",
                "undo-of-the-last-call",
                "An allocation that is undone at once was never made, be its area from the tree or"
                    + " from a pool; after any other call that changes or may change something -"
                    + " also a request for which there is no room - undo is refused and changes"
                    + " nothing.",
                "Whoever finds no frames for an area gives it back so.",
                "mm4j's contract of VmallocAllocator",
                "what was last is remembered over a call that fails, or goes back to another"
                    + " place"),
            Needs.EXACT,
            RecordingRules::undo),
        new VmRule(
            new RuleInfo(
                "VM-28",
                "clear",
                "After clear no area is in use, free, in a pool or waits for a purge, no count says"
                    + " otherwise, and with the whole space added as free everything begins anew.",
                "A recording begins with what there was, and with nothing else.",
                "mm4j's contract of VmallocAllocator",
                "a list is emptied, and its count stays"),
            Needs.EXACT,
            RecordingRules::clear));
  }

  private static void clear(VmBench b, Seeded random) {
    life(b, random);
    for (VmallocAllocator each : List.of(b.it, b.model)) {
      each.clear();
    }
    b.live.clear();
    b.compare();
    b.compareLazy();
    checkEqual(0, b.it.lazyPages(), b.kind + ": freed pages after clear");
    checkEqual(0, b.it.pooled(), b.kind + ": areas in pools after clear");
    for (VmallocAllocator each : List.of(b.it, b.model)) {
      each.addFree(b.kind.start, b.kind.top);
    }
    b.compare();
    life(b, random);
    b.end();
  }

  /** Areas in use, in pools, and some that wait for a purge. */
  private static void life(VmBench b, Seeded random) {
    for (int i = 0; i < 20; i++) {
      long _ = b.alloc(i, 1 + random.below(300), 1);
    }
    for (int i = 0; i < 12; i++) {
      b.free(i, b.anyLive(random));
      if (i == 6) {
        b.purge();
      }
    }
  }

  private static void undo(VmBench b, Seeded random) {
    for (int i = 0; i < 8; i++) {
      long _ = b.alloc(i, 1 + random.below(5), 1);
    }
    for (int i = 0; i < 4; i++) {
      b.free(i, b.anyLive(random));
    }
    b.purge();
    for (int round = 0; round < ROUNDS; round++) {
      long spare = b.alloc(round, SPARE, 1);
      b.free(round, spare);
      b.purge();
      long pages = 1L + random.below(5);
      long undone = b.it.alloc(b.cpu(round), pages * VmBench.PAGE, 1, b.kind.start, b.kind.end);
      b.it.undo(undone);
      b.compare();
      long area = b.alloc(round, pages, 1);
      checkEqual(undone, area, b.kind + ": the same request after undo");
      String between = between(b, random, round, area, spare);
      b.refused("undo after " + between, () -> b.it.undo(area));
    }
    b.end();
  }

  /** A call after which nothing can be undone; says which. */
  private static String between(VmBench b, Seeded random, int round, long area, long spare) {
    long start = b.kind.start;
    return switch (round) {
      case 0 -> {
        checkEqual(
            VmallocAllocator.NO_ADDRESS,
            b.alloc(0, 9, 1, start, start + 8 * VmBench.PAGE),
            b.kind + ": 9 pages of 8");
        yield "a request for which there is no room";
      }
      case 1 -> {
        long _ = b.alloc(1, 1 + random.below(5), 1);
        yield "another allocation";
      }
      case 2 -> {
        b.free(1, b.live.getFirst() == area ? b.live.getLast() : b.live.getFirst());
        yield "a free of another area";
      }
      case 3 -> {
        b.purge();
        yield "a purge";
      }
      case 4 -> {
        b.shrink();
        yield "a shrink";
      }
      case 5 -> {
        long known = b.model.takeExactly(-1, spare, SPARE * VmBench.PAGE);
        checkEqual(
            known,
            b.it.takeExactly(-1, spare, SPARE * VmBench.PAGE),
            b.kind + ": pages of what was freed last");
        if (known < 0) { // no pools: the new area lies there
          b.free(round, area);
          yield "a free";
        }
        b.live.add(spare);
        yield "an area of a pool, or a range, that was taken exactly";
      }
      default -> {
        long at = b.kind.end - (round + 1) * 2L * VmBench.PAGE;
        checkEqual(
            b.model.takeExactly(-1, at, 2 * VmBench.PAGE),
            b.it.takeExactly(-1, at, 2 * VmBench.PAGE),
            b.kind + ": pages that were free");
        b.live.add(at);
        yield "a range that was taken exactly";
      }
    };
  }
}
