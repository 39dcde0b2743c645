// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * The CPUs of a machine, and the wrapper that finds one for the current thread.
 *
 * <p>{@link #acquire()} works for any number of threads, virtual ones included: it tries the CPUs
 * once, beginning with the one that the thread's number hashes to, and then waits parked for that
 * one. It never spins.
 */
@API(status = API.Status.MAINTAINED)
public final class Cpus {
  private final Cpu[] cpus;

  /** What each kind of request does, by code. */
  private final @Nullable Consumer<? super Cpu>[] handlers = noHandlers();

  /** Who hears at once of a kind of request, by code. */
  private final @Nullable Consumer<? super Cpu>[] listeners = noHandlers();

  /** Creates {@code count} CPUs, spread over {@code nodes} nodes in turn. */
  public Cpus(int count, int nodes) {
    this(IntStream.range(0, count).map(cpu -> cpu % nodes).boxed().toList());
  }

  /**
   * Creates CPUs on these nodes: {@code cpu_to_node()}.
   *
   * @param nodeOfCpu the node of each CPU, by number; a node may have none
   */
  public Cpus(List<Integer> nodeOfCpu) {
    cpus = new Cpu[nodeOfCpu.size()];
    for (int i = 0; i < cpus.length; i++) {
      cpus[i] = new Cpu(i, nodeOfCpu.get(i), handlers, listeners);
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"}) // there are no arrays of a generic type
  static @Nullable Consumer<? super Cpu>[] noHandlers() {
    return new @Nullable Consumer[PendingKind.COUNT];
  }

  /**
   * Registers what a kind of request does; by the floor that keeps something of this kind, when it
   * is created, before any other thread sees the machine.
   *
   * @param handler gives back what the CPU keeps; called by its owner or under its park lock, with
   *     no lock held that the floor itself may want
   * @throws MisuseException if another floor has registered one
   */
  public void onRequest(PendingKind kind, Consumer<? super Cpu> handler) {
    if (handlers[kind.code()] != null) {
      throw new MisuseException("requests have a handler: kind=" + kind);
    }
    handlers[kind.code()] = handler;
  }

  /**
   * The same, and lets the floor hear of each request when it is made, so that its fast paths need
   * not look for requests.
   *
   * @param listener called by whoever asks, any thread, before the request can be seen with {@link
   *     Cpu#isPending} and once more after that; it makes the owner take his slow path next, and
   *     waits for nothing
   */
  public void onRequest(
      PendingKind kind, Consumer<? super Cpu> handler, Consumer<? super Cpu> listener) {
    onRequest(kind, handler);
    listeners[kind.code()] = listener;
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
    long hash = (Thread.currentThread().threadId() * 0x9E37_79B9_7F4A_7C15L) >>> 32;
    int first = (int) ((hash * cpus.length) >>> 32);
    Cpu cpu = cpus[first];
    return cpu.parkLock().tryLock() ? cpu : acquireOther(first);
  }

  private Cpu acquireOther(int first) {
    for (int i = 1; i < cpus.length; i++) {
      Cpu cpu = cpus[(first + i) % cpus.length];
      if (cpu.parkLock().tryLock()) {
        return cpu;
      }
    }
    cpus[first].parkLock().lock();
    return cpus[first];
  }

  /**
   * Parks a CPU that {@link #acquire()} gave to this thread, after serving what was asked of it.
   * Who asks just before it is parked has found it owned, so it is looked at once more afterwards:
   * a request is never left on a parked CPU.
   */
  public void release(Cpu cpu) {
    do {
      cpu.serveAll();
      cpu.parkLock().unlock();
    } while (cpu.anyPending() && cpu.parkLock().tryLock());
  }

  /** Such as {@code [cpu0, cpu1]}. */
  @Override
  public String toString() {
    return Arrays.toString(cpus);
  }
}
