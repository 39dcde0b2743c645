// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.ZoneType;

/** kswapd, which runs when it is told to. */
public interface Background {
  /** {@code wakeup_kswapd()}: gives it work, if the node needs any. */
  void wake(Cpu cpu, ModelZone zone, int gfp, int order, ZoneType highest);

  /** {@code wake_all_kswapds()}: that of every node that could have served a request. */
  void wakeAll(Request request);

  /** Direct reclaim for a request got something: its nodes are not hopeless. */
  void gained(Request request);

  /** {@code kswapd()}: does the work that has come up; returns how many pages were freed. */
  long run(Cpu cpu);
}
