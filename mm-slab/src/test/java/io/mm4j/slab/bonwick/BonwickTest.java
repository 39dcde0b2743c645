// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabFlags;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is mm/slab.c's own: geometry, colours, descriptors, arrays, reaping. */
class BonwickTest {
  private static final int GFP = Gfp.GFP_KERNEL;

  private static Machine boot() {
    return new MachineConfig().memory(256L << 20).cpus(2).plugin("slab=slab").boot();
  }

  /** As /proc/slabinfo of 2.6.32 on x86-64 with two CPUs shows them. */
  @ParameterizedTest
  @CsvSource({
    "32, 112, 1, 120, 60, 8",
    "64, 59, 1, 120, 60, 8",
    "128, 30, 1, 120, 60, 8",
    "192, 20, 1, 120, 60, 8",
    "256, 15, 1, 120, 60, 8",
    "512, 8, 1, 54, 27, 8",
    "1024, 4, 1, 54, 27, 8",
    "2048, 2, 1, 24, 12, 8",
    "4096, 1, 1, 24, 12, 8",
    "8192, 1, 2, 8, 4, 0",
    "131072, 1, 32, 8, 4, 0"
  })
  void sizesAreThoseOf26(int bytes, int objects, int pages, int limit, int batch, int shared) {
    try (Machine machine = boot()) {
      KmemCache cache = machine.slabs().kmallocCache(bytes, GFP);
      assertNotNull(cache);
      assertEquals("size-" + bytes, cache.name());
      assertEquals(objects, cache.objectsPerSlab());
      assertEquals(pages, 1 << cache.order());
      assertEquals(new KmemCache.Tunables(limit, batch, shared), cache.tunables());
    }
  }

  @Test
  void profile24HasCacheSizesWithDmaBeside() {
    MachineConfig config =
        new MachineConfig()
            .memory(256L << 20)
            .architecture(Architecture.X86_32_24)
            .cpus(2)
            .plugin("slab=slab");
    try (Machine machine = config.boot()) {
      SlabAllocator slabs = machine.slabs();
      List<String> names = slabs.caches().stream().map(KmemCache::name).toList();
      List<String> wanted = new ArrayList<>();
      for (int bytes = 128 << 10; bytes >= 32; bytes /= 2) {
        wanted.add("size-" + bytes + "(DMA)");
        wanted.add("size-" + bytes);
      }
      assertEquals(wanted, names);
      KmemCache small = slabs.kmallocCache(32, GFP);
      KmemCache dma = slabs.kmallocCache(33, GFP | Gfp.__GFP_DMA);
      assertNotNull(small);
      assertNotNull(dma);
      assertEquals(113, small.objectsPerSlab());
      assertEquals(new KmemCache.Tunables(252, 126, 0), small.tunables());
      assertEquals("size-64(DMA)", dma.name());
      assertEquals(59, dma.objectsPerSlab());
      Cpu cpu = machine.cpus().get(0);
      long low = slabs.kmalloc(cpu, 100, Gfp.GFP_DMA | GFP);
      assertTrue(low < 16 << 20, "an object of GFP_DMA below 16 MiB");
      slabs.kfree(cpu, low);
      assertNull(slabs.kmallocCache((128 << 10) + 1, GFP));
      assertEquals(0, slabs.kmalloc(cpu, (128 << 10) + 1, GFP), "no more than 128 KiB");
      machine.validate();
    }
  }

  @Test
  void eachSlabBeginsAtAnotherColour() {
    try (Machine machine = boot()) {
      SlabAllocator slabs = machine.slabs();
      Cpu cpu = machine.cpus().get(0);
      BonwickCache cache = (BonwickCache) slabs.kmemCacheCreate(KmemCacheArgs.of("painted", 520));
      int colours = cache.geometry.colours();
      assertTrue(colours > 1, "colours=" + colours);
      List<Long> starts = new ArrayList<>();
      Set<Long> pages = new HashSet<>();
      while (starts.size() < 2 * colours) {
        long object = slabs.kmemCacheAlloc(cpu, cache, GFP);
        if (pages.add(object >>> 12)) {
          BonwickAllocator mine = (BonwickAllocator) slabs;
          starts.add(mine.descriptors.objects(mine.slabs.slabOf(object)) & 4095);
        }
      }
      for (int i = 0; i < starts.size(); i++) {
        long expected = starts.getFirst() + (long) (i % colours) * cache.geometry.colourOff();
        assertEquals(expected, starts.get(i), "first object of slab " + i);
      }
    }
  }

  @Test
  void largeObjectsHaveTheirDescriptorElsewhere() {
    try (Machine machine = boot()) {
      BonwickAllocator slabs = (BonwickAllocator) machine.slabs();
      Cpu cpu = machine.cpus().get(0);
      BonwickCache small = (BonwickCache) slabs.kmemCacheCreate(KmemCacheArgs.of("small", 200));
      BonwickCache big = (BonwickCache) slabs.kmemCacheCreate(KmemCacheArgs.of("big", 1024));
      assertFalse(small.geometry.offSlab());
      assertTrue(big.geometry.offSlab());
      BonwickCache holder = big.descriptorCache;
      assertNotNull(holder);
      assertEquals("size-64", holder.name());
      long object = slabs.kmemCacheAlloc(cpu, big, GFP);
      long descriptor = slabs.slabs.slabOf(object);
      assertEquals(holder, slabs.cacheOf(descriptor));
      assertNotEquals(object >>> 12, descriptor >>> 12);
      assertEquals(0, holder.stats().liveObjects(), "a descriptor is nobody's object");
      assertTrue(holder.stats().activeObjects() > 0);
      assertThrows(MisuseException.class, () -> slabs.kfree(cpu, descriptor));
      long tiny = slabs.kmemCacheAlloc(cpu, small, GFP);
      assertEquals(tiny >>> 12, slabs.slabs.slabOf(tiny) >>> 12, "on the slab");
      machine.validate();
      slabs.kmemCacheFree(cpu, big, object);
      slabs.kmemCacheDestroy(cpu, big);
      machine.validate();
    }
  }

  @Test
  void aByteBehindTheSlabsDescriptorLinksFreeObjects() {
    try (Machine machine = boot()) {
      BonwickAllocator slabs = (BonwickAllocator) machine.slabs();
      Cpu cpu = machine.cpus().get(0);
      long object = slabs.kmalloc(cpu, 256, GFP);
      long slab = slabs.slabs.slabOf(object);
      int bufctl = machine.memory().getInt(slab + 48 + 4 * 14);
      assertEquals(Descriptors.END, bufctl, "the last of 15 objects ends the list");
    }
  }

  @Test
  void objectsComeAndGoInBatches() {
    try (Machine machine = boot()) {
      SlabAllocator slabs = machine.slabs();
      Cpu cpu = machine.cpus().get(0);
      BonwickCache cache = (BonwickCache) slabs.kmemCacheCreate(KmemCacheArgs.of("batch", 128));
      List<Long> held = new ArrayList<>();
      held.add(slabs.kmemCacheAlloc(cpu, cache, GFP));
      assertEquals(15, cache.stats().cachedObjects(), "16 into an array that nobody has used");
      for (int i = 0; i < 16; i++) {
        held.add(slabs.kmemCacheAlloc(cpu, cache, GFP));
      }
      assertEquals(13, cache.stats().cachedObjects(), "then what the slab of 30 still has");
      for (int i = 0; i < 14; i++) {
        held.add(slabs.kmemCacheAlloc(cpu, cache, GFP));
      }
      assertEquals(29, cache.stats().cachedObjects(), "then those of a new slab");
      while (held.size() < 300) {
        held.add(slabs.kmemCacheAlloc(cpu, cache, GFP));
      }
      while (cache.stats().cachedObjects() < 120) {
        slabs.kmemCacheFree(cpu, cache, held.removeLast());
      }
      assertEquals(0, cache.sharedAvailable());
      slabs.kmemCacheFree(cpu, cache, held.removeLast());
      assertEquals(60, cache.sharedAvailable(), "the oldest batch is shared");
      assertEquals(121, cache.stats().cachedObjects());
      Cpu other = machine.cpus().get(1);
      long theirs = slabs.kmemCacheAlloc(other, cache, GFP);
      assertEquals(44, cache.sharedAvailable(), "the other cpu takes 16 of them");
      slabs.kmemCacheFree(other, cache, theirs);
      held.forEach(object -> slabs.kmemCacheFree(cpu, cache, object));
      machine.validate();
    }
  }

  @Test
  void whatIsNotUsedIsReapedBitByBit() {
    try (Machine machine = boot()) {
      SlabAllocator slabs = machine.slabs();
      Cpu cpu = machine.cpus().get(0);
      BonwickCache cache = (BonwickCache) slabs.kmemCacheCreate(KmemCacheArgs.of("idle", 256));
      List<Long> held = new ArrayList<>();
      for (int i = 0; i < 2000; i++) {
        held.add(slabs.kmemCacheAlloc(cpu, cache, GFP));
      }
      held.forEach(object -> slabs.kmemCacheFree(cpu, cache, object));
      long before = cache.stats().pages();
      long least = before;
      for (int i = 0; i < 60; i++) {
        machine.clock().advance(2_100_000_000L);
        slabs.kfree(cpu, slabs.kmalloc(cpu, 20_000, GFP)); // comes the slow way
        long _ = slabs.kmalloc(cpu, 1 << 20, GFP);
        long now = cache.stats().pages();
        assertTrue(now <= least, "never more: " + now + " after " + least);
        least = now;
      }
      assertTrue(before > 0 && least == 0, "pages before=" + before + " after=" + least);
      machine.validate();
    }
  }

  @Test
  void aConstructorRunsOnceForEachObjectOfASlab() {
    try (Machine machine = boot()) {
      SlabAllocator slabs = machine.slabs();
      Cpu cpu = machine.cpus().get(0);
      List<Long> made = new ArrayList<>();
      KmemCache cache =
          slabs.kmemCacheCreate(
              KmemCacheArgs.of("made", 300).withFlags(SlabFlags.SLAB_NO_MERGE).withCtor(made::add));
      for (int i = 0; i < 5; i++) {
        slabs.kmemCacheFree(cpu, cache, slabs.kmemCacheAlloc(cpu, cache, GFP));
      }
      assertEquals(cache.stats().objects(), made.size());
      assertEquals(made.size(), Set.copyOf(made).size());
    }
  }
}
