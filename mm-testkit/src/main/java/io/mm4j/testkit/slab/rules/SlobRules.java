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
import io.mm4j.testkit.slab.naive.UnitModel;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Allocators that are mm/slob.c, on any machine. */
public final class SlobRules {
  private static final int GFP = Gfp.GFP_KERNEL;
  private static final int PAGE = 4096;
  private static final int HEADER = 8;

  /** {@code struct slob_rcu}. */
  private static final int RCU = 16;

  private SlobRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.anywhere(
            new RuleInfo(
                "SL-49",
                "objects-of-slob",
                "Where kmalloc has one cache of a kind, each allocation gives the very object that"
                    + " mm/slob.c would give after the same calls: the first place that is large"
                    + " enough once it is aligned, in the first page of the list for its size,"
                    + " from where the last search ended; pages go with their last object, and"
                    + " what is as large as a page comes in pages.",
                "What lies beside what, and how full pages get, hangs on it.",
                "mm/slob.c of Linux 6.1: slob_alloc, slob_page_alloc, slob_free,"
                    + " __do_kmalloc_node, slob_alloc_node",
                "a free block is not joined, a page is on another list, or the next search begins"
                    + " at the beginning"),
            Needs.NOTHING,
            Set.of(),
            SlobRules::objects));
  }

  private record Held(@Nullable KmemCache cache, long paddr, int bytes) {}

  /** What is taken, and the model of it. */
  private static final class Play {
    final SlabSubject s;
    final Seeded random;
    final UnitModel model = new UnitModel();
    final List<Held> held = new ArrayList<>();
    final List<KmemCache> caches = new ArrayList<>();

    Play(SlabSubject s, Seeded random) {
      this.s = s;
      this.random = random;
      for (int i = 0; i < 5; i++) {
        int align = random.oneIn(2) ? 0 : 8 << random.below(7);
        int flags = random.oneIn(3) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0;
        flags |= random.oneIn(3) ? SlabFlags.SLAB_CONSISTENCY_CHECKS : 0; // which slob has not
        int bytes = SlobRules.size(random);
        caches.add(
            s.slabs.kmemCacheCreate(
                KmemCacheArgs.of("some-" + i, bytes).withAlign(align).withFlags(flags)));
        checkEqual((bytes + 1L) / 2 * 2, caches.getLast().size(), "size of " + bytes + " bytes");
        checkEqual(align(bytes, align, flags), caches.getLast().align(), "its alignment");
        checkEqual(PAGE / ((bytes + 1) / 2 * 2), caches.getLast().objectsPerSlab(), "in a page");
      }
    }

    private static int align(int bytes, int wanted, int flags) {
      int line = 8;
      if ((flags & SlabFlags.SLAB_HWCACHE_ALIGN) != 0) {
        while (line < 64 && line < bytes) {
          line *= 2;
        }
      }
      return Math.max(wanted, line);
    }

    void take(int cpu) {
      int node = random.oneIn(4) ? random.below(s.shape.nodes()) : -1;
      int gfp = node < 0 ? GFP : GFP | Gfp.__GFP_THISNODE;
      KmemCache cache = random.oneIn(2) ? caches.get(random.below(caches.size())) : null;
      int bytes = cache == null ? size(random) : cache.objectBytes();
      long got =
          cache == null
              ? s.slabs.kmalloc(s.cpu(cpu), bytes, gfp, node)
              : s.slabs.kmemCacheAlloc(s.cpu(cpu), cache, gfp, node);
      check(got != SlabAllocator.NO_OBJECT, "an object", "none");
      int before = cache == null ? HEADER : 0;
      int align =
          cache == null ? Integer.bitCount(bytes) == 1 ? Math.max(8, bytes) : 8 : cache.align();
      int nodeOfIt = s.shape.nodeOf(got);
      long wanted = model.alloc(bytes + before, align, before, node, got, nodeOfIt);
      check(wanted >= 0, "an object of a new page", String.format("0x%x", got));
      check(
          wanted + before == got,
          String.format("0x%x for %d bytes", wanted + before, bytes),
          String.format("0x%x", got));
      int room = cache == null ? (bytes + 1) / 2 * 2 : bytes;
      checkEqual(Math.min(room, PAGE - HEADER - 1), s.slabs.ksize(got), "ksize of " + bytes);
      held.add(new Held(cache, got, bytes));
    }

    void give(int cpu) {
      Held gone = held.remove(random.below(held.size()));
      if (gone.cache == null) {
        s.slabs.kfree(s.cpu(cpu), gone.paddr);
        model.free(gone.paddr - HEADER, gone.bytes + HEADER);
      } else {
        s.slabs.kmemCacheFree(s.cpu(cpu), gone.cache, gone.paddr);
        model.free(gone.paddr, gone.bytes);
      }
    }
  }

  private static int size(Seeded random) {
    return SlabOp.size(random, random.oneIn(6) ? PAGE - HEADER - 1 : 700);
  }

  private static void objects(SlabSubject s, Seeded random) {
    KmemCache heap = s.slabs.kmallocCache(64, GFP);
    if (heap == null || !heap.name().equals("kmalloc")) {
      return;
    }
    checkEqual(PAGE - HEADER - 1, heap.objectBytes(), "the most that lies in the heap");
    check(s.slabs.kmallocCache(PAGE - HEADER, GFP) == null, "no cache for a page", "one");
    whole(s, random);
    Play play = new Play(s, random);
    for (int i = 0; i < 60; i++) {
      boolean grows = play.held.size() < 300 && random.oneIn(2);
      for (int n = 1 + random.below(25); n > 0; n--) {
        if (grows) {
          play.take(n);
        } else if (!play.held.isEmpty()) {
          play.give(n);
        }
      }
      checkEqual(play.model.pages(), heap.stats().pages(), "pages of the heap");
    }
    while (!play.held.isEmpty()) {
      play.give(0);
    }
    checkEqual(0, heap.stats().pages(), "pages of the heap when all is freed");
    for (KmemCache cache : play.caches) {
      s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    }
    s.empty();
  }

  /** Caches of objects that are as large as a page with all that belongs to them. */
  private static void whole(SlabSubject s, Seeded random) {
    int rcu = random.oneIn(2) ? RCU : 0;
    int bytes = PAGE - (random.oneIn(4) ? random.below(40) : rcu + random.below(2));
    int flags = rcu > 0 ? SlabFlags.SLAB_TYPESAFE_BY_RCU : 0;
    KmemCache cache = s.slabs.kmemCacheCreate(KmemCacheArgs.of("whole", bytes).withFlags(flags));
    boolean pages = bytes + rcu >= PAGE;
    int block = pages ? bytes + rcu > PAGE ? 2 * PAGE : PAGE : (bytes + rcu + 1) / 2 * 2;
    String what = " of " + bytes + " bytes and " + rcu + " for RCU";
    checkEqual(block, cache.size(), "size" + what);
    checkEqual(bytes + rcu > PAGE ? 1 : 0, cache.order(), "order" + what);
    checkEqual(1, cache.objectsPerSlab(), "objects in a slab" + what);
    checkEqual(pages ? block : 8, cache.align(), "alignment" + what);
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
  }
}
