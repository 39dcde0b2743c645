// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import java.util.concurrent.locks.AbstractQueuedSynchronizer;
import java.util.concurrent.locks.LockSupport;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * A lock of the simulated kernel: a named mutex with a {@link LockClass}, so that order and
 * contention can be watched. Not reentrant. Waiters are parked, never spin for ever, and may be
 * virtual threads.
 *
 * <p>Its order towards other locks is that of its {@link LockClass}, and among those of one class
 * that of their ranks; {@link LockOrder} checks it where it is switched on.
 *
 * <p>Cost when nobody else wants it: one compare-and-set to lock, one volatile store to unlock; and
 * for all but CPUs and zones a count of the thread's, from which {@link LockOrder#held} tells what
 * it holds.
 */
@API(status = API.Status.MAINTAINED)
public final class KernelLock {
  private final String name;
  private final LockClass lockClass;
  private final long rank;
  private final Mutex mutex;
  private final boolean counted;

  /** Who holds it and since where, if orders are checked; guarded by the lock itself. */
  private LockOrder.@Nullable Held held;

  /** Creates an unlocked lock of rank 0; the name appears in messages. */
  public KernelLock(LockClass lockClass, String name) {
    this(lockClass, name, 0);
  }

  /** Creates an unlocked lock with a place among those of its class. */
  public KernelLock(LockClass lockClass, String name, long rank) {
    this.lockClass = lockClass;
    this.name = name;
    this.rank = rank;
    this.mutex = new Mutex(lockClass);
    this.counted = lockClass.isCounted();
  }

  /** Takes the lock, waiting as long as it must. */
  public void lock() {
    if (LockOrder.Switch.ON) {
      LockOrder.check(this);
    }
    mutex.acquire(1);
    if (counted) {
      LockOrder.count(lockClass, 1);
    }
    if (LockOrder.Switch.ON) {
      held = LockOrder.taken(this);
    }
  }

  /** Takes the lock if nobody holds it; never waits. */
  public boolean tryLock() {
    boolean taken = mutex.tryAcquire(1);
    if (counted && taken) {
      LockOrder.count(lockClass, 1);
    }
    if (LockOrder.Switch.ON && taken) {
      held = LockOrder.taken(this);
    }
    return taken;
  }

  /** Gives the lock up. The caller holds it. */
  public void unlock() {
    if (LockOrder.Switch.ON) {
      LockOrder.given(this, held);
      held = null;
    }
    mutex.release(1);
    if (counted) {
      LockOrder.count(lockClass, -1);
    }
  }

  /** Whether somebody holds it now. */
  public boolean isLocked() {
    return mutex.isHeldExclusively();
  }

  /** Whether a thread is waiting for it; a guess, for statistics. */
  public boolean isContended() {
    return mutex.hasQueuedThreads();
  }

  /**
   * The thread that holds a lock of {@link LockClass#CPU}; null if none does, or one is just about
   * to, and for locks of other classes, which do not remember it.
   */
  public @Nullable Thread holder() {
    return mutex.holder();
  }

  /** The kind of lock that a thread is waiting for now, or null; a guess unless it stands still. */
  public static @Nullable LockClass awaitedBy(Thread thread) {
    return LockSupport.getBlocker(thread) instanceof Mutex awaited ? awaited.lockClass : null;
  }

  /**
   * Whether a thread is parked for a lock that somebody holds now; false too when the lock is free
   * and the thread has not woken up yet. A guess unless the holder stands still.
   */
  public static boolean keepsOut(Thread thread) {
    return LockSupport.getBlocker(thread) instanceof Mutex awaited && awaited.isHeldExclusively();
  }

  /** Its place among the locks of its class. */
  public long rank() {
    return rank;
  }

  /** The kind of lock. */
  public LockClass lockClass() {
    return lockClass;
  }

  @Override
  public String toString() {
    return lockClass + "(" + name + ")";
  }

  private static final class Mutex extends AbstractQueuedSynchronizer {
    private static final long serialVersionUID = 1L;

    private final LockClass lockClass;
    private final boolean remembers;

    Mutex(LockClass lockClass) {
      this.lockClass = lockClass;
      this.remembers = lockClass == LockClass.CPU;
    }

    @Nullable Thread holder() {
      return getExclusiveOwnerThread();
    }

    @Override
    protected boolean tryAcquire(int ignored) {
      if (!compareAndSetState(0, 1)) {
        return false;
      }
      if (remembers) {
        setExclusiveOwnerThread(Thread.currentThread());
      }
      return true;
    }

    @Override
    protected boolean tryRelease(int ignored) {
      if (getState() == 0) {
        throw new MisuseException("unlock of a lock that nobody holds");
      }
      if (remembers) {
        setExclusiveOwnerThread(null);
      }
      setState(0);
      return true;
    }

    @Override
    protected boolean isHeldExclusively() {
      return getState() != 0;
    }
  }
}
