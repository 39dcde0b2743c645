// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.model;

import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import java.util.List;

/** The rules PA-26 and on: everything that an allocator does is what the model does. */
public final class TwinRules {
  private TwinRules() {}

  /** All of them. */
  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        new TwinRule(
            new RuleInfo(
                "PA-26",
                "as-linux",
                "Whatever is asked, block, lists, counters and events are those that Linux's"
                    + " decisions give.",
                "A machine that decides otherwise is another machine.",
                "mm/page_alloc.c get_page_from_freelist, rmqueue, __free_frozen_pages",
                "one decision of the page allocator is off; the first difference says which"),
            Grounds::any,
            Mixes::everyday));
  }
}
