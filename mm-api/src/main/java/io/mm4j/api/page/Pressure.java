// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The one way up: a floor that runs short asks the reclaimers and migrators which higher floors
 * have registered. Dispatch is by the owner of the frame.
 *
 * <p>A reclaimer that allocates is not asked again by its own allocation: the CPU carries {@link
 * Cpu#PF_MEMALLOC} meanwhile.
 */
public final class Pressure {
  private final CopyOnWriteArrayList<Reclaimer> reclaimers = new CopyOnWriteArrayList<>();
  private final Map<FrameOwner, Migrator> migrators = new ConcurrentHashMap<>();

  /** Creates it with nobody registered. */
  public Pressure() {}

  /** Adds a reclaimer; they are asked in order of registration until enough is free. */
  public void register(Reclaimer reclaimer) {
    reclaimers.add(reclaimer);
  }

  /** Sets who moves frames of an owner type. */
  public void register(FrameOwner owner, Migrator migrator) {
    migrators.put(owner, migrator);
  }

  /** Whether anybody could give memory up. */
  public boolean canReclaim() {
    return !reclaimers.isEmpty();
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
      for (Reclaimer reclaimer : reclaimers) {
        freed += reclaimer.reclaim(request);
        if (freed >= request.pages()) {
          break;
        }
      }
      return freed;
    } finally {
      cpu.exchangeFlags(saved);
    }
  }

  /** Moves a frame by the migrator of its owner; false if there is none or it cannot move now. */
  public boolean migrate(Cpu cpu, FrameOwner owner, long sourcePfn, long destinationPfn) {
    Migrator migrator = migrators.get(owner);
    return migrator != null && migrator.migrate(cpu, sourcePfn, destinationPfn);
  }
}
