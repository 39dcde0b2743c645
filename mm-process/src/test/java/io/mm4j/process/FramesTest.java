// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ThpMode;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** What a process has is in frames and in the bytes of its page tables, and nowhere else. */
class FramesTest {
  private static final long AT = 0x10000000L;
  private static final int DONTNEED = 4;

  private final Rig rig = new Rig();
  private final PageTables tables = rig.machine.pageTables();
  private final MemMap map = rig.machine.memory().memMap();

  private long free() {
    return rig.machine.pages().freePages() + rig.machine.pages().pcpPages();
  }

  private static long root(AddressSpace mm) {
    return mm.fields().pgd() >>> 12;
  }

  private long frame(AddressSpace mm, long addr) {
    return tables.translate(root(mm), addr) >>> 12;
  }

  private TableCursor entry(long addr) {
    TableCursor cursor = tables.cursor();
    assertEquals(1, cursor.seek(root(rig.mm), addr, 1));
    return cursor;
  }

  @Test
  void aByteIsWhereThePageTableSays() {
    rig.map(AT, 4, Rig.RW);
    assertTrue(rig.mm.write(AT + 0x1234, 77).ok());
    long paddr = tables.translate(root(rig.mm), AT + 0x1234);
    assertEquals(77, rig.machine.memory().getByte(paddr));
    rig.machine.memory().putByte(paddr, (byte) 78);
    assertEquals(78, rig.mm.read(AT + 0x1234).value());
  }

  @Test
  void anEntryThatIsClearedInRamFaultsAnew() {
    rig.map(AT, 1, Rig.RW);
    rig.mm.write(AT, 5);
    rig.machine.memory().putLong(entry(AT).paddr(), 0);
    assertThrows(CorruptStateError.class, rig.mm::validate, "a page that was counted is gone");
    assertEquals(0, rig.mm.read(AT).value());
  }

  @Test
  void aFrameSaysWhoseItIs() {
    rig.map(AT, 1, Rig.RW);
    rig.touch(AT);
    long pfn = frame(rig.mm, AT);
    assertEquals(FrameOwner.ANON, map.owner(pfn));
    assertEquals(1, map.refcount(pfn));
    assertEquals(1, map.mapcount(pfn));
    assertEquals(1, map.mapping(pfn) & 1);
    assertEquals(AT >>> 12, map.index(pfn));
  }

  @Test
  void freePagesFallByWhatIsResidentAndItsTables() {
    rig.map(AT, 64, Rig.RW);
    long free = free();
    long rss = rig.mm.fields().rssPages();
    long held = rig.mm.fields().tablePages();
    for (int i = 0; i < 64; i++) {
      rig.touch(AT + i * 4096L);
    }
    long more = rig.mm.fields().rssPages() - rss;
    assertEquals(64, more);
    assertEquals(free - free(), more + rig.mm.fields().tablePages() - held);
    assertEquals(0, rig.mm.madvise(AT, 64 << 12, DONTNEED));
    assertEquals(free - free(), rig.mm.fields().tablePages() - held);
  }

  @Test
  void forkSharesAFrameUntilOneWrites() {
    rig.map(AT, 2, Rig.RW);
    rig.mm.write(AT, 1);
    rig.mm.write(AT + 4096, 2);
    AddressSpace child = Objects.requireNonNull(rig.mm.fork());
    long shared = frame(rig.mm, AT);
    assertEquals(shared, frame(child, AT));
    assertEquals(2, map.mapcount(shared));
    assertFalse(tables.format().bits().isWrite(entry(AT).entry()));
    assertTrue(child.write(AT, 9).ok());
    assertEquals(shared, frame(rig.mm, AT));
    assertNotEquals(shared, frame(child, AT));
    assertEquals(1, rig.mm.read(AT).value());
    assertEquals(9, child.read(AT).value());
    assertEquals(frame(rig.mm, AT + 4096), frame(child, AT + 4096));
    child.exit();
    assertEquals(1, map.mapcount(frame(rig.mm, AT + 4096)));
    rig.mm.validate();
  }

  @Test
  void entriesAreAccessedAndDirtyByTouches() {
    rig.map(AT, 1, Rig.RW);
    rig.touch(AT);
    PageTableFormat format = tables.format();
    TableCursor cursor = entry(AT);
    cursor.set(format.bits().mkclean(format.bits().mkold(cursor.entry())));
    rig.mm.read(AT);
    assertTrue(format.bits().isYoung(cursor.entry()));
    assertFalse(format.bits().isDirty(cursor.entry()));
    rig.touch(AT);
    assertTrue(format.bits().isDirty(cursor.entry()));
  }

  @Test
  void memoryThatNobodyMayUseStaysThere() {
    rig.map(AT, 1, Rig.RW);
    rig.mm.write(AT, 42);
    long pfn = frame(rig.mm, AT);
    assertEquals(0, rig.mm.mprotect(AT, 4096, 0));
    assertTrue(tables.format().bits().isProtnone(entry(AT).entry()));
    assertFalse(rig.mm.read(AT).ok());
    assertEquals(0, rig.mm.mprotect(AT, 4096, Rig.READ));
    assertEquals(pfn, frame(rig.mm, AT));
    assertEquals(42, rig.mm.read(AT).value());
  }

  @Test
  void aHugePageIsOneBlockWithATableForItsSplit() {
    Rig huge = new Rig(Rig.INDEXES.getFirst(), MmSysctls.DEFAULTS, ThpMode.ALWAYS);
    huge.map(AT, 512, Rig.RW);
    huge.touch(AT + 0x5000);
    MemMap frames = huge.machine.memory().memMap();
    long pfn = huge.machine.pageTables().translate(root(huge.mm), AT) >>> 12;
    assertEquals(0, pfn & 511);
    assertEquals(9, frames.order(pfn));
    assertEquals(1, frames.entireMapcount(pfn));
    assertEquals(1, huge.mm.usage(AT).anonHugeKb() / 2048);
    assertEquals(0, huge.mm.munmap(AT, 4096));
    assertEquals(0, frames.entireMapcount(pfn));
    assertEquals(511, frames.refcount(pfn), "the block stays as long as a page of it is mapped");
    huge.mm.validate();
    assertEquals(0, huge.mm.munmap(AT, 512 << 12));
    FrameOwner owner = frames.owner(pfn);
    assertTrue(owner == FrameOwner.FREE || owner == FrameOwner.PCP, owner.toString());
  }

  /** A range is wanted as a whole: the page in it moves, and nobody notices. */
  @Test
  void aPageMovesToAnotherFrame() {
    rig.map(AT, 2, Rig.RW);
    rig.mm.write(AT, 7);
    rig.mm.write(AT + 4096, 8);
    AddressSpace child = Objects.requireNonNull(rig.mm.fork());
    assertTrue(child.write(AT + 4096, 9).ok());
    long shared = frame(rig.mm, AT);
    assertTrue(
        rig.machine
            .pages()
            .allocContigRange(rig.machine.cpus().get(0), shared, shared + 1, Gfp.GFP_KERNEL));
    assertNotEquals(shared, frame(rig.mm, AT));
    assertEquals(frame(rig.mm, AT), frame(child, AT));
    assertEquals(2, map.mapcount(frame(child, AT)));
    assertEquals(7, child.read(AT).value());
    rig.mm.validate();
    child.validate();
    assertTrue(child.write(AT, 6).ok());
    assertEquals(7, rig.mm.read(AT).value());
    assertTrue(rig.mm.write(AT, 5).ok());
    rig.machine.pages().freePages(rig.machine.cpus().get(0), shared, 0);
    child.exit();
    rig.mm.validate();
  }

  /** {@code MAP_HUGETLB}: a huge entry of the tables, and a frame that shows what was written. */
  @Test
  void aPageOfThePoolIsAHugeEntry() {
    assertEquals(0, rig.floor.writeSysctl("nr_hugepages", "2"));
    assertEquals(
        AT, rig.mm.mmap(AT, 2 << 20, Rig.RW, Rig.PRIVATE_ANON | Rig.FIXED | 0x40000, -1, 0));
    assertTrue(rig.mm.write(AT + 0x123456, 7).ok());
    TableCursor cursor = tables.cursor();
    assertEquals(2, cursor.seek(root(rig.mm), AT, 1));
    long head = tables.format().pfn(2, cursor.entry());
    assertEquals(FrameOwner.HUGETLB, map.owner(head));
    assertEquals(1, map.entireMapcount(head));
    assertEquals(7, rig.machine.memory().getByte((head << 12) + 0x123456));
    AddressSpace child = Objects.requireNonNull(rig.mm.fork());
    assertEquals(2, map.entireMapcount(head));
    assertTrue(child.write(AT, 9).ok());
    assertEquals(1, map.entireMapcount(head));
    assertEquals(7, child.read(AT + 0x123456).value());
    assertNotEquals(head, frame(child, AT));
    rig.mm.validate();
    child.validate();
    child.exit();
    assertEquals(0, rig.mm.munmap(AT, 2 << 20));
    rig.mm.validate();
  }

  /** A huge page of which a part is unmapped keeps its frames until memory is short. */
  @Test
  void aFolioThatIsPartlyMappedIsSplitWhenMemoryIsShort() {
    try (Rig huge = new Rig(Rig.INDEXES.getFirst(), MmSysctls.DEFAULTS, ThpMode.ALWAYS)) {
      MemMap rows = huge.machine.memory().memMap();
      huge.map(AT - 8192, 1, Rig.RW);
      assertEquals(0, huge.mm.read(AT - 8192).value()); // the zero page is there
      huge.map(AT, 512, Rig.RW);
      for (long i = 0; i < 512; i++) {
        assertTrue(huge.mm.write(AT + (i << 12), i == 100 ? 0 : 5).ok());
      }
      AddressSpace child = Objects.requireNonNull(huge.mm.fork());
      long head = huge.machine.pageTables().translate(root(huge.mm), AT) >>> 12;
      assertEquals(9, rows.order(head));
      for (AddressSpace mm : new AddressSpace[] {huge.mm, child}) {
        assertEquals(0, mm.munmap(AT, 40 << 12));
        assertEquals(0, mm.munmap(AT + (472L << 12), 40 << 12));
        mm.validate();
      }
      assertEquals(0, huge.mm.munmap(AT + (40L << 12), 10 << 12)); // the child still has these
      long free = huge.machine.pages().freePages() + huge.machine.pages().pcpPages();
      assertEquals(9, rows.order(head), "it is whole");
      Cpu cpu = huge.machine.cpus().get(0);
      long freed = huge.machine.pressure().reclaim(ReclaimRequest.of(cpu, Gfp.GFP_KERNEL, 0, 64));
      assertEquals(81, freed, "two ends, and the page of zeros");
      assertEquals(free + 81, huge.machine.pages().freePages() + huge.machine.pages().pcpPages());
      assertEquals(0, rows.order(head + 200));
      assertEquals(2, rows.mapcount(head + 200));
      assertEquals(1, rows.mapcount(head + 45));
      for (AddressSpace mm : new AddressSpace[] {huge.mm, child}) {
        assertEquals(5, mm.read(AT + (200L << 12)).value());
        assertEquals(0, mm.read(AT + (100L << 12)).value());
        mm.validate();
      }
      assertEquals(
          0, huge.machine.pressure().reclaim(ReclaimRequest.of(cpu, Gfp.GFP_KERNEL, 0, 64)));
      child.exit();
      huge.mm.validate();
    }
  }

  @Test
  void everythingComesBack() {
    long before = rig.machine.framesOwnedBy(FrameOwner.ANON);
    rig.map(AT, 8, Rig.RW);
    rig.touch(AT);
    assertEquals(AT + 0x10000, rig.mm.mmap(AT + 0x10000, 0x10000, 1, 2 | Rig.FIXED, 1, 0));
    rig.mm.read(AT + 0x10000);
    AddressSpace child = Objects.requireNonNull(rig.mm.fork());
    assertTrue(child.write(AT, 3).ok());
    rig.floor.close();
    assertEquals(before, rig.machine.framesOwnedBy(FrameOwner.ANON));
    assertEquals(0, rig.machine.framesOwnedBy(FrameOwner.FILE));
    rig.machine.close();
  }
}
