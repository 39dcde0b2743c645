// SPDX-License-Identifier: Apache-2.0

package io.mm4j.stress;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import java.util.BitSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A CPU at work in one test: what it holds, and how many pages it was given and gave back. What its
 * steps throw is kept for the verdict.
 */
final class Worker {
  private static final int CAPACITY = 128;

  /** Makes each test a little different from the one before. */
  private static final AtomicInteger TURN = new AtomicInteger();

  final Cpu cpu;
  private final PageAllocator pages;
  private final CpuPages kept;
  private final long[] pfns = new long[CAPACITY];
  private final int[] orders = new int[CAPACITY];
  private int count;
  private int salt = TURN.incrementAndGet() * 0x9E37_79B9;
  private volatile @Nullable String failure;

  /** Pages that it was given, and gave back. */
  long allocated;

  long freed;

  Worker(Box box, int cpu) {
    this.pages = box.pages;
    this.cpu = box.cpu(cpu);
    this.kept = pages.on(this.cpu);
  }

  /** Does the steps as the CPU's owner: holding its park lock, so that nobody else may drain it. */
  void asOwner(Runnable steps) {
    cpu.parkLock().lock();
    try {
      steps.run();
    } catch (RuntimeException | Error e) {
      failure = e.toString();
    } finally {
      cpu.parkLock().unlock();
    }
  }

  /** Does the steps with no lock; right only where somebody holds the park lock for it. */
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

  int held() {
    return count;
  }

  /** Takes a block if there is one; every other time from the allocator of the CPU. */
  void take(int gfp, int order) {
    long pfn = (count & 1) == 0 ? kept.alloc(gfp, order) : pages.allocPages(cpu, gfp, order);
    if (pfn != PageAllocator.NO_PAGE) {
      enter(pfn, order);
      allocated += 1L << order;
    }
  }

  /** Enters a block that it was given in another way. */
  void enter(long pfn, int order) {
    pfns[count] = pfn;
    orders[count] = order;
    count++;
  }

  /** Gives back the block that it has longest, or has last. */
  void give(boolean oldest) {
    if (count == 0) {
      return;
    }
    count--;
    long pfn = pfns[count];
    int order = orders[count];
    if (oldest) {
      long last = pfn;
      int lastOrder = order;
      pfn = pfns[0];
      order = orders[0];
      pfns[0] = last;
      orders[0] = lastOrder;
    }
    if ((count & 1) == 0) {
      kept.free(pfn, order);
    } else {
      pages.freePages(cpu, pfn, order);
    }
    freed += 1L << order;
  }

  void giveAll() {
    while (count > 0) {
      give(false);
    }
  }

  /** Steps of everyday life, others each time: mostly pages, some blocks, both of two types. */
  void live(int steps) {
    for (int i = 0; i < steps; i++) {
      int dice = next();
      if ((dice & 3) != 0 && count < CAPACITY) {
        int order = (dice & 0x1c) == 0 ? dice >>> 5 & 3 : 0;
        take((dice & 0x100) == 0 ? Gfp.GFP_NOWAIT : Gfp.GFP_HIGHUSER_MOVABLE, order);
      } else {
        give((dice & 0x200) == 0);
      }
    }
  }

  /** The next of its random numbers: xorshift. */
  int next() {
    int x = salt == 0 ? 1 : salt;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    salt = x;
    return x >>> 8;
  }

  /** Takes a second reference to the only page that it has, for another one; its frame. */
  long shareWith(Worker other, MemMap map) {
    long pfn = only();
    map.get(pfn);
    other.enter(pfn, 0);
    return pfn;
  }

  /** The only block that it has. */
  long only() {
    if (count != 1) {
      throw new IllegalStateException("one block held, not " + count + "; " + failure);
    }
    return pfns[0];
  }

  /** Makes blocks that came straight from a zone pages that were handed out. */
  void prepareAll(MemMap map) {
    for (int i = 0; i < count; i++) {
      map.prepare(pfns[i], orders[i], FrameOwner.KERNEL);
    }
  }

  void drainAll() {
    pages.drainAllPages(cpu);
  }

  /** Marks the frames that it holds; how many there are. */
  int markHeld(BitSet held) {
    int sum = 0;
    for (int i = 0; i < count; i++) {
      held.set((int) pfns[i], (int) pfns[i] + (1 << orders[i]));
      sum += 1 << orders[i];
    }
    return sum;
  }
}
