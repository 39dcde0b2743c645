// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.InputException;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaiveReadAhead;
import io.mm4j.testkit.process.naive.NaiveReadAhead.Advice;
import io.mm4j.testkit.process.naive.NaiveReadAhead.Mapping;
import java.util.BitSet;
import java.util.List;

/** One open file on a disk that is read and mapped; mincore shows which of its pages are there. */
final class ReadAheadBench extends StepRule.Bench {
  private static final List<Advice> ADVICE = List.of(Advice.values());

  private static final long PAGE = Bits.PAGE;
  private static final int FD = 7;
  private static final int READ_EXEC = 5;
  private static final int WRITE = 2;
  private static final long USUAL_PAGES = 32;
  private static final int MOST_READ = 30;
  private static final int MOST_HOLES = 12;

  /** Pages around a fault that it maps, too. */
  private static final int WINDOW = 16;

  private static final int SHARED = 1;
  private static final long CODE = A + (1L << 27);

  /** KiB that a disk reads ahead: none, less than folios, and up to folios of 2 MiB. */
  private static final int[] READ_AHEAD_KB = {128, 128, 0, 4, 16, 60, 256, 512, 2048, 4096};

  /** A file was written so many pages at a time, 0 for all at once. */
  private static final long[] PIECES = {0, 1, 4, 16, 64, 64, 64, 70, 128, 200};

  private final AddressSpace mm;

  /** Of the data: what may be written to may be read, too. */
  private final int prot;

  private final NaiveReadAhead model;

  /** Pages that the disk does not have: they are zero at once. */
  private final BitSet holes = new BitSet();

  private final MappedFile file;
  private final long bytes;
  private final long pages;
  private Mapping data;
  private final Mapping code;
  private long next;
  private Advice advice = Advice.NORMAL;

  ReadAheadBench(ProcessFloor floor, Seeded random) {
    super(floor);
    mm = new CaseSetup().create(floor);
    prot = random.oneIn(3) ? WRITE : READ;
    pages = random.oneIn(2) ? random.between(40, 300) : random.between(300, 3000);
    bytes = pages * PAGE - random.below(3) * 1000L;
    long piece = PIECES[random.below(PIECES.length)];
    boolean written = random.oneIn(2);
    file =
        new MappedFile("ahead", MappedFile.Kind.EXT4, bytes, at -> 5, written ? piece * PAGE : 0);
    long most = readAhead(READ_AHEAD_KB[random.below(READ_AHEAD_KB.length)]);
    mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    model = new NaiveReadAhead(bytes, most);
    if (written) {
      model.written(piece == 0 ? pages : piece);
    } else if (random.oneIn(2)) {
      // What was written is in memory: the file becomes one that has nothing there.
      checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD, 0), "ftruncate");
      checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD, bytes), "ftruncate");
      holes.set(0, (int) pages);
    } else {
      int how = Uapi.POSIX_FADV_DONTNEED;
      checkEqual(0, mm.syscall(Syscall.FADVISE64, FD, 0, 0, how), "POSIX_FADV_DONTNEED");
      punch(random);
    }
    data = new Mapping(0, pages, false, false);
    long first = random.below(pages - 1);
    code = new Mapping(first, random.between((int) first + 1, (int) pages), true, false);
    map();
    checkEqual(FAR, mm.mmap(FAR, 64 * PAGE, RW, 0x32, -1, 0), "mmap of a buffer");
    checkEqual(
        Act.SCRATCH, mm.mmap(Act.SCRATCH, PAGE, RW, 0x32, -1, 0), "mmap for answers of mincore");
  }

  /** Some pages are not on the disk. */
  private void punch(Seeded random) {
    int mode = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    for (int i = 0; i < MOST_HOLES; i++) {
      int first = random.below((int) pages - 1);
      int past = Math.min((int) pages - 1, first + random.between(1, WINDOW));
      long length = (past - first) * PAGE;
      long error = mm.syscall(Syscall.FALLOCATE, FD, mode, first * PAGE, length);
      checkEqual(0, error, "fallocate");
      holes.set(first, past);
    }
  }

  private void map() {
    checkEqual(A, mm.mmap(A, pages * PAGE, prot, 0x10 | SHARED, FD, 0), "mmap of the file");
    long bytesOfCode = (code.past() - code.first()) * PAGE;
    long at = mm.mmap(CODE, bytesOfCode, READ_EXEC, 0x10 | SHARED, FD, code.first() * PAGE);
    checkEqual(CODE, at, "mmap of code");
  }

  /** The file is opened anew, on a disk that reads more or less ahead. */
  private void reopen(Seeded random) {
    int kb = random.oneIn(3) ? 0 : READ_AHEAD_KB[random.below(READ_AHEAD_KB.length)];
    long most = readAhead(kb);
    mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    map();
    model.reopened(most);
    advice = Advice.NORMAL;
    data = new Mapping(0, pages, false, false);
    tell("opened anew, with windows of " + most + " pages");
  }

  /** The disk reads so much ahead; in pages. */
  private long readAhead(int kb) {
    try {
      floor.kernelOption("read-ahead-kb", Integer.toString(kb));
      return kb / 4;
    } catch (InputException e) {
      return USUAL_PAGES; // a floor whose disk is the usual one
    }
  }

  @Override
  public void validate() {
    mm.validate();
  }

  @Override
  void step(Seeded random) {
    switch (random.weighted(8, 4, 4, 1, 2, 1, 6, 2, 1, 1, 1, 2, 1)) {
      case 10 -> reopen(random);
      case 11 -> {
        long first = Math.min(random.oneIn(2) ? 64 : random.below(pages), pages - 1);
        drop(first, pages);
        read((random.oneIn(2) ? first : behind(random)) * PAGE, PAGE);
      }
      case 12 -> wantHuge(!data.huge());
      case 5 -> read(behind(random) * PAGE, PAGE);
      case 6 -> meet(random);
      case 7 -> touch(code, random.between((int) code.first(), (int) code.past() - 1));
      case 8 -> drop(random);
      case 9 -> adviseFile(ADVICE.get(random.below(3)));
      case 0 -> read(next, random.oneIn(2) ? random.between(1, 9000) : length(random));
      case 1 -> read(random.below(bytes), length(random));
      case 2 -> touch(data, random.oneIn(3) ? hole(random) : random.below(pages));
      case 3 -> {
        advice = ADVICE.get(random.below(3));
        int with = advice == Advice.RANDOM ? 1 : advice == Advice.SEQUENTIAL ? 2 : 0;
        checkEqual(0, mm.madvise(A, pages * PAGE, with), "madvise " + advice);
        tell("madvise " + advice);
      }
      default -> {
        boolean large = random.oneIn(3);
        if (large && random.oneIn(2)) {
          drop(0, pages);
        }
        long first = random.below(large ? Math.max(1, pages - 1300) : pages);
        long wanted = large ? 900 + random.below(400) : 1 + random.below(6);
        long past = Math.min(pages, first + wanted);
        long error = mm.madvise(A + first * PAGE, (past - first) * PAGE, Uapi.MADV_WILLNEED);
        checkEqual(0, error, "MADV_WILLNEED");
        model.wanted(first, past);
        tell("MADV_WILLNEED of pages " + first + " to " + past);
      }
    }
  }

  /** A page that the disk does not have, most often the first or the last of some. */
  private long hole(Seeded random) {
    int from = holes.nextSetBit(random.below((int) pages));
    int last = from < 0 ? (int) pages - 1 : Math.min((int) pages, holes.nextClearBit(from)) - 1;
    return from >= 0 && random.oneIn(2) ? from : last;
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

  private void touch(Mapping mapping, long page) {
    long at = mapping.code() ? CODE - code.first() * PAGE : A;
    boolean table = Floors.entry(mm, A + page * PAGE).level() == 1;
    String cached = model.inMemory();
    BitSet before = mapped(page);
    check(mm.read(at + page * PAGE).ok(), "a read of page " + page, "a signal");
    model.touch(page, mapping.code() ? Advice.NORMAL : advice, mapping);
    tell("touch of page " + page + (mapping.code() ? " as code" : ""));
    if (!mapping.code() && !before.get((int) page)) {
      around((int) page, cached, before, table);
    }
  }

  /** The pages of the window around a page that are mapped. */
  private BitSet mapped(long page) {
    BitSet all = new BitSet();
    long from = A + (page & -WINDOW) * PAGE;
    mm.pagemap(
        from,
        Math.min(from + WINDOW * PAGE, A + pages * PAGE),
        (addr, entry) -> all.set((int) ((addr - A) / PAGE), Pagemap.pfn(entry) >= 0));
    return all;
  }

  /**
   * A fault that has waited for the disk maps what came with its page; one that has not maps what
   * was there before, and holes. What has a mark is not mapped by others.
   */
  private void around(int page, String cached, BitSet before, boolean table) {
    boolean waited = cached.charAt(page) == '0' && !holes.get(page);
    BitSet after = mapped(page);
    String now = model.inMemory();
    for (int i = page & -WINDOW; i < Math.min(pages, (page & -WINDOW) + WINDOW); i++) {
      boolean arrived = cached.charAt(i) == '1' || waited || model.isWithin(i, holes);
      if (i != page && !before.get(i) && now.charAt(i) == '1' && !model.isOne(i, page)) {
        String what = "page " + i + " around page " + page;
        check(arrived || !after.get(i), what + " not mapped: it has not come yet", "mapped");
        boolean must = table && arrived && !model.isMarked(i);
        check(after.get(i) || !must, what + " mapped", "not mapped");
      }
    }
  }

  private void wantHuge(boolean huge) {
    int how = huge ? Uapi.MADV_HUGEPAGE : Uapi.MADV_NOHUGEPAGE;
    checkEqual(0, mm.madvise(A, pages * PAGE, how), "MADV_HUGEPAGE or _NOHUGEPAGE");
    data = new Mapping(0, pages, false, huge);
    tell(huge ? "MADV_HUGEPAGE" : "MADV_NOHUGEPAGE");
  }

  /** Somebody comes to a mark, by a call or by a mapping. */
  private void meet(Seeded random) {
    List<Long> marked = model.marked();
    if (marked.isEmpty()) {
      return;
    }
    long page = marked.get(random.oneIn(2) ? marked.size() - 1 : random.below(marked.size()));
    if (random.oneIn(3)) {
      touch(data, page);
    } else {
      read(Math.min(bytes - 1, page * PAGE + random.below(9000)), 1);
    }
  }

  private void drop(Seeded random) {
    long first = random.below(pages);
    drop(first, random.oneIn(3) ? pages : Math.min(pages, first + random.between(1, 700)));
  }

  private void drop(long first, long past) {
    checkEqual(0, mm.madvise(A, pages * PAGE, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
    long ofCode = (code.past() - code.first()) * PAGE;
    checkEqual(0, mm.madvise(CODE, ofCode, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
    long length = past == pages ? 0 : (past - first) * PAGE;
    long error = mm.syscall(Syscall.FADVISE64, FD, first * PAGE, length, Uapi.POSIX_FADV_DONTNEED);
    checkEqual(0, error, "POSIX_FADV_DONTNEED");
    model.dropped(first, past == pages ? Long.MAX_VALUE : past);
    tell("POSIX_FADV_DONTNEED of pages " + first + " to " + past);
  }

  private void adviseFile(Advice how) {
    int with =
        how == Advice.RANDOM
            ? Uapi.POSIX_FADV_RANDOM
            : how == Advice.SEQUENTIAL ? Uapi.POSIX_FADV_SEQUENTIAL : Uapi.POSIX_FADV_NORMAL;
    checkEqual(0, mm.syscall(Syscall.FADVISE64, FD, 0, 0, with), "fadvise " + how);
    model.advised(how);
    tell("fadvise " + how);
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
