// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A mapping that grows down, below it nothing or one of four kinds of neighbour, and limits close
 * to what a touch below it needs: it grows to the touched page, or nothing changes.
 */
final class GrowthBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final long TOP = 0x20400000L;
  private static final int STACK = 0x132;
  private static final int ANON = 0x32;
  private static final int NORESERVE = 0x4000;
  private static final int DEEPEST = 24;

  /** Where memory is mapped so that total_vm is not all of the stack. */
  private static final long ELSEWHERE = 0x30000000L;

  private final AddressSpace mm;
  private final long guard;
  private final boolean strict;
  private final long most;
  private final boolean root;

  GrowthBench(ProcessFloor floor, Seeded random) {
    super(floor);
    CaseSetup setup = new CaseSetup();
    guard = random.between(1, 5);
    strict = random.oneIn(3);
    root = random.oneIn(4);
    most = random.between(20, 60);
    setup.guardPages = guard;
    setup.overcommit = strict ? 2 : 0;
    setup.overcommitKbytes = 4 * most;
    setup.capabilities =
        root
            ? Set.of(Capability.SYS_ADMIN, Capability.IPC_LOCK)
            : Set.of(Capability.SYS_ADMIN); // who has it may use the reserve, too
    mm = setup.create(floor);
    checkEqual(ELSEWHERE, mm.mmap(ELSEWHERE, 33 * PAGE, 1, ANON, -1, 0), "mmap");
  }

  @Override
  public void validate() {
    mm.validate();
  }

  @Override
  void holds() {
    // each step has looked
  }

  @Override
  void step(Seeded random) {
    long pages = random.between(1, 4);
    long start = TOP - pages * PAGE;
    boolean unreserved = random.oneIn(3);
    int flags = STACK | (unreserved ? NORESERVE : 0);
    int prot = random.oneIn(4) ? 2 : 3;
    checkEqual(start, mm.mmap(start, pages * PAGE, prot, flags, -1, 0), "mmap of a stack");
    long gap = random.between(1, DEEPEST);
    String below =
        List.of("nothing", "memory", "a guard", "to read", "a stack").get(random.below(5));
    neighbour(below, start - gap * PAGE);
    boolean locked = random.oneIn(3) && mm.mlock2(start, pages * PAGE, 1) == 0; // MLOCK_ONFAULT
    long grows = random.between(1, (int) gap + (below.equals("nothing") ? DEEPEST : 0));
    MmFields before = mm.fields();
    int odd = random.oneIn(3) ? (int) PAGE - 1 : random.below((int) PAGE);
    long stackBytes = (pages + around(random, grows)) * PAGE + odd;
    long asPages = before.totalVmPages() + around(random, grows);
    long lockPages = before.lockedVmPages() + around(random, grows);
    limit(ResourceLimit.STACK, stackBytes);
    limit(ResourceLimit.AS, asPages * PAGE + random.below(4096));
    limit(ResourceLimit.MEMLOCK, lockPages * PAGE + random.below(4096));
    boolean peeks = random.oneIn(5);
    long othersBytes = peeks ? (pages + around(random, grows)) * PAGE : stackBytes;
    boolean solid = below.equals("memory") || below.equals("to read");
    boolean near = solid && gap - grows < guard;
    boolean fits =
        peeks
            || (before.totalVmPages() + grows <= asPages
                && (!locked || root || before.lockedVmPages() + grows <= lockPages));
    long committed = floor.committedPages();
    boolean promised =
        !strict || committed + grows < most - Math.min(before.totalVmPages() / 32, 32768);
    boolean may = !near && fits && promised && (pages + grows) * PAGE <= othersBytes;
    String what =
        String.format(
            "%s %d pages below a stack of %d, with %s %d below, %s%s",
            peeks ? "a look" : "a touch",
            grows,
            pages,
            below,
            gap,
            locked ? "locked, " : "",
            unreserved ? "unreserved" : "");
    tell(what);
    touch(random, what, start - grows * PAGE + random.below((int) PAGE), may, peeks, othersBytes);
    long more = may ? grows : 0;
    starts(start - more * PAGE, what);
    MmFields now = mm.fields();
    checkEqual(before.totalVmPages() + more, now.totalVmPages(), "total_vm after " + what);
    checkEqual(
        before.sums().stackVmPages() + more, now.sums().stackVmPages(), "stack_vm after " + what);
    checkEqual(
        before.lockedVmPages() + (locked ? more : 0),
        now.lockedVmPages(),
        "locked_vm after " + what);
    boolean charges = strict || !unreserved;
    checkEqual(
        committed + (charges ? more : 0), floor.committedPages(), "charged pages after " + what);
    limit(ResourceLimit.AS, ResourceLimit.INFINITY);
    checkEqual(0, mm.munmap(TOP - 3L * DEEPEST * PAGE, 3L * DEEPEST * PAGE), "munmap");
  }

  /** A little less or more than what is needed, or much more. */
  private static long around(Seeded random, long needed) {
    return random.oneIn(4) ? needed + random.between(-1, 1) : needed + 100;
  }

  private void limit(ResourceLimit which, long bytes) {
    checkEqual(0, mm.setrlimit(which, bytes, 0), "setrlimit");
  }

  private void neighbour(String kind, long end) {
    int prot = kind.equals("a guard") ? 0 : kind.equals("to read") ? 1 : 3;
    int flags = (kind.equals("a stack") ? STACK : ANON) | NORESERVE;
    if (!kind.equals("nothing")) {
      checkEqual(end - PAGE, mm.mmap(end - PAGE, PAGE, prot, flags, -1, 0), "mmap of " + kind);
    }
  }

  private void touch(
      Seeded random, String what, long at, boolean may, boolean peeks, long othersBytes) {
    if (peeks) {
      mm.peek(at, 1, othersBytes);
      return;
    }
    boolean writes = random.oneIn(2);
    TouchOutcome.Kind seen = (writes ? mm.write(at, 5) : mm.read(at)).kind();
    TouchOutcome.Kind wanted = may ? TouchOutcome.Kind.OK : TouchOutcome.Kind.SEGV_MAPERR;
    check(seen == wanted, wanted + " from " + what, seen.toString());
    if (may) {
      checkEqual(writes ? 5 : 0, mm.read(at).value(), "the byte after " + what);
    }
  }

  private void starts(long start, String what) {
    List<Long> starts = new ArrayList<>();
    mm.forEachVma(TOP - 1, TOP, vma -> starts.add(vma.start()));
    check(
        starts.equals(List.of(start)),
        "a stack from " + Long.toHexString(start) + " on after " + what,
        starts.isEmpty() ? "none" : Long.toHexString(starts.getFirst()));
  }
}
