// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import io.mm4j.api.memory.FrameOwner;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * The state of a frame: one long holds what every allocation and every free writes.
 *
 * <pre>
 *   63          32   31   30           8 7     4 3     0
 *   |  refcount   | more |    flags     | order | owner |
 * </pre>
 *
 * <p><i>more</i>: something was written to the frame's {@link PageColumns} since it was released.
 *
 * <p>Threads: references are counted, and flags, owner and order set, by atomic steps, since every
 * holder of a frame may take a reference; a whole new state is written by the page allocator alone,
 * when nobody holds the frame.
 */
final class PageState {
  private static final long ONE_REFERENCE = 1L << 32;
  private static final int OWNER_MASK = 0xf;
  private static final int ORDER_SHIFT = 4;
  private static final long ORDER_MASK = 0xf0;
  private static final int FLAGS_SHIFT = 8;
  private static final long FLAGS_MASK = 0x7fff_ff00L;
  private static final long MORE = 0x8000_0000L;
  private static final long REFCOUNT_MORE_ORDER = 0xffff_ffff_8000_00f0L;

  private static final VarHandle STATE = MethodHandles.arrayElementVarHandle(long[].class);

  private PageState() {}

  static FrameOwner owner(long state) {
    return FrameOwner.of((int) state & OWNER_MASK);
  }

  static long withOwner(long state, FrameOwner owner) {
    return (state & ~(long) OWNER_MASK) | owner.code();
  }

  static int order(long state) {
    return (int) state >>> ORDER_SHIFT & 0xf;
  }

  static long withOrder(long state, int order) {
    return (state & ~ORDER_MASK) | (long) order << ORDER_SHIFT;
  }

  static int flags(long state) {
    return (int) (state & FLAGS_MASK) >>> FLAGS_SHIFT;
  }

  static long withFlags(long state, int flags) {
    return (state & ~FLAGS_MASK) | ((long) flags << FLAGS_SHIFT & FLAGS_MASK);
  }

  static int refcount(long state) {
    return (int) (state >>> 32);
  }

  static long withRefcount(long state, int count) {
    return (state & 0xffff_ffffL) | (long) count << 32;
  }

  /** Notes that something is written to the frame's columns. */
  static void noteMore(long[] states, int at) {
    if ((states[at] & MORE) == 0) {
      long _ = (long) STATE.getAndBitwiseOr(states, at, MORE);
    }
  }

  /** One more reference. */
  static void get(long[] states, int at) {
    long _ = (long) STATE.getAndAdd(states, at, ONE_REFERENCE);
  }

  /** One reference less, unless it is the last one; whether it was not. */
  static boolean putUnlessLast(long[] states, int at) {
    for (long old = states[at]; refcount(old) > 1; ) {
      long seen = (long) STATE.compareAndExchange(states, at, old, old - ONE_REFERENCE);
      if (seen == old) {
        return true;
      }
      old = seen;
    }
    return false;
  }

  static void setOwner(long[] states, int at, FrameOwner owner) {
    for (long old = states[at]; ; ) {
      long seen = (long) STATE.compareAndExchange(states, at, old, withOwner(old, owner));
      if (seen == old) {
        return;
      }
      old = seen;
    }
  }

  static void setOrder(long[] states, int at, int order) {
    for (long old = states[at]; ; ) {
      long seen = (long) STATE.compareAndExchange(states, at, old, withOrder(old, order));
      if (seen == old) {
        return;
      }
      old = seen;
    }
  }

  static void setFlags(long[] states, int at, int flags) {
    for (long old = states[at]; ; ) {
      long seen = (long) STATE.compareAndExchange(states, at, old, withFlags(old, flags));
      if (seen == old) {
        return;
      }
      old = seen;
    }
  }

  /**
   * Whether it is the first frame of a block of this order to which there is one reference, and
   * nothing more is known of it.
   */
  static boolean isPlainLast(long state, int order) {
    return (state & REFCOUNT_MORE_ORDER) == (ONE_REFERENCE | (long) order << ORDER_SHIFT);
  }

  /** The code of an owner; a constant where the JIT compiler knows which of the usual it is. */
  private static long code(FrameOwner owner) {
    return owner == FrameOwner.KERNEL ? 4 : owner == FrameOwner.PCP ? 3 : owner.code();
  }

  /** A block for its new holder: the first frame with one reference, the others with none. */
  static void prepare(long[] states, int at, int order, FrameOwner owner) {
    long tail = (long) order << ORDER_SHIFT | code(owner);
    states[at] = ONE_REFERENCE | tail | (states[at] & MORE);
    if (order > 0) {
      for (int i = at + 1; i < at + (1 << order); i++) {
        states[i] = tail | (states[i] & MORE);
      }
    }
  }

  /** A block that is nobody's. */
  static void release(long[] states, int at, int order, FrameOwner owner) {
    if (order == 0) {
      states[at] = code(owner);
    } else {
      Arrays.fill(states, at, at + (1 << order), code(owner));
    }
  }
}
