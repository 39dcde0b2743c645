// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.Consumer;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * One simulated CPU: the key to everything that is per-cpu. Hot calls take it as a parameter.
 *
 * <p>Ownership: a Cpu is owned by at most one thread at a time, and only the owner may pass it to a
 * call. One thread may own several; a deterministic replay owns all. {@link Cpus} hands them out to
 * threads that do not care which one they get.
 *
 * <p>What a floor keeps per CPU is reached by request: {@link #request} adds a {@link PendingKind}
 * to a set, and the owner serves it at its next slow path in the floor of that kind, or when it
 * parks the CPU. A parked Cpu (owned by nobody) is served by whoever asks, under its {@link
 * #parkLock()}. Each kind is served by the handler that its floor has registered and by nothing
 * else. Before a request for memory fails it waits for owners that have not answered yet, but only
 * for threads that run: one that waits for something, perhaps for the asker, is not waited for.
 */
@API(status = API.Status.MAINTAINED)
public final class Cpu {
  /**
   * The task allocates on behalf of reclaim: it may use every reserve and never reclaims itself.
   */
  public static final int PF_MEMALLOC = 0x0000_0800;

  /** The task writes a core dump: nobody is killed for its sake. */
  public static final int PF_DUMPCORE = 0x0000_0200;

  private final int id;
  private final int nodeId;
  private final KernelLock parkLock;
  private int flags;

  /** What each kind of request does here, by code; shared by all CPUs of a machine. */
  private final @Nullable Consumer<? super Cpu>[] handlers;

  /** Who hears of each kind of request when it is made, by code; shared, too. */
  private final @Nullable Consumer<? super Cpu>[] listeners;

  /** The kinds that were asked for and not served yet, by {@link PendingKind#bit()}. */
  private volatile int pending;

  private static final int PAGE_LISTS = PendingKind.PAGE_LISTS.bit();
  private static final VarHandle PENDING;

  static {
    try {
      PENDING = MethodHandles.lookup().findVarHandle(Cpu.class, "pending", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** Creates a parked CPU on a node, of which nothing can be asked. */
  public Cpu(int id, int nodeId) {
    this(id, nodeId, Cpus.noHandlers(), Cpus.noHandlers());
  }

  Cpu(
      int id,
      int nodeId,
      @Nullable Consumer<? super Cpu>[] handlers,
      @Nullable Consumer<? super Cpu>[] listeners) {
    this.handlers = handlers;
    this.listeners = listeners;
    this.id = id;
    this.nodeId = nodeId;
    this.parkLock = new KernelLock(LockClass.CPU, "cpu" + id);
  }

  /** The CPU's number, from 0. */
  public int id() {
    return id;
  }

  /** The node whose memory is nearest: {@code numa_node_id()}. */
  public int nodeId() {
    return nodeId;
  }

  /** Context flags of what runs here, such as {@link #PF_MEMALLOC}. Owner only. */
  public int flags() {
    return flags;
  }

  /** Sets the context flags and returns what they were, for the caller to restore. Owner only. */
  public int exchangeFlags(int newFlags) {
    int old = flags;
    flags = newFlags;
    return old;
  }

  /**
   * Held by the owner while it owns the CPU through {@link Cpus}, else free for a drainer to take.
   */
  public KernelLock parkLock() {
    return parkLock;
  }

  /**
   * Asks the owner for something. Any thread.
   *
   * @throws MisuseException if no floor has registered a handler: it would never be served
   */
  public void request(PendingKind kind) {
    if (handlers[kind.code()] == null) {
      throw new MisuseException("no floor of this machine serves requests: kind=" + kind);
    }
    Consumer<? super Cpu> listener = listeners[kind.code()];
    if (listener != null) {
      listener.accept(this); // an owner who sees the request comes to his slow path next
    }
    PENDING.getAndBitwiseOr(this, kind.bit());
    if (listener != null) {
      listener.accept(this); // also one who has just left it
    }
  }

  /** Whether something was asked for and not served yet. Any thread. */
  public boolean isPending(PendingKind kind) {
    return (pending & kind.bit()) != 0;
  }

  /**
   * Serves one kind of request, whether or not anybody has asked: what is asked for from now on is
   * served once more. By the owner, or under the park lock.
   */
  public void serve(PendingKind kind) {
    PENDING.getAndBitwiseAnd(this, ~kind.bit());
    Consumer<? super Cpu> handler = handlers[kind.code()];
    if (handler != null) {
      handler.accept(this);
    }
  }

  /** Serves all that was asked for: what the owner does before it parks the CPU. */
  public void serveAll() {
    if (pending != 0) {
      for (PendingKind kind : PendingKind.values()) {
        if (isPending(kind)) {
          serve(kind);
        }
      }
    }
  }

  /** Clears the request to drain: who serves it calls this before he drains. */
  public void drainServed() {
    PENDING.getAndBitwiseAnd(this, ~PAGE_LISTS);
  }

  /** Whether anything was asked for. */
  boolean anyPending() {
    return pending != 0;
  }

  /** {@link #request} of {@link PendingKind#PAGE_LISTS}. Any thread. */
  public void requestDrain() {
    request(PendingKind.PAGE_LISTS);
  }

  /**
   * {@link #isPending} of {@link PendingKind#PAGE_LISTS}; one volatile read, cheap enough for a hot
   * path. Any thread.
   */
  public boolean drainRequested() {
    return (pending & PAGE_LISTS) != 0;
  }

  @Override
  public String toString() {
    return "cpu" + id;
  }
}
