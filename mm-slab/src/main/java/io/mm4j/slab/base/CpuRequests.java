// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import io.mm4j.api.Cpu;
import io.mm4j.api.PendingKind;
import java.lang.invoke.VarHandle;

/**
 * What CPUs keep goes back to the slabs: {@code flush_all()} of mm/slub.c, {@code
 * drain_cpu_caches()} of mm/slab.c.
 *
 * <p>A CPU that is parked is flushed under its park lock. One that works is asked: its sheaves are
 * closed, so that its next call comes the slow way and gives back what it keeps, of all caches.
 *
 * @param <C> the design's caches
 * @param <P> what it keeps for a CPU
 */
public abstract class CpuRequests<C extends BaseCache, P extends BaseCpu> {
  /** How often a thread lets others go first while it waits for a CPU. */
  private static final int TURNS = 1 << 16;

  private final SlabBase<C, P> slabs;
  private final boolean largeLists;

  /** Registers with the CPUs, once for an allocator. */
  protected CpuRequests(SlabBase<C, P> slabs, boolean largeLists) {
    this.slabs = slabs;
    this.largeLists = largeLists;
    slabs.cpus.onRequest(
        PendingKind.SLAB_OBJECTS,
        cpu -> flushAll(slabs.cpu(cpu.id())),
        cpu -> slabs.cpu(cpu.id()).close());
  }

  /** What a CPU keeps of a cache goes back; by its owner or under its park lock. */
  public abstract void flush(P cpu, C cache);

  /** Whether it may keep something of a cache. */
  protected abstract boolean keeps(P cpu, C cache);

  /** The owner looks for requests at the beginning of a slow path. */
  public final void serve(P cpu) {
    while (cpu.cpu().isPending(PendingKind.SLAB_OBJECTS)) {
      cpu.cpu().serve(PendingKind.SLAB_OBJECTS);
    }
  }

  private void flushAll(P cpu) {
    long _ = slabs.flushLarge(cpu);
    flushOfAll(cpu);
    if (slabs.events() == null) {
      cpu.open();
      VarHandle.fullFence(); // who asks now closes after this, or is seen by it
      if (cpu.cpu().isPending(PendingKind.SLAB_OBJECTS)) {
        cpu.close();
      }
    }
  }

  /** Large blocks that this CPU and parked ones keep go back, others are asked; how many frames. */
  public final long large(P cpu) {
    long freed = slabs.flushLarge(cpu);
    for (Cpu other : slabs.cpus.all()) {
      if (other != cpu.cpu() && largeLists) {
        if (other.parkLock().tryLock()) {
          try {
            freed += slabs.flushLarge(slabs.cpu(other.id()));
          } finally {
            other.parkLock().unlock();
          }
        } else {
          other.request(PendingKind.SLAB_OBJECTS);
        }
      }
    }
    return freed;
  }

  /** Flushes this CPU and parked ones of all caches, with one step of their locks each. */
  public final void askOfAll(P cpu) {
    flushOfAll(cpu);
    for (Cpu other : slabs.cpus.all()) {
      if (other == cpu.cpu()) {
        continue;
      }
      if (other.parkLock().tryLock()) {
        try {
          flushOfAll(slabs.cpu(other.id()));
        } finally {
          other.parkLock().unlock();
        }
      } else {
        other.request(PendingKind.SLAB_OBJECTS);
      }
    }
  }

  private void flushOfAll(P cpu) {
    for (C cache : slabs.all()) {
      flush(cpu, cache);
    }
  }

  /** Flushes this CPU and parked ones, asks the others; whether there are others. */
  public final boolean ask(P cpu, C cache) {
    flush(cpu, cache);
    boolean asked = false;
    for (Cpu other : slabs.cpus.all()) {
      if (other == cpu.cpu() || !keeps(slabs.cpu(other.id()), cache)) {
        continue;
      }
      if (other.parkLock().tryLock()) {
        try {
          flush(slabs.cpu(other.id()), cache);
        } finally {
          other.parkLock().unlock();
        }
      } else {
        other.request(PendingKind.SLAB_OBJECTS);
        asked = true;
      }
    }
    return asked;
  }

  /**
   * The same, and waits for those who were asked, as long as they run.
   *
   * @return whether all have answered
   */
  @SuppressWarnings("ThreadPriorityCheck") // others go first; what is right does not hang on it
  public final boolean everywhere(P cpu, C cache) {
    if (!ask(cpu, cache)) {
      return true;
    }
    for (Cpu other : slabs.cpus.all()) {
      for (int i = 0; other != cpu.cpu() && i < TURNS && isAwaited(other); i++) {
        if (other.parkLock().tryLock()) {
          try {
            other.serveAll();
          } finally {
            other.parkLock().unlock();
          }
        } else {
          Thread.yield();
        }
      }
      if (other != cpu.cpu() && isAwaited(other)) {
        return false;
      }
    }
    return true;
  }

  private static boolean isAwaited(Cpu cpu) {
    return cpu.isPending(PendingKind.SLAB_OBJECTS);
  }
}
