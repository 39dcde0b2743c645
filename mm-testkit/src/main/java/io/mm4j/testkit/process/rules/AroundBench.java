// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * Mappings of one file whose folios are single pages, beside what is mapped at each page: a page of
 * the file, a copy, or nothing. A read maps the cached pages around it, as far as its VMA, its page
 * table and the file reach; nothing is read ahead, and each table exists.
 */
final class AroundBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final int TABLE = 512;

  /** Pages of three page tables, of which the last one of each is memory that keeps the table. */
  private static final int PLACES = 3 * TABLE;

  private static final int WINDOW = 16;
  private static final int FD = 7;
  private static final int MOST = 700;

  private final AddressSpace mm;
  private final FrameAudit audit = new FrameAudit();
  private final boolean onDisk;

  /** Of each place the page of the file that is mapped there, -1 where nothing is. */
  private final int[] index = new int[PLACES];

  private final BitSet shared = new BitSet();

  /** Places where a page of the file is, and where a copy is. */
  private final BitSet ofFile = new BitSet();

  private final BitSet copies = new BitSet();

  /** Pages of the file that are in memory, and those that were written to since the last sync. */
  private final BitSet cached = new BitSet();

  private final BitSet dirty = new BitSet();
  private int size;

  AroundBench(ProcessFloor floor, Seeded random) {
    super(floor);
    mm = new CaseSetup().create(floor);
    onDisk = random.oneIn(2);
    size = random.between(20, MOST);
    MappedFile.Kind kind = onDisk ? MappedFile.Kind.EXT4 : MappedFile.Kind.TMPFS;
    MappedFile file = new MappedFile("around", kind, size * PAGE, onDisk ? null : at -> 5);
    cached.set(0, size);
    mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    int alone = Uapi.POSIX_FADV_RANDOM;
    checkEqual(0, mm.syscall(Syscall.FADVISE64, FD, 0, 0, alone), "POSIX_FADV_RANDOM");
    Arrays.fill(index, -1);
    for (int last = TABLE - 1; last < PLACES; last += TABLE) {
      checkEqual(at(last), mm.mmap(at(last), PAGE, RW, 0x32, -1, 0), "mmap of a page");
      check(mm.write(at(last), 1).ok(), "a write", "a signal");
    }
    checkEqual(Act.SCRATCH, mm.mmap(Act.SCRATCH, PAGE, RW, 0x32, -1, 0), "mmap for mincore");
    map(random);
  }

  private static long at(int place) {
    return A + place * PAGE;
  }

  @Override
  public void validate() {
    mm.validate();
  }

  @Override
  void step(Seeded random) {
    if (Arrays.stream(index).allMatch(page -> page < 0)) {
      map(random);
    }
    int place = some(random);
    switch (random.weighted(3, 1, 14, 8, 5, 3, 2, 2)) {
      case 0 -> map(random);
      case 1 -> {
        int past = piece(place, random);
        tell("munmap of places " + place + " to " + past);
        checkEqual(0, mm.munmap(at(place), (past - place) * PAGE), "munmap");
        nothing(place, past);
        Arrays.fill(index, place, past, -1);
      }
      case 2 -> touch(place, false);
      case 3 -> touch(place, true);
      case 4 -> forget(random);
      case 5 -> {
        int past = piece(place, random);
        tell("MADV_DONTNEED of places " + place + " to " + past);
        long length = (past - place) * PAGE;
        checkEqual(0, mm.madvise(at(place), length, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
        nothing(place, past);
      }
      case 6 -> populate(place, piece(place, random), random.oneIn(2));
      default -> resize(random.oneIn(2) ? random.between(1, MOST) : size - random.below(size));
    }
  }

  /** A place that is mapped, often at an end of something. */
  private int some(Seeded random) {
    int from = random.below(PLACES);
    while (index[from] < 0) {
      from = (from + 1) % PLACES;
    }
    int near =
        switch (random.below(5)) {
          case 0 -> (from & -WINDOW) + (random.oneIn(2) ? 0 : WINDOW - 1);
          case 1 -> (int) ((bounds(from)[1] - A) / PAGE) - 1 - random.below(3);
          case 2 -> (int) ((bounds(from)[0] - A) / PAGE) + random.below(3);
          case 3 -> from - index[from] + size - 2 + random.below(4);
          default -> from;
        };
    return near >= 0 && near < PLACES && index[near] >= 0 ? near : from;
  }

  /** Some pages from a place on that lie in one mapping and one table. */
  private int piece(int place, Seeded random) {
    int past = place + random.between(1, random.oneIn(2) ? 4 : 40);
    int next = place + 1;
    while (next < past && next % TABLE != TABLE - 1 && index[next] == index[next - 1] + 1) {
      next++;
    }
    return next;
  }

  /** Start and end of the VMA. */
  private long[] bounds(int place) {
    long[] found = new long[2];
    mm.forEachVma(
        at(place),
        at(place) + 1,
        vma -> {
          found[0] = vma.start();
          found[1] = vma.end();
        });
    return found;
  }

  private void nothing(int from, int past) {
    ofFile.clear(from, past);
    copies.clear(from, past);
  }

  private void map(Seeded random) {
    int place = random.below(PLACES - 2);
    place -= place % TABLE == TABLE - 1 ? 1 : 0;
    int table = TABLE - 1 - place % TABLE;
    int n = Math.min(table, random.oneIn(2) ? random.between(1, 40) : random.between(1, TABLE));
    int first = random.below(size);
    boolean both = random.oneIn(2);
    tell((both ? "shared" : "private") + " mmap of " + n + " pages from page " + first);
    tell("at place " + place);
    long seen = mm.mmap(at(place), n * PAGE, RW, both ? 0x11 : 0x12, FD, first * PAGE);
    checkEqual(at(place), seen, "mmap of the file");
    checkEqual(0, mm.madvise(at(place), n * PAGE, Uapi.MADV_RANDOM), "MADV_RANDOM");
    nothing(place, place + n);
    for (int i = 0; i < n; i++) {
      index[place + i] = first + i;
      shared.set(place + i, both);
    }
  }

  private void touch(int place, boolean write) {
    String what = (write ? "a write" : "a read") + " at place " + place;
    tell(what + ", page " + index[place] + " of " + size);
    long addr = at(place);
    Kind seen = (write ? mm.write(addr, 3) : mm.read(addr)).kind();
    Kind wanted = accessed(place, write) ? Kind.OK : Kind.BUS_ADRERR;
    check(seen == wanted, wanted + " from " + what, "" + seen);
    boolean through = !write || wanted != Kind.OK || Floors.letsWrite(mm, addr);
    check(through, "an entry that let the write through", "another");
  }

  /** What the access leaves; false if it ends behind the end of the file. */
  private boolean accessed(int place, boolean write) {
    int page = index[place];
    if (copies.get(place)) {
      return true;
    }
    if (!write && !ofFile.get(place)) {
      around(place);
    }
    if (page >= size) {
      return false;
    }
    boolean first = !ofFile.get(place);
    cached.set(page);
    if (write && !shared.get(place)) {
      ofFile.clear(place);
      copies.set(place);
      return true;
    }
    ofFile.set(place);
    if (!write && first) {
      around(place);
    }
    if (write) {
      dirty.set(page);
    }
    return true;
  }

  /** Maps what is in memory of the window of a place, where nothing is. */
  private void around(int place) {
    long[] vma = bounds(place);
    int start = (int) ((vma[0] - A) / PAGE);
    int end = (int) ((vma[1] - A) / PAGE);
    int table = place - place % TABLE;
    int from = Math.max(Math.max(start, table), place - place % WINDOW);
    int past = Math.min(Math.min(end, table + TABLE), from + WINDOW);
    for (int each = from; each < past; each++) {
      boolean there = index[each] < size && cached.get(index[each]);
      if (there && !copies.get(each)) {
        ofFile.set(each);
      }
    }
  }

  private void populate(int from, int past, boolean write) {
    int end = from;
    while (end < past && index[end] < size) {
      end++;
    }
    if (end == from) {
      return;
    }
    tell("MADV_POPULATE_" + (write ? "WRITE" : "READ") + " of places " + from + " to " + end);
    int how = write ? Uapi.MADV_POPULATE_WRITE : Uapi.MADV_POPULATE_READ;
    checkEqual(0, mm.madvise(at(from), (end - from) * PAGE, how), "MADV_POPULATE");
    for (int each = from; each < end; each++) {
      boolean _ = accessed(each, write);
    }
  }

  /** Pages leave memory: of a disk those that nobody maps or wrote to, else a hole is made. */
  private void forget(Seeded random) {
    int from = random.below(size);
    int past = Math.min(size, from + random.between(1, random.oneIn(2) ? 9 : size));
    long length = (past - from) * PAGE;
    if (!onDisk) {
      tell("a hole of pages " + from + " to " + past);
      int mode = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
      checkEqual(0, mm.syscall(Syscall.FALLOCATE, FD, mode, from * PAGE, length), "fallocate");
      cached.clear(from, past);
      for (int place = 0; place < PLACES; place++) {
        ofFile.clear(place, index[place] >= from && index[place] < past ? place + 1 : place);
      }
      return;
    }
    tell("POSIX_FADV_DONTNEED of pages " + from + " to " + past);
    int how = Uapi.POSIX_FADV_DONTNEED;
    checkEqual(0, mm.syscall(Syscall.FADVISE64, FD, from * PAGE, length, how), "fadvise64");
    BitSet mapped = new BitSet();
    ofFile.stream().forEach(place -> mapped.set(index[place]));
    for (int page = from; page < past; page++) {
      cached.set(page, cached.get(page) && (mapped.get(page) || dirty.get(page)));
    }
    dirty.clear(from, past);
  }

  private void resize(int pages) {
    tell("ftruncate from " + size + " to " + pages + " pages");
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD, pages * PAGE), "ftruncate");
    size = pages;
    cached.clear(size, Math.max(size, MOST));
    dirty.clear(size, Math.max(size, MOST));
    for (int place = 0; place < PLACES; place++) {
      if (index[place] >= size) {
        nothing(place, place + 1);
      }
    }
  }

  // ---------------------------------------------------------------- looking

  @Override
  void holds() {
    StringBuilder wanted = new StringBuilder();
    for (int place = 0; place < PLACES; place++) {
      boolean other = place % TABLE == TABLE - 1;
      wanted.append(other || copies.get(place) ? 'A' : ofFile.get(place) ? 'F' : '.');
    }
    StringBuilder seen = new StringBuilder(".".repeat(PLACES));
    mm.pagemap(
        A,
        at(PLACES),
        (addr, entry) -> {
          if (Pagemap.pfn(entry) >= 0) {
            char letter = (entry & Pagemap.FILE) != 0 ? 'F' : 'A';
            seen.setCharAt((int) ((addr - A) / PAGE), letter);
          }
        });
    String runs = Letters.runs(seen);
    check(runs.equals(Letters.runs(wanted)), "pages " + Letters.runs(wanted), runs);
    long pages = (long) ofFile.cardinality() + copies.cardinality() + PLACES / TABLE;
    checkEqual(pages, mm.fields().rssPages() - scratch(), "resident pages");
    audit.fresh();
    audit.holds(List.of(mm));
    cache();
  }

  /** Whether somebody has written the answers of mincore. */
  private long scratch() {
    long[] there = new long[1];
    mm.pagemap(
        Act.SCRATCH,
        Act.SCRATCH + PAGE,
        (addr, entry) -> there[0] += Pagemap.pfn(entry) >= 0 ? 1 : 0);
    return there[0];
  }

  /** mincore of a mapping says what of the file is in memory. */
  private void cache() {
    for (int from = 0; from < PLACES; from++) {
      int past = from;
      while (index[from] >= 0 && past < PLACES && index[past] >= 0) {
        past++;
      }
      if (past > from) {
        StringBuilder wanted = new StringBuilder();
        for (int place = from; place < past; place++) {
          boolean there = index[place] < size && cached.get(index[place]);
          wanted.append(copies.get(place) || there ? '1' : '0');
        }
        StringBuilder seen = new StringBuilder();
        long length = (past - from) * PAGE;
        checkEqual(0, mm.mincore(at(from), length, Act.SCRATCH, seen::append), "mincore");
        String runs = Letters.runs(seen);
        check(runs.equals(Letters.runs(wanted)), "in memory " + Letters.runs(wanted), runs);
        from = past;
      }
    }
  }
}
