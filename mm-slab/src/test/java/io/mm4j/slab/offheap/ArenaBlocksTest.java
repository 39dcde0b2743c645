// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.Cpus;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A heap that is closed while somebody else gives the memory of its blocks back. */
@Timeout(60)
class ArenaBlocksTest {
  private final ArenaBlocks blocks = new ArenaBlocks(1 << 30, 1);

  private ArenaBlock block() {
    return Objects.requireNonNull(blocks.take(Thread.currentThread()));
  }

  @Test
  void aCloseWaitsForWhoGivesMemoryBack() throws Exception {
    try (OffHeap heap = OffHeap.ofBytes(16 << 20)) {
      ArenaBlock block = block();
      block.give();
      assertTrue(block.tryTake(ArenaBlock.KEPT));
      CompletableFuture<Boolean> closing = CompletableFuture.supplyAsync(() -> blocks.close(heap));
      assertThrows(TimeoutException.class, () -> closing.get(50, TimeUnit.MILLISECONDS));
      block.give();
      assertTrue(closing.get());
    }
  }

  @Test
  void aCloseIsRefusedWhileAnArenaHasABlock() {
    try (OffHeap heap = OffHeap.ofBytes(16 << 20)) {
      ArenaBlock block = block();
      assertFalse(blocks.close(heap));
      block.give();
      assertTrue(blocks.close(heap));
    }
  }

  /** Else the heap could be closed, and its memory gone, before the block's goes back to it. */
  @Test
  void aBlockIsTakenUntilItsMemoryIsBack() throws Exception {
    try (OffHeap heap = OffHeap.builder(16 << 20).cpus(1).open()) {
      ArenaBlock block = block();
      block.offset = heap.malloc(ArenaBlocks.BYTES);
      block.give();
      FutureTask<Boolean> empties = new FutureTask<>(() -> blocks.empty(heap));
      Thread other = new Thread(empties);
      Cpus cpus = heap.machine().cpus();
      Cpu only = cpus.acquire();
      try {
        other.start();
        while (other.getState() != Thread.State.WAITING) {
          Thread.onSpinWait(); // until it wants the CPU, to free the memory
        }
        assertFalse(block.tryTake(ArenaBlock.ARENA), "an arena gets what is not free yet");
      } finally {
        cpus.release(only);
      }
      assertTrue(empties.get());
      assertTrue(block.tryTake(ArenaBlock.ARENA));
      assertEquals(0, block.offset);
    }
  }
}
