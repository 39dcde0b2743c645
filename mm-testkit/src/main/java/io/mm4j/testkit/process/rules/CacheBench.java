// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.BitSet;

/**
 * The folios of a file on a disk that is written, cut, emptied, mapped and dropped from memory,
 * beside a list of them: which there are, how large they are, and in which pages somebody wrote.
 * Nothing is read ahead.
 */
final class CacheBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final int FD = 7;
  private static final int BUFFER = 24;

  /** Another buffer: what is written is never all zeroes, so that it has blocks. */
  private static final long READ_INTO = FAR + 64 * Bits.PAGE;

  /** Pages of the largest folio. */
  private static final int FOLIO = 512;

  private final AddressSpace mm;
  private final FrameAudit audit;
  private final Bystander bystander;
  private Seeded looks;

  /** The most pages that the file may have. */
  private final int most;

  /** Of each page the first one of its folio and how many it has; 0 where none is. */
  private final int[] first;

  private final int[] pages;
  private final BitSet dirty = new BitSet();

  /** Pages of folios that are not up to date: not all of their blocks were read or written. */
  private final BitSet stale = new BitSet();

  /** Of those the pages whose block was read or written. */
  private final BitSet filled = new BitSet();

  /** Folios that reclaim could not write out: who reads them reads ahead. */
  private final BitSet marked = new BitSet();

  /** Pages of which the disk has a block. */
  private final BitSet blocks = new BitSet();

  /** Bytes, and pages of the file, the last perhaps in part. */
  private long bytes;

  private int size;

  /** Of a file whose bytes nobody knows folios are single pages. */
  private final boolean known;

  CacheBench(ProcessFloor floor, Seeded random) {
    super(floor);
    CaseSetup setup = new CaseSetup();
    setup.thp = random.oneIn(2) ? ThpMode.ALWAYS : ThpMode.NEVER; // folios of 2 MiB, too
    audit = new FrameAudit();
    looks = random;
    bystander = new Bystander(floor);
    mm = setup.create(floor);
    most = random.oneIn(3) ? 1100 : 128;
    first = new int[most + FOLIO];
    pages = new int[most + FOLIO];
    known = !random.oneIn(4);
    int pagesAtFirst = random.between(2, most);
    int piece = random.oneIn(2) ? 0 : random.between(1, 40);
    for (int at = 0; at < pagesAtFirst; at += piece == 0 ? pagesAtFirst : piece) {
      int past = piece == 0 ? pagesAtFirst : Math.min(pagesAtFirst, at + piece);
      put(at * PAGE, past * PAGE, past * PAGE);
    }
    dirty.clear();
    bytes = size * PAGE;
    MappedFile file =
        new MappedFile(
            "cache", MappedFile.Kind.EXT4, size * PAGE, known ? at -> 5 : null, piece * PAGE);
    mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    checkEqual(0, fadvise(0, 0, Uapi.POSIX_FADV_RANDOM), "POSIX_FADV_RANDOM");
    checkEqual(A, mm.mmap(A, most * PAGE, RW, 0x11, FD, 0), "mmap");
    checkEqual(0, mm.madvise(A, most * PAGE, Uapi.MADV_RANDOM), "MADV_RANDOM");
    checkEqual(FAR, mm.mmap(FAR, BUFFER * PAGE, RW, 0x8032, -1, 0), "mmap of a buffer");
    for (int i = 0; i < BUFFER; i++) {
      check(mm.write(FAR + i * PAGE, 7).ok(), "a write to the buffer", "a signal");
    }
    checkEqual(READ_INTO, mm.mmap(READ_INTO, BUFFER * PAGE, RW, 0x32, -1, 0), "mmap");
    checkEqual(Act.SCRATCH, mm.mmap(Act.SCRATCH, PAGE, RW, 0x32, -1, 0), "mmap for mincore");
  }

  private long fadvise(long from, long length, int advice) {
    return mm.syscall(Syscall.FADVISE64, FD, from, length, advice);
  }

  @Override
  public void validate() {
    mm.validate();
  }

  // ---------------------------------------------------------------- the model

  private void join(int start, int n) {
    for (int i = start; i < start + n; i++) {
      first[i] = start;
      pages[i] = n;
    }
  }

  private int end(int page) {
    return first[page] + pages[page];
  }

  private boolean isDirty(int page) {
    int next = dirty.nextSetBit(first[page]);
    return next >= 0 && next < end(page);
  }

  /**
   * Bytes are written, of which the first can be read: what is not there comes in folios as large
   * as what is left. One that is not up to date takes all that is wanted or nothing; then its
   * blocks that the disk does not have are zero, and less is tried.
   */
  private void put(long from, long to, long readable) {
    long chunk = FOLIO * PAGE;
    long retry = 0;
    for (long at = from; at < to; ) {
      long n = Math.min(retry > 0 ? retry : to - at, chunk - at % chunk);
      int page = (int) (at / PAGE);
      if (pages[page] == 0) {
        join(page, folio(page, (int) Math.max(1, n / PAGE)));
        stale.set(page, end(page));
        filled.clear(page, end(page));
      }
      n = Math.min(n, end(page) * PAGE - at);
      long can = Math.min(n, from + readable - at);
      begins(at, at + n);
      if (can > 0 && (can == n || !stale.get(page))) {
        ends(at, at + can);
        at += can;
        retry = 0;
      } else {
        ends(at, at);
        chunk = Math.max(PAGE, chunk / 2);
        retry = can;
        if (can == 0) {
          return;
        }
      }
    }
  }

  /** What the disk does not have is zero, and of blocks that are written in part it is read. */
  private void begins(long from, long to) {
    for (int page = (int) (from / PAGE); page * PAGE < to; page++) {
      if (!blocks.get(page)) {
        blocks.set(page);
        dirty.set(page);
        filled.set(page);
      } else if (page * PAGE < from || (page + 1) * PAGE > to) {
        filled.set(page);
      }
    }
  }

  /** So much was copied: a folio is up to date when all of its blocks are filled. */
  private void ends(long from, long to) {
    int page = (int) (from / PAGE);
    int past = (int) ((to + PAGE - 1) / PAGE);
    if (page < past) {
      dirty.set(page, past);
      filled.set(page, past);
    }
    if (filled.nextClearBit(first[page]) >= end(page)) {
      stale.clear(first[page], end(page));
    }
    size = Math.max(size, past);
    bytes = Math.max(bytes, to);
  }

  /** The end of a block becomes zero; it is read before if the page is not there. */
  private void zero(int page) {
    if (pages[page] == 0) {
      join(page, 1);
      stale.set(page);
      filled.set(page, blocks.get(page));
    }
    if (blocks.get(page)) { // a page of a hole, up to date or not, becomes no other than it was
      dirty.set(page);
    }
  }

  /** How many pages the folio has that a write of so many makes at a page. */
  private int folio(int at, int left) {
    int n = known ? Integer.highestOneBit(left) : 1;
    while (at % n != 0 || !isFree(at, n)) {
      n /= 2;
    }
    return n;
  }

  /** A write begins behind the end: what follows it in its page becomes zero. */
  private void writesBehind(long from) {
    if (from > bytes && bytes % PAGE != 0) {
      zero((int) (bytes / PAGE));
    }
  }

  private boolean isFree(int from, int n) {
    for (int i = from; i < from + n; i++) {
      if (pages[i] > 0) {
        return false;
      }
    }
    return true;
  }

  /**
   * The page is a folio of its own, and what was around it as large ones as can be. New ones that
   * begin behind the end of the file go.
   */
  private void split(int page) {
    int whole = first[page];
    int past = end(page);
    int start = whole;
    filled.clear(whole, past);
    for (int n = pages[page] / 2; n > 0; n /= 2) {
      boolean upper = page >= start + n;
      join(upper ? start : start + n, n);
      start += upper ? n : 0;
    }
    join(page, 1);
    for (int each = past - 1; each >= whole; each--) {
      if (first[each] >= size && first[each] != whole) {
        pages[each] = 0;
      }
    }
  }

  /** Splits the folio of a page where a range has only a part of it; false if it is dirty. */
  private boolean border(int page, long from, long to) {
    int start = first[page];
    int past = end(page);
    if (pages[page] < 2 || (start * PAGE >= from && past * PAGE <= to)) {
      return true;
    }
    if (isDirty(page)) {
      return false;
    }
    split(Math.max(start, (int) (from / PAGE)));
    int last = (int) (to / PAGE);
    if (past * PAGE > to && pages[last] > 1) {
      split(last);
    }
    return true;
  }

  private void gone(int from, int to) {
    for (int page = from; page < to; page++) {
      pages[page] = 0;
    }
    dirty.clear(from, Math.max(from, to));
    stale.clear(from, Math.max(from, to));
  }

  // ---------------------------------------------------------------- steps

  @Override
  void step(Seeded random) {
    looks = random;
    int at = place(random);
    int past = Math.min(most, at + random.between(1, random.oneIn(4) ? 80 : 12));
    switch (random.weighted(6, 4, 6, 4, 4, 6, 6, 4, 3, 1, 3, 4, 2)) {
      case 0 -> write(at, Math.min(past, at + BUFFER - 1), random);
      case 1 -> sync();
      case 2 -> drop(at, past);
      case 3 -> {
        long from = at * PAGE + within(random);
        long to = Math.min(past * PAGE + within(random), most * PAGE);
        empty(from, random.oneIn(2) ? to : Math.min(to, bytes), random.oneIn(2));
      }
      case 4 -> {
        int to = random.oneIn(3) ? at : Math.max(1, size - random.below(40));
        resize(Math.min(to * PAGE + within(random), most * PAGE));
      }
      case 5 -> read(at, Math.min(Math.min(past, at + BUFFER), size));
      case 6 -> touch(at, random.oneIn(2));
      case 7 -> drop(random.oneIn(2) ? 0 : at, Integer.MAX_VALUE);
      case 9 -> unmapAll();
      case 10 -> pageOut();
      case 12 -> allocate(at * PAGE, Math.min(past * PAGE + within(random), most * PAGE));
      case 11 -> {
        int from = Math.max(size, at);
        for (int i = random.between(0, 3); i >= 0; i--) { // one beside the other
          fail(from, random.between(1, 20));
          from += Math.max(1, pages[from]);
        }
      }
      default -> {
        tell("MADV_DONTNEED of pages " + at + " to " + past);
        long length = (past - at) * PAGE;
        checkEqual(0, mm.madvise(A + at * PAGE, length, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
      }
    }
  }

  /** Where a page begins, or within it. */
  private static int within(Seeded random) {
    return random.oneIn(2) ? 0 : random.oneIn(3) ? 1 : random.below((int) PAGE);
  }

  /** Anywhere, or where a folio begins or ends. */
  private int place(Seeded random) {
    int at = random.below(Math.min(most, size + 20));
    if (pages[at] == 0 || random.oneIn(3)) {
      return at;
    }
    int near = (random.oneIn(2) ? first[at] : end(at)) + random.between(-1, 1);
    return Math.clamp(near, 0, most - 1);
  }

  /** A write, which begins and ends within pages and has less than it says if the file has all. */
  private void write(int page, int past, Seeded random) {
    long from = page * PAGE + within(random);
    long to = Math.max(from + 1, past * PAGE - within(random));
    long length = to - from;
    long can = to <= bytes && random.oneIn(3) ? Math.max(1, length - random.below(40000)) : length;
    tell("pwrite64 of bytes " + from + " to " + to + " of " + bytes + ", of which it has " + can);
    long buffer = can < length ? FAR + BUFFER * PAGE - can : FAR + from % PAGE;
    check(mm.write(buffer, 7).ok(), "a write to the buffer", "a signal");
    checkEqual(can, mm.syscall(Syscall.PWRITE64, FD, buffer, length, from), "pwrite64");
    writesBehind(from);
    put(from, to, can);
  }

  private void sync() {
    tell("fsync");
    checkEqual(0, mm.syscall(Syscall.FSYNC, FD), "fsync");
    writtenOut(0, most + FOLIO);
    marked.clear();
  }

  /** What is written out has blocks, also where nothing was copied. */
  private void writtenOut(int from, int to) {
    for (int page = dirty.nextSetBit(from); page >= 0 && page < Math.min(to, size); ) {
      blocks.set(page);
      page = dirty.nextSetBit(page + 1);
    }
    dirty.clear(from, to);
  }

  private BitSet mapped() {
    BitSet out = new BitSet();
    mm.pagemap(
        A,
        A + most * PAGE,
        (addr, entry) -> out.set((int) ((addr - A) / PAGE), Pagemap.pfn(entry) >= 0));
    return out;
  }

  /** Folios of a range that nobody maps and nobody wrote to go; the others are written out. */
  private void drop(int from, int to) {
    boolean toEnd = to == Integer.MAX_VALUE;
    tell("POSIX_FADV_DONTNEED of pages " + from + " to " + (toEnd ? "the end" : to));
    long length = toEnd ? 0 : (to - from) * PAGE;
    checkEqual(0, fadvise(from * PAGE, length, Uapi.POSIX_FADV_DONTNEED), "POSIX_FADV_DONTNEED");
    BitSet mapped = mapped();
    int past = Math.min(to, most + FOLIO);
    for (int page = from; page < past; page++) {
      if (pages[page] == 0) {
        continue;
      }
      int start = first[page];
      int end = end(page);
      int uses = mapped.nextSetBit(start);
      boolean whole = start >= from && end <= past;
      boolean mayGo = !isDirty(page) || start >= size; // behind the end is nothing to write
      if (whole && mayGo && (uses < 0 || uses >= end)) {
        gone(start, end);
      } else {
        writtenOut(start, end);
      }
      page = end - 1;
    }
  }

  private void unmapAll() {
    tell("MADV_DONTNEED");
    checkEqual(0, mm.madvise(A, most * PAGE, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
  }

  /**
   * MADV_PAGEOUT: folios that are mapped whole go if they are clean, and are mapped no more; others
   * fall into single pages.
   */
  private void pageOut() {
    tell("MADV_PAGEOUT");
    BitSet mapped = mapped();
    checkEqual(0, mm.madvise(A, most * PAGE, Uapi.MADV_PAGEOUT), "MADV_PAGEOUT");
    for (int page = mapped.nextSetBit(0); page >= 0; page = mapped.nextSetBit(page)) {
      int start = first[page];
      int end = end(page);
      boolean clean = !isDirty(page);
      if (mapped.nextClearBit(start) >= end) {
        if (clean) {
          gone(start, end);
        } else {
          marked.set(start, end);
        }
      } else if (clean) {
        for (int each = start; each < end; each++) {
          join(each, 1);
          pages[each] = each < size || each == start ? 1 : 0;
        }
      }
      page = end;
    }
  }

  /**
   * A write behind the end that can copy nothing leaves its folio there, and the file ends there.
   */
  private void fail(int from, int length) {
    if (from + length > most || pages[from] > 0) {
      return;
    }
    tell("pwrite64 of " + length + " pages from nowhere at page " + from + " of " + size);
    long nowhere = FAR + BUFFER * PAGE;
    long seen = mm.syscall(Syscall.PWRITE64, FD, nowhere, length * PAGE, from * PAGE);
    checkEqual(-Errno.EFAULT, seen, "pwrite64 from nowhere");
    writesBehind(from * PAGE);
    int n = folio(from, Math.min(length, FOLIO - from % FOLIO));
    join(from, n);
    dirty.set(from, from + n);
    bytes = Math.max(bytes, from * PAGE);
    size = Math.max(size, from);
  }

  /** The disk has room for more; where the file grows so, what was behind its end becomes zero. */
  private void allocate(long from, long to) {
    if (from >= to) {
      return;
    }
    tell("fallocate from " + from + " to " + to + " of " + bytes);
    checkEqual(0, mm.syscall(Syscall.FALLOCATE, FD, 0, from, to - from), "fallocate");
    if (to > bytes) {
      if (bytes % PAGE != 0) {
        zero((int) (bytes / PAGE));
      }
      if (to % PAGE != 0) {
        zero((int) (to / PAGE));
      }
      bytes = to;
      size = (int) ((to + PAGE - 1) / PAGE);
    }
  }

  private void empty(long from, long wanted, boolean zeroes) {
    // A hole ends with the page in which the file does, zeroes where they are wanted.
    long to = zeroes || wanted <= bytes ? wanted : size * PAGE;
    if (from >= to || (!zeroes && from >= bytes)) {
      return;
    }
    int how = zeroes ? Uapi.FALLOC_FL_ZERO_RANGE : Uapi.FALLOC_FL_PUNCH_HOLE;
    tell((zeroes ? "zeroes" : "a hole") + " from " + from + " to " + wanted + " of " + bytes);
    int mode = how | Uapi.FALLOC_FL_KEEP_SIZE;
    checkEqual(0, mm.syscall(Syscall.FALLOCATE, FD, mode, from, wanted - from), "fallocate");
    int start = (int) ((from + PAGE - 1) / PAGE);
    int past = (int) (to / PAGE);
    if (start < past) {
      dirty.clear(start, past);
      blocks.clear(start, past);
    }
    int begins = (int) (from / PAGE);
    int ends = (int) ((to - 1) / PAGE);
    if (!border(begins, from, to)) {
      start = Math.max(start, end(begins));
    }
    if (start * PAGE < to && !border(ends, from, to)) {
      past = Math.min(past, first[ends]);
    }
    if (from % PAGE != 0 || (begins == ends && to % PAGE != 0)) {
      zero(begins);
    }
    if (to % PAGE != 0) {
      zero(ends);
    }
    gone(start, Math.max(start, past));
  }

  /** The file ends elsewhere: a folio beyond is split there, or stays if it is dirty. */
  private void resize(long to) {
    tell("ftruncate from " + bytes + " to " + to);
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD, to), "ftruncate");
    if (to > bytes && bytes % PAGE != 0) {
      zero((int) (bytes / PAGE));
    }
    boolean cuts = to <= bytes;
    bytes = to;
    size = (int) ((to + PAGE - 1) / PAGE);
    int last = (int) (to / PAGE);
    int kept = size;
    if (pages[last] > 1 && first[last] * PAGE < to) {
      dirty.clear(size, most + FOLIO);
      if (isDirty(last)) {
        kept = Math.max(size, end(last));
      } else {
        split(last);
      }
    }
    if (cuts && to % PAGE != 0) {
      zero(last);
    }
    gone(kept, most + FOLIO);
    blocks.clear(size, most + FOLIO);
  }

  private void read(int from, int to) {
    if (from >= to || bytes == 0) {
      return;
    }
    int mark = marked.nextSetBit(from);
    if (mark >= 0 && mark < to) {
      sync(); // takes the marks: nothing is to be read ahead
    }
    tell("pread64 of pages " + from + " to " + to);
    long wanted = (to - from) * PAGE;
    long seen = mm.syscall(Syscall.PREAD64, FD, READ_INTO, wanted, from * PAGE);
    checkEqual(Math.min(wanted, bytes - from * PAGE), seen, "pread64");
    for (int page = from; page < to; page++) {
      brought(page);
    }
  }

  private void brought(int page) {
    if (pages[page] == 0) {
      join(page, 1);
    }
    stale.clear(first[page], end(page));
  }

  /** By the mapping; a write makes the folio dirty as a whole. */
  private void touch(int page, boolean write) {
    if (page >= size) {
      return;
    }
    tell((write ? "write" : "read") + " of page " + page + " by the mapping");
    long at = A + page * PAGE;
    check((write ? mm.write(at, 9) : mm.read(at)).ok(), "a touch within the file", "a signal");
    check(!write || Floors.letsWrite(mm, at), "an entry that let the write through", "another");
    brought(page);
    if (write) {
      dirty.set(first[page], Math.min(end(page), size));
    }
  }

  // ---------------------------------------------------------------- looking

  @Override
  void holds() {
    bystander.keeps();
    audit.fresh();
    audit.translates(mm, looks, A, most * PAGE);
    StringBuilder wanted = new StringBuilder();
    for (int page = 0; page < most; page++) {
      wanted.append(pages[page] > 0 && !stale.get(page) ? '1' : '0');
    }
    StringBuilder seen = new StringBuilder();
    checkEqual(0, mm.mincore(A, most * PAGE, Act.SCRATCH, seen::append), "mincore");
    String runs = Letters.runs(seen);
    check(runs.equals(Letters.runs(wanted)), "in the cache " + Letters.runs(wanted), runs);
    MemMap map = Floors.machine().memory().memMap();
    mm.pagemap(
        A,
        A + most * PAGE,
        (addr, entry) -> {
          long pfn = Pagemap.pfn(entry);
          if (pfn >= 0) {
            folio(map, (int) ((addr - A) / PAGE), pfn);
          }
        });
  }

  /** A page that is mapped: its folio has the size and the marks of the model's. */
  private void folio(MemMap map, int page, long pfn) {
    long head = map.head(pfn);
    String what = " of the folio of page " + page;
    checkEqual(pages[page], 1 << map.order(head), "pages" + what);
    checkEqual(page - first[page], pfn - head, "pages before it" + what);
    checkEqual(first[page], map.index(head), "the place" + what);
    boolean isMarked = (map.flags(head) & PageFlags.PG_DIRTY) != 0;
    boolean wanted = isDirty(page);
    check(isMarked == wanted, "PG_dirty=" + wanted + what, "" + isMarked);
    checkEqual(0, map.flags(head) & PageFlags.PG_SWAPBACKED, "PG_swapbacked" + what);
  }
}
