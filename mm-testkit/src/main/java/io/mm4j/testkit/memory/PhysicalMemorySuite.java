// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.memory.faults.BootFaults;
import io.mm4j.testkit.memory.faults.ContentFaults;
import io.mm4j.testkit.memory.faults.HoldFaults;
import io.mm4j.testkit.memory.faults.HostTableFaults;
import io.mm4j.testkit.memory.faults.MachineFaults;
import io.mm4j.testkit.memory.faults.MemoryFaults;
import io.mm4j.testkit.memory.faults.RamFaults;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.rules.BootRules;
import io.mm4j.testkit.memory.rules.ContentRules;
import io.mm4j.testkit.memory.rules.HoldRules;
import io.mm4j.testkit.memory.rules.MachineRules;
import io.mm4j.testkit.memory.rules.MemoryRules;
import io.mm4j.testkit.memory.rules.RamRules;
import java.util.ArrayList;
import java.util.List;

/** Everything about {@code physical-memory}. */
public final class PhysicalMemorySuite {
  private PhysicalMemorySuite() {}

  /** The suite. */
  public static Suite<PhysicalMemoryProvider> suite() {
    return new Suite<>(Spi.PHYSICAL_MEMORY, new NaiveMemories(), rules(), faults());
  }

  private static List<Fault<PhysicalMemoryProvider>> faults() {
    List<Fault<PhysicalMemoryProvider>> faults = new ArrayList<>(MemoryFaults.all());
    faults.addAll(MachineFaults.all());
    faults.addAll(ContentFaults.all());
    faults.addAll(HoldFaults.all());
    faults.addAll(BootFaults.all());
    faults.addAll(RamFaults.all());
    faults.addAll(HostTableFaults.all());
    return faults;
  }

  private static List<Rule<PhysicalMemoryProvider>> rules() {
    List<Rule<PhysicalMemoryProvider>> rules = new ArrayList<>(MemoryRules.all());
    rules.addAll(MachineRules.all());
    rules.addAll(ContentRules.all());
    rules.addAll(HoldRules.all());
    rules.addAll(BootRules.all());
    rules.addAll(RamRules.all());
    return rules;
  }
}
