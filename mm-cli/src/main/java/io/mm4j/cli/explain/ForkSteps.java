// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.cli.explain.Explanation.Step;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The steps of a fork that copies an address space: kernel/fork.c and mm/memory.c of Linux 6.18.
 */
final class ForkSteps {
  private static final int MOST_VMAS = 40;

  private final Machine machine;
  private final TopTables top;

  ForkSteps(Machine machine, TopTables top) {
    this.machine = machine;
    this.top = top;
  }

  /** A child that has the parent's address space: {@code vfork()}. */
  static void shared(List<Step> steps, AddressSpace mm, Task parent) {
    steps.add(
        new Step(
            "copy_mm",
            "CLONE_VM: the child has the same mm_struct, and nothing is copied: "
                + SwitchSteps.counts(mm)));
    steps.add(
        new Step(
            "vfork",
            "CLONE_VFORK: task "
                + parent.pid()
                + " waits until the child calls exec or exit (wait_for_vfork_done); the CPU"
                + " idles"));
  }

  /**
   * A child with a copy.
   *
   * @param writable of the parent, {@link #writable(AddressSpace)} before
   * @param frames what processes had before
   */
  void copied(
      List<Step> steps,
      AddressSpace old,
      AddressSpace copy,
      Map<Long, Long> writable,
      FrameCounts frames) {
    long root = TopTables.frame(old);
    long newRoot = TopTables.frame(copy);
    steps.add(
        new Step(
            "copy_mm",
            "no CLONE_VM: dup_mm() makes an mm_struct of its own: " + SwitchSteps.counts(copy)));
    steps.add(
        new Step(
            "pgd_alloc",
            String.format(
                Locale.ROOT,
                "the page directory is frame 0x%x, the parent's 0x%x; %s",
                newRoot,
                root,
                top.compared(root, newRoot))));
    Map<Long, VmaInfo> here = new LinkedHashMap<>();
    copy.forEachVma(vma -> here.put(vma.start(), vma));
    List<VmaInfo> all = new ArrayList<>();
    old.forEachVma(all::add);
    long[] sums = new long[2];
    for (VmaInfo vma : all) {
      if (vma.start() < 0) {
        continue;
      }
      long were = writable.getOrDefault(vma.start(), 0L);
      long now = writable(root, vma);
      sums[0] += were - now;
      long shared = entries(copy, vma);
      sums[1] += shared;
      if (all.size() <= MOST_VMAS) {
        String what =
            dup(vma, here.containsKey(vma.start()), shared, entries(old, vma), were - now);
        steps.add(new Step("dup_mmap", range(vma) + ": " + what));
      }
    }
    steps.add(
        new Step(
            "copy_page_range",
            String.format(
                Locale.ROOT,
                "%d pages are mapped by both now, each with one reference and one mapcount more; %d"
                    + " entries of the parent no longer let writes through, as the child's",
                sums[1],
                sums[0])));
    FrameCounts after = FrameCounts.of(machine);
    steps.add(
        new Step(
            "frames",
            String.format(
                Locale.ROOT,
                "%d more page tables (the child has %d below its directory), %d more anonymous"
                    + " pages: a write copies, not fork",
                after.tables() - frames.tables(),
                copy.fields().tablePages(),
                after.anon() - frames.anon())));
    steps.add(
        new Step(
            "flush_tlb_mm",
            "the parent's translations may still say that writes go through: they are thrown out"));
    steps.add(
        new Step(
            "accounting",
            String.format(
                Locale.ROOT,
                "committed %d pages for the child (its VMAs with VM_ACCOUNT), %d for all",
                copy.fields().committedPages(),
                machine.processes().committedPages())));
  }

  private static String dup(VmaInfo vma, boolean there, long shared, long mapped, long changed) {
    if (!there) {
      return "VM_DONTCOPY: left out";
    }
    if (vma.flags().contains("wf")) {
      return "VM_WIPEONFORK: the VMA is there, its pages are not";
    }
    if (mapped == 0) {
      return "nothing is mapped";
    }
    if (shared == 0) {
      return "vma_needs_copy() says no: the child's faults find its " + mapped + " pages again";
    }
    return shared
        + " of "
        + mapped
        + " entries copied"
        + (changed == 0 ? "; none was writable" : ", " + changed + " write-protected in both");
  }

  /** How many entries of each VMA let writes through, by its start. */
  Map<Long, Long> writable(AddressSpace mm) {
    long root = TopTables.frame(mm);
    Map<Long, Long> writable = new LinkedHashMap<>();
    mm.forEachMap(vma -> writable.put(vma.start(), writable(root, vma)));
    return writable;
  }

  private long writable(long root, VmaInfo vma) {
    return vma.start() < 0 ? 0 : top.writable(root, vma.start(), vma.end());
  }

  private static long entries(AddressSpace mm, VmaInfo vma) {
    long[] count = new long[1];
    mm.pagemap(vma.start(), vma.end(), (addr, value) -> count[0] += value < 0 ? 1 : 0);
    return count[0];
  }

  private static String range(VmaInfo vma) {
    return Long.toHexString(vma.start()) + "-" + Long.toHexString(vma.end()) + " " + vma.perms();
  }
}
