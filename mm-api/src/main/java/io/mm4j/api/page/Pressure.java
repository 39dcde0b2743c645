// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * The one way up: a floor that runs short asks the reclaimers, migrators and the last resort which
 * higher floors have registered. Migrators are found by the owner of the frame.
 *
 * <p>A reclaimer that allocates is not asked again by its own allocation: the CPU carries {@link
 * Cpu#PF_MEMALLOC} meanwhile.
 *
 * <p>Threads: any.
 */
@API(status = API.Status.MAINTAINED)
public final class Pressure {
  private final CopyOnWriteArrayList<Entry> reclaimers = new CopyOnWriteArrayList<>();
  private final Map<FrameOwner, Migrator> migrators = new ConcurrentHashMap<>();
  private final AtomicReference<@Nullable OomHandler> oomHandler = new AtomicReference<>();

  /** How often a thread lets others go first while the last resort is at work for one of them. */
  private static final int TURNS = 1 << 16;

  /** {@code oom_lock}: taken by try-lock only. */
  private final AtomicBoolean killing = new AtomicBoolean();

  private final LongAdder kills = new LongAdder();

  /** What a floor has registered, to be taken back. */
  @FunctionalInterface
  public interface Registration extends AutoCloseable {
    /**
     * Takes it back: nobody is asked any more from now on. A call that is under way on another
     * thread ends as it would have. A second close does nothing.
     */
    @Override
    void close();
  }

  /** A place in the list of reclaimers: one that registers twice has two. */
  private record Entry(Object place, Reclaimer reclaimer) {}

  /** Creates it with nobody registered. */
  public Pressure() {}

  /** Adds a reclaimer; they are asked in order of registration until enough is free. */
  public Registration register(Reclaimer reclaimer) {
    Entry entry = new Entry(new Object(), reclaimer);
    reclaimers.add(entry);
    return () -> reclaimers.remove(entry);
  }

  /**
   * Sets who moves frames of an owner type.
   *
   * @throws MisuseException if somebody does already; names both
   */
  public Registration register(FrameOwner owner, Migrator migrator) {
    Migrator first = migrators.putIfAbsent(owner, migrator);
    if (first != null) {
      throw new MisuseException(
          "frames of this owner have a migrator: owner="
              + owner
              + " registered="
              + first.name()
              + " wanted="
              + migrator.name());
    }
    AtomicBoolean open = new AtomicBoolean(true);
    return () -> {
      if (open.getAndSet(false)) {
        migrators.remove(owner, migrator);
      }
    };
  }

  /**
   * Sets the last resort.
   *
   * @throws MisuseException if there is one already; names both
   */
  public Registration registerOom(OomHandler handler) {
    OomHandler first = oomHandler.compareAndExchange(null, handler);
    if (first != null) {
      throw new MisuseException(
          "there is a last resort: registered=" + first.name() + " wanted=" + handler.name());
    }
    AtomicBoolean open = new AtomicBoolean(true);
    return () -> {
      if (open.getAndSet(false)) {
        oomHandler.compareAndSet(handler, null);
      }
    };
  }

  /** Whether anybody could give memory up. */
  public boolean canReclaim() {
    return !reclaimers.isEmpty();
  }

  /** Whether there is a last resort. */
  public boolean canKill() {
    return oomHandler.get() != null;
  }

  /** How often the last resort has freed something: {@code oom_kill} of {@code /proc/vmstat}. */
  public long kills() {
    return kills.sum();
  }

  /**
   * Asks the reclaimers until the wanted number of frames was freed.
   *
   * @return how many were freed
   */
  public long reclaim(ReclaimRequest request) {
    Cpu cpu = request.cpu();
    if ((cpu.flags() & Cpu.PF_MEMALLOC) != 0) {
      return 0;
    }
    int saved = cpu.exchangeFlags(cpu.flags() | Cpu.PF_MEMALLOC);
    try {
      long freed = 0;
      for (Entry entry : reclaimers) {
        freed += entry.reclaimer.reclaim(request);
        if (freed >= request.pages()) {
          break;
        }
      }
      return freed;
    } finally {
      cpu.exchangeFlags(saved);
    }
  }

  /**
   * Asks the last resort, unless the request is one for which it may not be asked ({@link
   * ReclaimRequest#mayKill}). While it is at work for somebody else it is not asked again: the
   * thread lets others go first for a while, and that counts as progress.
   *
   * @return whether it is worth trying again
   */
  @SuppressWarnings("ThreadPriorityCheck") // others go first; what is right does not hang on it
  public boolean outOfMemory(ReclaimRequest request) {
    OomHandler handler = oomHandler.get();
    if (handler == null || !request.mayKill()) {
      return false;
    }
    if (!killing.compareAndSet(false, true)) {
      for (int i = 0; i < TURNS && killing.get(); i++) {
        Thread.yield();
      }
      return true;
    }
    Cpu cpu = request.cpu();
    int saved = cpu.exchangeFlags(cpu.flags() | Cpu.PF_MEMALLOC);
    try {
      boolean freed = handler.outOfMemory(request);
      if (freed) {
        kills.increment();
      }
      return freed;
    } finally {
      cpu.exchangeFlags(saved);
      killing.set(false);
    }
  }

  /**
   * Moves a block by the migrator of its owner; false if there is none or it cannot move now. The
   * caller holds a reference of the source, as {@link Migrator#migrate} says.
   */
  public boolean migrate(
      Cpu cpu, FrameOwner owner, long sourcePfn, long destinationPfn, int order) {
    Migrator migrator = migrators.get(owner);
    return migrator != null && migrator.migrate(cpu, sourcePfn, destinationPfn, order);
  }

  /** Whether frames of this owner have a migrator. */
  public boolean canMigrate(FrameOwner owner) {
    return migrators.containsKey(owner);
  }
}
