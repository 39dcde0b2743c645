// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.paging.rules.HookedPages;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** What is done and undone again takes nothing: each time as many frames are free as before. */
public final class RoundTripCases {
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = HugeCases.SIZE;
  private static final long AT = 0x40000000L;
  private static final long TO = 0x80000000L;
  private static final int ROUNDS = 2;

  /** A way asks for hardly more. */
  private static final int MOST_FRAMES = 6;

  private RoundTripCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        of(
            "AS-86",
            "round-trips",
            "Memory - in huge pages, single ones, zero pages, of files, shared, of the pool - that"
                + " is made present, then discarded, moved, split, copied, collapsed, guarded or"
                + " paged out, and unmapped, takes no frame for good: every round ends as the"
                + " first, in frames and in page tables.",
            "A table that is left with each round is found after a month.",
            "zap_huge_pmd, __split_huge_pmd, move_huge_pmd, copy_huge_pmd, collapse_huge_page,"
                + " free_pgtables; pgtable_trans_huge_deposit, pgtable_trans_huge_withdraw",
            RoundTripCases::rounds),
        of(
            "AS-F42",
            "round-trips-without-memory",
            "The same where any single frame that is wanted on the way cannot be had, for a page,"
                + " a table, a huge page or the cache of a file: everything contradicts nothing,"
                + " and every frame comes back.",
            "Memory is out in the middle of something.",
            "VM_FAULT_OOM, copy_huge_pmd, madvise_guard_install, collapse_huge_page,"
                + " huge_pte_alloc, filemap_read, generic_perform_write",
            RoundTripCases::withoutMemory));
  }

  private static CaseRule of(
      String id, String name, String statement, String why, String behind, Consumer<Rig> body) {
    String failure = "a deposited table or a reference is not given back on one of the ways";
    return new CaseRule(
        new RuleInfo(id, name, statement, why, behind, failure),
        () -> {
          CaseSetup setup = new CaseSetup();
          setup.thp = ThpMode.ALWAYS;
          return setup;
        },
        body);
  }

  private static Map<String, Consumer<Rig>> kinds() {
    Map<String, Consumer<Rig>> kinds = new LinkedHashMap<>();
    kinds.put(
        "huge zero pages",
        rig -> {
          rig.map(AT, 2 * HUGE, RW);
          rig.has(AT, 0);
          rig.has(AT + HUGE, 0);
        });
    kinds.put("huge pages", rig -> anonymous(rig, 2 * HUGE));
    kinds.put(
        "single pages",
        rig -> {
          rig.map(AT, 2 * HUGE, RW);
          advise(rig, AT, 2 * HUGE, Uapi.MADV_NOHUGEPAGE);
          rig.put(AT + PAGE, 1);
          rig.has(AT + 2 * PAGE, 0);
          rig.put(AT + HUGE, 1);
        });
    kinds.put("shared memory", rig -> mapped(rig, RW, 0x31, -1));
    kinds.put("a file", rig -> mapped(rig, RW, 0x11, CaseSetup.HUGE));
    kinds.put("a private file", rig -> mapped(rig, RW, 0x12, CaseSetup.HUGE));
    kinds.put(
        "what a failed write leaves",
        rig -> {
          Looks.fails(
              rig,
              "pwrite64 of nothing",
              Errno.EFAULT,
              rig.mm.syscall(Syscall.PWRITE64, CaseSetup.HUGE, TO, HUGE, 4 * HUGE));
          mapped(rig, RW, 0x11, CaseSetup.HUGE);
        });
    kinds.put("the pool", rig -> mapped(rig, RW, 0x40032, -1));
    return kinds;
  }

  private static void anonymous(Rig rig, long bytes) {
    rig.map(AT, bytes, RW);
    rig.put(AT, 1);
    rig.put(AT + bytes - PAGE, 2);
  }

  private static void mapped(Rig rig, int prot, int flags, int fd) {
    rig.gives("mmap", AT, rig.mm.mmap(AT, 2 * HUGE, prot, flags, fd, 0));
    rig.put(AT, 1);
    rig.put(AT + HUGE, 2);
  }

  private static void advise(Rig rig, long at, long bytes, int advice) {
    long _ = rig.mm.madvise(at, bytes, advice); // some kinds of memory refuse it
  }

  private static Map<String, Consumer<Rig>> ways() {
    Map<String, Consumer<Rig>> ways = new LinkedHashMap<>();
    ways.put("nothing", rig -> {});
    for (int advice :
        new int[] {
          Uapi.MADV_DONTNEED,
          Uapi.MADV_FREE,
          Uapi.MADV_COLD,
          Uapi.MADV_PAGEOUT,
          Uapi.MADV_COLLAPSE,
          Uapi.MADV_REMOVE,
          Uapi.MADV_POPULATE_WRITE,
          Uapi.MADV_GUARD_INSTALL
        }) {
      ways.put("advice " + advice, rig -> advise(rig, AT, 2 * HUGE, advice));
      ways.put("advice " + advice + " to a part", rig -> advise(rig, AT + PAGE, HUGE, advice));
    }
    ways.put(
        "guards and back",
        rig -> {
          advise(rig, AT + PAGE, HUGE, Uapi.MADV_GUARD_INSTALL);
          advise(rig, AT, 2 * HUGE, Uapi.MADV_GUARD_REMOVE);
        });
    ways.put(
        "split and collapsed",
        rig -> {
          advise(rig, AT + PAGE, PAGE, Uapi.MADV_DONTNEED);
          advise(rig, AT, 2 * HUGE, Uapi.MADV_COLLAPSE);
        });
    ways.put(
        "given up and paged out",
        rig -> {
          advise(rig, AT, 2 * HUGE, Uapi.MADV_FREE);
          advise(rig, AT, 2 * HUGE, Uapi.MADV_PAGEOUT);
        });
    ways.put("written", rig -> rig.mm.write(AT, 7));
    ways.put("written behind", rig -> rig.mm.write(AT + HUGE + 5 * PAGE, 7));
    ways.put("filled from a file", rig -> call(rig, Syscall.PREAD64, HUGE - PAGE));
    ways.put("written to a file", rig -> call(rig, Syscall.PWRITE64, HUGE - PAGE));
    ways.put("written to a file's end", rig -> call(rig, Syscall.PWRITE64, 5 * HUGE + 100));
    ways.put("moved", rig -> moves(rig, TO, 2 * HUGE));
    ways.put("moved a page on", rig -> moves(rig, TO + PAGE, HUGE));
    ways.put(
        "moved onto",
        rig -> {
          rig.map(TO, 2 * HUGE, RW);
          TouchOutcome _ = rig.mm.write(TO, 1);
          moves(rig, TO, HUGE);
        });
    ways.put("cut", rig -> rig.mm.munmap(AT + PAGE, HUGE));
    ways.put("protected in part", rig -> rig.mm.mprotect(AT + PAGE, HUGE, READ));
    ways.put("protected", rig -> rig.mm.mprotect(AT, 2 * HUGE, READ));
    ways.put("locked", rig -> rig.mm.mlock(AT + PAGE, HUGE));
    ways.put("replaced", rig -> rig.mm.mmap(AT, HUGE, RW, 0x32, -1, 0));
    ways.put("a child that ends", rig -> child(rig, child -> {}));
    ways.put("a child that writes", rig -> child(rig, child -> child.write(AT, 9)));
    ways.put("a child that reads", rig -> child(rig, child -> child.read(AT)));
    ways.put(
        "a write beside a child",
        rig ->
            child(
                rig,
                child -> {
                  TouchOutcome _ = rig.mm.write(AT, 9);
                  long _ = child.madvise(AT, 2 * HUGE, Uapi.MADV_DONTNEED);
                }));
    return ways;
  }

  private static void moves(Rig rig, long to, long bytes) {
    long _ = rig.mm.mremap(AT, bytes, bytes, 3, to);
  }

  private static void call(Rig rig, Syscall call, long place) {
    long _ = rig.mm.syscall(call, CaseSetup.HUGE, AT, 3 * PAGE, place);
  }

  private static void child(Rig rig, Consumer<AddressSpace> what) {
    AddressSpace child = rig.mm.fork();
    if (child != null) { // else memory was out
      what.accept(child);
      child.exit();
    }
  }

  private interface Round {
    void go(String name, Consumer<Rig> makes, Consumer<Rig> does);
  }

  private static void each(Rig rig, Round round) {
    rig.gives("nr_hugepages", 0, rig.floor.resizeHugePool(HUGE, 4));
    rig.map(FAR, PAGE, RW);
    rig.put(FAR, 1);
    ways()
        .forEach(
            (way, does) ->
                kinds().forEach((kind, makes) -> round.go(kind + ", " + way, makes, does)));
  }

  private static void undo(Rig rig) {
    rig.unmap(AT, 2 * HUGE);
    rig.unmap(TO, 3 * HUGE);
    for (long bytes : new long[] {0, 3 * HUGE}) {
      long cut = rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.HUGE, bytes);
      rig.gives("ftruncate", 0, cut);
    }
  }

  private static void rounds(Rig rig) {
    gigabyte(rig);
    long[] begun = {-1, 0};
    each(
        rig,
        (name, makes, does) -> {
          for (int round = 0; round < ROUNDS; round++) {
            makes.accept(rig);
            does.accept(rig);
            undo(rig);
            if (begun[0] < 0) { // the zero pages stay
              begun[0] = Floors.freeFrames();
              begun[1] = rig.mm.fields().tablePages();
            }
            String when = name + ", round " + round;
            checkEqual(begun[0], Floors.freeFrames(), "free frames after " + when);
            checkEqual(begun[1], rig.mm.fields().tablePages(), "page tables after " + when);
            checkEqual(4, rig.floor.hugePages().free(), "HugePages_Free after " + when);
          }
        });
  }

  /** A page directory moves as a whole: no table more, and none is left behind. */
  private static void gigabyte(Rig rig) {
    long from = 4L << 30;
    long to = 8L << 30;
    rig.gives("mmap", from, rig.mm.mmap(from, 1L << 30, RW, 0x4032, -1, 0));
    advise(rig, from, 1L << 30, Uapi.MADV_NOHUGEPAGE);
    rig.put(from + HUGE, 1);
    long tables = rig.mm.fields().tablePages();
    for (int i = 0; i < 2; i++) {
      rig.move(from, to, 1L << 30);
      checkEqual(tables, rig.mm.fields().tablePages(), "page tables after a move of 1 GiB");
      rig.has(to + HUGE, 1);
      rig.move(to, from, 1L << 30);
    }
    rig.unmap(from, 1L << 30);
  }

  private static void withoutMemory(Rig rig) {
    HookedPages pages = Floors.hook();
    each(
        rig,
        (name, makes, does) -> {
          makes.accept(rig);
          does.accept(rig);
          undo(rig);
          long free = Floors.freeFrames();
          for (int n = 1; n <= MOST_FRAMES; n++) {
            makes.accept(rig);
            pages.failIn(n);
            does.accept(rig);
            pages.failIn(0);
            rig.mm.validate();
            undo(rig);
            checkEqual(free, Floors.freeFrames(), "free frames after " + name + " without " + n);
            checkEqual(4, rig.floor.hugePages().free(), "HugePages_Free after " + name);
          }
        });
  }
}
