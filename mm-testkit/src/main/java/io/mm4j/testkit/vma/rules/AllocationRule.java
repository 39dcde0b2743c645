// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma.rules;

import io.mm4j.api.vma.VmaIndex;
import io.mm4j.testkit.HeapUse;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.vma.rules.VmaOp.Probe;

/**
 * Counts the bytes that this thread allocates around calls that promise to allocate nothing.
 *
 * <p>The JVM itself allocates on a thread now and then: when a method is linked, compiled or taken
 * back to the interpreter. So a count above 0 is taken again, on the same calls: an index that
 * allocates does so every time, the JVM does not.
 */
public final class AllocationRule {
  private static final int INSERTS = 5;

  /** As often a count above 0 is doubted. */
  private static final int WINDOWS = 60;

  private static final int ERASED = 3;

  /** What look-ups gave, so that none of them is compiled away. */
  @SuppressWarnings("UnusedVariable") // it is there to be written
  private static volatile long kept;

  private AllocationRule() {}

  public static void check(VmaSubject run) {
    if (!(run.last() instanceof Probe(long at, long length))) {
      return;
    }
    long addr = Math.min(at & Long.MAX_VALUE, VmaIndex.MAX_ADDRESS - 1);
    VmaIndex index = run.index();
    long bytes = -1;
    for (int i = 0; bytes != 0 && i < WINDOWS; i++) {
      long before = HeapUse.ofThisThread();
      kept = lookUp(index, addr, length);
      bytes = HeapUse.ofThisThread() - before;
    }
    if (bytes != 0) {
      throw new RuleViolation("look-ups that allocate 0 bytes", each(bytes));
    }
    if (run.maxVmas - run.model().size() < INSERTS) {
      return;
    }
    bytes = -1;
    for (int i = 0; bytes != 0 && i < WINDOWS; i++) {
      VmaIndex copy = index.copy();
      copy.reserve(INSERTS);
      long before = HeapUse.ofThisThread();
      change(copy);
      bytes = HeapUse.ofThisThread() - before;
    }
    if (bytes != 0) {
      throw new RuleViolation("reserved inserts that allocate 0 bytes", each(bytes));
    }
  }

  private static String each(long bytes) {
    return bytes + " bytes, and more than 0 in each of " + WINDOWS + " tries";
  }

  private static long lookUp(VmaIndex index, long addr, long length) {
    long sum = index.gapAbove(addr, VmaIndex.MAX_ADDRESS, length) + index.gapBelow(0, addr, length);
    int vma = index.find(addr);
    if (vma != VmaIndex.NONE) {
      sum += index.next(vma) + index.prev(vma) + index.start(vma) + index.end(vma);
    }
    return sum + index.first() + index.last() + index.size() + (index.contains(vma) ? 1 : 0);
  }

  private static void change(VmaIndex index) {
    for (int i = 0; i < INSERTS; i++) {
      long gap = index.gapBelow(0, VmaIndex.MAX_ADDRESS, 3);
      if (gap != VmaIndex.NONE_ADDR) {
        int vma = index.insert(gap + 1, gap + 3);
        index.setRange(vma, gap + 1, gap + 2);
      }
    }
    for (int i = 0; i < ERASED && index.size() > 0; i++) {
      index.erase(i % 2 == 0 ? index.last() : index.first());
    }
  }
}
