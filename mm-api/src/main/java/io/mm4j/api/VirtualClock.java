// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import org.apiguardian.api.API;

/**
 * The machine's time, in nanoseconds since boot. It stands still until somebody advances it (a
 * replay does, from the time stamps of its recording), so that one seed gives one history.
 *
 * <p>Threads: reads are safe from any thread; one thread at a time advances.
 */
@API(status = API.Status.MAINTAINED)
public final class VirtualClock {
  private volatile long nowNs;

  /** Creates a clock at boot time. */
  public VirtualClock() {}

  /** Nanoseconds since boot. */
  public long nowNs() {
    return nowNs;
  }

  /**
   * Moves time forward.
   *
   * @param ns nanoseconds, not negative
   */
  public void advance(long ns) {
    if (ns < 0) {
      throw new MisuseException("time does not go back: ns=" + ns + " nowNs=" + nowNs);
    }
    long then = nowNs;
    nowNs = then + ns;
  }

  /** Such as {@code 1500 ns since boot}. */
  @Override
  public String toString() {
    return nowNs + " ns since boot";
  }
}
