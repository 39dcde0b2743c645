// SPDX-License-Identifier: Apache-2.0

package io.mm4j.stress;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.SlabAllocator;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A CPU at work with objects in one test. What its steps throw is kept for the verdict. */
final class SlabWorker {
  private static final int CAPACITY = 256;

  /** Makes each test a little different from the one before. */
  private static final AtomicInteger TURN = new AtomicInteger();

  final Cpu cpu;
  private final SlabBox box;
  private final CpuSlabs slabs;
  private final long[] objects = new long[CAPACITY];
  private int count;
  private int salt = TURN.incrementAndGet() * 0x9E37_79B9;
  private volatile @Nullable String failure;

  SlabWorker(SlabBox box, int cpu) {
    this.box = box;
    this.cpu = box.cpu(cpu);
    this.slabs = box.slabs.on(this.cpu);
  }

  /** Does the steps as the CPU's owner. */
  void asOwner(Runnable steps) {
    cpu.parkLock().lock();
    try {
      steps.run();
      cpu.serveAll();
    } catch (RuntimeException | Error e) {
      failure = e.toString();
    } finally {
      cpu.parkLock().unlock();
    }
  }

  /** Does the steps with no lock, which is wrong. */
  void bare(Runnable steps) {
    try {
      steps.run();
    } catch (RuntimeException | Error e) {
      failure = e.toString();
    }
  }

  @Nullable String failure() {
    return failure;
  }

  /** Takes an object, if there is one. */
  void take() {
    long object = slabs.alloc(box.cache, Gfp.GFP_NOWAIT);
    if (object != SlabAllocator.NO_OBJECT) {
      enter(object);
    }
  }

  /** Enters an object that it was given in another way. */
  void enter(long object) {
    objects[count] = object;
    count++;
  }

  /** Frees the object that it has longest, or has last. */
  void give(boolean oldest) {
    if (count > 0) {
      slabs.free(box.cache, remove(oldest));
    }
  }

  /** Passes one on without freeing it. */
  void pass(Queue<Long> others) {
    if (count > 0) {
      others.add(remove(true));
    }
  }

  private long remove(boolean oldest) {
    count--;
    long object = objects[count];
    if (oldest) {
      long first = objects[0];
      objects[0] = object;
      return first;
    }
    return object;
  }

  void giveAll() {
    while (count > 0) {
      give(false);
    }
  }

  /** Steps of everyday life, others each time. */
  void live(int steps) {
    for (int i = 0; i < steps; i++) {
      int dice = next();
      if ((dice & 3) != 0 && count < CAPACITY) {
        take();
      } else {
        give((dice & 4) == 0);
      }
    }
  }

  private int next() {
    int x = salt == 0 ? 1 : salt;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    salt = x;
    return x >>> 8;
  }

  void shrink() {
    long _ = box.slabs.kmemCacheShrink(cpu, box.cache);
  }

  /** Adds what it holds; how many objects there are. */
  int markHeld(Set<Long> held) {
    for (int i = 0; i < count; i++) {
      held.add(objects[i]);
    }
    return count;
  }
}
