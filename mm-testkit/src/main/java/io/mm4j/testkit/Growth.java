// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.function.LongSupplier;
import org.apiguardian.api.API;

/**
 * Judges how the cost of calls grows with what a structure holds: the CPU time that this thread
 * needs for the same calls on a small and on a much larger one.
 *
 * <p>What is compared is the least of many windows, taken in turn, so that neither another process
 * nor a collection of garbage is taken for the plugin. Nothing is judged before the compiler has
 * seen the calls, and what looks dear is measured again before it is called so.
 */
@API(status = API.Status.MAINTAINED)
public final class Growth {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** Windows before anything is judged. */
  private static final int WARM = 40;

  /** Windows after which it is not measured again. */
  private static final int MOST = 100;

  private Growth() {}

  /** The CPU time in ns that this thread needs for something. */
  public static long costNs(Runnable calls) {
    long before = THREADS.getCurrentThreadCpuTime();
    calls.run();
    return THREADS.getCurrentThreadCpuTime() - before;
  }

  /**
   * Throws if the calls cost too much more on the larger structure.
   *
   * @param calls what is called, for the message
   * @param times as many times as dear they may be
   * @param small makes the calls on the small structure and returns their CPU time in ns
   * @param large makes as many calls on the larger one and returns their CPU time in ns
   * @throws RuleViolation if they are dearer than that in the least of all windows
   */
  public static void check(String calls, int times, LongSupplier small, LongSupplier large) {
    long leastSmall = Long.MAX_VALUE;
    long leastLarge = Long.MAX_VALUE;
    for (int window = 0; window < MOST; window++) {
      leastSmall = Math.min(leastSmall, Math.max(1, small.getAsLong()));
      leastLarge = Math.min(leastLarge, large.getAsLong());
      if (window >= WARM && leastLarge <= times * leastSmall) {
        return;
      }
    }
    throw new RuleViolation(
        calls + ": at most " + times + " times the CPU time",
        leastLarge / leastSmall + " times, the least of " + MOST + " windows");
  }
}
