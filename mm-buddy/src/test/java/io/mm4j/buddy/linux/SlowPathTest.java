// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.MemoryDeadlockException;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SlowPathTest {
  /** A machine that is full, and a reclaimer with a number of pages to give. */
  private static final class Full implements AutoCloseable {
    final Rig rig = new Rig(Rig.memory(64).cpus(1).sysctl("min_free_kbytes", "1024"));
    final List<Long> held = rig.takeAll(Gfp.GFP_KERNEL, 0);
    int calls;

    Full gives(int perCall, int inAll) {
      int[] left = {inAll};
      rig.machine
          .pressure()
          .register(
              request -> {
                calls++;
                assertNotEquals(0, request.cpu().flags() & Cpu.PF_MEMALLOC);
                int n = Math.min(perCall, left[0]);
                left[0] -= n;
                for (int i = 0; i < n; i++) {
                  rig.pages.freePages(rig.cpu0, held.removeLast(), 0);
                }
                return n;
              });
      return this;
    }

    @Override
    public void close() {
      rig.freeAll(held, 0);
      rig.close();
    }
  }

  @Test
  void reclaimServesARequestThatMayWait() {
    try (Full full = new Full().gives(64, 64)) {
      long pfn = full.rig.pages.allocPages(full.rig.cpu0, Gfp.GFP_KERNEL, 0);
      assertNotEquals(PageAllocator.NO_PAGE, pfn);
      assertEquals(1, full.calls);
      assertEquals(0, full.rig.cpu0.flags());
      var events = full.rig.stats().vmEvents();
      assertEquals(Long.valueOf(64), events.get("pgsteal_direct"));
      full.held.add(pfn);
    }
  }

  @Test
  void nobodyReclaimsForARequestThatCannotWait() {
    try (Full full = new Full().gives(64, 64)) {
      assertEquals(
          PageAllocator.NO_PAGE, full.rig.pages.allocPages(full.rig.cpu0, Gfp.GFP_NOWAIT, 0));
      assertEquals(0, full.calls);
    }
  }

  @Test
  void retriesFollowTheFlags() {
    try (Full full = new Full().gives(0, 0)) {
      assertEquals(1, callsOf(full, Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY, 0));
      assertEquals(17, callsOf(full, Gfp.GFP_KERNEL, 0), "sixteen in a row without progress");
      assertEquals(1, callsOf(full, Gfp.GFP_KERNEL, 4), "a large block is not worth more");
      assertEquals(17, callsOf(full, Gfp.GFP_KERNEL | Gfp.__GFP_RETRY_MAYFAIL, 4));
      assertEquals(0, callsOf(full, Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY, 4));
    }
  }

  private static int callsOf(Full full, int gfp, int order) {
    int before = full.calls;
    assertEquals(PageAllocator.NO_PAGE, full.rig.pages.allocPages(full.rig.cpu0, gfp, order));
    return full.calls - before;
  }

  @Test
  void slowProgressIsWorthGoingOn() {
    try (Full full = new Full().gives(1, 400)) {
      long order3 = full.rig.pages.allocPages(full.rig.cpu0, Gfp.GFP_KERNEL, 3);
      assertNotEquals(PageAllocator.NO_PAGE, order3);
      assertTrue(full.calls >= 8, "calls=" + full.calls);
      full.rig.pages.freePages(full.rig.cpu0, order3, 3);
    }
  }

  @Test
  void whoMustNotFailGoesIntoTheReserveAndThenSaysSo() {
    try (Full full = new Full()) {
      Rig rig = full.rig;
      List<Long> more = new ArrayList<>();
      var error =
          assertThrows(
              MemoryDeadlockException.class,
              () -> {
                while (more.size() < 10_000) {
                  more.add(rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL | Gfp.__GFP_NOFAIL, 0));
                }
              });
      assertTrue(more.size() >= 50, "half of the minimum: " + more.size());
      assertTrue(error.toString().contains("order=0"), error.toString());
      assertEquals(
          PageAllocator.NO_PAGE,
          rig.pages.allocPages(rig.cpu0, Gfp.GFP_NOWAIT | Gfp.__GFP_NOFAIL, 0),
          "unreasonable without waiting");
      rig.freeAll(more, 0);
    }
  }

  @Test
  void aReclaimerMayAllocateFromAllReservesAndIsNotAskedForIt() {
    try (Full full = new Full()) {
      Rig rig = full.rig;
      List<Long> within = new ArrayList<>();
      rig.machine
          .pressure()
          .register(
              request -> {
                within.add(rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0));
                return 0;
              });
      assertEquals(
          PageAllocator.NO_PAGE,
          rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY, 0));
      assertEquals(1, within.size());
      assertNotEquals(PageAllocator.NO_PAGE, within.get(0));
      rig.freeAll(within, 0);
    }
  }

  @Test
  void kswapdIsWokenAndBalancesTheZoneWhenItIsRun() {
    try (Full full = new Full().gives(32, 100_000)) {
      Rig rig = full.rig;
      assertEquals(PageAllocator.NO_PAGE, rig.pages.allocPages(rig.cpu0, Gfp.GFP_NOWAIT, 0));
      assertEquals(0, full.calls, "nothing runs by itself");
      long freed = rig.pages.runKswapd(rig.cpu0);
      assertTrue(freed > 0 && full.calls > 0);
      assertEquals(Long.valueOf(freed), rig.stats().vmEvents().get("pgsteal_kswapd"));
      assertEquals(0, rig.pages.runKswapd(rig.cpu0), "once is enough");
    }
  }

  @Test
  void zeroAndThisNodeAreHonoured() {
    try (var machine = Rig.memory(64).plugin("page-allocator=linux").boot()) {
      PageAllocator pages = machine.pages();
      Cpu cpu = machine.cpus().get(0);
      long pfn = pages.allocPages(cpu, Gfp.GFP_KERNEL, 0);
      machine.memory().putLong(pfn << 12, 0x1234);
      pages.freePages(cpu, pfn, 0);
      assertEquals(pfn, pages.allocPages(cpu, Gfp.GFP_KERNEL | Gfp.__GFP_ZERO, 0));
      assertEquals(0, machine.memory().getLong(pfn << 12));
      pages.freePages(cpu, pfn, 0);
      long here = pages.allocPages(cpu, Gfp.GFP_KERNEL | Gfp.__GFP_THISNODE, 0, 0);
      assertNotEquals(PageAllocator.NO_PAGE, here);
      pages.freePages(cpu, here, 0);
    }
  }

  @Test
  void protectionIsShownForEachKindOfZone() {
    try (Rig rig = new Rig(Rig.memory(6144))) {
      var dma = rig.zone(ZoneType.DMA);
      assertEquals(5, dma.protection().size());
      assertEquals(rig.zone(ZoneType.DMA32).managed() / 256, dma.protection().get(1));
    }
  }
}
