// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory;

import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Spi;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.faults.MemoryFaults;
import io.mm4j.testkit.naive.NaiveMemories;
import java.util.ArrayList;
import java.util.List;

/** Everything about {@code physical-memory}. */
public final class PhysicalMemorySuite {
  private PhysicalMemorySuite() {}

  /** The suite. */
  public static Suite<PhysicalMemoryProvider> suite() {
    return new Suite<>(
        Spi.PHYSICAL_MEMORY, new NaiveMemories(), rules(), MemoryFaults.all());
  }

  private static List<Rule<PhysicalMemoryProvider>> rules() {
    List<Rule<PhysicalMemoryProvider>> rules = new ArrayList<>(MemoryRules.all());
    rules.addAll(MachineRules.all());
    return rules;
  }
}
