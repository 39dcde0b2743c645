// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.kernel.faults.KernelSpaceFaults;
import io.mm4j.testkit.kernel.naive.NaiveSpaces;
import io.mm4j.testkit.kernel.rules.AreaRules;
import io.mm4j.testkit.kernel.rules.CaseRules;
import io.mm4j.testkit.kernel.rules.DeviceRules;
import io.mm4j.testkit.kernel.rules.FailureRules;
import io.mm4j.testkit.kernel.rules.FaultRules;
import io.mm4j.testkit.kernel.rules.HighRules;
import io.mm4j.testkit.kernel.rules.LeftRules;
import io.mm4j.testkit.kernel.rules.ManyRules;
import io.mm4j.testkit.kernel.rules.ZoneRules;
import java.util.ArrayList;
import java.util.List;

/**
 * Everything about the kernel's own mappings, which come with a plugin of {@code paging}, above
 * every combination of the plugins below them.
 */
public final class KernelSpaceSuite {
  /** The suite's name. */
  public static final String NAME = "kernel-space";

  private KernelSpaceSuite() {}

  /** The suite. */
  public static Suite<PageTablesProvider> suite() {
    List<Rule<PageTablesProvider>> rules = new ArrayList<>(AreaRules.all());
    rules.addAll(ZoneRules.all());
    rules.addAll(FailureRules.all());
    rules.addAll(FaultRules.all());
    rules.addAll(DeviceRules.all());
    rules.addAll(HighRules.all());
    rules.addAll(LeftRules.all());
    rules.addAll(ManyRules.all());
    rules.addAll(CaseRules.all());
    return new Suite<>(NAME, Spi.PAGING, new NaiveSpaces(), rules, KernelSpaceFaults.all(), null);
  }
}
