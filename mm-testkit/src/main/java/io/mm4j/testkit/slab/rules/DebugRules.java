// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.api.slab.SlabReport;
import io.mm4j.api.slab.SlabReport.Kind;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What debug mode finds: the cases of lib/tests/slub_kunit.c by name, with their numbers of errors
 * (each finding and each mending counts), and those of KASAN's and KFENCE's tests that debug mode
 * can find.
 */
public final class DebugRules {
  private static final int GFP = Gfp.GFP_KERNEL;

  private DebugRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        kunit(
            "SL-K01",
            "clobber-zone",
            "test_clobber_zone",
            "A write behind an object in use is found: 2 errors.",
            "the right red zone is not looked at",
            DebugRules::clobberZone),
        kunit(
            "SL-K02",
            "next-pointer",
            "test_next_pointer",
            "A corrupt link of a free object is found, 3 errors, then a wrong count, 2, then"
                + " nothing.",
            "the freelist is followed wherever it leads, or the count is not mended",
            DebugRules::nextPointer),
        kunit(
            "SL-K03",
            "first-word",
            "test_first_word",
            "A write to the first byte of a free object is found: 2 errors.",
            "poison is not looked at",
            (s, random) -> poisoned(s, "first", 0, (byte) 0x78)),
        kunit(
            "SL-K04",
            "clobber-50th-byte",
            "test_clobber_50th_byte",
            "A write to byte 50 of a free object is found: 2 errors.",
            "only the beginning is poisoned",
            (s, random) -> poisoned(s, "fiftieth", 50, (byte) 0x9a)),
        kunit(
            "SL-K05",
            "clobber-redzone-free",
            "test_clobber_redzone_free",
            "A write behind a free object is found: 2 errors.",
            "the red zone of free objects is not written or not looked at",
            DebugRules::redzoneFree),
        SlabRule.debug(
            info(
                "SL-K06",
                "kmalloc-redzone-access",
                "slub_kunit test_kmalloc_redzone_access",
                "A write beyond the bytes that were asked for, within the class, is found: 2"
                    + " errors.",
                "the red zone begins at the end of the class"),
            "ZU",
            DebugRules::kmallocRedzone),
        SlabRule.debug(
            info(
                "SL-K10",
                "krealloc-redzone-zeroing",
                "slub_kunit test_krealloc_redzone_zeroing",
                "krealloc with __GFP_ZERO moves red zone and zeroes with the size: 0 errors, and"
                    + " what is added is 0.",
                "the red zone stays where it was, or zeroes run into it"),
            "ZU",
            DebugRules::kreallocZeroing),
        SlabRule.debug(
            info(
                "SL-27",
                "reports-name-all",
                "mm/slub.c print_trailer; KASAN kmalloc_oob_right, kmalloc_oob_left",
                "A report says the kind of the finding, the cache, the object, the first wrong"
                    + " byte, who allocated and who freed it; an object that was written over is"
                    + " not freed.",
                "the object or its cache is another one's, or tracks are not kept"),
            "FZPU",
            DebugRules::reports),
        SlabRule.debug(
            info(
                "SL-28",
                "use-after-free",
                "KASAN kmalloc_uaf, kmalloc_uaf_memset; KFENCE test_use_after_free_write",
                "A write to a free object is found when it is handed out again.",
                "objects are not looked at when they are handed out"),
            "FZPU",
            DebugRules::useAfterFree),
        SlabRule.debug(
            info(
                "SL-29",
                "double-free-is-named",
                "KASAN kmem_cache_double_free, kmem_cache_invalid_free",
                "A double free and a free of a place within an object are reported with both"
                    + " tracks, each with its CPU, and nothing changes.",
                "debug mode forgets who freed it"),
            "FZPU",
            DebugRules::doubleFree),
        SlabRule.debug(
            info(
                "SL-30",
                "good-is-quiet",
                "lib/tests/slub_kunit.c; KASAN kmem_cache_bulk",
                "Objects that are used as they should be give no finding.",
                "known bytes are written over by the allocator itself"),
            "FZPU",
            DebugRules::quiet));
  }

  private static RuleInfo info(
      String id, String name, String behind, String statement, String failure) {
    return new RuleInfo(
        id, name, statement, "Who overran a buffer is found where it happened.", behind, failure);
  }

  private static Rule<SlabAllocatorProvider> kunit(
      String id, String name, String test, String statement, String failure, SlabRule.Body body) {
    return SlabRule.debug(info(id, name, "slub_kunit " + test, statement, failure), "", body);
  }

  private static List<SlabReport> listen(SlabSubject s) {
    List<SlabReport> reports = new ArrayList<>();
    s.slabs.onReport(reports::add);
    return reports;
  }

  private static KmemCache cache(SlabSubject s, String name, int flags) {
    return s.slabs.kmemCacheCreate(KmemCacheArgs.of(name, 64).withFlags(flags));
  }

  private static long validated(SlabSubject s, @Nullable KmemCache cache) {
    if (cache == null) {
      throw new RuleViolation("a cache", "none");
    }
    return s.slabs.validateCache(s.cpu(0), cache);
  }

  private static void clobberZone(SlabSubject s, Seeded random) {
    listen(s);
    KmemCache cache = cache(s, "TestSlub_RZ_alloc", SlabFlags.SLAB_RED_ZONE);
    long p = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    s.machine.memory().putByte(p + 64, (byte) 0x12);
    checkEqual(2, validated(s, cache), "errors");
    checkEqual(0, validated(s, cache), "errors when it has been mended");
    s.slabs.kmemCacheFree(s.cpu(0), cache, p);
  }

  private static void nextPointer(SlabSubject s, Seeded random) {
    listen(s);
    KmemCache cache = cache(s, "TestSlub_next_ptr_free", SlabFlags.SLAB_POISON);
    PhysicalMemory memory = s.machine.memory();
    long first = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    long p = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    s.slabs.kmemCacheFree(s.cpu(0), cache, first);
    s.slabs.kmemCacheFree(s.cpu(0), cache, p);
    long link = 0;
    for (long at = p; at < p + cache.size(); at += 8) {
      link = memory.getLong(at) == first ? at : link;
    }
    check(link != 0, "a link to the next free object in or behind the object", "none");
    memory.putLong(link, first + 0x123);
    checkEqual(3, validated(s, cache), "errors with a corrupt link");
    memory.putLong(link, first);
    checkEqual(2, validated(s, cache), "errors with the link repaired");
    checkEqual(0, validated(s, cache), "errors then");
  }

  private static void poisoned(SlabSubject s, String name, int at, byte value) {
    listen(s);
    KmemCache cache = cache(s, "TestSlub_" + name, SlabFlags.SLAB_POISON);
    long p = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    s.slabs.kmemCacheFree(s.cpu(0), cache, p);
    s.machine.memory().putByte(p + at, value);
    checkEqual(2, validated(s, cache), "errors");
    checkEqual(0, validated(s, cache), "errors when it has been mended");
  }

  private static void redzoneFree(SlabSubject s, Seeded random) {
    listen(s);
    KmemCache cache = cache(s, "TestSlub_RZ_free", SlabFlags.SLAB_RED_ZONE);
    long p = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    s.slabs.kmemCacheFree(s.cpu(0), cache, p);
    s.machine.memory().putByte(p + 64, (byte) 0xab);
    checkEqual(2, validated(s, cache), "errors");
  }

  private static void kmallocRedzone(SlabSubject s, Seeded random) {
    listen(s);
    long p = s.slabs.kmalloc(s.cpu(0), 18, GFP);
    s.machine.memory().putByte(p + 18, (byte) 0xab);
    s.machine.memory().putByte(p + 19, (byte) 0xab);
    checkEqual(2, validated(s, s.slabs.cacheOf(p)), "errors");
    s.slabs.kfree(s.cpu(0), p);
  }

  private static void kreallocZeroing(SlabSubject s, Seeded random) {
    listen(s);
    PhysicalMemory memory = s.machine.memory();
    int gfp = GFP | Gfp.__GFP_ZERO;
    long p = s.slabs.kmalloc(s.cpu(0), 48, gfp);
    KmemCache cache = s.slabs.cacheOf(p);
    checkEqual(p, s.slabs.krealloc(s.cpu(0), p, 40, gfp), "krealloc from 48 to 40");
    checkEqual(0, validated(s, cache), "errors with 40 bytes");
    checkEqual(p, s.slabs.krealloc(s.cpu(0), p, 56, gfp), "krealloc from 40 to 56");
    for (int at = 40; at < 56; at++) {
      checkEqual(0, memory.getByte(p + at), "byte " + at + " that was added");
    }
    checkEqual(0, validated(s, cache), "errors with 56 bytes");
    memory.putByte(p + 56, (byte) 1);
    checkEqual(2, validated(s, cache), "errors with a write behind 56 bytes");
    s.slabs.kfree(s.cpu(0), p);
  }

  private static void reports(SlabSubject s, Seeded random) {
    List<SlabReport> reports = listen(s);
    KmemCache cache = cache(s, "named", 0);
    long other = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    long p = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    s.machine.memory().putByte(p + 66, (byte) 0x11);
    s.slabs.kmemCacheFree(s.cpu(1), cache, p);
    one(reports, Kind.RIGHT_REDZONE, cache, p, p + 66);
    long[] live = {0};
    s.slabs.forEachLive(cache, object -> live[0] += object == p ? 1 : 0);
    checkEqual(1, live[0], "the object that was written over is still in use");
    s.slabs.kmemCacheFree(s.cpu(1), cache, p);
    checkEqual(0, reports.size(), "reports of the mended object");
    s.machine.memory().putByte(other - 1, (byte) 0x11);
    s.slabs.kmemCacheFree(s.cpu(0), cache, other);
    one(reports, Kind.LEFT_REDZONE, cache, other, other - 1);
    s.slabs.kmemCacheFree(s.cpu(0), cache, other);
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
  }

  /** There is one report, it says this, and it is taken off. */
  private static void one(
      List<SlabReport> reports, Kind kind, KmemCache cache, long object, long paddr) {
    checkEqual(1, reports.size(), "reports");
    SlabReport report = reports.removeFirst();
    check(report.kind() == kind, "" + kind, report.text());
    check(report.cacheName().equals(cache.name()), cache.name(), report.cacheName());
    checkEqual(object, report.object(), "object of the report");
    checkEqual(paddr, report.paddr(), "first wrong byte of the report");
    SlabReport.Track track = report.allocated();
    check(track != null, "who allocated it", report.text());
    if (track != null) {
      check(track.caller().contains("DebugRules"), "this rule as caller", track.toString());
    }
  }

  private static void checkOn(int cpu, SlabReport.@Nullable Track track, String what) {
    if (track == null) {
      throw new RuleViolation(what, "nobody");
    }
    checkEqual(cpu, track.cpu(), "cpu of " + what);
  }

  private static void useAfterFree(SlabSubject s, Seeded random) {
    List<SlabReport> reports = listen(s);
    KmemCache cache = cache(s, "uaf", 0);
    long p = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    s.slabs.kmemCacheFree(s.cpu(0), cache, p);
    s.machine.memory().putByte(p + 17, (byte) 0x42);
    for (int i = 0; i < 200 && reports.isEmpty(); i++) {
      long _ = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    }
    one(reports, Kind.POISON, cache, p, p + 17);
  }

  private static void doubleFree(SlabSubject s, Seeded random) {
    List<SlabReport> reports = listen(s);
    KmemCache cache = cache(s, "twice", 0);
    long kept = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    long p = s.slabs.kmemCacheAlloc(s.cpu(1), cache, GFP);
    s.slabs.kmemCacheFree(s.cpu(0), cache, p);
    s.slabs.kmemCacheFree(s.cpu(1), cache, p);
    checkEqual(1, reports.size(), "reports of a double free");
    checkOn(1, reports.getFirst().allocated(), "who allocated it");
    checkOn(0, reports.getFirst().freed(), "who freed it first");
    one(reports, Kind.DOUBLE_FREE, cache, p, p);
    s.slabs.kmemCacheFree(s.cpu(0), cache, kept + 8);
    checkEqual(1, reports.size(), "reports of an invalid free");
    check(reports.getFirst().kind() == Kind.INVALID_FREE, "INVALID_FREE", reports.toString());
    reports.clear();
    checkEqual(0, validated(s, cache), "errors then");
    s.slabs.kmemCacheFree(s.cpu(0), cache, kept);
    checkEqual(0, reports.size(), "reports of a good free");
    s.slabs.onReport(null);
    CaseRules.refused(
        "a double free that nobody hears of", () -> s.slabs.kmemCacheFree(s.cpu(0), cache, kept));
  }

  private static void quiet(SlabSubject s, Seeded random) {
    List<SlabReport> reports = listen(s);
    KmemCache cache = cache(s, "quiet", 0);
    List<Long> objects = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      int bytes = 1 + i * 7 % 2000;
      long small = s.slabs.kmalloc(s.cpu(i), bytes, i % 3 == 0 ? GFP | Gfp.__GFP_ZERO : GFP);
      for (int at = 0; at < bytes; at++) {
        s.machine.memory().putByte(small + at, (byte) i);
      }
      long object = s.slabs.kmemCacheAlloc(s.cpu(i), cache, GFP);
      for (int at = 0; at < 64; at++) {
        s.machine.memory().putByte(object + at, (byte) i);
      }
      objects.add(small);
      objects.add(object);
      if (i % 2 == 0) {
        s.slabs.kfree(s.cpu(i + 1), objects.remove(i * 13 % objects.size()));
      }
    }
    for (KmemCache each : s.slabs.caches()) {
      checkEqual(0, validated(s, each), "errors of " + each);
    }
    objects.forEach(object -> s.slabs.kfree(s.cpu(0), object));
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    check(reports.isEmpty(), "no report", reports.toString());
  }
}
