// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/** Caches that are destroyed while another CPU is at work with other ones. */
public final class DestroyRule {
  private static final int GFP = Gfp.GFP_KERNEL;
  private static final int ROUNDS = 8;
  private static final int PATIENCE = 100;

  private DestroyRule() {}

  /** The rule. */
  public static Rule<SlabAllocatorProvider> rule() {
    return SlabRule.of(
        new RuleInfo(
            "SL-73",
            "destroyed-in-passing",
            "A cache of which a CPU keeps objects that goes on calling for others is destroyed:"
                + " with its next calls the CPU gives back what it keeps, and a call that has"
                + " waited in vain says that it may be tried again. Then nothing of the cache is"
                + " left.",
            "Modules are unloaded while everybody works.",
            "mm/slub.c flush_all, kmem_cache_destroy; mm/slab.c drain_cpu_caches",
            "nobody is asked, or who was asked does not look, or one that has answered is waited"
                + " for"),
        Needs.NOTHING,
        Set.of(),
        DestroyRule::run);
  }

  private static void run(SlabSubject s, Seeded random) {
    KmemCacheArgs of = KmemCacheArgs.of("busy", SlabOp.size(random, 500));
    KmemCache other = s.slabs.kmemCacheCreate(of.withFlags(SlabFlags.SLAB_NO_MERGE));
    Cpu mine = s.machine.cpus().acquire();
    try {
      int atOnce = 0;
      for (int i = 0; i < ROUNDS; i++) {
        atOnce += one(s, random, mine, other) == 1 ? 1 : 0;
      }
      check(atOnce > 0, "a call that waits for the answer of a CPU at work", "none of " + ROUNDS);
    } finally {
      s.machine.cpus().release(mine);
    }
    s.slabs.kmemCacheDestroy(s.cpu(0), other);
    s.empty();
  }

  /** How many calls it takes. */
  private static int one(SlabSubject s, Seeded random, Cpu mine, KmemCache other) {
    KmemCacheArgs of = KmemCacheArgs.of("doomed", SlabOp.size(random, 1500));
    of = of.withFlags(SlabFlags.SLAB_NO_MERGE).withSheaves(random.oneIn(2) ? 8 : 0);
    KmemCache doomed = s.slabs.kmemCacheCreate(of);
    Worker worker = new Worker(s, doomed, other, random.between(1, 60));
    Thread thread = new Thread(worker, "worker");
    thread.start();
    int tries = 1;
    try {
      worker.begun.await();
      while (!isDestroyed(s, mine, doomed)) {
        tries++;
        check(tries < PATIENCE, "a cache that goes when the CPU has come by", "refused each time");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      worker.stops = true;
      joined(thread);
    }
    Throwable thrown = worker.thrown;
    if (thrown != null) {
      throw new RuleViolation("no exception on the CPU at work", thrown.toString());
    }
    check(!s.slabs.caches().contains(doomed), "no cache when it is destroyed", "it is listed");
    checkEqual(0, doomed.stats().pages(), "frames of a destroyed cache");
    return tries;
  }

  private static void joined(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static boolean isDestroyed(SlabSubject s, Cpu cpu, KmemCache cache) {
    try {
      s.slabs.kmemCacheDestroy(cpu, cache);
      return true;
    } catch (MisuseException e) {
      String why = String.valueOf(e.getMessage());
      check(!why.contains("objects in use"), "another reason than objects in use", why);
      return false;
    }
  }

  /** Takes objects of a cache and gives them back, and then goes on with another one. */
  private static final class Worker implements Runnable {
    final CountDownLatch begun = new CountDownLatch(1);
    private final SlabSubject s;
    private final KmemCache doomed;
    private final KmemCache other;
    private final int count;
    volatile boolean stops;
    volatile @Nullable Throwable thrown;

    Worker(SlabSubject s, KmemCache doomed, KmemCache other, int count) {
      this.s = s;
      this.doomed = doomed;
      this.other = other;
      this.count = count;
    }

    @Override
    public void run() {
      Cpu cpu = s.machine.cpus().acquire();
      try {
        CpuSlabs slabs = s.slabs.on(cpu);
        long[] objects = new long[count];
        for (int i = 0; i < count; i++) {
          objects[i] = slabs.alloc(doomed, GFP);
        }
        for (long object : objects) {
          slabs.free(doomed, object);
        }
        begun.countDown();
        while (!stops) {
          slabs.free(other, slabs.alloc(other, GFP));
        }
      } catch (RuntimeException | Error e) {
        thrown = e;
      } finally {
        begun.countDown();
        s.machine.cpus().release(cpu);
      }
    }
  }
}
