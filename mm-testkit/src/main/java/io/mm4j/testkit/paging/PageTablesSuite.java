// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.paging.faults.PagingFaults;
import io.mm4j.testkit.paging.naive.NaivePaging;
import io.mm4j.testkit.paging.rules.CursorRules;
import io.mm4j.testkit.paging.rules.EdgeRules;
import io.mm4j.testkit.paging.rules.FlushRules;
import io.mm4j.testkit.paging.rules.KernelRules;
import io.mm4j.testkit.paging.rules.MmuRules;
import io.mm4j.testkit.paging.rules.TableFrameRules;
import io.mm4j.testkit.paging.rules.TableRules;
import io.mm4j.testkit.paging.rules.TlbRules;
import java.util.ArrayList;
import java.util.List;

/** Everything about {@code paging}. */
public final class PageTablesSuite {
  private PageTablesSuite() {}

  /** The suite. */
  public static Suite<PageTablesProvider> suite() {
    List<Rule<PageTablesProvider>> rules = new ArrayList<>(CursorRules.all());
    rules.addAll(TableFrameRules.all());
    rules.addAll(TableRules.all());
    rules.addAll(KernelRules.all());
    rules.addAll(MmuRules.all());
    rules.addAll(EdgeRules.all());
    rules.addAll(TlbRules.all());
    rules.addAll(FlushRules.all());
    return new Suite<>(Spi.PAGING, new NaivePaging(), rules, PagingFaults.all());
  }
}
