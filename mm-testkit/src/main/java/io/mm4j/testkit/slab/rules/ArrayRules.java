// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCache.Tunables;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import io.mm4j.testkit.slab.rules.SlabSubject.Aspect;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Allocators with arrays of CPUs and nodes, as mm/slab.c of Linux 2.6 has them. */
public final class ArrayRules {
  private static final int NEAR = Gfp.GFP_KERNEL | Gfp.__GFP_THISNODE;
  private static final int PAGE = 4096;

  /** {@code sizeof(struct slab)} and {@code sizeof(kmem_bufctl_t)} of x86-64. */
  private static final int DESCRIPTOR = 48;

  private static final int BUFCTL = 4;
  private static final int LINE = 64;

  private ArrayRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.of(
            new RuleInfo(
                "SL-46",
                "arrays-and-limits",
                "Where CPUs have arrays and nodes a shared one, their sizes follow from the size of"
                    + " an object, no more is kept in them, a node keeps as many free objects as"
                    + " its CPUs take at once and a slab more, and slabs begin at each of their"
                    + " colours in turn.",
                "What is kept is memory that nobody else has; without colours all slabs fight for"
                    + " the same cache lines.",
                "mm/slab.c of Linux 2.6.32: enable_cpucache, free_block, cache_grow,"
                    + " kmem_cache_create",
                "empty slabs are never given up, or there is a colour too many"),
            Needs.NOTHING,
            Set.of(Aspect.OVERLAP),
            ArrayRules::arrays));
  }

  private static void arrays(SlabSubject s, Seeded random) {
    int bytes = random.oneIn(3) ? 600 + random.below(3000) : 40 + random.below(460);
    KmemCacheArgs args = KmemCacheArgs.of("arrays", bytes).withFlags(SlabFlags.SLAB_NO_MERGE);
    KmemCache cache = s.slabs.kmemCacheCreate(args);
    Tunables t = cache.tunables();
    if (t.sharedFactor() > 0) { // else another allocator, or one of 2.4
      int size = cache.size();
      int limit = size > PAGE ? 8 : size > 1024 ? 24 : size > 256 ? 54 : 120;
      Tunables wanted = new Tunables(limit, (limit + 1) / 2, 8);
      check(t.equals(wanted), wanted + " for objects of " + size, t.toString());
      List<Long> objects = colours(s, cache);
      limits(s, cache, t, objects);
    }
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    s.empty();
  }

  /** Takes more slabs than there are colours; all objects. */
  private static List<Long> colours(SlabSubject s, KmemCache cache) {
    int slabBytes = PAGE << cache.order();
    int each = cache.objectsPerSlab();
    int unit = cache.align();
    int management = (DESCRIPTOR + BUFCTL * each + unit - 1) / unit * unit;
    int left = slabBytes - each * cache.size();
    boolean inside = left >= management;
    check(inside || cache.size() >= PAGE / 8, "a descriptor beside small objects", "no room");
    left -= inside ? management : 0;
    int step = Math.max(LINE, unit);
    int colours = Math.max(1, left / step);
    Set<Long> wanted = new TreeSet<>();
    for (int i = 0; i < colours; i++) {
      wanted.add((inside ? management : 0) + (long) i * step);
    }
    List<Long> objects = new ArrayList<>();
    Map<Long, Long> first = new HashMap<>();
    Map<Long, Integer> seen = new HashMap<>();
    for (int i = 0; i < (colours + 3) * each + 300; i++) {
      long object = s.slabs.kmemCacheAlloc(s.cpu(0), cache, NEAR, 0);
      check(object != SlabAllocator.NO_OBJECT, "an object", "none after " + i);
      objects.add(object);
      long slab = object & -(long) slabBytes;
      first.merge(slab, object - slab, Math::min);
      seen.merge(slab, 1, Integer::sum);
    }
    Set<Long> offsets = new TreeSet<>();
    first.forEach(
        (slab, offset) -> {
          if (seen.getOrDefault(slab, 0) == each) {
            offsets.add(offset);
          }
        });
    check(offsets.equals(wanted), "slabs that begin at " + wanted, offsets.toString());
    return objects;
  }

  private static void limits(SlabSubject s, KmemCache cache, Tunables t, List<Long> objects) {
    for (long object : objects) {
      s.slabs.kmemCacheFree(s.cpu(0), cache, object);
    }
    var stats = cache.stats();
    checkEqual(0, stats.liveObjects(), "live objects");
    int kept = t.limit() + t.batchCount() * t.sharedFactor();
    check(stats.cachedObjects() <= kept, "at most " + kept + " in arrays", "" + stats);
    // One of the two CPUs is on the node.
    long most = 2L * t.batchCount() + cache.objectsPerSlab();
    long free = stats.objects() - stats.activeObjects();
    // Slabs that keep an object in an array may have any number of free ones beside it.
    long inEmpty = (stats.slabs() - stats.activeSlabs()) * cache.objectsPerSlab();
    check(inEmpty <= most, "at most " + most + " in empty slabs of the node", "" + stats);
    if (objects.size() > kept + most + cache.objectsPerSlab()) {
      check(
          free > most - cache.objectsPerSlab() - t.batchCount(),
          "about " + most + " free objects of the node",
          free + ": " + stats);
    }
    long _ = s.slabs.kmemCacheShrink(s.cpu(0), cache);
    checkEqual(0, cache.stats().pages(), "frames after a shrink");
  }
}
