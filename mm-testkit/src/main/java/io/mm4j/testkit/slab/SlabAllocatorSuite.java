// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.slab.faults.SlabFaults;
import io.mm4j.testkit.slab.naive.NaiveSlabs;
import io.mm4j.testkit.slab.rules.ArrayRules;
import io.mm4j.testkit.slab.rules.BootRules;
import io.mm4j.testkit.slab.rules.BoundRules;
import io.mm4j.testkit.slab.rules.CaseRules;
import io.mm4j.testkit.slab.rules.CpuSlabRules;
import io.mm4j.testkit.slab.rules.DebugRules;
import io.mm4j.testkit.slab.rules.DestroyRule;
import io.mm4j.testkit.slab.rules.EdgeRules;
import io.mm4j.testkit.slab.rules.EverydayRules;
import io.mm4j.testkit.slab.rules.FarRule;
import io.mm4j.testkit.slab.rules.GeometryRules;
import io.mm4j.testkit.slab.rules.KeepRules;
import io.mm4j.testkit.slab.rules.LastOneRule;
import io.mm4j.testkit.slab.rules.MarkRules;
import io.mm4j.testkit.slab.rules.MarkedRules;
import io.mm4j.testkit.slab.rules.MergeRules;
import io.mm4j.testkit.slab.rules.NamedCases;
import io.mm4j.testkit.slab.rules.PageRequestRules;
import io.mm4j.testkit.slab.rules.PlaceRules;
import io.mm4j.testkit.slab.rules.PromiseRules;
import io.mm4j.testkit.slab.rules.RequestRules;
import io.mm4j.testkit.slab.rules.SheafRules;
import io.mm4j.testkit.slab.rules.SlabCRules;
import io.mm4j.testkit.slab.rules.SlabStepRule;
import io.mm4j.testkit.slab.rules.SlabStressRule;
import io.mm4j.testkit.slab.rules.SlobRules;
import io.mm4j.testkit.slab.rules.SmallerOrderRule;
import io.mm4j.testkit.slab.rules.WatchRules;
import io.mm4j.testkit.slab.rules.ZoneEndRule;
import java.util.List;
import java.util.stream.Stream;

/** Everything about {@code slab}. */
public final class SlabAllocatorSuite {
  private SlabAllocatorSuite() {}

  /** The suite. */
  public static Suite<SlabAllocatorProvider> suite() {
    List<Rule<SlabAllocatorProvider>> rules =
        Stream.of(
                EverydayRules.all(),
                CaseRules.all(),
                PlaceRules.all(),
                GeometryRules.all(),
                DebugRules.all(),
                PromiseRules.all(),
                NamedCases.all(),
                RequestRules.all(),
                BoundRules.all(),
                MarkRules.all(),
                WatchRules.all(),
                ArrayRules.all(),
                SlabCRules.all(),
                SlobRules.all(),
                CpuSlabRules.all(),
                PageRequestRules.all(),
                MarkedRules.all(),
                BootRules.all(),
                KeepRules.all(),
                MergeRules.all(),
                SheafRules.all(),
                EdgeRules.all(),
                List.of(
                    SlabStressRule.rule(),
                    SlabStepRule.rule(),
                    DestroyRule.rule(),
                    FarRule.rule(),
                    LastOneRule.rule(),
                    SmallerOrderRule.rule(),
                    ZoneEndRule.rule()))
            .flatMap(List::stream)
            .toList();
    return new Suite<>(Spi.SLAB, new NaiveSlabs(), rules, SlabFaults.all());
  }
}
