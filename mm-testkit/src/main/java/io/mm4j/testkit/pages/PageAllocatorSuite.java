// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.memory.faults.HeldPageFaults;
import io.mm4j.testkit.memory.faults.KeptFaults;
import io.mm4j.testkit.memory.faults.StairFaults;
import io.mm4j.testkit.pages.faults.ModelFaults;
import io.mm4j.testkit.pages.faults.PageFaults;
import io.mm4j.testkit.pages.faults.TakenFaults;
import io.mm4j.testkit.pages.naive.NaivePages;
import io.mm4j.testkit.pages.rules.GivenRules;
import io.mm4j.testkit.pages.rules.HeldRules;
import io.mm4j.testkit.pages.rules.KeptRules;
import io.mm4j.testkit.pages.rules.MoveRules;
import io.mm4j.testkit.pages.rules.RangeRules;
import io.mm4j.testkit.pages.rules.ShortageRules;
import io.mm4j.testkit.pages.rules.StairRules;
import io.mm4j.testkit.pages.rules.StressRule;
import io.mm4j.testkit.pages.rules.TakenRules;
import io.mm4j.testkit.pages.rules.TwinRules;
import java.util.List;
import java.util.stream.Stream;

/** Everything about {@code page-allocator}. */
public final class PageAllocatorSuite {
  private PageAllocatorSuite() {}

  /** The suite. */
  public static Suite<PageAllocatorProvider> suite() {
    List<Rule<PageAllocatorProvider>> rules =
        Stream.of(
                GivenRules.all(),
                HeldRules.all(),
                ShortageRules.all(),
                RangeRules.all(),
                KeptRules.all(),
                StairRules.all(),
                MoveRules.all(),
                TakenRules.all(),
                ModelRules.all(),
                TwinRules.all(),
                List.<Rule<PageAllocatorProvider>>of(StressRule.rule()))
            .flatMap(List::stream)
            .toList();
    return new Suite<>(Spi.PAGE_ALLOCATOR, new NaivePages(), rules, faults());
  }

  private static List<Fault<PageAllocatorProvider>> faults() {
    return Stream.of(
            PageFaults.all(),
            TakenFaults.all(),
            HeldPageFaults.all(),
            KeptFaults.all(),
            StairFaults.all(),
            ModelFaults.all(),
            ModelRules.faults())
        .flatMap(List::stream)
        .toList();
  }
}
