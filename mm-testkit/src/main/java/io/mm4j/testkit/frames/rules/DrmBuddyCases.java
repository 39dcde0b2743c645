// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.frames.rules.CaseRule.allBack;
import static io.mm4j.testkit.frames.rules.CaseRule.back;
import static io.mm4j.testkit.frames.rules.CaseRule.need;
import static io.mm4j.testkit.frames.rules.CaseRule.none;

import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.frames.rules.FrameRule.Needs;
import io.mm4j.testkit.frames.rules.FrameSubject.Held;
import java.util.ArrayList;
import java.util.List;

/**
 * The cases of the kernel's GPU buddy allocator (drivers/gpu/drm/tests/drm_buddy_test.c) by name,
 * written anew for zones. Left out: {@code clear} (a frame allocator tracks no contents), {@code
 * offset_aligned_allocation} (blocks are always aligned to their size) and {@code
 * fragmentation_performance} (a time limit is no rule).
 */
public final class DrmBuddyCases {
  private static final String USUALLY = "a split or a merge goes wrong at the named shape";

  private DrmBuddyCases() {}

  private static RuleInfo info(String id, String name, String statement, String why) {
    return new RuleInfo(id, name, statement, why, "drm_test_" + name.replace('-', '_'), USUALLY);
  }

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        CaseRule.of(
            info(
                "FA-G01",
                "buddy-alloc-limit",
                "A zone that is one block of the largest order gives exactly that.",
                "The largest order is the one that is tested least."),
            Needs.MERGES,
            max -> 1 << max,
            (s, random) -> {
              Held all = need(s, s.maxOrder());
              for (int order = 0; order <= s.maxOrder(); order++) {
                none(s, order);
              }
              back(s, all);
              need(s, s.maxOrder());
            }),
        CaseRule.of(
            info(
                "FA-G02",
                "buddy-alloc-optimistic",
                "A zone that is one block of each order gives each once, smallest first, with"
                    + " nothing left.",
                "Best fit means that nothing is split without need."),
            Needs.SMALLEST,
            max -> (2 << max) - 1,
            (s, random) -> {
              for (int order = 0; order <= s.maxOrder(); order++) {
                need(s, order);
              }
              none(s, 0);
              checkEqual(0, s.frames.freePages(), "freePages()");
            }),
        CaseRule.of(
            info(
                "FA-G03",
                "buddy-alloc-pessimistic",
                "After one page of the largest block was given, one block of every smaller order"
                    + " is left, and after all is freed the whole.",
                "A split must leave exactly the halves."),
            Needs.MERGES,
            max -> 1 << max,
            (s, random) -> {
              need(s, 0);
              for (int order = s.maxOrder() - 1; order >= 0; order--) {
                need(s, order);
              }
              none(s, 0);
              allBack(s);
              need(s, s.maxOrder());
            }),
        CaseRule.of(
            info(
                "FA-G04",
                "buddy-alloc-pathological",
                "With every second page held, half the zone is free and no block of order 1 can"
                    + " be had.",
                "The worst fragmentation must neither merge what is not free nor lose it."),
            Needs.MERGES,
            max -> 1 << Math.max(max, 1),
            (s, random) -> {
              fragment(s, 1);
              checkEqual(s.where.frames() / 2, s.frames.freePages(), "freePages()");
              none(s, 1);
              allBack(s);
              need(s, s.maxOrder());
            }),
        CaseRule.of(
            info(
                "FA-G05",
                "buddy-alloc-contiguous",
                "Gaps of one size serve requests up to that size, and larger ones only after the"
                    + " neighbours are freed.",
                "Contiguous means contiguous, however much is free in all."),
            Needs.MERGES_PAGES,
            max -> 1 << max,
            (s, random) -> {
              int order = Math.min(3, s.maxOrder());
              List<Held> kept = fragment(s, order);
              none(s, order);
              Held gap = need(s, order - 1);
              back(s, gap);
              back(s, kept.getFirst());
              need(s, order);
            }),
        CaseRule.seeded(
            info(
                "FA-G06",
                "buddy-alloc-range-bias",
                "Taking every block of a range gives exactly that range, whatever is held"
                    + " elsewhere.",
                "A device that reaches only some addresses must get those."),
            Needs.TAKES,
            max -> Math.max(2048, 2 << max),
            (s, random) -> {
              int half = s.where.frames() / 2;
              long start = s.zone.startPfn() + half;
              for (int i = 0; i < 100; i++) {
                need(s, random.order(Math.min(4, s.maxOrder())));
              }
              for (long pfn = start; pfn < s.zone.endPfn(); pfn++) {
                if (s.isFree(pfn, 0)) {
                  check(s.take(pfn, 0), "frame " + pfn + " of the range", "refused");
                }
              }
              int left = s.free.get(half, 2 * half).cardinality();
              checkEqual(0, left, "free frames of the range");
              allBack(s);
              checkEqual(s.where.frames(), s.frames.freePages(), "freePages()");
            }),
        CaseRule.seeded(
            info(
                "FA-G07",
                "buddy-alloc-range",
                "A free zone can be taken block by block from bottom to top in random sizes.",
                "Boot reservations and exact replay do that."),
            Needs.TAKES,
            max -> 3 << max,
            (s, random) -> {
              long pfn = s.zone.startPfn();
              while (pfn < s.zone.endPfn()) {
                int order = Math.min(random.order(s.maxOrder()), Long.numberOfTrailingZeros(pfn));
                check(s.take(pfn, order), "block " + pfn + "/" + order, "refused");
                pfn += 1L << order;
              }
              none(s, 0);
              allBack(s);
            }),
        CaseRule.seeded(
            info(
                "FA-G08",
                "buddy-alloc-smoke",
                "Blocks of random orders until memory is out, freed in random order, leave the"
                    + " zone as it was.",
                "The everyday life of an allocator, at full load."),
            Needs.MERGES,
            max -> (2 << max) + (1 << (max / 2)),
            (s, random) -> {
              String before = s.snapshot();
              for (int order = random.order(s.maxOrder());
                  s.allocate(order, 1);
                  order = random.order(s.maxOrder())) {}
              while (!s.held.isEmpty()) {
                back(s, s.held.get(random.below(s.held.size())));
              }
              check(before.equals(s.snapshot()), "the free blocks of the beginning", "others");
            }));
  }

  /** Allocates everything in blocks of half a size and frees every second one. */
  private static List<Held> fragment(FrameSubject s, int order) {
    while (s.allocate(order - 1, 1)) {}
    List<Held> kept = new ArrayList<>();
    for (Held block : List.copyOf(s.held)) {
      if ((block.pfn() >>> (order - 1) & 1) == 0) {
        back(s, block);
      } else {
        kept.add(block);
      }
    }
    return kept;
  }
}
