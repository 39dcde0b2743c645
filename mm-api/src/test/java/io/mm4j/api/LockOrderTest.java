// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Wrong orders, planted. Surefire switches the check on. */
class LockOrderTest {
  private final List<KernelLock> taken = new ArrayList<>();

  @BeforeEach
  void checked() {
    assertTrue(LockOrder.isChecked(), "-D" + LockOrder.PROPERTY + "=true");
    assertTrue(LockOrder.request());
  }

  @AfterEach
  void giveUp() {
    taken.reversed().forEach(KernelLock::unlock);
  }

  private static KernelLock make(LockClass kind, long rank) {
    return new KernelLock(kind, kind.name().toLowerCase(java.util.Locale.ROOT) + rank, rank);
  }

  private void take(KernelLock lock) {
    lock.lock();
    taken.add(lock);
  }

  private LockOrderError refused(KernelLock lock) {
    LockOrderError error = assertThrows(LockOrderError.class, () -> lock.lock());
    assertFalse(taken.contains(lock) && !lock.isLocked(), "what was held is still held");
    return error;
  }

  @Test
  void theOrderOfTheEnumerationIsRight() {
    for (LockClass kind : LockClass.values()) {
      take(make(kind, 0));
    }
  }

  @ParameterizedTest
  @EnumSource(LockClass.class)
  void aLaterKindIsNotHeldWhileWaitingForAnEarlierOne(LockClass held) {
    take(make(held, 5));
    for (LockClass wanted : LockClass.values()) {
      if (wanted.compareTo(held) < 0) {
        KernelLock lock = make(wanted, 9);
        refused(lock);
        assertFalse(lock.isLocked());
        assertTrue(lock.tryLock(), "a try never waits");
        lock.unlock();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(LockClass.class)
  void twoOfOneKindFollowItsRule(LockClass kind) {
    take(make(kind, 5));
    String message = String.valueOf(refused(make(kind, 5)).getMessage());
    refused(make(kind, 4));
    KernelLock above = make(kind, 6);
    if (kind.siblings() == LockClass.Siblings.ASCENDING) {
      assertTrue(message.contains("rank=5 after rank=5"), message);
      take(above);
      refused(make(kind, 6));
    } else {
      assertTrue(message.contains("by try-lock only"), message);
      refused(above);
      assertTrue(above.tryLock());
      taken.add(above);
    }
  }

  @Test
  void aLockTakenByTryIsHeldLikeAnyOther() {
    KernelLock zone = make(LockClass.ZONE, 1);
    assertTrue(zone.tryLock());
    taken.add(zone);
    refused(make(LockClass.MM, 0));
    assertFalse(zone.tryLock(), "its own");
    String message = String.valueOf(refused(zone).getMessage());
    assertTrue(message.contains("a lock is not taken twice"), message);
  }

  @Test
  void bothLocksAndBothPlacesAreNamed() {
    take(make(LockClass.ZONE, 1));
    String message = String.valueOf(refused(make(LockClass.MM, 2)).getMessage());
    assertTrue(
        message.matches(
            "wrong order of locks: MM\\(mm2\\) is wanted at .*LockOrderTest.*\\.java:[0-9]+\\)"
                + " while ZONE\\(zone1\\) is held since .*LockOrderTest.take\\(.*:[0-9]+\\);"
                + " the order is \\[CPU, MM, .*, ZONE\\]"),
        message);
  }

  @Test
  void whatWasGivenUpIsHeldNoMore() {
    KernelLock zone = make(LockClass.ZONE, 1);
    KernelLock page = make(LockClass.PAGE_TABLE, 1);
    page.lock();
    zone.lock();
    page.unlock();
    refused(page);
    zone.unlock();
    take(page);
    take(zone);
  }

  @Test
  void whatAnotherThreadHoldsDoesNotCount() throws InterruptedException {
    take(make(LockClass.ZONE, 1));
    KernelLock mm = make(LockClass.MM, 1);
    Thread other =
        new Thread(
            () -> {
              mm.lock();
              mm.unlock();
            });
    other.start();
    other.join();
    assertFalse(mm.isLocked());
  }

  @Test
  void onlyACpuIsHandedToAnotherThread() throws InterruptedException {
    KernelLock mm = make(LockClass.MM, 1);
    Cpu cpu = new Cpu(0, 0);
    Thread owner =
        new Thread(
            () -> {
              cpu.parkLock().lock();
              mm.lock();
            });
    owner.start();
    owner.join();
    assertThrows(MisuseException.class, mm::unlock);
    assertTrue(mm.isLocked());
    cpu.parkLock().unlock();
    assertFalse(cpu.parkLock().isLocked());
  }

  /** {@code Cpus.acquire()} waits for a CPU: whoever holds a floor's lock must not. */
  @Test
  void aCpuIsTakenBeforeEverythingElse() throws InterruptedException {
    Cpus cpus = new Cpus(1, 1);
    Cpu cpu = cpus.acquire();
    Thread late =
        new Thread(
            () -> {
              KernelLock mm = make(LockClass.MM, 1);
              mm.lock();
              String message =
                  String.valueOf(assertThrows(LockOrderError.class, cpus::acquire).getMessage());
              assertTrue(message.startsWith("wrong order of locks: CPU(cpu0)"), message);
              mm.unlock();
            });
    List<Throwable> thrown = new ArrayList<>();
    late.setUncaughtExceptionHandler((thread, error) -> thrown.add(error));
    late.start();
    late.join();
    assertEquals(List.of(), thrown);
    assertDoesNotThrow(() -> cpus.release(cpu));
  }

  @Test
  void aThreadCanForgetAMachineThatIsGone() {
    make(LockClass.ZONE, 1).lock();
    LockOrder.forget();
    take(make(LockClass.CPU, 0));
  }
}
