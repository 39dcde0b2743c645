// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.paging.rules.HookedPages;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of what a child has of its own, what is left at exit, and what happens without memory. */
public final class LifeCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Processes come and go by the thousand; what one leaves is missing for ever.",
          "parent and child share what each should have, or a sum is not taken back");

  private static final long PAGE = Bits.PAGE;

  /** Of RAM and swap in pages, of which vm.overcommit_kbytes says another part. */
  private static final long SWAP = 1000;

  private static final long PROMISED = 20000;

  private LifeCases() {}

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-52",
            "exit-leaves-nothing",
            "At exit every VMA, page, page table, charge and sum of a process goes, whatever it"
                + " was.",
            "exit_mmap, free_pgtables",
            setup -> setup.thp = ThpMode.ALWAYS,
            LifeCases::exit),
        GROUP.rule(
            "AS-53",
            "limits-of-a-child",
            "A child begins with its parent's limits, break and vsyscall page; what one of them"
                + " sets later the other does not see.",
            "copy_process: copy_signal; dup_mm",
            LifeCases::ofChild),
        GROUP.rule(
            "AS-54",
            "overcommit-kbytes",
            "With overcommit_memory 2 vm.overcommit_kbytes takes the place of the ratio of RAM;"
                + " swap is added to it.",
            "vm_commit_limit",
            setup -> {
              setup.overcommit = 2;
              setup.overcommitKbytes = 4 * PROMISED;
              setup.swapKb = 4 * SWAP;
              setup.capabilities = java.util.Set.of(io.mm4j.api.process.Capability.SYS_ADMIN);
            },
            rig -> {
              // Of the nothing that is mapped no part is left free; the limit itself is refused.
              long most = PROMISED + SWAP - 1;
              Looks.fails(
                  rig,
                  "a page more",
                  Errno.ENOMEM,
                  rig.mm.mmap(0, (most + 1) * PAGE, RW, 0x22, -1, 0));
              Looks.works("all", rig.mm.mmap(0, most * PAGE, RW, 0x22, -1, 0));
            }),
        GROUP.rule(
            "AS-55",
            "pages-run-out",
            "When no page is left a touch of what is present works, another fails, populating is"
                + " ENOMEM, and a fork fails that has to copy more page tables than there are"
                + " pages; all of it works when memory was given back.",
            "do_anonymous_page: VM_FAULT_OOM, dup_mmap: vma_needs_copy",
            setup -> setup.thp = ThpMode.ALWAYS,
            LifeCases::runsOut));
  }

  /** Sixteen page tables, and then no page is left but a few for a new process. */
  private static void runsOut(Rig rig) {
    int regions = 16;
    long bytes = 64 * HugeCases.SIZE;
    rig.gives("memory", FAR, rig.mm.mmap(FAR, bytes, RW, 0x4032, -1, 0));
    for (int i = 0; i < regions; i++) {
      long at = FAR + i * HugeCases.SIZE;
      RuleViolation.check(rig.mm.read(at + PAGE).ok(), "a touch works", "it fails");
      AdviceCases.advise(rig, at, PAGE, AdviceCases.DONTNEED);
    }
    HookedPages pages = Floors.hook();
    pages.leave(0);
    long untouched = FAR + regions * HugeCases.SIZE;
    rig.has(FAR + PAGE, 0);
    RuleViolation.check(!rig.mm.read(untouched).ok(), "no page, so the touch fails", "it works");
    Looks.fails(rig, "populating", Errno.ENOMEM, rig.mm.madvise(untouched, PAGE, 22));
    pages.leave(regions / 2);
    RuleViolation.check(rig.mm.fork() == null, "no fork", "a child");
    AdviceCases.advise(rig, FAR, bytes, 10);
    pages.leave(regions / 2);
    rig.fork().mm.exit();
    AdviceCases.advise(rig, FAR, bytes, 11);
    AdviceCases.advise(rig, FAR, bytes, AdviceCases.DONTNEED);
    pages.leave(Long.MAX_VALUE);
    rig.has(FAR + bytes - PAGE, 0);
    rig.fork().mm.exit();
  }

  private static void exit(Rig rig) {
    long huge = HugeCases.SIZE;
    long h = HugeCases.H;
    Rig child = rig.fork();
    child.map(h, 3 * huge, RW);
    child.put(h, 1);
    child.has(h + huge, 0);
    child.protect(h + huge, PAGE, READ);
    child.put(h + 2 * huge, 1);
    child.map(h + 4 * huge, huge, RW);
    child.has(h + 4 * huge, 0);
    child.put(h + 4 * huge, 1);
    AdviceCases.advise(child, h + 2 * huge + PAGE, PAGE, AdviceCases.GUARD_INSTALL);
    Looks.works("a file", child.mm.mmap(FAR, TEN, RW, 0x8012, CaseSetup.TINY, 0));
    Looks.works("shared", child.mm.mmap(FAR + 2 * TEN, TEN, RW, 0x8031, -1, 0));
    Looks.works("to execute", child.mm.mmap(FAR + 4 * TEN, TEN, 5, 0x32, -1, 0));
    Looks.works("a stack", child.mm.mmap(FAR + 6 * TEN, TEN, RW, 0x132, -1, 0));
    child.gives("mlock", 0, child.mm.mlock(FAR + 2 * TEN, TEN));
    long kept = Looks.works("kept", child.mm.mremap(FAR + 2 * TEN, 5 * PAGE, 5 * PAGE, 5, 0));
    child.put(kept, 2);
    child.gives("brk", SpaceSetup.BRK + PAGE, child.mm.brk(SpaceSetup.BRK + PAGE));
    Rig grandchild = child.fork();
    grandchild.put(h, 2);
    grandchild.put(h + huge + PAGE, 2);
    gone(grandchild);
    gone(child);
    gone(rig);
  }

  private static void gone(Rig rig) {
    rig.mm.exit();
    rig.validate();
    Looks.sum(rig, "map_count", MmFields::mapCount, 0);
    Looks.sum(rig, "rss", MmFields::rssPages, 0);
    Looks.sum(rig, "total_vm", MmFields::totalVmPages, 0);
    Looks.sum(rig, "locked_vm", MmFields::lockedVmPages, 0);
    Looks.sum(rig, "data_vm", MmFields::dataVmPages, 0);
    Looks.sum(rig, "exec_vm", MmFields::execVmPages, 0);
    Looks.sum(rig, "stack_vm", MmFields::stackVmPages, 0);
    Looks.sum(rig, "committed", MmFields::committedPages, 0);
  }

  private static void ofChild(Rig rig) {
    VmaInfo gate =
        new VmaInfo(
            0xffffffffff600000L,
            0xffffffffff601000L,
            "--xp",
            0,
            "[vsyscall]",
            null,
            List.of("ex"),
            "");
    rig.mm.loadVma(gate);
    rig.gives("brk", SpaceSetup.BRK + 5, rig.mm.brk(SpaceSetup.BRK + 5));
    rig.gives("a limit", 0, rig.mm.setrlimit(ResourceLimit.AS, 21 * PAGE, 0));
    Rig child = rig.fork();
    Looks.sum(child, "brk", MmFields::brk, SpaceSetup.BRK + 5);
    RuleViolation.checkEqual(2, maps(child), "lines of the child's maps");
    Looks.fails(child, "too much", Errno.ENOMEM, child.mm.mmap(A, 21 * PAGE, RW, 0x32, -1, 0));
    child.gives("its own limit", 0, child.mm.setrlimit(ResourceLimit.AS, 11 * PAGE, 0));
    Looks.fails(child, "too much", Errno.ENOMEM, child.mm.mmap(A, 11 * PAGE, RW, 0x32, -1, 0));
    rig.gives("the parent's", A, rig.mm.mmap(A, 20 * PAGE, RW, 0x32, -1, 0));
    rig.gives("no limit", 0, rig.mm.setrlimit(ResourceLimit.AS, -1, 0));
    Looks.fails(child, "too much", Errno.ENOMEM, child.mm.mmap(A, 11 * PAGE, RW, 0x32, -1, 0));
    child.mm.exit();
  }

  private static int maps(Rig rig) {
    int[] lines = {0};
    rig.mm.forEachMap(v -> lines[0]++);
    return lines[0];
  }
}
