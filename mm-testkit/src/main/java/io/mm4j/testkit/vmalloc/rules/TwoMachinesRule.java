// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.stress.LifeTrial;

/** VM-29: two machines have nothing in common. */
final class TwoMachinesRule extends Rule<VmallocAllocatorProvider> {
  TwoMachinesRule() {
    super(
        Spi.VMALLOC,
        new RuleInfo(
            "VM-29",
            "areas-of-two-machines",
            "Two threads that work on the areas of two machines get the answers that each gets"
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
  public Trial<?> trial(VmallocAllocatorProvider provider, Options options, long seed) {
    return new LifeTrial(info().name(), () -> AreaLife.ofTwoMachines(provider, options));
  }
}
