// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.MisuseException;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabSubject.Aspect;
import io.mm4j.testkit.slab.rules.SlabSubject.Cache;
import io.mm4j.testkit.slab.rules.SlabSubject.Live;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** What is promised without exception: constructors, failures, leaks. */
public final class PromiseRules {
  private static final int GFP = Gfp.GFP_KERNEL;

  /** No call asks for more pages. */
  private static final int MOST_REQUESTS = 500;

  /** More than a counter of 16 bits counts. */
  private static final int MANY = 70_000;

  private PromiseRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.armed(
            new RuleInfo(
                "SL-32",
                "constructor-calls",
                "A constructor is called with the first byte of an object, before that object is"
                    + " first handed out, and never while somebody has it; so too in a slab that is"
                    + " smaller than others, because there was no block for those.",
                "A constructor that runs twice resets a lock that somebody holds.",
                "mm/slub.c setup_object; mm/slab.c cache_init_objs; KFENCE test_memcache_ctor",
                "all objects of a slab are constructed again when one is handed out"),
            Set.of(Aspect.OVERLAP),
            PromiseRules::constructors),
        SlabRule.armed(
            new RuleInfo(
                "SL-33",
                "every-request-fails-once",
                "Whichever request for pages fails, the call that needed it says so or is served"
                    + " otherwise, nothing is lost, and all others are served as before.",
                "Error paths run once a year and must be right.",
                "mm/failslab.c, mm/fail_page_alloc.c: each n-th request in turn",
                "a bulk that fails half way keeps what it has"),
            Set.of(Aspect.CONTENTS, Aspect.OVERLAP),
            PromiseRules::everyRequest),
        SlabRule.once(
            new RuleInfo(
                "SL-36",
                "many-objects",
                "70000 objects of one cache, or as many as there is memory for, can be had at once,"
                    + " all different, and given back in scattered order, twice, with some"
                    + " seconds in between; what a call costs does not grow so much with their"
                    + " number that this is noticed.",
                "Counters of 16 bits and searches through a whole list show only then.",
                "mm/slub.c; slab_bulk_test of the kernel's benchmarks",
                "a counter overflows, or every free looks through all slabs"),
            Set.of(),
            PromiseRules::many),
        SlabRule.debug(
            new RuleInfo(
                "SL-K09",
                "leak-destroy",
                "Destroying a cache with an object in use is refused, and the message names cache"
                    + " and object.",
                "Who leaks must learn what.",
                "slub_kunit test_leak_destroy",
                "the message says that there are some, not which"),
            "",
            PromiseRules::leakDestroy));
  }

  private static void constructors(SlabSubject s, Seeded random) {
    int bytes = SlabOp.size(random, 1200);
    FailingPages pages = FailingPages.of(s.machine);
    Map<Long, Integer> calls = new HashMap<>();
    Cache cache =
        s.create(
            KmemCacheArgs.of("made", bytes)
                .withFlags(SlabFlags.SLAB_NO_MERGE)
                .withCtor(
                    paddr -> {
                      var before = s.live.lowerEntry(paddr + bytes);
                      check(
                          before == null || before.getValue().end() <= paddr,
                          "a constructor that is called for memory that nobody has",
                          String.format(
                              "for 0x%x, while 0x%x is in use",
                              paddr, before == null ? 0 : before.getKey()));
                      calls.merge(paddr, 1, Integer::sum);
                    }));
    for (int i = 0; i < 200; i++) {
      if (random.below(5) < 3 || s.held.isEmpty()) {
        pages.refuseNext(random.oneIn(4) ? 1 : 0);
        long object = s.slabs.kmemCacheAlloc(s.cpu(i), cache.cache, GFP);
        pages.refuseNext(0);
        if (object != SlabAllocator.NO_OBJECT) {
          check(
              calls.containsKey(object),
              "an object that was constructed",
              String.format("0x%x, for which the constructor was not called", object));
          s.enter(object, cache, GFP);
        }
      } else {
        s.free(random.below(2), s.held.get(random.below(s.held.size())));
      }
      if (random.oneIn(60)) {
        long _ = s.slabs.kmemCacheShrink(s.cpu(i), cache.cache);
      }
    }
    s.empty();
  }

  /**
   * A few calls, each of which is made again and again: with its first request for pages refused,
   * with its second, and so on until it is served.
   */
  private static void everyRequest(SlabSubject s, Seeded random) {
    Cache small = CaseRules.cache(s, random, "small");
    Cache large = s.create(KmemCacheArgs.of("large", 3000).withFlags(SlabFlags.SLAB_NO_MERGE));
    for (int i = 0; i < 14; i++) {
      single(s, random, i, small, small.args.objectBytes());
      single(s, random, i, large, large.args.objectBytes());
      single(s, random, i, null, SlabOp.size(random, i % 7 == 0 ? 30_000 : 3000));
      if (random.oneIn(4) && !s.held.isEmpty()) {
        s.free(random.below(2), s.held.get(random.below(s.held.size())));
      }
    }
    // Of a cache of its own: no other node has objects of it that would do.
    Cache many = s.create(KmemCacheArgs.of("many", 2500).withFlags(SlabFlags.SLAB_NO_MERGE));
    for (Cache cache : List.of(many, small, large)) {
      everyRequestOf(s, () -> bulk(s, cache));
    }
    List<Live> ofKmalloc = s.held.stream().filter(object -> object.cache() == null).toList();
    if (!ofKmalloc.isEmpty()) {
      Live object = ofKmalloc.get(random.below(ofKmalloc.size()));
      everyRequestOf(s, () -> grow(s, object));
    }
    s.empty();
  }

  /** Makes a call, which says whether it was served, until none of its requests is refused. */
  private static void everyRequestOf(SlabSubject s, BooleanSupplier call) {
    FailingPages pages = FailingPages.of(s.machine);
    boolean looked = false;
    for (int n = 1; n <= MOST_REQUESTS; n++) {
      pages.failAt(n);
      boolean served = call.getAsBoolean();
      boolean refused = pages.hasFailed();
      pages.failAt(0);
      if (refused && (!looked || served)) {
        looked = true;
        s.validate();
      }
      check(served || refused, "a call that is served, as no request was refused", "none");
      if (served) {
        return;
      }
    }
    throw new RuleViolation(
        "fewer than " + MOST_REQUESTS + " requests for pages", "more for a few objects");
  }

  /** One object, of a cache or of kmalloc. */
  private static void single(
      SlabSubject s, Seeded random, int cpu, @Nullable Cache cache, int bytes) {
    int gfp = random.oneIn(2) ? GFP : GFP | Gfp.__GFP_ZERO;
    everyRequestOf(
        s,
        () -> {
          long object =
              cache == null
                  ? s.slabs.kmalloc(s.cpu(cpu), bytes, gfp)
                  : s.slabs.kmemCacheAlloc(s.cpu(cpu), cache.cache, gfp);
          return s.enter(object, bytes, cache, gfp) != null;
        });
  }

  /** As many as are in several slabs, or none. */
  private static boolean bulk(SlabSubject s, Cache cache) {
    long[] objects = new long[40];
    int got = s.slabs.kmemCacheAllocBulk(s.cpu(0), cache.cache, GFP, objects, objects.length);
    check(got == 0 || got == objects.length, "all or none of 40", "" + got);
    for (int i = 0; i < got; i++) {
      s.enter(objects[i], cache, GFP);
    }
    checkEqual(cache.live, cache.cache.stats().liveObjects(), "live objects after a bulk");
    return got > 0;
  }

  /** An object becomes larger, or stays as it is. */
  private static boolean grow(SlabSubject s, Live object) {
    long paddr = s.slabs.krealloc(s.cpu(1), object.paddr(), 6000, GFP);
    if (paddr == SlabAllocator.NO_OBJECT) {
      s.contents(object, object.bytes());
      return false;
    }
    if (paddr != object.paddr()) {
      s.contents(new Live(paddr, object.bytes(), null, object.pattern()), 6000);
      s.leaveQuietly(object);
      s.enter(paddr, 6000, null, GFP);
    }
    return true;
  }

  private static void many(SlabSubject s, Seeded random) {
    Cache cache = s.create(KmemCacheArgs.of("many", 64).withFlags(SlabFlags.SLAB_NO_MERGE));
    long[] objects = new long[MANY];
    for (int round = 0; round < 2; round++) {
      BitSet held = new BitSet();
      int count = 0;
      while (count < MANY) {
        long object = s.slabs.kmemCacheAlloc(s.cpu(0), cache.cache, GFP);
        if (object == SlabAllocator.NO_OBJECT) {
          break;
        }
        check(
            !held.get((int) (object >>> 3)),
            "an object that nobody has, beside " + count,
            String.format("0x%x, which is held", object));
        held.set((int) (object >>> 3), (int) ((object + 64) >>> 3));
        objects[count] = object;
        count++;
      }
      check(count > 4000, "an object for each page at least", count + " objects");
      checkEqual(count, cache.cache.stats().liveObjects(), "live objects");
      for (int i = count - 1; i >= 0; i--) {
        int at = random.below(i + 1);
        s.slabs.kmemCacheFree(s.cpu(i), cache.cache, objects[at]);
        objects[at] = objects[i];
      }
      checkEqual(0, cache.cache.stats().liveObjects(), "live objects when all are freed");
      pass(s);
    }
    s.empty();
  }

  /** Some seconds, in which what nobody asks for goes back to its slabs piece by piece. */
  private static void pass(SlabSubject s) {
    for (int i = 0; i < 8; i++) {
      s.machine.clock().advance(2_500_000_000L);
      for (int cpu = 0; cpu < 2; cpu++) {
        long other = s.slabs.kmalloc(s.cpu(cpu), 700, GFP);
        s.slabs.kfree(s.cpu(cpu), other);
      }
    }
    s.validate();
  }

  private static void leakDestroy(SlabSubject s, Seeded random) {
    Cache cache =
        s.create(KmemCacheArgs.of("TestSlub_leak", 64).withFlags(SlabFlags.SLAB_NO_MERGE));
    Live leaked = CaseRules.some(s, cache, 1).getFirst();
    String text = "";
    try {
      s.slabs.kmemCacheDestroy(s.cpu(0), cache.cache);
    } catch (MisuseException e) {
      text = e.getMessage() == null ? "" : e.getMessage();
    }
    String object = String.format("0x%x", leaked.paddr());
    check(text.contains(object), "a refusal that names " + object, text.isEmpty() ? "none" : text);
    check(text.contains("TestSlub_leak"), "a refusal that names the cache", text);
    s.empty();
  }
}
