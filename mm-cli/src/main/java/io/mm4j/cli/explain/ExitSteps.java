// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MmFields;
import io.mm4j.cli.explain.Explanation.Step;
import java.util.List;
import java.util.Locale;

/**
 * The steps of a task's end, as far as its address space goes: kernel/exit.c and mm/mmap.c of Linux
 * 6.18.
 *
 * @param machine the machine
 * @param fields the address space's fields before
 * @param root the frame of its top table
 * @param frames what processes had before
 * @param committed the pages that were committed before
 */
record ExitSteps(Machine machine, MmFields fields, long root, FrameCounts frames, long committed) {
  /** What the address space of a task is now, which is about to end. */
  static ExitSteps before(Machine machine, AddressSpace mm) {
    return new ExitSteps(
        machine,
        mm.fields(),
        TopTables.frame(mm),
        FrameCounts.of(machine),
        machine.processes().committedPages());
  }

  /** Tells what has changed since then. */
  void tell(List<Step> steps, int pid, Cpu cpu) {
    int users = fields.users().mmUsers();
    boolean last = users == 1;
    steps.add(
        new Step(
            "exit_mm",
            "do_exit(): task "
                + pid
                + " has no mm any more; mm_users goes from "
                + users
                + " to "
                + (users - 1)
                + (last ? ": mmput() calls exit_mmap()" : ": others go on with all of it")));
    if (last) {
      unmapped(steps, cpu);
    }
  }

  private void unmapped(List<Step> steps, Cpu cpu) {
    FrameCounts after = FrameCounts.of(machine);
    steps.add(
        new Step(
            "unmap_vmas",
            String.format(
                Locale.ROOT,
                "%d VMAs with %d resident pages: %d anonymous pages had no other user and are"
                    + " free; %d page-cache pages stay cached",
                fields.mapCount(),
                fields.rssPages(),
                frames.anon() - after.anon(),
                machine.framesOwnedBy(FrameOwner.FILE))));
    steps.add(
        new Step(
            "free_pgtables",
            String.format(
                Locale.ROOT,
                "%d page tables below the directory are free",
                frames.tables() - after.tables())));
    steps.add(
        new Step(
            "vm_unacct_memory",
            String.format(
                Locale.ROOT,
                "%d pages are committed no longer",
                committed - machine.processes().committedPages())));
    steps.add(
        new Step(
            "lazy TLB",
            String.format(
                Locale.ROOT,
                "cpu%d has page directory 0x%x loaded until it runs a task with another"
                    + " (active_mm of its idle task): that is the last reference of mm_count",
                cpu.id(),
                root)));
  }
}
