// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import io.mm4j.testkit.slab.rules.SlabSubject.Cache;
import io.mm4j.testkit.slab.rules.SlabSubject.Live;
import java.util.HashSet;
import java.util.Set;

/** Slabs that are smaller than the cache wanted them, as there was no larger block. */
public final class SmallerOrderRule {
  private static final int OBJECTS = 160;

  private SmallerOrderRule() {}

  /** The rule. */
  public static Rule<SlabAllocatorProvider> rule() {
    return SlabRule.asked(
        new RuleInfo(
            "SL-74",
            "frames-of-smaller-slabs",
            "Whenever a cache has one slab more, its statistics say as many frames more as the"
                + " block of that slab has, also if that is smaller than the others of the cache"
                + " because no larger block was there; a cache without a slab has no frames; and a"
                + " slab for which something else is missing goes back as a whole.",
            "What is counted and never given back looks like a leak for ever.",
            "mm/slub.c allocate_slab, inc_slabs_node, free_slab, get_slabinfo",
            "the usual order of the cache is counted, not that of the slab"),
        Needs.NOTHING,
        SmallerOrderRule::run);
  }

  private static void run(SlabSubject s, Seeded random) {
    for (int i = 0; i < 3; i++) {
      KmemCacheArgs args =
          KmemCacheArgs.of(
                  "smaller-" + i, i == 2 ? 2048 << random.below(2) : random.between(100, 3500))
              .withFlags(SlabFlags.SLAB_NO_MERGE)
              .withSheaves(random.oneIn(3) ? 8 : 0);
      Cache cache = s.create(args);
      Set<Long> known = new HashSet<>();
      for (int n = 0; n < OBJECTS; n++) {
        take(s, random, cache, known, i == 2);
      }
      s.freeAll();
      long _ = s.slabs.kmemCacheShrink(s.cpu(0), cache.cache);
      CacheStats left = cache.cache.stats();
      if (left.slabs() == 0) {
        checkEqual(0, left.pages(), "frames of a cache without a slab");
      }
    }
    s.empty();
  }

  private static void take(
      SlabSubject s, Seeded random, Cache cache, Set<Long> known, boolean onlySlabs) {
    CacheStats before = cache.cache.stats();
    FailingPages pages = FailingPages.of(s.machine);
    switch (onlySlabs ? 2 : random.below(4)) {
      case 0, 1 -> pages.refuseNext(1);
      case 2 -> pages.listen(first -> pages.refuseNext(9)); // such as of a slab's descriptor
      default -> {}
    }
    long object =
        s.slabs.kmemCacheAlloc(s.cpu(random.below(s.shape.cpus())), cache.cache, Gfp.GFP_KERNEL);
    pages.listen(request -> {});
    pages.refuseNext(0);
    Live _ = s.enter(object, cache, Gfp.GFP_KERNEL);
    if (object == SlabAllocator.NO_OBJECT) {
      return; // it does not ask for less
    }
    MemMap map = s.machine.memory().memMap();
    long slab = map.head(object >>> Pages.PAGE_SHIFT);
    CacheStats after = cache.cache.stats();
    if (known.add(slab) && after.slabs() == before.slabs() + 1) {
      int order = map.order(slab);
      checkEqual(
          before.pages() + (1L << order),
          after.pages(),
          "frames of " + after.slabs() + " slabs, the last one of order " + order);
    }
  }
}
