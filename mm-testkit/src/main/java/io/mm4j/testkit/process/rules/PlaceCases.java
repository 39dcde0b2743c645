// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;
import static io.mm4j.testkit.process.rules.SpaceSetup.BASE;
import static io.mm4j.testkit.process.rules.SpaceSetup.TASK_SIZE;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.Set;

/** Cases of placement: where a mapping goes, and how far a stack grows. */
public final class PlaceCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Layouts repeat from run to run, and guard gaps keep stacks apart.",
          "a border of the search, an alignment or the guard gap is one page off");

  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = HugeCases.SIZE;
  private static final long GAP = 256 * PAGE;
  private static final int ANON = 0x22;
  private static final int FIXED = 0x32;
  private static final int STACK = 0x132;

  private PlaceCases() {}

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-C86",
            "place-top-down",
            "The highest gap below mmap_base is taken, a hint where it fits, and bottom-up only"
                + " when nothing is left below.",
            "arch_get_unmapped_area_topdown, round_hint_to_min",
            PlaceCases::topDown),
        GROUP.rule(
            "AS-C87",
            "place-bottom-up",
            "The lowest gap above a third of user space is taken; MAP_32BIT from 1 to 2 GiB.",
            "arch_get_unmapped_area, find_start_end, vm_unmapped_area",
            setup -> setup.topDown = false,
            PlaceCases::bottomUp),
        GROUP.rule(
            "AS-C88",
            "place-huge-aligned",
            "Private memory without a hint in multiples of 2 MiB, and files on disk long enough,"
                + " begin on a border of 2 MiB; nothing else does.",
            "thp_get_unmapped_area_vmflags, __thp_get_unmapped_area, __get_unmapped_area",
            PlaceCases::hugeAligned),
        GROUP.rule(
            "AS-C89",
            "place-ia32",
            "A 32-bit process searches its 4 GiB without alignment for huge pages, and knows no"
                + " MAP_32BIT.",
            "arch_get_unmapped_area_topdown: in_32bit_syscall; __thp_get_unmapped_area",
            CaseSetup::ia32,
            PlaceCases::ia32),
        GROUP.rule(
            "AS-C90",
            "place-limits",
            "Lengths up to all of user space are looked at: the address then decides the errno.",
            "__get_unmapped_area, security_mmap_addr, do_munmap",
            setup -> setup.lsmMinAddr = 0,
            PlaceCases::limits),
        GROUP.rule(
            "AS-C91",
            "place-raw-io",
            "CAP_SYS_RAWIO maps below mmap_min_addr at a fixed place; hints are raised all the"
                + " same.",
            "cap_mmap_addr, round_hint_to_min",
            setup -> setup.capabilities = Set.of(Capability.SYS_RAWIO),
            rig -> {
              rig.gives("at 0", 0, rig.mm.mmap(0, PAGE, RW, FIXED, -1, 0));
              rig.gives("all of it", 0, rig.mm.mmap(0, TASK_SIZE, 0, 0x4032, -1, 0));
              rig.unmap(0, TASK_SIZE);
              rig.gives("a hint", 65536, rig.mm.mmap(4096, PAGE, RW, ANON, -1, 0));
            }),
        GROUP.rule(
            "AS-C92",
            "place-gap-at-zero",
            "Below a stack whose guard gap reaches address 0 the search ends without a second"
                + " one from below.",
            "unmapped_area_topdown: a gap of 0 wraps round (Linux 6.18)",
            setup -> setup.base = 0x100000,
            PlaceCases::gapAtZero),
        GROUP.rule(
            "AS-C93",
            "stack-grows",
            "A stack grows to a touch, as far as RLIMIT_STACK, the guard gap to an accessible"
                + " mapping, mmap_min_addr and RLIMIT_MEMLOCK allow, each to the page.",
            "expand_downwards, acct_stack_growth",
            setup -> setup.stackBytes = 40 * PAGE,
            PlaceCases::stack));
  }

  private static void placed(Rig rig, String what, long expected, long len, int flags) {
    rig.gives(what, expected, rig.mm.mmap(0, len, RW, flags, -1, 0));
  }

  private static void topDown(Rig rig) {
    placed(rig, "the first", BASE - 2 * PAGE, 2 * PAGE, ANON);
    placed(rig, "the next", BASE - 3 * PAGE, 1, ANON);
    rig.unmap(BASE - 2 * PAGE, PAGE);
    placed(rig, "two do not fit", BASE - 5 * PAGE, 2 * PAGE, ANON);
    placed(rig, "one fits", BASE - 2 * PAGE, PAGE, ANON);
    rig.gives("a hint", A, rig.mm.mmap(A + 7, PAGE, RW, ANON, -1, 0));
    rig.gives("a hint that is taken", BASE - 6 * PAGE, rig.mm.mmap(A, PAGE, RW, ANON, -1, 0));
    rig.gives(
        "a hint that reaches too far",
        BASE - 8 * PAGE,
        rig.mm.mmap(A - PAGE, 2 * PAGE, RW, ANON, -1, 0));
    rig.gives("a hint below", A - PAGE, rig.mm.mmap(A - PAGE, PAGE, RW, ANON, -1, 0));
    rig.gives("a low hint", 65536, rig.mm.mmap(4096, PAGE, READ, ANON, -1, 0));
    rig.gives("half a page", BASE - 9 * PAGE, rig.mm.mmap(4095, PAGE, RW, ANON, -1, 0));
    rig.gives(
        "a hint at the end", TASK_SIZE - PAGE, rig.mm.mmap(TASK_SIZE - PAGE, PAGE, 1, ANON, -1, 0));
    rig.gives("one beyond", BASE - 11 * PAGE, rig.mm.mmap(TASK_SIZE - 1, 2 * PAGE, 1, ANON, -1, 0));
    rig.gives("MAP_32BIT", 0x40000000L, rig.mm.mmap(0, PAGE, RW, 0x62, -1, 0));
    rig.gives("its next", 0x40001000L, rig.mm.mmap(0, PAGE, RW, 0x62, -1, 0));
    rig.gives("all of it", -Errno.ENOMEM, rig.mm.mmap(0, 0x40000000L, RW, 0x62, -1, 0));
    rig.gives(
        "what is left", 0x40002000L, rig.mm.mmap(0, 0x40000000L - 2 * PAGE, 0, 0x4062, -1, 0));
    rig.gives("a hint for it", A + TEN, rig.mm.mmap(A + TEN, PAGE, RW, 0x62, -1, 0));
    rig.gives("a stack", A + GAP + 2 * TEN, rig.mm.mmap(A + GAP + 2 * TEN, PAGE, 3, 0x122, -1, 0));
    rig.gives(
        "a hint below its gap",
        A + 18 * PAGE,
        rig.mm.mmap(A + 18 * PAGE, 2 * PAGE, 3, 0x22, -1, 0));
    rig.gives(
        "a hint in its gap",
        BASE - 14 * PAGE,
        rig.mm.mmap(A + 19 * PAGE + PAGE, 3 * PAGE, 3, 0x22, -1, 0));
    long low = 1L << 32;
    rig.gives("all above 4 GiB", low, rig.mm.mmap(low, BASE - 14 * PAGE - low, 0, 0x4032, -1, 0));
    long below = Looks.works("below 4 GiB", rig.mm.mmap(0, PAGE, RW, ANON, -1, 0));
    rig.gives("below 4 GiB", low - PAGE, below);
    rig.gives("MAP_ABOVE4G, above mmap_base", BASE, rig.mm.mmap(0, PAGE, RW, 0xa2, -1, 0));
  }

  private static void bottomUp(Rig rig) {
    long third = (TASK_SIZE / 3 + PAGE - 1) & -PAGE;
    placed(rig, "the first", third, 2 * PAGE, ANON);
    placed(rig, "the next", third + 2 * PAGE, PAGE, ANON);
    rig.unmap(third + PAGE, PAGE);
    placed(rig, "two do not fit", third + 3 * PAGE, 2 * PAGE, ANON);
    placed(rig, "one fits", third + PAGE, PAGE, ANON);
    rig.gives("a hint", A, rig.mm.mmap(A, PAGE, RW, ANON, -1, 0));
    rig.gives("a hint taken", third + 5 * PAGE, rig.mm.mmap(A, PAGE, RW, ANON, -1, 0));
    rig.gives("a low hint", 65536, rig.mm.mmap(4096, PAGE, RW, ANON, -1, 0));
    rig.gives("MAP_32BIT", 0x40000000L, rig.mm.mmap(0, PAGE, RW, 0x62, -1, 0));
    rig.gives("too long", -Errno.ENOMEM, rig.mm.mmap(0, 0x80000000L + PAGE, 0, 0x62, -1, 0));
    rig.gives(
        "a stack", third + 300 * PAGE, rig.mm.mmap(third + 300 * PAGE, PAGE, RW, STACK, -1, 0));
    placed(rig, "up to its gap", third + 6 * PAGE, 38 * PAGE, ANON);
    placed(rig, "behind it", third + 301 * PAGE, PAGE, ANON);
    placed(rig, "2 MiB at a border", (third + 302 * PAGE + HUGE - 1) & -HUGE, HUGE, ANON);
    long behind = third + 302 * PAGE;
    rig.gives("a hint in a gap", behind, rig.mm.mmap(third + 50 * PAGE, PAGE, RW, ANON, -1, 0));
    long border = (behind + HUGE - 1) & -HUGE;
    rig.map(behind, border - behind, READ);
    placed(rig, "2 MiB where a border is the next", border + HUGE, HUGE, ANON);
    rig.gives(
        "a hint at the end", TASK_SIZE - PAGE, rig.mm.mmap(TASK_SIZE - PAGE, PAGE, 1, ANON, -1, 0));
    rig.unmap(0x40000000L, PAGE);
    rig.gives("all of MAP_32BIT", 0x40000000L, rig.mm.mmap(0, 0x40000000L, 0, 0x4062, -1, 0));
    rig.gives("fixed", A + PAGE, rig.mm.mmap(A + PAGE, PAGE, RW, FIXED, -1, 0));
    long top = (TASK_SIZE - third - 4 * HUGE) & -HUGE;
    Looks.fails(rig, "too long", Errno.ENOMEM, rig.mm.mmap(0, top + 8 * HUGE, 0, 0x4022, -1, 0));
  }

  private static void hugeAligned(Rig rig) {
    long border = BASE & -HUGE;
    placed(rig, "2 MiB", border - HUGE, HUGE, ANON);
    placed(rig, "a page goes above", BASE - PAGE, PAGE, ANON);
    placed(rig, "4 MiB", border - 3 * HUGE, 2 * HUGE, ANON);
    placed(rig, "no multiple", border - 3 * HUGE - HUGE - PAGE, HUGE + PAGE, ANON);
    placed(rig, "shared", border - 5 * HUGE - PAGE, HUGE, 0x21);
    long at = border - 5 * HUGE - PAGE;
    rig.gives("a hint that is taken", at - HUGE, rig.mm.mmap(at, HUGE, RW, ANON, -1, 0));
    at -= HUGE;
    long file = rig.mm.mmap(0, HUGE, RW, 2, CaseSetup.HUGE, 0);
    rig.gives("a file", (at - HUGE) & -HUGE, file);
    long other = rig.mm.mmap(0, HUGE, RW, 2, CaseSetup.HUGE, PAGE);
    rig.gives(
        "a file without a border in it", at - HUGE < file + HUGE ? file - HUGE : at - HUGE, other);
    long inside = rig.mm.mmap(0, 2 * HUGE, RW, 2, CaseSetup.HUGE, 3 * PAGE);
    rig.gives("its offset's border", 3 * PAGE, inside & (HUGE - 1));
    long memory = rig.mm.mmap(0, HUGE, RW, 2, CaseSetup.TMPFS, 0);
    rig.gives("tmpfs", inside - HUGE, memory);
    long zero = rig.mm.mmap(0, HUGE, RW, 2, CaseSetup.ZERO, 0);
    rig.gives("private /dev/zero", (memory - HUGE) & -HUGE, zero);
    long shared = rig.mm.mmap(0, HUGE, RW, 1, CaseSetup.ZERO, 0);
    rig.gives("shared /dev/zero", zero - HUGE, shared);
    long whole = rig.mm.mmap(0, 4 * HUGE, RW, 0x22, -1, 0);
    rig.gives("anonymous again", 0, whole & (HUGE - 1));
    rig.unmap(BASE - (64L << 21), 64L << 21);
    rig.map(border, BASE - border, READ);
    placed(rig, "where a border is the top", border - HUGE, HUGE, ANON);
    rig.map(border - HUGE - PAGE, PAGE, READ);
    shared = rig.mm.mmap(0, HUGE, RW, 1, CaseSetup.ZERO, 0);
    rig.gives("shared /dev/zero below a page", border - 2 * HUGE - PAGE, shared);
  }

  private static void ia32(Rig rig) {
    long base = 0xf7fff000L;
    placed(rig, "2 MiB", base - HUGE, HUGE, ANON);
    placed(rig, "MAP_32BIT", base - HUGE - PAGE, PAGE, 0x62);
    placed(rig, "MAP_ABOVE4G", base - HUGE - 2 * PAGE, PAGE, 0xa2);
    long file = rig.mm.mmap(0, HUGE, RW, 2, CaseSetup.HUGE, 0);
    rig.gives("a file", base - 2 * HUGE - 2 * PAGE, file);
    rig.gives("the last page", 0xffffd000L, rig.mm.mmap(0xffffd000L, PAGE, RW, ANON, -1, 0));
    Looks.fails(
        rig, "behind the end", Errno.ENOMEM, rig.mm.mmap(0xffffe000L, PAGE, RW, FIXED, -1, 0));
    Looks.fails(rig, "too long", Errno.ENOMEM, rig.mm.mmap(0, 0xfffff000L, RW, 0x4022, -1, 0));
    Looks.fails(rig, "munmap beyond", Errno.EINVAL, rig.mm.munmap(0xffffd000L, 2 * PAGE));
    rig.unmap(0xffffd000L, PAGE);
    long above = base - PAGE - (base - 2 * HUGE - 3 * PAGE);
    rig.gives("all below", 65536, rig.mm.mmap(65536, file - 65536, 0, 0x4032, -1, 0));
    placed(rig, "bottom-up in the end", base, above, ANON);
    Looks.fails(
        rig, "mremap beyond", Errno.EINVAL, rig.mm.mremap(base, PAGE, PAGE, 3, 0xffffe000L));
  }

  private static void limits(Rig rig) {
    Looks.fails(rig, "all", Errno.EPERM, rig.mm.mmap(0, TASK_SIZE, 0, 0x4032, -1, 0));
    Looks.fails(rig, "more", Errno.ENOMEM, rig.mm.mmap(0, TASK_SIZE + 1, 0, 0x4032, -1, 0));
    Looks.fails(
        rig, "from a page on", Errno.ENOMEM, rig.mm.mmap(PAGE, TASK_SIZE, 0, 0x4032, -1, 0));
    Looks.fails(rig, "anywhere", Errno.ENOMEM, rig.mm.mmap(0, TASK_SIZE, 0, 0x4022, -1, 0));
    Looks.fails(rig, "at 0", Errno.EPERM, rig.mm.mmap(0, PAGE, RW, FIXED, -1, 0));
    rig.gives("the lowest", PAGE, rig.mm.mmap(PAGE, PAGE, RW, FIXED, -1, 0));
    Looks.fails(rig, "odd", Errno.EINVAL, rig.mm.mmap(A + 1, PAGE, RW, FIXED, -1, 0));
    Looks.fails(rig, "wraps", Errno.ENOMEM, rig.mm.mmap(A, -1, RW, FIXED, -1, 0));
    rig.gives("the rest", 2 * PAGE, rig.mm.mmap(2 * PAGE, TASK_SIZE - 2 * PAGE, 0, 0x4032, -1, 0));
    Looks.fails(rig, "nothing is left", Errno.ENOMEM, rig.mm.mmap(0, PAGE, RW, 0x22, -1, 0));
    Looks.fails(rig, "odd", Errno.EINVAL, rig.mm.munmap(A + 1, PAGE));
    Looks.fails(rig, "nothing", Errno.EINVAL, rig.mm.munmap(A, 0));
    Looks.fails(rig, "too long", Errno.EINVAL, rig.mm.munmap(PAGE, TASK_SIZE - PAGE + 1));
    Looks.fails(rig, "too high", Errno.EINVAL, rig.mm.munmap(TASK_SIZE + PAGE, PAGE));
    Looks.fails(rig, "at the end", Errno.EINVAL, rig.mm.munmap(TASK_SIZE, PAGE));
    rig.gives("all", 0, rig.mm.munmap(0, TASK_SIZE));
    rig.gives("all of nothing", 0, rig.mm.munmap(0, TASK_SIZE));
    rig.gives("a byte of a page", 0, rig.mm.munmap(A, 1));
  }

  private static void gapAtZero(Rig rig) {
    rig.map(0xa0000, 0x60000, READ);
    rig.gives("a stack", 0x90000, rig.mm.mmap(0x90000, PAGE, RW, STACK, -1, 0));
    rig.gives("above it", 0xa0000 - PAGE, rig.mm.mmap(0, PAGE, RW, ANON, -1, 0));
    rig.map(0x91000, 0xe000, READ);
    Looks.fails(rig, "below it", Errno.ENOMEM, rig.mm.mmap(0, PAGE, RW, ANON, -1, 0));
    Looks.fails(rig, "below it", Errno.ENOMEM, rig.mm.mmap(0, TEN, RW, ANON, -1, 0));
    long third = (TASK_SIZE / 3 + PAGE - 1) & -PAGE;
    rig.gives("too long for any gap", third, rig.mm.mmap(0, 0x91000, RW, ANON, -1, 0));
  }

  private static void stack(Rig rig) {
    long top = A + 100 * PAGE;
    rig.gives("a stack", top - PAGE, rig.mm.mmap(top - PAGE, PAGE, RW, STACK, -1, 0));
    rig.map(top, PAGE, READ);
    Looks.ends("a page below", Kind.OK, rig.mm.write(top - 2 * PAGE + 5, 1));
    rig.shows(top - 10 * PAGE, top, "8-10 rw-p");
    Looks.pages(rig, top - 3 * PAGE, 3 * PAGE, "-1,A1,.1");
    Looks.ends("far below", Kind.OK, rig.mm.read(top - 40 * PAGE));
    Looks.ends("beyond the limit", Kind.SEGV_MAPERR, rig.mm.write(top - 41 * PAGE, 1));
    rig.gives("a limit", 0, rig.mm.setrlimit(ResourceLimit.STACK, -1, 0));
    Looks.ends("without limit", Kind.OK, rig.mm.write(top - 41 * PAGE, 1));
    long below = top - 41 * PAGE - GAP - 2 * PAGE;
    rig.map(below, PAGE, READ);
    Looks.ends("at the gap", Kind.OK, rig.mm.write(below + PAGE + GAP, 1));
    Looks.ends("in the gap", Kind.SEGV_MAPERR, rig.mm.write(below + GAP, 1));
    rig.protect(below, PAGE, 0);
    Looks.ends("above nothing", Kind.OK, rig.mm.write(below + GAP, 1));
    rig.unmap(below, PAGE);
    rig.gives("another stack", below, rig.mm.mmap(below, PAGE, RW, STACK, -1, 0));
    Looks.ends("towards it", Kind.OK, rig.mm.write(below + 2 * PAGE, 1));
    rig.gives("locked", 0, rig.mm.mlock(below, PAGE));
    rig.gives("two pages more", 0, rig.mm.setrlimit(ResourceLimit.MEMLOCK, 3 * PAGE, 0));
    Looks.ends("three pages", Kind.SEGV_MAPERR, rig.mm.write(below - 3 * PAGE, 1));
    Looks.ends("two pages", Kind.OK, rig.mm.write(below - 2 * PAGE, 1));
    Looks.locked(rig, 3);
    rig.gives("near 0", 65536 + PAGE, rig.mm.mmap(65536 + PAGE, PAGE, RW, STACK, -1, 0));
    Looks.ends("the lowest page", Kind.OK, rig.mm.write(65536, 1));
    Looks.ends("below it", Kind.SEGV_MAPERR, rig.mm.write(65535, 1));
    rig.move(65536, A + 2000 * PAGE, PAGE);
    Looks.ends("where offsets end", Kind.OK, rig.mm.write(A + 1984 * PAGE, 1));
    Looks.ends("below offset 0", Kind.SEGV_MAPERR, rig.mm.write(A + 1983 * PAGE, 1));
    rig.map(CaseRule.Rig.FAR, PAGE, RW);
    Looks.ends("no stack", Kind.SEGV_MAPERR, rig.mm.write(CaseRule.Rig.FAR - 1, 1));
    Looks.ends("not canonical", Kind.SEGV_KERNEL, rig.mm.write(1L << 47, 1));
    Looks.ends("not canonical", Kind.SEGV_KERNEL, rig.mm.read(-(1L << 47) - 1));
    Looks.ends("the kernel's", Kind.SEGV_MAPERR, rig.mm.read(-(1L << 47)));
    Looks.ends("the last page", Kind.SEGV_MAPERR, rig.mm.read((1L << 47) - 1));
  }
}
