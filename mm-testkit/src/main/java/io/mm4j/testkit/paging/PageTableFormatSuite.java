// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.paging.faults.FormatFaults;
import io.mm4j.testkit.paging.naive.NaiveFormats;
import io.mm4j.testkit.paging.rules.FormatCases;
import io.mm4j.testkit.paging.rules.FormatRules;
import java.util.ArrayList;
import java.util.List;

/** Everything about {@code page-table}. */
public final class PageTableFormatSuite {
  private PageTableFormatSuite() {}

  /** The suite. */
  public static Suite<PageTableFormatProvider> suite() {
    List<Rule<PageTableFormatProvider>> rules = new ArrayList<>(FormatRules.all());
    rules.addAll(FormatCases.all());
    return new Suite<>(Spi.PAGE_TABLE, new NaiveFormats(), rules, FormatFaults.all());
  }
}
