// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LinuxPageAllocatorTest {
  @Test
  void aPageIsHandedOutAndComesBackFirst() {
    try (Rig rig = new Rig(Rig.memory(64))) {
      long free = rig.allFree();
      long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0);
      var map = rig.machine.memory().memMap();
      assertEquals(FrameOwner.KERNEL, map.owner(pfn));
      assertEquals(1, map.refcount(pfn));
      assertEquals(free - 1, rig.allFree());
      rig.pages.freePages(rig.cpu0, pfn, 0);
      assertEquals(FrameOwner.PCP, map.owner(pfn));
      assertEquals(free, rig.allFree());
      assertEquals(pfn, rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0), "the hot one first");
      rig.pages.freePages(rig.cpu0, pfn, 0);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"buddy", "bitmap"})
  void everyPageCanBeHadAndComesBackWhateverLiesBelow(String frames) {
    var config = Rig.memory(64).plugin("frame-allocator=" + frames);
    try (Rig rig = new Rig(config)) {
      long free = rig.allFree();
      List<Long> taken = rig.takeAll(Gfp.GFP_ATOMIC | Gfp.__GFP_MEMALLOC, 0);
      assertEquals(free, taken.size());
      assertEquals(0, rig.allFree());
      Collections.shuffle(taken, new Random(1));
      rig.freeAll(taken, 0);
      rig.pages.drainAllPages(rig.cpu0);
      assertEquals(0, rig.pages.pcpPages());
      assertEquals(free, rig.pages.freePages());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void aRandomHistoryKeepsTheBooks(long seed) {
    Random random = new Random(seed);
    int[] kinds = {
      Gfp.GFP_KERNEL,
      Gfp.GFP_HIGHUSER_MOVABLE,
      Gfp.GFP_KERNEL | Gfp.__GFP_RECLAIMABLE,
      Gfp.GFP_ATOMIC,
      Gfp.GFP_KERNEL | Gfp.GFP_DMA,
      Gfp.GFP_HIGHUSER_MOVABLE | Gfp.__GFP_COMP
    };
    try (Rig rig = new Rig(Rig.memory(96).cpus(3))) {
      long free = rig.allFree();
      List<long[]> live = new ArrayList<>();
      for (int i = 0; i < 40_000; i++) {
        var cpu = rig.machine.cpus().get(random.nextInt(3));
        if (random.nextInt(100) < (i / 4000 % 2 == 0 ? 60 : 40)) {
          int order = Math.min(10, Integer.numberOfTrailingZeros(random.nextInt() | 1 << 10));
          int gfp = kinds[random.nextInt(kinds.length)];
          long pfn = rig.pages.allocPages(cpu, gfp, order);
          if (pfn != PageAllocator.NO_PAGE) {
            assertEquals(0, pfn & ((1L << order) - 1), "aligned");
            live.add(new long[] {pfn, order});
            free -= 1L << order;
          }
        } else if (!live.isEmpty()) {
          long[] block = live.remove(random.nextInt(live.size()));
          rig.pages.freePages(cpu, block[0], (int) block[1]);
          free += 1L << block[1];
        }
        if (i % 5000 == 0) {
          rig.machine.validate();
        }
        assertEquals(free, rig.allFree(), () -> "seed=" + seed);
      }
    }
  }

  @Test
  void misuseNamesTheBlockAndChangesNothing() {
    try (Rig rig = new Rig(Rig.memory(64))) {
      long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 1);
      long free = rig.allFree();
      assertThrows(MisuseException.class, () -> rig.pages.freePages(rig.cpu0, pfn, 0));
      assertThrows(MisuseException.class, () -> rig.pages.freePages(rig.cpu0, pfn + 1, 0));
      assertThrows(MisuseException.class, () -> rig.pages.freePages(rig.cpu0, -1, 0));
      assertThrows(MisuseException.class, () -> rig.pages.freePages(rig.cpu0, 1L << 40, 0));
      assertEquals(free, rig.allFree());
      rig.pages.freePages(rig.cpu0, pfn, 1);
      var error = assertThrows(MisuseException.class, () -> rig.pages.freePages(rig.cpu0, pfn, 1));
      assertTrue(error.toString().contains("pfn=" + pfn), error.toString());
      assertThrows(
          MisuseException.class,
          () ->
              rig.pages.allocPages(
                  rig.cpu0, Gfp.GFP_KERNEL | Gfp.__GFP_MOVABLE | Gfp.__GFP_RECLAIMABLE, 0));
      assertEquals(PageAllocator.NO_PAGE, rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 11));
    }
  }

  @Test
  void aBlockThatIsSplitIsFreedPageByPage() {
    try (Rig rig = new Rig(Rig.memory(64))) {
      long free = rig.allFree();
      long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 4);
      rig.pages.splitPage(pfn, 4);
      for (int i = 15; i >= 0; i--) {
        rig.pages.freePages(rig.cpu0, pfn + i, 0);
      }
      assertEquals(free, rig.allFree());
      long compound = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL | Gfp.__GFP_COMP, 4);
      assertThrows(MisuseException.class, () -> rig.pages.splitPage(compound, 4));
      rig.pages.freePages(rig.cpu0, compound, 4);
    }
  }

  @Test
  void aSecondReferenceKeepsTheBlock() {
    try (Rig rig = new Rig(Rig.memory(64))) {
      long pfn = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0);
      rig.machine.memory().memMap().get(pfn);
      long free = rig.allFree();
      rig.pages.freePages(rig.cpu0, pfn, 0);
      assertEquals(free, rig.allFree());
      rig.pages.freePages(rig.cpu0, pfn, 0);
      assertEquals(free + 1, rig.allFree());
    }
  }

  @Test
  void flagsChooseTheZone() {
    try (Rig rig = new Rig(Rig.memory(6144))) {
      var layout = rig.machine.layout();
      long dma = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL | Gfp.GFP_DMA, 0);
      long dma32 = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL | Gfp.GFP_DMA32, 0);
      long normal = rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL, 0);
      assertTrue(dma < 4096 && dma32 >= 4096 && dma32 < 1 << 20 && normal >= 1 << 20);
      assertEquals(3, layout.zones().size());
      rig.pages.freePages(rig.cpu0, dma, 0);
      rig.pages.freePages(rig.cpu0, dma32, 0);
      rig.pages.freePages(rig.cpu0, normal, 0);
    }
  }

  /** What a higher zone could have served must leave the protection in a lower one. */
  @Test
  void aRequestForAHighZoneLeavesTheProtectionOfALowOne() {
    try (Rig rig = new Rig(Rig.memory(1024))) {
      List<Long> taken = rig.takeAll(Gfp.GFP_NOWAIT | Gfp.__GFP_NOMEMALLOC, 0);
      var dma = rig.zone(ZoneType.DMA);
      long kept = dma.min() + dma.protection().get(2);
      assertTrue(dma.free() + pcp(dma) >= kept, dma + " keeps " + kept);
      long own = rig.pages.allocPages(rig.cpu0, Gfp.GFP_NOWAIT | Gfp.GFP_DMA, 0);
      assertNotEquals(PageAllocator.NO_PAGE, own, "its own requests may go on");
      rig.pages.freePages(rig.cpu0, own, 0);
      rig.freeAll(taken, 0);
    }
  }

  private static long pcp(io.mm4j.api.page.ZoneStats zone) {
    return zone.cpus().stream().mapToLong(c -> c.count()).sum();
  }

  /**
   * Each kind of request leaves what it may not touch: min, half of it, a quarter less, nothing.
   */
  @Test
  void reservesAreForThoseWhoMayUseThem() {
    long waits = leftBy(Gfp.GFP_KERNEL);
    long cannotWait = leftBy(Gfp.GFP_NOWAIT);
    long atomic = leftBy(Gfp.GFP_ATOMIC);
    long atomicNoReserve = leftBy(Gfp.__GFP_KSWAPD_RECLAIM | Gfp.__GFP_NOMEMALLOC);
    long memalloc = leftBy(Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC);
    assertEquals(waits, cannotWait, "not waiting alone opens no reserve");
    assertEquals(waits, atomicNoReserve);
    assertTrue(atomic < waits, atomic + " < " + waits);
    assertEquals(0, memalloc);
    assertEquals(waits, leftBy(Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC | Gfp.__GFP_NOMEMALLOC));
  }

  private static long leftBy(int gfp) {
    try (Rig rig = new Rig(Rig.memory(64).cpus(1).sysctl("min_free_kbytes", "2048"))) {
      List<Long> taken = rig.takeAll(gfp, 0);
      long left = rig.allFree();
      rig.freeAll(taken, 0);
      return left;
    }
  }

  @Test
  void aReserveIsHalfOfMinAndAQuarterOfTheRest() {
    assertEquals(1000, ZoneState.floor(1000, AllocFlags.WMARK_MIN));
    assertEquals(500, ZoneState.floor(1000, AllocFlags.MIN_RESERVE));
    assertEquals(375, ZoneState.floor(1000, AllocFlags.MIN_RESERVE | AllocFlags.NON_BLOCK));
    assertEquals(1000, ZoneState.floor(1000, AllocFlags.NON_BLOCK));
  }

  @Test
  void pagesOnAnotherCpusListsAreReachedBeforeARequestFails() {
    try (Rig rig = new Rig(Rig.memory(64).cpus(2))) {
      var cpu1 = rig.machine.cpus().get(1);
      List<Long> taken = rig.takeAll(Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC, 0);
      for (int i = 0; i < 100; i++) {
        rig.pages.freePages(cpu1, taken.removeLast(), 0);
      }
      assertTrue(rig.pages.pcpPages() > 0);
      List<Long> more = rig.takeAll(Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC, 0);
      assertEquals(100, more.size());
      rig.freeAll(more, 0);
      rig.freeAll(taken, 0);
    }
  }

  @Test
  void anOwnerServesARequestToDrainAtItsNextFree() {
    try (Rig rig = new Rig(Rig.memory(64).cpus(2))) {
      var cpu1 = rig.machine.cpus().get(1);
      long a = rig.pages.allocPages(cpu1, Gfp.GFP_KERNEL, 0);
      cpu1.parkLock().lock();
      rig.pages.drainAllPages(rig.cpu0);
      assertTrue(cpu1.drainRequested());
      assertTrue(rig.pages.pcpPages() > 0);
      rig.pages.freePages(cpu1, a, 0);
      assertFalse(cpu1.drainRequested());
      assertEquals(0, rig.pages.pcpPages());
      cpu1.parkLock().unlock();
    }
  }

  /** The owner is the thread that asks: it cannot answer while it waits, so it does not wait. */
  @Test
  void nobodyWaitsForItself() {
    try (Rig rig = new Rig(Rig.memory(64).cpus(2))) {
      Cpu cpu1 = rig.machine.cpus().get(1);
      List<Long> taken = rig.takeAll(Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC, 0);
      cpu1.parkLock().lock();
      for (int i = 0; i < 10; i++) {
        rig.pages.freePages(cpu1, taken.removeLast(), 0);
      }
      long drains = rig.other("drain_all_pages");
      assertEquals(
          PageAllocator.NO_PAGE,
          rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC, 0));
      assertTrue(cpu1.drainRequested());
      assertEquals(drains + 1, rig.other("drain_all_pages"), "asked once");
      cpu1.parkLock().unlock();
      List<Long> rest = rig.takeAll(Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC, 0);
      assertEquals(10, rest.size(), "the parked CPU is drained");
      rig.freeAll(rest, 0);
      rig.freeAll(taken, 0);
    }
  }

  /** An owner that waits for the asker, with pages on its lists, is not waited for. */
  @Test
  void nobodyWaitsForAnOwnerThatWaits() throws InterruptedException {
    try (Rig rig = new Rig(Rig.memory(64).cpus(2))) {
      List<Long> taken = rig.takeAll(Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC, 0);
      CountDownLatch failed = new CountDownLatch(1);
      Thread owner = owner(rig, taken, failed::await);
      while (owner.getState() != Thread.State.WAITING) {
        Thread.onSpinWait();
      }
      assertEquals(
          PageAllocator.NO_PAGE,
          rig.pages.allocPages(rig.cpu0, Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC, 0));
      failed.countDown();
      owner.join();
      rig.freeAll(taken, 0);
    }
  }

  /** What a running owner has on its lists is reached before a request fails. */
  @Test
  void anOwnerThatRunsIsWaitedFor() throws InterruptedException {
    try (Rig rig = new Rig(Rig.memory(64).cpus(2))) {
      List<Long> taken = rig.takeAll(Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC, 0);
      AtomicBoolean end = new AtomicBoolean();
      Cpu cpu1 = rig.machine.cpus().get(1);
      long another = taken.removeLast();
      Thread owner =
          owner(
              rig,
              taken,
              () -> {
                while (!cpu1.drainRequested()) {
                  Thread.onSpinWait();
                }
                rig.pages.freePages(cpu1, another, 0);
                while (!end.get()) {
                  Thread.onSpinWait();
                }
              });
      List<Long> more = rig.takeAll(Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC, 0);
      end.set(true);
      owner.join();
      assertEquals(11, more.size());
      rig.freeAll(more, 0);
      rig.freeAll(taken, 0);
    }
  }

  private interface Work {
    void run() throws InterruptedException;
  }

  /** Takes the second CPU, puts ten pages on its lists, works, and parks it. */
  private static Thread owner(Rig rig, List<Long> taken, Work work) throws InterruptedException {
    Cpu cpu1 = rig.machine.cpus().get(1);
    CountDownLatch ready = new CountDownLatch(1);
    Thread owner =
        Thread.ofPlatform()
            .start(
                () -> {
                  cpu1.parkLock().lock();
                  for (int i = 0; i < 10; i++) {
                    rig.pages.freePages(cpu1, taken.removeLast(), 0);
                  }
                  ready.countDown();
                  try {
                    work.run();
                  } catch (InterruptedException e) {
                    throw new AssertionError(e);
                  } finally {
                    cpu1.parkLock().unlock();
                  }
                });
    ready.await();
    return owner;
  }

  @Test
  void bulkFillsTheEmptyPlaces() {
    try (Rig rig = new Rig(Rig.memory(64))) {
      long[] pfns = new long[20];
      java.util.Arrays.fill(pfns, PageAllocator.NO_PAGE);
      pfns[3] = 12345;
      assertEquals(20, rig.pages.allocPagesBulk(rig.cpu0, Gfp.GFP_KERNEL, -1, pfns, 20));
      assertEquals(12345, pfns[3]);
      assertEquals(20, java.util.Arrays.stream(pfns).distinct().count());
      for (int i = 0; i < 20; i++) {
        if (i != 3) {
          rig.pages.freePages(rig.cpu0, pfns[i], 0);
        }
      }
    }
  }

  @Test
  void aFreeRangeCanBeTakenAsAWhole() {
    try (Rig rig = new Rig(Rig.memory(64))) {
      long free = rig.allFree();
      assertTrue(rig.pages.allocContigRange(rig.cpu0, 9000, 10_000, Gfp.GFP_KERNEL));
      assertEquals(free - 1000, rig.allFree());
      assertFalse(
          rig.pages.allocContigRange(rig.cpu0, 9990, 10_010, Gfp.GFP_KERNEL),
          "nobody moves what is in use");
      assertEquals(free - 1000, rig.allFree());
      for (long pfn = 9000; pfn < 10_000; pfn++) {
        rig.pages.freePages(rig.cpu0, pfn, 0);
      }
    }
  }

  @Test
  void aRangeIsTakenByMovingWhatIsInUse() {
    try (Rig rig = new Rig(Rig.memory(64))) {
      var map = rig.machine.memory().memMap();
      List<Long> moved = new ArrayList<>();
      rig.machine
          .pressure()
          .register(
              FrameOwner.ANON,
              (cpu, from, to, order) -> {
                map.move(to, from, order);
                moved.add(from);
                moved.add(to);
                return true;
              });
      assertTrue(rig.pages.allocContigRange(rig.cpu0, 9216, 9218, Gfp.GFP_KERNEL));
      map.hold(9217, 0, FrameOwner.ANON, 0, 0, 0);
      long free = rig.allFree();
      rig.pages.freePages(rig.cpu0, 9216, 0);
      assertTrue(rig.pages.allocContigRange(rig.cpu0, 9216, 9300, Gfp.GFP_KERNEL));
      assertEquals(9217, moved.get(0));
      long to = moved.get(1);
      assertTrue(to < 9216 || to >= 9300, "moved out of the range");
      assertEquals(free + 1 - 84, rig.allFree());
      assertEquals(FrameOwner.ANON, map.owner(to));
    }
  }
}
