// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabSubject.Aspect;
import io.mm4j.testkit.slab.rules.SlabSubject.Cache;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What an allocator keeps to: what its caches say, its own frames, machines without bytes. */
public final class BoundRules {
  private static final int GFP = Gfp.GFP_KERNEL;
  private static final int HELD = 200;

  private BoundRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        CaseRules.rule(
            "SL-54",
            "what-a-cache-says",
            "A cache that shares with no other says what it was created with; one that keeps no"
                + " empty slab says so; its objects fit into its size, its slab has room for them;"
                + " and a plugin that claims neither to keep objects per CPU nor Linux's geometry"
                + " has no arrays and no partial slabs of CPUs, before and after its use.",
            "/proc/slabinfo and the tools that read it are made of it.",
            "mm/slab_common.c kmem_cache_create, cache_show; mm4j's contract of KmemCache",
            "a number is of another field, or a constant of another design",
            Aspect.STATS,
            BoundRules::says),
        CaseRules.rule(
            "SL-55",
            "machines-without-bytes",
            "On a machine whose RAM has no bytes objects are handed out and taken back, or the"
                + " first request is refused with what is allowed instead.",
            "A recording is replayed without the host's memory.",
            "mm4j's contract of PhysicalMemory.hasContents, and its rule for bad input",
            "links are written to RAM without asking whether it has bytes",
            Aspect.OVERLAP,
            BoundRules::withoutBytes),
        CaseRules.rule(
            "SL-56",
            "frames-of-others",
            "No byte changes of a frame that the page allocator never had or that somebody else"
                + " has, whatever is allocated, freed, created and destroyed.",
            "A link to nothing that is followed once is found years later.",
            "mm4j's contract of SlabAllocator; KASAN",
            "a list's end is written to, or an object reaches over its slab",
            Aspect.OVERLAP,
            BoundRules::frames),
        CaseRules.rule(
            "SL-62",
            "kinds-apart",
            "Caches of kmalloc for DMA, for what can be reclaimed and for what is accounted stay"
                + " empty as long as nobody asks for such memory, whatever else is allocated;"
                + " where they are caches of their own.",
            "ZONE_DMA is small, and who holds it is to be known.",
            "include/linux/slab_def.h kmalloc_type; mm/slab.c kmem_cache_create: OFF_SLAB",
            "an allocator's own descriptors come from another kind, or kinds are mixed up",
            Aspect.OVERLAP,
            BoundRules::kinds));
  }

  private static void says(SlabSubject s, Seeded random) {
    for (int i = 0; i < 12; i++) {
      KmemCacheArgs args =
          KmemCacheArgs.of("says-" + i, SlabOp.size(random, 6000))
              .withAlign(random.oneIn(2) ? 0 : 8 << random.below(6))
              .withFlags(SlabFlags.SLAB_NO_MERGE | some(random));
      Cache made = s.create(args);
      KmemCache cache = made.cache;
      check(cache.name().equals(args.name()), "the name " + args.name(), cache.name());
      checkEqual(args.objectBytes(), cache.objectBytes(), "objectBytes of " + args);
      checkEqual(args.usersize(), cache.usersize(), "usersize of " + args);
      checkEqual(0, cache.aliases(), "aliases of " + args);
      checkEqual(args.flags(), cache.flags() & args.flags(), "flags that were asked for");
      check(cache.align() >= args.align(), "an alignment from " + args.align(), "" + cache.align());
      check(cache.ctor() == null, "no constructor", "one");
      sizes(s, cache);
      CaseRules.some(s, made, random.between(1, 30));
      sizes(s, cache);
    }
    s.slabs.caches().forEach(cache -> sizes(s, cache));
    s.freeAll();
    s.slabs.caches().forEach(cache -> sizes(s, cache));
    for (Cache made : s.caches) {
      if (made.cache.stats().pages() == 0) {
        checkEqual(0, made.cache.minPartial(), "minPartial of a cache that keeps no empty slab");
      }
    }
    s.empty();
  }

  private static int some(Seeded random) {
    return (random.oneIn(3) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0)
        | (random.oneIn(3) ? SlabFlags.SLAB_RECLAIM_ACCOUNT : 0)
        | (random.oneIn(4) ? SlabFlags.SLAB_TYPESAFE_BY_RCU : 0);
  }

  private static void sizes(SlabSubject s, KmemCache cache) {
    int size = cache.size();
    check(size >= cache.objectBytes(), "a size from " + cache.objectBytes() + " on", "" + size);
    checkEqual(1, Integer.bitCount(cache.align()), "bits of the alignment of " + cache);
    long slab = Pages.PAGE_SIZE << cache.order();
    int objects = cache.objectsPerSlab();
    check(
        objects > 0 && (long) objects * cache.objectBytes() <= slab,
        "objects of " + cache + " that fit into " + slab + " bytes",
        objects + " of " + cache.objectBytes());
    check(cache.minPartial() >= 0, "minPartial from 0 on", "" + cache.minPartial());
    if (!s.can.perCpu() && !s.can.linuxGeometry()) {
      CacheStats stats = cache.stats();
      checkEqual(0, cache.cpuPartial(), "cpuPartial of " + cache + ", which has none");
      checkEqual(0, stats.cpuPartialSlabs() + stats.cpuSlabs(), "slabs of CPUs of " + cache);
      checkEqual(0, cache.tunables().limit(), "limit of the CPUs' arrays of " + cache);
    }
  }

  private static void kinds(SlabSubject s, Seeded random) {
    Set<KmemCache> others = new HashSet<>();
    Set<KmemCache> normal = new HashSet<>();
    for (int bytes = 8; bytes <= 8192; bytes *= 2) {
      normal.add(s.slabs.kmallocCache(bytes, GFP));
      others.add(s.slabs.kmallocCache(bytes, GFP | Gfp.__GFP_DMA));
      others.add(s.slabs.kmallocCache(bytes, GFP | Gfp.__GFP_RECLAIMABLE));
      others.add(s.slabs.kmallocCache(bytes, GFP | Gfp.__GFP_ACCOUNT));
    }
    others.removeAll(normal);
    others.remove(null);
    long before = others.stream().mapToLong(cache -> cache.stats().pages()).sum();
    for (int i = 0; i < 10; i++) {
      int bytes = 64 << i % 8;
      Cache cache =
          s.create(KmemCacheArgs.of("kind-" + i, bytes).withFlags(SlabFlags.SLAB_NO_MERGE));
      CaseRules.some(s, cache, random.between(10, 40));
      for (int k = 0; k < 6; k++) {
        int of = SlabOp.size(random, 8192);
        s.enter(s.slabs.kmalloc(s.cpu(k), of, GFP), of, null, GFP);
      }
    }
    for (KmemCache cache : others) {
      checkEqual(0, cache.stats().liveObjects(), "live objects of " + cache);
    }
    long now = others.stream().mapToLong(cache -> cache.stats().pages()).sum();
    checkEqual(before, now, "frames of kinds that nobody asked for");
    s.empty();
  }

  private static void withoutBytes(SlabSubject s, Seeded random) {
    try (Machine machine = s.withoutBytes()) {
      SlabAllocator slabs = machine.slabs();
      Cpu cpu = machine.cpus().get(0);
      KmemCache cache = slabs.kmemCacheCreate(KmemCacheArgs.of("some", SlabOp.size(random, 900)));
      List<Long> objects = new ArrayList<>();
      try {
        for (int i = 0; i < 30; i++) {
          long object = slabs.kmemCacheAlloc(cpu, cache, GFP | Gfp.__GFP_ZERO);
          check(object != SlabAllocator.NO_OBJECT, "an object", "none");
          check(!objects.contains(object), "an object that nobody has", "" + object);
          objects.add(object);
        }
      } catch (InputException e) {
        check(!e.allowed().isBlank(), "what is allowed instead", "nothing");
        checkEqual(0, objects.size(), "objects that were had before it was refused");
      }
      objects.forEach(object -> slabs.kmemCacheFree(cpu, cache, object));
      slabs.validate();
      slabs.kmemCacheDestroy(cpu, cache);
    }
  }

  private static void frames(SlabSubject s, Seeded random) {
    List<Long> held = new ArrayList<>(List.of(0L));
    for (int i = 0; i < HELD; i++) {
      long pfn = s.machine.pages().allocPages(s.cpu(i), GFP, 0);
      held.add(pfn);
      if (random.oneIn(2)) { // a hole, where a slab may come
        long hole = s.machine.pages().allocPages(s.cpu(i), GFP, 0);
        s.machine.pages().freePages(s.cpu(i), hole, 0);
      }
    }
    MemorySegment ram = s.machine.memory().ram();
    for (long pfn : held) {
      MemorySegment _ = page(ram, pfn).fill((byte) (pfn | 1));
    }
    for (int i = 0; i < 8; i++) {
      int flags = SlabFlags.SLAB_NO_MERGE | some(random);
      int bytes = SlabOp.size(random, 3000);
      Cache cache = s.create(KmemCacheArgs.of("other-" + i, bytes).withFlags(flags));
      CaseRules.some(s, cache, random.between(1, 60));
      while (random.below(s.held.size() + 1) > 20) {
        s.free(random.below(2), s.held.get(random.below(s.held.size())));
      }
    }
    large(s, random);
    s.freeAll();
    long _ = s.slabs.shrinkAll(s.cpu(0));
    for (long pfn : held) {
      long at = page(ram, pfn).mismatch(filled((byte) (pfn | 1)));
      check(at < 0, "every byte of frame " + pfn + " as it was", "another one at " + at);
      if (pfn != 0) {
        s.machine.pages().freePages(s.cpu(0), pfn, 0);
      }
    }
    s.empty();
  }

  /** Large blocks beside each other, of which some go and come again, zeroed. */
  private static void large(SlabSubject s, Seeded random) {
    int bytes = (int) Pages.PAGE_SIZE << random.between(2, 3);
    MemorySegment ram = s.machine.memory().ram();
    List<Long> blocks = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      long block = s.slabs.kmalloc(s.cpu(0), bytes, GFP);
      if (block == SlabAllocator.NO_OBJECT) {
        break; // Linux 2.4 has none
      }
      blocks.add(block);
      MemorySegment _ = ram.asSlice(block, bytes).fill((byte) -1);
    }
    for (int i = 0; i < blocks.size(); i += 2) {
      s.slabs.kfree(s.cpu(0), blocks.get(i));
      blocks.set(i, s.slabs.kmalloc(s.cpu(0), bytes, GFP | Gfp.__GFP_ZERO));
    }
    byte[] full = new byte[bytes];
    Arrays.fill(full, (byte) -1);
    for (int i = 0; i < blocks.size(); i++) {
      byte[] wanted = i % 2 == 0 ? new byte[bytes] : full;
      long at = ram.asSlice(blocks.get(i), bytes).mismatch(MemorySegment.ofArray(wanted));
      check(at < 0, "large block " + i + " as it was left, or zeroed", "another byte at " + at);
    }
    blocks.forEach(block -> s.slabs.kfree(s.cpu(0), block));
  }

  private static MemorySegment page(MemorySegment ram, long pfn) {
    return ram.asSlice(pfn << Pages.PAGE_SHIFT, Pages.PAGE_SIZE);
  }

  private static MemorySegment filled(byte value) {
    return MemorySegment.ofArray(new byte[(int) Pages.PAGE_SIZE]).fill(value);
  }
}
