// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.vmalloc.Machines.Combination;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Page tables are bytes in RAM, bit for bit as the manual has them, and nothing else. */
class EntriesInRamTest {
  private static final long UADDR = 0x0804_8000L;

  /**
   * A writable page of a process in frame 0x1234, as Intel SDM 3A chapter 4 and Linux's PAGE_SHARED
   * give it: P, R/W, U/S, A, and XD where there is one.
   */
  private static final Map<String, Long> SHARED =
      Map.of(
          "x86-64", 0x8000_0000_0123_4027L,
          "la57", 0x8000_0000_0123_4027L,
          "x86-32", 0x0123_4027L,
          "x86-pae", 0x8000_0000_0123_4027L);

  private static final Map<String, Long> NONE =
      Map.of(
          "x86-64", 0x000f_ffff_fedc_b120L,
          "la57", 0x000f_ffff_fedc_b120L,
          "x86-32", 0x0123_4120L,
          "x86-pae", 0x000f_ffff_fedc_b120L);

  /** A guard marker: type 31, offset 4. */
  private static final Map<String, Long> GUARD =
      Map.of(
          "x86-64", 0xffff_ffff_ffff_f600L,
          "la57", 0xffff_ffff_ffff_f600L,
          "x86-32", 0x83eL,
          "x86-pae", 0xffff_ffff_ffff_f600L);

  static List<Combination> formats() {
    return Machines.formats();
  }

  private static long read(PhysicalMemory memory, PageTableFormat format, long paddr) {
    return format.shape().entryBytes() == 8
        ? memory.getLong(paddr)
        : memory.getInt(paddr) & 0xffff_ffffL;
  }

  private static void write(PhysicalMemory memory, PageTableFormat format, long paddr, long value) {
    if (format.shape().entryBytes() == 8) {
      memory.putLong(paddr, value);
    } else {
      memory.putInt(paddr, (int) value);
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void whatACursorWroteIsInRam(Combination combination) {
    try (Machine machine = combination.boot(Contents.ALL)) {
      Cpu cpu = Machines.cpu(machine);
      PageTables tables = machine.pageTables();
      PageTableFormat format = tables.format();
      PhysicalMemory memory = machine.memory();
      long root = tables.newRoot(cpu);
      TableCursor cursor = tables.cursor();
      assertEquals(1, cursor.ensure(cpu, root, UADDR, 1));
      long prot = format.userProt(PageTableFormat.READ | PageTableFormat.WRITE);
      cursor.set(format.leaf(1, 0x1234, prot));
      assertEquals(SHARED.get(combination.format()), read(memory, format, cursor.paddr()));
      assertEquals(0x1234_567L, tables.translate(root, UADDR + 0x567));
      cursor.set(format.leaf(1, 0x1234, format.userProt(0)));
      assertEquals(NONE.get(combination.format()), read(memory, format, cursor.paddr()));
      assertEquals(PageTables.NOT_MAPPED, tables.translate(root, UADDR));
      assertEquals(0x1234, format.pfn(1, cursor.entry()));
      cursor.set(format.absent().marker(4));
      assertEquals(GUARD.get(combination.format()), read(memory, format, cursor.paddr()));
      cursor.set(PageTableFormat.EMPTY);
      tables.freeRoot(cpu, root);
    }
  }

  /** Every entry on the way, whichever is cleared, ends the translation, and so does its return. */
  @ParameterizedTest
  @MethodSource("formats")
  void clearingAnEntryInRamEndsTheTranslation(Combination combination) {
    try (Machine machine = combination.boot(Contents.TABLES)) {
      Cpu cpu = Machines.cpu(machine);
      PageTables tables = machine.pageTables();
      PageTableFormat format = tables.format();
      PhysicalMemory memory = machine.memory();
      long root = tables.newRoot(cpu);
      TableCursor cursor = tables.cursor();
      assertEquals(1, cursor.ensure(cpu, root, UADDR, 1));
      cursor.set(format.leaf(1, 0x1234, format.userProt(PageTableFormat.READ)));
      List<Long> paddrs = new ArrayList<>();
      long walked =
          tables.walk(
              root,
              UADDR,
              (level, tablePfn, index, entry) ->
                  paddrs.add((tablePfn << 12) + (long) index * format.shape().entryBytes()));
      assertEquals(0x1234_000L, walked);
      assertEquals(format.levels(), paddrs.size());
      for (long paddr : paddrs) {
        long before = read(memory, format, paddr);
        assertNotEquals(0, before);
        write(memory, format, paddr, 0);
        assertEquals(PageTables.NOT_MAPPED, tables.translate(root, UADDR));
        write(memory, format, paddr, before);
        assertEquals(0x1234_000L, tables.translate(root, UADDR));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void theDirectMapIsRam(Combination combination) {
    try (Machine machine = combination.boot(Contents.ALL)) {
      Cpu cpu = Machines.cpu(machine);
      PageTables tables = machine.pageTables();
      long kernel = tables.kernelRoot(cpu);
      long root = tables.newRoot(cpu);
      long offset = tables.format().kernel().directMap();
      for (long paddr = 0x123; paddr < 64L << 20; paddr += 0x3_7123) {
        long pfn = paddr >>> 12;
        long expected =
            pfn < 256 || machine.memory().memMap().isPresent(pfn) ? paddr : PageTables.NOT_MAPPED;
        assertEquals(expected, tables.translate(kernel, offset + paddr));
        assertEquals(expected, tables.translate(root, offset + paddr));
      }
    }
  }
}
