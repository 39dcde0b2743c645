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
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.naive.NaiveGeometry;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import java.util.List;
import java.util.Set;

/** What Linux decides about a cache, for plugins that claim it. */
public final class GeometryRules {
  private static final String WHY = "A recorded kernel is compared with it, number by number.";

  private GeometryRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.of(
            new RuleInfo(
                "SL-24",
                "geometry",
                "Size, alignment, order, objects of a slab, min_partial and cpu_partial of a cache,"
                    + " and what ksize says of its objects, are those that Linux 6.18 gives it,"
                    + " with debug flags too.",
                WHY,
                "mm/slub.c calculate_sizes, calculate_order, set_cpu_partial, slab_ksize",
                "a fraction, a rounding or the place of the link is off"),
            Needs.LINUX_GEOMETRY,
            Set.of(),
            GeometryRules::geometry),
        SlabRule.of(
            new RuleInfo(
                "SL-25",
                "kmalloc-classes",
                "kmalloc has the classes of Linux 6.18 by size, name and alignment, in four kinds,"
                    + " and whole pages above 8 KiB.",
                WHY,
                "mm/slab_common.c kmalloc_info, setup_kmalloc_cache_index_table",
                "96 or 192 is missing, or a border is off by one"),
            Needs.LINUX_GEOMETRY,
            Set.of(),
            GeometryRules::classes),
        SlabRule.of(
            new RuleInfo(
                "SL-26",
                "who-merges",
                "Two caches share slabs if one's objects serve the other and less than 8 bytes are"
                    + " wasted, and not with a constructor, a part for user space, RCU, debug"
                    + " flags, SLAB_NO_MERGE, or pages of another kind.",
                "Fewer half-empty slabs; /sys/kernel/slab shows who shares.",
                "mm/slab_common.c find_mergeable, slab_unmergeable",
                "a flag that keeps caches apart is not looked at"),
            Needs.MERGES,
            Set.of(),
            GeometryRules::merges));
  }

  private static void geometry(SlabSubject s, Seeded random) {
    for (int i = 0; i < 60; i++) {
      int flags = SlabFlags.SLAB_NO_MERGE;
      flags |= random.oneIn(2) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0;
      flags |= random.oneIn(6) ? SlabFlags.SLAB_TYPESAFE_BY_RCU : 0;
      flags |= random.oneIn(6) ? SlabFlags.SLAB_RED_ZONE : 0;
      flags |= random.oneIn(6) ? SlabFlags.SLAB_POISON : 0;
      flags |= random.oneIn(6) ? SlabFlags.SLAB_STORE_USER : 0;
      int bytes = SlabOp.size(random, 12_000);
      KmemCacheArgs args =
          KmemCacheArgs.of("g" + i, bytes)
              .withFlags(flags)
              .withAlign(random.oneIn(3) ? 1 << random.between(3, 10) : 0);
      boolean ctor = random.oneIn(5);
      if (ctor) {
        args = args.withCtor(paddr -> s.construct(paddr, bytes));
      }
      boolean sacred = ctor || (flags & SlabFlags.SLAB_TYPESAFE_BY_RCU) != 0;
      if (sacred && bytes >= 16 && random.oneIn(2)) {
        args = args.withFreeptrOffset(8 * random.below(bytes / 8));
      }
      KmemCache cache = s.slabs.kmemCacheCreate(args);
      NaiveGeometry wanted = new NaiveGeometry(args, flags, 2);
      String what = " of " + args;
      checkEqual(bytes, cache.objectBytes(), "object size" + what);
      checkEqual(wanted.align, cache.align(), "alignment" + what);
      checkEqual(wanted.size, cache.size(), "size" + what);
      checkEqual(wanted.order, cache.order(), "order" + what);
      checkEqual(wanted.objects, cache.objectsPerSlab(), "objects of a slab" + what);
      checkEqual(wanted.minPartial, cache.minPartial(), "min_partial" + what);
      checkEqual(wanted.cpuPartial, cache.cpuPartial(), "cpu_partial" + what);
      long object = s.slabs.kmemCacheAlloc(s.cpu(0), cache, Gfp.GFP_KERNEL);
      if (object != SlabAllocator.NO_OBJECT) {
        checkEqual(wanted.usable(args, flags), s.slabs.ksize(object), "ksize" + what);
        boolean plain = (flags & (SlabFlags.SLAB_RED_ZONE | SlabFlags.SLAB_POISON)) == 0 && !ctor;
        if (plain) {
          s.machine.memory().ram().asSlice(object, bytes).fill((byte) 0xab);
        }
        s.slabs.kmemCacheFree(s.cpu(0), cache, object);
        for (int at = 0; plain && at < bytes; at++) {
          boolean link = at >= wanted.link && at < wanted.link + 8;
          byte seen = s.machine.memory().getByte(object + at);
          check(link || seen == (byte) 0xab, "a link at " + wanted.link + what, "" + at);
        }
      }
      s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    }
  }

  private static void classes(SlabSubject s, Seeded random) {
    List<String> prefixes = List.of("kmalloc-", "kmalloc-rcl-", "kmalloc-cg-", "dma-kmalloc-");
    List<Integer> kinds = List.of(0, Gfp.__GFP_RECLAIMABLE, Gfp.__GFP_ACCOUNT, Gfp.__GFP_DMA);
    for (int bytes = 1; bytes <= 8192; bytes += bytes < 260 ? 1 : 1 + random.below(97)) {
      int room = (int) NaiveGeometry.kmalloc(bytes);
      String unit = room >= 1024 ? room / 1024 + "k" : "" + room;
      for (int kind = 0; kind < 4; kind++) {
        KmemCache cache = s.slabs.kmallocCache(bytes, Gfp.GFP_KERNEL | kinds.get(kind));
        check(cache != null, "a cache for " + bytes + " bytes", "none");
        if (cache != null) {
          check(
              cache.name().equals(prefixes.get(kind) + unit),
              prefixes.get(kind) + unit + " for " + bytes + " bytes",
              cache.name());
          checkEqual(room, cache.objectBytes(), "object size of " + cache);
          checkEqual(Math.max(8, room & -room), cache.align(), "alignment of " + cache);
        }
      }
    }
    for (int i = 0; i < 100; i++) {
      long bytes = 8193L + random.below((4 << 20) - 8193);
      checkEqual(
          NaiveGeometry.kmalloc(bytes), s.slabs.kmallocSizeRoundup(bytes), "room for " + bytes);
      check(s.slabs.kmallocCache(bytes, 0) == null, "no cache for " + bytes, "one");
    }
  }

  private static void merges(SlabSubject s, Seeded random) {
    int bytes = 24 + 8 * random.below(100);
    KmemCacheArgs plain = KmemCacheArgs.of("plain", bytes);
    KmemCache first = s.slabs.kmemCacheCreate(plain);
    int before = first.aliases();
    together(s, first, KmemCacheArgs.of("same", bytes), true);
    together(s, first, KmemCacheArgs.of("less", bytes - random.below(8)), true);
    together(s, first, KmemCacheArgs.of("smaller", bytes - 8), false);
    together(s, first, KmemCacheArgs.of("larger", bytes + 1), false);
    together(s, first, plain.withUser(0, 8), false);
    together(s, first, plain.withCtor(paddr -> s.construct(paddr, bytes)), false);
    int[] apart = {
      SlabFlags.SLAB_NO_MERGE,
      SlabFlags.SLAB_TYPESAFE_BY_RCU,
      SlabFlags.SLAB_RED_ZONE,
      SlabFlags.SLAB_POISON,
      SlabFlags.SLAB_STORE_USER,
      SlabFlags.SLAB_RECLAIM_ACCOUNT,
      SlabFlags.SLAB_ACCOUNT,
      SlabFlags.SLAB_CACHE_DMA
    };
    for (int flag : apart) {
      together(s, first, plain.withFlags(flag), false);
    }
    together(s, first, plain.withFlags(SlabFlags.SLAB_CONSISTENCY_CHECKS), true);
    checkEqual(before, first.aliases(), "aliases when all are gone");
  }

  private static void together(SlabSubject s, KmemCache first, KmemCacheArgs args, boolean wanted) {
    int before = first.aliases();
    KmemCache cache = s.slabs.kmemCacheCreate(args);
    check(
        cache.equals(first) == wanted,
        wanted ? first + " shared by " + args : "a cache of its own for " + args,
        cache.equals(first) ? "shared" : "of its own: " + cache);
    checkEqual(before + (wanted ? 1 : 0), first.aliases(), "aliases with " + args);
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
  }
}
