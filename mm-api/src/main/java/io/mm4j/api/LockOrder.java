// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import java.lang.StackWalker.StackFrame;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Checks that locks are taken in the order of {@link LockClass}: the kernel's lockdep, as far as
 * the order is known beforehand. A thread that waits for a lock out of order, or for one that it
 * holds itself, gets a {@link LockOrderError} with both locks and both places, whether or not it
 * would have met anybody; one that gives up a lock that another thread took gets a {@link
 * MisuseException}, but for a CPU, which may be handed over.
 *
 * <p>Off, it costs nothing: {@link KernelLock} asks a constant. The system property {@code
 * mm.checkLocks=true} or {@link #request} switches it on, before the first lock is made.
 */
@API(status = API.Status.MAINTAINED)
public final class LockOrder {
  /** The system property. */
  public static final String PROPERTY = "mm.checkLocks";

  private static volatile boolean requested = Boolean.getBoolean(PROPERTY);

  private static final ThreadLocal<List<Held>> HELD = ThreadLocal.withInitial(ArrayList::new);

  /** How many locks of each kind a thread holds, by code. */
  private static final ThreadLocal<int[]> COUNTS =
      ThreadLocal.withInitial(() -> new int[LockClass.COUNT]);

  private static final StackWalker STACK = StackWalker.getInstance();
  private static final Set<String> OURS =
      Set.of(LockOrder.class.getName(), KernelLock.class.getName(), Cpus.class.getName());

  private LockOrder() {}

  /** Whether orders are checked, decided when it is first asked. */
  static final class Switch {
    static final boolean ON = requested;

    private Switch() {}
  }

  /** A lock that a thread holds, and where it took it. */
  static final class Held {
    final KernelLock lock;
    final Thread thread = Thread.currentThread();
    final @Nullable StackFrame place = here();
    private final List<Held> list = HELD.get();

    private Held(KernelLock lock) {
      this.lock = lock;
    }

    @Override
    public String toString() {
      return lock + " is held since " + place;
    }
  }

  /**
   * Switches the check on.
   *
   * @return whether it is on: false if a lock was made before
   */
  public static boolean request() {
    requested = true;
    return Switch.ON;
  }

  /** Whether orders are checked. */
  public static boolean isChecked() {
    return Switch.ON;
  }

  /**
   * This thread holds nothing from now on: what it held belonged to a machine that is gone, such as
   * that of a test which failed.
   */
  public static void forget() {
    HELD.remove();
    COUNTS.remove();
  }

  /**
   * The kinds of lock that this thread holds, a set of {@link LockClass#bit}, known whether or not
   * orders are checked. CPUs and zones are not in it.
   */
  public static int held() {
    int kinds = 0;
    int[] counts = COUNTS.get();
    for (int i = 0; i < counts.length; i++) {
      kinds |= counts[i] > 0 ? 1 << i : 0;
    }
    return kinds;
  }

  /** This thread has one lock of a kind more, or less. */
  static void count(LockClass kind, int by) {
    COUNTS.get()[kind.code()] += by;
  }

  /** Before a thread waits for a lock. */
  static void check(KernelLock wanted) {
    List<Held> list = HELD.get();
    synchronized (list) {
      for (Held held : list) {
        if (!follows(wanted, held.lock)) {
          throw new LockOrderError(
              "wrong order of locks: "
                  + wanted
                  + " is wanted at "
                  + here()
                  + " while "
                  + held
                  + "; the order is "
                  + Arrays.toString(LockClass.values())
                  + rule(wanted, held.lock));
        }
      }
    }
  }

  private static boolean follows(KernelLock wanted, KernelLock held) {
    int order = wanted.lockClass().compareTo(held.lockClass());
    return order > 0
        || (order == 0
            && wanted.lockClass().siblings() == LockClass.Siblings.ASCENDING
            && wanted.rank() > held.rank());
  }

  private static String rule(KernelLock wanted, KernelLock held) {
    if (wanted.equals(held)) {
      return "; a lock is not taken twice";
    }
    if (wanted.lockClass() != held.lockClass()) {
      return "";
    }
    return switch (wanted.lockClass().siblings()) {
      case NEVER -> "; a second one of this kind is taken by try-lock only";
      case ASCENDING ->
          "; of this kind those of higher rank come later: rank="
              + wanted.rank()
              + " after rank="
              + held.rank();
    };
  }

  /** A thread has a lock now. */
  static Held taken(KernelLock lock) {
    Held held = new Held(lock);
    synchronized (held.list) {
      held.list.add(held);
    }
    return held;
  }

  /** A thread is about to give a lock up. */
  static void given(KernelLock lock, @Nullable Held held) {
    if (held == null) {
      return; // the lock itself says that nobody holds it
    }
    if (!held.thread.equals(Thread.currentThread()) && lock.lockClass() != LockClass.CPU) {
      throw new MisuseException(
          "unlock by a thread that does not hold it: " + held + " by " + held.thread.getName());
    }
    synchronized (held.list) {
      held.list.remove(held);
    }
  }

  private static @Nullable StackFrame here() {
    return STACK.walk(
        frames -> frames.filter(f -> !isOurs(f.getClassName())).findFirst().orElse(null));
  }

  private static boolean isOurs(String className) {
    int nested = className.indexOf('$');
    return OURS.contains(nested < 0 ? className : className.substring(0, nested));
  }
}
