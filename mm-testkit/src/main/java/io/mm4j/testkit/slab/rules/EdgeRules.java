// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabSubject.Aspect;
import io.mm4j.testkit.slab.rules.SlabSubject.Cache;
import io.mm4j.testkit.slab.rules.SlabSubject.Live;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import org.jspecify.annotations.Nullable;

/** The ends of things: of slabs, and of the table of kmalloc's caches. */
public final class EdgeRules {
  private static final int GFP = Gfp.GFP_KERNEL;

  private static final int KINDS =
      SlabFlags.SLAB_CACHE_DMA | SlabFlags.SLAB_RECLAIM_ACCOUNT | SlabFlags.SLAB_ACCOUNT;

  /** Linux has fewer; of more not each is looked at. */
  private static final int MANY_CLASSES = 30;

  private EdgeRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        CaseRules.rule(
            "SL-81",
            "refusals-at-the-ends-of-a-slab",
            "A place in a slab where no object begins is not freed, be it in an object, behind the"
                + " last one or before the first; where the refusal names an object, the place is"
                + " within that.",
            "Who is told of a wrong object looks for the mistake at another holder's.",
            "mm/slub.c check_valid_pointer, nearest_obj; mm/slab.c verify_mem_not_deleted",
            "what is behind the last object counts as one more",
            Aspect.OVERLAP,
            EdgeRules::ends),
        CaseRules.rule(
            "SL-82",
            "every-cache-of-kmalloc",
            "Each size up to the largest class is served in each kind by a cache of that kind,"
                + " the same for all sizes of the class, which has room for it, and which the list"
                + " of caches has once with SLAB_KMALLOC; there are no others with that flag.",
            "A wrong entry of the table shows with the objects of one size alone.",
            "mm/slab_common.c create_kmalloc_caches, kmalloc_slab; mm/slab.c kmem_cache_init",
            "the first or the last class of a kind is missing, or another kind's",
            Aspect.OVERLAP,
            EdgeRules::kinds));
  }

  private static void ends(SlabSubject s, Seeded random) {
    MemMap map = s.machine.memory().memMap();
    for (int i = 0; i < 3; i++) {
      int flags = SlabFlags.SLAB_NO_MERGE;
      flags |= random.oneIn(3) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0;
      flags |= random.oneIn(3) ? SlabFlags.SLAB_TYPESAFE_BY_RCU : 0;
      int bytes = SlabOp.size(random, 1500);
      Cache cache = s.create(KmemCacheArgs.of("ends-" + i, bytes).withFlags(flags));
      int full = cache.cache.objectsPerSlab();
      Map<Long, List<Live>> slabs = new HashMap<>();
      for (Live object : CaseRules.some(s, cache, Math.min(600, 3 * full))) {
        long head = map.head(object.paddr() >>> Pages.PAGE_SHIFT);
        slabs.computeIfAbsent(head, pfn -> new ArrayList<>()).add(object);
      }
      slabs.forEach(
          (pfn, objects) -> {
            if (objects.size() == full) { // else one that is free may be named
              places(s, random, pfn, Pages.PAGE_SIZE << map.order(pfn), objects);
            }
          });
    }
    s.empty();
  }

  private static void places(
      SlabSubject s, Seeded random, long pfn, long bytes, List<Live> objects) {
    long start = pfn << Pages.PAGE_SHIFT;
    long first = objects.stream().mapToLong(Live::paddr).min().orElseThrow();
    long last = objects.stream().mapToLong(Live::end).max().orElseThrow();
    Live any = objects.get(random.below(objects.size()));
    long[] places = {
      start,
      first - 1,
      first + 1,
      any.end(),
      last - 1,
      last,
      last + 7,
      last + any.bytes(),
      start + bytes - 8,
      start + bytes - 1
    };
    for (long place : places) {
      if (place >= start && place < start + bytes && !s.live.containsKey(place)) {
        refused(s, random, place);
      }
    }
  }

  private static void refused(SlabSubject s, Seeded random, long place) {
    int cpu = random.below(2);
    String text =
        CaseRules.refusal(
            String.format("freeing 0x%x, where no object begins", place),
            () -> s.slabs.kfree(s.cpu(cpu), place));
    Matcher named = CaseRules.NAMED_OBJECT.matcher(text);
    if (named.find()) {
      Live object = s.live.get(Long.parseLong(named.group(1), 16));
      boolean within = object != null && object.paddr() < place && place < object.end();
      check(within, String.format("an object around 0x%x named, or none", place), text);
    }
  }

  private static void kinds(SlabSubject s, Seeded random) {
    Set<KmemCache> found = new HashSet<>();
    int[] asks = {0, Gfp.__GFP_ACCOUNT, Gfp.__GFP_RECLAIMABLE, Gfp.__GFP_DMA};
    int[] flags = {
      0, SlabFlags.SLAB_ACCOUNT, SlabFlags.SLAB_RECLAIM_ACCOUNT, SlabFlags.SLAB_CACHE_DMA
    };
    for (int kind = 0; kind < asks.length; kind++) {
      int more = random.oneIn(2) ? asks[random.below(kind + 1)] : 0; // a later kind comes first
      int gfp = GFP | asks[kind] | more;
      boolean has = kind == 3 || PlaceRules.hasKind(s, flags[kind]);
      int bytes = 1;
      int classes = 0;
      KmemCache cache = s.slabs.kmallocCache(bytes, gfp);
      while (cache != null) {
        long largest = s.slabs.kmallocSizeRoundup(bytes);
        String what = "the cache for " + bytes + " to " + largest + " bytes, " + Gfp.format(gfp);
        same(cache, s.slabs.kmallocCache(largest, gfp), what);
        same(cache, s.slabs.kmallocCache(random.between(bytes, (int) largest), gfp), what);
        checkEqual(has ? flags[kind] : 0, cache.flags() & KINDS, "kind of " + what);
        check(cache.objectBytes() >= largest, "room for " + largest + " in " + what, "" + cache);
        long object = s.slabs.kmalloc(s.cpu(0), bytes, gfp);
        if (object != SlabAllocator.NO_OBJECT) {
          same(cache, s.slabs.cacheOf(object), what);
          s.slabs.kfree(s.cpu(0), object);
        }
        found.add(cache);
        classes++;
        bytes = (int) largest + 1 + (classes > MANY_CLASSES ? random.below(100) : 0);
        cache = s.slabs.kmallocCache(bytes, gfp);
      }
      check(
          s.slabs.kmallocCache(bytes, GFP) == null,
          "no cache for " + bytes + " bytes, as there is none for " + Gfp.format(gfp),
          "" + s.slabs.kmallocCache(bytes, GFP));
    }
    List<KmemCache> listed =
        s.slabs.caches().stream()
            .filter(cache -> (cache.flags() & SlabFlags.SLAB_KMALLOC) != 0)
            .toList();
    checkEqual(found.size(), listed.size(), "caches with SLAB_KMALLOC");
    check(found.containsAll(listed), "the caches that serve kmalloc: " + found, "" + listed);
    s.empty();
  }

  private static void same(KmemCache wanted, @Nullable KmemCache seen, String what) {
    check(wanted.equals(seen), what + ": " + wanted, "" + seen);
  }
}
