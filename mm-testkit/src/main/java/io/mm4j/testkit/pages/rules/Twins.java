// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.MemoryDeadlockException;
import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Subject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The plugin on one machine, the model on its twin, and the blocks that are held on both. */
final class Twins extends Subject {
  /** A block that is held. */
  record Held(long pfn, int order) {}

  /** A step on one machine. */
  @FunctionalInterface
  interface Step {
    /** Does it; what comes back is compared. */
    long on(Side side);
  }

  /** A request that must not fail cannot be served. */
  private static final long DEADLOCK = -2;

  final Side judged;
  final Side model;
  final List<Held> held = new ArrayList<>();
  private final Comparison comparison;
  private boolean watched;
  private int turn;

  Twins(Machine judged, Machine model) {
    this.judged = new Side(judged);
    this.model = new Side(model);
    this.comparison = new Comparison(this.judged, this.model);
    comparison.everything();
  }

  /** Does a step on both and compares what comes back; misuse is an answer, too. */
  long both(String what, Step step) {
    called();
    Answer seen = answer(step, judged);
    Answer expected = answer(step, model);
    if (seen.value != expected.value || seen.misuse != expected.misuse) {
      throw new RuleViolation(what + ": " + expected, seen.toString());
    }
    return expected.misuse || expected.value == DEADLOCK ? PageAllocator.NO_PAGE : expected.value;
  }

  /**
   * What came back.
   *
   * @param misuse whether it was refused as misuse
   */
  private record Answer(long value, boolean misuse) {
    @Override
    public String toString() {
      return misuse
          ? "misuse"
          : value < 0 ? "" + value : value + " (0x" + Long.toHexString(value) + ")";
    }
  }

  private static Answer answer(Step step, Side side) {
    try {
      return new Answer(step.on(side), false);
    } catch (MisuseException e) {
      return new Answer(0, true);
    } catch (MemoryDeadlockException e) {
      return new Answer(DEADLOCK, false);
    }
  }

  /** Whether it is the turn of the CPU's own allocator: of every other call. */
  private boolean keeps() {
    return (turn++ & 1) == 0;
  }

  /** Allocates on both; null if there was none. */
  @Nullable Held allocate(int cpu, int gfp, int order, int node) {
    int asked = node < 0 ? -1 : node % judged.machine.layout().nodes().size();
    boolean kept = keeps();
    return entered(
        both(
            "alloc_pages",
            side ->
                kept
                    ? side.on(cpu).alloc(gfp, order, asked)
                    : side.pages.allocPages(side.cpu(cpu), gfp, order, asked)),
        order);
  }

  /** Allocates on both from the nodes of a mask; null if there was none. */
  @Nullable Held allocate(int cpu, int gfp, int order, int node, NodeMask mask) {
    int asked = node < 0 ? -1 : node % judged.machine.layout().nodes().size();
    return entered(
        both(
            "alloc_pages of nodes " + mask,
            side -> side.pages.allocPages(side.cpu(cpu), gfp, order, asked, mask)),
        order);
  }

  private @Nullable Held entered(long pfn, int order) {
    if (pfn == PageAllocator.NO_PAGE) {
      tell("none");
      return null;
    }
    if (telling()) {
      tell("0x" + Long.toHexString(pfn));
    }
    Held block = new Held(pfn, order);
    held.add(block);
    return block;
  }

  /** Fills the free places of an array on both. */
  void bulk(int cpu, int gfp, int node, @Nullable NodeMask mask, int count, int filled) {
    int asked = node < 0 ? -1 : node % judged.machine.layout().nodes().size();
    long[] theirs = places(count, filled);
    long[] mine = places(count, filled);
    both(
        "alloc_pages_bulk",
        side -> {
          long[] pfns = side == judged ? theirs : mine;
          return side.pages.allocPagesBulk(side.cpu(cpu), gfp, asked, mask, pfns, count);
        });
    if (!Arrays.equals(mine, theirs)) {
      throw new RuleViolation("frames " + Arrays.toString(mine), Arrays.toString(theirs));
    }
    for (long pfn : mine) {
      if (pfn != PageAllocator.NO_PAGE && pfn != 0) {
        held.add(new Held(pfn, 0));
      }
    }
  }

  /** Nothing but, here and there, a place that is taken; frame 0 is nobody's. */
  private static long[] places(int count, int filled) {
    long[] pfns = new long[count];
    for (int i = 0; i < count; i++) {
      pfns[i] = (filled >> (i % 31) & 1) == 1 ? 0 : PageAllocator.NO_PAGE;
    }
    return pfns;
  }

  /** With what ranges are asked for. */
  private static final int[] RANGES = {
    Gfp.GFP_KERNEL | Gfp.__GFP_MOVABLE,
    Gfp.GFP_NOWAIT,
    Gfp.GFP_NOIO | Gfp.__GFP_NOWARN,
    Gfp.GFP_KERNEL | Gfp.__GFP_ZERO | Gfp.__GFP_RETRY_MAYFAIL,
    Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY
  };

  /** Takes a range on both; what is taken is held page by page. */
  void range(int cpu, int number, int before, int pages) {
    Held block = pick(number);
    long at = Math.max(1, (block == null ? 0 : block.pfn) - before);
    // Some begin or end where a pageblock does.
    long start = before % 3 == 0 ? Math.max(1, at & -(long) Pages.PAGEBLOCK_NR_PAGES) : at;
    long end = pages % 4 == 0 ? (at + pages | Pages.PAGEBLOCK_NR_PAGES - 1) + 1 : at + pages;
    int gfp = RANGES[(number >>> 4 & 15) % RANGES.length];
    long taken =
        both(
            "alloc_contig_range",
            side -> side.pages.allocContigRange(side.cpu(cpu), start, end, gfp) ? 1 : 0);
    held.replaceAll(model::now);
    Map<Long, Long> expected = model.takeMoved();
    Map<Long, Long> seen = judged.takeMoved();
    if (!expected.equals(seen)) {
      throw new RuleViolation("moved " + new TreeMap<>(expected), "" + new TreeMap<>(seen));
    }
    tell((taken == 1 ? "taken" : "refused") + ", " + seen.size() + " blocks moved");
    for (long pfn = start; taken == 1 && pfn < end; pfn++) {
      held.add(new Held(pfn, 0));
    }
  }

  /** Frees a held block on both. */
  void free(int cpu, int number) {
    if (held.isEmpty()) {
      return;
    }
    Held block = take(number);
    if (telling()) {
      tell("0x" + Long.toHexString(block.pfn) + "/" + block.order);
    }
    boolean kept = keeps();
    boolean drops = number % 3 != 0;
    both(
        "free_pages",
        side -> {
          if (drops && side.map.isHeld(block.pfn)) {
            side.map.drop(block.pfn, block.order);
          }
          if (kept) {
            side.on(cpu).free(block.pfn, block.order);
          } else {
            side.pages.freePages(side.cpu(cpu), block.pfn, block.order);
          }
          return 0;
        });
  }

  /** The held block that a number means, or null. */
  @Nullable Held pick(int number) {
    return held.isEmpty() ? null : held.get(number % held.size());
  }

  /** Takes a block off the list of what is held. */
  Held take(int number) {
    int at = number % held.size();
    Held block = held.get(at);
    Held last = held.removeLast();
    if (at < held.size()) {
      held.set(at, last);
    }
    return block;
  }

  /** Lets somebody watch both allocators, or nobody. */
  void watch(boolean on) {
    watched = both("watch", side -> side.pages.watch(on ? side.recorder : null) ? 1 : 0) == 1 && on;
    tell(watched ? "watched" : "not watched");
  }

  /** After every operation. */
  void compare() {
    comparison.after();
  }

  /** At the end, and now and then. */
  void compareEverything() {
    comparison.everything();
  }

  @Override
  public void validate() {
    judged.machine.validate();
  }

  @Override
  public void close() {
    judged.close();
    model.close();
  }
}
