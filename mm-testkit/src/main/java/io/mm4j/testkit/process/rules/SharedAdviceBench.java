// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A file of shared memory that is mapped twice and inherited, collapsed to huge pages, reclaimed,
 * emptied, cut and written to, beside a byte and a state of each page.
 */
final class SharedAdviceBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final int HUGE = 512;
  private static final int PAGES = 2 * HUGE;
  private static final long[] FROM = {0x40000000L, 0x50000000L};
  private static final long BUFFER = 0x60000000L;
  private static final int COLLAPSE = 25;
  private static final int MOST_PROCESSES = 3;
  private static final int[] PLACES = {0, 1, 7, 200, 256, 510, 511};
  private static final int PUNCH = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;

  /** What is there of a page: nothing, zeroes that nobody wrote, or bytes. */
  private enum State {
    NOTHING,
    CLEAN,
    DIRTY
  }

  private final List<AddressSpace> processes = new ArrayList<>();
  private final int fd;
  private final State[] states = new State[PAGES];
  private final int[] bytes = new int[PAGES];

  /** Which 2 MiB are one folio. */
  private final boolean[] huge = new boolean[PAGES / HUGE];

  private int size = PAGES;

  SharedAdviceBench(ProcessFloor floor) {
    super(floor);
    AddressSpace mm = new CaseSetup().create(floor);
    fd = (int) mm.memfdCreate("advised", 0);
    check(fd >= 0, "a descriptor", "" + fd);
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, fd, PAGES * PAGE), "ftruncate");
    for (long from : FROM) {
      checkEqual(from, mm.mmap(from, PAGES * PAGE, RW, 0x11, fd, 0), "mmap");
    }
    checkEqual(BUFFER, mm.mmap(BUFFER, PAGE, RW, 0x32, -1, 0), "mmap");
    checkEqual(Act.SCRATCH, mm.mmap(Act.SCRATCH, PAGE, RW, 0x32, -1, 0), "mmap for mincore");
    processes.add(mm);
    Arrays.fill(states, State.NOTHING);
  }

  @Override
  public void validate() {
    processes.forEach(AddressSpace::validate);
  }

  // ---------------------------------------------------------------- steps

  @Override
  void step(Seeded random) {
    AddressSpace mm = processes.get(random.below(processes.size()));
    long from = FROM[random.below(FROM.length)];
    int page = place(random);
    switch (random.weighted(8, 4, 4, 4, 3, 2, 2, 2, 2)) {
      case 0 -> write(mm, from, page, random.between(1, 120));
      case 1 -> read(mm, from, page);
      case 2 -> collapse(mm, from, page / HUGE);
      case 3 -> pageOut(mm, from, page / HUGE);
      case 4 -> empty(mm, from, page, Math.min(PAGES, page + length(random)), random.oneIn(2));
      case 5 -> resize(random.oneIn(2) ? PAGES : page);
      case 6 -> call(page, random.between(1, 120));
      case 7 -> {
        tell("MADV_DONTNEED");
        checkEqual(0, mm.madvise(from, PAGES * PAGE, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
      }
      default -> bearOrEnd(random);
    }
  }

  private static int place(Seeded random) {
    return random.below(PAGES / HUGE) * HUGE + PLACES[random.below(PLACES.length)];
  }

  private static int length(Seeded random) {
    return random.oneIn(3) ? HUGE : random.between(1, 5);
  }

  private void write(AddressSpace mm, long from, int page, int value) {
    tell("write of " + value + " to page " + page + " of " + size);
    TouchOutcome seen = mm.write(from + page * PAGE, value);
    ends(page, "a write to page " + page, seen);
    if (seen.ok()) {
      check(Floors.letsWrite(mm, from + page * PAGE), "an entry that let it through", "another");
      states[page] = State.DIRTY;
      bytes[page] = value;
    }
  }

  private void ends(int page, String what, TouchOutcome seen) {
    Looks.ends(what, page < size ? Kind.OK : Kind.BUS_ADRERR, seen);
  }

  private void read(AddressSpace mm, long from, int page) {
    tell("read of page " + page);
    TouchOutcome seen = mm.read(from + page * PAGE);
    ends(page, "a read of page " + page, seen);
    if (seen.ok()) {
      checkEqual(bytes[page], seen.value(), "the byte of page " + page);
      states[page] = states[page] == State.NOTHING ? State.CLEAN : states[page];
    }
  }

  /** Two MiB that lie before the end of the file and of which something is there. */
  private void collapse(AddressSpace mm, long from, int area) {
    if (size < (area + 1) * HUGE) {
      return;
    }
    tell("MADV_COLLAPSE of area " + area);
    boolean any = false;
    for (int page = area * HUGE; page < (area + 1) * HUGE; page++) {
      any |= states[page] != State.NOTHING;
    }
    long seen = mm.madvise(from + (long) area * HUGE * PAGE, HUGE * PAGE, COLLAPSE);
    checkEqual(any ? 0 : -Errno.EINVAL, seen, "MADV_COLLAPSE of area " + area);
    if (any) {
      Arrays.fill(states, area * HUGE, (area + 1) * HUGE, State.DIRTY);
      huge[area] = true;
      long entry = mm.sizes(from).shmemThp();
      check(entry >= HUGE * PAGE, "a huge entry of the area", entry + " bytes of them");
    }
  }

  private static boolean isMapped(AddressSpace mm, long at) {
    long[] entry = new long[1];
    mm.pagemap(at, at + PAGE, (addr, value) -> entry[0] = value);
    return Pagemap.pfn(entry[0]) >= 0;
  }

  /** Without swap only what nobody wrote can go, and only what nobody else maps. */
  private void pageOut(AddressSpace mm, long from, int area) {
    tell("MADV_PAGEOUT of area " + area);
    List<Integer> gone = new ArrayList<>();
    for (int page = area * HUGE; page < (area + 1) * HUGE; page++) {
      if (states[page] == State.CLEAN && isMapped(mm, from + page * PAGE)) {
        int maps = 0;
        for (AddressSpace each : processes) {
          for (long map : FROM) {
            maps += isMapped(each, map + page * PAGE) ? 1 : 0;
          }
        }
        if (maps == 1) {
          gone.add(page);
        }
      }
    }
    long seen = mm.madvise(from + (long) area * HUGE * PAGE, HUGE * PAGE, Uapi.MADV_PAGEOUT);
    checkEqual(0, seen, "MADV_PAGEOUT");
    gone.forEach(page -> states[page] = State.NOTHING);
  }

  /** A hole, by the descriptor or by a mapping. */
  private void empty(AddressSpace mm, long from, int first, int past, boolean byMapping) {
    tell("a hole of pages " + first + " to " + past + (byMapping ? " by MADV_REMOVE" : ""));
    long length = (past - first) * PAGE;
    long seen =
        byMapping
            ? mm.madvise(from + first * PAGE, length, Uapi.MADV_REMOVE)
            : mm.syscall(Syscall.FALLOCATE, fd, PUNCH, first * PAGE, length);
    checkEqual(0, seen, "a hole");
    gone(first, past);
  }

  private void gone(int first, int past) {
    Arrays.fill(states, first, past, State.NOTHING);
    Arrays.fill(bytes, first, past, 0);
    for (int area = 0; area < huge.length; area++) {
      huge[area] &= past <= area * HUGE || first >= (area + 1) * HUGE;
    }
  }

  private void resize(int pages) {
    tell("ftruncate to " + pages + " pages");
    AddressSpace mm = processes.getFirst();
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, fd, pages * PAGE), "ftruncate");
    if (pages < size) {
      gone(pages, PAGES);
    }
    size = pages;
  }

  /** A write by a call, of one byte. */
  private void call(int page, int value) {
    tell("pwrite64 of " + value + " to page " + page);
    AddressSpace mm = processes.getFirst();
    check(mm.write(BUFFER, value).ok(), "a write to the buffer", "a signal");
    checkEqual(1, mm.syscall(Syscall.PWRITE64, fd, BUFFER, 1, page * PAGE), "pwrite64");
    if (page * PAGE >= size * PAGE) {
      size = page + 1;
    }
    states[page] = State.DIRTY;
    bytes[page] = value;
  }

  private void bearOrEnd(Seeded random) {
    if (processes.size() < MOST_PROCESSES && random.oneIn(2)) {
      tell("fork");
      AddressSpace child = processes.getFirst().fork();
      check(child != null, "a child", "none");
      processes.add(Objects.requireNonNull(child));
    } else if (processes.size() > 1) {
      tell("exit of a child");
      Floors.unload();
      processes.remove(1 + random.below(processes.size() - 1)).exit();
    }
  }

  // ---------------------------------------------------------------- looking

  @Override
  void holds() {
    AddressSpace mm = processes.getFirst();
    StringBuilder wanted = new StringBuilder();
    for (State state : states) {
      wanted.append(state == State.NOTHING ? '0' : '1');
    }
    StringBuilder seen = new StringBuilder();
    checkEqual(0, mm.mincore(FROM[0], PAGES * PAGE, Act.SCRATCH, seen::append), "mincore");
    String runs = Letters.runs(seen);
    check(runs.equals(Letters.runs(wanted)), "in memory " + Letters.runs(wanted), runs);
    for (int place : PLACES) {
      for (int page = place; page < Math.min(size, PAGES); page += HUGE) {
        if (states[page] != State.NOTHING) {
          checkEqual(bytes[page], mm.read(FROM[1] + page * PAGE).value(), "byte of page " + page);
        }
      }
    }
    for (AddressSpace each : processes) {
      for (long from : FROM) {
        long most = 0;
        for (boolean one : huge) {
          most += one ? HUGE * PAGE : 0;
        }
        long has = each.sizes(from).shmemThp();
        check(has <= most, "at most " + most + " bytes of huge entries", "" + has);
      }
    }
  }
}
