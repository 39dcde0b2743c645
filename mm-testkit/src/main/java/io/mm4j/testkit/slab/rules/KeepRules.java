// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.LockClass;
import io.mm4j.api.PendingKind;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabSubject.Aspect;
import io.mm4j.testkit.slab.rules.SlabSubject.Cache;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** What is kept though nobody uses it, and how it is given up. */
public final class KeepRules {
  private static final int GFP = Gfp.GFP_KERNEL;

  private KeepRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        CaseRules.rule(
            "SL-67",
            "reclaim-says-what-it-gave",
            "A reclaimer that is asked for frames says exactly how many it gave back: as many as"
                + " were asked for if so many are empty, what a CPU at work keeps only once that"
                + " has answered, and none while the caller holds the lock of a node or a later"
                + " one. A plugin that keeps objects per CPU as Linux does goes no further than"
                + " the cache with which there are enough, and disturbs no CPU before.",
            "Who is told of frames that are not there fails, or looks on for nothing.",
            "mm/vmscan.c do_shrink_slab; mm4j's contract of Pressure and Reclaimer",
            "frames of one cache are counted twice, or every reclaim takes all",
            Aspect.OVERLAP,
            KeepRules::reclaim),
        CaseRules.rule(
            "SL-71",
            "large-blocks-that-are-kept",
            "What a CPU keeps of large blocks that were freed is no more than 1 MiB of one order"
                + " and 32 of them; with large-lists, where the plugin has that option, exactly so"
                + " much of blocks of up to 1 MiB, and they are what comes next; else none. Zeroed"
                + " ones are zeroed to their end, and nothing behind it is.",
            "A CPU that keeps every block holds all of memory.",
            "mm4j's contract of the option large-lists; lib/test_meminit.c",
            "a block of the next order is kept, or one too many",
            Aspect.OVERLAP,
            KeepRules::large));
  }

  private static long frames(SlabSubject s) {
    return s.machine.framesOwnedBy(FrameOwner.SLAB);
  }

  /** Asks, and looks at what is said. */
  private static long ask(SlabSubject s, int cpu, long pages) {
    long before = frames(s);
    long said = s.machine.pressure().reclaim(ReclaimRequest.of(s.cpu(cpu), GFP, 0, pages));
    checkEqual(before - frames(s), said, "frames that a reclaim of " + pages + " has given");
    return said;
  }

  private static void reclaim(SlabSubject s, Seeded random) {
    List<Cache> caches = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      int bytes = SlabOp.size(random, 3000);
      KmemCacheArgs args = KmemCacheArgs.of("idle-" + i, bytes).withSheaves(8 * random.below(3));
      caches.add(s.create(args.withFlags(SlabFlags.SLAB_NO_MERGE)));
    }
    for (int round = 0; round < 5; round++) {
      for (Cache cache : caches) {
        int all = Math.min(600, (1 << 20) / cache.cache.size());
        CaseRules.some(s, cache, random.between(1, all));
      }
      s.freeAll();
      held(s, random);
      if (random.oneIn(2)) {
        working(s, random, caches);
      } else {
        enough(s, random, caches);
      }
    }
    s.empty();
  }

  /** While a lock is held that comes later, nothing can be given. */
  private static void held(SlabSubject s, Seeded random) {
    LockClass[] all = LockClass.values();
    LockClass lock = all[random.below(all.length)];
    ReclaimRequest plain = ReclaimRequest.of(s.cpu(0), GFP, 0, 1);
    long before = frames(s);
    long said =
        s.machine
            .pressure()
            .reclaim(
                new ReclaimRequest(
                    plain.cpu(),
                    GFP,
                    0,
                    plain.migratetype(),
                    plain.highestZone(),
                    1,
                    null,
                    ReclaimRequest.DEF_PRIORITY,
                    lock.bit(),
                    null));
    boolean may = lock.compareTo(LockClass.SLAB_NODE) < 0;
    checkEqual(before - frames(s), said, "frames that were given with the lock " + lock);
    check(may || said == 0, "none with the lock " + lock, "" + said);
  }

  private static void enough(SlabSubject s, Seeded random, List<Cache> caches) {
    long wanted = random.between(1, 60);
    long most = 0;
    for (KmemCache cache : s.slabs.caches()) {
      most = Math.max(most, cache.stats().pages());
    }
    long said = ask(s, random.below(2), wanted);
    if (said < wanted) {
      checkEqual(0, s.slabs.shrinkAll(s.cpu(0)), "frames that a reclaim should have given");
    }
    if (s.can.perCpu() && s.can.linuxGeometry()) {
      check(said < wanted + most, "less than " + wanted + " and a cache of " + most, "" + said);
    }
    check(caches.getFirst().live == 0, "no live object", "some");
  }

  /** One CPU is at work and keeps something. */
  private static void working(SlabSubject s, Seeded random, List<Cache> caches) {
    Cache cache = caches.get(random.below(caches.size()));
    long _ = s.slabs.shrinkAll(s.cpu(0));
    for (int i = 0; i < 40; i++) {
      s.enter(s.slabs.kmemCacheAlloc(s.cpu(1), cache.cache, GFP), cache, GFP);
    }
    while (!s.held.isEmpty()) {
      s.free(1, s.held.getLast());
    }
    Cpu other = s.cpu(1);
    long kept = frames(s);
    other.parkLock().lock();
    long said;
    try {
      said = ask(s, 0, 1 << 20);
      if (s.can.perCpu() && s.can.linuxGeometry() && said < kept) {
        check(other.isPending(PendingKind.SLAB_OBJECTS), "the other CPU is asked", "it is not");
      }
    } finally {
      other.parkLock().unlock();
    }
    other.serveAll();
    check(!other.isPending(PendingKind.SLAB_OBJECTS), "it has answered", "it has not");
    said += ask(s, 0, 1 << 20);
    check(said <= kept, "no more than " + kept + " in all", "" + said);
    checkEqual(0, frames(s), "frames that are kept when everybody has answered");
  }

  private static void large(SlabSubject s, Seeded random) {
    for (int i = 0; i < 4; i++) {
      int order = random.between(2, 8);
      int bytes = (int) Pages.PAGE_SIZE << order;
      if (s.slabs.kmallocCache(bytes, GFP) != null) {
        continue; // the plugin has a cache for it
      }
      int most = Math.min(32, 256 >> order);
      blocks(s, random, bytes, order, random.oneIn(2) ? most + 2 : random.between(1, most));
    }
    blocks(s, random, 2 << 20, 9, 2);
    s.empty();
  }

  private static void blocks(SlabSubject s, Seeded random, int bytes, int order, int count) {
    MemorySegment ram = s.machine.memory().ram();
    int cpu = random.below(2);
    int asked = bytes - random.below(100);
    List<Long> blocks = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      long block = s.slabs.kmalloc(s.cpu(cpu), asked, GFP);
      if (block == SlabAllocator.NO_OBJECT) {
        break;
      }
      MemorySegment _ = ram.asSlice(block, bytes).fill((byte) 0x77);
      blocks.add(block);
    }
    MemorySegment zeroes = MemorySegment.ofArray(new byte[asked]);
    MemorySegment full = MemorySegment.ofArray(new byte[bytes]).fill((byte) 0x77);
    int had = blocks.size();
    int again = had / 2;
    for (int i = 0; i < again; i++) { // every other one
      s.slabs.kfree(s.cpu(cpu), blocks.remove(i));
    }
    kept(s, order, had - again, again);
    for (int i = 0; i < again; i++) {
      long block = s.slabs.kmalloc(s.cpu(cpu), asked, GFP | Gfp.__GFP_ZERO);
      check(block != SlabAllocator.NO_OBJECT, "a block that was freed before", "none");
      long wrong = ram.asSlice(block, asked).mismatch(zeroes);
      check(wrong < 0, "zeroes in a block of " + bytes, "another byte at " + wrong);
      blocks.addFirst(block);
    }
    kept(s, order, had, 0);
    for (int i = again; i < had; i++) {
      long wrong = ram.asSlice(blocks.get(i), bytes).mismatch(full);
      check(wrong < 0, "a block as it was, beside zeroed ones", "another byte at " + wrong);
    }
    blocks.forEach(block -> s.slabs.kfree(s.cpu(cpu), block));
    kept(s, order, 0, had);
    long _ = s.slabs.shrinkAll(s.cpu(cpu));
    checkEqual(0, s.slabs.largePages(), "frames of large blocks after a shrink");
  }

  /** So many blocks are in use, so many more have been freed. */
  private static void kept(SlabSubject s, int order, int used, int freed) {
    int most = Math.min(32, 256 >> order);
    long seen = s.slabs.largePages() - ((long) used << order);
    long bound = (long) Math.min(most, freed) << order;
    String what = "frames of blocks of order " + order + " that are kept of " + freed;
    if (!s.offers("large-lists")) {
      check(seen >= 0 && seen <= bound, "0 to " + bound + " " + what, "" + seen);
      return;
    }
    String lists = s.options.asMap().getOrDefault("large-lists", "auto");
    boolean sheaves = s.options.asMap().getOrDefault("sheaves", "linux").equals("all");
    boolean keeps = lists.equals("on") || (lists.equals("auto") && sheaves);
    checkEqual(keeps ? bound : 0, seen, what);
  }
}
