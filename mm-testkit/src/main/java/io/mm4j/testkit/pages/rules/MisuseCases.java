// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.MisuseException;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;

/** Callers who break the contract. */
final class MisuseCases {
  private MisuseCases() {}

  static void splitShared(DrawnSubject s, Seeded random) {
    var cpu = s.machine.cpus().get(0);
    var map = s.machine.memory().memMap();
    int order = random.between(1, 6);
    long pfn = s.pages.allocPages(cpu, Gfp.GFP_KERNEL, order);
    map.get(pfn);
    try {
      s.pages.splitPage(pfn, order);
    } catch (MisuseException e) {
      checkEqual(2, map.refcount(pfn), "refcount of a block that was not split");
      checkEqual(order, map.order(pfn), "order of a block that was not split");
      checkEqual(0, map.refcount(pfn + 1), "refcount of its second frame");
      s.pages.freePages(cpu, pfn, order);
      s.pages.freePages(cpu, pfn, order);
      return;
    }
    throw new RuleViolation("MisuseException from the split of a shared block", "no exception");
  }

  static void orders(DrawnSubject s, Seeded random) {
    Giver giver = new Giver(s.pages, 0, true);
    s.machine.pressure().register(giver);
    var cpu = s.machine.cpus().get(0);
    long free = s.pages.freePages() + s.pages.pcpPages();
    for (int order : new int[] {11, 12 + random.below(40), -1 - random.below(40)}) {
      long pfn = s.pages.allocPages(cpu, Gfp.GFP_KERNEL, order);
      check(pfn == PageAllocator.NO_PAGE, "no page of order " + order, "frame " + pfn);
    }
    checkEqual(0, giver.asked().size(), "calls of the reclaimer");
    checkEqual(free, s.pages.freePages() + s.pages.pcpPages(), "free pages");
  }
}
