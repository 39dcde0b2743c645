// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.MisuseException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.apiguardian.api.API;

/**
 * The state of a frame: one long holds what every allocation and every free writes.
 *
 * <pre>
 *   63        40 39      30  29  28        10 9     5 4     0
 *   |  refcount |   tag    |held|   flags    | order | owner |
 * </pre>
 *
 * <ul>
 *   <li><i>owner</i>, 5 bits: the code of a {@link FrameOwner}.
 *   <li><i>order</i>, 5 bits: the order of the block that the frame lies in, up to 18 (1 GiB).
 *   <li><i>flags</i>, 19 bits: {@link PageFlags}.
 *   <li><i>held</i>: the frame's row may have something in it, and others may find the frame and
 *       take a reference to it; set by {@link MemMap#hold} and by whoever writes to the row.
 *   <li><i>tag</i>, 10 bits: the page allocator's own. On a frame that it handed out it says where
 *       the block goes when it comes back: 0 is nowhere in particular, other numbers name one
 *       per-cpu list (zone, order and migratetype), say {@code zone << 4 | list + 1}. Nobody else
 *       reads or changes it; it stays when the frame is held, dropped, referenced or moved.
 *   <li><i>refcount</i>, 24 bits; the uppermost, so that it can overflow into nothing.
 * </ul>
 *
 * <p>So a block that was handed out and came back untouched is known by one comparison: {@code
 * state & ~OWNER_MASK} is {@link #plain} of its order and tag. Then there is one reference, nobody
 * holds it and no flag is set, its order is right, and the tag says zone and type.
 *
 * <p>Threads: references are counted, and flags, owner and order set, by atomic steps, since every
 * holder of a frame may take a reference. A reference out of nothing ({@link MemMap#tryGet}) is
 * given for held frames only; hence whoever has the only reference to a frame that is not held may
 * replace its state by a plain store: the page allocator when it hands a block out and when it
 * takes one back, and {@link MemMap#hold}. Only the end of holding needs an atomic step.
 */
@API(status = API.Status.MAINTAINED)
public final class PageState {
  /** The owner's bits. */
  public static final long OWNER_MASK = 0x1f;

  /** The tag's bits. */
  public static final long TAG_MASK = 0x3ffL << 30;

  /** Tags are smaller. */
  public static final int TAGS = 1 << 10;

  /** See above. */
  public static final long HELD = 1L << 29;

  /** What one reference adds. */
  public static final long ONE_REFERENCE = 1L << 40;

  /** More references to one frame than this are refused: 16.7 million. */
  public static final int MAX_REFCOUNT = 0xff_0000;

  private static final int ORDER_SHIFT = 5;
  private static final long ORDER_MASK = 0x1fL << ORDER_SHIFT;
  private static final int FLAGS_SHIFT = 10;
  private static final long FLAGS_MASK = 0x7ffffL << FLAGS_SHIFT;
  private static final int TAG_SHIFT = 30;
  private static final int REFCOUNT_SHIFT = 40;
  private static final long REFCOUNT_MASK = -1L << REFCOUNT_SHIFT;

  private static final VarHandle STATE = MethodHandles.arrayElementVarHandle(long[].class);

  private PageState() {}

  /** Who holds it. */
  public static FrameOwner owner(long state) {
    return FrameOwner.of((int) (state & OWNER_MASK));
  }

  /** With another owner. */
  public static long withOwner(long state, FrameOwner owner) {
    return (state & ~OWNER_MASK) | owner.code();
  }

  /** The order of its block. */
  public static int order(long state) {
    return (int) (state & ORDER_MASK) >>> ORDER_SHIFT;
  }

  /** With another order. */
  public static long withOrder(long state, int order) {
    return (state & ~ORDER_MASK) | (long) order << ORDER_SHIFT;
  }

  /** Its flags. */
  public static int flags(long state) {
    return (int) (state & FLAGS_MASK) >>> FLAGS_SHIFT;
  }

  /** With other flags. */
  public static long withFlags(long state, int flags) {
    return (state & ~FLAGS_MASK) | ((long) flags << FLAGS_SHIFT & FLAGS_MASK);
  }

  /** Its references. */
  public static int refcount(long state) {
    return (int) (state >>> REFCOUNT_SHIFT);
  }

  /** With another number of references. */
  public static long withRefcount(long state, int count) {
    return (state & ~REFCOUNT_MASK) | (long) count << REFCOUNT_SHIFT;
  }

  /** The page allocator's tag. */
  public static int tag(long state) {
    return (int) ((state & TAG_MASK) >>> TAG_SHIFT);
  }

  /** With another tag. */
  public static long withTag(long state, int tag) {
    return (state & ~TAG_MASK) | (long) tag << TAG_SHIFT;
  }

  /**
   * The first frame of a block that was handed out and to which nothing was done since, but for its
   * owner, which is 0 here.
   */
  public static long plain(int order, int tag) {
    return ONE_REFERENCE | (long) tag << TAG_SHIFT | (long) order << ORDER_SHIFT;
  }

  /**
   * Whether it is the first frame of a block of this order to which there is one reference, and
   * nobody holds it; whatever its owner, tag and flags are.
   */
  public static boolean isPlainLast(long state, int order) {
    return (state & (REFCOUNT_MASK | HELD | ORDER_MASK)) == plain(order, 0);
  }

  /** Notes that something is written to the frame's row. */
  public static void noteHeld(long[] states, int at) {
    if ((states[at] & HELD) == 0) {
      long _ = (long) STATE.getAndBitwiseOr(states, at, HELD);
    }
  }

  /** One more reference, for somebody who has one. */
  public static void get(long[] states, int at) {
    long old = (long) STATE.getAndAdd(states, at, ONE_REFERENCE);
    if (refcount(old) == 0 || refcount(old) >= MAX_REFCOUNT) {
      long _ = (long) STATE.getAndAdd(states, at, -ONE_REFERENCE);
      throw new MisuseException(
          "a reference by nobody who has one, or one too many: " + describe(old));
    }
  }

  /**
   * A reference for somebody who has none, to a held frame that has some; whether there was one.
   */
  public static boolean tryGet(long[] states, int at) {
    for (long old = states[at]; (old & HELD) != 0; ) {
      int count = refcount(old);
      if (count == 0 || count >= MAX_REFCOUNT) {
        return false;
      }
      long seen = replace(states, at, old, old + ONE_REFERENCE);
      if (seen == old) {
        return true;
      }
      old = seen;
    }
    return false;
  }

  /** No references, if there are exactly so many; whether there were. */
  public static boolean freeze(long[] states, int at, int expected) {
    for (long old = states[at]; refcount(old) == expected && expected > 0; ) {
      long seen = replace(states, at, old, withRefcount(old, 0));
      if (seen == old) {
        return true;
      }
      old = seen;
    }
    return false;
  }

  /** So many references, where there were none. */
  public static void unfreeze(long[] states, int at, int count) {
    if (count < 1 || count > MAX_REFCOUNT) {
      throw new MisuseException("no number of references: count=" + count);
    }
    for (long old = states[at]; ; ) {
      if (refcount(old) != 0) {
        throw new MisuseException("it is not frozen: " + describe(old));
      }
      long seen = replace(states, at, old, withRefcount(old, count));
      if (seen == old) {
        return;
      }
      old = seen;
    }
  }

  /** One reference less, unless it is the last one; whether it was not. */
  public static boolean putUnlessLast(long[] states, int at) {
    for (long old = states[at]; refcount(old) > 1; ) {
      long seen = replace(states, at, old, old - ONE_REFERENCE);
      if (seen == old) {
        return true;
      }
      old = seen;
    }
    return false;
  }

  /**
   * One atomic step.
   *
   * @return the state that was found: {@code old} if it was replaced
   */
  public static long replace(long[] states, int at, long old, long now) {
    return (long) STATE.compareAndExchange(states, at, old, now);
  }

  /** Replaces the owner. */
  public static void setOwner(long[] states, int at, FrameOwner owner) {
    set(states, at, OWNER_MASK, owner.code());
  }

  /** Replaces the order. */
  public static void setOrder(long[] states, int at, int order) {
    set(states, at, ORDER_MASK, (long) order << ORDER_SHIFT);
  }

  /** Replaces the flags. */
  public static void setFlags(long[] states, int at, int flags) {
    set(states, at, FLAGS_MASK, (long) flags << FLAGS_SHIFT & FLAGS_MASK);
  }

  /** Replaces the tag. */
  public static void setTag(long[] states, int at, int tag) {
    set(states, at, TAG_MASK, (long) tag << TAG_SHIFT);
  }

  private static void set(long[] states, int at, long mask, long bits) {
    for (long old = states[at]; ; ) {
      long seen = replace(states, at, old, (old & ~mask) | bits);
      if (seen == old) {
        return;
      }
      old = seen;
    }
  }

  /** The code of an owner; a constant where the JIT compiler knows which of the usual it is. */
  private static long code(FrameOwner owner) {
    return owner == FrameOwner.KERNEL ? 4 : owner == FrameOwner.PCP ? 3 : owner.code();
  }

  /**
   * The first frame of a bare block becomes a held one, by the only one who has a reference; what
   * was written to the row before is seen by whoever finds it.
   */
  public static void hold(long[] states, int at, FrameOwner owner, int flags) {
    long kept = states[at] & (REFCOUNT_MASK | TAG_MASK | ORDER_MASK);
    publish(states, at, withFlags(kept | HELD | code(owner), flags));
  }

  /** Replaces the state after what was written before: a release store. */
  public static void publish(long[] states, int at, long state) {
    STATE.setRelease(states, at, state);
  }

  /** The state of a held frame when it is bare again. */
  public static long bare(long state) {
    return (state & (REFCOUNT_MASK | TAG_MASK | ORDER_MASK)) | FrameOwner.KERNEL.code();
  }

  /** In words. */
  public static String describe(long state) {
    return String.format(
        "owner=%s order=%d refcount=%d held=%s flags=0x%x",
        owner(state), order(state), refcount(state), (state & HELD) != 0, flags(state));
  }

  /** A held block's first frame, without a tag. */
  public static long heldBlock(int order, FrameOwner owner, int flags, int count) {
    return (long) count << REFCOUNT_SHIFT | HELD | (long) flags << FLAGS_SHIFT | tail(order, owner);
  }

  /** Whether it is the first frame of a held block of this order with a reference. */
  public static boolean isHeldBlock(long state, int order) {
    return (state & (HELD | ORDER_MASK)) == (HELD | (long) order << ORDER_SHIFT)
        && refcount(state) > 0;
  }

  /** Whether it is a held single page to which there is one reference. */
  public static boolean isLastHeldPage(long state) {
    return (state & (REFCOUNT_MASK | HELD | ORDER_MASK)) == (ONE_REFERENCE | HELD);
  }

  /** A frame of a block that is not its first: no references, flags or tag. */
  public static long tail(int order, FrameOwner owner) {
    return (long) order << ORDER_SHIFT | code(owner);
  }

  /** A single frame for its new holder. */
  public static void prepare(long[] states, int at, FrameOwner owner) {
    states[at] = ONE_REFERENCE | code(owner) | (states[at] & HELD);
  }
}
