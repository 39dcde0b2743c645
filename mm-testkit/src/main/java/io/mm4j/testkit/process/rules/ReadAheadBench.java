// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaiveReadAhead;
import io.mm4j.testkit.process.naive.NaiveReadAhead.Advice;
import java.util.List;

/** One open file on a disk that is read and mapped; mincore shows which of its pages are there. */
final class ReadAheadBench extends StepRule.Bench {
  private static final List<Advice> ADVICE = List.of(Advice.values());

  private static final long PAGE = Bits.PAGE;
  private static final int FD = 7;
  private static final int MOST_READ = 30;
  private static final int SHARED = 1;

  private final AddressSpace mm;
  private final NaiveReadAhead model;
  private final long bytes;
  private final long pages;
  private long next;
  private Advice advice = Advice.NORMAL;

  ReadAheadBench(ProcessFloor floor, Seeded random) {
    super(floor);
    mm = new CaseSetup().create(floor);
    pages = random.between(40, 300);
    bytes = pages * PAGE - random.below(3) * 1000L;
    MappedFile file = new MappedFile("ahead", MappedFile.Kind.EXT4, bytes, at -> 5);
    mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    // What was written is in memory: the file becomes one that has nothing there.
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD, 0), "ftruncate");
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD, bytes), "ftruncate");
    model = new NaiveReadAhead(bytes);
    checkEqual(A, mm.mmap(A, pages * PAGE, READ, 0x10 | SHARED, FD, 0), "mmap of the file");
    checkEqual(FAR, mm.mmap(FAR, 64 * PAGE, RW, 0x32, -1, 0), "mmap of a buffer");
    checkEqual(
        Act.SCRATCH, mm.mmap(Act.SCRATCH, PAGE, RW, 0x32, -1, 0), "mmap for answers of mincore");
  }

  @Override
  public void validate() {
    mm.validate();
  }

  @Override
  void step(Seeded random) {
    switch (random.weighted(8, 4, 4, 1, 1, 1)) {
      case 5 -> read(behind(random) * PAGE, PAGE);
      case 0 -> read(next, random.oneIn(2) ? random.between(1, 9000) : length(random));
      case 1 -> read(random.below(bytes), length(random));
      case 2 -> touch(random.below(pages));
      case 3 -> {
        advice = ADVICE.get(random.below(3));
        int with = advice == Advice.RANDOM ? 1 : advice == Advice.SEQUENTIAL ? 2 : 0;
        checkEqual(0, mm.madvise(A, pages * PAGE, with), "madvise " + advice);
        tell("madvise " + advice);
      }
      default -> {
        long first = random.below(pages);
        long past = Math.min(pages, first + 1 + random.below(6));
        long error = mm.madvise(A + first * PAGE, (past - first) * PAGE, Uapi.MADV_WILLNEED);
        checkEqual(0, error, "MADV_WILLNEED");
        model.wanted(first, past);
        tell("MADV_WILLNEED of pages " + first + " to " + past);
      }
    }
  }

  private static long length(Seeded random) {
    return 1 + random.below((1L << random.between(0, 5)) * 900) % (MOST_READ * PAGE);
  }

  /** A page behind some that are there: somebody may have read them in order. */
  private long behind(Seeded random) {
    String there = model.inMemory();
    int from = random.below((int) pages);
    int run = there.indexOf('1', from);
    int end = run < 0 ? -1 : there.indexOf('0', run);
    return end < 0 ? from : end;
  }

  private void read(long pos, long count) {
    long got = mm.syscall(Syscall.PREAD64, FD, FAR, count, pos);
    tell("pread64 of " + count + " at " + pos + " = " + got);
    checkEqual(model.read(pos, count), got, "pread64 of " + count + " bytes at " + pos);
    next = got > 0 ? pos + got : 0;
  }

  private void touch(long page) {
    check(mm.read(A + page * PAGE).ok(), "a read of page " + page, "a signal");
    model.touch(page, advice);
    tell("touch of page " + page);
  }

  @Override
  void holds() {
    StringBuilder seen = new StringBuilder();
    checkEqual(0, mm.mincore(A, pages * PAGE, Act.SCRATCH, seen::append), "mincore");
    String wanted = Letters.runs(model.inMemory());
    String runs = Letters.runs(seen);
    check(runs.equals(wanted), "in memory " + wanted, runs);
  }
}
