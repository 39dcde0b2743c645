// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

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
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Where objects come from and go to: sizes, kinds, nodes, shared slabs, reclaim. */
public final class PlaceRules {
  private static final int GFP = Gfp.GFP_KERNEL;

  private PlaceRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        CaseRules.rule(
            "SL-16",
            "large-blocks",
            "More than the largest class comes in whole pages, a power of two of them, aligned to"
                + " their size, and goes back to the page allocator, with the next shrink at the"
                + " latest; what no block holds is not had.",
            "Tables of the kernel are of this kind.",
            "mm/slub.c ___kmalloc_large_node; KASAN kmalloc_large_oob_right, kmalloc_large_uaf",
            "the order is one too small or too large",
            Aspect.FRAMES,
            PlaceRules::large),
        CaseRules.rule(
            "SL-17",
            "kinds-and-nodes",
            "An object of __GFP_DMA lies in zone DMA, one of a node that must serve on that node,"
                + " and the cache that serves __GFP_DMA has the flag of it, as has that for"
                + " __GFP_RECLAIMABLE and for __GFP_ACCOUNT where kmalloc has caches of the kind.",
            "ISA devices see 16 MiB; far memory is slow.",
            "include/linux/slab.h kmalloc_type; mm/slub.c",
            "the first free object serves, wherever it lies",
            Aspect.FRAMES,
            PlaceRules::kinds),
        CaseRules.rule(
            "SL-18",
            "size-classes",
            "kmalloc_size_roundup is never less than the request, never falls as requests grow, is"
                + " its own roundup, and what ksize says of a fresh object.",
            "Holders that grow use the whole class.",
            "mm/slab_common.c kmalloc_size_roundup; KASAN ksize_unpoisons_memory",
            "the border of a class belongs to the next one",
            Aspect.CONTENTS,
            PlaceRules::sizes),
        CaseRules.rule(
            "SL-19",
            "merging-is-invisible",
            "Caches that are alike behave as if each had its own slabs: one can be destroyed while"
                + " the others have objects, and each gets objects of its size.",
            "Nobody knows with whom he shares.",
            "mm/slab_common.c find_mergeable, kmem_cache_destroy",
            "destroying one alias destroys the cache, or a larger alias gets smaller objects",
            Aspect.CONTENTS,
            PlaceRules::merging),
        CaseRules.rule(
            "SL-20",
            "empty-slabs-come-back",
            "When pages run out, empty slabs are given up before a request for pages fails.",
            "Memory that nobody uses must not be missing.",
            "mm4j's contract of SlabAllocator: a reclaimer that shrinks caches",
            "no reclaimer is registered, or it leaves what CPUs keep",
            Aspect.FRAMES,
            PlaceRules::reclaim),
        CaseRules.rule(
            "SL-21",
            "rcu-keeps-bytes",
            "The bytes of a freed object of a SLAB_TYPESAFE_BY_RCU cache stay as they were until"
                + " the object is handed out again.",
            "Readers under RCU still look at it.",
            "mm/slub.c calculate_sizes; KFENCE test_memcache_typesafe_by_rcu",
            "the link of a free object lies in the object",
            Aspect.OVERLAP,
            PlaceRules::rcu),
        CaseRules.rule(
            "SL-22",
            "leaks-are-told",
            "A machine that is closed while objects are live reports frames of SLAB, and none if"
                + " all were freed.",
            "A leak is found where it happens.",
            "mm4j's contract of Machine.close",
            "close frees slabs with live objects, or keeps empty ones",
            Aspect.OVERLAP,
            LeakCase::run),
        CaseRules.rule(
            "SL-23",
            "cache-list",
            "caches() has every cache once, each with a number of its own, those of kmalloc too,"
                + " and no destroyed one; a cache of another allocator is refused.",
            "/proc/slabinfo is made of it.",
            "mm/slab_common.c slab_caches",
            "a number is given twice while both live",
            Aspect.OVERLAP,
            PlaceRules::list));
  }

  private static void large(SlabSubject s, Seeded random) {
    SlabAllocator slabs = s.slabs;
    long before = s.machine.pages().freePages() + s.machine.pages().pcpPages();
    long most = slabs.kmalloc(s.cpu(0), 4 << 20, GFP);
    long less = slabs.kmalloc(s.cpu(0), 1 << 20, GFP);
    check(most != 0 || less == 0, "a block of 4 MiB, as there is one of 1 MiB", "none");
    slabs.kfree(s.cpu(0), most);
    slabs.kfree(s.cpu(0), less);
    long _ = slabs.shrinkAll(s.cpu(0));
    for (int i = 0; i < 10; i++) {
      int bytes = random.oneIn(2) ? (8192 << random.below(8)) + 1 : 8193 + random.below(600_000);
      bytes = slabs.kmallocCache(bytes, GFP) == null ? bytes : (128 << 10) + bytes;
      check(slabs.kmallocCache(bytes, GFP) == null, "no cache above 128 KiB", "one of " + bytes);
      long object = slabs.kmalloc(s.cpu(i), bytes, GFP);
      if (object == SlabAllocator.NO_OBJECT) {
        continue;
      }
      long room = 4096;
      while (room < bytes) {
        room *= 2;
      }
      checkEqual(room, slabs.ksize(object), "ksize of " + bytes + " bytes");
      checkEqual(0, object % room, "alignment of " + bytes + " bytes");
      s.enter(object, bytes, null, GFP);
      checkEqual(room >>> 12, slabs.largePages(), "frames of large blocks");
      s.freeAll();
      long _ = slabs.shrinkAll(s.cpu(i));
      checkEqual(0, slabs.largePages(), "frames of large blocks when it is freed");
    }
    long after = s.machine.pages().freePages() + s.machine.pages().pcpPages();
    checkEqual(before, after, "free pages when all large blocks are freed");
    after(s);
    for (long bytes : new long[] {(4 << 20) + 1, 1L << 33, Long.MAX_VALUE}) {
      check(slabs.kmalloc(s.cpu(0), bytes, GFP) == 0, "no object of " + bytes, "an object");
    }
    s.empty();
  }

  /** Slabs where blocks were: nothing of them counts as an object in use. */
  private static void after(SlabSubject s) {
    List<Long> blocks = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      blocks.add(s.slabs.kmalloc(s.cpu(0), 16 << 10, GFP));
    }
    blocks.forEach(block -> s.slabs.kfree(s.cpu(0), block));
    long _ = s.slabs.shrinkAll(s.cpu(0));
    KmemCacheArgs args = KmemCacheArgs.of("after", 1024).withFlags(SlabFlags.SLAB_NO_MERGE);
    Cache cache = s.create(args);
    for (int i = 1; i <= 40; i++) {
      CaseRules.some(s, cache, 1);
      checkEqual(i, cache.cache.stats().liveObjects(), "live objects where blocks were");
    }
  }

  private static void kinds(SlabSubject s, Seeded random) {
    SlabAllocator slabs = s.slabs;
    for (int i = 0; i < 40; i++) {
      int bytes = SlabOp.size(random, 4096);
      long dma = slabs.kmalloc(s.cpu(i), bytes, Gfp.GFP_DMA | GFP);
      check(dma >>> 12 < 1024, "an object in zone DMA, below 4 MiB", String.format("0x%x", dma));
      s.enter(dma, bytes, null, GFP);
      int node = random.below(2);
      int gfp = GFP | Gfp.__GFP_THISNODE;
      long near = slabs.kmalloc(s.cpu(i), bytes, gfp, node);
      checkEqual(node, SlabSubject.nodeOf(near), "node of an object of node " + node);
      s.enter(near, bytes, null, GFP);
      if (random.oneIn(3)) {
        s.free(i + 1, s.held.get(random.below(s.held.size())));
      }
    }
    int flags = SlabFlags.SLAB_NO_MERGE;
    flags |= random.oneIn(2) ? SlabFlags.SLAB_TYPESAFE_BY_RCU : 0;
    Cache cache = s.create(KmemCacheArgs.of("near", SlabOp.size(random, 1500)).withFlags(flags));
    for (int i = 0; i < 40; i++) {
      int node = random.below(2);
      long near = slabs.kmemCacheAlloc(s.cpu(i), cache.cache, GFP | Gfp.__GFP_THISNODE, node);
      checkEqual(node, SlabSubject.nodeOf(near), "node of an object of node " + node);
      s.enter(near, cache, GFP);
      if (random.oneIn(2)) {
        s.free(i + 1, s.held.get(random.below(s.held.size())));
      }
    }
    kind(s, Gfp.__GFP_DMA | Gfp.__GFP_RECLAIMABLE | Gfp.__GFP_ACCOUNT, SlabFlags.SLAB_CACHE_DMA);
    kind(s, Gfp.__GFP_RECLAIMABLE | Gfp.__GFP_ACCOUNT, SlabFlags.SLAB_RECLAIM_ACCOUNT);
    kind(s, Gfp.__GFP_ACCOUNT, SlabFlags.SLAB_ACCOUNT);
    kind(s, 0, 0);
    s.empty();
  }

  private static void kind(SlabSubject s, int gfp, int flag) {
    int kinds = SlabFlags.SLAB_CACHE_DMA | SlabFlags.SLAB_RECLAIM_ACCOUNT | SlabFlags.SLAB_ACCOUNT;
    kinds |= SlabFlags.SLAB_DEBUG_FLAGS;
    int wanted = flag == SlabFlags.SLAB_CACHE_DMA || hasKind(s, flag) ? flag : 0;
    long object = s.slabs.kmalloc(s.cpu(0), 100, GFP | gfp);
    KmemCache cache = s.slabs.cacheOf(object);
    check(cache != null, "a cache for 100 bytes", "none");
    if (cache != null) {
      checkEqual(wanted, cache.flags() & kinds, "kind of the cache for " + Gfp.format(gfp));
      check(
          cache.equals(s.slabs.kmallocCache(100, GFP | gfp)),
          "kmallocCache: " + cache,
          "" + s.slabs.kmallocCache(100, GFP | gfp));
    }
    s.slabs.kfree(s.cpu(0), object);
  }

  /** Whether there are such caches of kmalloc: Linux 2.4 has them for DMA alone. */
  static boolean hasKind(SlabSubject s, int flag) {
    return s.slabs.caches().stream()
        .mapToInt(KmemCache::flags)
        .anyMatch(flags -> (flags & flag) != 0 && (flags & SlabFlags.SLAB_KMALLOC) != 0);
  }

  private static void sizes(SlabSubject s, Seeded random) {
    SlabAllocator slabs = s.slabs;
    long last = 0;
    for (int bytes = 1; bytes < 40_000; bytes++) {
      long room = slabs.kmallocSizeRoundup(bytes);
      check(room >= bytes && room >= last, "a size that grows with " + bytes, "" + room);
      boolean border = room != last;
      if (border || random.oneIn(500)) {
        checkEqual(room, slabs.kmallocSizeRoundup(room), "roundup of " + room);
        for (int near : new int[] {bytes - 1, bytes, (int) room, (int) room + 1}) {
          long object = near == 0 ? 0 : slabs.kmalloc(s.cpu(0), near, GFP);
          if (object != SlabAllocator.NO_OBJECT) {
            checkEqual(slabs.kmallocSizeRoundup(near), slabs.ksize(object), "ksize of " + near);
            s.enter(object, (int) slabs.ksize(object), null, GFP);
          }
        }
      }
      last = room;
      if (s.held.size() > 60) {
        s.freeAll();
      }
    }
    s.empty();
  }

  private static void merging(SlabSubject s, Seeded random) {
    int bytes = SlabOp.size(random, 1000);
    List<Cache> alike = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      alike.add(s.create(KmemCacheArgs.of("alike-" + i, Math.max(1, bytes - random.below(8)))));
      CaseRules.some(s, alike.getLast(), random.between(1, 20));
    }
    while (!alike.isEmpty()) {
      Cache gone = alike.remove(random.below(alike.size()));
      for (Live object : List.copyOf(s.held)) {
        if (object.cache() == gone) {
          s.free(random.below(2), object);
        }
      }
      s.caches.remove(gone);
      s.slabs.kmemCacheDestroy(s.cpu(0), gone.cache);
      s.validate();
      for (Cache cache : alike) {
        CaseRules.some(s, cache, 2);
      }
    }
    s.empty();
  }

  private static void reclaim(SlabSubject s, Seeded random) {
    Cache cache = CaseRules.cache(s, random, "idle");
    List<Live> objects = CaseRules.some(s, cache, 400);
    for (Live object : objects) {
      s.free(random.below(2), object);
    }
    for (int i = 0; i < 20; i++) {
      long object = s.slabs.kmalloc(s.cpu(i), 1000, GFP);
      s.slabs.kfree(s.cpu(i + 1), object);
    }
    List<Long> pages = new ArrayList<>();
    int last = random.below(2); // else one CPU alone asks for what the other keeps, too
    for (int i = 0; i <= last; i++) {
      for (long pfn = 0; (pfn = s.machine.pages().allocPages(s.cpu(i), GFP, 0)) >= 0; ) {
        pages.add(pfn);
      }
    }
    long kept = 0;
    for (KmemCache each : s.slabs.caches()) {
      kept += each.stats().pages();
    }
    checkEqual(0, kept, "frames of empty slabs when no page can be had any more");
    for (long pfn : pages) {
      s.machine.pages().freePages(s.cpu(0), pfn, 0);
    }
    CaseRules.some(s, cache, 5);
    s.empty();
  }

  private static void rcu(SlabSubject s, Seeded random) {
    int bytes = SlabOp.size(random, 1000);
    Cache cache =
        s.create(KmemCacheArgs.of("rcu", bytes).withFlags(SlabFlags.SLAB_TYPESAFE_BY_RCU));
    for (Live object : CaseRules.some(s, cache, random.between(2, 60))) {
      for (int at = 0; at < bytes; at++) {
        s.machine.memory().putByte(object.paddr() + at, (byte) (object.paddr() >>> 3 ^ at));
      }
    }
    List<Live> gone = List.copyOf(s.held);
    s.freeAll();
    for (Live object : gone) {
      for (int at = 0; at < bytes; at++) {
        checkEqual(
            (byte) (object.paddr() >>> 3 ^ at),
            s.machine.memory().getByte(object.paddr() + at),
            "byte " + at + " of a freed object");
      }
    }
    s.empty();
  }

  /** Caches of another machine, of any number. */
  private static void foreign(SlabSubject s) {
    try (SlabSubject other = s.twin()) {
      for (int i = 0; i < 150; i++) {
        KmemCacheArgs args = KmemCacheArgs.of("other-" + i, 64);
        KmemCache cache = other.slabs.kmemCacheCreate(args.withFlags(SlabFlags.SLAB_NO_MERGE));
        CaseRules.refused(
            "allocating from another allocator's cache",
            () -> s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP, SlabAllocator.NUMA_NO_NODE));
        CaseRules.refused("destroying it", () -> s.slabs.kmemCacheDestroy(s.cpu(0), cache));
      }
    }
  }

  private static void list(SlabSubject s, Seeded random) {
    Cache first = CaseRules.cache(s, random, "first");
    Cache second = CaseRules.cache(s, random, "second");
    List<KmemCache> caches = s.slabs.caches();
    Set<Integer> ids = new HashSet<>();
    for (KmemCache cache : caches) {
      check(ids.add(cache.id()), "a number of its own for " + cache, "one that is taken");
      check(cache.id() >= KmemCache.FIRST_ID, "a number from 16 on", "" + cache.id());
    }
    check(
        caches.contains(first.cache) && caches.contains(second.cache),
        "both caches in caches()",
        caches.toString());
    KmemCache kmalloc = s.slabs.kmallocCache(64, GFP);
    check(kmalloc != null && caches.contains(kmalloc), "kmalloc's in caches()", "not there");
    s.caches.remove(first);
    s.slabs.kmemCacheDestroy(s.cpu(0), first.cache);
    check(!s.slabs.caches().contains(first.cache), "no destroyed cache in caches()", "one");
    CaseRules.refused(
        "allocating from a destroyed cache",
        () -> s.slabs.kmemCacheAlloc(s.cpu(0), first.cache, GFP, SlabAllocator.NUMA_NO_NODE));
    CaseRules.refused("destroying it again", () -> s.slabs.kmemCacheDestroy(s.cpu(0), first.cache));
    foreign(s);
    s.empty();
  }
}
