// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
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
import java.util.TreeSet;

/** Many caches, the other node's objects, what the page allocator is asked for, and merging. */
public final class RequestRules {
  private static final int GFP = Gfp.GFP_KERNEL;
  private static final int CACHES = 150;

  /** How hard the page allocator may try: no more than the caller allows. */
  private static final int EFFORT =
      Gfp.__GFP_HIGH | Gfp.__GFP_IO | Gfp.__GFP_FS | Gfp.__GFP_DIRECT_RECLAIM;

  private RequestRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        CaseRules.rule(
            "SL-40",
            "many-caches",
            "Hundreds of caches live beside each other: a new one holds nothing at all, each has"
                + " the objects that were taken from it, and those that are destroyed make room for"
                + " others.",
            "A kernel has three hundred.",
            "mm/slab_common.c slab_caches; /proc/slabinfo",
            "a table by number is one entry short, or keeps what the last cache of a number had",
            Aspect.OVERLAP,
            RequestRules::many),
        CaseRules.rule(
            "SL-41",
            "elsewhere-before-nowhere",
            "When no page can be had, a request for any node gets an object that is free on"
                + " another node, as long as the statistics say that there are some, and one for a"
                + " node alone gets none of another.",
            "Memory is there.",
            "mm/slub.c get_any_partial; mm/slab.c fallback_alloc",
            "only the nearest node is searched, or __GFP_THISNODE is forgotten",
            Aspect.OVERLAP,
            RequestRules::elsewhere),
        SlabRule.armed(
            new RuleInfo(
                "SL-42",
                "flags-of-slabs",
                "Pages for a slab are asked for with no more effort than the request allows, with"
                    + " its right to reserves, and from where the kernel has an address.",
                "An interrupt must not sleep, nor an object lie in HighMem.",
                "mm/slub.c allocate_slab, new_slab (GFP_RECLAIM_MASK, GFP_CONSTRAINT_MASK)",
                "flags are passed on as they come, or not at all"),
            Set.of(),
            RequestRules::flags),
        SlabRule.booted(
            new RuleInfo(
                "SL-43",
                "nomerge",
                "With slab_nomerge no two caches share slabs, however alike they are.",
                "Who looks for a corrupted object wants to know whose it is.",
                "mm/slab_common.c slab_nomerge, find_mergeable",
                "the parameter is read and not looked at"),
            Needs.MERGES,
            "slab_nomerge",
            RequestRules::apart),
        CaseRules.rule(
            "SL-51",
            "destroyed-while-others-work",
            "A cache of which a CPU keeps objects that is at work is destroyed, or refused as long"
                + " as the CPU does not come by - and not because of objects in use, which there"
                + " are none of -, and can be used and destroyed afterwards.",
            "Modules are unloaded while everybody works.",
            "mm/slub.c flush_all, kmem_cache_destroy; mm/slab.c drain_cpu_caches",
            "what others keep is forgotten, or counts as in use, or their answer is not awaited",
            Aspect.OVERLAP,
            RequestRules::busy),
        CaseRules.rule(
            "SL-52",
            "far-objects-go-home",
            "An object of another node that is freed on a CPU goes to its slab, not into what the"
                + " CPU keeps for its next allocations.",
            "A CPU would go on with far memory for ever.",
            "mm/slub.c slab_free (slab_nid, numa_mem_id); mm/slab.c cache_free_alien",
            "the node of an object is not looked at, or that of another frame",
            Aspect.OVERLAP,
            RequestRules::home),
        CaseRules.rule(
            "SL-53",
            "kept-objects-first",
            "As long as a CPU or its node keeps objects beside the slabs, an allocation takes one"
                + " of these, and none comes from a slab.",
            "They are hot; more and more would be kept otherwise.",
            "mm/slub.c alloc_from_pcs, __pcs_replace_empty_main; mm/slab.c cache_alloc_refill",
            "the CPU's own are looked at, and not those of its node",
            Aspect.OVERLAP,
            RequestRules::kept),
        CaseRules.rule(
            "SL-45",
            "whole-pages",
            "Objects as large as pages and up to the largest block: a slab has room for those that"
                + " it is said to have, forEachLive shows exactly those in use, each leads to its"
                + " cache, a place within one is not freed, and kmem_cache_shrink says how many"
                + " frames it gave back.",
            "Page tables and buffers come in pages.",
            "mm/slub.c calculate_sizes; mm/slab.c calculate_slab_order; mm/slob.c slob_new_pages",
            "an order is taken for a count, or a block of several pages for one page",
            Aspect.CONTENTS,
            RequestRules::whole));
  }

  private static void home(SlabSubject s, Seeded random) {
    int bytes = SlabOp.size(random, 1500);
    KmemCacheArgs args = KmemCacheArgs.of("home", bytes).withFlags(SlabFlags.SLAB_NO_MERGE);
    Cache cache = s.create(args.withSheaves(random.oneIn(4) ? 0 : 16));
    SlabAllocator slabs = s.slabs;
    List<Live> near = new ArrayList<>();
    List<Live> far = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      for (int node = 0; node < 2; node++) {
        int gfp = GFP | Gfp.__GFP_THISNODE;
        long object = slabs.kmemCacheAlloc(s.cpu(node), cache.cache, gfp, node);
        Live live = s.enter(object, cache, 0);
        check(live != null, "an object of node " + node, "none");
        if (live != null) {
          (node == 0 ? near : far).add(live);
        }
      }
    }
    s.free(0, near.removeLast());
    long kept = cache.cache.stats().cachedObjects();
    while (!far.isEmpty()) {
      s.free(0, far.remove(random.below(far.size())));
      checkEqual(kept, cache.cache.stats().cachedObjects(), "objects that CPUs keep");
    }
    s.empty();
  }

  private static void kept(SlabSubject s, Seeded random) {
    int bytes = SlabOp.size(random, 600);
    KmemCacheArgs args = KmemCacheArgs.of("kept", bytes).withFlags(SlabFlags.SLAB_NO_MERGE);
    Cache cache = s.create(args.withSheaves(random.between(4, 32)));
    for (int i = 0; i < 300; i++) {
      int gfp = GFP | Gfp.__GFP_THISNODE;
      s.enter(s.slabs.kmemCacheAlloc(s.cpu(0), cache.cache, gfp, 0), cache, 0);
    }
    while (!s.held.isEmpty()) {
      s.free(0, s.held.get(random.below(s.held.size())));
    }
    long left = cache.cache.stats().cachedObjects();
    for (; left > 0; left--) {
      checkEqual(left, cache.cache.stats().cachedObjects(), "objects that are kept");
      s.enter(s.slabs.kmemCacheAlloc(s.cpu(0), cache.cache, GFP), cache, 0);
    }
    s.empty();
  }

  private static void busy(SlabSubject s, Seeded random) {
    int bytes = SlabOp.size(random, 2000);
    KmemCacheArgs args = KmemCacheArgs.of("busy", bytes).withFlags(SlabFlags.SLAB_NO_MERGE);
    Cache cache = s.create(args.withSheaves(random.oneIn(2) ? 16 : 0));
    CaseRules.some(s, cache, random.between(5, 40));
    while (!s.held.isEmpty()) {
      s.free(1, s.held.getLast());
    }
    Cpu other = s.cpu(1);
    boolean refused = false;
    other.parkLock().lock();
    try {
      s.slabs.kmemCacheDestroy(s.cpu(0), cache.cache);
    } catch (MisuseException e) {
      refused = true;
      String why = String.valueOf(e.getMessage());
      check(!why.contains("objects in use"), "another reason than objects in use", why);
    } finally {
      other.parkLock().unlock();
    }
    if (refused) {
      CaseRules.some(s, cache, 3);
      s.freeAll();
      other.serveAll();
      s.slabs.kmemCacheDestroy(s.cpu(0), cache.cache);
    }
    s.caches.remove(cache);
    s.empty();
  }

  private static void many(SlabSubject s, Seeded random) {
    for (int i = 0; i < CACHES; i++) {
      another(s, "many-" + i, 8 + 3 * i);
    }
    for (int i = 0; i < CACHES / 2; i++) {
      Cache gone = s.caches.remove(random.below(s.caches.size()));
      for (Live object : List.copyOf(s.held)) {
        if (object.cache() == gone) {
          s.free(random.below(2), object);
        }
      }
      s.slabs.kmemCacheDestroy(s.cpu(0), gone.cache);
    }
    for (int i = 0; i < CACHES / 2; i++) {
      another(s, "more-" + i, 500 - 3 * i);
    }
    for (Cache cache : s.caches) {
      checkEqual(2, cache.cache.stats().liveObjects(), "live objects of " + cache.cache);
    }
    s.empty();
  }

  private static void another(SlabSubject s, String name, int bytes) {
    Cache cache = s.create(KmemCacheArgs.of(name, bytes).withFlags(SlabFlags.SLAB_NO_MERGE));
    CacheStats none = new CacheStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    CacheStats seen = cache.cache.stats();
    check(seen.equals(none), "a new cache that holds nothing", seen.toString());
    CaseRules.some(s, cache, 2);
    checkEqual(2, cache.cache.stats().liveObjects(), "live objects of " + name);
  }

  private static void elsewhere(SlabSubject s, Seeded random) {
    SlabAllocator slabs = s.slabs;
    int bytes = random.between(100, 1000);
    Cache cache = s.create(KmemCacheArgs.of("far", bytes).withFlags(SlabFlags.SLAB_NO_MERGE));
    List<Live> far = new ArrayList<>();
    for (int i = 0; i < 600; i++) {
      Live object =
          s.enter(
              slabs.kmemCacheAlloc(s.cpu(1), cache.cache, GFP | Gfp.__GFP_THISNODE, 1), cache, 0);
      if (object != null) {
        far.add(object);
      }
    }
    List<Long> pages = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      for (long pfn; (pfn = s.machine.pages().allocPages(s.cpu(i), Gfp.GFP_NOWAIT, 0)) >= 0; ) {
        pages.add(pfn);
      }
    }
    // Every slab keeps some objects, and has room for others.
    for (int i = 0; i < far.size(); i += 2) {
      s.free(0, far.get(i));
    }
    long near = slabs.kmemCacheAlloc(s.cpu(0), cache.cache, Gfp.GFP_NOWAIT | Gfp.__GFP_THISNODE, 0);
    if (near != SlabAllocator.NO_OBJECT) {
      checkEqual(0, SlabSubject.nodeOf(near), "node of an object for node 0 alone");
      s.enter(near, cache, 0);
    }
    int free = free(cache.cache.stats(), (far.size() + 1) / 2);
    for (int i = 0; i < free; i++) {
      Live any = s.enter(slabs.kmemCacheAlloc(s.cpu(0), cache.cache, Gfp.GFP_NOWAIT), cache, 0);
      check(any != null, "objects of node 1 for requests for any node", "none after " + i);
    }
    for (long pfn : pages) {
      s.machine.pages().freePages(s.cpu(0), pfn, 0);
    }
    s.empty();
  }

  /**
   * How many objects somebody surely gets who asks for any node: a part of those that are not
   * active, if the plugin counts places that nobody has, else of those that were freed. Other CPUs
   * keep some, and so does their node. A plugin may have places that it uses again only with the
   * whole slab.
   */
  private static int free(CacheStats stats, int freed) {
    boolean counted = stats.objects() != stats.liveObjects();
    return (int) Math.min(freed, counted ? stats.objects() - stats.activeObjects() : freed) / 3;
  }

  private static void flags(SlabSubject s, Seeded random) {
    List<Integer> kinds = List.of(GFP, Gfp.GFP_ATOMIC, Gfp.GFP_NOWAIT, Gfp.GFP_NOFS, Gfp.GFP_NOIO);
    List<Integer> asked = new ArrayList<>();
    FailingPages.of(s.machine).listen(request -> asked.add(request.gfp()));
    for (int i = 0; i < 30; i++) {
      int bytes = SlabOp.size(random, 3000);
      int flags = SlabFlags.SLAB_NO_MERGE;
      flags |= random.oneIn(2) ? SlabFlags.SLAB_CONSISTENCY_CHECKS : 0;
      flags |= random.oneIn(2) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0;
      KmemCache cache =
          s.slabs.kmemCacheCreate(KmemCacheArgs.of("asks-" + i, bytes).withFlags(flags));
      int kind = kinds.get(random.below(kinds.size()));
      int gfp = kind | (random.oneIn(2) ? Gfp.__GFP_HIGHMEM : Gfp.__GFP_MOVABLE);
      asked.clear();
      long object = s.slabs.kmemCacheAlloc(s.cpu(i), cache, gfp);
      check(object != SlabAllocator.NO_OBJECT, "an object", "none");
      String what = " of a request with " + Gfp.format(gfp);
      int all = 0;
      for (int each : asked) {
        all |= each;
        int zones = each & (Gfp.__GFP_HIGHMEM | Gfp.__GFP_MOVABLE | Gfp.__GFP_DMA32);
        check(zones == 0, "a slab from where the kernel has an address" + what, Gfp.format(each));
        int more = each & EFFORT & ~kind;
        check(more == 0, "a slab with no more effort than that" + what, Gfp.format(each));
      }
      if (!asked.isEmpty()) {
        checkEqual(kind & Gfp.__GFP_HIGH, all & Gfp.__GFP_HIGH, "the right to reserves" + what);
      }
      s.slabs.kmemCacheFree(s.cpu(i), cache, object);
      s.slabs.kmemCacheDestroy(s.cpu(i), cache);
    }
    FailingPages.of(s.machine).listen(gfp -> {});
  }

  private static void apart(SlabSubject s, Seeded random) {
    int bytes = SlabOp.size(random, 1000);
    KmemCache first = s.slabs.kmemCacheCreate(KmemCacheArgs.of("first", bytes));
    KmemCache second = s.slabs.kmemCacheCreate(KmemCacheArgs.of("second", bytes));
    check(!first.equals(second), "two caches of " + bytes + " bytes", "one");
    checkEqual(0, first.aliases(), "aliases of the first");
    check(second.name().equals("second"), "the name of the second", second.name());
    s.slabs.kmemCacheDestroy(s.cpu(0), first);
    s.slabs.kmemCacheDestroy(s.cpu(0), second);
  }

  private static void whole(SlabSubject s, Seeded random) {
    for (int i = 0; i < 6; i++) {
      int bytes = random.oneIn(2) ? 4096 << random.below(3) : 4097 + random.below(14_000);
      int flags = SlabFlags.SLAB_NO_MERGE;
      flags |= random.oneIn(3) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0;
      flags |= random.oneIn(3) ? SlabFlags.SLAB_TYPESAFE_BY_RCU : 0;
      Cache cache = s.create(KmemCacheArgs.of("whole-" + i, bytes).withFlags(flags));
      KmemCache it = cache.cache;
      check(it.size() >= bytes, bytes + " bytes from one object to the next", "" + it.size());
      check(it.objectsPerSlab() >= 1, "an object in a slab", "none");
      long room = Pages.PAGE_SIZE << it.order();
      check(
          (long) it.size() * it.objectsPerSlab() <= room, "objects within " + room, "" + it.size());
      CaseRules.some(s, cache, random.between(2, 12));
      s.free(random.below(2), s.held.getLast());
      Set<Long> wanted = new TreeSet<>();
      for (Live object : s.held) {
        if (object.cache() == cache) {
          wanted.add(object.paddr());
          check(it.equals(s.slabs.cacheOf(object.paddr())), "its cache, " + it, "another one");
          check(s.slabs.ksize(object.paddr()) >= bytes, "room for " + bytes, "less");
          head(s.machine.memory().memMap(), object.paddr() >>> Pages.PAGE_SHIFT);
          boolean _ = CaseRules.within(s, random, object);
        }
      }
      Set<Long> seen = new TreeSet<>();
      s.slabs.forEachLive(it, paddr -> check(seen.add(paddr), "each once", "twice " + paddr));
      check(wanted.equals(seen), "live objects " + wanted, seen.toString());
    }
    for (Cache cache : s.caches) {
      for (Live object : List.copyOf(s.held)) {
        if (object.cache() == cache) {
          s.free(random.below(2), object);
        }
      }
      long before = free(s);
      long given = s.slabs.kmemCacheShrink(s.cpu(0), cache.cache);
      checkEqual(before + given, free(s), "free pages after a shrink of " + cache.cache);
    }
    s.empty();
    largest(s);
  }

  /** A cache may have objects of the largest block. */
  private static void largest(SlabSubject s) {
    int bytes = (int) (Pages.PAGE_SIZE << Pages.MAX_PAGE_ORDER);
    KmemCacheArgs args = KmemCacheArgs.of("largest", bytes).withFlags(SlabFlags.SLAB_NO_MERGE);
    KmemCache cache = s.slabs.kmemCacheCreate(args);
    checkEqual(Pages.MAX_PAGE_ORDER, cache.order(), "order of " + cache);
    long object = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    if (object != SlabAllocator.NO_OBJECT) {
      checkEqual(bytes, s.slabs.ksize(object), "bytes of " + cache);
      s.slabs.kmemCacheFree(s.cpu(0), cache, object);
    }
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
  }

  /** The first frame of a slab of several is marked as the head of them. */
  private static void head(MemMap map, long pfn) {
    long head = map.head(pfn);
    boolean marked = (map.flags(head) & PageFlags.PG_HEAD) != 0;
    check(
        marked == (map.order(head) > 0),
        "PG_head of a slab of order " + map.order(head),
        "" + marked);
  }

  private static long free(SlabSubject s) {
    return s.machine.pages().freePages() + s.machine.pages().pcpPages();
  }
}
