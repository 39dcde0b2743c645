// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.naive.CpuSlabModel;
import io.mm4j.testkit.slab.naive.NaiveGeometry;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Allocators whose CPUs have a slab to work with, as mm/slub.c has them. */
public final class CpuSlabRules {
  private static final int GFP = Gfp.GFP_KERNEL;

  private CpuSlabRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.anywhere(
            new RuleInfo(
                "SL-50",
                "objects-of-slub",
                "Where a CPU has a slab to work with, each allocation from a cache without sheaves"
                    + " gives the very object that mm/slub.c would give after the same calls: of"
                    + " the CPU's slab, its partial slabs, the node's, another node's that has"
                    + " more than it must keep, or a new one; frees and shrinks move slabs"
                    + " between these lists and give empty ones back as there; and the statistics"
                    + " say so.",
                "Which memory is hot, and how much is kept, hangs on it.",
                "mm/slub.c ___slab_alloc, get_partial_node, __slab_free, deactivate_slab,"
                    + " put_cpu_partial, flush_all, __kmem_cache_do_shrink",
                "a slab goes to the wrong end of a list, or a limit is off by one"),
            Needs.LINUX_GEOMETRY,
            Set.of(),
            CpuSlabRules::objects));
  }

  private static void objects(SlabSubject s, Seeded random) {
    String sheaves = s.options.asMap().getOrDefault("sheaves", "linux");
    int flags = SlabFlags.SLAB_NO_MERGE;
    flags |= random.oneIn(3) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0;
    flags |= random.oneIn(6) ? SlabFlags.SLAB_TYPESAFE_BY_RCU : 0;
    int bytes = SlabOp.size(random, 6000);
    KmemCacheArgs args = KmemCacheArgs.of("slabs", bytes).withFlags(flags);
    KmemCache cache = s.slabs.kmemCacheCreate(args);
    long first = s.slabs.kmemCacheAlloc(s.cpu(0), cache, GFP);
    boolean hasSlabs = cache.stats().cpuSlabs() != 0 || s.offers("sheaves"); // slub's own
    s.slabs.kmemCacheFree(s.cpu(0), cache, first);
    long _ = s.slabs.kmemCacheShrink(s.cpu(0), cache);
    if (hasSlabs && !sheaves.equals("all")) {
      play(s, random, cache, new NaiveGeometry(args, flags, s.shape.cpus()));
    }
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    s.empty();
  }

  private static void play(SlabSubject s, Seeded random, KmemCache cache, NaiveGeometry geometry) {
    List<Integer> nodes = new ArrayList<>();
    s.machine.cpus().all().forEach(cpu -> nodes.add(cpu.nodeId()));
    CpuSlabModel model = new CpuSlabModel(geometry, s.shape.nodes(), nodes);
    List<Long> held = new ArrayList<>();
    int most = (4 << 20) / geometry.size;
    int slab = geometry.objects;
    for (int i = 0; i < 120; i++) {
      int cpu = random.below(s.shape.cpus());
      int node = random.oneIn(4) ? random.below(s.shape.nodes()) : -1;
      boolean grows = held.size() < most && (held.size() < 2 * slab || random.oneIn(2));
      int count = 1 + random.below(random.oneIn(4) ? 6 * slab : slab);
      boolean inOrder = random.oneIn(2);
      for (int n = 0; n < count; n++) {
        if (grows) {
          int gfp = node < 0 || random.oneIn(2) ? GFP : GFP | Gfp.__GFP_THISNODE;
          long got = s.slabs.kmemCacheAlloc(s.cpu(cpu), cache, gfp, node);
          check(got != SlabAllocator.NO_OBJECT, "an object", "none");
          long wanted = model.alloc(cpu, node, got, s.shape.nodeOf(got));
          check(wanted >= 0, "an object of a new slab", String.format("0x%x", got));
          check(wanted == got, String.format("0x%x", wanted), String.format("0x%x", got));
          held.add(got);
        } else if (!held.isEmpty()) {
          long object = inOrder ? held.removeFirst() : held.remove(random.below(held.size()));
          s.slabs.kmemCacheFree(s.cpu(cpu), cache, object);
          model.free(cpu, object);
        }
      }
      if (random.oneIn(10)) {
        model.shrink(cpu);
        long _ = s.slabs.kmemCacheShrink(s.cpu(cpu), cache);
      }
      var wanted = model.stats(held.size());
      var seen = cache.stats();
      check(wanted.equals(seen), wanted.toString(), seen.toString());
    }
    for (long object : held) {
      s.slabs.kmemCacheFree(s.cpu(0), cache, object);
    }
  }
}
