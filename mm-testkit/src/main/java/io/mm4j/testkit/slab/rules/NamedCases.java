// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.api.slab.SlabReport;
import io.mm4j.api.slab.SlabReport.Kind;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import io.mm4j.testkit.slab.rules.SlabSubject.Aspect;
import io.mm4j.testkit.slab.rules.SlabSubject.Cache;
import io.mm4j.testkit.slab.rules.SlabSubject.Live;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The allocator cases of KASAN's and KFENCE's tests by name, as far as an allocator sees them. A
 * read behind an object or of a freed one is seen by nobody but whoever watches reads; tags,
 * quarantine and deferred frees are KASAN's own.
 */
public final class NamedCases {
  private static final int GFP = Gfp.GFP_KERNEL;

  private NamedCases() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.of(
            new RuleInfo(
                "SL-34",
                "after-free-by-name",
                "krealloc and ksize of a freed object, a second destroy and a free by a page's"
                    + " first address that is no object's are refused; shrinking and zeroed"
                    + " objects of a used cache leave objects in use alone.",
                "The kernel's own tests ask for these.",
                "KASAN krealloc_uaf, ksize_uaf, kmem_cache_double_destroy, kfree_via_page,"
                    + " kfree_via_phys, kmem_cache_accounted; KFENCE test_krealloc,"
                    + " test_shrink_memcache, test_gfpzero",
                "krealloc of a freed object is served as if it were none"),
            Needs.NOTHING,
            Set.of(Aspect.CONTENTS, Aspect.OVERLAP, Aspect.ZERO),
            NamedCases::afterFree),
        SlabRule.debug(
            new RuleInfo(
                "SL-35",
                "overruns-by-name",
                "Each write outside of an object that KASAN's and KFENCE's tests make is found, of"
                    + " its kind and in its object.",
                "Who overran a buffer is found where it happened.",
                "KASAN kmalloc_oob_right, kmalloc_oob_left, kmalloc_node_oob_right,"
                    + " kmalloc_track_caller_oob_right, kmalloc_big_oob_right, krealloc_more_oob,"
                    + " krealloc_less_oob, kmem_cache_oob, kmalloc_uaf2; KFENCE"
                    + " test_out_of_bounds_write, test_kmalloc_aligned_oob_write, test_corruption",
                "the red zone of one side, of a large class or after krealloc is not looked at"),
            "FZPU",
            NamedCases::overruns));
  }

  private static void afterFree(SlabSubject s, Seeded random) {
    SlabAllocator slabs = s.slabs;
    // krealloc_uaf, ksize_uaf
    long gone = slabs.kmalloc(s.cpu(0), SlabOp.size(random, 4000), GFP);
    slabs.kfree(s.cpu(random.below(2)), gone);
    CaseRules.refused("ksize_uaf", () -> slabs.ksize(gone));
    CaseRules.refused("krealloc_uaf", () -> slabs.krealloc(s.cpu(0), gone, 235, GFP));
    // test_krealloc: from 32 bytes on to more and back, then nothing of it can be used
    long moved = slabs.kmalloc(s.cpu(0), 32, GFP);
    PhysicalMemory memory = s.machine.memory();
    for (int at = 0; at < 32; at++) {
      memory.putByte(moved + at, (byte) (at + 1));
    }
    for (int bytes : new int[] {48, 16, 24, 500, 8}) {
      moved = slabs.krealloc(s.cpu(random.below(2)), moved, bytes, GFP);
      for (int at = 0; at < 8; at++) {
        checkEqual(at + 1, memory.getByte(moved + at), "byte " + at + " after krealloc");
      }
    }
    long last = moved;
    slabs.kfree(s.cpu(0), last);
    CaseRules.refused("test_krealloc", () -> slabs.krealloc(s.cpu(1), last, 16, GFP));
    // kfree_via_page, kfree_via_phys: an object is known by its first byte alone
    Cache cache = CaseRules.cache(s, random, "named");
    for (Live object : CaseRules.some(s, cache, 20)) {
      long page = object.paddr() & -4096;
      if (!s.live.containsKey(page)) {
        CaseRules.refused("kfree_via_page", () -> slabs.kmemCacheFree(s.cpu(0), cache.cache, page));
      }
    }
    // test_shrink_memcache, test_gfpzero
    for (int i = 0; i < 15; i++) {
      s.free(random.below(2), s.held.get(random.below(s.held.size())));
    }
    long _ = slabs.kmemCacheShrink(s.cpu(0), cache.cache);
    int zeroed = GFP | Gfp.__GFP_ZERO;
    for (int i = 0; i < 20; i++) {
      s.enter(slabs.kmemCacheAlloc(s.cpu(i), cache.cache, zeroed), cache, zeroed);
    }
    s.validate();
    sparse(s);
    // kmem_cache_accounted, kmem_cache_double_destroy
    Cache doomed =
        s.create(
            KmemCacheArgs.of("accounted", 200)
                .withFlags(SlabFlags.SLAB_ACCOUNT | SlabFlags.SLAB_NO_MERGE));
    CaseRules.some(s, doomed, 5);
    for (Live object : List.copyOf(s.held)) {
      if (object.cache() == doomed) {
        s.free(random.below(2), object);
      }
    }
    s.caches.remove(doomed);
    slabs.kmemCacheDestroy(s.cpu(0), doomed.cache);
    CaseRules.refused(
        "kmem_cache_double_destroy", () -> slabs.kmemCacheDestroy(s.cpu(0), doomed.cache));
    s.empty();
  }

  /** Slabs of which one object is in use stay where they are when the others are given up. */
  private static void sparse(SlabSubject s) {
    Cache cache = s.create(KmemCacheArgs.of("sparse", 64).withFlags(SlabFlags.SLAB_NO_MERGE));
    int each = cache.cache.objectsPerSlab();
    List<Live> all = new ArrayList<>();
    for (int i = 0; i < 16 * each; i++) {
      Live object = s.enter(s.slabs.kmemCacheAlloc(s.cpu(0), cache.cache, GFP), cache, GFP);
      if (object != null) {
        all.add(object);
      }
    }
    for (int i = 0; i < all.size(); i++) {
      if (i % each != 0) {
        s.free(0, all.get(i));
      }
    }
    for (int round = 0; round < 4; round++) {
      long _ = s.slabs.kmemCacheShrink(s.cpu(0), cache.cache);
      s.validate();
      Live object = s.enter(s.slabs.kmemCacheAlloc(s.cpu(0), cache.cache, GFP), cache, GFP);
      if (object != null) {
        s.free(0, object);
      }
    }
  }

  private static void overruns(SlabSubject s, Seeded random) {
    SlabAllocator slabs = s.slabs;
    List<SlabReport> reports = new ArrayList<>();
    slabs.onReport(reports::add);
    kmalloc(s, reports, "kmalloc_oob_right", 123, 123);
    kmalloc(s, reports, "kmalloc_oob_left", 15, -1);
    kmalloc(s, reports, "kmalloc_track_caller_oob_right", 128, 128);
    kmalloc(s, reports, "kmalloc_big_oob_right", 8192 - 256, 8192 - 256);
    kmalloc(s, reports, "test_out_of_bounds_write", 32, -8);
    kmalloc(s, reports, "test_kmalloc_aligned_oob_write", 73, 79);
    kmalloc(s, reports, "test_corruption, behind", 32, 33);
    kmalloc(s, reports, "test_corruption, before", 32, -2);
    long near = slabs.kmalloc(s.cpu(0), 4096, GFP, 0);
    found(s, reports, "kmalloc_node_oob_right", near, 4096);
    for (int[] sizes : new int[][] {{201, 235}, {235, 201}}) {
      long first = slabs.kmalloc(s.cpu(0), sizes[0], GFP);
      long moved = slabs.krealloc(s.cpu(0), first, sizes[1], GFP);
      String name = sizes[0] < sizes[1] ? "krealloc_more_oob" : "krealloc_less_oob";
      found(s, reports, name, moved, sizes[1]);
    }
    KmemCache cache = slabs.kmemCacheCreate(KmemCacheArgs.of("test_cache", 200));
    found(s, reports, "kmem_cache_oob", slabs.kmemCacheAlloc(s.cpu(0), cache, GFP), 200);
    // kmalloc_uaf2: another object was handed out since, and this one is still watched
    long freed = slabs.kmalloc(s.cpu(0), 43, GFP);
    long other = slabs.kmalloc(s.cpu(0), 43, GFP);
    slabs.kfree(s.cpu(0), freed);
    s.machine.memory().putByte(freed + 40, (byte) 'x');
    KmemCache class64 = slabs.cacheOf(other);
    if (class64 != null) {
      checkEqual(2, slabs.validateCache(s.cpu(0), class64), "errors of kmalloc_uaf2");
    }
    check(
        reports.size() == 1 && reports.getFirst().kind() == Kind.POISON,
        "kmalloc_uaf2: one report of POISON",
        reports.toString());
    slabs.kfree(s.cpu(0), other);
  }

  private static void kmalloc(
      SlabSubject s, List<SlabReport> reports, String name, int bytes, int at) {
    found(s, reports, name, s.slabs.kmalloc(s.cpu(0), bytes, GFP), at);
  }

  /** Writes a byte at some distance from an object, which is found, and frees the object. */
  private static void found(
      SlabSubject s, List<SlabReport> reports, String name, long object, int at) {
    KmemCache cache = s.slabs.cacheOf(object);
    check(cache != null, name + ": an object of a cache", String.format("0x%x", object));
    if (cache == null) {
      return;
    }
    s.machine.memory().putByte(object + at, (byte) 'y');
    checkEqual(2, s.slabs.validateCache(s.cpu(0), cache), "errors of " + name);
    checkEqual(1, reports.size(), "reports of " + name);
    SlabReport report = reports.removeFirst();
    check(
        report.kind() == (at < 0 ? Kind.LEFT_REDZONE : Kind.RIGHT_REDZONE)
            && report.object() == object
            && report.paddr() == object + at,
        String.format("%s: the red zone of 0x%x at %d", name, object, at),
        report.toString());
    s.slabs.kfree(s.cpu(0), object);
    checkEqual(0, reports.size(), "reports of " + name + " once it was mended");
  }
}
