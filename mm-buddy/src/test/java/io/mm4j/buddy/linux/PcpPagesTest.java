// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PcpCounts;
import io.mm4j.api.page.PcpList;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PcpPagesTest {
  private static PcpPages pages(int batch, int highMin, int highMax) {
    Zone zone = new Zone(ZoneType.NORMAL, 0, 0, 1 << 15, 1 << 15, 1 << 15, Migratetype.MOVABLE);
    return new PcpPages(zone, 0, batch, highMin, highMax);
  }

  /** So many pages on the lists, put there by slow paths. */
  private static void fill(PcpPages pcp, int pages) {
    PcpList list = pcp.lists[0];
    pcp.add(pages - list.size(), 0);
    while (list.size() < pages) {
      list.pushFront(list.size());
    }
  }

  /** A free of the slow path. */
  private static boolean free(PcpPages pcp, int order) {
    pcp.lists[PcpPages.index(order, 0)].pushFront(0);
    return pcp.noteFree(order);
  }

  @Test
  void refillsOfPagesDoubleUntilAFree() {
    PcpPages pcp = pages(63, 10_081, 337_141);
    List<Integer> sizes = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      sizes.add(pcp.refillSize(0, true));
    }
    assertEquals(List.of(63, 126, 252, 504, 1008, 2016, 2016), sizes);
    free(pcp, 0);
    assertEquals(2, pcp.allocFactor, "5 after six refills, halved by the free");
    assertEquals(63 << 2, pcp.refillSize(0, true));
  }

  /** min(63 << alloc_factor, max(high - count - 63, 63)). */
  @Test
  void aRefillLeavesRoomForAFree() {
    PcpPages pcp = pages(63, 2697, 2697);
    fill(pcp, 2500);
    assertEquals(63, pcp.refillSize(0, true));
    pcp.allocFactor = 5;
    assertEquals(134, pcp.refillSize(0, true));
    assertEquals(5, pcp.allocFactor, "a limited refill does not grow");
    fill(pcp, 2697);
    assertEquals(63, pcp.refillSize(0, true));
  }

  @Test
  void refillsOfBlocksAreABatchOfPages() {
    PcpPages pcp = pages(63, 2697, 2697);
    assertEquals(31, pcp.refillSize(1, true));
    assertEquals(15, pcp.refillSize(2, true));
    assertEquals(7, pcp.refillSize(3, true));
    assertEquals(2, pcp.refillSize(9, true));
    assertEquals(1, pages(1, 4, 4).refillSize(3, true), "a tiny zone keeps none");
  }

  /** As Linux' clamp() with the limits the wrong way round, which large sysctls lead to. */
  @Test
  void aMinimumAboveTheMaximumIsTaken() {
    PcpPages pcp = pages(31, 10_237, 7936);
    assertEquals(31, pcp.refillSize(0, false));
    assertEquals(7936, pcp.high, "from 0 up to the minimum, and left at the maximum");
    pcp.refillSize(0, false);
    assertEquals(7936, pcp.high, "the maximum is its own");
    assertEquals(7936, pcp.drainAt(false, false, false));
    pcp.drainAt(false, true, false);
    assertEquals(10_237, pcp.high, "reclaim lowers the limit down to the minimum only");
    pcp.settle();
    assertEquals(7936, pcp.high, "the next free compares with the maximum");
  }

  @Test
  void theLimitRisesWithRefillsUnlessTheZoneIsLow() {
    PcpPages pcp = pages(63, 1000, 5000);
    pcp.refillSize(0, true);
    assertEquals(1063, pcp.high);
    pcp.refillSize(0, false);
    assertEquals(1063, pcp.high);
    for (int i = 0; i < 20; i++) {
      pcp.refillSize(0, true);
    }
    assertEquals(5000, pcp.high);
  }

  @Test
  void drainsGrowWithARowOfFrees() {
    PcpPages pcp = pages(63, 2697, 2697);
    for (int i = 0; i < 2697; i++) {
      free(pcp, 0);
    }
    int at = pcp.drainAt(false, false, false);
    assertEquals(2697, at);
    assertEquals(2016, pcp.drainSize(at, false), "63 << 5");
    for (int i = 0; i < 11; i++) {
      pcp.noteAlloc();
    }
    assertEquals(63, pcp.drainSize(at, false));
  }

  @Test
  void listsShrinkWhileTheZoneIsLow() {
    PcpPages pcp = pages(63, 1000, 5000);
    pcp.high = 3000;
    fill(pcp, 2000);
    assertEquals(2000, pcp.drainAt(false, false, true));
    assertEquals(2937, pcp.high);
    assertEquals(252, pcp.drainAt(false, true, false), "four batches while kswapd works");
  }

  @Test
  void aRowOfLargerBlocksIsDrainedEarly() {
    PcpPages pcp = pages(63, 200, 2000);
    boolean early = false;
    int blocks = 0;
    while (!early) {
      early = free(pcp, 3);
      blocks++;
    }
    assertEquals(22, blocks, "free_count reaches batch + high_min / 2 = 163 before the 22nd");
    assertEquals(0, pcp.drainAt(true, false, false));
    assertEquals(pcp.count(), pcp.drainSize(0, true));
    assertFalse(free(pcp, 0), "a page interrupts the row");
  }

  /** The list against a deque of the library. */
  @Test
  void aListKeepsTheOrderOfBothEnds() {
    for (long seed = 1; seed <= 20; seed++) {
      Random random = new Random(seed);
      PcpList list = new PcpList(0, new PcpCounts(), 0);
      ArrayDeque<Long> model = new ArrayDeque<>();
      for (long i = 0; i < 2000; i++) {
        switch (random.nextInt(6)) {
          case 0, 1, 2 -> {
            list.pushFront(i);
            model.addFirst(i);
          }
          case 3, 4 -> {
            if (!model.isEmpty()) {
              assertEquals(model.removeFirst(), list.popFront(), "seed=" + seed);
            }
          }
          default -> {
            int blocks = random.nextInt(Math.min(8, model.size() + 1));
            for (int k = 0; k < blocks; k++) {
              assertEquals(model.removeLast(), list.fromBack(k), "seed=" + seed);
            }
            list.dropBack(blocks);
          }
        }
        assertEquals(model.size(), list.size());
      }
      list.reverse();
      while (!model.isEmpty()) {
        assertEquals(model.removeLast(), list.popFront(), "seed=" + seed);
      }
    }
  }

  @Test
  void aRefillIsGivenOutInTheOrderOfTheZone() {
    try (Rig rig = new Rig(Rig.memory(64).cpus(1))) {
      long first = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0);
      long second = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0);
      long third = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0);
      assertEquals(List.of(first + 1, first + 2), List.of(second, third));
      rig.pages.freePages(rig.cpu0, first, 0);
      rig.pages.freePages(rig.cpu0, third, 0);
      assertEquals(third, rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0));
      rig.pages.freePages(rig.cpu0, third, 0);
      rig.pages.freePages(rig.cpu0, second, 0);
    }
  }

  @Test
  void ordersHaveListsOfTheirOwn() {
    assertTrue(PcpPages.allows(0, 9) && PcpPages.allows(3, 9) && PcpPages.allows(9, 9));
    assertFalse(PcpPages.allows(9, 10), "no huge pages where pageblocks are larger");
    assertFalse(PcpPages.allows(4, 9) || PcpPages.allows(8, 9) || PcpPages.allows(10, 9));
    boolean[] seen = new boolean[PcpPages.LISTS];
    for (int order : new int[] {0, 1, 2, 3, 9}) {
      for (int type = 0; type < 3; type++) {
        int index = PcpPages.index(order, type);
        assertEquals(order, PcpPages.orderOf(index));
        seen[index] = true;
      }
    }
    for (boolean s : seen) {
      assertTrue(s);
    }
  }
}
