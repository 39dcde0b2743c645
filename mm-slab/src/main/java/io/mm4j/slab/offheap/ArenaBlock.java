// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A piece of the heap that one confined arena at a time has, and what is counted of those arenas.
 * All fields but the state are written by who has it.
 *
 * <p>Taking it costs one compare-and-set, giving it back a store: nobody waits for it.
 */
@SuppressWarnings("unused") // padding: no line of the host has two of them
final class ArenaBlock {
  /** An arena has it. */
  static final int ARENA = 1;

  /** Its memory is being given back. */
  static final int KEPT = 2;

  private static final int FREE = 0;

  private static final VarHandle STATE;

  static {
    try {
      STATE = MethodHandles.lookup().findVarHandle(ArenaBlock.class, "state", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private int state;

  /** Where its memory begins; 0 while it has none. */
  long offset;

  /** Segments out of it, and those whose arenas are closed. */
  long allocations;

  long frees;

  private long pad0;
  private long pad1;
  private long pad2;
  private long pad3;
  private long pad4;
  private long pad5;
  private long pad6;
  private long pad7;
  private long pad8;
  private long pad9;
  private long pad10;
  private long pad11;

  /** Takes it if nobody has it. */
  boolean tryTake(int what) {
    return (int) STATE.getOpaque(this) == FREE && STATE.compareAndSet(this, FREE, what);
  }

  /** Gives it back. */
  void give() {
    STATE.setRelease(this, FREE);
  }

  /** Whether an arena has it. */
  boolean isArenas() {
    return (int) STATE.getAcquire(this) == ARENA;
  }
}
