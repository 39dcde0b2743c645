// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The fallback as the allocator carries it out on a real zone. */
class FallbackInZoneTest {
  private static final int MOVABLE = Gfp.GFP_HIGHUSER_MOVABLE;

  private static Rig rig(String... sysctls) {
    var config = Rig.memory(64).cpus(1);
    for (String s : sysctls) {
      config.sysctl(s.substring(0, s.indexOf('=')), s.substring(s.indexOf('=') + 1));
    }
    return new Rig(config);
  }

  @Test
  void aFreshMachineGivesKernelPagesAWholePageblock() {
    try (Rig rig = rig()) {
      var log = new Rig.Log();
      rig.pages.watch(log);
      long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0);
      assertEquals("e 0 10 0 1 1", log.events.get(0));
      assertEquals(1, log.count("e "), "the rest of the refill comes from the claimed block");
      var zone = rig.machine.zones().stream().filter(z -> z.zone().contains(pfn)).findFirst();
      assertEquals(Migratetype.UNMOVABLE, zone.orElseThrow().zone().pageblocks().get(pfn));
      assertTrue(log.steps.stream().anyMatch(s -> s.contains("no free block of Unmovable")));
      rig.pages.watch(null);
      rig.pages.freePages(rig.cpu0, pfn, 0);
    }
  }

  /** All memory Movable, then one page in eight freed: no pageblock can be claimed. */
  private static List<Long> fragment(Rig rig) {
    List<Long> pages = rig.takeAll(MOVABLE | Gfp.__GFP_MEMALLOC, 0);
    var map = rig.machine.memory().memMap();
    for (long pfn : pages) {
      map.setOwner(pfn, FrameOwner.ANON);
    }
    pages.removeIf(
        pfn -> {
          if (pfn % 8 == 0) {
            rig.pages.freePages(rig.cpu0, pfn, 0);
          }
          return pfn % 8 == 0;
        });
    rig.pages.drainAllPages(rig.cpu0);
    return pages;
  }

  @Test
  void scatteredPagesAreStolenOneByOne() {
    try (Rig rig = rig("min_free_kbytes=128", "watermark_boost_factor=0")) {
      List<Long> held = fragment(rig);
      var log = new Rig.Log();
      rig.pages.watch(log);
      long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0);
      assertNotEquals(PageAllocator.NO_PAGE, pfn);
      List<String> steals = log.events.stream().filter(e -> e.startsWith("e ")).toList();
      assertTrue(steals.size() > 1 && steals.stream().allMatch(e -> e.equals("e 0 0 0 1 0")));
      long tried = log.steps.stream().filter(s -> s.contains("too few to claim")).count();
      assertTrue(tried >= 1 && tried < steals.size(), "after a steal no claim is tried: " + tried);
      rig.pages.watch(null);
      rig.pages.freePages(rig.cpu0, pfn, 0);
      rig.freeAll(held, 0);
    }
  }

  /** What is neither free nor a process's counts as alike: such a pageblock is claimed. */
  @Test
  void aPageblockFullOfKernelPagesIsClaimedByOneFreeBlock() {
    try (Rig rig = rig("min_free_kbytes=128", "watermark_boost_factor=0")) {
      List<Long> held = fragment(rig);
      var map = rig.machine.memory().memMap();
      for (long pfn : held) {
        map.setOwner(pfn, FrameOwner.KERNEL);
      }
      long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0);
      assertTrue(rig.other("extfrag_claim") >= 1);
      assertEquals(0, rig.other("extfrag_steal"));
      rig.pages.freePages(rig.cpu0, pfn, 0);
      rig.freeAll(held, 0);
    }
  }

  @Test
  void aTryAtMixingRaisesTheWatermarksUntilKswapdHasRun() {
    try (Rig rig = rig("min_free_kbytes=128")) {
      List<Long> held = fragment(rig);
      long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0);
      var zone = rig.zone(ZoneType.DMA32);
      assertTrue(zone.boost() >= 512, zone.toString());
      long min = zone.min() - zone.boost();
      assertTrue(min > 0 && min < 100, "all watermarks rise: " + zone);
      rig.pages.freePages(rig.cpu0, pfn, 0);
      rig.freeAll(held, 0);
      rig.pages.drainAllPages(rig.cpu0);
      rig.pages.runKswapd(rig.cpu0);
      assertEquals(0, rig.zone(ZoneType.DMA32).boost());
    }
  }

  @Test
  void defragModeDoesNotMixWhatItNeedNot() {
    try (Rig rig = rig("min_free_kbytes=128", "defrag_mode=1")) {
      List<Long> held = fragment(rig);
      assertEquals(PageAllocator.NO_PAGE, rig.pages.allocPages(rig.cpu0, Gfp.GFP_NOWAIT, 0));
      assertEquals(0, rig.other("extfrag_steal"));
      rig.freeAll(held, 0);
    }
  }

  @Test
  void anAtomicBlockReservesItsPageblock() {
    try (Rig rig = new Rig(Rig.memory(512).cpus(1))) {
      List<Long> held = rig.takeAll(MOVABLE, 4);
      rig.freeAll(held.subList(0, 4), 4);
      rig.pages.drainAllPages(rig.cpu0);
      long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_ATOMIC, 4);
      assertNotEquals(PageAllocator.NO_PAGE, pfn);
      assertEquals(512, rig.zone(ZoneType.DMA32).highatomic());
      var zone = rig.machine.zones().stream().filter(z -> z.zone().contains(pfn)).findFirst();
      assertEquals(Migratetype.HIGHATOMIC, zone.orElseThrow().zone().pageblocks().get(pfn));
      rig.pages.freePages(rig.cpu0, pfn, 4);
      long again = rig.pages.allocPages(rig.cpu0, Gfp.GFP_ATOMIC, 4);
      assertEquals(pfn & -512L, again & -512L, "served from the reserve");
      rig.pages.freePages(rig.cpu0, again, 4);
      rig.freeAll(held.subList(4, held.size()), 4);
    }
  }

  @Test
  void theReserveIsGivenUpBeforeARequestFails() {
    try (Rig rig = new Rig(Rig.memory(512).cpus(1))) {
      List<Long> held = rig.takeAll(MOVABLE, 4);
      long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_ATOMIC, 4);
      assertNotEquals(PageAllocator.NO_PAGE, pfn);
      assertEquals(512, rig.zone(ZoneType.DMA32).highatomic());
      List<Long> rest = rig.takeAll(Gfp.GFP_KERNEL, 0);
      assertEquals(0, rig.zone(ZoneType.DMA32).highatomic());
      rig.freeAll(rest, 0);
      rig.pages.freePages(rig.cpu0, pfn, 4);
      rig.freeAll(held, 4);
    }
  }

  @Test
  void nobodyWatchesWithoutBeingAsked() {
    try (Rig rig = rig()) {
      assertTrue(rig.pages.watch(null));
      long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0);
      assertFalse(pfn == PageAllocator.NO_PAGE);
      rig.pages.freePages(rig.cpu0, pfn, 0);
    }
  }
}
