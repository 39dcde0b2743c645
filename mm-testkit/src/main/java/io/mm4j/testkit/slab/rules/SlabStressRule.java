// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import io.mm4j.testkit.stress.AtOnce;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * Threads that allocate, free each other's objects and shrink at once ({@link AtOnce}); each 8
 * bytes of RAM are claimed.
 */
public final class SlabStressRule {
  private static final int ROUNDS = 1500;

  private SlabStressRule() {}

  public static Rule<SlabAllocatorProvider> rule() {
    return SlabRule.of(
        new RuleInfo(
            "SL-31",
            "threads",
            "Threads that allocate, free on other CPUs and shrink at once get different objects,"
                + " and nothing is lost.",
            "Every CPU does this all the time.",
            "mm/slub.c; slab_bulk_test and slab_test of the kernel's benchmarks",
            "what a CPU keeps is touched by another, or a slab changes without its node's lock"),
        Needs.NOTHING,
        Set.of(),
        SlabStressRule::run);
  }

  private record Item(long paddr, int bytes, @Nullable KmemCache cache) {}

  private static void run(SlabSubject s, Seeded random) {
    ConcurrentLinkedQueue<Item> passed = new ConcurrentLinkedQueue<>();
    KmemCache cache =
        s.slabs.kmemCacheCreate(
            KmemCacheArgs.of("threads", 200).withFlags(SlabFlags.SLAB_NO_MERGE).withSheaves(16));
    AtOnce threads = new AtOnce(20 << 20 >>> 3, "8 bytes");
    threads.run(random, own -> work(s, own, cache, passed, threads));
    s.validate();
    for (Item item : passed) {
      s.slabs.kfree(s.cpu(0), item.paddr);
    }
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    s.empty();
  }

  private static void work(
      SlabSubject s,
      Seeded random,
      KmemCache cache,
      ConcurrentLinkedQueue<Item> passed,
      AtOnce threads) {
    List<Item> held = new ArrayList<>();
    for (int i = 0; (i < ROUNDS || !held.isEmpty()) && threads.goesOn(); i++) {
      Cpu cpu = s.machine.cpus().acquire();
      try {
        CpuSlabs slabs = s.slabs.on(cpu);
        if (i < ROUNDS && held.size() < 100 && random.below(5) < 3) {
          boolean kmalloc = random.oneIn(2);
          int bytes = kmalloc ? SlabOp.size(random, random.oneIn(30) ? 20_000 : 1000) : 200;
          long paddr =
              kmalloc ? slabs.kmalloc(bytes, Gfp.GFP_KERNEL) : slabs.alloc(cache, Gfp.GFP_KERNEL);
          if (paddr != SlabAllocator.NO_OBJECT) {
            Item item = new Item(paddr, bytes, kmalloc ? null : cache);
            claim(threads, item, true);
            held.add(item);
          }
        } else if (!held.isEmpty()) {
          Item item = held.remove(random.below(held.size()));
          if (i < ROUNDS && random.oneIn(3)) {
            passed.add(item);
            item = passed.poll();
          }
          if (item != null) {
            claim(threads, item, false);
            if (item.cache == null) {
              slabs.kfree(item.paddr);
            } else {
              slabs.free(item.cache, item.paddr);
            }
          }
        }
        if (random.oneIn(400)) {
          long _ = s.slabs.kmemCacheShrink(cpu, cache);
        }
      } finally {
        s.machine.cpus().release(cpu);
      }
    }
  }

  private static void claim(AtOnce threads, Item item, boolean take) {
    for (long at = item.paddr >>> 3; at <= (item.paddr + item.bytes - 1) >>> 3; at++) {
      threads.claim(at, take);
    }
  }
}
