// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.InputException;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmEvents;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Accesses of each kind, of the process and of the kernel for it, to pages of any rights that are
 * there or not: how they end, and which faults are told, with which error code.
 */
final class ToldFaultBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final int PAGES = 12;
  private static final int WRITE = 2;
  private static final int EXEC = 4;

  /** Rights; those to execute alone take a key of protection, if there are keys. */
  private static final int[] RIGHTS = {0, 1, WRITE, RW, EXEC, 1 | EXEC, RW | EXEC};

  private final AddressSpace mm;
  private final boolean tells;
  private final List<String> told = new ArrayList<>();
  private final int[] rights = new int[PAGES];

  ToldFaultBench(ProcessFloor floor, Seeded random) {
    super(floor);
    if (random.oneIn(2)) {
      withKeys(floor);
    }
    mm = new CaseSetup().create(floor);
    checkEqual(A, mm.mmap(A, PAGES * PAGE, RW, 0x32, -1, 0), "mmap");
    checkEqual(Act.SCRATCH, mm.mmap(Act.SCRATCH, PAGE, 1, 0x32, -1, 0), "mmap for mincore");
    Arrays.fill(rights, RW);
    tells =
        mm.watch(
            new MmEvents() {
              @Override
              public void pageFault(long uaddr, int errorCode) {
                told.add(event(uaddr, errorCode));
              }
            });
  }

  private static void withKeys(ProcessFloor floor) {
    try {
      floor.kernelOption("pkeys", "true");
    } catch (InputException e) {
      // a floor without that option has none
    }
  }

  private static String event(long addr, int code) {
    return "error code " + code + " at 0x" + Long.toHexString(addr);
  }

  @Override
  public void validate() {
    mm.validate();
  }

  @Override
  void step(Seeded random) {
    int page = random.below(PAGES);
    int past = random.between(page + 1, PAGES);
    long length = (past - page) * PAGE;
    switch (random.weighted(10, 4, 1, 2)) {
      case 0 -> access(A + page * PAGE + random.below(PAGE), page, random);
      case 1 -> {
        int now = RIGHTS[random.below(RIGHTS.length)];
        tell("mprotect of pages " + page + " to " + past + " to " + now);
        checkEqual(0, mm.mprotect(A + page * PAGE, length, now), "mprotect");
        Arrays.fill(rights, page, past, now);
      }
      case 2 -> {
        tell("MADV_DONTNEED of pages " + page + " to " + past);
        checkEqual(0, mm.madvise(A + page * PAGE, length, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
      }
      default -> answer(page);
    }
  }

  private boolean isThere(long addr) {
    boolean[] there = {false};
    mm.pagemap(
        addr & -PAGE, (addr & -PAGE) + PAGE, (at, entry) -> there[0] = Pagemap.pfn(entry) >= 0);
    return there[0];
  }

  /** Whether a key of protection keeps all but execution away. */
  private boolean isLocked(int page) {
    return rights[page] == EXEC && mm.protectionKey(A + page * PAGE) > 0;
  }

  private void access(long addr, int page, Seeded random) {
    boolean write = random.oneIn(3);
    boolean exec = !write && random.oneIn(3);
    boolean user = random.oneIn(2);
    tell(
        (user ? "user " : "kernel ")
            + (write ? "writes" : exec ? "executes" : "reads")
            + " "
            + page);
    List<String> wanted = wanted(addr, page, write, exec, user);
    told.clear();
    boolean locked = !exec && isLocked(page);
    int needs = write ? WRITE : exec ? EXEC : RW | EXEC;
    Kind ends = (rights[page] & needs) != 0 ? Kind.OK : Kind.SEGV_ACCERR;
    ends = locked ? Kind.SEGV_PKUERR : ends;
    TouchOutcome seen = mm.fault(addr, write, user, exec);
    Looks.ends("rights " + rights[page], ends, seen);
    checkEqual(addr, seen.uaddr(), "si_addr");
    if (ends == Kind.OK) {
      checkEqual(write ? TouchOutcome.UNKNOWN : 0, seen.value(), "the byte");
    }
    checkTold(wanted);
    check(!write || ends != Kind.OK || Floors.letsWrite(mm, addr), "a writable entry", "another");
  }

  /** The fault that the CPU makes of an access, if it makes one. */
  private List<String> wanted(long addr, int page, boolean write, boolean exec, boolean user) {
    boolean there = rights[page] != 0 && isThere(addr);
    boolean locked = !exec && isLocked(page);
    boolean may =
        locked
            ? false
            : exec ? (rights[page] & EXEC) != 0 : !write || (there && Floors.letsWrite(mm, addr));
    if (there && may) {
      return List.of();
    }
    int code = there ? MmEvents.PROT : 0;
    code |= there && locked ? MmEvents.PK : 0;
    code |= write ? MmEvents.WRITE : 0;
    code |= exec ? MmEvents.INSTR : 0;
    return List.of(event(addr, code | (user ? MmEvents.USER : 0)));
  }

  /** The kernel writes a byte that a call answers. */
  private void answer(int page) {
    long addr = A + page * PAGE;
    tell("mincore answers to page " + page);
    List<String> wanted = wanted(addr, page, true, false, false);
    told.clear();
    boolean may = (rights[page] & WRITE) != 0;
    long seen = mm.mincore(Act.SCRATCH, PAGE, addr, value -> {});
    checkEqual(may ? 0 : -Errno.EFAULT, seen, "mincore");
    checkTold(wanted);
  }

  private void checkTold(List<String> wanted) {
    check(!tells || told.equals(wanted), "told " + wanted, told.toString());
  }

  @Override
  void holds() {
    told.clear();
  }
}
