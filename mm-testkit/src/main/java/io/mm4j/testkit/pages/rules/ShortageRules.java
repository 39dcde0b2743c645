// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.pages.rules.PageRule.Needs;
import io.mm4j.testkit.pages.rules.PageSubject.Held;
import io.mm4j.testkit.pages.rules.Toys.ToyReclaimer;
import java.util.List;

/** Rules about memory running out: per-cpu lists, reserves, reclaim. */
public final class ShortageRules {
  private ShortageRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        PageRule.of(
            new RuleInfo(
                "PA-09",
                "remote-drain",
                "drainAllPages empties the lists of every parked CPU, not only of its own.",
                "Compaction and range allocation need all free pages in the zones.",
                "mm/page_alloc.c __drain_all_pages; LLFree test drain",
                "only the caller's list is emptied"),
            Needs.PER_CPU,
            (s, random) -> {
              for (int cpu = 0; cpu < 2; cpu++) {
                fill(s, cpu);
              }
              check(s.pages.pcpPages() > 0, "pages on per-cpu lists", "none");
              s.pages.drainAllPages(s.cpu(0));
              checkEqual(0, s.pages.pcpPages(), "pcpPages() after drainAllPages");
              checkEqual(s.total, s.pages.freePages(), "freePages() after drainAllPages");
            }),
        PageRule.of(
            new RuleInfo(
                "PA-10",
                "exhaustion-reaches-per-cpu-pages",
                "A request that may reclaim fails only when no CPU's list holds a page any more.",
                "Memory would be out while pages lie idle on another CPU.",
                "mm/page_alloc.c __alloc_pages_direct_reclaim (drain_all_pages)",
                "the slow path gives up before it drains"),
            Needs.PER_CPU,
            (s, random) -> {
              fill(s, 1);
              s.exhaust(0, Gfp.GFP_KERNEL, -1);
              checkEqual(0, s.pages.pcpPages(), "pcpPages() when GFP_KERNEL failed");
            }),
        PageRule.of(
            new RuleInfo(
                "PA-11",
                "reclaim-before-failing",
                "A request that may reclaim asks the reclaimers until they have nothing left,"
                    + " before it fails.",
                "The OOM killer comes after reclaim.",
                "mm/page_alloc.c __alloc_pages_slowpath",
                "the hook is asked once only, or its pages are not tried for"),
            Needs.NOTHING,
            (s, random) -> {
              ToyReclaimer toy = withPages(s, false, 40);
              int before = s.held.size();
              s.exhaust(0, Gfp.GFP_KERNEL, -1);
              check(toy.asked() > 0, "reclaimers asked", "never asked");
              checkEqual(0, toy.left(), "pages that the reclaimer still has");
              check(s.held.size() > before + 40, "the reclaimed pages given out", "not all");
            }),
        PageRule.of(
            new RuleInfo(
                "PA-12",
                "no-reclaim-when-it-may-not",
                "A request without __GFP_DIRECT_RECLAIM never calls a reclaimer.",
                "An interrupt cannot wait.",
                "include/linux/gfp_types.h __GFP_DIRECT_RECLAIM",
                "the slow path does not look at the flags"),
            Needs.NOTHING,
            (s, random) -> {
              ToyReclaimer toy = withPages(s, false, 10);
              s.exhaust(0, Gfp.GFP_NOWAIT, -1);
              s.exhaust(0, Gfp.GFP_ATOMIC, -1);
              checkEqual(0, toy.asked(), "calls of the reclaimer");
            }),
        PageRule.of(
            new RuleInfo(
                "PA-13",
                "reclaim-does-not-recurse",
                "A reclaimer that allocates is not asked by its own allocation.",
                "The stack, and the machine, would be at an end.",
                "mm/page_alloc.c PF_MEMALLOC in __alloc_pages_slowpath",
                "the hook is called without marking the CPU"),
            Needs.NOTHING,
            (s, random) -> {
              ToyReclaimer toy = withPages(s, true, 20);
              s.exhaust(0, Gfp.GFP_KERNEL, -1);
              check(toy.asked() > 0, "reclaimers asked", "never asked");
              checkEqual(1, toy.deepest(), "nesting of reclaim");
            }),
        PageRule.of(
            new RuleInfo(
                "PA-14",
                "reserve",
                "GFP_NOWAIT leaves a reserve, GFP_ATOMIC may use a part of it, PF_MEMALLOC all of"
                    + " it.",
                "Reclaim itself needs memory to make memory.",
                "mm/page_alloc.c gfp_to_alloc_flags, __zone_watermark_ok",
                "the watermark is compared before the request is subtracted, or never"),
            Needs.WATERMARKS,
            (s, random) -> {
              s.exhaust(0, Gfp.GFP_NOWAIT, -1);
              long left = available(s);
              check(left > 0, "a reserve after GFP_NOWAIT", "nothing left");
              s.exhaust(0, Gfp.GFP_ATOMIC, -1);
              long atomic = available(s);
              check(atomic < left, "less than " + left + " left after GFP_ATOMIC", "" + atomic);
              check(atomic > 0, "some reserve after GFP_ATOMIC", "nothing left");
              int saved = s.cpu(0).exchangeFlags(Cpu.PF_MEMALLOC);
              s.exhaust(0, Gfp.GFP_KERNEL, -1);
              s.cpu(0).exchangeFlags(saved);
              checkEqual(0, available(s), "frames left after PF_MEMALLOC");
            }),
        PageRule.of(
            new RuleInfo(
                "PA-15",
                "lowmem-reserve",
                "When requests that could go higher fail, one that needs zone DMA still succeeds.",
                "User pages must not eat the memory that only devices can use.",
                "mm/page_alloc.c setup_per_zone_lowmem_reserve",
                "the protection of lower zones is left out of the watermark check"),
            Needs.WATERMARKS,
            (s, random) -> {
              s.exhaust(0, Gfp.GFP_NOWAIT, -1);
              check(
                  s.exhaust(0, Gfp.GFP_DMA | Gfp.GFP_NOWAIT, -1) > 0, "a page of zone DMA", "none");
            }),
        PageRule.of(
            new RuleInfo(
                "PA-16",
                "recovery",
                "After exhaustion and freeing, the same number of pages can be had again.",
                "A machine that was full once must be whole again.",
                "LLFree tests alloc_all, parallel_alloc_all",
                "a failed allocation leaves something taken"),
            Needs.NOTHING,
            (s, random) -> {
              int first = s.exhaust(0, Gfp.GFP_KERNEL, -1);
              s.conserved();
              s.freeAll();
              checkEqual(first, s.exhaust(0, Gfp.GFP_KERNEL, -1), "pages the second time");
              s.conserved();
            }),
        PageRule.failingOnce(
            new RuleInfo(
                "PA-17",
                "every-allocation-failing-once",
                "If any single allocation of the floor below fails, the call is done in another"
                    + " way or not at all; nothing is lost.",
                "Error paths run once in a thousand boots.",
                "lib/fault-inject.c fail_page_alloc",
                "an error path forgets to undo the half that was done"),
            PageSubject::conserved));
  }

  private static long available(PageSubject s) {
    return s.pages.freePages() + s.pages.pcpPages();
  }

  /** Leaves pages on the list of a CPU. */
  private static void fill(PageSubject s, int cpu) {
    for (int i = 0; i < 8; i++) {
      s.allocate(cpu, Gfp.GFP_KERNEL, 0, -1);
    }
    while (!s.held.isEmpty()) {
      s.free(cpu, s.held.getLast());
    }
  }

  /** Registers a toy reclaimer that holds pages. */
  private static ToyReclaimer withPages(PageSubject s, boolean allocates, int count) {
    ToyReclaimer toy = new ToyReclaimer(s.pages, allocates);
    for (int i = 0; i < count; i++) {
      Held page = GivenRules.need(s, Gfp.GFP_KERNEL, 0);
      s.leave(page);
      toy.hold(page.pfn());
    }
    s.machine.pressure().register(toy);
    return toy;
  }
}
