// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Pages of 1 GiB of a pool of their own: what calls answer and the pool counts is what a program
 * saw on Linux 6.18, what tables and frames hold is looked at here.
 */
class GigaPageTest {
  private static final long GIGA = 1L << 30;
  private static final long HUGE = 1L << 21;
  private static final int RW = 3;
  private static final int SHARED = 1;
  private static final int FIXED = 0x10;
  private static final int NORESERVE = 0x4000;
  private static final int OF_GIGA = Uapi.MFD_HUGETLB | 30 << Uapi.MAP_HUGE_SHIFT;
  private static final int GIGA_ANON = 0x40022 | 30 << Uapi.MAP_HUGE_SHIFT;
  private static final long AT = 0x100000000000L;
  private static final int DONTNEED = 4;

  private final Machine machine = new MachineConfig().memory(7 * GIGA).cpus(1).boot();
  private final ProcessFloor floor = machine.processes();
  private final AddressSpace mm = floor.spawn();

  @AfterEach
  void close() {
    machine.close();
  }

  private void counts(long total, long free, long reserved) {
    assertEquals(
        new ProcessFloor.HugePages(GIGA, total, free, reserved, 0, 0), floor.hugePools().get(1));
  }

  private long map(long addr, long bytes, int flags) {
    return mm.mmap(addr, bytes, RW, flags, -1, 0);
  }

  private static void fails(int errno, long result) {
    assertEquals(Errno.nameOf(errno), result < 0 ? Errno.nameOf((int) -result) : "" + result);
  }

  @Test
  void withoutAPoolNothingIsPromisedAndATouchIsSigbus() {
    fails(Errno.ENOMEM, map(0, 1, GIGA_ANON));
    long at = map(0, 1, GIGA_ANON | NORESERVE);
    assertEquals(0, at & (GIGA - 1), "it begins on a border of 1 GiB");
    assertEquals(TouchOutcome.Kind.BUS_ADRERR, mm.write(at, 1).kind());
    fails(Errno.EINVAL, mm.munmap(at, HUGE));
    assertEquals(0, mm.munmap(at, GIGA));
    fails(Errno.EINVAL, map(0, 1, 0x40022 | 16 << Uapi.MAP_HUGE_SHIFT));
    fails(Errno.ENOENT, floor.resizeHugePool(1L << 16, 1));
  }

  @Test
  void aPageIsALeafOfLevelThree() {
    assertEquals(0, floor.resizeHugePool(GIGA, 2));
    counts(2, 2, 0);
    assertEquals(AT, map(AT, 4096, GIGA_ANON | FIXED));
    counts(2, 2, 1);
    long tables = mm.fields().tablePages();
    assertTrue(mm.write(AT + 0x12345678, 7).ok());
    counts(2, 1, 0);
    assertEquals(tables + 1, mm.fields().tablePages(), "one table, that of level 3");
    PageTables below = machine.pageTables();
    TableCursor cursor = below.cursor();
    assertEquals(3, cursor.seek(mm.fields().pgd() >>> 12, AT, 1));
    long head = below.format().pfn(3, cursor.entry());
    MemMap map = machine.memory().memMap();
    assertEquals(0, head & (GIGA >>> 12) - 1);
    assertEquals(FrameOwner.HUGETLB, map.owner(head));
    assertEquals(1, map.entireMapcount(head));
    assertEquals(7, machine.memory().getByte((head << 12) + 0x12345678));
    assertEquals(GIGA, mm.sizes(AT).privateHugetlb());
    assertEquals(0, mm.sizes(AT).resident());
    mm.validate();
    machine.validate();
  }

  @Test
  void callsTakeWholePages() {
    assertEquals(0, floor.resizeHugePool(GIGA, 2));
    assertEquals(AT, map(AT, 4096, GIGA_ANON | FIXED));
    mm.write(AT + 5, 7);
    fails(Errno.ENOMEM, map(0, 2 * GIGA, GIGA_ANON));
    fails(Errno.EINVAL, map(AT + GIGA + HUGE, GIGA, GIGA_ANON | FIXED));
    fails(Errno.EINVAL, mm.munmap(AT + HUGE, HUGE));
    fails(Errno.EINVAL, mm.mprotect(AT, HUGE, 1));
    fails(Errno.EINVAL, mm.mprotect(AT + HUGE, GIGA - HUGE, 1));
    assertEquals(0, mm.mprotect(AT, GIGA, 1));
    assertEquals(TouchOutcome.Kind.SEGV_ACCERR, mm.write(AT, 1).kind());
    assertEquals(7, mm.read(AT + 5).value());
    assertEquals(0, mm.mprotect(AT, GIGA, RW));
    assertEquals(0, mm.madvise(AT, HUGE, DONTNEED), "no whole page of it");
    assertEquals(7, mm.read(AT + 5).value());
    fails(Errno.EINVAL, mm.madvise(AT + HUGE, GIGA - HUGE, DONTNEED));
    fails(Errno.EINVAL, mm.mremap(AT, GIGA, 2 * GIGA, 1, 0));
    fails(Errno.EINVAL, mm.mremap(AT, 0, GIGA, 3, 4 * GIGA));
    fails(Errno.EINVAL, mm.mremap(AT, GIGA, GIGA, 3, 4 * GIGA + HUGE));
    fails(Errno.EINVAL, mm.mremap(AT + HUGE, HUGE, HUGE, 3, 4 * GIGA));
    fails(Errno.EINVAL, mm.mremap(AT, GIGA, GIGA, 7, 4 * GIGA));
    long to = AT + 600 * GIGA;
    long tables = mm.fields().tablePages();
    assertEquals(to, mm.mremap(AT, HUGE, HUGE, 3, to), "the length is that of a whole page");
    assertEquals(tables, mm.fields().tablePages(), "its table of level 3 goes, another comes");
    assertEquals(7, mm.read(to + 5).value());
    counts(2, 1, 0);
    mm.validate();
    assertEquals(0, mm.madvise(to, GIGA, DONTNEED));
    counts(2, 2, 1);
    assertEquals(0, mm.read(to + 5).value());
    counts(2, 1, 0);
    assertEquals(0, mm.munmap(to, GIGA));
    counts(2, 2, 0);
  }

  @Test
  void aChildCopiesWhatItWrites() {
    assertEquals(0, floor.resizeHugePool(GIGA, 2));
    assertEquals(AT, map(AT, GIGA, GIGA_ANON | FIXED));
    mm.write(AT + 5, 3);
    AddressSpace child = Objects.requireNonNull(mm.fork());
    assertEquals(3, child.read(AT + 5).value());
    counts(2, 1, 0);
    assertEquals(GIGA, mm.sizes(AT).sharedHugetlb());
    assertTrue(child.write(AT + GIGA - 1, 9).ok());
    counts(2, 0, 0);
    assertEquals(GIGA, child.sizes(AT).privateHugetlb());
    assertEquals(3, child.read(AT + 5).value());
    assertEquals(0, mm.read(AT + GIGA - 1).value());
    mm.validate();
    child.validate();
    child.exit();
    counts(2, 1, 0);
    long other = map(0, GIGA, GIGA_ANON);
    counts(2, 1, 1);
    child = Objects.requireNonNull(mm.fork());
    assertEquals(TouchOutcome.Kind.BUS_ADRERR, child.write(AT, 1).kind());
    child.exit();
    assertEquals(0, mm.munmap(other, GIGA));
    mm.exit();
    counts(2, 2, 0);
  }

  @Test
  void filesHaveWholePages() {
    assertEquals(0, floor.resizeHugePool(GIGA, 2));
    int fd = (int) mm.memfdCreate("y", OF_GIGA);
    fails(Errno.EINVAL, mm.syscall(Syscall.FTRUNCATE, fd, HUGE));
    assertEquals(0, mm.syscall(Syscall.FTRUNCATE, fd, GIGA));
    long at = mm.mmap(0, 2 * GIGA, RW, SHARED, fd, 0);
    assertEquals(0, at & (GIGA - 1));
    counts(2, 2, 2);
    fails(Errno.EINVAL, mm.mmap(0, GIGA, RW, SHARED, fd, HUGE));
    assertTrue(mm.mmap(0, GIGA, RW, SHARED | 0x40000 | 21 << 26, fd, 0) > 0, "the file decides");
    fails(Errno.ENOMEM, mm.mmap(0, GIGA, RW, 2, fd, 0));
    mm.write(at + 7, 7);
    counts(2, 1, 1);
    assertEquals(0, mm.syscall(Syscall.FALLOCATE, fd, 0, GIGA, 4096));
    counts(2, 0, 0);
    long second = mm.mmap(0, 4096, RW, SHARED, fd, 0);
    assertEquals(7, mm.read(second + 7).value());
    assertEquals(GIGA, mm.sizes(second).sharedHugetlb());
    assertEquals(0, mm.syscall(Syscall.FALLOCATE, fd, 3, 0, GIGA));
    counts(2, 1, 0);
    assertEquals(0, mm.read(second + 7).value());
    fails(Errno.ENOSPC, mm.syscall(Syscall.FALLOCATE, fd, 0, 0, 3 * GIGA));
    assertEquals(0, mm.syscall(Syscall.FTRUNCATE, fd, GIGA));
    counts(2, 1, 0);
    assertEquals(TouchOutcome.Kind.BUS_ADRERR, mm.write(at + GIGA, 1).kind());
    mm.validate();
    mm.exit();
    counts(2, 2, 0);
  }

  /** A program read 0x102 in the upper bits of each entry: present, and nobody else's. */
  @Test
  void pagemapShowsEachFrameOfIt() {
    assertEquals(0, floor.resizeHugePool(GIGA, 1));
    assertEquals(AT, map(AT, GIGA, GIGA_ANON | FIXED));
    assertTrue(mm.write(AT, 3).ok());
    List<Long> entries = new ArrayList<>();
    mm.pagemap(AT + HUGE, AT + HUGE + 8192, (addr, entry) -> entries.add(entry));
    assertEquals(2, entries.size());
    assertEquals(0x102, entries.get(0) >>> 55);
    assertEquals(1, entries.get(1) - entries.get(0));
    assertEquals(HUGE >>> 12, entries.get(0) & (GIGA >>> 12) - 1);
    AtomicLong resident = new AtomicLong();
    assertEquals(0, mm.mincore(AT + HUGE, 16 << 12, stack(), resident::addAndGet));
    assertEquals(16, resident.get());
  }

  /**
   * The regions that a program got: present and written, and where nothing is, huge all the same.
   */
  @Test
  void aScanFindsItFromWhereItBegins() {
    assertEquals(0, floor.resizeHugePool(GIGA, 1));
    assertEquals(AT, map(AT, 2 * GIGA, GIGA_ANON | FIXED | NORESERVE));
    assertTrue(mm.write(AT + 5, 1).ok());
    PagemapScan.Found found =
        mm.pagemapScan(
            new PagemapScan(
                0, PagemapScan.SIZE, 0, AT + HUGE, AT + 2 * GIGA, stack(), 8, 0, 0, 0, 0, 255));
    long middle = AT + GIGA;
    List<PagemapScan.Region> expected =
        List.of(
            new PagemapScan.Region(AT + HUGE, middle, 0x4a),
            new PagemapScan.Region(middle, middle + GIGA, 0x40));
    assertEquals(new PagemapScan.Found(2, middle + GIGA, expected), found);
  }

  /** Where mincore may write to. */
  private long stack() {
    long at = mm.mmap(0, 4096, RW, 0x22, -1, 0);
    assertTrue(mm.write(at, 0).ok());
    return at;
  }

  @Test
  void poolsDoNotTakeFromEachOther() {
    assertEquals(0, floor.resizeHugePool(GIGA, 1));
    assertEquals(0, floor.writeSysctl("nr_hugepages", "2"));
    long small = map(0, 2 * HUGE, 0x40022);
    assertTrue(mm.write(small, 1).ok());
    assertEquals(new ProcessFloor.HugePages(HUGE, 2, 1, 1, 0, 0), floor.hugePages());
    counts(1, 1, 0);
    fails(Errno.ENOMEM, map(0, HUGE, 0x40022));
    assertEquals(AT, map(AT, GIGA, GIGA_ANON | FIXED));
    assertTrue(mm.write(AT, 1).ok());
    mm.validate();
  }

  @Test
  void whatPoolsHaveIsNotPromised() {
    assertEquals(0, floor.writeSysctl("overcommit_memory", "2"));
    assertEquals(0, floor.writeSysctl("overcommit_ratio", "50"));
    AddressSpace process =
        floor.spawn(AddressSpaceConfig.defaults().sysctls(floor.sysctls()).totalRamKb(7L << 20));
    long at = process.mmap(0, 3 * GIGA, RW, 0x22, -1, 0);
    assertTrue(at > 0, "half of 7 GiB");
    assertEquals(0, process.munmap(at, 3 * GIGA));
    assertEquals(0, floor.resizeHugePool(GIGA, 2));
    fails(Errno.ENOMEM, process.mmap(0, 3 * GIGA, RW, 0x22, -1, 0));
  }

  /** {@code setup_per_zone_lowmem_reserve()}: what boot took for a pool is managed, as the rest. */
  @Test
  void reservesOfLowerZonesCountWhatBootTook() {
    try (Machine other =
        new MachineConfig()
            .memory(7 * GIGA)
            .cpus(1)
            .commandLine("hugepagesz=1G hugepages=2")
            .boot()) {
      assertEquals(2, other.processes().hugePools().get(1).total());
      assertEquals(reserves(machine), reserves(other));
    }
  }

  private static List<String> reserves(Machine of) {
    return of.pages().stats().orElseThrow().zones().stream()
        .map(zone -> zone.type() + " managed=" + zone.managed() + " reserve=" + zone.protection())
        .toList();
  }

  /** All frames come back, in blocks of the largest order. */
  @Test
  void aPoolThatShrinksGivesItsRangesBack() {
    long free = machine.pages().freePages() + machine.pages().pcpPages();
    assertEquals(0, floor.resizeHugePool(GIGA, 1000));
    long total = floor.hugePools().get(1).total();
    assertTrue(total >= 2 && total <= 6, "of 7 GiB: " + total);
    machine.validate();
    assertEquals(0, floor.resizeHugePool(GIGA, 0));
    counts(0, 0, 0);
    assertEquals(free, machine.pages().freePages() + machine.pages().pcpPages());
    machine.validate();
  }

  @Test
  void fiveLevelsHaveTheSameLeaf() {
    try (Machine five =
        new MachineConfig().plugin("page-table=la57").memory(7 * GIGA).cpus(1).boot()) {
      AddressSpace process = five.processes().spawn();
      assertEquals(0, five.processes().resizeHugePool(GIGA, 1));
      assertEquals(AT, process.mmap(AT, GIGA, RW, GIGA_ANON | FIXED, -1, 0));
      assertTrue(process.write(AT, 3).ok());
      TableCursor cursor = five.pageTables().cursor();
      assertEquals(3, cursor.seek(process.fields().pgd() >>> 12, AT, 1));
      process.validate();
    }
  }

  /** Only tables of 64 bits have leafs of 1 GiB. */
  @ParameterizedTest
  @EnumSource(Architecture.class)
  void otherMachinesHaveNone(Architecture architecture) {
    try (Machine other =
        new MachineConfig().architecture(architecture).memory(GIGA).cpus(1).boot()) {
      AddressSpaceConfig config = AddressSpaceConfig.defaults();
      boolean wide = architecture == Architecture.X86_64;
      AddressSpace process =
          other.processes().spawn(wide ? config : config.layout(MmLayout.x8632()));
      boolean has = other.processes().hugePools().size() == 2;
      int levels = other.pageTables().format().levels();
      assertEquals(levels >= 4, has);
      long anonymous = process.mmap(0, GIGA, RW, GIGA_ANON, -1, 0);
      long file = process.memfdCreate("y", OF_GIGA);
      fails(has ? Errno.ENOMEM : Errno.EINVAL, anonymous);
      assertEquals(has, file >= 0);
      if (!has) {
        fails(Errno.ENODEV, file);
      }
    }
  }
}
