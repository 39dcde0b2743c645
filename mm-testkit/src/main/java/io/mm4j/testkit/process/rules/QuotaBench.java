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
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A hugetlbfs with a size of its own, whose files are mapped, touched, inherited, cut and emptied:
 * when nothing of it is mapped and its files are empty, all of its size can be had again, and the
 * pool has every page and every promise back but those that the mount has for itself.
 */
final class QuotaBench extends StepRule.Bench {
  private static final long HUGE = 1L << 21;
  private static final long FIRST = 0x40000000L;
  private static final int PLACES = 4;
  private static final long APART = 8 * HUGE;

  /** Where somebody else has the pool's pages. */
  private static final long OTHERS = FIRST + PLACES * APART;

  private static final int POOL_FIXED = 0x40032;
  private static final int MAY_MOVE_FIXED = 3;
  private static final int POOL = 56;
  private static final int MOST = 6;
  private static final int FD = 40;
  private static final int FILES = 2;
  private static final int SHARED = 0x11;
  private static final int PRIVATE = 0x12;
  private static final int PUNCH = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;

  /**
   * @param promised whether each page of it can be had
   */
  private record Mapped(int file, long first, long pages, boolean shared, boolean promised) {}

  private final AddressSpace mm;

  /** Pages that the file system may have, and that it always has; -1 for no such limit. */
  private final int most;

  private final int least;
  private final TreeMap<Long, Mapped> mapped = new TreeMap<>();

  /** The first byte of the pages of the files that were written to. */
  private final Map<Long, Integer> bytes = new HashMap<>();

  private @Nullable AddressSpace child;

  /** What the child has mapped, too. */
  private final Set<Long> inherited = new HashSet<>();

  QuotaBench(ProcessFloor floor, Seeded random) {
    super(floor);
    mm = new CaseSetup().fitting(Floors.ground()).create(floor);
    checkEqual(0, floor.resizeHugePool(HUGE, POOL), "nr_hugepages");
    boolean limited = !random.oneIn(4);
    most = limited ? random.between(1, MOST) : -1;
    least = random.oneIn(3) ? -1 : random.oneIn(3) ? most : random.between(0, limited ? most : 4);
    if (limited) {
      Mount wrong = new Mount(MappedFile.Kind.HUGETLB, most * HUGE, (most + 1) * HUGE);
      checkEqual(-Errno.EINVAL, floor.mount(wrong), "a mount of which more is kept than it may");
    }
    long more = random.below((int) HUGE); // less than a page does not count
    Mount mount =
        new Mount(
            MappedFile.Kind.HUGETLB,
            limited ? most * HUGE + more : Mount.NONE,
            least < 0 ? Mount.NONE : least * HUGE + more);
    checkEqual(0, floor.mount(mount), "mount of most " + most + " and least " + least);
    for (int i = 0; i < FILES; i++) {
      MappedFile file = MappedFile.on(mount, "/huge/" + i);
      mm.installFd(FD + i, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    }
    empty("at first");
  }

  @Override
  public void validate() {
    mm.validate();
  }

  // ---------------------------------------------------------------- steps

  @Override
  void step(Seeded random) {
    switch (random.weighted(6, 9, 3, 2, 2, 1, 2, 1)) {
      case 0 -> map(random);
      case 1 -> touch(random);
      case 2 -> unmap(random.oneIn(2));
      case 3 -> bearOrEnd();
      case 4 -> cut(random);
      case 5 -> round();
      case 6 -> move(random);
      default -> scarce(random);
    }
  }

  private void map(Seeded random) {
    long at = FIRST + random.below(PLACES) * APART;
    int file = random.below(FILES);
    long first = random.below(2);
    long pages = random.between(1, MOST + 1);
    boolean shared = random.oneIn(2);
    boolean promised = !random.oneIn(4);
    if (mapped.containsKey(at)) {
      return;
    }
    tell("mmap of " + pages + " of file " + file + " shared=" + shared + " promised=" + promised);
    long flags = (shared ? SHARED : PRIVATE) | (promised ? 0 : Uapi.MAP_NORESERVE);
    long seen = mm.mmap(at, pages * HUGE, RW, flags, FD + file, first * HUGE);
    if (promised && most >= 0 && pages > most) {
      checkEqual(-Errno.ENOMEM, seen, "mmap of more than its file system has");
    }
    if (seen == -Errno.ENOMEM && promised && most >= 0) {
      return; // others have what is missing
    }
    checkEqual(at, seen, "mmap");
    mapped.put(at, new Mapped(file, first, pages, shared, promised));
  }

  private void touch(Seeded random) {
    for (Map.Entry<Long, Mapped> each : mapped.entrySet()) {
      Mapped of = each.getValue();
      long page = random.below((int) of.pages);
      long at = each.getKey() + page * HUGE;
      int value = random.between(1, 99);
      boolean writes = random.oneIn(2);
      AddressSpace other = child;
      boolean byChild = other != null && inherited.contains(each.getKey()) && random.oneIn(3);
      AddressSpace who = byChild ? Objects.requireNonNull(other) : mm;
      tell((writes ? "write to " : "read of ") + "page " + page + (byChild ? " by the child" : ""));
      TouchOutcome seen = writes ? who.write(at, value) : who.read(at);
      boolean sure = of.promised && child == null;
      check(
          seen.ok() || (!sure && seen.kind() == Kind.BUS_ADRERR),
          sure ? "a promised page" : "a page, or SIGBUS",
          seen.toString());
      if (!seen.ok()) {
        continue;
      }
      long index = (long) of.file * APART + of.first + page;
      if (of.shared) {
        int wanted = writes ? value : bytes.getOrDefault(index, 0);
        checkEqual(wanted, who.read(at).value(), "the byte of page " + index);
        bytes.put(index, wanted);
      } else if (writes) {
        checkEqual(value, who.read(at).value(), "the byte of an own page");
      }
    }
  }

  private void unmap(boolean last) {
    if (!mapped.isEmpty()) {
      long at = last ? mapped.lastKey() : mapped.firstKey();
      Mapped of = Objects.requireNonNull(mapped.remove(at));
      tell("munmap of " + of);
      checkEqual(0, mm.munmap(at, of.pages * HUGE), "munmap");
      AddressSpace other = child;
      if (other != null && inherited.remove(at)) {
        checkEqual(0, other.munmap(at, of.pages * HUGE), "munmap by the child");
      }
    }
  }

  /** A mapping moves, with its pages and what it was promised. */
  private void move(Seeded random) {
    long to = FIRST + random.below(PLACES) * APART;
    if (child != null || mapped.isEmpty() || mapped.containsKey(to)) {
      return;
    }
    long at = random.oneIn(2) ? mapped.firstKey() : mapped.lastKey();
    Mapped of = Objects.requireNonNull(mapped.remove(at));
    tell("mremap of " + of);
    long length = of.pages * HUGE;
    checkEqual(to, mm.mremap(at, length, length, MAY_MOVE_FIXED, to), "mremap");
    mapped.put(to, of);
  }

  private void bearOrEnd() {
    AddressSpace other = child;
    if (other == null) {
      tell("fork");
      child = mm.fork();
      inherited.addAll(mapped.keySet());
      check(child != null, "a child", "none");
    } else {
      tell("exit of the child");
      Floors.unload();
      other.exit();
      child = null;
      inherited.clear();
    }
  }

  /** A hole in a file that nobody has mapped. */
  private void cut(Seeded random) {
    int file = random.below(FILES);
    if (mapped.values().stream().anyMatch(each -> each.file == file)) {
      return;
    }
    long first = random.below(3);
    tell("a hole in file " + file + " from page " + first);
    checkEqual(
        0,
        mm.syscall(Syscall.FALLOCATE, FD + file, PUNCH, first * HUGE, 2 * HUGE),
        "fallocate of a hole");
    for (long page = first; page < first + 2; page++) {
      bytes.remove(file * APART + page);
    }
  }

  /** Nothing is mapped any more, and the files are empty. */
  private void giveBack() {
    if (child != null) {
      bearOrEnd();
    }
    while (!mapped.isEmpty()) {
      unmap(true);
    }
    for (int i = 0; i < FILES; i++) {
      checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD + i, 0), "ftruncate");
    }
    bytes.clear();
    empty("when all was given back");
  }

  /**
   * Others are promised what the pool has but for a few pages; a promise in vain changes nothing.
   */
  private void scarce(Seeded random) {
    giveBack();
    int kept = Math.max(0, least);
    int left = random.below(3);
    int pages = random.between(1, MOST + 1);
    tell("mmap of " + pages + " pages where the pool has but " + left);
    long others = (POOL - kept - left) * HUGE;
    checkEqual(OTHERS, mm.mmap(OTHERS, others, RW, POOL_FIXED, -1, 0), "mmap of the pool");
    boolean fits = pages <= kept + left && (most < 0 || pages <= most);
    long flags = random.oneIn(2) ? SHARED : PRIVATE;
    long seen = mm.mmap(FIRST, pages * HUGE, RW, flags, FD, 0);
    checkEqual(fits ? FIRST : -Errno.ENOMEM, seen, "mmap of pages that others may have");
    if (fits) {
      has(POOL, POOL - left + Math.max(0, pages - kept), "when they are promised");
      giveBackFirst(pages);
    } else if (kept > 0 && pages - kept >= least && pages <= most) {
      // It counts them before it has them, and so keeps none until some come back.
      has(POOL, POOL - left - kept, "when it keeps none");
      checkEqual(FIRST, mm.mmap(FIRST, kept * HUGE, RW, flags, FD, 0), "mmap of what it kept");
      giveBackFirst(kept);
    }
    has(POOL, POOL - left, "when they are promised to others");
    checkEqual(0, mm.munmap(OTHERS, others), "munmap of the pool");
    empty("when others have gone");
  }

  private void giveBackFirst(int pages) {
    checkEqual(0, mm.munmap(FIRST, pages * HUGE), "munmap");
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD, 0), "ftruncate");
  }

  /** All of the file system can be had at once. */
  private void round() {
    giveBack();
    tell("all of it");
    int all = most < 0 ? MOST : most;
    checkEqual(FIRST, mm.mmap(FIRST, all * HUGE, RW, SHARED, FD, 0), "mmap of all");
    has(POOL, Math.max(all, least), "when all is promised");
    if (most >= 0) {
      long seen = mm.mmap(FIRST + APART, HUGE, RW, PRIVATE, FD + 1, 0);
      checkEqual(-Errno.ENOMEM, seen, "mmap of one more");
    }
    for (int i = 0; i < all; i++) {
      check(mm.write(FIRST + i * HUGE, 1).ok(), "page " + i + " of all", "none");
    }
    has(POOL - all, Math.max(0, most < 0 ? least - all : 0), "when all is used");
    checkEqual(0, mm.munmap(FIRST, all * HUGE), "munmap");
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, FD, 0), "ftruncate");
    empty("when all was given back");
  }

  private void empty(String when) {
    has(POOL, Math.max(0, least), when);
  }

  private void has(long free, long reserved, String when) {
    ProcessFloor.HugePages seen = floor.hugePages();
    checkEqual(POOL, seen.total(), "HugePages_Total " + when);
    checkEqual(free, seen.free(), "HugePages_Free " + when);
    checkEqual(reserved, seen.reserved(), "HugePages_Rsvd " + when);
    checkEqual(0, seen.surplus(), "HugePages_Surp " + when);
  }

  @Override
  void holds() {
    ProcessFloor.HugePages seen = floor.hugePages();
    check(
        seen.reserved() >= 0 && seen.reserved() <= seen.free(),
        "no more promises than free pages",
        seen.reserved() + " of " + seen.free());
  }
}
