// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.page.PageAllocator;
import io.mm4j.cli.explain.Explanation.Step;
import io.mm4j.cli.translate.WalkText;
import io.mm4j.replay.RunningProcess;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What a touch does below the address space: how the page allocator finds its frames, then every
 * entry of the page tables on the way to the byte, as it is now and as it was, and the frame.
 */
final class TouchWalk {
  private final RunningProcess process;
  private final long address;
  private final List<Step> steps;
  private final PageTeller teller;
  private final Map<String, WalkText.Line> before = new HashMap<>();

  /** Before the touch; what it says goes to {@code steps}. */
  TouchWalk(RunningProcess process, long address, List<Step> steps) {
    this.process = process;
    this.address = address;
    this.steps = steps;
    this.teller = new PageTeller(steps);
    lines().forEach(line -> before.put(line.level(), line));
  }

  private List<WalkText.Line> lines() {
    return new WalkText(process.machine()).lines(process.mm().fields().pgd() >>> 12, address);
  }

  /** Something else is told now. */
  void flush() {
    List<Step> _ = teller.steps();
  }

  /** Makes the touch and tells what came of it. */
  <T> T around(Supplier<T> touch) {
    PageAllocator pages = process.machine().pages();
    boolean _ = pages.watch(teller);
    T outcome;
    try {
      outcome = touch.get();
    } finally {
      pages.watch(null);
      flush();
    }
    for (WalkText.Line line : lines()) {
      WalkText.Line old = before.get(line.level());
      String was = "";
      if (old != null && old.entry() != line.entry()) {
        was = "; it was " + old.kind();
      } else if (old == null && !line.level().equals(WalkText.FRAME)) {
        was = "; the table is new";
      }
      steps.add(new Step(line.level(), line.text() + was));
    }
    return outcome;
  }
}
