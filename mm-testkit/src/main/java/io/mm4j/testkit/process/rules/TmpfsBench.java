// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Mount;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Two files of a tmpfs with a size: what a fault, a write, fallocate or a huge page may take is
 * what the other pages leave, to the page, and a byte more of size= is a page more.
 */
final class TmpfsBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final int HUGE = 512;
  private static final long[] FROM = {0x40000000L, 0x50000000L};
  private static final long BUFFER = 0x60000000L;
  private static final int BUFFER_PAGES = 6;
  private static final int FD = 40;
  private static final int COLLAPSE = 25;
  private static final int PUNCH = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;

  private static final class File {
    private final BitSet there = new BitSet();
    private final int[] bytes = new int[HUGE];
    private int size;
  }

  private final AddressSpace mm;
  private final List<File> files = new ArrayList<>();
  private final int room;

  /** Pages of a file that are worked on. */
  private final int most;

  TmpfsBench(ProcessFloor floor, Seeded random) {
    super(floor);
    mm = new CaseSetup().create(floor);
    boolean large = random.oneIn(2);
    most = large ? HUGE : 16;
    int pages = large ? random.between(HUGE - 3, HUGE + 8) : random.between(1, 24);
    long bytes = pages * PAGE + new long[] {0, 1, PAGE - 1}[random.below(3)];
    room = pages + (bytes % PAGE == 0 ? 0 : 1);
    Mount mount = new Mount(MappedFile.Kind.TMPFS, bytes, Mount.NONE);
    checkEqual(0, floor.mount(mount), "mount of " + bytes + " bytes");
    for (int i = 0; i < FROM.length; i++) {
      MappedFile file = MappedFile.on(mount, "/mnt/" + i);
      mm.installFd(FD + i, new OpenFile(file, OpenFile.Mode.READ_WRITE));
      checkEqual(FROM[i], mm.mmap(FROM[i], HUGE * PAGE, RW, 0x11, FD + i, 0), "mmap");
      files.add(new File());
      resize(i, most);
    }
    checkEqual(BUFFER, mm.mmap(BUFFER, BUFFER_PAGES * PAGE, RW, 0x32, -1, 0), "mmap");
  }

  @Override
  public void validate() {
    mm.validate();
  }

  private int left() {
    return room - files.stream().mapToInt(file -> file.there.cardinality()).sum();
  }

  @Override
  void step(Seeded random) {
    int file = random.below(files.size());
    int page = random.oneIn(4) ? most - 1 : random.below(most);
    int past = Math.min(most, page + random.between(1, BUFFER_PAGES));
    switch (random.weighted(6, 4, 5, 4, 3, 1, 3)) {
      case 0 -> touch(file, page, random.between(1, 120), true);
      case 1 -> touch(file, page, 0, false);
      case 2 -> write(file, page, past, random.between(1, 120));
      case 3 -> allocate(file, page, random.oneIn(4) ? most : past, random.oneIn(2));
      case 4 -> punch(file, page, random.oneIn(4) ? most : past);
      case 5 -> resize(file, random.oneIn(2) ? most : page);
      default -> collapse(file);
    }
  }

  private void touch(int i, int page, int value, boolean writes) {
    File file = files.get(i);
    tell(
        (writes ? "write to" : "read of") + " page " + page + " of file " + i + ", left " + left());
    TouchOutcome seen =
        writes ? mm.write(FROM[i] + page * PAGE, value) : mm.read(FROM[i] + page * PAGE);
    boolean may = page < file.size && (file.there.get(page) || left() > 0);
    Looks.ends("a touch of page " + page, may ? Kind.OK : Kind.BUS_ADRERR, seen);
    if (may) {
      file.there.set(page);
      file.bytes[page] = writes ? value : file.bytes[page];
      checkEqual(file.bytes[page], mm.read(FROM[i] + page * PAGE).value(), "byte of page " + page);
    }
  }

  private void write(int i, int first, int past, int value) {
    File file = files.get(i);
    tell("pwrite64 of pages " + first + " to " + past + " of file " + i + ", left " + left());
    for (int page = 0; page < past - first; page++) {
      check(mm.write(BUFFER + page * PAGE, value).ok(), "a write to the buffer", "a signal");
    }
    int page = first;
    while (page < past && (file.there.get(page) || left() > 0)) {
      file.there.set(page);
      file.bytes[page] = value;
      page++;
    }
    long seen = mm.syscall(Syscall.PWRITE64, FD + i, BUFFER, (past - first) * PAGE, first * PAGE);
    checkEqual(page > first ? (page - first) * PAGE : -Errno.ENOSPC, seen, "pwrite64");
    file.size = Math.max(file.size, page > first ? page : 0);
  }

  private void allocate(int i, int first, int past, boolean keeps) {
    File file = files.get(i);
    tell("fallocate of pages " + first + " to " + past + " of file " + i + ", left " + left());
    int more = past - first - file.there.get(first, past).cardinality();
    boolean fits = more <= left();
    long seen =
        mm.syscall(
            Syscall.FALLOCATE,
            FD + i,
            keeps ? Uapi.FALLOC_FL_KEEP_SIZE : 0,
            first * PAGE,
            (past - first) * PAGE);
    checkEqual(fits ? 0 : -Errno.ENOSPC, seen, "fallocate");
    if (fits) {
      file.there.set(first, past);
      file.size = keeps ? file.size : Math.max(file.size, past);
    }
  }

  private void punch(int i, int first, int past) {
    tell("a hole of pages " + first + " to " + past + " of file " + i);
    long bytes = (past - first) * PAGE;
    checkEqual(0, mm.syscall(Syscall.FALLOCATE, FD + i, PUNCH, first * PAGE, bytes), "a hole");
    gone(files.get(i), first, past);
  }

  private static void gone(File file, int first, int past) {
    file.there.clear(first, past);
    for (int page = first; page < past; page++) {
      file.bytes[page] = 0;
    }
  }

  private void resize(int i, int pages) {
    File file = files.get(i);
    tell("ftruncate of file " + i + " to " + pages + " pages");
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD + i, pages * PAGE), "ftruncate");
    if (pages <= file.size) { // what fallocate has put behind the end goes only so
      gone(file, pages, HUGE);
    }
    file.size = pages;
  }

  /** All of a file as one folio: also its holes take blocks. */
  private void collapse(int i) {
    File file = files.get(i);
    if (most < HUGE || file.size < HUGE) {
      return;
    }
    tell("MADV_COLLAPSE of file " + i + ", left " + left());
    int holes = HUGE - file.there.cardinality();
    boolean may = holes < HUGE && holes <= left();
    long seen = mm.madvise(FROM[i], HUGE * PAGE, COLLAPSE);
    checkEqual(may ? 0 : -Errno.EINVAL, seen, "MADV_COLLAPSE with " + holes + " holes");
    if (may) {
      file.there.set(0, HUGE);
    }
  }

  @Override
  void holds() {
    for (int i = 0; i < files.size(); i++) {
      File file = files.get(i);
      checkEqual(file.size * PAGE, mm.syscall(Syscall.LSEEK, FD + i, 0, 2), "the size of a file");
      int seen = 0;
      for (int page = file.there.nextSetBit(0); page >= 0 && page < file.size && seen < 12; ) {
        checkEqual(
            file.bytes[page], mm.read(FROM[i] + page * PAGE).value(), "byte of page " + page);
        seen++;
        page = file.there.nextSetBit(page + 1);
      }
    }
  }
}
