// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import io.mm4j.api.Cpu;
import io.mm4j.api.PendingKind;
import java.lang.invoke.VarHandle;
import java.util.function.Consumer;
import java.util.function.Predicate;

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
    cpu.answers.incrementAndGet();
  }

  /** Large blocks that this CPU and parked ones keep go back, others are asked; how many frames. */
  public final long large(P cpu) {
    long[] freed = {0};
    boolean _ =
        flush(cpu, other -> largeLists, one -> freed[0] += slabs.flushLarge(one), answers());
    return freed[0];
  }

  /** Flushes this CPU and parked ones of all caches, with one step of their locks each. */
  public final void askOfAll(P cpu) {
    boolean _ = flush(cpu, other -> true, this::flushOfAll, answers());
  }

  private void flushOfAll(P cpu) {
    for (C cache : slabs.all()) {
      flush(cpu, cache);
    }
  }

  /** Flushes this CPU and parked ones of a cache, asks the others. */
  public final void ask(P cpu, C cache) {
    boolean _ = flush(cpu, other -> keeps(other, cache), one -> flush(one, cache), answers());
  }

  /** Room for the number of each CPU's answer that is awaited, 0 if none is. */
  private long[] answers() {
    return new long[slabs.cpus.count()];
  }

  /**
   * Flushes this CPU, and of the others those that keep something if they are parked; else asks
   * them, and notes which of their answers is awaited. One that is under way then does as well: it
   * covers all that the CPU has kept before.
   */
  private boolean flush(P cpu, Predicate<P> keeps, Consumer<P> flush, long[] awaited) {
    flush.accept(cpu);
    boolean asked = false;
    for (Cpu each : slabs.cpus.all()) {
      P other = slabs.cpu(each.id());
      if (each == cpu.cpu() || !keeps.test(other)) {
        continue;
      }
      if (each.parkLock().tryLock()) {
        try {
          flush.accept(other);
        } finally {
          each.parkLock().unlock();
        }
      } else {
        awaited[each.id()] = other.answers.get() + 1;
        each.request(PendingKind.SLAB_OBJECTS);
        asked = true;
      }
    }
    return asked;
  }

  /**
   * What CPUs keep of a cache goes back; waits for those who are at work, as long as they run.
   *
   * @return whether all have answered
   */
  @SuppressWarnings("ThreadPriorityCheck") // others go first; what is right does not hang on it
  public final boolean everywhere(P cpu, C cache) {
    long[] awaited = answers();
    boolean asked = flush(cpu, other -> keeps(other, cache), one -> flush(one, cache), awaited);
    if (!asked) {
      return true;
    }
    for (Cpu other : slabs.cpus.all()) {
      for (int i = 0; i < TURNS && isAwaited(other, awaited); i++) {
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
      if (isAwaited(other, awaited)) {
        return false;
      }
    }
    return true;
  }

  private boolean isAwaited(Cpu cpu, long[] awaited) {
    return slabs.cpu(cpu.id()).answers.get() < awaited[cpu.id()];
  }
}
