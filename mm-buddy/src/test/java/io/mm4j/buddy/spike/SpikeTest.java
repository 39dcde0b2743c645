// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.spike;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The contracts of mm-api, tried from above: everything that a kernel does with page frames, with
 * the simplest implementations, through nothing but the interfaces. What is awkward here is wrong
 * there.
 */
class SpikeTest {
  private static final long UADDR = 0x1234_5000;

  private final Machine machine =
      new MachineConfig().memory(16L << 20).plugin("page-allocator=direct").boot();
  private final Cpu cpu = machine.cpus().get(0);
  private final PageAllocator pages = machine.pages();
  private final long freeAtBoot = pages.freePages();
  private final ToyKernel kernel = new ToyKernel(machine);

  @AfterEach
  void everythingCameBack() {
    machine.validate();
    assertEquals(freeAtBoot, pages.freePages());
    machine.close();
  }

  @Test
  void pageFault() {
    ToyMm mm = new ToyMm(kernel, cpu);
    assertEquals(0, mm.read(cpu, UADDR + 8));
    mm.write(cpu, UADDR + 8, 42);
    assertEquals(42, mm.read(cpu, UADDR + 8));
    assertEquals(1, mm.faults());

    long pfn = kernel.format.pfn(1, mm.entry(UADDR));
    assertEquals(FrameOwner.ANON, kernel.memMap.owner(pfn));
    assertEquals(1, kernel.memMap.refcount(pfn));
    assertEquals(1, kernel.memMap.mapcount(pfn));
    assertEquals(UADDR >>> Pages.PAGE_SHIFT, kernel.memMap.index(pfn));
    assertEquals(1, machine.framesOwnedBy(FrameOwner.ANON));
    assertEquals(2, machine.framesOwnedBy(FrameOwner.PAGE_TABLE));
    assertThrows(MisuseException.class, () -> pages.freePages(cpu, pfn, 0), "still mapped");
    mm.exit(cpu);
  }

  @Test
  void forkAndCopyOnWrite() {
    ToyMm parent = new ToyMm(kernel, cpu);
    parent.write(cpu, UADDR, 1);
    ToyMm child = parent.fork(cpu);
    assertEquals(1, child.read(cpu, UADDR));
    long shared = kernel.format.pfn(1, parent.entry(UADDR));
    assertEquals(2, kernel.memMap.refcount(shared));

    child.write(cpu, UADDR, 2);
    assertNotEquals(shared, kernel.format.pfn(1, child.entry(UADDR)));
    assertEquals(1, kernel.memMap.refcount(shared));
    parent.write(cpu, UADDR, 3);
    assertEquals(shared, kernel.format.pfn(1, parent.entry(UADDR)), "the last one need not copy");
    assertEquals(2, child.read(cpu, UADDR));
    assertEquals(3, parent.read(cpu, UADDR));
    child.exit(cpu);
    parent.exit(cpu);
  }

  @Test
  void splitOfAnOrder9Block() {
    long head = pages.allocPages(cpu, Gfp.GFP_TRANSHUGE, 9);
    assertEquals(head, kernel.memMap.head(head + 511));
    assertThrows(MisuseException.class, () -> pages.freePages(cpu, head + 511, 0));
    pages.splitPage(head, 9);
    assertThrows(MisuseException.class, () -> pages.freePages(cpu, head, 9));
    for (int i = 511; i >= 0; i--) {
      assertEquals(head + i, kernel.memMap.head(head + i));
      pages.freePages(cpu, head + i, 0);
    }
    assertThrows(MisuseException.class, () -> pages.freePages(cpu, head, 0));
  }

  @Test
  void reclaim() {
    ToyMm mm = new ToyMm(kernel, cpu);
    long count = freeAtBoot + 100;
    for (long i = 0; i < count; i++) {
      mm.write(cpu, i << Pages.PAGE_SHIFT, i + 1);
    }
    assertTrue(kernel.swappedPages() > 100);
    for (long i = 0; i < count; i++) {
      assertEquals(i + 1, mm.read(cpu, i << Pages.PAGE_SHIFT));
    }
    mm.exit(cpu);
  }

  @Test
  void migration() {
    ToyMm mm = new ToyMm(kernel, cpu);
    mm.write(cpu, UADDR - Pages.PAGE_SIZE, 6); // now the page tables, which cannot move, are there
    long start = pages.allocPages(cpu, Gfp.GFP_KERNEL, 6);
    long end = start + 64;
    pages.splitPage(start, 6);
    pages.freePages(cpu, start + 5, 0);
    mm.write(cpu, UADDR, 7);
    assertEquals(start + 5, kernel.format.pfn(1, mm.entry(UADDR)));
    pages.freeContigRange(cpu, start, start + 5);
    pages.freeContigRange(cpu, start + 6, end);

    assertTrue(pages.allocContigRange(cpu, start, end, Gfp.GFP_KERNEL));
    assertEquals(64, machine.framesOwnedBy(FrameOwner.KERNEL));
    long now = kernel.format.pfn(1, mm.entry(UADDR));
    assertTrue(now < start || now >= end);
    assertEquals(7, mm.read(cpu, UADDR));
    assertEquals(1, kernel.memMap.mapcount(now));
    pages.freeContigRange(cpu, start, end);
    mm.exit(cpu);

    long stuck = pages.allocPages(cpu, Gfp.GFP_KERNEL, 0);
    long around = stuck & -64L;
    long free = pages.freePages();
    assertFalse(
        pages.allocContigRange(cpu, around, around + 64, Gfp.GFP_KERNEL), "nobody moves that");
    assertEquals(free, pages.freePages());
    pages.freePages(cpu, stuck, 0);
  }

  @Test
  void slabPage() {
    ToySlab slab = new ToySlab(machine.memory(), pages);
    int cache = slab.kmemCacheCreate("toy", 20, 0);
    long first = slab.kmemCacheAlloc(cpu, cache, Gfp.GFP_KERNEL);
    long object = first;
    long last = first;
    for (int i = 1; i < 2 * 4096 / 24; i++) {
      last = slab.kmemCacheAlloc(cpu, cache, Gfp.GFP_KERNEL);
      assertEquals(object + 24, last);
      object = last;
    }
    assertEquals(ToySlab.NO_OBJECT, slab.kmemCacheAlloc(cpu, cache, Gfp.GFP_KERNEL));
    long lastObject = last;
    slab.kmemCacheFree(cpu, cache, lastObject); // in the second page: the head is found
    assertEquals(lastObject, slab.kmemCacheAlloc(cpu, cache, Gfp.GFP_KERNEL));
    assertThrows(MisuseException.class, () -> slab.kmemCacheFree(cpu, cache, 1L << 20));
    assertThrows(MisuseException.class, () -> slab.kmemCacheDestroy(cpu, cache));
    for (long o = first; o <= lastObject; o += 24) {
      slab.kmemCacheFree(cpu, cache, o);
    }
    slab.validate();
    slab.kmemCacheDestroy(cpu, cache);
  }
}
