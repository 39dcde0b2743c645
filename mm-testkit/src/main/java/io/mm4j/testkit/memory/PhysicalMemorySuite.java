// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory;

import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Spi;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.faults.MemoryFaults;
import io.mm4j.testkit.naive.NaiveMemories;

/** Everything about {@code physical-memory}. */
public final class PhysicalMemorySuite {
  private PhysicalMemorySuite() {}

  /** The suite. */
  public static Suite<PhysicalMemoryProvider> suite() {
    return new Suite<>(
        Spi.PHYSICAL_MEMORY, new NaiveMemories(), MemoryRules.all(), MemoryFaults.all());
  }
}
