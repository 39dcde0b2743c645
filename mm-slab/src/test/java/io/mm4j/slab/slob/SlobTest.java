// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slob;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is mm/slob.c's own: units, headers, three lists, first fit, the next search's start. */
class SlobTest {
  private static final int GFP = Gfp.GFP_KERNEL;

  private Machine machine;
  private SlabAllocator slabs;
  private Cpu cpu;

  @BeforeEach
  void boot() {
    machine = new MachineConfig().memory(64L << 20).cpus(1).plugin("slab=slob").boot();
    slabs = machine.slabs();
    cpu = machine.cpus().get(0);
  }

  @AfterEach
  void close() {
    machine.validate();
    machine.close();
  }

  private long page(long paddr) {
    return paddr >>> 12;
  }

  @Test
  void kmallocHasAHeaderWithItsSize() {
    long first = slabs.kmalloc(cpu, 100, GFP);
    assertEquals(100, machine.memory().getInt(first - 8));
    assertEquals(100, slabs.ksize(first));
    assertEquals(first + 112, slabs.kmalloc(cpu, 50, GFP), "header and 100 bytes, aligned to 8");
    assertEquals(102, slabs.ksize(slabs.kmalloc(cpu, 101, GFP)), "whole units of 2 bytes");
  }

  @Test
  void objectsOfACacheHaveNone() {
    KmemCache cache = slabs.kmemCacheCreate(KmemCacheArgs.of("plain", 40));
    long first = slabs.kmemCacheAlloc(cpu, cache, GFP);
    assertEquals(first + 40, slabs.kmemCacheAlloc(cpu, cache, GFP));
    assertEquals(0, first & 4095);
  }

  @Test
  void thereAreThreeListsBySize() {
    long small = slabs.kmalloc(cpu, 247, GFP); // 255 with the header
    long medium = slabs.kmalloc(cpu, 248, GFP); // 256
    long large = slabs.kmalloc(cpu, 1016, GFP); // 1024
    assertNotEquals(page(small), page(medium));
    assertNotEquals(page(medium), page(large));
    assertEquals(page(small), page(slabs.kmalloc(cpu, 8, GFP)));
    assertEquals(page(medium), page(slabs.kmalloc(cpu, 1015, GFP)));
    assertEquals(page(large), page(slabs.kmalloc(cpu, 1500, GFP)));
  }

  @Test
  void theFirstHoleThatFitsIsTaken() {
    List<Long> objects = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      objects.add(slabs.kmalloc(cpu, 56, GFP));
    }
    slabs.kfree(cpu, objects.get(1));
    slabs.kfree(cpu, objects.get(4));
    slabs.kfree(cpu, objects.get(5));
    assertEquals(objects.get(4), slabs.kmalloc(cpu, 100, GFP), "the first of 64 is too small");
    assertEquals(objects.get(1), slabs.kmalloc(cpu, 24, GFP), "first fit, not best");
    assertEquals(objects.get(1) + 32, slabs.kmalloc(cpu, 24, GFP), "the rest of the hole");
  }

  @Test
  void theNextSearchStartsWhereThisOneEnded() {
    KmemCache cache = slabs.kmemCacheCreate(KmemCacheArgs.of("quarter", 200));
    List<Long> objects = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      objects.add(slabs.kmemCacheAlloc(cpu, cache, GFP));
    }
    long first = page(objects.getFirst());
    long second = page(objects.get(25));
    assertNotEquals(first, second);
    slabs.kmemCacheFree(cpu, cache, objects.get(25));
    long again = slabs.kmemCacheAlloc(cpu, cache, GFP);
    assertEquals(objects.get(25), again);
    slabs.kmemCacheFree(cpu, cache, objects.getFirst());
    slabs.kmemCacheFree(cpu, cache, again);
    // Both have a hole now; the page of the last hit was put in front of the other.
    assertEquals(again, slabs.kmemCacheAlloc(cpu, cache, GFP));
    assertEquals(objects.getFirst(), slabs.kmemCacheAlloc(cpu, cache, GFP));
  }

  @Test
  void aPageAndMoreComesFromThePageAllocator() {
    long before = slabs.largePages();
    long below = slabs.kmalloc(cpu, 4087, GFP);
    assertEquals(before, slabs.largePages());
    long above = slabs.kmalloc(cpu, 4088, GFP);
    assertEquals(before + 1, slabs.largePages());
    assertEquals(8, below & 4095);
    assertEquals(0, above & 4095);
    KmemCache cache = slabs.kmemCacheCreate(KmemCacheArgs.of("block", 4096));
    assertEquals(0, slabs.kmemCacheAlloc(cpu, cache, GFP) & 4095);
  }

  @Test
  void anEmptyPageGoesAtOnceAndNeighboursJoin() {
    KmemCache heap = Objects.requireNonNull(slabs.kmallocCache(8, GFP));
    List<Long> objects = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      objects.add(slabs.kmalloc(cpu, 120, GFP));
    }
    assertTrue(heap.stats().pages() == 2, "pages of the heap: " + heap);
    for (int i = 0; i < 40; i += 2) {
      slabs.kfree(cpu, objects.get(i));
      machine.validate();
    }
    for (int i = 1; i < 40; i += 2) {
      slabs.kfree(cpu, objects.get(i));
      machine.validate();
    }
    assertEquals(0, heap.stats().pages());
  }

  @Test
  void powersOfTwoAreAlignedBehindTheirHeader() {
    long _ = slabs.kmalloc(cpu, 24, GFP);
    assertEquals(0, slabs.kmalloc(cpu, 256, GFP) & 255);
    assertEquals(0, slabs.kmalloc(cpu, 2048, GFP) & 2047);
  }
}
