// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

/**
 * One simulated CPU: the key to everything that is per-cpu. Hot calls take it as a parameter.
 *
 * <p>Ownership: a Cpu is owned by at most one thread at a time, and only the owner may pass it to a
 * call. One thread may own several; a deterministic replay owns all. {@link Cpus} hands them out to
 * threads that do not care which one they get.
 *
 * <p>Another CPU's per-cpu pages are reached by request: {@link #requestDrain} sets a flag which
 * the owner serves at its next slow path; a parked Cpu (owned by nobody) is drained by whoever
 * asks, under its {@link #parkLock()}. Before a request fails for want of memory it waits for
 * owners that have not answered yet, but only for threads that run: one that waits for something,
 * perhaps for the asker, is not waited for.
 */
public final class Cpu {
  /**
   * The task allocates on behalf of reclaim: it may use every reserve and never reclaims itself.
   */
  public static final int PF_MEMALLOC = 0x0000_0800;

  private final int id;
  private final int nodeId;
  private final KernelLock parkLock;
  private int flags;
  private volatile boolean drainRequested;

  /** Creates a parked CPU on a node. */
  public Cpu(int id, int nodeId) {
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

  /** Asks the owner to give its per-cpu pages back at its next slow path. Any thread. */
  public void requestDrain() {
    drainRequested = true;
  }

  /** Whether a drain was asked for; cheap enough for a slow path. Any thread. */
  public boolean drainRequested() {
    return drainRequested;
  }

  /** Clears the request: the owner calls this before it drains. */
  public void drainServed() {
    drainRequested = false;
  }

  @Override
  public String toString() {
    return "cpu" + id;
  }
}
