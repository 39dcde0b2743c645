// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import java.util.concurrent.Semaphore;

/** Lets two threads go on in turn, so that the order of their calls is always the same. */
final class Turns {
  private final Semaphore[] mine = {new Semaphore(1), new Semaphore(0)};

  /** What one of the threads, 0 or 1, has of it. */
  Of of(int thread) {
    return new Of(mine[thread], mine[1 - thread]);
  }

  /**
   * One thread's part.
   *
   * @param mine its turns
   * @param other those of the other thread
   */
  record Of(Semaphore mine, Semaphore other) {
    void await() {
      mine.acquireUninterruptibly();
    }

    void pass() {
      other.release();
    }

    /** From now on the other thread has every turn. */
    void leave() {
      other.release(1 << 20);
    }
  }
}
