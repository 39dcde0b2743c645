// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.stress;

import io.mm4j.api.KernelLock;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A second thread that works while the first one waits for it. A lock that the first one holds
 * keeps it out until that is given back.
 *
 * <p>What keeps it out is known of monitors, of locks of the JDK and of {@link KernelLock}. For
 * others, such as one that is spun for, the first thread waits in vain, but not more than a few
 * seconds in all: then both work at once.
 */
public final class OtherThread implements AutoCloseable {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final long MOMENT_NS = 50_000_000;
  private static final long TURN_NS = 100_000;
  private static final long IN_VAIN_NS = 3_000_000_000L;

  private final Semaphore given = new Semaphore(0);
  private final Semaphore done = new Semaphore(1);
  private final Thread thread = new Thread(this::work, "other");
  private volatile @Nullable Runnable task;
  private volatile boolean working;
  private volatile @Nullable Throwable thrown;

  /** How long the first thread may still wait for what does not come. */
  private long leftNs = IN_VAIN_NS;

  /** Starts it. */
  public OtherThread() {
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Has it do something, and waits until that is done or the thread waits for a lock. While it
   * waits nothing more is done.
   */
  public void run(Runnable next) {
    if (!done.tryAcquire() && !comesToItsEnd()) {
      return;
    }
    working = false;
    task = next;
    given.release();
    if (!waits()) {
      done.release();
    }
  }

  /** Whether it is done in a moment, as no lock of this thread keeps it out any more. */
  private boolean comesToItsEnd() {
    return !isKeptOut() && isDoneIn(MOMENT_NS, this::isKeptOut);
  }

  /** Whether it is kept out; else it has done what it was given. */
  private boolean waits() {
    return !isDoneIn(IN_VAIN_NS, () -> working && stands());
  }

  private boolean isKeptOut() {
    if (KernelLock.keepsOut(thread)) {
      return true;
    }
    ThreadInfo now = THREADS.getThreadInfo(thread.threadId());
    return now == null || now.getLockOwnerId() == Thread.currentThread().threadId();
  }

  /** Waits until it is done, and no longer than some time or until something else is true. */
  private boolean isDoneIn(long ns, BooleanSupplier orElse) {
    long most = Math.min(ns, leftNs);
    long began = System.nanoTime();
    try {
      while (!done.tryAcquire(TURN_NS, TimeUnit.NANOSECONDS)) {
        if (orElse.getAsBoolean()) {
          return false;
        }
        if (System.nanoTime() - began >= most) {
          leftNs -= most;
          return false;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
    return true;
  }

  private boolean stands() {
    return switch (thread.getState()) {
      case BLOCKED, WAITING, TIMED_WAITING -> true;
      default -> false;
    };
  }

  /** Waits for what it does, and throws what it has thrown. */
  public void await() {
    done.acquireUninterruptibly();
    done.release();
    switch (thrown) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case null, default -> {}
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }

  private void work() {
    try {
      while (true) {
        given.acquire();
        working = true;
        try {
          Runnable now = task;
          if (now != null && thrown == null) {
            now.run();
          }
        } catch (RuntimeException | Error e) {
          thrown = e;
        }
        working = false;
        done.release();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
