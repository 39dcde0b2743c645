// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What is asked of a CPU, kind by kind. */
class CpusTest {
  private final Cpus cpus = new Cpus(2, 1);
  private final List<String> served = new ArrayList<>();

  private void handle(PendingKind kind) {
    cpus.onRequest(kind, cpu -> served.add(kind + " on " + cpu));
  }

  @Test
  void eachKindIsServedByItsOwnHandler() {
    handle(PendingKind.PAGE_LISTS);
    handle(PendingKind.SLAB_OBJECTS);
    Cpu cpu = cpus.get(1);
    cpu.requestDrain();
    cpu.request(PendingKind.SLAB_OBJECTS);
    cpu.request(PendingKind.SLAB_OBJECTS);
    assertTrue(cpu.drainRequested());
    assertFalse(cpus.get(0).drainRequested());

    cpu.serve(PendingKind.PAGE_LISTS);
    assertEquals(List.of("PAGE_LISTS on cpu1"), served);
    assertFalse(cpu.drainRequested());
    assertTrue(cpu.isPending(PendingKind.SLAB_OBJECTS), "page lists do not clear it");

    cpu.serveAll();
    cpu.serveAll();
    assertEquals(List.of("PAGE_LISTS on cpu1", "SLAB_OBJECTS on cpu1"), served);
    cpu.requestDrain();
    cpu.request(PendingKind.SLAB_OBJECTS);
    cpu.drainServed();
    assertFalse(cpu.drainRequested());
    assertTrue(cpu.isPending(PendingKind.SLAB_OBJECTS));
  }

  @Test
  void aRequestThatNobodyServesIsMisuse() {
    handle(PendingKind.PAGE_LISTS);
    assertThrows(MisuseException.class, () -> cpus.get(0).request(PendingKind.VMALLOC_BLOCKS));
    assertThrows(MisuseException.class, () -> new Cpu(0, 0).requestDrain());
    assertFalse(cpus.get(0).isPending(PendingKind.VMALLOC_BLOCKS));
  }

  @Test
  void aHandlerIsNeverReplaced() {
    handle(PendingKind.PAGE_LISTS);
    MisuseException twice =
        assertThrows(MisuseException.class, () -> handle(PendingKind.PAGE_LISTS));
    assertTrue(String.valueOf(twice.getMessage()).contains("PAGE_LISTS"));
  }

  @Test
  void whatIsAskedWhileServingIsServedOnceMore() {
    AtomicInteger calls = new AtomicInteger();
    cpus.onRequest(
        PendingKind.SLAB_OBJECTS,
        cpu -> {
          if (calls.incrementAndGet() == 1) {
            cpu.request(PendingKind.SLAB_OBJECTS);
          }
        });
    Cpu cpu = cpus.get(0);
    cpu.serve(PendingKind.SLAB_OBJECTS);
    assertTrue(cpu.isPending(PendingKind.SLAB_OBJECTS));
    cpu.serveAll();
    assertFalse(cpu.isPending(PendingKind.SLAB_OBJECTS));
    assertEquals(2, calls.get());
  }

  /** Before and after, so that an owner who sees the request has been told of it. */
  @Test
  void whoListensHearsOfARequestBeforeItCanBeSeenAndAfter() {
    List<Boolean> seen = new ArrayList<>();
    cpus.onRequest(PendingKind.PAGE_LISTS, cpu -> {}, cpu -> seen.add(cpu.drainRequested()));
    cpus.get(0).requestDrain();
    assertEquals(List.of(false, true), seen);
  }

  @Test
  void noRequestIsLeftOnAParkedCpu() {
    AtomicInteger calls = new AtomicInteger();
    // Somebody asks while the owner serves for the last time before it parks the CPU.
    cpus.onRequest(
        PendingKind.PAGE_LISTS,
        cpu -> {
          if (calls.incrementAndGet() < 3) {
            cpu.requestDrain();
          }
        });
    Cpu cpu = cpus.acquire();
    cpu.requestDrain();
    cpus.release(cpu);
    assertEquals(3, calls.get());
    assertFalse(cpu.drainRequested());
    assertFalse(cpu.parkLock().isLocked());
  }
}
