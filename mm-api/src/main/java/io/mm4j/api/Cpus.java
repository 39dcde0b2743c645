// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import java.util.List;

/**
 * The CPUs of a machine, and the wrapper that finds one for the current thread.
 *
 * <p>{@link #acquire()} works for any number of threads, virtual ones included: it tries the CPUs
 * once, beginning with the one that the thread's number hashes to, and then waits parked for that
 * one. It never spins.
 */
public final class Cpus {
  private final Cpu[] cpus;

  /** Creates {@code count} CPUs, spread over {@code nodes} nodes in turn. */
  public Cpus(int count, int nodes) {
    cpus = new Cpu[count];
    for (int i = 0; i < count; i++) {
      cpus[i] = new Cpu(i, i % nodes);
    }
  }

  /** How many CPUs there are. */
  public int count() {
    return cpus.length;
  }

  /** The CPU with this number; the caller answers for ownership. */
  public Cpu get(int id) {
    return cpus[id];
  }

  /** All CPUs, by number. */
  public List<Cpu> all() {
    return List.of(cpus);
  }

  /** Takes a CPU for the current thread; to be given back by {@link #release}. */
  public Cpu acquire() {
    long id = Thread.currentThread().threadId();
    int first = (int) Math.floorMod((id * 0x9E37_79B9_7F4A_7C15L) >>> 32, (long) cpus.length);
    for (int i = 0; i < cpus.length; i++) {
      Cpu cpu = cpus[(first + i) % cpus.length];
      if (cpu.parkLock().tryLock()) {
        return cpu;
      }
    }
    cpus[first].parkLock().lock();
    return cpus[first];
  }

  /** Parks a CPU that {@link #acquire()} gave to this thread. */
  public void release(Cpu cpu) {
    cpu.parkLock().unlock();
  }
}
