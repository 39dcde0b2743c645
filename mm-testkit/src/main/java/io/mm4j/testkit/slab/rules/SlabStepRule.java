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
import io.mm4j.testkit.stress.AtOnce;
import io.mm4j.testkit.stress.OtherThread;
import io.mm4j.testkit.stress.Steps;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * Two CPUs of which one makes a call before each access to a field or an array that the other's
 * calls make: what a race loses once in many runs is lost each time.
 */
public final class SlabStepRule {
  private static final int CALLS = 60;
  private static final int MOST_STEPS = 100_000;
  private static final int HELD = 40;

  private SlabStepRule() {}

  /** The rule. */
  public static Rule<SlabAllocatorProvider> rule() {
    return SlabRule.once(
        new RuleInfo(
            "SL-57",
            "calls-within-calls",
            "A CPU that allocates and frees before every access of another one's calls to a field"
                + " or an array gets objects that nobody has, and nothing is lost.",
            "A race that is lost once a day is found by nobody.",
            "Documentation/dev-tools/kcsan.rst; mm4j's contract of SlabAllocator",
            "a counter or a list is read, changed and written without a lock"),
        Set.of(),
        SlabStepRule::run);
  }

  private record Item(long paddr, int bytes, @Nullable KmemCache cache) {}

  private static void run(SlabSubject s, Seeded random) {
    SlabSubject stepped = s.stepped(Shape.USUAL);
    if (stepped == null) {
      return; // its classes cannot be interrupted
    }
    try (stepped;
        OtherThread other = new OtherThread()) {
      KmemCache cache =
          stepped.slabs.kmemCacheCreate(
              KmemCacheArgs.of("stepped", 200).withFlags(SlabFlags.SLAB_NO_MERGE));
      AtOnce claims = new AtOnce(20 << 20 >>> 3, "8 bytes");
      ConcurrentLinkedQueue<Item> passed = new ConcurrentLinkedQueue<>();
      Worker first = new Worker(stepped, cache, claims, passed, new Seeded(random.next()));
      Worker second = new Worker(stepped, cache, claims, passed, new Seeded(random.next()));
      other.run(second::begin);
      other.await();
      first.begin();
      int[] left = {MOST_STEPS};
      Steps.during(
          first::calls,
          () -> {
            if (left[0]-- > 0) {
              other.run(second::call);
            }
          });
      other.await();
      other.run(second::end);
      other.await();
      first.end();
      stepped.validate();
      stepped.slabs.kmemCacheDestroy(stepped.cpu(0), cache);
      stepped.empty();
    }
  }

  /** What one thread does with a CPU of its own. */
  private static final class Worker {
    private final SlabSubject s;
    private final KmemCache cache;
    private final AtOnce claims;
    private final ConcurrentLinkedQueue<Item> passed;
    private final Seeded random;
    private final List<Item> held = new ArrayList<>();
    private @Nullable Cpu cpu;

    Worker(
        SlabSubject s,
        KmemCache cache,
        AtOnce claims,
        ConcurrentLinkedQueue<Item> passed,
        Seeded random) {
      this.s = s;
      this.cache = cache;
      this.claims = claims;
      this.passed = passed;
      this.random = random;
    }

    void begin() {
      cpu = s.machine.cpus().acquire();
    }

    private Cpu cpu() {
      Cpu mine = cpu;
      if (mine == null) {
        throw new IllegalStateException("no CPU yet");
      }
      return mine;
    }

    void calls() {
      for (int i = 0; i < CALLS; i++) {
        call();
      }
    }

    /** An allocation, or a free of what this thread or the other one has allocated. */
    void call() {
      if (held.size() < HELD && random.below(5) < 3) {
        alloc();
        return;
      }
      Item item = random.oneIn(3) ? passed.poll() : null;
      if (item == null && !held.isEmpty()) {
        item = held.remove(random.below(held.size()));
        if (random.oneIn(3)) {
          passed.add(item);
          return;
        }
      }
      if (item != null) {
        free(item);
      }
    }

    private void alloc() {
      CpuSlabs slabs = s.slabs.on(cpu());
      boolean kmalloc = random.oneIn(3);
      int bytes = kmalloc ? 8 << random.below(9) : cache.objectBytes();
      long paddr =
          kmalloc ? slabs.kmalloc(bytes, Gfp.GFP_KERNEL) : slabs.alloc(cache, Gfp.GFP_KERNEL);
      if (paddr != SlabAllocator.NO_OBJECT) {
        Item item = new Item(paddr, bytes, kmalloc ? null : cache);
        claim(item, true);
        held.add(item);
      }
    }

    private void free(Item item) {
      claim(item, false);
      CpuSlabs slabs = s.slabs.on(cpu());
      if (item.cache == null) {
        slabs.kfree(item.paddr);
      } else {
        slabs.free(item.cache, item.paddr);
      }
    }

    void end() {
      held.forEach(this::free);
      for (Item item = passed.poll(); item != null; item = passed.poll()) {
        free(item);
      }
      s.machine.cpus().release(cpu());
    }

    private void claim(Item item, boolean take) {
      for (long at = item.paddr >>> 3; at <= (item.paddr + item.bytes - 1) >>> 3; at++) {
        claims.claim(at, take);
      }
    }
  }
}
