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
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Threads that allocate, free each other's objects and shrink at once. Which thread does what
 * follows from the seed; how they interleave does not, so that a failure need not come again at
 * once. Each 8 bytes of RAM have a word that a holder claims by compare-and-set.
 */
public final class SlabStressRule {
  private static final int THREADS = 4;
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
    AtomicIntegerArray claimed = new AtomicIntegerArray(20 << 20 >>> 3);
    AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    ConcurrentLinkedQueue<Item> passed = new ConcurrentLinkedQueue<>();
    KmemCache cache =
        s.slabs.kmemCacheCreate(
            KmemCacheArgs.of("threads", 200).withFlags(SlabFlags.SLAB_NO_MERGE).withSheaves(16));
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      Seeded own = new Seeded(random.next());
      threads.add(
          Thread.ofPlatform()
              .daemon()
              .start(
                  () -> {
                    try {
                      work(s, own, cache, claimed, passed, failure);
                    } catch (RuntimeException | Error e) {
                      failure.compareAndSet(null, e);
                    }
                  }));
    }
    join(threads);
    Throwable thrown = failure.get();
    if (thrown != null) {
      RuleViolation violation =
          thrown instanceof RuleViolation v
              ? v
              : new RuleViolation("no exception from four threads", thrown.toString());
      throw violation;
    }
    s.validate();
    for (Item item : passed) {
      s.slabs.kfree(s.cpu(0), item.paddr);
    }
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    s.empty();
  }

  private static void join(List<Thread> threads) {
    boolean interrupted = false;
    for (Thread thread : threads) {
      try {
        thread.join(60_000);
      } catch (InterruptedException e) {
        interrupted = true;
      }
      RuleViolation.check(!thread.isAlive(), "threads that come to an end", "one that hangs");
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void work(
      SlabSubject s,
      Seeded random,
      KmemCache cache,
      AtomicIntegerArray claimed,
      ConcurrentLinkedQueue<Item> passed,
      AtomicReference<@Nullable Throwable> failure) {
    List<Item> held = new ArrayList<>();
    for (int i = 0; (i < ROUNDS || !held.isEmpty()) && failure.get() == null; i++) {
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
            claim(claimed, item, 0, 1);
            held.add(item);
          }
        } else if (!held.isEmpty()) {
          Item item = held.remove(random.below(held.size()));
          if (i < ROUNDS && random.oneIn(3)) {
            passed.add(item);
            item = passed.poll();
          }
          if (item != null) {
            claim(claimed, item, 1, 0);
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

  private static void claim(AtomicIntegerArray claimed, Item item, int from, int to) {
    for (long at = item.paddr >>> 3; at <= (item.paddr + item.bytes - 1) >>> 3; at++) {
      if (!claimed.compareAndSet((int) at, from, to)) {
        throw new RuleViolation(
            "each byte with one holder at a time", String.format("two have 0x%x", at << 3));
      }
    }
  }
}
