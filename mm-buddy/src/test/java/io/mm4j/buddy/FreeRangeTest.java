// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Freeing by ranges is freeing block by block, only faster; and large zones cost little. */
class FreeRangeTest {
  private static final int MAX = Pages.MAX_PAGE_ORDER;

  private static FrameAllocator create(String plugin, long startPfn, long endPfn) {
    FrameAllocatorProvider provider =
        PluginRegistry.discover().provider(Spi.FRAME_ALLOCATOR, plugin, "test");
    long pages = endPfn - startPfn;
    Zone zone = new Zone(ZoneType.NORMAL, 0, startPfn, endPfn, pages, pages, Migratetype.MOVABLE);
    return provider.create(zone, Options.defaults(provider));
  }

  @ParameterizedTest
  @ValueSource(strings = {"buddy", "bitmap", "llfree"})
  void rangesAreFreedAsBlocksAre(String plugin) {
    for (long seed = 1; seed <= 30; seed++) {
      Random random = new Random(seed);
      long start = random.nextInt(5000);
      long end = start + 200_000 + random.nextInt(100_000);
      FrameAllocator ranges = create(plugin, start, end);
      FrameAllocator blocks = create(plugin, start, end);
      for (long pfn = start; pfn < end; ) {
        long to = Math.min(end, pfn + 1 + random.nextInt(80_000));
        ranges.freeRange(pfn, to, Migratetype.MOVABLE, MAX);
        for (long p = pfn; p < to; ) {
          int order = Math.min(MAX, Long.numberOfTrailingZeros(p));
          while (p + (1L << order) > to) {
            order--;
          }
          blocks.freeToTail(p, order, Migratetype.MOVABLE);
          p += 1L << order;
        }
        pfn = to + (random.nextBoolean() ? random.nextInt(3000) : 0);
      }
      ranges.validate();
      assertEquals(takenInTurn(blocks), takenInTurn(ranges), plugin + " seed=" + seed);
    }
  }

  /** Everything, in the order in which the lists give it out. */
  private static List<Long> takenInTurn(FrameAllocator frames) {
    List<Long> taken = new ArrayList<>();
    for (int order = MAX; order >= 0; order--) {
      for (long pfn = frames.allocate(order, Migratetype.MOVABLE);
          pfn != FrameAllocator.NONE;
          pfn = frames.allocate(order, Migratetype.MOVABLE)) {
        taken.add(pfn << 4 | order);
      }
    }
    return taken;
  }

  @Test
  void aRangeThatIsFreeAlreadyIsMisuse() {
    FrameAllocator frames = create("buddy", 0, 1 << 18);
    frames.freeRange(0, 1 << 17, Migratetype.MOVABLE, MAX);
    assertThrows(
        MisuseException.class, () -> frames.freeRange(1 << 16, 1 << 17, Migratetype.MOVABLE, MAX));
    assertThrows(
        MisuseException.class, () -> frames.freeRange(1 << 17, 1 << 19, Migratetype.MOVABLE, MAX));
  }

  @ParameterizedTest
  @ValueSource(longs = {1L << 40, 12L << 40})
  void onlyTouchedSectionsCostMemory(long bytes) {
    long end = bytes >>> Pages.PAGE_SHIFT;
    FrameAllocator frames = create("buddy", 0, end);
    frames.freeRange(0, end, Migratetype.MOVABLE, MAX);
    long untouched = frames.metadataBytes();
    assertTrue(untouched <= 16 * (end >>> MAX), "untouched=" + untouched);
    frames.allocate(0, Migratetype.MOVABLE);
    long touched = frames.metadataBytes() - untouched;
    assertTrue(touched > 0 && touched <= 32 * Pages.PAGES_PER_SECTION, "touched=" + touched);
    for (int i = 0; i < 20_000; i++) {
      frames.allocate(0, Migratetype.MOVABLE);
    }
    assertEquals(touched, frames.metadataBytes() - untouched, "of the same section");
    frames.validate();
  }
}
