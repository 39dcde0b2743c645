// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;

import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;

/**
 * A segment that SHM_LOCK holds in memory for a while, and which two processes have attached: a
 * page that comes into memory meanwhile may not go, until SHM_UNLOCK.
 */
final class LockedSegmentBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final int PAGES = 12;
  private static final long BYTES = PAGES * PAGE;

  private final List<AddressSpace> processes;
  private final long id;

  /** Pages that are there, and those of them that may not go. */
  private final BitSet there = new BitSet();

  private final BitSet held = new BitSet();
  private boolean locked;
  private boolean tells = true;

  LockedSegmentBench(ProcessFloor floor) {
    super(floor);
    AddressSpace mm = new CaseSetup().create(floor);
    id = mm.syscall(Syscall.SHMGET, 0, BYTES, Uapi.IPC_CREAT | 0600);
    check(id >= 0, "a segment", "" + id);
    checkEqual(A, mm.syscall(Syscall.SHMAT, id, A, 0), "shmat");
    processes = List.of(mm, Objects.requireNonNull(mm.fork()));
  }

  @Override
  public void validate() {
    processes.forEach(AddressSpace::validate);
  }

  @Override
  void step(Seeded random) {
    AddressSpace mm = processes.get(random.below(processes.size()));
    long at = A + random.below(PAGES) * PAGE;
    int page = (int) ((at - A) / PAGE);
    switch (random.weighted(8, 3, 2, 2)) {
      case 0 -> {
        boolean writes = random.oneIn(2);
        tell((writes ? "write of" : "read of") + " page " + page);
        check((writes ? mm.write(at, 1) : mm.read(at)).ok(), "a touch", "a signal");
        if (!there.get(page)) {
          there.set(page);
          held.set(page, locked);
        }
      }
      case 1 -> lock(mm, !random.oneIn(3));
      case 2 -> {
        tell("MADV_DONTNEED of all");
        checkEqual(0, mm.madvise(A, BYTES, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
      }
      default -> {
        tell("MADV_REMOVE of page " + page);
        checkEqual(0, mm.madvise(at, PAGE, Uapi.MADV_REMOVE), "MADV_REMOVE");
        there.clear(page);
        held.clear(page);
      }
    }
  }

  private void lock(AddressSpace mm, boolean changes) {
    boolean on = changes != locked;
    tell(on ? "SHM_LOCK" : "SHM_UNLOCK");
    long how = on ? Uapi.SHM_LOCK : Uapi.SHM_UNLOCK;
    checkEqual(0, mm.syscall(Syscall.SHMCTL, id, how, 0), "SHM_LOCK or SHM_UNLOCK");
    if (locked && !on) {
      held.clear();
    }
    locked = on;
  }

  @Override
  void holds() {
    for (AddressSpace mm : processes) {
      mm.pagemap(
          A,
          A + BYTES,
          (at, entry) -> {
            if (Pagemap.pfn(entry) >= 0) {
              judge((int) ((at - A) / PAGE), floor.lruFlags(Pagemap.pfn(entry)));
            }
          });
    }
  }

  private void judge(int page, int flags) {
    tells &= flags != 0;
    if (!tells) {
      return; // a floor that tells nothing of it
    }
    check(there.get(page), "no entry of page " + page, "one");
    int mask =
        PageFlags.PG_LRU
            | PageFlags.PG_UNEVICTABLE
            | PageFlags.PG_MLOCKED
            | PageFlags.PG_ANON_EXCLUSIVE
            | (held.get(page) ? PageFlags.PG_ACTIVE : 0);
    int wanted = PageFlags.PG_LRU | (held.get(page) ? PageFlags.PG_UNEVICTABLE : 0);
    check(
        (flags & mask) == wanted,
        "flags 0x" + Integer.toHexString(wanted) + " of page " + page,
        "0x" + Integer.toHexString(flags & mask));
  }
}
