// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import io.mm4j.buddy.bitmap.BitmapProvider;
import io.mm4j.buddy.lists.BuddyProvider;
import io.mm4j.buddy.llfree.LlfreeProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * Lists, bitmap and counters know the same free blocks at any time, whichever of them chooses what
 * is taken: they merge always, so the free frames determine the free blocks.
 */
class FrameAllocatorsAgreeTest {
  private static final long START = 4096 + 512 + 3;
  private static final long END = START + 3 * Pages.PAGES_PER_SECTION + 77;

  private record Held(long pfn, int order) {}

  @Property(tries = 20)
  void buddyAndBitmap(@ForAll long seed) {
    sameFreeBlocks(seed, new BuddyProvider());
  }

  @Property(tries = 20)
  void llfreeAndBitmap(@ForAll long seed) {
    sameFreeBlocks(seed, new LlfreeProvider());
  }

  private static void sameFreeBlocks(long seed, FrameAllocatorProvider provider) {
    Random random = new Random(seed);
    FrameAllocator rival = create(provider);
    FrameAllocator bitmap = create(new BitmapProvider());
    List<Held> held = new ArrayList<>();
    for (long pfn = START; pfn < END; ) {
      int order = Math.min(10, Long.numberOfTrailingZeros(pfn));
      while (pfn + (1L << order) > END) {
        order--;
      }
      held.add(new Held(pfn, order));
      pfn += 1L << order;
    }
    for (int step = 0; step < 1500; step++) {
      int what = random.nextInt(10);
      int order = Math.min(10, Integer.numberOfTrailingZeros(random.nextInt() | 1 << 10));
      int type = random.nextInt(3);
      if (what < 5 && !held.isEmpty()) {
        Held h = held.remove(random.nextInt(held.size()));
        rival.free(h.pfn, h.order, type);
        bitmap.free(h.pfn, h.order, type);
        assertThrows(MisuseException.class, () -> rival.free(h.pfn, 0, type));
        assertThrows(MisuseException.class, () -> bitmap.free(h.pfn, 0, type));
      } else if (what < 7) {
        long pfn = rival.allocate(order, type);
        if (pfn != FrameAllocator.NONE) {
          assertTrue(bitmap.take(pfn, order));
          held.add(new Held(pfn, order));
        }
      } else if (what < 8) {
        long pfn = bitmap.allocate(order, type);
        if (pfn != FrameAllocator.NONE) {
          assertEquals(1 << order, rival.freePagesIn(pfn, order));
          assertTrue(rival.take(pfn, order));
          held.add(new Held(pfn, order));
        }
      } else {
        long pfn = (START + random.nextInt((int) (END - START))) & -(1L << order);
        if (pfn >= START && pfn + (1L << order) <= END) {
          assertEquals(bitmap.freePagesIn(pfn, order), rival.freePagesIn(pfn, order));
          boolean taken = rival.take(pfn, order);
          assertEquals(taken, bitmap.take(pfn, order));
          if (taken) {
            held.add(new Held(pfn, order));
          }
        }
      }
      if (what == 9) {
        rival.movePageblock(START + random.nextInt((int) (END - START)), type);
      }
      if (step % 250 == 0 || step == 1499) {
        rival.validate();
        bitmap.validate();
        assertEquals(blocks(bitmap), blocks(rival));
        for (int o = 0; o <= Pages.MAX_PAGE_ORDER; o++) {
          assertEquals(bitmap.freeBlocks(o), rival.freeBlocks(o));
        }
        assertEquals(bitmap.freePages(), rival.freePages());
      }
    }
  }

  private static List<Held> blocks(FrameAllocator frames) {
    List<Held> blocks = new ArrayList<>();
    frames.forEachFree(
        (pfn, order, type) -> {
          assertEquals(order, frames.freeOrderAt(pfn));
          blocks.add(new Held(pfn, order));
        });
    return blocks;
  }

  private static FrameAllocator create(FrameAllocatorProvider provider) {
    Zone zone =
        new Zone(ZoneType.NORMAL, 0, START, END, END - START, END - START, Migratetype.MOVABLE);
    return provider.create(zone, Options.defaults(provider));
  }
}
