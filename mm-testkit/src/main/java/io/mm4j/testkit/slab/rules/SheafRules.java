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
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.naive.SheafModel;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Allocators whose CPUs have sheaves, as mm/slub.c has them. */
public final class SheafRules {
  private static final int GFP = Gfp.GFP_KERNEL;

  private SheafRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.anywhere(
            new RuleInfo(
                "SL-72",
                "objects-of-sheaves",
                "Where CPUs keep objects of a cache in sheaves of the size that it was created"
                    + " with, an allocation gives the object that was freed last of those that the"
                    + " CPU has, then of the node's full sheaves; a free of an object of the CPU's"
                    + " node is kept as long as one of its two sheaves has room or its node has"
                    + " fewer than ten full ones, and no other; no sheaf is filled beyond its size;"
                    + " a shrink empties all.",
                "Which memory is hot, and how much is kept, hangs on it.",
                "mm/slub.c alloc_from_pcs, __pcs_replace_empty_main, free_to_pcs,"
                    + " __pcs_replace_full_main, barn_replace_full_sheaf, barn_shrink",
                "a sheaf is taken for full one object early, or the barn's eleventh is kept"),
            Needs.LINUX_GEOMETRY,
            Set.of(),
            SheafRules::sheaves));
  }

  private static void sheaves(SlabSubject s, Seeded random) {
    boolean large = random.oneIn(5); // so that many objects of one slab leave a sheaf together
    int bytes = large ? 8 + random.below(57) : random.oneIn(4) ? 4096 : SlabOp.size(random, 900);
    int wanted = large ? random.between(40, 120) : random.oneIn(6) ? 1 : random.between(2, 24);
    KmemCacheArgs args =
        KmemCacheArgs.of("sheaves", bytes)
            .withSheaves(wanted)
            .withFlags(SlabFlags.SLAB_NO_MERGE | SlabFlags.SLAB_HWCACHE_ALIGN * random.below(2));
    KmemCache cache = s.slabs.kmemCacheCreate(args);
    long first = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    long node = s.shape.nodeOf(first);
    s.slabs.kmemCacheFree(s.cpu(0), cache, first);
    String policy = s.options.asMap().getOrDefault("sheaves", s.offers("sheaves") ? "linux" : "");
    boolean keeps = policy.isEmpty() ? cache.stats().cachedObjects() != 0 : !policy.equals("off");
    keeps &= node == s.cpu(0).nodeId();
    long _ = s.slabs.kmemCacheShrink(s.cpu(0), cache);
    if (keeps) {
      boolean all = policy.equals("all");
      int least = !all ? 0 : cache.size() >= Pages.PAGE_SIZE ? 32 : 64;
      new Play(s, random, cache, Math.max(wanted, least)).run();
    }
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    s.empty();
  }

  private static final class Play {
    private final SlabSubject s;
    private final Seeded random;
    private final KmemCache cache;
    private final int capacity;
    private final SheafModel model;
    private final List<Long> held = new ArrayList<>();

    Play(SlabSubject s, Seeded random, KmemCache cache, int capacity) {
      this.s = s;
      this.random = random;
      this.cache = cache;
      this.capacity = capacity;
      List<Integer> nodes = new ArrayList<>();
      s.machine.cpus().all().forEach(cpu -> nodes.add(cpu.nodeId()));
      model = new SheafModel(capacity, s.shape.nodes(), nodes);
    }

    void run() {
      int most = Math.min(15 * capacity, (6 << 20) / cache.size());
      for (int i = 0; i < 40; i++) {
        int cpu = random.below(s.shape.cpus());
        boolean grows = held.isEmpty() || (held.size() < most && random.oneIn(2));
        int count = 1 + random.below(random.oneIn(3) ? most : 2 * capacity);
        for (int n = 0; n < count && held.size() <= most; n++) {
          if (grows) {
            take(cpu);
          } else if (!held.isEmpty()) {
            give(cpu);
          }
        }
        if (random.oneIn(12)) {
          long _ = s.slabs.kmemCacheShrink(s.cpu(cpu), cache);
          model.clear();
          kept();
        }
      }
      while (!held.isEmpty()) {
        give(0);
      }
    }

    private void kept() {
      checkEqual(model.objects(), cache.stats().cachedObjects(), "objects in sheaves");
    }

    private void take(int cpu) {
      boolean has = model.has(cpu);
      long wanted = has ? model.alloc(cpu) : 0;
      long got = s.slabs.kmemCacheAlloc(s.cpu(cpu), cache, GFP);
      check(got != SlabAllocator.NO_OBJECT, "an object", "none");
      check(!held.contains(got), "an object that nobody has", String.format("0x%x", got));
      if (!has) {
        long others = model.objects();
        long filled = cache.stats().cachedObjects() - others;
        int room = s.offers("sheaves") ? Math.max(1, capacity / 2) : capacity;
        check(filled >= 0 && filled < room, "fewer than " + room + " in a sheaf", "" + filled);
        model.restart(cpu, filled);
      } else if (wanted != 0) {
        check(wanted == got, String.format("0x%x", wanted), String.format("0x%x", got));
      }
      kept();
      held.add(got);
    }

    private void give(int cpu) {
      long object = held.remove(random.oneIn(2) ? held.size() - 1 : random.below(held.size()));
      s.slabs.kmemCacheFree(s.cpu(cpu), cache, object);
      if (s.shape.nodeOf(object) != s.cpu(cpu).nodeId()) {
        kept(); // it has gone to its slab
      } else if (model.hasRoom(cpu)) {
        model.free(cpu, object);
        kept();
      } else {
        long others = model.objects() - model.inMain(cpu);
        long left = cache.stats().cachedObjects() - others;
        int half = Math.max(1, capacity / 2);
        int least = s.offers("sheaves") ? capacity - half + 1 : 1;
        int most = s.offers("sheaves") ? least : capacity;
        check(least <= left && left <= most, least + " to " + most + " in a sheaf", "" + left);
        model.restart(cpu, left);
      }
    }
  }
}
