// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Fragmentation;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Both indices on small states, beside values that were worked out by hand from the formulas of
 * mm/vmstat.c:
 *
 * <pre>
 * unusable = 1000 * (free pages - pages in blocks of the order or larger) / free pages
 * extfrag  = 1000 - (1000 + 1000 * free pages / 2^order) / free blocks
 * </pre>
 */
class FragmentationTest {
  private static FrameAllocator zone(String plugin) {
    Zone zone = new Zone(ZoneType.NORMAL, 0, 0, 8192, 8192, 8192, Migratetype.MOVABLE);
    var provider = PluginRegistry.discover().provider(Spi.FRAME_ALLOCATOR, plugin, "test");
    return provider.create(zone, Options.of(provider, Map.of(), "test"));
  }

  private static void free(FrameAllocator frames, long pfn, int order) {
    frames.free(pfn, order, Migratetype.MOVABLE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"buddy", "llfree", "bitmap"})
  void nothingFree(String plugin) {
    FrameAllocator frames = zone(plugin);
    for (int order = 0; order <= Pages.MAX_PAGE_ORDER; order++) {
      assertEquals(1000, Fragmentation.unusableIndex(frames, order));
      assertEquals(0, Fragmentation.extfragIndex(frames, order));
    }
  }

  /** Two single pages and a block of two: 4 pages in 3 blocks. */
  @ParameterizedTest
  @ValueSource(strings = {"buddy", "llfree", "bitmap"})
  void threeBlocks(String plugin) {
    FrameAllocator frames = zone(plugin);
    free(frames, 0, 0);
    free(frames, 17, 0);
    free(frames, 32, 1);
    assertEquals(0, Fragmentation.unusableIndex(frames, 0));
    assertEquals(500, Fragmentation.unusableIndex(frames, 1)); // (4 - 2) / 4
    assertEquals(1000, Fragmentation.unusableIndex(frames, 2));
    assertEquals(-1000, Fragmentation.extfragIndex(frames, 0));
    assertEquals(-1000, Fragmentation.extfragIndex(frames, 1));
    assertEquals(334, Fragmentation.extfragIndex(frames, 2)); // 1000 - (1000 + 1000) / 3
    assertEquals(500, Fragmentation.extfragIndex(frames, 3)); // 1000 - (1000 + 500) / 3
    assertEquals(666, Fragmentation.extfragIndex(frames, 10)); // 1000 - (1000 + 3) / 3 = 1000 - 334
  }

  /** One page alone: what is missing is memory, and the index says so by going below 0. */
  @Test
  void onePage() {
    FrameAllocator frames = zone("buddy");
    free(frames, 5, 0);
    assertEquals(-500, Fragmentation.extfragIndex(frames, 1)); // 1000 - (1000 + 500) / 1
    assertEquals(0, Fragmentation.extfragIndex(frames, 10)); // 1000 - (1000 + 1000 / 1024) / 1
    assertEquals(1000, Fragmentation.unusableIndex(frames, 1));
  }

  /** Every second page of 1024: enough for a huge page, and none can be had. */
  @ParameterizedTest
  @ValueSource(strings = {"buddy", "llfree", "bitmap"})
  void everySecondPage(String plugin) {
    FrameAllocator frames = zone(plugin);
    for (long pfn = 0; pfn < 1024; pfn += 2) {
      free(frames, pfn, 0);
    }
    assertEquals(997, Fragmentation.extfragIndex(frames, 9)); // 1000 - (1000 + 1000) / 512
    assertEquals(499, Fragmentation.extfragIndex(frames, 1)); // 1000 - (1000 + 256000) / 512
    assertEquals(1000, Fragmentation.unusableIndex(frames, 1));
  }

  /** One block of each order: 2047 pages in 11 blocks. */
  @ParameterizedTest
  @ValueSource(strings = {"buddy", "llfree", "bitmap"})
  void oneOfEach(String plugin) {
    FrameAllocator frames = zone(plugin);
    for (int order = 0; order <= Pages.MAX_PAGE_ORDER; order++) {
      free(frames, (long) (order % 2 == 0 ? 2048 : 4096) + (1L << order), order);
    }
    assertEquals(2047, frames.freePages());
    assertEquals(15, Fragmentation.unusableIndex(frames, 5)); // 31 / 2047
    assertEquals(249, Fragmentation.unusableIndex(frames, 9)); // 511 / 2047
    assertEquals(499, Fragmentation.unusableIndex(frames, 10)); // 1023 / 2047
    for (int order = 0; order <= Pages.MAX_PAGE_ORDER; order++) {
      assertEquals(-1000, Fragmentation.extfragIndex(frames, order));
    }
  }
}
