// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.stress.OtherThread;
import io.mm4j.testkit.stress.Steps;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Two CPUs of one node that come for the same last thing: the second one's call is made at one
 * access after the other of the first one's, from the same state each time.
 */
public final class LastOneRule {
  /** No call makes more accesses before it has what it came for. */
  private static final int MOST_STEPS = 400;

  private static final int CAPACITY = 4;

  /** A plugin may keep more than was asked for. */
  private static final int MOST_KEPT = 40;

  private LastOneRule() {}

  /** The rule. */
  public static Rule<SlabAllocatorProvider> rule() {
    return SlabRule.once(
        new RuleInfo(
            "SL-83",
            "the-last-one-is-one-cpus",
            "When two CPUs of a node allocate or free at the same moment, and there is one free"
                + " object in one partial slab, one full sheaf or none, each gets an object that"
                + " nobody has, what both free is free, and nothing is lost; at whichever access"
                + " of the one call the other one is made.",
            "Between a look at a list and its lock somebody else takes what is on it.",
            "mm/slub.c get_partial_node, __slab_free, __pcs_replace_empty_main,"
                + " __pcs_replace_full_main; mm/slab.c cache_alloc_refill",
            "what was seen without the lock is believed with it"),
        Set.of(),
        LastOneRule::run);
  }

  private static void run(SlabSubject s, Seeded random) {
    SlabSubject stepped = s.stepped(Shape.ONE_NODE);
    if (stepped == null) {
      return; // its classes cannot be interrupted
    }
    try (stepped;
        OtherThread other = new OtherThread()) {
      for (int sheaves : new int[] {0, CAPACITY}) {
        for (int kind = 0; kind < 4; kind++) {
          Race race = new Race(stepped, other, sheaves, (kind & 1) != 0, (kind & 2) != 0);
          int step = 0;
          while (race.once(step) && step < MOST_STEPS) {
            step++;
          }
          race.end();
        }
      }
      stepped.empty();
    }
  }

  /** One kind of meeting. */
  private static final class Race {
    private final SlabSubject s;
    private final OtherThread other;
    private final KmemCache cache;
    private final int sheaves;
    private final boolean firstFrees;
    private final boolean secondFrees;
    private final List<Long> held = new ArrayList<>();

    Race(SlabSubject s, OtherThread other, int sheaves, boolean firstFrees, boolean secondFrees) {
      this.s = s;
      this.other = other;
      this.sheaves = sheaves;
      this.firstFrees = firstFrees;
      this.secondFrees = secondFrees;
      int flags = SlabFlags.SLAB_NO_MERGE;
      cache =
          s.slabs.kmemCacheCreate(
              KmemCacheArgs.of("last", 500).withFlags(flags).withSheaves(sheaves));
    }

    /**
     * The second call is made before this access of the first one.
     *
     * @return whether the first one makes so many
     */
    boolean once(int step) {
      prepare();
      long firstGoes = firstFrees ? held.removeFirst() : SlabAllocator.NO_OBJECT;
      long secondGoes = secondFrees ? held.removeFirst() : SlabAllocator.NO_OBJECT;
      long[] got = new long[2];
      int[] left = {step};
      Runnable second = () -> got[1] = call(s.cpu(1), secondGoes);
      Steps.during(
          () -> got[0] = call(s.cpu(0), firstGoes),
          () -> {
            if (left[0]-- == 0) {
              other.run(second);
            }
          });
      other.await();
      if (left[0] >= 0) {
        second.run(); // the call was over before
      }
      String when = " when a second call is made before access " + step;
      for (int i = 0; i < 2; i++) {
        if (i == 0 ? !firstFrees : !secondFrees) {
          check(got[i] != SlabAllocator.NO_OBJECT, "an object" + when, "none");
          check(!held.contains(got[i]), "an object that nobody has" + when, "one that is held");
          held.add(got[i]);
        }
      }
      checkEqual(held.size(), cache.stats().liveObjects(), "live objects" + when);
      if (step % 16 == 0) {
        s.validate();
      }
      return left[0] < 0;
    }

    private long call(Cpu cpu, long goes) {
      if (goes == SlabAllocator.NO_OBJECT) {
        return s.slabs.on(cpu).alloc(cache, Gfp.GFP_KERNEL);
      }
      s.slabs.on(cpu).free(cache, goes);
      return SlabAllocator.NO_OBJECT;
    }

    /**
     * Of a slab all objects but one are held, or all, if both are freed; no CPU keeps any. Where
     * the first CPU has sheaves, both are empty and the node has one more that is full, or, if it
     * frees, both are full.
     */
    private void prepare() {
      int wanted = cache.objectsPerSlab() - (firstFrees && secondFrees ? 0 : 1);
      hold(wanted);
      long _ = s.slabs.kmemCacheShrink(s.cpu(0), cache);
      if (sheaves > 0) {
        hold(held.size() + 3 * sheaves);
        if (!firstFrees) {
          hold(held.size() - 3 * sheaves);
        }
        int left = MOST_KEPT;
        while (firstFrees && cached() < 2L * sheaves && left-- > 0) {
          hold(held.size() - 1);
        }
        while (!firstFrees && cached() > sheaves && left-- > 0) {
          hold(held.size() + 1);
        }
      }
    }

    private long cached() {
      return cache.stats().cachedObjects();
    }

    /** The first CPU allocates or frees until it has so many. */
    private void hold(int count) {
      while (held.size() < Math.max(2, count)) {
        held.add(call(s.cpu(0), SlabAllocator.NO_OBJECT));
      }
      while (held.size() > Math.max(2, count)) {
        long _ = call(s.cpu(0), held.removeLast());
      }
    }

    void end() {
      held.forEach(object -> s.slabs.on(s.cpu(0)).free(cache, object));
      s.validate();
      s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    }
  }
}
