// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.Cpu;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.cli.explain.Explanation.Step;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * The steps of a context switch: {@code context_switch()} of kernel/sched/core.c and {@code
 * switch_mm()} of arch/x86/mm/tlb.c, Linux 6.18.
 */
final class SwitchSteps {
  private final Tasks tasks;
  private final Cpu cpu;
  private final TopTables top;

  SwitchSteps(Tasks tasks, Cpu cpu, TopTables top) {
    this.tasks = tasks;
    this.cpu = cpu;
    this.top = top;
  }

  /** Makes the CPU run a task, and tells what that changed. */
  List<Step> to(Task next) {
    Task prev = tasks.current(cpu);
    AddressSpace loaded = prev.activeMm();
    LongFunction<String> hex = frame -> "0x" + Long.toHexString(frame);
    long before = loaded == null ? -1 : TopTables.frame(loaded);
    List<Step> steps = new ArrayList<>();
    if (prev.equals(next)) {
      steps.add(new Step("schedule", "task " + next.pid() + " runs already"));
      return steps;
    }
    tasks.switchTo(cpu, next);
    AddressSpace mm = next.mm();
    if (mm == null) {
      steps.add(
          new Step(
              "enter_lazy_tlb",
              "task "
                  + next.pid()
                  + " has no mm: page directory "
                  + (before < 0 ? "of init_mm" : hex.apply(before))
                  + " stays loaded as its active_mm: "
                  + counts(next.activeMm())));
      return steps;
    }
    long now = TopTables.frame(mm);
    if (now == before) {
      steps.add(
          new Step(
              "switch_mm",
              "page directory " + hex.apply(now) + " is loaded already: CR3 stays, no TLB flush"));
    } else {
      steps.add(
          new Step(
              "switch_mm",
              "CR3 goes from "
                  + (before < 0 ? "init_mm's" : hex.apply(before))
                  + " to "
                  + hex.apply(now)
                  + (before < 0 ? "" : "; " + top.compared(before, now))));
    }
    steps.add(
        new Step(
            "mm_struct",
            "of task "
                + next.pid()
                + ": "
                + counts(mm)
                + (loaded == null || loaded.equals(mm)
                    ? ""
                    : "; of the one before: " + left(loaded))));
    return steps;
  }

  /** The counts of an address space in words. */
  static String counts(@Nullable AddressSpace space) {
    if (space == null) {
      return "init_mm";
    }
    MmFields.Users users = space.fields().users();
    return "mm_users=" + users.mmUsers() + " mm_count=" + users.mmCount();
  }

  /** The counts of an address space that may have gone with this switch. */
  private static String left(AddressSpace mm) {
    MmFields.Users users = mm.fields().users();
    return users.mmCount() == 0 ? "gone, with its page directory (mmdrop)" : counts(mm);
  }
}
