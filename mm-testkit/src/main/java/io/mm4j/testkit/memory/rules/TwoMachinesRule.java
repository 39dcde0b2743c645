// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.stress.LifeTrial;

/** PM-57: two machines have nothing in common. */
final class TwoMachinesRule extends Rule<PhysicalMemoryProvider> {
  TwoMachinesRule() {
    super(
        Spi.PHYSICAL_MEMORY,
        new RuleInfo(
            "PM-57",
            "frames-of-two-machines",
            "Two threads that work on the frames of two machines get the answers that each gets"
                + " alone: one with a call before every access of the other's to a field or an"
                + " array, and both at once.",
            "A lock of a machine guards nothing that machines share.",
            "mm4j's contract of plugins: no state but that of their instances",
            "a static field is used as scratch during a call"));
  }

  @Override
  public boolean seeded() {
    return false;
  }

  @Override
  public Trial<?> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    MemoryLayout layout = MachineShape.any(new Seeded(1), MachineShape.Size.SECTIONS).layout();
    return new LifeTrial(info().name(), () -> FrameLife.ofTwoMachines(provider, options, layout));
  }
}
