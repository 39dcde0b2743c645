// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.NumaTopology;
import io.mm4j.api.memory.NumaTopology.Span;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.ReclaimRequest;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LastResortTest {
  private final Rig rig = new Rig(Rig.memory(64).cpus(1).sysctl("min_free_kbytes", "1024"));
  private final List<Long> held = rig.takeAll(Gfp.GFP_KERNEL, 0);
  private final List<ReclaimRequest> kills = new ArrayList<>();
  private final List<ReclaimRequest> reclaims = new ArrayList<>();
  private int left;

  private void victims(int count) {
    left = count;
    rig.machine
        .pressure()
        .registerOom(
            request -> {
              kills.add(request);
              boolean some = left > 0;
              for (int i = 0; i < 16 && left > 0; i++, left--) {
                rig.pages.freePages(rig.cpu0, held.removeLast(), 0);
              }
              return some;
            });
  }

  private void end() {
    rig.freeAll(held, 0);
    rig.close();
  }

  @Test
  void aKillServesAndIsCounted() {
    victims(32);
    held.add(rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0));
    assertNotEquals(PageAllocator.NO_PAGE, held.getLast());
    assertEquals(1, kills.size());
    assertEquals(Long.valueOf(1), rig.stats().vmEvents().get("oom_kill"));
    end();
  }

  @Test
  void eachKillBeginsTheRoundsAnew() {
    rig.machine
        .pressure()
        .register(
            request -> {
              reclaims.add(request);
              return 0;
            });
    victims(32);
    long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 3);
    if (pfn != PageAllocator.NO_PAGE) {
      rig.pages.freePages(rig.cpu0, pfn, 3);
    }
    // What a kill freed rests on the CPU's lists, which are drained before the next one.
    assertEquals(34, reclaims.size());
    assertEquals(1, kills.size());
    assertEquals(12, reclaims.getFirst().priority());
    assertEquals(0, reclaims.get(16).priority());
    assertEquals(12, reclaims.get(17).priority());
    end();
  }

  @Test
  void whoMustNotFailMayUseEverything() {
    victims(0);
    List<Long> more = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      more.add(rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL | Gfp.__GFP_NOFAIL, 0));
    }
    assertTrue(kills.size() > 0 && more.stream().noneMatch(p -> p == PageAllocator.NO_PAGE));
    rig.freeAll(more, 0);
    end();
  }

  @Test
  void aMaskIsKeptByUsersAndDroppedForInterrupts() {
    List<Span> spans = List.of(new Span(0, 8192), new Span(8192, 16384));
    try (Rig two =
        new Rig(
            new MachineConfig()
                .memory(64 << 20)
                .numa(NumaTopology.of(spans, NumaTopology.REMOTE))
                .cpus(2)
                .cpuNodes(List.of(1, 1))
                .sysctl("min_free_kbytes", "1024"))) {
      assertEquals(1, two.cpu0.nodeId());
      NodeMask first = NodeMask.of(0);
      List<Long> mine = new ArrayList<>();
      for (long pfn; (pfn = user(two, first)) != PageAllocator.NO_PAGE; ) {
        assertTrue(pfn < 8192, "node 0: pfn=" + pfn);
        mine.add(pfn);
      }
      assertTrue(mine.size() > 5000, "most of node 0: " + mine.size());
      for (int i = 0; i < 3000; i++) {
        mine.add(two.pages.allocPages(two.cpu0, Gfp.GFP_ATOMIC, 0, -1, first));
      }
      assertTrue(mine.getLast() >= 8192, "an interrupt gets past the mask");
      two.freeAll(mine, 0);
    }
    end();
  }

  private static long user(Rig rig, NodeMask mask) {
    return rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0, PageAllocator.NUMA_NO_NODE, mask);
  }
}
