// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.NumaTopology;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageCalls;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every entry point of the page allocator, by the kernel's names, on both page allocators. */
class PageCallsTest {
  private Machine machine = boot("linux");
  private PageAllocator pages = machine.pages();
  private PageCalls calls = calls();
  private MemMap map = machine.memory().memMap();
  private long free = all();

  private static Machine boot(String allocator) {
    return new MachineConfig().memory(64 << 20).plugin("page-allocator=" + allocator).boot();
  }

  private PageCalls calls() {
    return new PageCalls(pages, cpu(), PageCalls.PAGE_OFFSET_64);
  }

  private Cpu cpu() {
    return machine.cpus().get(0);
  }

  private void on(String allocator) {
    machine.close();
    machine = boot(allocator);
    pages = machine.pages();
    calls = calls();
    map = machine.memory().memMap();
    free = all();
  }

  private long all() {
    return pages.freePages() + pages.pcpPages();
  }

  /** Whatever a test did, all has come back and the machine is whole. */
  @AfterEach
  void allCameBack() {
    assertEquals(free, all());
    calls.drainAllPages();
    assertEquals(0, pages.pcpPages());
    assertEquals(free, pages.freePages());
    machine.validate();
    machine.close();
  }

  private void dirty(long pfn, int order) {
    for (long paddr = pfn << Pages.PAGE_SHIFT;
        paddr < (pfn + (1L << order)) << Pages.PAGE_SHIFT;
        paddr += 512) {
      machine.memory().putLong(paddr, -1);
    }
  }

  private void isZero(long pfn, int order) {
    for (long paddr = pfn << Pages.PAGE_SHIFT;
        paddr < (pfn + (1L << order)) << Pages.PAGE_SHIFT;
        paddr += 8) {
      assertEquals(0, machine.memory().getLong(paddr));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void allocPageAndFreePage(String allocator) {
    on(allocator);
    long pfn = calls.allocPage(Gfp.GFP_KERNEL);
    assertEquals(1, map.refcount(pfn));
    assertEquals(0, map.order(pfn));
    assertEquals(FrameOwner.KERNEL, map.owner(pfn));
    assertEquals(free - 1, all());
    calls.freePageAt(pfn);
    assertThrows(MisuseException.class, () -> calls.freePageAt(pfn));
  }

  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void allocPagesOfEveryOrder(String allocator) {
    on(allocator);
    for (int order = 0; order <= Pages.MAX_PAGE_ORDER; order++) {
      long pfn = calls.allocPages(Gfp.GFP_KERNEL, order);
      assertEquals(0, pfn & ((1L << order) - 1), "order " + order);
      assertEquals(order, map.order(pfn));
      assertEquals(free - (1L << order), all());
      calls.freePagesAt(pfn, order);
    }
    assertEquals(PageAllocator.NO_PAGE, calls.allocPages(Gfp.GFP_KERNEL, 11));
    assertEquals(PageAllocator.NO_PAGE, calls.allocPages(Gfp.GFP_KERNEL, -1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void getFreePagesGivesAnAddress(String allocator) {
    on(allocator);
    long one = calls.getFreePage(Gfp.GFP_KERNEL);
    long block = calls.getFreePages(Gfp.GFP_HIGHUSER, 3);
    assertTrue(one < 0 && one > PageCalls.PAGE_OFFSET_64, Long.toHexString(one));
    assertEquals(0, block & (Pages.PAGE_SIZE - 1));
    assertEquals(3, map.order(calls.virtToPage(block)));
    assertEquals(block, calls.pageAddress(calls.virtToPage(block)));
    assertEquals(block, calls.va(calls.pa(block)));
    assertEquals(0, calls.getFreePages(Gfp.GFP_KERNEL, 11));
    calls.freePage(one);
    calls.freePages(block, 3);
    calls.freePages(0, 3);
    assertThrows(MisuseException.class, () -> calls.freePage(one + 8));
  }

  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void getZeroedPageIsZeroWhateverWasThere(String allocator) {
    on(allocator);
    for (int i = 0; i < 20; i++) {
      long kaddr = calls.getZeroedPage(Gfp.GFP_KERNEL);
      isZero(calls.virtToPage(kaddr), 0);
      dirty(calls.virtToPage(kaddr), 0);
      calls.freePage(kaddr);
    }
    long block = calls.allocPages(Gfp.GFP_KERNEL | Gfp.__GFP_ZERO, 4);
    isZero(block, 4);
    calls.freePagesAt(block, 4);
  }

  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void getDmaPagesLieBelow16MiB(String allocator) {
    on(allocator);
    for (int order : new int[] {0, 1, 5}) {
      long kaddr = calls.getDmaPages(Gfp.GFP_KERNEL, order);
      assertNotEquals(0, kaddr);
      assertTrue(calls.pa(kaddr) + (Pages.PAGE_SIZE << order) <= 16 << 20);
      calls.freePages(kaddr, order);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void allocPagesExactKeepsNoMoreThanItMust(String allocator) {
    on(allocator);
    for (long bytes : new long[] {1, 4096, 4097, 5 * 4096, 100_000, 4 << 20}) {
      long kaddr = calls.allocPagesExact(bytes, Gfp.GFP_KERNEL | Gfp.__GFP_COMP);
      long need = (bytes + Pages.PAGE_SIZE - 1) / Pages.PAGE_SIZE;
      assertEquals(free - need, all(), "bytes " + bytes);
      long first = calls.virtToPage(kaddr);
      for (long pfn = first; pfn < first + need; pfn++) {
        assertEquals(1, map.refcount(pfn));
        assertEquals(0, map.order(pfn));
      }
      calls.freePagesExact(kaddr, bytes);
      assertEquals(free, all(), "bytes " + bytes);
    }
    assertEquals(0, calls.allocPagesExact(0, Gfp.GFP_KERNEL));
    assertEquals(0, calls.allocPagesExact((4 << 20) + 1, Gfp.GFP_KERNEL));
  }

  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void splitPageMakesPagesOfABlock(String allocator) {
    on(allocator);
    long pfn = calls.allocPages(Gfp.GFP_KERNEL, 3);
    calls.splitPage(pfn, 3);
    assertThrows(MisuseException.class, () -> calls.freePagesAt(pfn, 3));
    for (int i : new int[] {3, 0, 7, 1, 6, 2, 5, 4}) {
      calls.freePageAt(pfn + i);
    }
    long compound = calls.allocPages(Gfp.GFP_KERNEL | Gfp.__GFP_COMP, 2);
    if (allocator.equals("linux")) {
      assertThrows(MisuseException.class, () -> calls.splitPage(compound, 2));
    }
    calls.freePagesAt(compound, 2);
  }

  /** lib/test_free_pages.c: an extra reference that outlives free_pages must not leak the block. */
  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void anExtraReferenceDoesNotLeak(String allocator) {
    on(allocator);
    for (int gfp : new int[] {Gfp.GFP_KERNEL, Gfp.GFP_KERNEL | Gfp.__GFP_COMP}) {
      for (int i = 0; i < 1000; i++) {
        long pfn = calls.allocPages(gfp, 3);
        map.get(pfn);
        calls.freePagesAt(pfn, 3);
        assertEquals(free - 8, all());
        calls.freePagesAt(pfn, 3);
        assertEquals(free, all());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void allocContigRangeAndFreeContigRange(String allocator) {
    on(allocator);
    long start = 8192 + 100;
    assertTrue(calls.allocContigRange(start, start + 700, Gfp.GFP_KERNEL));
    assertEquals(free - 700, all());
    assertFalse(calls.allocContigRange(start + 699, start + 710, Gfp.GFP_KERNEL), "is held");
    assertEquals(free - 700, all());
    calls.freeContigRange(start, start + 700);
  }

  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void allocPagesBulkFillsTheGaps(String allocator) {
    on(allocator);
    long[] pfns = new long[100];
    Arrays.fill(pfns, PageAllocator.NO_PAGE);
    pfns[3] = calls.allocPage(Gfp.GFP_KERNEL);
    long kept = pfns[3];
    assertEquals(64, calls.allocPagesBulk(Gfp.GFP_KERNEL, pfns, 64));
    assertEquals(kept, pfns[3]);
    assertEquals(PageAllocator.NO_PAGE, pfns[64]);
    assertEquals(64, Arrays.stream(pfns).limit(64).distinct().count());
    assertEquals(100, calls.allocPagesBulk(Gfp.GFP_KERNEL, pfns, 100));
    assertEquals(free - 100, all());
    for (long pfn : pfns) {
      calls.freePageAt(pfn);
    }
  }

  @Test
  void allocPagesNodeAsksThatNodeFirst() {
    machine.close();
    machine =
        new MachineConfig()
            .memory(256 << 20)
            .numa(
                NumaTopology.of(
                    List.of(new NumaTopology.Span(0, 32768), new NumaTopology.Span(32768, 65536)),
                    20))
            .boot();
    pages = machine.pages();
    calls = calls();
    map = machine.memory().memMap();
    free = all();
    for (int node = 0; node < 2; node++) {
      long near = calls.allocPagesNode(node, Gfp.GFP_KERNEL, 2);
      long exact = calls.allocPagesExactNode(node, Gfp.GFP_KERNEL, 0);
      assertEquals(node, near >>> 15);
      assertEquals(node, exact >>> 15);
      calls.freePagesAt(near, 2);
      calls.freePageAt(exact);
    }
    assertThrows(MisuseException.class, () -> calls.allocPagesNode(2, Gfp.GFP_KERNEL, 0));
  }

  /** On a 32-bit machine a kernel address is below 4 GiB, and highmem has none. */
  @Test
  void highmemHasNoAddress() {
    machine.close();
    machine =
        new MachineConfig()
            .memory(1L << 30)
            .contents(false)
            .architecture(Architecture.X86_32)
            .boot();
    pages = machine.pages();
    calls = new PageCalls(pages, cpu(), PageCalls.PAGE_OFFSET_32);
    map = machine.memory().memMap();
    free = all();
    long lowmem = Architecture.X86_32.lowmemEnd() >>> Pages.PAGE_SHIFT;
    long high = calls.allocPage(Gfp.GFP_HIGHUSER);
    assertTrue(high >= lowmem);
    assertEquals(0, Architecture.X86_32.pageAddress(high));
    long kaddr = calls.getFreePages(Gfp.GFP_HIGHUSER, 0);
    assertTrue(kaddr >= PageCalls.PAGE_OFFSET_32 && calls.virtToPage(kaddr) < lowmem);
    assertEquals(kaddr, Architecture.X86_32.pageAddress(calls.virtToPage(kaddr)));
    calls.freePageAt(high);
    calls.freePage(kaddr);
  }
}
