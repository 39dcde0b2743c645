// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabSubject.Cache;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Objects of a low zone when only what lies above it has room. */
public final class ZoneEndRule {
  private static final int GFP = Gfp.GFP_NOWAIT | Gfp.__GFP_NOWARN;

  private ZoneEndRule() {}

  /** The rule. */
  public static Rule<SlabAllocatorProvider> rule() {
    return SlabRule.once(
        new RuleInfo(
            "SL-75",
            "nothing-from-behind-the-zone",
            "Where a zone is full of objects, and every frame behind it has room for more, an"
                + " object of that zone is refused, and never one of a frame behind it, also not"
                + " of the first one; of __GFP_DMA and of caches with SLAB_CACHE_DMA and"
                + " SLAB_CACHE_DMA32.",
            "A device that has 24 lines for addresses writes over somebody else's memory.",
            "include/linux/slab.h SLAB_CACHE_DMA; mm/slub.c allocflags; mm/slob.c slob_page_alloc",
            "the border of the zone is taken as the last frame of it, or there is another try"
                + " without the zone"),
        Set.of(),
        ZoneEndRule::run);
  }

  private static void run(SlabSubject s, Seeded random) {
    int bytes = random.between(1200, 1300);
    List<Cache> low = new ArrayList<>();
    for (int flag : new int[] {SlabFlags.SLAB_CACHE_DMA, SlabFlags.SLAB_CACHE_DMA32}) {
      int flags = flag | SlabFlags.SLAB_NO_MERGE;
      low.add(s.create(KmemCacheArgs.of("low-" + low.size(), bytes).withFlags(flags)));
    }
    List<Long> held = new ArrayList<>();
    fill(s, bytes, GFP, held);
    fill(s, bytes, GFP | Gfp.__GFP_DMA, held); // of which the page allocator keeps some for it
    makeRoom(s, held);
    for (Cache cache : low) {
      for (int i = 0; i < 3; i++) {
        below(s, s.slabs.kmemCacheAlloc(s.cpu(i), cache.cache, GFP), cache.cache + "", held);
      }
    }
    for (int i = 0; i < 3; i++) {
      below(s, s.slabs.kmalloc(s.cpu(i), bytes, GFP | Gfp.__GFP_DMA), "__GFP_DMA", held);
    }
    held.forEach(object -> s.slabs.kfree(s.cpu(0), object));
    s.empty();
  }

  /** Objects until there are no more. */
  private static void fill(SlabSubject s, int bytes, int gfp, List<Long> held) {
    for (long object = s.slabs.kmalloc(s.cpu(0), bytes, gfp);
        object != SlabAllocator.NO_OBJECT;
        object = s.slabs.kmalloc(s.cpu(0), bytes, gfp)) {
      held.add(object);
    }
  }

  /** Gives one object of each frame behind the zone back that has several. */
  private static void makeRoom(SlabSubject s, List<Long> held) {
    Map<Long, Integer> counts = new HashMap<>();
    held.forEach(object -> counts.merge(object >>> Pages.PAGE_SHIFT, 1, Integer::sum));
    held.removeIf(
        object -> {
          long pfn = object >>> Pages.PAGE_SHIFT;
          boolean goes = pfn >= Shape.DMA_END && counts.getOrDefault(pfn, 0) > 1;
          if (goes) {
            counts.remove(pfn);
            s.slabs.kfree(s.cpu(0), object);
          }
          return goes;
        });
  }

  private static void below(SlabSubject s, long object, String what, List<Long> held) {
    if (object != SlabAllocator.NO_OBJECT) {
      check(
          object >>> Pages.PAGE_SHIFT < Shape.DMA_END,
          "none, or an object below 4 MiB for " + what,
          String.format("0x%x", object));
      held.add(object);
    }
    s.validate();
  }
}
