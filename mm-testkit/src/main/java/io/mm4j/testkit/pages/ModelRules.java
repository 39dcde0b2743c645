// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages;

import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.pages.faults.RangeFaults;
import io.mm4j.testkit.pages.faults.ShortageFaults;
import io.mm4j.testkit.pages.faults.StairFaults;
import io.mm4j.testkit.pages.faults.StatFaults;
import io.mm4j.testkit.pages.rules.BulkRules;
import io.mm4j.testkit.pages.rules.ContigRules;
import io.mm4j.testkit.pages.rules.KswapdRules;
import io.mm4j.testkit.pages.rules.MarksRules;
import io.mm4j.testkit.pages.rules.PlainRules;
import io.mm4j.testkit.pages.rules.PressureRules;
import io.mm4j.testkit.pages.rules.TargetRules;
import io.mm4j.testkit.pages.rules.ZonelistRules;
import java.util.List;
import java.util.stream.Stream;

/** The rules PA-46 and on: what is kept back, who is asked, and what happens when memory is out. */
public final class ModelRules {
  private ModelRules() {}

  /** Models that are wrong on purpose, one rule each. */
  public static List<Fault<PageAllocatorProvider>> faults() {
    return Stream.of(StatFaults.all(), ShortageFaults.all(), RangeFaults.all(), StairFaults.all())
        .flatMap(List::stream)
        .toList();
  }

  /** All of them. */
  public static List<Rule<PageAllocatorProvider>> all() {
    return Stream.of(
            MarksRules.all(),
            ZonelistRules.all(),
            PressureRules.all(),
            KswapdRules.all(),
            BulkRules.all(),
            ContigRules.all(),
            TargetRules.all(),
            PlainRules.all())
        .flatMap(List::stream)
        .toList();
  }
}
