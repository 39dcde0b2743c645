// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.FailingPages.Request;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What mm/slub.c asks the page allocator for, request by request. */
public final class PageRequestRules {
  /** {@code GFP_RECLAIM_MASK | GFP_CONSTRAINT_MASK}. */
  private static final int PASSED =
      Gfp.__GFP_RECLAIM
          | Gfp.__GFP_HIGH
          | Gfp.__GFP_IO
          | Gfp.__GFP_FS
          | Gfp.__GFP_NOWARN
          | Gfp.__GFP_RETRY_MAYFAIL
          | Gfp.__GFP_NOFAIL
          | Gfp.__GFP_NORETRY
          | Gfp.__GFP_MEMALLOC
          | Gfp.__GFP_NOMEMALLOC
          | Gfp.__GFP_HARDWALL
          | Gfp.__GFP_THISNODE;

  /** {@code GFP_SLAB_BUG_MASK}. */
  private static final int NEVER = Gfp.__GFP_HIGHMEM | Gfp.__GFP_DMA32;

  private PageRequestRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.asked(
            new RuleInfo(
                "SL-64",
                "requests-of-slub",
                "For a slab, and for a block of kmalloc, exactly what mm/slub.c asks the page"
                    + " allocator for is asked for, one request after the other until one is"
                    + " served: flags, order, node; an allocation gives none if all are refused.",
                "Who replays a recording of the page allocator's calls compares them one by one.",
                "mm/slub.c ___slab_alloc, new_slab, allocate_slab, calculate_sizes (allocflags),"
                    + " ___kmalloc_large_node",
                "a flag is passed on or lost, or the second try is as large as the first"),
            Needs.LINUX_GEOMETRY,
            PageRequestRules::requests));
  }

  private static void requests(SlabSubject s, Seeded random) {
    for (int i = 0; i < 40; i++) {
      int flags = SlabFlags.SLAB_NO_MERGE | (random.oneIn(2) ? random.below(16) : 0);
      flags |= random.oneIn(3) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0;
      flags |= random.oneIn(3) ? SlabFlags.SLAB_RECLAIM_ACCOUNT : 0;
      flags |= random.oneIn(3) ? SlabFlags.SLAB_ACCOUNT : 0;
      flags |=
          switch (random.below(4)) {
            case 0 -> SlabFlags.SLAB_CACHE_DMA;
            case 1 -> SlabFlags.SLAB_CACHE_DMA32;
            default -> 0;
          };
      int bytes = SlabOp.size(random, random.oneIn(3) ? 20_000 : 3000);
      KmemCacheArgs args = KmemCacheArgs.of("asks-" + i, bytes).withFlags(flags);
      KmemCache cache = s.slabs.kmemCacheCreate(args.withSheaves(random.oneIn(3) ? 12 : 0));
      one(s, random, cache, 0);
      s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    }
    for (int i = 0; i < 20; i++) {
      one(s, random, null, random.oneIn(2) ? SlabOp.size(random, 8192) : 8193 + large(random));
    }
    FailingPages.of(s.machine).refuseNext(0);
  }

  private static int large(Seeded random) {
    return random.oneIn(2) ? random.below(1 << 20) : (4096 << random.between(2, 8)) - 8193;
  }

  /** An allocation of an empty cache, or, without one, by kmalloc. */
  private static void one(SlabSubject s, Seeded random, @Nullable KmemCache of, int bytes) {
    int cpu = random.below(s.shape.cpus());
    int node = s.shape.nodes() == 1 ? -1 : random.between(-1, 1);
    // what must not fail and cannot be served would be tried for ever
    int gfp = gfp(random) & (node == 1 ? ~Gfp.__GFP_NOFAIL : -1);
    KmemCache cache = of == null ? s.slabs.kmallocCache(bytes, gfp) : of;
    List<Request> wanted = new ArrayList<>();
    if (cache != null) {
      boolean hereFirst = node >= 0 && (gfp & Gfp.__GFP_THISNODE) == 0;
      if (hereFirst) {
        int light = (gfp & Gfp.__GFP_RECLAIM) == 0 ? gfp : Gfp.GFP_NOWAIT;
        slab(wanted, cache, light | Gfp.__GFP_THISNODE, node);
      }
      slab(wanted, cache, gfp, node);
    } else {
      int order = Pages.orderOf(bytes);
      wanted.add(new Request((gfp & ~NEVER) | Gfp.__GFP_COMP, order, node, false));
    }
    List<Request> asked = new ArrayList<>();
    FailingPages pages = FailingPages.of(s.machine);
    pages.refuseNext(random.below(6));
    pages.listen(asked::add);
    long object =
        of == null
            ? s.slabs.kmalloc(s.cpu(cpu), bytes, gfp, node)
            : s.slabs.kmemCacheAlloc(s.cpu(cpu), of, gfp, node);
    pages.listen(request -> {});
    pages.refuseNext(0);
    int own = s.cpu(cpu).nodeId();
    compare(own, wanted, asked, Gfp.format(gfp) + " node=" + node + " of " + cache);
    boolean served = asked.getLast().served();
    check(
        served == (object != SlabAllocator.NO_OBJECT),
        served ? "an object, as the last request was served" : "none, as all were refused",
        String.format("0x%x", object));
    if (served) {
      place(s, object, cache, gfp, node);
      s.slabs.kfree(s.cpu(cpu), object);
    }
    long _ =
        cache == null ? s.slabs.shrinkAll(s.cpu(cpu)) : s.slabs.kmemCacheShrink(s.cpu(cpu), cache);
  }

  private static int gfp(Seeded random) {
    int gfp = (int) random.next() & (1 << 23) - 1 & ~0x200;
    gfp &= random.oneIn(2) ? -1 : ~Gfp.__GFP_RECLAIM;
    gfp &= ~(Gfp.__GFP_DMA | NEVER | Gfp.__GFP_MOVABLE | Gfp.__GFP_RECLAIMABLE);
    return gfp
        | switch (random.below(6)) {
          case 0 -> Gfp.__GFP_DMA;
          case 1 -> Gfp.__GFP_HIGHMEM;
          case 2 -> Gfp.__GFP_DMA32;
          case 3 -> Gfp.__GFP_MOVABLE;
          case 4 -> Gfp.__GFP_RECLAIMABLE;
          default -> 0;
        };
  }

  /** {@code new_slab()}: of the usual order, and of the least. */
  private static void slab(List<Request> wanted, KmemCache cache, int gfp, int node) {
    int always = Gfp.__GFP_COMP;
    always |= (cache.flags() & SlabFlags.SLAB_CACHE_DMA) != 0 ? Gfp.__GFP_DMA : 0;
    always |= (cache.flags() & SlabFlags.SLAB_CACHE_DMA32) != 0 ? Gfp.__GFP_DMA32 : 0;
    always |= (cache.flags() & SlabFlags.SLAB_RECLAIM_ACCOUNT) != 0 ? Gfp.__GFP_RECLAIMABLE : 0;
    int least = Pages.orderOf(cache.size());
    int flags = (gfp & PASSED) | always;
    int first = (flags | Gfp.__GFP_NOWARN | Gfp.__GFP_NORETRY) & ~Gfp.__GFP_NOFAIL;
    if ((first & Gfp.__GFP_DIRECT_RECLAIM) != 0 && cache.order() > least) {
      first = (first | Gfp.__GFP_NOMEMALLOC) & ~Gfp.__GFP_RECLAIM;
    }
    wanted.add(new Request(first, cache.order(), node, false));
    wanted.add(new Request(flags, least, node, false));
  }

  /** The CPU's own node and any node are one: zones are tried from there on. */
  private static void compare(int own, List<Request> wanted, List<Request> asked, String what) {
    int last = asked.size() - 1;
    for (int i = 0; i <= last; i++) {
      Request seen = asked.get(i);
      Request same = i < wanted.size() ? wanted.get(i) : null;
      boolean equal =
          same != null
              && same.gfp() == seen.gfp()
              && same.order() == seen.order()
              && (same.node() == seen.node() || (same.node() == own && seen.node() < 0));
      if (!equal) {
        throw new RuleViolation("for " + what + " the requests " + wanted, asked.toString());
      }
    }
    boolean ends = last + 1 == wanted.size() || (last >= 0 && asked.get(last).served());
    check(ends, "for " + what + " the requests " + wanted, asked.toString());
  }

  private static void place(
      SlabSubject s, long object, @Nullable KmemCache cache, int gfp, int node) {
    if (node >= 0 && (gfp & Gfp.__GFP_THISNODE) != 0) {
      checkEqual(node, s.shape.nodeOf(object), "node of an object for that node alone");
    }
    boolean dma = cache == null ? (gfp & Gfp.__GFP_DMA) != 0 : isDma(cache);
    check(!dma || object < 4 << 20, "an object in zone DMA", String.format("0x%x", object));
  }

  private static boolean isDma(KmemCache cache) {
    return (cache.flags() & SlabFlags.SLAB_CACHE_DMA) != 0;
  }
}
