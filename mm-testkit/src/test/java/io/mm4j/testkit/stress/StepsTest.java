// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.stress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.vma.faults.ScratchVmaIndexes;
import io.mm4j.testkit.vma.naive.NaiveVmaIndex;
import io.mm4j.testkit.vma.naive.NaiveVmaIndexes;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class StepsTest {
  private static VmaIndexProvider stepped() {
    VmaIndexProvider plugin = new ScratchVmaIndexes();
    return Objects.requireNonNull(Steps.copyOf(VmaIndexProvider.class, plugin));
  }

  @Test
  void callsOfACopyAreInterrupted() {
    VmaIndexProvider copy = stepped();
    assertNotEquals(ScratchVmaIndexes.class, copy.getClass());
    VmaIndex index = copy.create();
    int vma = index.insert(16, 32);
    // the field is written and read, and the list is asked
    assertTrue(Steps.count(() -> assertEquals(vma, index.find(20))) > 3);
    assertEquals(0, Steps.count(() -> new ScratchVmaIndexes().create().find(20)));
  }

  @Test
  void aPluginThatNobodyCanMakeAgainHasNoCopy() {
    VmaIndexProvider other = new NaiveVmaIndexes("other", false, NaiveVmaIndex::new);
    assertNull(Steps.copyOf(VmaIndexProvider.class, other));
  }

  @Test
  void theOtherThreadWorksWhileTheFirstWaits() {
    List<Integer> order = new ArrayList<>();
    try (OtherThread other = new OtherThread()) {
      for (int i = 0; i < 100; i++) {
        int now = i;
        other.run(() -> order.add(now));
        assertEquals(now + 1, order.size());
      }
      other.await();
    }
  }

  @Test
  void aLockKeepsTheOtherThreadOutAndNothingElseIsDoneMeanwhile() {
    ReentrantLock lock = new ReentrantLock();
    AtomicInteger done = new AtomicInteger();
    try (OtherThread other = new OtherThread()) {
      lock.lock();
      try {
        other.run(
            () -> {
              lock.lock();
              try {
                done.incrementAndGet();
              } finally {
                lock.unlock();
              }
            });
        other.run(done::incrementAndGet);
        assertEquals(0, done.get());
      } finally {
        lock.unlock();
      }
      other.await();
      assertEquals(1, done.get());
    }
  }

  @Test
  @Timeout(30)
  void itIsKnownWhoWaitsForALockOfTheKernelSoThatNobodyWaitsInVain() {
    KernelLock lock = new KernelLock(LockClass.SLAB_NODE, "list_lock");
    AtomicInteger done = new AtomicInteger();
    try (OtherThread other = new OtherThread()) {
      lock.lock();
      other.run(
          () -> {
            lock.lock();
            lock.unlock();
            done.incrementAndGet();
          });
      for (int i = 0; i < 10_000; i++) {
        other.run(done::incrementAndGet); // 50 ms each, if it were not known
      }
      assertEquals(0, done.get());
      lock.unlock();
      other.run(done::incrementAndGet);
      assertEquals(2, done.get());
    }
  }

  @Test
  @Timeout(60)
  void whoSpinsIsNotWaitedForWithoutEnd() {
    AtomicBoolean free = new AtomicBoolean();
    try (OtherThread other = new OtherThread()) {
      other.run(
          () -> {
            while (!free.get()) {
              Thread.onSpinWait();
            }
          });
      for (int i = 0; i < 1000; i++) {
        other.run(() -> {});
      }
      free.set(true);
      other.await();
    }
  }

  @Test
  void whatTheOtherThreadThrowsIsThrownToTheFirst() {
    try (OtherThread other = new OtherThread()) {
      other.run(
          () -> {
            throw new IllegalStateException("wanted");
          });
      assertThrows(IllegalStateException.class, other::await);
    }
  }
}
