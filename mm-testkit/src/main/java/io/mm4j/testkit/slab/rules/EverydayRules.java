// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabSubject.Aspect;
import io.mm4j.testkit.slab.rules.SlabSubject.Cache;
import java.util.List;

/** One aspect each of everyday operations. */
public final class EverydayRules {
  private EverydayRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.each(
            new RuleInfo(
                "SL-01",
                "no-overlap",
                "A new object shares no byte with any live one.",
                "Two holders of one byte is the worst an allocator can do.",
                "mm/slub.c; lib/tests/slub_kunit.c",
                "an object is on two freelists, or objects lie too close"),
            Aspect.OVERLAP),
        SlabRule.each(
            new RuleInfo(
                "SL-02",
                "alignment",
                "An object is aligned as its cache asks, with SLAB_HWCACHE_ALIGN to a line or an"
                    + " even part of one; of kmalloc to 8, and powers of two to their size, or,"
                    + " where kmalloc's own caches have that flag as in Linux 2.4, to a line.",
                "Devices and locks rely on it.",
                "mm/slab_common.c calculate_alignment, kmalloc's natural alignment",
                "the size is not rounded up to the alignment, or a red zone shifts the object"),
            Aspect.ALIGNMENT),
        SlabRule.each(
            new RuleInfo(
                "SL-03",
                "contents-kept",
                "The bytes of a live object are its holder's alone.",
                "Links and marks of free objects must not reach into live ones.",
                "mm/slub.c set_freepointer",
                "a link is written to an object that is not free, or outside of one"),
            Aspect.CONTENTS),
        SlabRule.each(
            new RuleInfo(
                "SL-04",
                "zeroed",
                "An object that was asked for with __GFP_ZERO holds zeroes, all of it.",
                "Holders rely on fields that they never set.",
                "mm/slub.c slab_post_alloc_hook; lib/test_meminit.c",
                "only the first bytes are cleared, or the size of another alias"),
            Aspect.ZERO),
        SlabRule.each(
            new RuleInfo(
                "SL-05",
                "constructed",
                "An object of a cache with a constructor is as the constructor made it, however"
                    + " often it was used, if its holders left it so.",
                "That is what constructors are for: the work is done once a slab.",
                "mm/slub.c setup_object; KFENCE test_memcache_ctor",
                "the link of a free object lies in the object"),
            Aspect.CTOR),
        SlabRule.eachAndFull(
            new RuleInfo(
                "SL-06",
                "frames-of-slab",
                "Every frame of a live object is owned by SLAB, the object lies in one slab of its"
                    + " cache's order, also the last one of a full slab, and no frame is SLAB's"
                    + " when all is freed and shrunk.",
                "The machine must be able to say who holds a frame.",
                "mm/slab.h slab pages; mm4j's contract of SlabAllocator",
                "the tails of a slab keep another owner, or an empty slab is kept for ever"),
            Aspect.FRAMES),
        SlabRule.each(
            new RuleInfo(
                "SL-07",
                "statistics",
                "Live objects are those that somebody holds, live <= active <= all, and the frames"
                    + " of all caches and large blocks are those owned by SLAB.",
                "/proc/slabinfo is what people look at when memory is gone.",
                "mm/slub.c get_slabinfo",
                "what a CPU keeps is counted as live, or a counter misses a slab"),
            Aspect.STATS),
        SlabRule.failingOnce(
            new RuleInfo(
                "SL-08",
                "allocation-fails-once",
                "If one allocation of pages fails, requests give an object or none, nothing that is"
                    + " live changes, and nothing is lost.",
                "Error paths are seldom walked and must not leak.",
                "failslab, fail_page_alloc",
                "a slab that could not be had has left something half done")));
  }

  /** Two slabs of each of some sizes, to the last object: what is beside objects has its place. */
  static void fill(SlabSubject s, Seeded random) {
    s.freeAll();
    for (int i = 0; i < 6; i++) {
      int flags = SlabFlags.SLAB_NO_MERGE | (random.oneIn(2) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0);
      Cache cache =
          s.create(
              KmemCacheArgs.of("full-" + i, 1 + random.below(510))
                  .withFlags(flags)
                  .withAlign(random.oneIn(2) ? 1 << random.between(3, 8) : 0));
      int count = Math.min(1000, 2 * cache.cache.objectsPerSlab());
      for (int k = 0; k < count; k++) {
        s.enter(s.slabs.kmemCacheAlloc(s.cpu(0), cache.cache, Gfp.GFP_KERNEL), cache, 0);
      }
      s.freeAll();
    }
  }
}
