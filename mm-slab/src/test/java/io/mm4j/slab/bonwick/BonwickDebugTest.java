// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.api.slab.SlabReport;
import io.mm4j.api.slab.SlabReport.Kind;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What mm/slab.c finds with debug flags. */
class BonwickDebugTest {
  private static final int GFP = Gfp.GFP_KERNEL;
  private static final int ALL =
      SlabFlags.SLAB_RED_ZONE | SlabFlags.SLAB_POISON | SlabFlags.SLAB_STORE_USER;

  private final Machine machine =
      new MachineConfig().memory(64L << 20).cpus(2).plugin("slab=slab").boot();
  private final SlabAllocator slabs = machine.slabs();
  private final Cpu cpu = machine.cpus().get(0);
  private final List<SlabReport> reports = new ArrayList<>();

  @BeforeEach
  void listen() {
    slabs.onReport(reports::add);
  }

  @AfterEach
  void close() {
    machine.validate();
    machine.close();
  }

  private KmemCache cache(int bytes, int flags) {
    return slabs.kmemCacheCreate(KmemCacheArgs.of("watched", bytes).withFlags(flags));
  }

  private long alloc(KmemCache cache) {
    return slabs.kmemCacheAlloc(cpu, cache, GFP);
  }

  private void one(Kind kind, long object, long paddr) {
    assertEquals(1, reports.size(), reports::toString);
    SlabReport report = reports.removeFirst();
    assertEquals(kind, report.kind());
    assertEquals(object, report.object());
    assertEquals(paddr, report.paddr());
  }

  /** By {@code kmem_cache_create()} of 2.6.32 on x86-64. */
  @ParameterizedTest
  @CsvSource({"64, 88", "61, 88", "1, 32", "500, 528", "2000, 2024"})
  void sizesHaveRoomForMarks(int bytes, int size) {
    assertEquals(size, cache(bytes, ALL).size());
    assertEquals((bytes + 7) & -8, cache(bytes, SlabFlags.SLAB_POISON).size());
    assertEquals(((bytes + 7) & -8) + 8, cache(bytes, SlabFlags.SLAB_STORE_USER).size());
    assertEquals(((bytes + 7) & -8) + 16, cache(bytes, SlabFlags.SLAB_RED_ZONE).size());
  }

  @Test
  void alignedObjectsHaveNoneThatWouldMoveThem() {
    KmemCache cache =
        slabs.kmemCacheCreate(KmemCacheArgs.of("aligned", 100).withAlign(64).withFlags(ALL));
    assertEquals(128, cache.size());
    long object = alloc(cache);
    assertEquals(0, object % 64);
    slabs.kmemCacheFree(cpu, cache, object);
    machine.memory().putByte(object + 99, (byte) 1);
    assertEquals(1, slabs.validateCache(cpu, cache));
    one(Kind.POISON, object, object + 99);
  }

  @Test
  void overrunsAreFoundOnBothSides() {
    KmemCache cache = cache(60, ALL);
    long object = alloc(cache);
    machine.memory().putByte(object + 64, (byte) 0x11);
    slabs.kmemCacheFree(cpu, cache, object);
    one(Kind.RIGHT_REDZONE, object, object + 64);
    long other = alloc(cache);
    machine.memory().putByte(other - 1, (byte) 0x11);
    assertEquals(1, slabs.validateCache(cpu, cache));
    one(Kind.LEFT_REDZONE, other, other - 1);
    assertEquals(0, slabs.validateCache(cpu, cache), "it was mended");
    slabs.kmemCacheFree(cpu, cache, other);
    assertTrue(reports.isEmpty());
    slabs.kmemCacheDestroy(cpu, cache);
  }

  @Test
  void useAfterFreeIsFoundWhenItIsHandedOut() {
    KmemCache cache = cache(200, ALL);
    long object = alloc(cache);
    slabs.kmemCacheFree(cpu, cache, object);
    machine.memory().putByte(object + 50, (byte) 0x11);
    assertEquals(object, alloc(cache), "the last one freed comes first");
    SlabReport report = reports.getFirst();
    one(Kind.POISON, object, object + 50);
    assertNotNull(report.freed());
    assertTrue(report.text().contains("free, last user: "), report.toString());
    assertEquals(0x5a, machine.memory().getByte(object + 50));
    slabs.kmemCacheFree(cpu, cache, object);
  }

  @Test
  void useAfterFreeIsFoundWhenTheSlabGoes() {
    KmemCache cache = cache(200, SlabFlags.SLAB_POISON);
    long object = alloc(cache);
    slabs.kmemCacheFree(cpu, cache, object);
    machine.memory().putByte(object, (byte) 0x11);
    assertTrue(slabs.kmemCacheShrink(cpu, cache) > 0);
    one(Kind.POISON, object, object);
  }

  @Test
  void doubleFreesAreNamed() {
    KmemCache cache = cache(64, ALL);
    long object = alloc(cache);
    slabs.kmemCacheFree(cpu, cache, object);
    slabs.kmemCacheFree(cpu, cache, object);
    one(Kind.DOUBLE_FREE, object, object);
    slabs.kmemCacheFree(cpu, cache, object + 8);
    one(Kind.INVALID_FREE, object, object + 8);
    assertEquals(0, slabs.validateCache(cpu, cache));
  }

  @Test
  void withoutAListenerAFindingIsAnException() {
    slabs.onReport(null);
    KmemCache cache = cache(64, ALL);
    long object = alloc(cache);
    machine.memory().putByte(object + 64, (byte) 0x11);
    MisuseException e =
        assertThrows(MisuseException.class, () -> slabs.kmemCacheFree(cpu, cache, object));
    assertTrue(String.valueOf(e.getMessage()).contains("watched"), e.toString());
    machine.validate();
    assertEquals(1, cache.stats().liveObjects(), "still in use, and mended");
    slabs.kmemCacheFree(cpu, cache, object);
    machine.memory().putByte(object, (byte) 0x11);
    assertThrows(MisuseException.class, () -> alloc(cache));
    machine.validate();
    assertEquals(0, cache.stats().liveObjects(), "still free, and mended");
    machine.memory().putByte(alloc(cache), (byte) 0x11);
    assertEquals(1, cache.stats().liveObjects());
    assertThrows(MisuseException.class, () -> slabs.kmemCacheFree(cpu, cache, object + 1));
  }

  @Test
  void objectsAreConstructedWhenTheyAreHandedOut() {
    List<Long> made = new ArrayList<>();
    KmemCache poisoned =
        slabs.kmemCacheCreate(KmemCacheArgs.of("poisoned", 100).withFlags(ALL).withCtor(made::add));
    long object = alloc(poisoned);
    assertEquals(List.of(object), made);
    slabs.kmemCacheFree(cpu, poisoned, object);
    made.clear();
    KmemCache zoned =
        slabs.kmemCacheCreate(
            KmemCacheArgs.of("zoned", 100).withFlags(SlabFlags.SLAB_RED_ZONE).withCtor(made::add));
    long other = alloc(zoned);
    assertEquals(zoned.objectsPerSlab(), made.size());
    assertTrue(made.contains(other));
  }

  @Test
  void goodUseIsQuiet() {
    KmemCache cache = cache(77, ALL);
    KmemCache rcu = cache(77, ALL | SlabFlags.SLAB_TYPESAFE_BY_RCU);
    List<Long> objects = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      KmemCache each = i % 2 == 0 ? cache : rcu;
      Cpu on = machine.cpus().get(i % 3 == 0 ? 1 : 0);
      long object = slabs.kmemCacheAlloc(on, each, i % 5 == 0 ? GFP | Gfp.__GFP_ZERO : GFP);
      for (int at = 0; at < 77; at++) {
        machine.memory().putByte(object + at, (byte) i);
      }
      objects.add(object);
      if (i % 4 == 3) {
        slabs.kfree(on, objects.remove(i * 7 % objects.size()));
      }
    }
    assertEquals(0, slabs.validateCache(cpu, cache) + slabs.validateCache(cpu, rcu));
    machine.validate();
    objects.forEach(object -> slabs.kfree(cpu, object));
    slabs.kmemCacheDestroy(cpu, cache);
    slabs.kmemCacheDestroy(cpu, rcu);
    assertTrue(reports.isEmpty(), reports::toString);
  }

  @Test
  void theFormOf24HasNone() {
    try (Machine old = new MachineConfig().memory(64L << 20).plugin("slab=slab:form=2.4").boot()) {
      KmemCache cache = old.slabs().kmemCacheCreate(KmemCacheArgs.of("old", 64).withFlags(ALL));
      assertEquals(64, cache.size());
      assertFalse(((BonwickCache) cache).isDebug());
    }
  }
}
