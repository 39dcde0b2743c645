// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.LeakReport;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabFlags;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The slab floor on machines with the reference floors below. */
class SlubOverLinuxTest {
  private static MachineConfig config(String plugin) {
    return new MachineConfig().memory(256L << 20).cpus(2).plugin("slab=" + plugin);
  }

  @ParameterizedTest
  @ValueSource(strings = {"slub", "slub:sheaves=all", "slub:sheaves=off", "slab", "slob", "page"})
  void nothingIsLostInALongMix(String plugin) {
    Random random = new Random(7);
    try (Machine machine = config(plugin).onLeak(LeakReport::refuse).boot()) {
      SlabAllocator slabs = machine.slabs();
      List<KmemCache> caches = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        caches.add(
            slabs.kmemCacheCreate(
                KmemCacheArgs.of("cache" + i, 1 + random.nextInt(3000))
                    .withFlags(i % 2 == 0 ? SlabFlags.SLAB_HWCACHE_ALIGN : 0)
                    .withSheaves(i % 3 == 0 ? 32 : 0)));
      }
      List<long[]> live = new ArrayList<>();
      for (int i = 0; i < 40_000; i++) {
        Cpu cpu = machine.cpus().get(random.nextInt(2));
        if (random.nextInt(100) < 55 && live.size() < 3000) {
          int cache = random.nextInt(16);
          long paddr =
              cache < 8
                  ? slabs.kmemCacheAlloc(cpu, caches.get(cache), Gfp.GFP_KERNEL)
                  : slabs.kmalloc(cpu, random.nextInt(20_000), Gfp.GFP_KERNEL);
          live.add(new long[] {paddr, cache});
        } else if (!live.isEmpty()) {
          free(slabs, cpu, caches, live.remove(random.nextInt(live.size())));
        }
        if (i % 10_000 == 9999) {
          machine.validate();
          long _ = slabs.shrinkAll(cpu);
        }
      }
      for (long[] object : live) {
        free(slabs, machine.cpus().get(0), caches, object);
      }
      machine.validate();
      caches.forEach(cache -> slabs.kmemCacheDestroy(machine.cpus().get(0), cache));
    }
  }

  private static void free(SlabAllocator slabs, Cpu cpu, List<KmemCache> caches, long... object) {
    if (object[1] < 8) {
      slabs.kmemCacheFree(cpu, caches.get((int) object[1]), object[0]);
    } else {
      slabs.kfree(cpu, object[0]);
    }
  }

  @Test
  void leaksAreToldByOwner() {
    List<LeakReport> leaks = new ArrayList<>();
    Machine machine = config("slub").onLeak(leaks::add).boot();
    long _ = machine.slabs().kmalloc(machine.cpus().get(0), 100, Gfp.GFP_KERNEL);
    long _ = machine.slabs().kmalloc(machine.cpus().get(0), 20_000, Gfp.GFP_KERNEL);
    machine.close();
    assertEquals(1, leaks.size());
    assertEquals(9, leaks.getFirst().pages(FrameOwner.SLAB)); // one slab, eight of 32 KiB
  }

  @Test
  void aRangeWithASlabIsRefused() {
    try (Machine machine = config("slub").boot()) {
      Cpu cpu = machine.cpus().get(0);
      long pfn = machine.slabs().kmalloc(cpu, 64, Gfp.GFP_KERNEL) >>> 12;
      assertFalse(machine.pages().allocContigRange(cpu, pfn, pfn + 1, Gfp.GFP_KERNEL));
      assertEquals(FrameOwner.SLAB, machine.memory().memMap().owner(pfn));
    }
  }

  @Test
  void freeObjectsNeedBytes() {
    try (Machine machine = config("slub").contents(Contents.NONE).boot()) {
      Cpu cpu = machine.cpus().get(0);
      assertThrows(InputException.class, () -> machine.slabs().kmalloc(cpu, 64, Gfp.GFP_KERNEL));
    }
    try (Machine machine = config("page").contents(Contents.NONE).boot()) {
      Cpu cpu = machine.cpus().get(0);
      machine.slabs().kfree(cpu, machine.slabs().kmalloc(cpu, 64, Gfp.GFP_KERNEL));
    }
  }

  @Test
  void debugParameterChoosesCaches() {
    try (Machine machine = config("slub").commandLine("slub_debug=FZPU,kmalloc-64,dent*").boot()) {
      SlabAllocator slabs = machine.slabs();
      KmemCache debugged = slabs.kmallocCache(64, 0);
      KmemCache plain = slabs.kmallocCache(128, 0);
      KmemCache dentry = slabs.kmemCacheCreate(KmemCacheArgs.of("dentry", 192));
      assertNotNull(debugged);
      assertNotNull(plain);
      assertTrue((debugged.flags() & SlabFlags.SLAB_POISON) != 0);
      assertEquals(0, plain.flags() & SlabFlags.SLAB_DEBUG_FLAGS);
      assertTrue((dentry.flags() & SlabFlags.SLAB_STORE_USER) != 0);
      Cpu cpu = machine.cpus().get(0);
      long paddr = slabs.kmalloc(cpu, 50, Gfp.GFP_KERNEL);
      machine.memory().putByte(paddr + 50, (byte) 1);
      String text = assertThrows(MisuseException.class, () -> slabs.kfree(cpu, paddr)).getMessage();
      assertTrue(text.contains("kmalloc-64") && text.contains("Right Redzone"), text);
      assertTrue(text.contains("Allocated in SlubOverLinuxTest"), text);
      slabs.kfree(cpu, paddr); // mended, and still its holder's
      machine.validate();
    }
    InputException wrong =
        assertThrows(
            InputException.class, () -> config("slub").commandLine("slub_debug=FX").boot());
    assertTrue(wrong.getMessage().contains("X"), wrong.getMessage());
  }

  @Test
  void anotherCpuThatWorksIsAsked() throws InterruptedException {
    try (Machine machine = config("slub:sheaves=all").boot()) {
      SlabAllocator slabs = machine.slabs();
      KmemCache cache = slabs.kmemCacheCreate(KmemCacheArgs.of("asked", 256));
      Cpu mine = machine.cpus().acquire();
      Thread other =
          Thread.ofPlatform()
              .start(
                  () -> {
                    Cpu cpu = machine.cpus().acquire();
                    long paddr = slabs.kmemCacheAlloc(cpu, cache, Gfp.GFP_KERNEL);
                    for (int i = 0; i < 2_000_000 && !Thread.interrupted(); i++) {
                      slabs.kmemCacheFree(cpu, cache, paddr);
                      paddr = slabs.kmemCacheAlloc(cpu, cache, Gfp.GFP_KERNEL);
                    }
                    slabs.kmemCacheFree(cpu, cache, paddr);
                    machine.cpus().release(cpu);
                  });
      for (int i = 0; i < 50; i++) {
        long _ = slabs.kmemCacheShrink(mine, cache);
      }
      other.interrupt();
      other.join();
      machine.cpus().release(mine);
      machine.validate();
      slabs.kmemCacheDestroy(mine, cache);
      assertEquals(0, machine.framesOwnedBy(FrameOwner.SLAB));
    }
  }

  @Test
  void statisticsAreThoseOfSlabinfo() {
    try (Machine machine = config("slub").boot()) {
      SlabAllocator slabs = machine.slabs();
      Cpu cpu = machine.cpus().get(0);
      KmemCache cache = slabs.kmemCacheCreate(KmemCacheArgs.of("counted", 1000));
      for (int i = 0; i < 20; i++) {
        long _ = slabs.kmemCacheAlloc(cpu, cache, Gfp.GFP_KERNEL);
      }
      CacheStats stats = cache.stats();
      assertEquals(20, stats.liveObjects());
      assertEquals(cache.objectsPerSlab() * stats.slabs(), stats.objects());
      assertEquals(stats.slabs() << cache.order(), stats.pages());
      assertEquals(1, stats.cpuSlabs());
    }
  }
}
