// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.kernel.rules.SpaceBench.PAGE;

import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.kernel.rules.SpaceBench.Shape;
import java.util.ArrayList;
import java.util.List;

/** The cases of lib/test_vmalloc.c and of KASAN that use the memory, by name. */
public final class CaseRules {
  private CaseRules() {}

  private static KernelRule rule(
      String id,
      String name,
      String statement,
      String behind,
      String failure,
      KernelRule.Body body) {
    return new KernelRule(
        new RuleInfo(
            id, name, statement, "It is what the kernel's own test asks.", behind, failure),
        body,
        Shape.SMALL,
        false);
  }

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "KS-T01",
            "fix-size-alloc-test",
            "One page, as many as are wanted, and huge pages: taken, written and freed again and"
                + " again.",
            "lib/test_vmalloc.c fix_size_alloc_test",
            "a byte of an area cannot be written, or the frames run out",
            CaseRules::fixSize),
        rule(
            "KS-T02",
            "random-size-alloc-test",
            "Areas of random numbers of pages come and go; the first and the last byte of each are"
                + " its own.",
            "lib/test_vmalloc.c random_size_alloc_test",
            "an end of an area is somebody else's",
            CaseRules::randomSize),
        rule(
            "KS-T03",
            "vm-map-ram-test",
            "Given pages are mapped, touched and unmapped, with few and with many pages.",
            "lib/test_vmalloc.c vm_map_ram_test",
            "a page is not mapped, or stays mapped",
            CaseRules::mapRam),
        rule(
            "KS-T04",
            "kvfree-rcu-vmalloc-test",
            "Areas that are freed later hold what they hold until then, many at once, while others"
                + " come.",
            "lib/test_vmalloc.c kvfree_rcu_1_arg_vmalloc_test, kvfree_rcu_2_arg_vmalloc_test",
            "an area is freed before its time, or forgotten",
            CaseRules::freedLater),
        rule(
            "KS-T05",
            "vmalloc-oob",
            "The byte behind the last page of an area and those of its guard page fault.",
            "mm/kasan/kasan_test_c.c vmalloc_oob",
            "the area is a page too long",
            CaseRules::outOfBounds));
  }

  private static void fixSize(SpaceBench b, Seeded random) {
    for (int i = 0; i < 60; i++) {
      int count = i % 3 == 0 ? 1 : i % 3 == 1 ? 1 + random.below(30) : b.kind.isWide() ? 512 : 64;
      long bytes = count * PAGE;
      long area =
          i % 3 == 2 ? b.space.vmallocHuge(b.cpu(i), bytes) : b.space.vmalloc(b.cpu(i), bytes);
      check(area != KernelSpace.NO_ADDRESS, b.what + ": " + count + " pages", "none");
      for (int page = 0; page < count; page += 1 + count / 20) {
        b.fills(area + page * PAGE, i);
        checkEqual(i, b.reads(area + page * PAGE), b.what + ": a word of page " + page);
      }
      b.space.vfree(b.cpu(i), area);
    }
    b.end();
  }

  private static void randomSize(SpaceBench b, Seeded random) {
    List<long[]> areas = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      if (areas.size() > 8) {
        long[] gone = areas.remove(random.below(areas.size()));
        long last = gone[0] + gone[1] * PAGE - 8;
        checkEqual(gone[2], b.reads(gone[0]), b.what + ": the first word of an area");
        checkEqual(gone[2] + 1, b.reads(last), b.what + ": its last word");
        b.space.vfree(b.cpu(i), gone[0]);
        continue;
      }
      int count = 1 + random.below(100);
      long area = b.space.vmalloc(b.cpu(i), count * PAGE);
      b.fills(area, 100L * i);
      b.fills(area + count * PAGE - 8, 100L * i + 1);
      areas.add(new long[] {area, count, 100L * i});
    }
    areas.forEach(area -> b.space.vfree(b.cpu(), area[0]));
    b.end();
  }

  private static void mapRam(SpaceBench b, Seeded random) {
    long[] pfns = b.pages(300);
    for (int i = 0; i < 30; i++) {
      int count = i % 2 == 0 ? 1 + random.below(8) : 1 + random.below(300);
      long area = b.space.vmMapRam(b.cpu(i), pfns, count);
      for (int page = 0; page < count; page += 1 + count / 10) {
        b.fills(area + page * PAGE, i);
        checkEqual(i, b.memory.getLong(pfns[page] * PAGE), b.what + ": page " + page);
      }
      b.fills(area + (count - 1) * PAGE, i);
      b.space.vmUnmapRam(b.cpu(i), area, count);
      checkEqual(KernelSpace.NO_PAGE, b.space.vmallocToPfn(area), b.what + ": after vm_unmap_ram");
    }
    b.freePages(pfns);
    b.end();
  }

  private static void freedLater(SpaceBench b, Seeded random) {
    List<Long> waiting = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      long area = b.space.vmalloc(b.cpu(i), PAGE);
      b.fills(area, i);
      b.space.vfreeAtomic(b.cpu(i), area);
      waiting.add(area);
      if (random.oneIn(15)) {
        for (int k = 0; k < waiting.size(); k++) {
          checkEqual(
              i + 1 - waiting.size() + k, b.reads(waiting.get(k)), b.what + ": a waiting area");
        }
        checkEqual(
            waiting.size(), b.space.runDeferred(b.cpu()), b.what + ": areas that were freed");
        waiting.clear();
      }
    }
    checkEqual(waiting.size(), b.space.runDeferred(b.cpu(1)), b.what + ": areas freed at last");
    b.end();
  }

  private static void outOfBounds(SpaceBench b, Seeded random) {
    int count = 1 + random.below(20);
    long area = b.space.vmalloc(b.cpu(), count * PAGE - PAGE / 2 - 5);
    b.fills(area + count * PAGE - 8, 1); // the rest of the last page is there
    b.faults(area + count * PAGE, "the byte behind the last page");
    b.faults(area + count * PAGE + random.below(4096), "the guard page");
    b.space.vfree(b.cpu(), area);
    b.end();
  }
}
