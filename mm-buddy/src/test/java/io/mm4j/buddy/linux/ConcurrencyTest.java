// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageEvents;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Threads that share a small machine, with more threads than CPUs. */
class ConcurrencyTest {
  private static final int THREADS = 5;
  private static final int STEPS = 15_000;

  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void noFrameIsGivenOutTwiceAndNoneIsLost(long seed) throws InterruptedException {
    try (Rig rig = new Rig(Rig.memory(24).cpus(3).sysctl("min_free_kbytes", "256"))) {
      long free = rig.allFree();
      AtomicLongArray holder = new AtomicLongArray(24 << 8);
      AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        int number = t + 1;
        threads.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      try {
                        work(rig, new Random(seed * 31 + number), number, holder);
                      } catch (Throwable e) {
                        failure.compareAndSet(null, e);
                      }
                    }));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      assertNull(failure.get(), () -> "seed=" + seed + ": " + failure.get());
      assertEquals(free, rig.allFree(), () -> "seed=" + seed);
      rig.pages.drainAllPages(rig.cpu0);
      assertEquals(0, rig.pages.pcpPages());
    }
  }

  private static void work(Rig rig, Random random, int number, AtomicLongArray holder) {
    List<long[]> live = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      Cpu cpu = rig.machine.cpus().acquire();
      try {
        if (random.nextInt(10) < 6 && live.size() < 400) {
          int order = random.nextInt(8) == 0 ? random.nextInt(5) : 0;
          int gfp = random.nextBoolean() ? Gfp.GFP_NOWAIT : Gfp.GFP_HIGHUSER_MOVABLE;
          long pfn = rig.pages.allocPages(cpu, gfp, order);
          if (pfn != PageAllocator.NO_PAGE) {
            mark(holder, pfn, order, 0, number);
            live.add(new long[] {pfn, order});
          }
        } else if (!live.isEmpty()) {
          release(rig, cpu, live.remove(random.nextInt(live.size())), number, holder);
        } else {
          rig.pages.drainAllPages(cpu);
        }
      } finally {
        rig.machine.cpus().release(cpu);
      }
    }
    Cpu cpu = rig.machine.cpus().acquire();
    try {
      for (long[] block : live) {
        release(rig, cpu, block, number, holder);
      }
    } finally {
      rig.machine.cpus().release(cpu);
    }
  }

  private static void release(Rig rig, Cpu cpu, long[] block, int number, AtomicLongArray holder) {
    mark(holder, block[0], (int) block[1], number, 0);
    rig.pages.freePages(cpu, block[0], (int) block[1]);
  }

  private static void mark(AtomicLongArray holder, long pfn, int order, long from, long to) {
    for (long p = pfn; p < pfn + (1L << order); p++) {
      if (!holder.compareAndSet((int) p, from, to)) {
        throw new AssertionError(
            "pfn=" + p + " is held by " + holder.get((int) p) + ", not by " + from);
      }
    }
  }

  @Test
  void oneSeedOneHistory() {
    assertTrue(Arrays.equals(history(), history()));
  }

  private static long[] history() {
    try (Rig rig = new Rig(Rig.memory(24).cpus(2))) {
      Random random = new Random(7);
      long[] pfns = new long[2000];
      int[] orders = new int[pfns.length];
      for (int i = 0; i < pfns.length; i++) {
        orders[i] = random.nextInt(3);
        pfns[i] =
            rig.pages.allocPages(
                rig.machine.cpus().get(random.nextInt(2)), Gfp.GFP_NOWAIT, orders[i]);
      }
      for (int i = 0; i < pfns.length; i++) {
        if (pfns[i] != PageAllocator.NO_PAGE) {
          rig.pages.freePages(rig.cpu0, pfns[i], orders[i]);
        }
      }
      return pfns;
    }
  }

  /**
   * Another CPU is at work and has the last pages that a request could get. It answers when the
   * request has looked at their zone, and found nothing: who waits gets one of them.
   */
  @Test
  void whoDoesNotRetryWaitsForNoCpuThatIsAtWork() throws InterruptedException {
    assertNotEquals(PageAllocator.NO_PAGE, besideACpuAtWork(Gfp.GFP_NOWAIT));
    assertEquals(PageAllocator.NO_PAGE, besideACpuAtWork(Gfp.GFP_NOWAIT | Gfp.__GFP_NORETRY));
  }

  private static long besideACpuAtWork(int gfp) throws InterruptedException {
    try (Rig rig = new Rig(Rig.memory(24).cpus(2).sysctl("min_free_kbytes", "256"))) {
      Cpu other = rig.machine.cpus().get(1);
      Asked asked = new Asked();
      CountDownLatch ready = new CountDownLatch(1);
      AtomicBoolean over = new AtomicBoolean();
      Thread owner = Thread.ofPlatform().start(() -> answers(rig, other, asked, ready, over));
      ready.await();
      List<Long> taken = rig.takeAll(Gfp.GFP_NOWAIT | Gfp.__GFP_NORETRY, 0);
      assertTrue(rig.pages.pcpPages() > 0, "the other CPU has pages");
      assertTrue(rig.pages.watch(asked));
      long pfn = rig.pages.allocPages(rig.cpu0, gfp, 0);
      over.set(true);
      owner.join();
      if (pfn != PageAllocator.NO_PAGE) {
        taken.add(pfn);
      }
      rig.freeAll(taken, 0);
      return pfn;
    }
  }

  /** The owner of a CPU with pages on its lists: answers when the request has looked. */
  private static void answers(
      Rig rig, Cpu cpu, Asked asked, CountDownLatch ready, AtomicBoolean over) {
    cpu.parkLock().lock();
    try {
      List<Long> some = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        some.add(rig.pages.allocPages(cpu, Gfp.GFP_NOWAIT, 0));
      }
      some.forEach(pfn -> rig.pages.freePages(cpu, pfn, 0));
      ready.countDown();
      while (!over.get()) {
        if (asked.looked) {
          cpu.serveAll();
        }
        Thread.onSpinWait();
      }
    } finally {
      cpu.serveAll();
      cpu.parkLock().unlock();
    }
  }

  /** Hears that a request, which has asked for all lists, found nothing in the first zone. */
  private static final class Asked implements PageEvents {
    private boolean lists;
    private volatile boolean looked;

    @Override
    public boolean explains() {
      return true;
    }

    @Override
    public void step(Cpu cpu, String text) {
      if (text.startsWith("before it fails")) {
        lists = true;
      } else if (lists && text.contains("must stay")) {
        looked = true;
      }
    }
  }
}
