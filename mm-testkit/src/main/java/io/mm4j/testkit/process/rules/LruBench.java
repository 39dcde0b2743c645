// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What reclaim would know of single pages, and of a folio: those of anonymous memory and of a file,
 * beside two marks for each. An access marks a page as referenced, another one makes it active, a
 * third one marks it again; what is locked is never active.
 */
final class LruBench extends StepRule.Bench {
  private static final long PAGE = Bits.PAGE;
  private static final int PAGES = 8;
  private static final long BYTES = PAGES * PAGE;
  private static final int FD = 7;
  private static final int POPULATE = 0x8000;

  private static final class Marks {
    boolean there;
    boolean referenced;
    boolean active;
    boolean exclusive;

    /** MADV_FREE has given it up, and says nothing more of it. */
    boolean lazy;

    void accessed(boolean locked) {
      if (!referenced) {
        referenced = true;
      } else if (!active && !locked) {
        active = true;
        referenced = false;
      }
      active &= !locked;
    }

    void born() {
      there = true;
      referenced = false;
      active = false;
      exclusive = true;
      lazy = false;
    }

    void advised(boolean free) {
      if (!free || !lazy) {
        referenced = false;
        active = false;
      }
      lazy |= free;
    }
  }

  private final AddressSpace mm;
  private final List<Marks> anon = new ArrayList<>();

  /** Those of the file: of each page, or, if it is one folio, of all of them. */
  private final List<Marks> file = new ArrayList<>();

  private final boolean folio;

  /** Pages of the file of whose entries clear_refs has forgotten that they were used. */
  private final BitSet old = new BitSet();

  private @Nullable AddressSpace child;
  private boolean locked;
  private boolean fileLocked;
  private boolean tells = true;

  /** Where the last read ended. */
  private long ended = -1;

  LruBench(ProcessFloor floor, Seeded random) {
    super(floor);
    mm = new CaseSetup().create(floor);
    folio = random.oneIn(2);
    MappedFile pages =
        new MappedFile(
            "pages", MappedFile.Kind.EXT4, BYTES, at -> (int) (at >> 12), folio ? 0 : PAGE);
    mm.installFd(FD, new OpenFile(pages, OpenFile.Mode.READ_WRITE));
    for (int i = 0; i < PAGES; i++) {
      anon.add(new Marks());
      file.add(folio && i > 0 ? file.getFirst() : new Marks());
    }
    checkEqual(A, mm.mmap(A, BYTES, RW, 0x32, -1, 0), "mmap");
    checkEqual(FAR, mm.mmap(FAR, BYTES, 1, 0x11, FD, 0), "mmap");
    checkEqual(Act.SCRATCH, mm.mmap(Act.SCRATCH, BYTES, RW, 0x32 | POPULATE, -1, 0), "mmap");
  }

  @Override
  public void validate() {
    mm.validate();
  }

  @Override
  void step(Seeded random) {
    int page = random.below(PAGES);
    switch (random.weighted(5, 4, 2, 2, 1, 2, 3, 3, 2, 2, 2, 2, 3)) {
      case 0 -> write(page);
      case 1 -> populate(!random.oneIn(3));
      case 2 -> advise(random.oneIn(2) ? Uapi.MADV_COLD : Uapi.MADV_FREE);
      case 3 -> lock(random.oneIn(2));
      case 4 -> forget();
      case 5 -> bear();
      case 6 -> {
        check(mm.read(FAR + page * PAGE).ok(), "a read of the file", "a signal");
        old.clear(page);
      }
      case 7 -> unmap(random.below(3));
      case 8 -> read(page, random.between(page + 1, PAGES));
      case 9 -> lockFile();
      case 10 -> forgetUse(random.between(1, 3));
      case 11 -> {
        int past = random.between(page + 1, PAGES);
        discard(page, past);
        if (past < PAGES && random.oneIn(2)) { // side by side, and yet not in a row
          discard(past, random.between(past + 1, PAGES));
        }
      }
      default -> pageOut(page, random.below(3));
    }
  }

  /** A write is no access that counts; it gives the page to one process alone. */
  private void write(int page) {
    tell("write of page " + page);
    check(mm.write(A + page * PAGE, 1).ok(), "a write", "a signal");
    Marks marks = anon.get(page);
    if (!marks.there || (!marks.exclusive && child != null)) {
      marks.born(); // new, or a copy
    }
    marks.exclusive = true;
  }

  private void populate(boolean write) {
    if (!write && anon.stream().anyMatch(marks -> !marks.there)) {
      return; // zero pages are on no list
    }
    tell("populate, write=" + write);
    long how = write ? Uapi.MADV_POPULATE_WRITE : Uapi.MADV_POPULATE_READ;
    checkEqual(0, mm.madvise(A, BYTES, how), "madvise");
    for (Marks marks : anon) {
      touched(marks, write);
      marks.accessed(locked);
    }
  }

  private void touched(Marks marks, boolean write) {
    if (!marks.there || (write && !marks.exclusive && child != null)) {
      marks.born();
    }
    marks.exclusive |= write;
  }

  private void advise(int how) {
    if (locked || child != null) {
      return; // refused, or nothing is known of pages that others have, too
    }
    tell("madvise " + how);
    checkEqual(0, mm.madvise(A, BYTES, how), "madvise");
    anon.forEach(marks -> marks.advised(how == Uapi.MADV_FREE));
  }

  /** clear_refs: 1 of all pages, 2 of anonymous ones, 3 of those of files. */
  private void forgetUse(int type) {
    tell("clear_refs " + type);
    checkEqual(0, mm.clearRefs(type), "clear_refs " + type);
    for (int page = 0; page < PAGES; page++) {
      Marks own = anon.get(page);
      own.referenced &= type == 3;
      if (type != 2 && isMapped(page)) {
        file.get(page).referenced = false;
        old.set(page);
      }
    }
  }

  /**
   * Without swap a page stays, and is active; what was given up goes, unless it was written to
   * since.
   */
  private void pageOut(int written, int how) {
    if (locked || child != null || (how > 0 && anon.stream().anyMatch(m -> m.there && m.lazy))) {
      return;
    }
    tell("MADV_PAGEOUT, " + (how == 0 ? "after MADV_FREE and a write to " + written : "alone"));
    if (how == 0) {
      advise(Uapi.MADV_FREE);
      write(written);
    }
    checkEqual(0, mm.madvise(A, BYTES, Uapi.MADV_PAGEOUT), "MADV_PAGEOUT");
    for (int page = 0; page < PAGES; page++) {
      Marks marks = anon.get(page);
      marks.there &= how > 0 || page == written;
      marks.active = marks.there;
      marks.referenced = false;
      marks.lazy = false;
      long[] entry = new long[1];
      long at = A + page * PAGE;
      mm.pagemap(at, at + PAGE, (addr, value) -> entry[0] = value);
      check(
          marks.there == entry[0] < 0,
          "page " + page + " there=" + marks.there + " after MADV_PAGEOUT",
          Pagemap.words(entry[0]).toString());
    }
  }

  private void lock(boolean onFault) {
    locked = !locked;
    tell(locked ? "mlock" : "munlock");
    long flags = onFault ? 1 : 0; // MLOCK_ONFAULT
    long error = locked ? mm.mlock2(A, BYTES, flags) : mm.munlock(A, BYTES);
    checkEqual(0, error, "mlock2 or munlock");
    for (Marks marks : anon) {
      if (locked && onFault) {
        marks.active = false;
      } else if (locked) {
        touched(marks, true);
        marks.accessed(true);
      }
    }
  }

  private void forget() {
    if (!locked) {
      tell("MADV_DONTNEED");
      checkEqual(0, mm.madvise(A, BYTES, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
      anon.forEach(marks -> marks.there = false);
    }
  }

  /** A child has the pages, too, until it ends. */
  private void bear() {
    AddressSpace other = child;
    if (other == null) {
      tell("fork");
      child = mm.fork();
      check(child != null, "a child", "none");
      anon.forEach(marks -> marks.exclusive = false);
    } else {
      tell("exit of the child");
      other.exit();
      child = null;
    }
  }

  // ---------------------------------------------------------------- the file

  private boolean isMapped(int page) {
    long[] entry = new long[1];
    mm.pagemap(FAR + page * PAGE, FAR + page * PAGE + PAGE, (at, value) -> entry[0] = value);
    return entry[0] < 0;
  }

  /** Who unmaps pages that were used tells of it, unless they were read in order or at random. */
  private void unmap(int advice) {
    if (child != null || fileLocked) {
      return;
    }
    tell("munmap of the file, advised " + advice);
    boolean told = false;
    for (int page = 0; page < PAGES; page++) {
      if (isMapped(page) && advice == 0 && !old.get(page) && !(folio && told)) {
        file.get(page).accessed(false);
        told = true; // entries in a row of one folio count once
      }
    }
    old.clear();
    checkEqual(0, mm.madvise(FAR, BYTES, advice), "madvise " + advice);
    checkEqual(0, mm.munmap(FAR, BYTES), "munmap");
    checkEqual(FAR, mm.mmap(FAR, BYTES, 1, 0x11, FD, 0), "mmap");
  }

  /** The same of some pages, where no other of their folio is in between that is not mapped. */
  private void discard(int first, int past) {
    if (child != null || fileLocked || !old.isEmpty()) {
      return;
    }
    tell("MADV_DONTNEED of pages " + first + " to " + past + " of the file");
    boolean inRow = false;
    for (int page = first; page < past; page++) {
      boolean mapped = isMapped(page);
      if (mapped && !(folio && inRow)) {
        file.get(page).accessed(false);
      }
      inRow = mapped;
    }
    long bytes = (past - first) * PAGE;
    checkEqual(0, mm.madvise(FAR + first * PAGE, bytes, Uapi.MADV_DONTNEED), "MADV_DONTNEED");
  }

  /** A read is an access to each page, but not to the one in which the last read ended. */
  private void read(int first, int past) {
    tell("pread64 of pages " + first + " to " + past);
    long bytes = (past - first) * PAGE;
    checkEqual(bytes, mm.syscall(Syscall.PREAD64, FD, Act.SCRATCH, bytes, first * PAGE), "pread64");
    for (int page = first; page < past; page++) {
      boolean again = ended >= 0 && (folio || page == (ended - 1) / PAGE);
      if (folio ? page == first && !again : page > first || !again) {
        file.get(page).accessed(fileLocked);
      }
    }
    ended = past * PAGE;
  }

  private void lockFile() {
    if (child != null || !old.isEmpty()) {
      return;
    }
    fileLocked = !fileLocked;
    tell((fileLocked ? "mlock" : "munlock") + " of the file");
    checkEqual(0, fileLocked ? mm.mlock(FAR, BYTES) : mm.munlock(FAR, BYTES), "mlock or munlock");
    for (Marks marks : file) {
      if (fileLocked) {
        marks.accessed(true);
      }
    }
  }

  // ---------------------------------------------------------------- looking

  @Override
  void holds() {
    looks(A, anon, locked, true);
    looks(FAR, file, fileLocked, false);
  }

  private void looks(long from, List<Marks> marks, boolean isLocked, boolean ofAnon) {
    mm.pagemap(
        from,
        from + BYTES,
        (at, entry) -> {
          int page = (int) ((at - from) / PAGE);
          Marks wanted = Objects.requireNonNull(marks.get(page));
          long pfn = Pagemap.pfn(entry);
          if (pfn >= 0 && (!ofAnon || wanted.there)) {
            judge((ofAnon ? "anonymous page " : "page of the file ") + page, wanted, isLocked, pfn);
          }
        });
  }

  private void judge(String what, Marks wanted, boolean isLocked, long pfn) {
    int flags = floor.lruFlags(pfn);
    tells &= flags != 0;
    if (!tells) {
      return; // a floor that tells nothing of it
    }
    int expected = PageFlags.PG_LRU;
    expected |= wanted.referenced ? PageFlags.PG_REFERENCED : 0;
    expected |= wanted.active ? PageFlags.PG_ACTIVE : 0;
    expected |= wanted.exclusive ? PageFlags.PG_ANON_EXCLUSIVE : 0;
    expected |= isLocked ? PageFlags.PG_MLOCKED | PageFlags.PG_UNEVICTABLE : 0;
    check(
        flags == expected,
        "flags 0x" + Integer.toHexString(expected) + " of " + what,
        "0x" + Integer.toHexString(flags));
  }
}
