// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabEvents;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.rules.SlabSubject.Aspect;
import io.mm4j.testkit.slab.rules.SlabSubject.Live;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What somebody who watches an allocator is told, and that nothing comes out otherwise for it. */
public final class WatchRules {
  private static final int OPERATIONS = 60;

  private WatchRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.armed(
            new RuleInfo(
                "SL-58",
                "what-is-told",
                "Who watches is told of each object that is handed out and comes back, and of each"
                    + " slab that comes and goes, once, with the CPU, the cache and the sizes;"
                    + " slabs that came and did not go are the frames that are held, and the first"
                    + " of several says that it is a head. An allocation that gives none is told"
                    + " of, too, with what was asked for. A plugin that shows nothing is not"
                    + " judged.",
                "Traces of a run are read by those who look for what it did.",
                "include/trace/events/kmem.h; mm4j's contract of SlabEvents",
                "a path tells nothing or twice, or a slab goes that nobody was told of"),
            Set.of(Aspect.OVERLAP),
            WatchRules::told),
        CaseRules.rule(
            "SL-59",
            "watching-changes-nothing",
            "The same calls give the same objects and the same statistics, watched or not.",
            "What is seen under a tracer must be what happens without.",
            "mm4j's contract of SlabEvents",
            "the slow path that is taken while somebody watches keeps other lists",
            Aspect.OVERLAP,
            WatchRules::unchanged));
  }

  private static void told(SlabSubject s, Seeded random) {
    if (random.oneIn(2)) { // who comes late finds fast paths open
      SlabOp.everyday(random, OPERATIONS / 2).forEach(operation -> operation.apply(s));
      s.empty();
    }
    Told told = new Told(s);
    if (!s.slabs.watch(told)) {
      return;
    }
    for (Operation<SlabSubject> operation : SlabOp.everyday(random, OPERATIONS)) {
      operation.apply(s);
      told.compare();
    }
    s.empty();
    told.compare();
    largest(s, told);
    none(s, random, told);
    check(s.slabs.watch(null), "that it shows nothing any more", "that it never did");
    SlabOp.everyday(random, 6).forEach(operation -> operation.apply(s));
    check(told.list.isEmpty(), "nothing to who watches no more", told.list.toString());
    s.empty();
  }

  /** A block of the largest size there is, and one byte more, which nobody has. */
  private static void largest(SlabSubject s, Told told) {
    for (int bytes : new int[] {4 << 20, (4 << 20) + 1}) {
      long block = s.slabs.kmalloc(s.cpu(0), bytes, Gfp.GFP_KERNEL);
      for (Event event : told.list) {
        boolean none = event.at == SlabAllocator.NO_OBJECT;
        check(event.kind.equals("alloc") && event.at == block, "" + block, event.toString());
        check(
            none ? event.given == 0 : event.given >= bytes,
            bytes + " or more, or none",
            event.toString());
      }
      told.list.clear();
      s.slabs.kfree(s.cpu(0), block);
      told.list.clear();
    }
  }

  /** An allocation for which there is no page. */
  private static void none(SlabSubject s, Seeded random, Told told) {
    int bytes = SlabOp.size(random, 3000);
    int gfp = random.oneIn(2) ? Gfp.GFP_KERNEL : Gfp.GFP_NOWAIT | Gfp.__GFP_ZERO;
    KmemCacheArgs args = KmemCacheArgs.of("none", bytes).withFlags(SlabFlags.SLAB_NO_MERGE);
    KmemCache cache = s.slabs.kmemCacheCreate(args);
    FailingPages.of(s.machine).refuseNext(100);
    long object = s.slabs.kmemCacheAlloc(s.cpu(0), cache, gfp);
    checkEqual(SlabAllocator.NO_OBJECT, object, "an object where there is no page");
    checkEqual(1, told.list.size(), "events of an allocation that gives none");
    Event event = told.list.removeFirst();
    check(
        event.kind.equals("alloc") && cache.equals(event.cache) && event.at == object,
        "none of " + cache,
        event.toString());
    checkEqual(bytes, event.bytes, "bytes that were asked for and not had");
    checkEqual(gfp, event.gfp, "flags of an allocation that gives none");
    FailingPages.of(s.machine).refuseNext(0);
    s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    told.list.clear();
  }

  private static void unchanged(SlabSubject s, Seeded random) {
    if (!s.slabs.watch(new SlabEvents() {})) {
      return;
    }
    boolean watched = true;
    try (SlabSubject twin = s.twin()) {
      for (Operation<SlabSubject> operation : SlabOp.everyday(random, OPERATIONS)) {
        operation.apply(s);
        operation.apply(twin);
        if (!s.live.keySet().equals(twin.live.keySet())) {
          throw new RuleViolation(
              "the same objects, watched or not, after " + operation,
              s.live.keySet() + " and " + twin.live.keySet());
        }
        String wanted = stats(twin);
        String seen = stats(s);
        check(seen.equals(wanted), "statistics as without a watcher: " + wanted, seen);
        if (random.oneIn(12)) {
          watched = !watched;
          boolean _ = s.slabs.watch(watched ? new SlabEvents() {} : null);
        }
      }
    }
    s.empty();
  }

  private static String stats(SlabSubject s) {
    StringBuilder all = new StringBuilder();
    for (KmemCache cache : s.slabs.caches()) {
      all.append(cache.name()).append(' ').append(cache.stats()).append('\n');
    }
    return all.toString();
  }

  /** One thing that was told. */
  private record Event(
      String kind, int cpu, @Nullable KmemCache cache, long at, long bytes, long given, int gfp) {}

  /** What was told since the last comparison, and what follows from all of it. */
  private static final class Told implements SlabEvents {
    private final SlabSubject s;
    private final List<Event> list = new ArrayList<>();
    private final TreeMap<Long, Event> live = new TreeMap<>();
    private final TreeMap<Long, Event> slabs = new TreeMap<>();
    private final long framesBefore;
    private long frames;

    Told(SlabSubject s) {
      this.s = s;
      this.framesBefore = frames();
    }

    /** Frames of slabs, without those of large blocks. */
    private long frames() {
      return s.machine.framesOwnedBy(FrameOwner.SLAB) - s.slabs.largePages();
    }

    @Override
    public void alloc(
        Cpu cpu, @Nullable KmemCache cache, long paddr, long bytes, long given, int gfp) {
      list.add(new Event("alloc", cpu.id(), cache, paddr, bytes, given, gfp));
    }

    @Override
    public void free(Cpu cpu, @Nullable KmemCache cache, long paddr) {
      list.add(new Event("free", cpu.id(), cache, paddr, 0, 0, 0));
    }

    @Override
    public void newSlab(Cpu cpu, KmemCache cache, long pfn, int order) {
      list.add(new Event("new", cpu.id(), cache, pfn, order, 0, 0));
    }

    @Override
    public void discardSlab(Cpu cpu, KmemCache cache, long pfn, int order) {
      list.add(new Event("discard", cpu.id(), cache, pfn, order, 0, 0));
    }

    @Override
    public void step(Cpu cpu, String text) {
      check(!text.isBlank(), "a line for a person", "an empty one");
    }

    /** What was told is what is there. */
    void compare() {
      list.forEach(this::enter);
      list.clear();
      check(
          live.keySet().equals(s.live.keySet()),
          "objects that were told of: " + s.live.keySet(),
          live.keySet().toString());
      for (Live object : s.held) {
        Event event = live.get(object.paddr());
        if (event != null) {
          checkObject(object, event);
        }
      }
      checkEqual(frames() - framesBefore, frames, "frames of slabs that were told of");
      slabs.values().forEach(this::checkHead);
    }

    private void enter(Event event) {
      String where = String.format("%s 0x%x", event.kind, event.at);
      switch (event.kind) {
        case "alloc" -> {
          if (event.at != SlabAllocator.NO_OBJECT) {
            check(
                live.putIfAbsent(event.at, event) == null, where + " of a free one", "a live one");
          }
        }
        case "free" -> {
          Event alloc = live.remove(event.at);
          check(alloc != null, where + " of a live one", "a free one");
          check(
              alloc == null || Objects.equals(alloc.cache, event.cache),
              where + ": its cache",
              "" + event);
        }
        case "new" -> {
          frames += 1L << event.bytes;
          check(slabs.put(event.at, event) == null, where + ": once until it goes", "again");
        }
        default -> {
          frames -= 1L << event.bytes;
          Event fresh = slabs.remove(event.at);
          check(
              fresh == null
                  || (Objects.equals(fresh.cache, event.cache) && fresh.bytes == event.bytes),
              where + " as it came: " + fresh,
              event.toString());
        }
      }
    }

    private void checkHead(Event slab) {
      int flags = s.machine.memory().memMap().flags(slab.at);
      int wanted = slab.bytes > 0 ? PageFlags.PG_HEAD : 0;
      check(
          (flags & (PageFlags.PG_HEAD | PageFlags.PG_LOCKED)) == wanted,
          "the first frame of a slab of order " + slab.bytes + ": head if there are more, unlocked",
          String.format("frame %d: flags 0x%x", slab.at, flags));
    }

    private void checkObject(Live object, Event event) {
      KmemCache cache = object.cache() == null ? s.slabs.cacheOf(object.paddr()) : null;
      boolean mine = object.cache() != null && Objects.equals(event.cache, object.cache().cache);
      check(mine || Objects.equals(event.cache, cache), "the cache of " + object, event.toString());
      check(event.cpu >= 0 && event.cpu < s.shape.cpus(), "a CPU", event.toString());
      check(
          event.given >= event.bytes && event.bytes > 0,
          "no less than what was asked for",
          event.toString());
    }
  }
}
