// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.Uffd;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.paging.rules.HookedPages;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.Set;

/**
 * Memory of which a userfaultfd is told when a page is missing, and no page ever comes: before
 * somebody waits Linux has asked for the tables and the page that the fault would need, and it
 * gives the page back. Where there is none the access fails, and nobody is told.
 */
final class WaitMemoryBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = 1L << 21;
  private static final int AREAS = 3;
  private static final List<ThpMode> MODES = List.of(ThpMode.values());
  private static final int[] RIGHTS = {2, RW, RW | 4};

  /** Not all of 2 MiB: no huge page fits the last area. */
  private static final long BYTES = AREAS * HUGE - PAGE;

  private static final long COPIED = A + (1L << 30);
  private static final long SHARED = COPIED + (1L << 30);
  private static final int FILE_PAGES = 700;

  private final AddressSpace mm;
  private final FrameAudit audit = new FrameAudit();
  private final UffdBench uffd;
  private final boolean huge;
  private final boolean advised;
  private final int prot;
  private final long fd;
  private final HookedPages pages = Floors.hook();

  WaitMemoryBench(ProcessFloor floor, Seeded random) {
    super(floor);
    CaseSetup setup = new CaseSetup();
    setup.capabilities = Set.of(Capability.SYS_PTRACE);
    setup.thp = MODES.get(random.below(MODES.size()));
    advised = random.oneIn(2);
    prot = RIGHTS[random.below(RIGHTS.length)];
    huge = setup.thp == ThpMode.ALWAYS || (setup.thp == ThpMode.MADVISE && advised);
    mm = setup.create(floor);
    uffd = UffdBench.open(new Rig(floor, mm), Uffd.NONBLOCK, 0);
    fd = Looks.works("memfd_create", mm.memfdCreate("nothing", 0));
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, fd, FILE_PAGES * PAGE), "ftruncate");
    for (long at : List.of(A, COPIED, SHARED)) {
      map(at);
    }
  }

  /** Anew, so that its page tables are gone. */
  private void map(long at) {
    tell("mmap at 0x" + Long.toHexString(at));
    boolean anon = at == A;
    long bytes = anon ? BYTES : 2 * FILE_PAGES * PAGE;
    int flags = anon ? 0x32 : at == SHARED ? 0x11 : 0x12;
    checkEqual(at, mm.mmap(at, bytes, prot, flags, anon ? -1 : fd, 0), "mmap");
    if (anon && advised) {
      checkEqual(0, mm.madvise(at, bytes, Uapi.MADV_HUGEPAGE), "MADV_HUGEPAGE");
    }
    uffd.watches(at, bytes, Uffd.REGISTER_MISSING);
  }

  @Override
  public void validate() {
    mm.validate();
  }

  @Override
  void step(Seeded random) {
    long start = random.oneIn(2) ? A : random.oneIn(2) ? COPIED : SHARED;
    if (random.oneIn(6)) {
      map(start);
      return;
    }
    long room = start == A ? BYTES / PAGE : 2 * FILE_PAGES;
    long page = random.oneIn(3) ? room - 1 - random.below(3) : random.below(room);
    touch(start, start + page * PAGE, random);
  }

  /**
   * What an access asks for before it waits, in order: upper tables, a huge page if it writes and
   * one fits, the page table, and a small page if it writes and no huge one fits. The huge zero
   * page comes last, and without it there is a small one.
   */
  private int needs(long start, long addr, boolean write) {
    int missing = Floors.entry(mm, addr).level() - 1;
    if (start == A && missing > 0 && fits(addr)) {
      return missing - 1 + (write ? 1 : 0) + 1;
    }
    return missing + (write && start != SHARED ? 1 : 0);
  }

  private boolean fits(long addr) {
    return huge && (addr & -HUGE) + HUGE <= A + BYTES;
  }

  private void touch(long start, long addr, Seeded random) {
    boolean write = random.oneIn(2);
    long index = (addr - start) / PAGE;
    boolean behind = start != A && index >= FILE_PAGES;
    boolean large = start == A && fits(addr) && Floors.entry(mm, addr).level() > 1;
    int needs = needs(start, addr, write);
    int fails = random.oneIn(2) ? 0 : random.oneIn(3) ? -1 : random.between(1, needs + 1);
    String what = (write ? "a write at 0x" : "a read at 0x") + Long.toHexString(addr);
    tell(
        what
            + " where "
            + (fails == 0 ? "none" : fails < 0 ? "all" : "the " + fails + ".")
            + " fails");
    Floors.Entry before = Floors.entry(mm, addr);
    long askedBefore = pages.allocations();
    pages.leave(fails < 0 ? 0 : Long.MAX_VALUE);
    pages.failIn(Math.max(0, fails));
    TouchOutcome seen = write ? mm.write(addr, 1) : mm.read(addr);
    pages.leave(Long.MAX_VALUE);
    pages.failIn(0);
    long asked = pages.allocations() - askedBefore;
    boolean noBlock = large && write && fails == needs - 1; // a small page in its place
    boolean lacks = needs > 0 && (fails < 0 || (fails > 0 && fails <= needs && !noBlock));
    Looks.ends(what, lacks ? Kind.SEGV_MAPERR : behind ? Kind.BUS_ADRERR : Kind.UFFD_WAIT, seen);
    boolean waits = seen.kind() == Kind.UFFD_WAIT;
    if (waits) {
      uffd.tells(Uffd.PAGEFAULT_MESSAGE, write ? Uffd.FAULT_WRITE : 0, addr & -PAGE, 0);
    }
    uffd.silent();
    if (fails == 0 && !behind) {
      boolean zero = large && !write && asked == needs + 1; // the huge zero page, once
      check(asked == needs || zero, needs + " requests of frames for " + what, "" + asked);
      int level = Floors.entry(mm, addr).level();
      checkEqual(
          large || (start != A && before.level() > 1) ? 2 : 1,
          level,
          "the level that " + what + " leaves a table at");
    }
  }

  @Override
  void holds() {
    audit.fresh();
    audit.holds(List.of(mm));
  }
}
