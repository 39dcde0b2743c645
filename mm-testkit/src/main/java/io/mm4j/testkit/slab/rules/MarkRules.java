// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.MisuseException;
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
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabSubject.Aspect;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Known bytes around and in the objects of one cache, whatever the machine was booted with. */
public final class MarkRules {
  private static final int GFP = Gfp.GFP_KERNEL;

  private MarkRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        CaseRules.rule(
            "SL-44",
            "marks-of-a-cache",
            "A cache whose objects grow by SLAB_RED_ZONE, with checks, reports a write before or"
                + " behind an object when it is freed or the cache is validated, and one with"
                + " SLAB_POISON a write into a free object when it is used again: each once, with"
                + " its kind, its object and the first wrong byte; with SLAB_STORE_USER also by"
                + " whom it was allocated.",
            "Who overran a buffer is found where it happened.",
            "mm/slub.c check_object; mm/slab.c cache_free_debugcheck, check_poison_obj",
            "one side is not looked at, or a finding is told again after it was mended",
            Aspect.OVERLAP,
            MarkRules::marks),
        CaseRules.rule(
            "SL-60",
            "marks-that-nobody-hears-of",
            "Without a listener an object that was written over is refused when it is freed, and"
                + " freed when that is tried again; a free object that was written to refuses one"
                + " allocation, or one shrink, and its slab goes back all the same; zeroed objects"
                + " give no finding.",
            "A program that breaks memory is stopped where it is noticed.",
            "mm4j's contract of SlabAllocator.onReport",
            "the object is lost, or counted as free and in use at once",
            Aspect.OVERLAP,
            MarkRules::unheard),
        CaseRules.rule(
            "SL-63",
            "links-that-lead-nowhere",
            "In a cache with checks a link of a free object that leads to no object is reported"
                + " when somebody comes to it, by a validation or by an allocation, and nothing"
                + " that is no free object is handed out for it.",
            "A link that was written over would hand out anything.",
            "mm/slub.c check_object, on_freelist, alloc_consistency_checks",
            "the link is followed, or the objects behind it are handed out twice",
            Aspect.OVERLAP,
            MarkRules::links),
        SlabRule.booted(
            new RuleInfo(
                "SL-61",
                "which-caches-are-debugged",
                "slub_debug switches on what its letters say - all of it without letters, nothing"
                    + " for a dash -: for the caches that a block names, of which the first that"
                    + " fits counts and a star stands for any end, and for all others what a block"
                    + " without names says, or nothing.",
                "One cache is looked at where all would be too slow.",
                "mm/slub.c parse_slub_debug_flags, kmem_cache_flags; Documentation/mm/slab.rst",
                "names are not compared, or a block counts for the caches of the next one"),
            SlabRule.Needs.DEBUG,
            "slub_debug=Z,first*,exact;U,second;P",
            MarkRules::chosen));
  }

  private static void marks(SlabSubject s, Seeded random) {
    for (int kind = 0; kind < 4; kind++) {
      boolean poison = (kind & 1) != 0;
      boolean user = (kind & 2) != 0;
      KmemCache cache = marked(s, 8 * random.between(2, 60), poison, user);
      if (cache == null) {
        return;
      }
      marks(s, cache, random, poison, user);
    }
  }

  /** A cache with red zones and checks; null if the plugin keeps none. */
  private static @Nullable KmemCache marked(
      SlabSubject s, int bytes, boolean poison, boolean user) {
    KmemCacheArgs args = KmemCacheArgs.of("plain", bytes).withFlags(SlabFlags.SLAB_NO_MERGE);
    KmemCache plain = s.slabs.kmemCacheCreate(args);
    // Without checks slub looks at freed objects never, without tracks at full slabs never.
    int flags =
        SlabFlags.SLAB_NO_MERGE | SlabFlags.SLAB_RED_ZONE | SlabFlags.SLAB_CONSISTENCY_CHECKS;
    flags |= poison ? SlabFlags.SLAB_POISON : 0;
    flags |= user ? SlabFlags.SLAB_STORE_USER : 0;
    KmemCache cache = s.slabs.kmemCacheCreate(KmemCacheArgs.of("marked", bytes).withFlags(flags));
    return cache.size() == plain.size() ? null : cache;
  }

  private static void marks(
      SlabSubject s, KmemCache cache, Seeded random, boolean poison, boolean user) {
    int bytes = cache.objectBytes();
    List<SlabReport> reports = new ArrayList<>();
    s.slabs.onReport(reports::add);
    List<Long> objects = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      objects.add(s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP));
    }
    for (boolean behind : new boolean[] {true, false, true, false}) {
      long p = objects.remove(random.below(objects.size()));
      long at = behind ? p + bytes + random.below(8) : p - 1 - random.below(8);
      spoil(s, at);
      if (user && objects.size() % 2 == 0) {
        checkEqual(0, reports.size(), "reports before anybody looks");
        check(s.slabs.validateCache(s.cpu(0), cache) > 0, "findings of a validation", "none");
        checkEqual(0, s.slabs.validateCache(s.cpu(0), cache), "findings when it is mended");
      } else {
        s.slabs.kmemCacheFree(s.cpu(0), cache, p);
      }
      one(reports, behind ? Kind.RIGHT_REDZONE : Kind.LEFT_REDZONE, p, at, user);
      free(s, cache, p);
      checkEqual(0, reports.size(), "reports of a mended object");
    }
    if (poison) {
      long p = objects.removeLast();
      s.slabs.kmemCacheFree(s.cpu(0), cache, p);
      long at = p + random.below(bytes);
      spoil(s, at);
      for (int i = 0; i < 300 && reports.isEmpty(); i++) {
        objects.add(s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP));
      }
      if (user && !reports.isEmpty()) {
        byThisRule(reports.getFirst().freed(), "as who freed", reports.getFirst());
      }
      one(reports, Kind.POISON, p, at, false);
    }
    long twice = objects.removeLast();
    s.slabs.kmemCacheFree(s.cpu(0), cache, twice);
    s.slabs.kmemCacheFree(s.cpu(0), cache, twice);
    one(reports, Kind.DOUBLE_FREE, twice, twice, false);
    s.slabs.kmemCacheFree(s.cpu(0), cache, objects.getLast() + 8);
    checkEqual(1, reports.size(), "reports of a free within an object");
    check(reports.getFirst().kind() == Kind.INVALID_FREE, "INVALID_FREE", reports.toString());
    s.slabs.onReport(null);
    CaseRules.refused(
        "a double free that nobody hears of", () -> s.slabs.kmemCacheFree(s.cpu(0), cache, twice));
    s.validate();
  }

  private static void links(SlabSubject s, Seeded random) {
    for (int kind = 0; kind < 8; kind++) {
      int flags = SlabFlags.SLAB_NO_MERGE | SlabFlags.SLAB_CONSISTENCY_CHECKS;
      flags |= (kind & 1) != 0 ? SlabFlags.SLAB_RED_ZONE : 0;
      flags |= (kind & 2) != 0 ? SlabFlags.SLAB_POISON : 0;
      KmemCache cache =
          s.slabs.kmemCacheCreate(
              KmemCacheArgs.of("links", 8 * random.between(2, 60)).withFlags(flags));
      long first = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
      long second = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
      s.slabs.kmemCacheFree(s.cpu(0), cache, first);
      s.slabs.kmemCacheFree(s.cpu(0), cache, second);
      long link = linkTo(s, cache, second, first);
      if (link == 0) {
        return; // the plugin keeps no links in or behind its objects
      }
      List<SlabReport> reports = new ArrayList<>();
      s.slabs.onReport(reports::add);
      s.machine.memory().putLong(link, first + 1 + random.below(7));
      if (kind >= 4) {
        check(s.slabs.validateCache(s.cpu(0), cache) > 0, "findings of a validation", "none");
      }
      Set<Long> objects = new HashSet<>();
      for (int i = 0; i < 3 * cache.objectsPerSlab(); i++) {
        long object = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
        check(object % 8 == 0, "an object of the cache", String.format("0x%x", object));
        check(objects.add(object), "an object that nobody has", String.format("0x%x", object));
      }
      reported(link, reports);
      objects.forEach(object -> s.slabs.kmemCacheFree(s.cpu(0), cache, object));
      s.slabs.onReport(null);
    }
  }

  private static void reported(long link, List<SlabReport> reports) {
    boolean one =
        reports.stream()
            .anyMatch(report -> report.kind() == Kind.FREE_POINTER && report.paddr() == link);
    check(one, String.format("a report of the link at 0x%x", link), reports.toString());
  }

  /** Where a free object says that another one is next; 0 if it does not. */
  private static long linkTo(SlabSubject s, KmemCache cache, long object, long next) {
    for (long at = object; at < object + cache.size(); at += 8) {
      if (s.machine.memory().getLong(at) == next) {
        return at;
      }
    }
    return 0;
  }

  private static void chosen(SlabSubject s, Seeded random) {
    int red = SlabFlags.SLAB_RED_ZONE;
    int user = SlabFlags.SLAB_STORE_USER;
    int poison = SlabFlags.SLAB_POISON;
    debugged(s, Map.of("first", red, "first-one", red, "exact", red, "second", user));
    debugged(s, Map.of("exactly", poison, "seconds", poison, "a-first", poison));
    try (SlabSubject named = s.twin("slub_debug=FU,some*;Z,end*x")) {
      int checks = SlabFlags.SLAB_CONSISTENCY_CHECKS;
      debugged(named, Map.of("some-end", user | checks, "ending", red, "en", 0, "other", 0));
    }
    try (SlabSubject all = s.twin("slub_debug")) {
      debugged(all, Map.of("any", SlabFlags.SLAB_DEBUG_FLAGS));
    }
    try (SlabSubject none = s.twin("slub_debug=-")) {
      debugged(none, Map.of("any", 0));
    }
    try (SlabSubject nothing = s.twin()) {
      debugged(nothing, Map.of("any", 0));
    }
  }

  private static void debugged(SlabSubject s, Map<String, Integer> flags) {
    flags.forEach(
        (name, wanted) -> {
          KmemCache cache = s.slabs.kmemCacheCreate(KmemCacheArgs.of(name, 48).withUser(0, 8));
          int seen = cache.flags() & SlabFlags.SLAB_DEBUG_FLAGS;
          check(
              seen == wanted,
              "of " + name + " " + SlabFlags.format(wanted),
              SlabFlags.format(seen));
        });
  }

  private static void spoil(SlabSubject s, long at) {
    PhysicalMemory memory = s.machine.memory();
    memory.putByte(at, (byte) ~memory.getByte(at));
  }

  /** Frees an object, unless it is free already. */
  private static void free(SlabSubject s, KmemCache cache, long paddr) {
    long[] live = {0};
    s.slabs.forEachLive(cache, object -> live[0] += object == paddr ? 1 : 0);
    if (live[0] > 0) {
      s.slabs.kmemCacheFree(s.cpu(0), cache, paddr);
    }
  }

  private static void one(
      List<SlabReport> reports, Kind kind, long object, long paddr, boolean allocated) {
    checkEqual(1, reports.size(), "reports of " + kind);
    SlabReport report = reports.removeFirst();
    check(report.kind() == kind, "" + kind, report.text());
    checkEqual(object, report.object(), "object of the report");
    checkEqual(paddr, report.paddr(), "first wrong byte of the report");
    if (report.text().startsWith("BUG ") && kind != Kind.DOUBLE_FREE) { // as mm/slub.c says it
      boolean shown = report.text().lines().anyMatch(l -> l.strip().startsWith("Redzone "));
      check(shown, "the red zone before the object in the report", report.text());
    }
    check(report.cacheName().equals("marked"), "the cache's name", report.cacheName());
    if (allocated) {
      byThisRule(report.allocated(), "as who allocated", report);
    }
  }

  private static void byThisRule(SlabReport.@Nullable Track track, String as, SlabReport report) {
    check(
        track != null
            && (track.caller().startsWith("MarkRules.")
                || track.caller().startsWith(MarkRules.class.getName())),
        "this rule " + as,
        report.text());
    check(
        track == null || (track.cpu() >= -1 && track.ns() >= -1),
        "a CPU and a time, or -1, " + as,
        "" + track);
  }

  /** Without anybody who hears of it a finding is the caller's misuse, and is mended. */
  private static void unheard(SlabSubject s, Seeded random) {
    for (int kind = 0; kind < 4; kind++) {
      KmemCache cache = marked(s, 8 * random.between(2, 60), kind > 1, kind % 2 == 1);
      if (cache == null) {
        return;
      }
      List<Long> objects = new ArrayList<>();
      for (int i = 0; i < 30; i++) {
        objects.add(s.slabs.kmemCacheAlloc(s.cpu(i), cache, GFP | Gfp.__GFP_ZERO));
      }
      checkEqual(0, s.slabs.validateCache(s.cpu(0), cache), "findings in zeroed objects");
      for (int i = 0; i < 3; i++) {
        long p = objects.remove(random.below(objects.size()));
        long live = cache.stats().liveObjects();
        spoil(s, random.oneIn(2) ? p + cache.objectBytes() + random.below(8) : p - 1);
        CaseRules.refused(
            "a free of what was written over", () -> s.slabs.kmemCacheFree(s.cpu(0), cache, p));
        checkEqual(live, cache.stats().liveObjects(), "live objects after it was refused");
        s.slabs.kmemCacheFree(s.cpu(1), cache, p);
        checkEqual(live - 1, cache.stats().liveObjects(), "live objects when it is freed again");
      }
      if (kind > 1) {
        usedAfterFree(s, cache, random, objects);
      }
      s.validate();
      objects.forEach(object -> s.slabs.kmemCacheFree(s.cpu(0), cache, object));
      if (kind > 1) {
        shrunk(s, random, marked(s, 8 * random.between(2, 60), true, kind % 2 == 1));
      }
      if (kind <= 1) { // else mm/slub.c leaves a slab in which it found something alone for ever
        s.slabs.kmemCacheDestroy(s.cpu(0), cache);
      }
    }
  }

  /** An empty slab with a free object that was written to goes back, whatever is said of it. */
  private static void shrunk(SlabSubject s, Seeded random, @Nullable KmemCache cache) {
    if (cache == null) {
      return;
    }
    List<Long> objects = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      objects.add(s.slabs.kmemCacheAlloc(s.cpu(i), cache, GFP));
    }
    objects.forEach(object -> s.slabs.kmemCacheFree(s.cpu(0), cache, object));
    long p = objects.get(random.below(objects.size()));
    if (cache.equals(s.slabs.cacheOf(p))) { // its slab has not gone yet
      spoil(s, p + random.below(cache.objectBytes()));
    }
    for (int i = 0; i < 2; i++) {
      try {
        long _ = s.slabs.kmemCacheShrink(s.cpu(0), cache);
      } catch (MisuseException e) {
        check(i == 0, "one shrink that is refused", String.valueOf(e.getMessage()));
      }
    }
    checkEqual(0, cache.stats().pages(), "frames after a shrink that found what was written");
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
  }

  /** A free object that was written to: one allocation is refused, and gives nothing away. */
  private static void usedAfterFree(
      SlabSubject s, KmemCache cache, Seeded random, List<Long> objects) {
    long p = objects.removeLast();
    s.slabs.kmemCacheFree(s.cpu(0), cache, p);
    spoil(s, p + random.below(cache.objectBytes()));
    int refused = 0;
    for (int i = 0; i < 300; i++) {
      long live = cache.stats().liveObjects();
      try {
        objects.add(s.slabs.kmemCacheAlloc(s.cpu(i), cache, GFP));
      } catch (MisuseException e) {
        refused++;
        checkEqual(live, cache.stats().liveObjects(), "live objects after it was refused");
      }
    }
    checkEqual(1, refused, "allocations that come upon a free object that was written to");
    checkEqual(objects.size(), new HashSet<>(objects).size(), "objects that are all different");
  }
}
