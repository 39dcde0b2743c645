// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.stress;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A second thread that works while the first one waits for it. A lock that the first one holds
 * keeps it out until that is given back.
 */
public final class OtherThread implements AutoCloseable {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final long MOMENT_NS = 50_000_000;

  private final Semaphore given = new Semaphore(0);
  private final Semaphore done = new Semaphore(1);
  private final Thread thread = new Thread(this::work, "other");
  private volatile @Nullable Runnable task;
  private volatile boolean working;
  private volatile @Nullable Throwable thrown;

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
    long mine = Thread.currentThread().threadId();
    long began = System.nanoTime();
    while (!done.tryAcquire()) {
      ThreadInfo now = THREADS.getThreadInfo(thread.threadId());
      boolean keptOut = now == null || now.getLockOwnerId() == mine;
      if (keptOut || System.nanoTime() - began > MOMENT_NS) {
        return false;
      }
      Thread.onSpinWait();
    }
    return true;
  }

  /** Whether it is kept out; else it has done what it was given. */
  private boolean waits() {
    try {
      while (!done.tryAcquire(1, TimeUnit.MILLISECONDS)) {
        if (working && stands()) {
          return true;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
    return false;
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
