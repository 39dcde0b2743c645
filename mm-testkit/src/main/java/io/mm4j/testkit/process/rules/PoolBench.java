// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Mount;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.NaivePool;
import io.mm4j.testkit.process.naive.NaivePool.Space;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.LongStream;

/**
 * Processes that map, touch, copy, move and give back pages of a small pool of huge pages, beside
 * {@link NaivePool}: four counters, which touches end in SIGBUS, and the bytes.
 */
final class PoolBench extends StepRule.Bench {
  private static final long HUGE = NaivePool.HUGE;
  private static final long GIGA = 1L << 30;
  private static final long GIGA_LOG = 30;
  private static final int OF_GIGA = Uapi.MFD_HUGETLB | (int) GIGA_LOG << Uapi.MAP_HUGE_SHIFT;
  private static final long FROM = 0x40000000L;
  private static final int SLOTS = 8;
  private static final int MOST_PROCESSES = 3;
  private static final long POOL = Uapi.MAP_HUGETLB | Uapi.MAP_ANONYMOUS | Uapi.MAP_FIXED_NOREPLACE;

  private record Owner(AddressSpace mm, Space model) {}

  private static final int FRAMES = (int) (HUGE >> 12);
  private static final int MARKS = PageFlags.PG_UPTODATE | PageFlags.PG_HEAD;

  private final MemMap map;
  private final FrameAudit audit;
  private final NaivePool pool = new NaivePool();
  private final List<Owner> processes = new ArrayList<>();
  private Seeded looks;

  /** The byte of each page that is written and read. */
  private final long within;

  PoolBench(ProcessFloor floor, Seeded random) {
    super(floor);
    within = random.oneIn(2) ? 5 : random.below(HUGE);
    map = Floors.machine().memory().memMap();
    audit = new FrameAudit();
    AddressSpace mm = new CaseSetup().fitting(Floors.ground()).create(floor);
    checkEqual(Act.SCRATCH, mm.mmap(Act.SCRATCH, HUGE, RW, 0x31, -1, 0), "mmap for mincore");
    processes.add(new Owner(mm, pool.space()));
    looks = random;
    sizes(mm);
    resize(random.between(2, 5));
  }

  /** Which sizes of huge pages there are, for mappings, files and mounts. */
  private void sizes(AddressSpace mm) {
    boolean wide = Floors.ground().isWide();
    List<Long> seen = floor.hugePools().stream().map(ProcessFloor.HugePages::pageBytes).toList();
    List<Long> wanted = wide ? List.of(HUGE, GIGA) : List.of(HUGE);
    check(seen.equals(wanted), "pools of pages of " + wanted + " bytes", seen.toString());
    if (!wide) {
      long ofGiga = POOL | Uapi.MAP_PRIVATE | GIGA_LOG << Uapi.MAP_HUGE_SHIFT;
      gives("mmap of 1 GiB", -Errno.EINVAL, mm.mmap(FROM, HUGE, RW, ofGiga, -1, 0));
      gives("memfd_create of 1 GiB", -Errno.ENODEV, mm.memfdCreate("giga", OF_GIGA));
      Mount mount = new Mount(MappedFile.Kind.HUGETLB_1G, Mount.NONE, Mount.NONE);
      gives("mount of 1 GiB", -Errno.ENODEV, floor.mount(mount));
    }
  }

  @Override
  public void validate() {
    processes.forEach(process -> process.mm.validate());
  }

  // ---------------------------------------------------------------- steps

  @Override
  void step(Seeded random) {
    looks = random;
    int which = random.below(processes.size());
    Owner process = processes.get(which);
    long at = FROM + random.below(SLOTS) * HUGE;
    switch (random.weighted(5, 3, 9, 2, 2, 2, 1, 1)) {
      case 0 -> map(process, at, random);
      case 1 -> unmap(process, at, random.between(1, 2));
      case 2 -> touch(process, at, random);
      case 3 -> discard(process, at);
      case 4 -> bearOrEnd(which);
      case 5 -> move(process, at, FROM + random.below(SLOTS) * HUGE);
      case 6 -> resize(random.below(6));
      default -> most(random.below(3));
    }
  }

  private void map(Owner process, long at, Seeded random) {
    int pages = random.between(1, 2);
    boolean shared = random.oneIn(3);
    boolean reserves = !random.oneIn(4);
    tell("mmap of " + pages + " at " + hex(at) + " shared=" + shared + " reserves=" + reserves);
    long flags =
        POOL | (shared ? Uapi.MAP_SHARED : Uapi.MAP_PRIVATE) | (reserves ? 0 : Uapi.MAP_NORESERVE);
    long expected = process.model.map(at, pages, shared, reserves);
    gives("mmap", expected, process.mm.mmap(at, pages * HUGE, RW, flags, -1, 0));
  }

  private void unmap(Owner process, long at, int pages) {
    tell("munmap of " + pages + " at " + hex(at));
    process.model.unmap(at, pages);
    gives("munmap", 0, process.mm.munmap(at, pages * HUGE));
  }

  private void touch(Owner process, long at, Seeded random) {
    boolean write = random.oneIn(2);
    int value = write ? 1 + random.below(120) : -1;
    boolean isNew = process.model.isMapped(at) && !process.model.isThere(at);
    Kind wanted = process.model.touch(at, value);
    TouchOutcome seen = write ? process.mm.write(at + within, value) : process.mm.read(at + within);
    tell((write ? "write of " + value : "read") + " at " + hex(at) + " = " + wanted);
    Looks.ends((write ? "a write" : "a read") + " at " + hex(at), wanted, seen);
    if (wanted == Kind.OK && !write) {
      checkEqual(process.model.valueAt(at), seen.value(), "the byte at " + hex(at));
      boolean lets = Floors.letsWrite(process.mm, at + within);
      boolean shared = process.model.isShared(at);
      check(!isNew || lets == shared, "an entry for writing if it is shared", "" + lets);
      if (random.oneIn(2)) {
        writeBeside(process, at, 1 + random.below(120));
      }
    }
  }

  /** A write to another frame of a page that was read: where it is a copy, all bytes are copied. */
  private void writeBeside(Owner process, long at, int value) {
    int before = process.model.valueAt(at);
    Kind wanted = process.model.touch(at, value);
    tell("write beside, then of " + value + " at " + hex(at) + " = " + wanted);
    TouchOutcome seen = process.mm.write(at + (within ^ HUGE / 2), 1);
    Looks.ends("a write beside " + hex(at), wanted, seen);
    if (wanted == Kind.OK) {
      checkEqual(before, process.mm.read(at + within).value(), "the byte at " + hex(at));
      Looks.ends("a write at " + hex(at), Kind.OK, process.mm.write(at + within, value));
    }
  }

  private void discard(Owner process, long at) {
    if (process.model.isMapped(at)) {
      tell("MADV_DONTNEED at " + hex(at));
      process.model.discard(at);
      gives("MADV_DONTNEED", 0, process.mm.madvise(at, HUGE, Uapi.MADV_DONTNEED));
    }
  }

  private void bearOrEnd(int which) {
    Owner process = processes.get(which);
    if (processes.size() == MOST_PROCESSES) {
      tell("exit");
      Floors.unload();
      processes.remove(which);
      process.model.exit();
      process.mm.exit();
    } else {
      tell("fork");
      AddressSpace child = process.mm.fork();
      check(child != null, "a child", "none");
      processes.add(new Owner(Objects.requireNonNull(child), process.model.fork()));
    }
  }

  private void move(Owner process, long from, long to) {
    if (from == to || !process.model.isMapped(from)) {
      return;
    }
    tell("mremap from " + hex(from) + " to " + hex(to));
    process.model.unmap(to, 1);
    process.model.move(from, to);
    gives("mremap", to, process.mm.mremap(from, HUGE, HUGE, 3, to));
  }

  private void resize(long pages) {
    tell("nr_hugepages " + pages);
    pool.resize(pages);
    gives("nr_hugepages", 0, floor.resizeHugePool(HUGE, pages));
  }

  private void most(long pages) {
    tell("nr_overcommit_hugepages " + pages);
    pool.mostSurplus = pages;
    gives("nr_overcommit_hugepages", 0, floor.overcommitHugePool(HUGE, pages));
  }

  private static void gives(String what, long expected, long seen) {
    check(
        expected == seen,
        new Act.Answer(expected) + " from " + what,
        new Act.Answer(seen).toString());
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  // ---------------------------------------------------------------- looking

  @Override
  void holds() {
    audit.fresh();
    ProcessFloor.HugePages seen = floor.hugePages();
    checkEqual(pool.total(), seen.total(), "HugePages_Total");
    checkEqual(pool.free(), seen.free(), "HugePages_Free");
    checkEqual(pool.reserved(), seen.reserved(), "HugePages_Rsvd");
    checkEqual(pool.surplus(), seen.surplus(), "HugePages_Surp");
    checkEqual(pool.mostSurplus, seen.overcommit(), "nr_overcommit_hugepages");
    for (Owner process : processes) {
      for (long at = FROM; at < FROM + SLOTS * HUGE; at += HUGE) {
        there(process, at);
      }
      check(process.mm.fields().rssPages() < 512, "rss without pages of the pool", "with them");
    }
    unused();
    List<Long> places = LongStream.range(0, SLOTS).mapToObj(i -> FROM + i * HUGE + within).toList();
    audit.translates(processes.get(looks.below(processes.size())).mm, looks, places);
  }

  /** The frames of the pool are as many as its pages have, and who is free has no marks of use. */
  private void unused() {
    long pages = 0;
    long free = 0;
    for (long pfn = map.startPfn();
        pfn < map.endPfn();
        pfn = Math.max(pfn + 1, map.sameUntil(pfn))) {
      if (map.owner(pfn) == FrameOwner.HUGETLB && map.head(pfn) == pfn) {
        pages++;
        boolean isFree = map.refcount(pfn) == 1;
        free += isFree ? 1 : 0;
        check(
            !isFree || (map.mapping(pfn) == 0 && floor.lruFlags(pfn) == 0),
            "no mark of use of a free page",
            "mapping " + map.mapping(pfn) + ", flags " + floor.lruFlags(pfn));
      }
    }
    checkEqual(pool.total(), pages, "heads of pages");
    checkEqual(pool.free(), free, "pages with one reference, the pool's");
  }

  /** What is known of the frames of a page that is there. */
  private void frames(Owner process, long at, long head) {
    String what = " of the page at " + hex(at);
    Space model = process.model;
    boolean shared = model.isShared(at);
    checkEqual(head, map.head(head), "the first frame" + what);
    checkEqual(FRAMES, 1 << map.order(head), "frames" + what);
    checkEqual(MARKS, map.flags(head) & MARKS, "PG_uptodate and PG_head" + what);
    checkEqual(model.users(at) + 1, map.refcount(head), "references, one is the pool's," + what);
    int mapped = model.users(at) - (shared ? 1 : 0);
    checkEqual(mapped, map.entireMapcount(head), "entries" + what);
    int dirty = PageFlags.PG_DIRTY;
    checkEqual(dirty, shared ? map.flags(head) & dirty : dirty, "PG_dirty of a file's page" + what);
    checkEqual(shared ? 0 : 1, map.mapping(head) & 1, "the mark of private memory" + what);
    int flags = model.isExclusive(at) ? PageFlags.PG_ANON_EXCLUSIVE : 0;
    checkEqual(flags, floor.lruFlags(head), "PG_anon_exclusive, and no list," + what);
  }

  /** pagemap shows the frames of the pages that are there, and no others. */
  private void there(Owner process, long at) {
    long[] entries = new long[1];
    long[] head = {-1};
    process.mm.pagemap(
        at,
        at + HUGE,
        (addr, entry) -> {
          entries[0] += entry < 0 ? 1 : 0;
          head[0] = addr == at ? Pagemap.pfn(entry) : head[0];
        });
    long wanted = process.model.isThere(at) ? HUGE >> 12 : 0;
    checkEqual(wanted, entries[0], "present entries at " + hex(at));
    if (process.model.isMapped(at)) {
      long[] resident = new long[1];
      process.mm.mincore(at, HUGE, Act.SCRATCH, value -> resident[0] += value);
      checkEqual(wanted, resident[0], "resident pages at " + hex(at));
      check(
          process.mm.usage(at).equals(new AddressSpace.VmaUsage(0, 0, 0, 0)),
          "no sums of a page of the pool",
          process.mm.usage(at).toString());
    }
    if (wanted > 0) {
      frames(process, at, head[0]);
      checkEqual(
          process.model.valueAt(at),
          process.mm.read(at + within).value(),
          "the byte at " + hex(at));
    }
  }
}
