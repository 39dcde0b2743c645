// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma;

import com.sun.management.ThreadMXBean;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.vma.VmaOp.Probe;
import java.lang.management.ManagementFactory;

/** Counts the bytes that this thread allocates around calls that promise to allocate nothing. */
final class AllocationRule {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int INSERTS = 5;

  private AllocationRule() {}

  static void check(VmaSubject run) {
    if (!(run.last() instanceof Probe(long at, long length))) {
      return;
    }
    long addr = Math.min(at & Long.MAX_VALUE, VmaIndex.MAX_ADDRESS - 1);
    VmaIndex index = run.index();
    long before = THREADS.getCurrentThreadAllocatedBytes();
    long sum = lookUp(index, addr, length);
    long after = THREADS.getCurrentThreadAllocatedBytes();
    if (after != before) {
      throw new RuleViolation(
          "look-ups that allocate 0 bytes", after - before + " bytes, sum " + sum);
    }
    if (run.maxVmas - run.model().size() < INSERTS) {
      return;
    }
    VmaIndex copy = index.copy();
    copy.reserve(INSERTS);
    before = THREADS.getCurrentThreadAllocatedBytes();
    change(copy);
    after = THREADS.getCurrentThreadAllocatedBytes();
    if (after != before) {
      throw new RuleViolation("reserved inserts that allocate 0 bytes", after - before + " bytes");
    }
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
    int last = VmaIndex.NONE;
    for (int i = 0; i < INSERTS; i++) {
      long gap = index.gapBelow(0, VmaIndex.MAX_ADDRESS, 3);
      if (gap != VmaIndex.NONE_ADDR) {
        last = index.insert(gap + 1, gap + 3);
        index.setRange(last, gap + 1, gap + 2);
      }
    }
    if (last != VmaIndex.NONE) {
      index.erase(last);
    }
  }
}
