// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.naive.NaiveFilePlaces.TABLE;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.naive.NaiveFilePlaces;
import io.mm4j.testkit.process.naive.NaiveFilePlaces.Where;
import io.mm4j.testkit.process.naive.NaiveFolios;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Mappings of one file on a disk whose folios are as large as its first write made them, of which
 * some page tables are there and others are not, beside {@link NaiveFilePlaces}: what is mapped
 * where, by a huge entry or single ones, and whether writes go through.
 */
final class FilePlacesBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final int PLACES = 3 * TABLE;
  private static final int WINDOW = 16;
  private static final int FD = 7;
  private static final int MOST = 1200;
  private static final int HOLE = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
  private static final int WIDE = 2;
  private static final int WRITE = 2;
  private static final int EXEC = 4;

  private final AddressSpace mm;
  private final int prot;
  private final FrameAudit audit = new FrameAudit();
  private final NaiveFolios folios;
  private final NaiveFilePlaces places;

  /** Tables of which the last place has memory of another kind. */
  private final boolean[] kept = new boolean[PLACES / TABLE];

  FilePlacesBench(ProcessFloor floor, Seeded random) {
    super(floor);
    prot = random.oneIn(3) ? WRITE : random.oneIn(2) && readsAlone(floor) ? RW | EXEC : RW;
    mm = new CaseSetup().create(floor);
    int size = random.oneIn(3) ? random.between(2, 80) : random.between(200, MOST);
    folios = new NaiveFolios(MOST + 1, size);
    places = new NaiveFilePlaces(PLACES, folios, size);
    MappedFile file = new MappedFile("places", MappedFile.Kind.EXT4, size * PAGE, at -> 5);
    mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    int alone = Uapi.POSIX_FADV_RANDOM;
    checkEqual(0, mm.syscall(Syscall.FADVISE64, FD, 0, 0, alone), "POSIX_FADV_RANDOM");
    for (int last = TABLE - 1; last < PLACES; last += TABLE) {
      if (random.oneIn(3)) { // memory that keeps the page table
        checkEqual(at(last), mm.mmap(at(last), PAGE, RW, 0x32, -1, 0), "mmap of a page");
        check(mm.write(at(last), 1).ok(), "a write", "a signal");
        kept[last / TABLE] = true;
      }
    }
    map(random);
  }

  /** The disk reads nothing ahead, as it would for code; false if that cannot be said. */
  private static boolean readsAlone(ProcessFloor floor) {
    try {
      floor.kernelOption("read-ahead-kb", "0");
      return true;
    } catch (InputException e) {
      return false;
    }
  }

  private static long at(int place) {
    return A + place * PAGE;
  }

  @Override
  public void validate() {
    mm.validate();
  }

  // ---------------------------------------------------------------- steps

  @Override
  void step(Seeded random) {
    int place = some(random);
    if (place < 0) {
      map(random);
      return;
    }
    switch (random.weighted(4, 1, 14, 8, 2, 3, 2, 2, 2, 2, 1, 2)) {
      case 0 -> map(random);
      case 1 -> {
        int past = piece(place, random);
        tell("munmap of places " + place + " to " + past);
        checkEqual(0, mm.munmap(at(place), (past - place) * PAGE), "munmap");
        places.unmap(place, past);
      }
      case 2 -> touch(place, false);
      case 3 -> touch(place, true);
      case 4 -> {
        tell("somebody looks at place " + place);
        Where where = where(place);
        mm.peek(at(place), 1, 0);
        boolean _ = places.access(where, false, false);
      }
      case 5 -> {
        int past = piece(place, random);
        tell("MADV_DONTNEED of places " + place + " to " + past);
        long length = (past - place) * PAGE;
        checkEqual(0, mm.madvise(at(place), length, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
        places.discard(place, past);
      }
      case 6 -> populate(place, piece(place, random), prot == WRITE || random.oneIn(2));
      case 7 -> sync();
      case 8 -> {
        sync();
        tell("POSIX_FADV_DONTNEED");
        int how = Uapi.POSIX_FADV_DONTNEED;
        checkEqual(0, mm.syscall(Syscall.FADVISE64, FD, 0, 0, how), "fadvise64");
        places.forget();
      }
      case 9 -> {
        int size = places.size();
        int to = random.oneIn(2) ? random.between(1, MOST) : size - random.below(Math.min(size, 9));
        tell("ftruncate from " + size + " to " + to + " pages");
        checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD, to * PAGE), "ftruncate");
        places.resize(to);
      }
      case 10 -> punch(random);
      default -> {
        tell("clear_refs");
        checkEqual(0, mm.clearRefs(1), "clear_refs");
        places.forgetAccesses();
      }
    }
  }

  /** A place that is mapped, often at an end of something; -1 if there is none. */
  private int some(Seeded random) {
    int from = random.below(PLACES);
    for (int i = 0; i < PLACES && places.index[from] < 0; i++) {
      from = (from + 1) % PLACES;
    }
    if (places.index[from] < 0) {
      return -1;
    }
    Where where = where(from);
    int base = places.index[from] - from;
    int page = Math.min(places.index[from], places.size() - 1);
    int near =
        switch (random.below(6)) {
          case 0 -> (from & -WINDOW) + (random.oneIn(2) ? 0 : WINDOW - 1);
          case 1 -> where.past() - 1 - random.below(3);
          case 2 -> where.start() + random.below(3);
          case 3 -> places.size() - base - WIDE + random.below(2 * WIDE);
          case 4 -> (folios.has(page) ? folios.first(page) : page) - base - 1 + random.below(WIDE);
          default -> from;
        };
    return near >= 0 && near < PLACES && places.index[near] >= 0 ? near : from;
  }

  /** Some pages from a place on that lie in one mapping. */
  private int piece(int place, Seeded random) {
    int past = place + (random.oneIn(3) ? TABLE : random.between(1, random.oneIn(2) ? 4 : 40));
    return Math.min(past, where(place).past());
  }

  /** What the mapping of a place, and the tables in RAM, are now. */
  private Where where(int place) {
    int[] found = new int[2];
    mm.forEachVma(
        at(place),
        at(place) + 1,
        vma -> {
          found[0] = (int) ((vma.start() - A) / PAGE);
          found[1] = (int) ((vma.end() - A) / PAGE);
        });
    return new Where(place, found[0], found[1], Floors.entry(mm, at(place)).level() == 1);
  }

  private void map(Seeded random) {
    int table = random.below(PLACES / TABLE);
    boolean even = random.oneIn(2);
    int place = table * TABLE + (even ? 0 : random.below(TABLE - 1));
    int room = even && !random.oneIn(4) ? PLACES : place + random.between(1, 80);
    int end = place + 1;
    while (end < Math.min(room, PLACES) && !(end % TABLE == TABLE - 1 && kept[end / TABLE])) {
      end++;
    }
    int first = even && !random.oneIn(3) ? 0 : random.below(places.size());
    first += even && places.size() > TABLE && random.oneIn(3) ? TABLE - first % TABLE : 0;
    boolean both = random.oneIn(2);
    boolean hasHuge = !random.oneIn(4);
    int n = end - place;
    tell((both ? "shared" : "private") + " mmap of " + n + " pages from page " + first);
    tell("at place " + place + (hasHuge ? "" : " without huge pages"));
    long seen = mm.mmap(at(place), n * PAGE, prot, both ? 0x11 : 0x12, FD, first * PAGE);
    checkEqual(at(place), seen, "mmap of the file");
    checkEqual(0, mm.madvise(at(place), n * PAGE, Uapi.MADV_RANDOM), "MADV_RANDOM");
    if (!hasHuge) {
      checkEqual(0, mm.madvise(at(place), n * PAGE, Uapi.MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
    }
    places.map(place, n, first, both, hasHuge);
  }

  private void touch(int place, boolean write) {
    String what = (write ? "a write" : "a read") + " at place " + place;
    tell(what + ", page " + places.index[place] + " of " + places.size());
    Where where = where(place);
    Kind seen = (write ? mm.write(at(place), 3) : mm.read(at(place))).kind();
    Kind wanted = places.access(where, write, true) ? Kind.OK : Kind.BUS_ADRERR;
    check(seen == wanted, wanted + " from " + what, "" + seen);
    places.used(place);
  }

  private void populate(int from, int past, boolean write) {
    tell("MADV_POPULATE_" + (write ? "WRITE" : "READ") + " of places " + from + " to " + past);
    int end = from;
    while (end < past && places.index[end] < places.size()) {
      end++;
    }
    int how = write ? Uapi.MADV_POPULATE_WRITE : Uapi.MADV_POPULATE_READ;
    for (int each = from; each < end; each++) {
      Where where = where(each);
      checkEqual(0, mm.madvise(at(each), PAGE, how), "MADV_POPULATE");
      boolean _ = places.access(where, write, true);
    }
  }

  private void sync() {
    tell("fsync");
    checkEqual(0, mm.syscall(Syscall.FSYNC, FD), "fsync");
    places.sync();
  }

  private void punch(Seeded random) {
    sync();
    int from = random.below(places.size());
    int past = Math.min(places.size(), from + random.between(1, 20));
    tell("a hole of pages " + from + " to " + past);
    long length = (past - from) * PAGE;
    checkEqual(0, mm.syscall(Syscall.FALLOCATE, FD, HOLE, from * PAGE, length), "fallocate");
    places.punch(from, past);
  }

  // ---------------------------------------------------------------- looking

  @Override
  void holds() {
    StringBuilder wanted = new StringBuilder();
    StringBuilder seen = new StringBuilder();
    Map<Integer, Long> frames = new HashMap<>();
    for (int place = 0; place < PLACES; place++) {
      if (places.index[place] < 0) {
        wanted.append('.');
        seen.append('.');
      } else {
        wanted.append(places.letter(place));
        seen.append(seen(place, frames));
      }
    }
    String runs = Letters.runs(seen);
    check(runs.equals(Letters.runs(wanted)), "pages " + Letters.runs(wanted), runs);
    audit.fresh();
    audit.holds(List.of(mm));
  }

  private char seen(int place, Map<Integer, Long> frames) {
    MemMap map = Floors.machine().memory().memMap();
    Floors.Entry entry = Floors.entry(mm, at(place));
    long pfn = entry.pfn(at(place));
    if (pfn < 0) {
      return '.';
    }
    EntryBits bits = entry.bits();
    boolean writes = bits.isWrite(entry.value());
    boolean young = places.isYoung(place);
    check(
        young == bits.isYoung(entry.value()),
        (young ? "a young" : "an old") + " entry at place " + place,
        "another");
    check(writes == bits.isDirty(entry.value()), "a dirty entry if writes go through", "" + entry);
    if ((map.mapping(map.head(pfn)) & 1) != 0) {
      return writes ? 'A' : 'a';
    }
    folio(place, pfn, map, frames);
    char file = entry.level() == 2 ? 'h' : 'f';
    return writes ? Character.toUpperCase(file) : file;
  }

  /** The frame is the one of the file's page, in a folio of its size. */
  private void folio(int place, long pfn, MemMap map, Map<Integer, Long> frames) {
    int page = places.index[place];
    String what = "page " + page + " of the file, at place " + place;
    @Nullable Long other = frames.putIfAbsent(page, pfn);
    check(other == null || other == pfn, "one frame of " + what, "two");
    long head = map.head(pfn);
    checkEqual(page - folios.first(page), pfn - head, "frames before it in its folio, of " + what);
    int pages = folios.past(page) - folios.first(page);
    checkEqual(pages, 1L << map.order(head), "pages of the folio of " + what);
  }
}
