// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Private memory of processes with huge pages, beside one byte for each page: what is written there
 * stays, wherever the page is moved, split, collapsed, inherited or migrated to, until it is
 * discarded or unmapped.
 */
class ByteBench extends StepRule.Bench {
  static final long PAGE = Bits.PAGE;
  static final long HUGE = 1L << 21;
  static final long END = A + 8 * HUGE;
  private static final int MOST_PROCESSES = 3;
  private static final int[] HARMLESS = {
    Uapi.MADV_COLD,
    Uapi.MADV_PAGEOUT,
    Uapi.MADV_COLLAPSE,
    Uapi.MADV_COLLAPSE,
    Uapi.MADV_HUGEPAGE,
    Uapi.MADV_NOHUGEPAGE,
    Uapi.MADV_POPULATE_READ,
    Uapi.MADV_WILLNEED,
    Uapi.MADV_MERGEABLE
  };

  /** What a page reads as before anybody writes, and what it reads as now; a guard has neither. */
  private record Cell(int first, int now, boolean guard) {
    Cell written(int value) {
      return new Cell(first, value, guard);
    }

    Cell discarded() {
      return new Cell(first, first, guard);
    }

    Cell guarded(boolean on) {
      return new Cell(first, on || guard ? first : now, on);
    }
  }

  private record Owner(AddressSpace mm, TreeMap<Long, Cell> cells) {}

  private final List<Owner> processes = new ArrayList<>();

  /** Pages that something was done to: they are looked at after each step. */
  private final TreeSet<Long> looked = new TreeSet<>();

  private Seeded looks;

  ByteBench(ProcessFloor floor, Seeded random) {
    super(floor);
    CaseSetup setup = new CaseSetup().fitting(Floors.ground());
    setup.thp = ThpMode.ALWAYS;
    processes.add(new Owner(setup.create(floor), new TreeMap<>()));
    looks = random;
  }

  @Override
  public void validate() {
    processes.forEach(process -> process.mm.validate());
  }

  /** Pages that something was done to. */
  Set<Long> looked() {
    return looked;
  }

  /** Those that live. */
  List<AddressSpace> spaces() {
    return processes.stream().map(Owner::mm).toList();
  }

  // ---------------------------------------------------------------- steps

  @Override
  void step(Seeded random) {
    looks = random;
    Owner process = processes.get(random.below(processes.size()));
    switch (random.weighted(4, 1, 8, 3, 2, 2, 3, 2, 2, 2)) {
      case 0 -> map(process, random);
      case 1 -> unmap(process, place(random), length(random));
      case 2 -> write(process, some(process, random), 1 + random.below(120));
      case 3 -> {
        long at = some(process, random);
        advise(process, at, within(process, at, length(random)), HARMLESS[random.below(9)]);
      }
      case 4 -> discard(process, some(process, random), length(random));
      case 5 -> guard(process, some(process, random), length(random), random.oneIn(2));
      case 6 -> {
        boolean whole = random.oneIn(2); // huge pages move as they are
        long from = some(process, random);
        long to = place(random);
        if (whole) {
          moveHuge(process, from & -HUGE, to & -HUGE, random);
        } else {
          move(process, from, length(random), to);
        }
      }
      case 7 -> bearOrEnd(process);
      case 8 -> migrate(process, some(process, random));
      default -> {
        tell("reclaim");
        Floors.reclaim();
      }
    }
  }

  static long place(Seeded random) {
    long pages = (END - A) / PAGE;
    return A + (random.oneIn(2) ? random.below(16) * (pages / 16) : random.below(pages)) * PAGE;
  }

  static long length(Seeded random) {
    return random.oneIn(3)
        ? HUGE
        : random.oneIn(2) ? random.between(1, 8) * PAGE : random.between(500, 1100) * PAGE;
  }

  /** A page that is mapped, one that was used before all others. */
  private long some(Owner process, Seeded random) {
    long at = place(random);
    if (!random.oneIn(3) && !looked.isEmpty()) {
      Long near = looked.ceiling(at);
      at = near == null ? looked.first() : near;
    }
    Long mapped = process.cells.ceilingKey(at);
    return mapped != null ? mapped : process.cells.isEmpty() ? A : process.cells.firstKey();
  }

  /** So much of a range is mapped without a hole. */
  private static long within(Owner process, long at, long bytes) {
    long end = at;
    while (end < at + bytes && process.cells.containsKey(end)) {
      end += PAGE;
    }
    return end - at;
  }

  private void look(long from, long end) {
    for (long at : new long[] {from - PAGE, from, end - PAGE, end}) {
      looked.add(at);
    }
    while (looked.size() > 40) {
      looked.remove(looked.first());
    }
  }

  private void map(Owner process, Seeded random) {
    boolean file = random.oneIn(4);
    long at = place(random);
    long bytes = length(random);
    if (file && random.oneIn(2)) { // so that huge pages of the file fit
      at &= -HUGE;
      bytes = 3 * HUGE;
    }
    bytes = Math.min(file ? Math.min(bytes, 3 * HUGE) : bytes, END - at);
    tell("mmap of " + bytes / PAGE + " pages at " + hex(at) + (file ? " of a file" : ""));
    long fd = file ? CaseSetup.HUGE : -1;
    checkEqual(at, process.mm.mmap(at, bytes, RW, file ? 0x12 : 0x32, fd, 0), "mmap");
    for (long i = 0; i < bytes / PAGE; i++) {
      int first = file ? CaseSetup.byteOf(i) : 0;
      process.cells.put(at + i * PAGE, new Cell(first, first, false));
    }
    look(at, at + bytes);
  }

  private void unmap(Owner process, long at, long bytes) {
    tell("munmap of " + bytes / PAGE + " pages at " + hex(at));
    checkEqual(0, process.mm.munmap(at, bytes), "munmap");
    process.cells.subMap(at, at + bytes).clear();
    look(at, at + bytes);
  }

  private void write(Owner process, long at, int value) {
    Cell cell = process.cells.get(at);
    tell("write of " + value + " at " + hex(at));
    Kind wanted = cell == null || cell.guard ? Kind.SEGV_MAPERR : Kind.OK;
    Looks.ends("a write at " + hex(at), wanted, process.mm.write(at, value));
    if (cell != null && !cell.guard) {
      check(Floors.letsWrite(process.mm, at), "an entry that let the write through", "another");
      process.cells.put(at, cell.written(value));
    }
    look(at, at + PAGE);
  }

  private void advise(Owner process, long at, long bytes, int advice) {
    tell("madvise " + advice + " of " + bytes / PAGE + " pages at " + hex(at));
    long _ = process.mm.madvise(at, bytes, advice); // some of it is refused: nothing changes then
    look(at, at + bytes);
  }

  private void discard(Owner process, long at, long length) {
    long bytes = within(process, at, length);
    tell("MADV_DONTNEED of " + bytes / PAGE + " pages at " + hex(at));
    checkEqual(0, process.mm.madvise(at, bytes, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
    process.cells.subMap(at, at + bytes).replaceAll((page, cell) -> cell.discarded());
    look(at, at + bytes);
  }

  private void guard(Owner process, long at, long length, boolean on) {
    long bytes = within(process, at, length);
    int advice = on ? Uapi.MADV_GUARD_INSTALL : Uapi.MADV_GUARD_REMOVE;
    tell("madvise " + advice + " of " + bytes / PAGE + " pages at " + hex(at));
    checkEqual(0, process.mm.madvise(at, bytes, advice), "madvise " + advice);
    process.cells.subMap(at, at + bytes).replaceAll((page, cell) -> cell.guarded(on));
    look(at, at + bytes);
  }

  /** All of a range that no other mapping begins in, so that it moves as a whole. */
  private void move(Owner process, long from, long length, long to) {
    long[] end = {from};
    process.mm.forEachVma(from, from + 1, vma -> end[0] = Math.min(vma.end(), from + length));
    long bytes = Math.min(end[0] - from, END - to);
    if (bytes <= 0 || (from < to + bytes && to < from + bytes)) {
      return;
    }
    tell("mremap of " + bytes / PAGE + " pages at " + hex(from) + " to " + hex(to));
    checkEqual(to, process.mm.mremap(from, bytes, bytes, 3, to), "mremap");
    Map<Long, Cell> moved = new TreeMap<>(process.cells.subMap(from, from + bytes));
    process.cells.subMap(from, from + bytes).clear();
    process.cells.subMap(to, to + bytes).clear();
    moved.forEach((at, cell) -> process.cells.put(at - from + to, cell));
    look(from, from + bytes);
    look(to, to + bytes);
  }

  /** A huge page, one of a file if there is any. */
  private void moveHuge(Owner process, long at, long to, Seeded random) {
    long[] from = {at};
    process.mm.forEachVma(
        A,
        END,
        vma -> {
          long first = (vma.start() + HUGE - 1) & -HUGE;
          boolean fits = vma.file() != null && first + HUGE <= vma.end();
          from[0] = fits && random.oneIn(2) ? first : from[0];
        });
    saw(process, from[0]);
    move(process, from[0], HUGE, to);
  }

  private void bearOrEnd(Owner process) {
    if (processes.size() == MOST_PROCESSES) {
      tell("exit");
      Floors.unload();
      processes.remove(process);
      process.mm.exit();
    } else {
      tell("fork");
      AddressSpace child = process.mm.fork();
      check(child != null, "a child", "none");
      processes.add(new Owner(Objects.requireNonNull(child), new TreeMap<>(process.cells)));
    }
  }

  /** Somebody wants the frame of a page. */
  private void migrate(Owner process, long at) {
    process.mm.pagemap(
        at,
        at + PAGE,
        (addr, entry) -> {
          if (Pagemap.pfn(entry) >= 0) {
            tell("the frame of " + hex(at) + " is wanted");
            boolean _ = Floors.moveAway(Pagemap.pfn(entry));
          }
        });
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  // ---------------------------------------------------------------- looking

  @Override
  void holds() {
    for (Owner process : processes) {
      for (long at : looked) {
        if (looks.oneIn(3)) { // a read brings the page: not all of them
          saw(process, at);
        }
      }
      for (int i = 0; i < 6; i++) {
        saw(process, place(looks));
      }
    }
  }

  private static void saw(Owner process, long at) {
    Cell cell = process.cells.get(at);
    TouchOutcome seen = process.mm.read(at);
    if (cell == null || cell.guard) {
      Looks.ends("a read at " + hex(at), Kind.SEGV_MAPERR, seen);
      return;
    }
    check(
        seen.ok() && seen.value() == cell.now,
        "the byte " + cell.now + " at " + hex(at),
        seen.toString());
  }
}
