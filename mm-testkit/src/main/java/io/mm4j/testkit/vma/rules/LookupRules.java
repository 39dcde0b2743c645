// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma.rules;

import io.mm4j.api.vma.VmaIndex;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.vma.rules.VmaOp.Probe;
import java.util.HashSet;
import java.util.Set;

/** The rules that only look. */
public final class LookupRules {
  private static final int NONE = VmaIndex.NONE;
  private static final long GATE_PAGE = 0xffffffffff600000L;

  private LookupRules() {}

  static void same(String what, long is, long expected) {
    if (is != expected) {
      throw new RuleViolation(
          "%s = %d (0x%x)".formatted(what, expected, expected), "%d (0x%x)".formatted(is, is));
    }
  }

  /** The whole order of an index is that of a model. */
  static void sameOrder(String what, VmaIndex index, VmaIndex model) {
    int vma = index.first();
    int steps = 0;
    for (int other = model.first(); other != NONE; other = model.next(other)) {
      if (vma == NONE) {
        throw new RuleViolation(what + ": a walk of " + model.size() + " VMAs", steps + " VMAs");
      }
      same(what + ": start of VMA " + steps, index.start(vma), model.start(other));
      same(what + ": end of VMA " + steps, index.end(vma), model.end(other));
      steps++;
      vma = index.next(vma);
    }
    same(what + ": VMA after the last", vma, NONE);
  }

  public static void sorted(VmaSubject run) {
    sameOrder("after " + run.last(), run.index(), run.model());
  }

  public static void find(VmaSubject run) {
    VmaIndex index = run.index();
    VmaIndex model = run.model();
    same("find(-1)", index.find(-1), NONE);
    same("find(gate page)", index.find(GATE_PAGE), NONE);
    same("find(Long.MIN_VALUE)", index.find(Long.MIN_VALUE), NONE);
    same("find(Long.MAX_VALUE)", index.find(Long.MAX_VALUE), NONE);
    if (run.last() instanceof Probe(long addr, long length)) {
      probe(run, addr, length);
      int near = model.find(addr);
      for (int vma :
          new int[] {near, near == NONE ? NONE : model.next(near), model.first(), model.last()}) {
        if (vma != NONE) {
          for (long at : new long[] {model.start(vma), model.end(vma)}) {
            for (long beside = Math.max(0, at - 1); beside <= at + 1; beside++) {
              probe(run, beside, length);
            }
          }
        }
      }
    }
  }

  private static void probe(VmaSubject run, long addr, long length) {
    String at = "(0x" + Long.toHexString(addr) + ")";
    same("find" + at, run.index().find(addr), run.handle(run.model().find(addr)));
    same("find again" + at, run.index().find(addr), run.handle(run.model().find(addr)));
    if (addr >= 0) {
      same(
          "containing" + at,
          run.index().containing(addr),
          run.handle(run.model().containing(addr)));
      same(
          "findIntersection" + at + " of length " + length,
          run.index().findIntersection(addr, addr + length),
          run.handle(run.model().findIntersection(addr, addr + length)));
    }
  }

  public static void neighbours(VmaSubject run) {
    VmaIndex index = run.index();
    VmaIndex model = run.model();
    same("first after " + run.last(), index.first(), run.handle(model.first()));
    same("last after " + run.last(), index.last(), run.handle(model.last()));
    for (int vma = model.first(); vma != NONE; vma = model.next(vma)) {
      int handle = run.handle(vma);
      same("next of " + run.text(vma), index.next(handle), run.handle(model.next(vma)));
      same("prev of " + run.text(vma), index.prev(handle), run.handle(model.prev(vma)));
    }
  }

  public static void gapAbove(VmaSubject run) {
    gaps(run, false);
  }

  public static void gapBelow(VmaSubject run) {
    gaps(run, true);
  }

  private static void gaps(VmaSubject run, boolean below) {
    if (!(run.last() instanceof Probe(long at, long length))) {
      return;
    }
    VmaIndex model = run.model();
    long max = VmaIndex.MAX_ADDRESS;
    long addr = Math.min(max, at & Long.MAX_VALUE);
    int vma = model.find(addr);
    int next = vma == NONE ? NONE : model.next(vma);
    long edge = vma == NONE ? addr : model.start(vma);
    long gap = next == NONE ? length : Math.max(1, model.start(next) - model.end(vma));
    long[] lows = {0, addr, edge, Math.max(0, addr - 4 * length)};
    long[] highs = {
      max, Math.min(max, addr + 8 * length), addr, next == NONE ? edge : model.start(next)
    };
    for (long low : lows) {
      for (long high : highs) {
        for (long want : new long[] {1, length, gap, gap + 1}) {
          gap(run, below, low, high, want);
        }
      }
    }
    long top = model.size() == 0 ? 0 : model.end(model.last());
    if (top + length <= max) { // a window that what is free above all fits exactly, or not
      gap(run, below, top, top + length, length);
      gap(run, below, 0, top + length, length);
      gap(run, below, top, top + length, length + 1);
    }
  }

  private static void gap(VmaSubject run, boolean below, long low, long high, long want) {
    VmaIndex index = run.index();
    VmaIndex model = run.model();
    same(
        (below ? "gapBelow" : "gapAbove") + "(0x%x, 0x%x, 0x%x)".formatted(low, high, want),
        below ? index.gapBelow(low, high, want) : index.gapAbove(low, high, want),
        below ? model.gapBelow(low, high, want) : model.gapAbove(low, high, want));
  }

  public static void size(VmaSubject run) {
    VmaIndex index = run.index();
    same("size after " + run.last(), index.size(), run.model().size());
    for (int vma = run.model().first(); vma != NONE; vma = run.model().next(vma)) {
      if (!index.contains(run.handle(vma))) {
        throw new RuleViolation("contains = true for " + run.text(vma), "false");
      }
    }
    int past = index.capacity();
    int least = Integer.MIN_VALUE;
    int most = Integer.MAX_VALUE;
    for (int vma : new int[] {NONE, -2, least, most, past, past + 1, run.lastErased()}) {
      if (index.contains(vma)) {
        throw new RuleViolation("contains = false for vma=" + vma, "true");
      }
    }
  }

  public static void stable(VmaSubject run) {
    Set<Integer> seen = new HashSet<>();
    for (int vma = run.model().first(); vma != NONE; vma = run.model().next(vma)) {
      int handle = run.handle(vma);
      same(
          "start of vma=" + handle + " after " + run.last(),
          run.index().start(handle),
          run.model().start(vma));
      same(
          "end of vma=" + handle + " after " + run.last(),
          run.index().end(handle),
          run.model().end(vma));
      if (handle < 0 || !seen.add(handle)) {
        throw new RuleViolation("a handle of its own for each VMA", "vma=" + handle + " again");
      }
    }
  }

  public static void dense(VmaSubject run) {
    int capacity = run.index().capacity();
    for (int vma = run.model().first(); vma != NONE; vma = run.model().next(vma)) {
      int handle = run.handle(vma);
      if (handle >= capacity || handle > run.mostVmas()) {
        throw new RuleViolation(
            "handles below capacity " + capacity + " and at most " + run.mostVmas(),
            "vma=" + handle);
      }
    }
  }
}
