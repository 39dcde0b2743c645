// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.Set;

/** Cases of limits of what is mapped and promised, each at its exact border. */
public final class LimitCases {
  static final CaseGroup GROUP =
      new CaseGroup(
          "A limit that is off by one page is found by whoever runs into it.",
          "a comparison is off by one, or looks at another sum, right or mode");

  private static final long PAGE = Bits.PAGE;
  private static final int ANON = 0x32;

  /** RAM and swap of the machine of the overcommit cases, in pages. */
  private static final long RAM = 16384;

  private static final long SWAP = 1000;

  /** The same of the machine on which large processes are tried. */
  private static final long LARGE_RAM = 1L << 20;

  /** What vm.admin_reserve_kbytes keeps back, in pages. */
  private static final long ADMIN = 2048;

  /** Beyond all that large processes map at {@link CaseRule.Rig#A}. */
  private static final long FARTHER = 1L << 44;

  private LimitCases() {}

  private static void tight(CaseSetup setup, int mode) {
    setup.overcommit = mode;
    setup.ramKb = RAM * 4;
    setup.swapKb = SWAP * 4;
  }

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-C79",
            "data-limit",
            "RLIMIT_DATA counts private writable memory and, for brk, the data segment; soft limit"
                + " 0 lets everything through but brk.",
            "may_expand_vm, check_data_rlimit, mprotect_fixup",
            setup -> {
              setup.dataBytes = 30 * PAGE;
              setup.startData = SpaceSetup.DATA;
              setup.endData = SpaceSetup.DATA + 2 * PAGE + 100;
            },
            LimitCases::data),
        GROUP.rule(
            "AS-C80",
            "address-space-limit",
            "RLIMIT_AS lets through what reaches it, in mmap, brk, mremap and stacks that grow; of"
                + " MAP_FIXED only what it adds counts.",
            "may_expand_vm, vms_gather_munmap_vmas, acct_stack_growth",
            setup -> setup.asBytes = 30 * PAGE,
            LimitCases::addressSpace),
        GROUP.rule(
            "AS-C81",
            "overcommit-heuristic",
            "With overcommit_memory 0 one call may ask for all RAM and swap and not for a page"
                + " more, however much was promised before.",
            "__vm_enough_memory: OVERCOMMIT_GUESS",
            setup -> tight(setup, 0),
            LimitCases::guess),
        GROUP.rule(
            "AS-C82",
            "overcommit-always",
            "With overcommit_memory 1 nothing is refused.",
            "__vm_enough_memory: OVERCOMMIT_ALWAYS",
            setup -> tight(setup, 1),
            rig -> {
              long bytes = 3 * (RAM + SWAP) * PAGE;
              rig.map(A, bytes, RW);
              Looks.works("MAP_SHARED", rig.mm.mmap(0, bytes, RW, 0x21, -1, 0));
              Looks.works("unreserved", rig.mm.mmap(0, bytes, RW, 0x4022, -1, 0));
              Looks.committed(rig, 6 * (RAM + SWAP));
            }),
        GROUP.rule(
            "AS-C83",
            "overcommit-never",
            "With overcommit_memory 2 all promises together stay below the ratio of RAM and swap,"
                + " less the reserves; MAP_NORESERVE is ignored, and what goes is given back.",
            "__vm_enough_memory, vm_commit_limit",
            setup -> tight(setup, 2),
            rig -> never(rig, RAM / 2 + SWAP - ADMIN)),
        GROUP.rule(
            "AS-C84",
            "overcommit-admin",
            "CAP_SYS_ADMIN takes the reserve that is kept for it.",
            "__vm_enough_memory: cap_sys_admin",
            setup -> {
              tight(setup, 2);
              setup.ramKb = LARGE_RAM * 4;
              setup.overcommitRatio = 80;
              setup.capabilities = Set.of(Capability.SYS_ADMIN);
            },
            rig -> never(rig, LARGE_RAM * 80 / 100 + SWAP)),
        GROUP.rule(
            "AS-C85",
            "map-count-border",
            "At vm.max_map_count a mapping may still be added and none may be cut; mremap stays"
                + " three below.",
            "do_mmap, split_vma, vms_gather_munmap_vmas, move_vma, check_mremap_params",
            setup -> setup.maxMapCount = 10,
            LimitCases::mapCount));
  }

  private static void data(Rig rig) {
    long brk = SpaceSetup.BRK;
    long left = 30 * PAGE - 2 * PAGE - 100;
    rig.gives("a byte too far", brk, rig.mm.brk(brk + left + 1));
    rig.gives("the last byte", brk + left, rig.mm.brk(brk + left));
    rig.gives("back", brk, rig.mm.brk(brk));
    rig.map(A, 3 * TEN, RW);
    Looks.fails(rig, "a page more", Errno.ENOMEM, rig.mm.mmap(FAR, PAGE, RW, ANON, -1, 0));
    rig.gives("brk", brk, rig.mm.brk(brk + PAGE));
    rig.gives("shared", FAR, rig.mm.mmap(FAR, TEN, RW, 0x31, -1, 0));
    rig.gives("read-only", FAR, rig.mm.mmap(FAR, TEN, 5, ANON, -1, 0));
    rig.gives("a stack", FAR + TEN, rig.mm.mmap(FAR + TEN, TEN, RW, 0x132, -1, 0));
    Looks.fails(rig, "mprotect", Errno.ENOMEM, rig.mm.mprotect(FAR, PAGE, RW));
    rig.gives("a stack's mprotect", 0, rig.mm.mprotect(FAR + TEN, TEN, 7));
    rig.gives("mprotect of data", 0, rig.mm.mprotect(A, PAGE, 7));
    Looks.fails(rig, "growing", Errno.ENOMEM, rig.mm.mremap(A + TEN, TEN, TEN + PAGE, 1, 0));
    rig.gives("half a page", 0, rig.mm.setrlimit(ResourceLimit.DATA, 100, 0));
    Looks.fails(rig, "a page more", Errno.ENOMEM, rig.mm.mmap(0, PAGE, RW, 0x22, -1, 0));
    rig.gives("mprotect of what is over already", 0, rig.mm.mprotect(A, PAGE, RW));
    rig.gives("nothing", 0, rig.mm.setrlimit(ResourceLimit.DATA, 0, 0));
    Looks.works("mmap with limit 0", rig.mm.mmap(0, PAGE, RW, 0x22, -1, 0));
    rig.gives("brk with limit 0", brk, rig.mm.brk(brk + PAGE));
    rig.gives("no limit", 0, rig.mm.setrlimit(ResourceLimit.DATA, -1, 0));
    rig.gives("brk", brk + PAGE, rig.mm.brk(brk + PAGE));
    Looks.sum(rig, "data_vm", MmFields::dataVmPages, 32);
  }

  private static void addressSpace(Rig rig) {
    rig.map(A, 3 * TEN, READ);
    Looks.fails(rig, "a page more", Errno.ENOMEM, rig.mm.mmap(FAR, PAGE, READ, ANON, -1, 0));
    rig.gives("over the old", A, rig.mm.mmap(A, 3 * TEN, RW, ANON, -1, 0));
    Looks.fails(
        rig, "over the old and more", Errno.ENOMEM, rig.mm.mmap(A, 31 * PAGE, RW, ANON, -1, 0));
    rig.shows("0-30 rw-p");
    rig.gives("brk", SpaceSetup.BRK, rig.mm.brk(SpaceSetup.BRK + PAGE));
    rig.gives("moving", FAR, rig.mm.mremap(A, TEN, TEN, 3, FAR));
    Looks.fails(rig, "growing", Errno.ENOMEM, rig.mm.mremap(FAR, TEN, TEN + PAGE, 1, 0));
    Looks.fails(rig, "keeping both", Errno.ENOMEM, rig.mm.mremap(FAR, PAGE, PAGE, 7, A));
    rig.unmap(B, PAGE);
    rig.gives("keeping both", A, rig.mm.mremap(FAR, PAGE, PAGE, 7, A));
    rig.unmap(A, PAGE);
    rig.gives("growing", FAR, rig.mm.mremap(FAR, TEN, TEN + PAGE, 0, 0));
    rig.unmap(B, 2 * TEN);
    rig.gives("a stack", A, rig.mm.mmap(A, PAGE, RW, 0x132, -1, 0));
    rig.gives("half a page more", 0, rig.mm.setrlimit(ResourceLimit.AS, 14 * PAGE + 1, 0));
    Looks.ends("three pages below", Kind.SEGV_MAPERR, rig.mm.write(A - 3 * PAGE, 1));
    Looks.ends("two pages below", Kind.OK, rig.mm.write(A - 2 * PAGE, 1));
    Looks.sum(rig, "total_vm", MmFields::totalVmPages, 14);
    Looks.sum(rig, "hiwater_vm", MmFields::hiwaterVmPages, 30);
    Rig child = rig.fork();
    Looks.sum(child, "hiwater_vm of a child", MmFields::hiwaterVmPages, 14);
    Looks.fails(child, "the child's limit", Errno.ENOMEM, child.mm.mmap(0, PAGE, RW, 0x22, -1, 0));
    child.mm.exit();
  }

  private static void guess(Rig rig) {
    long all = (RAM + SWAP) * PAGE;
    rig.map(A, all, RW);
    rig.gives("as much again", FAR, rig.mm.mmap(FAR, all, RW, ANON, -1, 0));
    Looks.fails(rig, "a page more", Errno.ENOMEM, rig.mm.mmap(0, all + PAGE, RW, 0x22, -1, 0));
    Looks.fails(rig, "shared", Errno.ENOMEM, rig.mm.mmap(0, all + PAGE, RW, 0x21, -1, 0));
    Looks.works("unreserved", rig.mm.mmap(0, all + PAGE, RW, 0x4022, -1, 0));
    Looks.works("unreserved and shared", rig.mm.mmap(0, all + PAGE, RW, 0x4021, -1, 0));
    long readOnly = Looks.works("read-only", rig.mm.mmap(0, all + PAGE, READ, 0x22, -1, 0));
    Looks.committed(rig, 2 * (RAM + SWAP));
    long shared = Looks.works("shared, to read", rig.mm.mmap(0, TEN, READ, 0x21, -1, 0));
    long free = Looks.works("unreserved, to read", rig.mm.mmap(0, TEN, READ, 0x4022, -1, 0));
    Looks.committed(rig, 2 * (RAM + SWAP) + 10);
    rig.protect(shared, TEN, RW);
    rig.protect(free, TEN, RW);
    Looks.committed(rig, 2 * (RAM + SWAP) + 10);
    rig.unmap(shared, TEN);
    rig.unmap(free, TEN);
    Looks.fails(rig, "making it writable", Errno.ENOMEM, rig.mm.mprotect(readOnly, all + PAGE, RW));
    rig.gives("all but a page of it", 0, rig.mm.mprotect(readOnly, all, RW));
    Looks.committed(rig, 3 * (RAM + SWAP));
    rig.gives("and back", 0, rig.mm.mprotect(readOnly, all, READ));
    Looks.committed(rig, 2 * (RAM + SWAP));
    rig.gives("over the old", A, rig.mm.mmap(A, all, READ, ANON, -1, 0));
    Looks.committed(rig, RAM + SWAP);
    rig.gives("a file", FARTHER, rig.mm.mmap(FARTHER, TEN, RW, 0x12, CaseSetup.DISK, 0));
    rig.protect(FARTHER, TEN, READ);
    Looks.committed(rig, RAM + SWAP + 10);
    rig.unmap(FARTHER, TEN);
    rig.gives("a stack", FARTHER, rig.mm.mmap(FARTHER, PAGE, RW, 0x4132, -1, 0));
    rig.touch(FARTHER - 3 * PAGE);
    Looks.committed(rig, RAM + SWAP);
    rig.unmap(FARTHER - 3 * PAGE, 4 * PAGE);
    Rig child = rig.fork();
    Looks.committed(rig, 2 * (RAM + SWAP));
    child.mm.exit();
    Looks.committed(rig, RAM + SWAP);
  }

  private static void never(Rig rig, long limit) {
    // Of its own total_vm a process leaves a thirty-second part free.
    rig.map(FARTHER, 320 * PAGE, READ);
    long most = limit - 10 - 1;
    rig.gives("a page too many", -Errno.ENOMEM, rig.mm.mmap(A, (most + 1) * PAGE, RW, ANON, -1, 0));
    rig.map(A, most * PAGE, RW);
    Looks.committed(rig, most);
    Looks.fails(rig, "a page more", Errno.ENOMEM, rig.mm.mmap(0, PAGE, RW, 0x22, -1, 0));
    Looks.fails(rig, "unreserved", Errno.ENOMEM, rig.mm.mmap(0, PAGE, RW, 0x4022, -1, 0));
    Looks.fails(rig, "shared", Errno.ENOMEM, rig.mm.mmap(0, PAGE, RW, 0x4021, -1, 0));
    Looks.fails(rig, "mprotect", Errno.ENOMEM, rig.mm.mprotect(FARTHER, PAGE, RW));
    Looks.fails(rig, "growing", Errno.ENOMEM, rig.mm.mremap(A, PAGE, 2 * PAGE, 1, 0));
    rig.gives("brk", SpaceSetup.BRK, rig.mm.brk(SpaceSetup.BRK + PAGE));
    rig.gives("over the old", A, rig.mm.mmap(A, most * PAGE, RW, ANON, -1, 0));
    Looks.committed(rig, most);
    long unmapped = (most * PAGE / 2) & -PAGE;
    rig.unmap(A, unmapped);
    Looks.committed(rig, most - unmapped / PAGE);
    Looks.works("shared", rig.mm.mmap(A, (unmapped / 2) & -PAGE, RW, 0x31, -1, 0));
    Looks.works("droppable", rig.mm.mmap(0, unmapped, RW, 0x28, -1, 0));
    rig.unmap(A, most * PAGE);
    Looks.committed(rig, 0);
    // The part that is left free is 128 MiB at most.
    rig.map(FARTHER, 1L << 36, READ);
    most = limit - 32768 - 1;
    Looks.fails(
        rig, "a large process", Errno.ENOMEM, rig.mm.mmap(0, (most + 1) * PAGE, RW, 0x22, -1, 0));
    if (most > 0) {
      Looks.works("a large process", rig.mm.mmap(0, most * PAGE, RW, 0x22, -1, 0));
    }
  }

  private static void mapCount(Rig rig) {
    for (int i = 0; i < 9; i++) {
      rig.map(A + 8L * i * PAGE, 4 * PAGE, RW);
    }
    rig.gives("a hole at one below", 0, rig.mm.munmap(A + PAGE, PAGE));
    Looks.sum(rig, "map_count", MmFields::mapCount, 10);
    Looks.fails(rig, "a hole", Errno.ENOMEM, rig.mm.munmap(A + 9 * PAGE, PAGE));
    Looks.fails(rig, "a cut", Errno.ENOMEM, rig.mm.mprotect(A + 9 * PAGE, PAGE, READ));
    Looks.fails(rig, "advice", Errno.EAGAIN, rig.mm.madvise(A + 8 * PAGE, PAGE, 16));
    Looks.fails(rig, "mlock", Errno.ENOMEM, rig.mm.mlock(A + 8 * PAGE, PAGE));
    Looks.fails(rig, "mseal", Errno.ENOMEM, rig.mm.mseal(A + 8 * PAGE, PAGE, 0));
    rig.gives("the end of one", 0, rig.mm.munmap(A + 11 * PAGE, PAGE));
    rig.map(A + 11 * PAGE, PAGE, RW);
    rig.map(FAR, PAGE, RW);
    Looks.sum(rig, "map_count", MmFields::mapCount, 11);
    Looks.fails(rig, "mmap", Errno.ENOMEM, rig.mm.mmap(FAR + TEN, PAGE, RW, ANON, -1, 0));
    Looks.fails(
        rig, "even where it would merge", Errno.ENOMEM, rig.mm.mmap(FAR, TEN, RW, ANON, -1, 0));
    rig.gives("brk", SpaceSetup.BRK, rig.mm.brk(SpaceSetup.BRK + PAGE));
    rig.unmap(FAR, PAGE);
    rig.gives("brk", SpaceSetup.BRK + PAGE, rig.mm.brk(SpaceSetup.BRK + PAGE));
    for (int i = 8; i > 3; i--) {
      Looks.fails(rig, "mremap", Errno.ENOMEM, rig.mm.mremap(A, PAGE, PAGE, 3, FAR));
      rig.unmap(A + 8L * i * PAGE, 4 * PAGE);
    }
    Looks.sum(rig, "map_count", MmFields::mapCount, 6);
    Looks.fails(rig, "mremap at six", Errno.ENOMEM, rig.mm.mremap(A, PAGE, PAGE, 3, FAR));
    rig.map(A + 4 * PAGE, PAGE, READ);
    Looks.fails(
        rig,
        "growing at seven",
        Errno.ENOMEM,
        rig.mm.mremap(A + 8 * PAGE, 4 * PAGE, 9 * PAGE, 1, 0));
    rig.unmap(A + 4 * PAGE, PAGE);
    Looks.works("growing at six", rig.mm.mremap(A + 8 * PAGE, 4 * PAGE, 9 * PAGE, 1, 0));
    rig.unmap(SpaceSetup.BRK, PAGE);
    Looks.fails(rig, "mremap at five", Errno.ENOMEM, rig.mm.mremap(A, PAGE, PAGE, 3, FAR));
    rig.unmap(A, PAGE);
    rig.move(A + 2 * PAGE, FAR, PAGE);
  }
}
