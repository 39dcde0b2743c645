// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.api.slab.SlabReport;
import io.mm4j.api.slab.SlabReport.Kind;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.naive.MarkedLayout;
import io.mm4j.testkit.slab.naive.MarkedSlab;
import io.mm4j.testkit.slab.naive.MarkedSlab.Finding;
import io.mm4j.testkit.slab.naive.MarkedSlabs;
import io.mm4j.testkit.slab.naive.NaiveGeometry;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A cache with debug flags, what is taken from it, and the model of it. */
final class MarkedPlay {
  private static final Comparator<Finding> ORDER =
      Comparator.comparingLong(Finding::paddr)
          .thenComparing(Finding::kind)
          .thenComparingLong(Finding::object);

  /** A live object. */
  private record Item(long paddr, int asked) {}

  private final SlabSubject s;
  private final Seeded random;
  private final KmemCacheArgs args;
  private final KmemCache cache;
  private final boolean general;
  private final MarkedLayout layout;
  private final MarkedSlabs model;
  private final List<Item> held = new ArrayList<>();
  private final List<SlabReport> reports = new ArrayList<>();
  private final Tracks tracks;

  private MarkedPlay(
      SlabSubject s, Seeded random, KmemCacheArgs args, KmemCache cache, boolean general) {
    this.s = s;
    this.random = random;
    this.args = args;
    this.cache = cache;
    this.general = general;
    NaiveGeometry geometry = new NaiveGeometry(args, cache.flags(), s.shape.cpus());
    layout = new MarkedLayout(geometry, args, cache.flags());
    model = new MarkedSlabs(layout, s.shape.nodes(), s.machine.memory().ram());
    tracks = new Tracks(s.machine.clock(), 4096L << cache.order());
    s.slabs.onReport(reports::add);
  }

  /** Of a cache of its own; null if its slabs are not on lists of their node, as of mm/slub.c. */
  static @Nullable MarkedPlay own(SlabSubject s, Seeded random) {
    int bytes =
        random.oneIn(6)
            ? random.between(17_000, 30_000) // one object for each slab
            : SlabOp.size(random, random.oneIn(4) ? 6000 : 700);
    int flags = 0;
    while ((flags & SlabFlags.SLAB_DEBUG_FLAGS) == 0) {
      flags = random.below(16);
    }
    flags |= SlabFlags.SLAB_NO_MERGE;
    flags |= random.oneIn(3) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0;
    flags |= random.oneIn(5) ? SlabFlags.SLAB_TYPESAFE_BY_RCU : 0;
    KmemCacheArgs args =
        KmemCacheArgs.of("marked", bytes)
            .withFlags(flags)
            .withAlign(random.oneIn(4) ? 8 << random.below(5) : 0);
    boolean ctor = random.oneIn(5);
    args = ctor ? args.withCtor(paddr -> s.construct(paddr, bytes)) : args;
    boolean stays = ctor || (flags & SlabFlags.SLAB_TYPESAFE_BY_RCU) != 0;
    if (stays && bytes >= 16 && random.oneIn(2)) {
      args = args.withFreeptrOffset(8 * random.below(bytes / 8));
    }
    KmemCache cache = s.slabs.kmemCacheCreate(args);
    return listed(s, cache) ? new MarkedPlay(s, random, args, cache, false) : null;
  }

  /** Of one of kmalloc's, on a machine that was booted with slub_debug for these. */
  static @Nullable MarkedPlay general(SlabSubject s, Seeded random) {
    KmemCache cache = s.slabs.kmallocCache(SlabOp.size(random, 2000), Gfp.GFP_KERNEL);
    if (cache == null || (cache.flags() & SlabFlags.SLAB_DEBUG_FLAGS) == 0 || !listed(s, cache)) {
      return null;
    }
    int bytes = cache.objectBytes();
    KmemCacheArgs args =
        KmemCacheArgs.of(cache.name(), bytes)
            .withAlign(Math.max(8, bytes & -bytes))
            .withFlags(cache.flags());
    return new MarkedPlay(s, random, args, cache, true);
  }

  private static boolean listed(SlabSubject s, KmemCache cache) {
    long object = s.slabs.kmemCacheAlloc(s.cpu(0), cache, Gfp.GFP_KERNEL);
    long other = s.slabs.kmemCacheAlloc(s.cpu(0), cache, Gfp.GFP_KERNEL);
    s.slabs.kmemCacheFree(s.cpu(0), cache, object);
    CacheStats stats = cache.stats();
    s.slabs.kmemCacheFree(s.cpu(0), cache, other);
    long _ = s.slabs.kmemCacheShrink(s.cpu(0), cache);
    return (stats.partialSlabs() != 0 && stats.cpuSlabs() == 0) || s.offers("sheaves");
  }

  /** So many steps. */
  void steps(int count, boolean spoils) {
    int most = Math.min(2 << 20, 400 * cache.size()) / cache.size();
    for (int i = 0; i < count; i++) {
      boolean grows = held.isEmpty() || (held.size() < most && random.oneIn(2));
      int many = 1 + random.below(random.oneIn(4) ? 3 * cache.objectsPerSlab() : 6);
      int cpu = random.below(s.shape.cpus());
      int node = s.shape.nodes() > 1 && random.oneIn(4) ? random.below(2) : -1;
      for (int n = 0; n < many; n++) {
        if (grows) {
          take(cpu, node);
        } else if (!held.isEmpty()) {
          give(cpu, held.remove(random.oneIn(3) ? 0 : random.below(held.size())));
        }
      }
      if (general && random.oneIn(2) && !held.isEmpty()) {
        resize(cpu, random.below(held.size()));
      }
      if (spoils) {
        spoil();
      }
      if (random.oneIn(spoils ? 2 : 6)) {
        validate();
      }
      freeWrongly(cpu);
      if (random.oneIn(8)) {
        tracks.newSlabs(model.slabs());
        model.shrink();
        long _ = s.slabs.kmemCacheShrink(s.cpu(cpu), cache);
      }
      compare();
    }
  }

  private void take(int cpu, int node) {
    boolean zero = args.ctor() == null && random.oneIn(4);
    int gfp = Gfp.GFP_KERNEL | (zero ? Gfp.__GFP_ZERO : 0);
    gfp |= node >= 0 && random.oneIn(2) ? Gfp.__GFP_THISNODE : 0;
    int least = general ? smallest() : args.objectBytes();
    int asked = random.between(least, args.objectBytes());
    long got =
        general
            ? s.slabs.kmalloc(s.cpu(cpu), asked, gfp, node)
            : s.slabs.kmemCacheAlloc(s.cpu(cpu), cache, gfp, node);
    check(got != SlabAllocator.NO_OBJECT, "an object", "none");
    int near = s.cpu(cpu).nodeId();
    tracks.newSlabs(model.slabs());
    long wanted = model.alloc(near, node, got, s.shape.nodeOf(got), asked, zero);
    check(wanted >= 0, "an object of a new slab", String.format("0x%x", got));
    check(wanted == got, String.format("0x%x", wanted), String.format("0x%x", got));
    held.add(new Item(got, asked));
    found();
    tracks.allocated(got, cpu);
  }

  /** The least that is asked for of this class. */
  private int smallest() {
    int bytes = args.objectBytes();
    while (bytes > 1 && cache.equals(s.slabs.kmallocCache(bytes - 1, Gfp.GFP_KERNEL))) {
      bytes--;
    }
    return bytes;
  }

  private void give(int cpu, Item item) {
    MarkedSlab slab = model.slabOf(item.paddr);
    if (slab.isLost()) {
      held.add(item);
      return; // mm/slub.c does not take objects of such a slab back
    }
    PhysicalMemory memory = s.machine.memory();
    if (args.ctor() == null) {
      for (int n = 0; n < 3; n++) {
        write(memory, slab, item.paddr + random.below(item.asked), (byte) random.next());
      }
    }
    tracks.newSlabs(model.slabs());
    boolean freed = model.free(item.paddr);
    s.slabs.kmemCacheFree(s.cpu(cpu), cache, item.paddr);
    if (!freed) {
      held.add(item);
    }
    found();
    if (freed) {
      tracks.freed(item.paddr, cpu);
    }
  }

  /** A free of what is no live object, which changes nothing. */
  private void freeWrongly(int cpu) {
    List<MarkedSlab> slabs = model.slabs();
    if (slabs.isEmpty()) {
      return;
    }
    MarkedSlab slab = slabs.get(random.below(slabs.size()));
    long paddr = slab.base + 8L * random.below(512 << cache.order());
    int number = random.below(cache.objectsPerSlab());
    long wrong = random.oneIn(3) ? slab.object(number) : paddr;
    if (held.stream().anyMatch(item -> item.paddr == wrong)) {
      return;
    }
    long object = slab.objectAt(wrong);
    Kind kind = object == wrong ? Kind.DOUBLE_FREE : Kind.INVALID_FREE;
    model.findings.add(new Finding(kind, object == 0 ? wrong : object, wrong, 1));
    s.slabs.kmemCacheFree(s.cpu(cpu), cache, wrong);
    found();
  }

  private static void write(PhysicalMemory memory, MarkedSlab slab, long paddr, byte value) {
    memory.putByte(paddr, value);
    slab.put(paddr, value);
  }

  private void resize(int cpu, int number) {
    Item item = held.get(number);
    MarkedSlab slab = model.slabOf(item.paddr);
    if (slab.isLost()) {
      return;
    }
    boolean zero = random.oneIn(2);
    int asked = random.between(1, args.objectBytes());
    slab.resize(item.paddr, asked, zero);
    int gfp = Gfp.GFP_KERNEL | (zero ? Gfp.__GFP_ZERO : 0);
    long now = s.slabs.krealloc(s.cpu(cpu), item.paddr, asked, gfp);
    checkEqual(item.paddr, now, "krealloc within a class");
    held.set(number, new Item(item.paddr, asked));
  }

  /** Somebody writes over a byte anywhere, or over the link of a free object. */
  private void spoil() {
    List<MarkedSlab> slabs = model.slabs();
    if (slabs.isEmpty()) {
      return;
    }
    MarkedSlab slab = slabs.get(random.below(slabs.size()));
    if (layout.checks && random.oneIn(3)) {
      link(slab);
    } else {
      spoil(slab);
    }
  }

  private void spoil(MarkedSlab slab) {
    long paddr = slab.base + random.below(4096 << cache.order());
    boolean live = held.stream().anyMatch(i -> slab.linkOf(i.paddr) / 8 == paddr / 8);
    if (!slab.isTrack(paddr) && !slab.isAsked(paddr) && (live || !slab.isLink(paddr))) {
      write(s.machine.memory(), slab, paddr, (byte) ~slab.get(paddr));
    }
  }

  /** Nothing follows a link before the validation, which mends it. */
  private void link(MarkedSlab slab) {
    List<Long> free = slab.freeObjects();
    if (free.isEmpty() || slab.isLost()) {
      return;
    }
    long object = free.get(random.below(free.size()));
    long next =
        switch (random.below(4)) {
          case 0 -> object + 1 + random.below(7);
          case 1 -> 0;
          case 2 -> random.next();
          default -> free.get(random.below(free.size()));
        };
    link(slab, object, next);
    validate();
  }

  private void link(MarkedSlab slab, long object, long next) {
    for (int i = 0; i < 8; i++) {
      write(s.machine.memory(), slab, slab.linkOf(object) + i, (byte) (next >>> (8 * i)));
    }
  }

  /** Without checks the link of an object that is taken may lead anywhere; a validation sees it. */
  void takeLast() {
    int node = s.cpu(0).nodeId();
    MarkedSlab slab = model.next(node);
    List<Long> free = slab == null ? List.of() : slab.freeObjects();
    if (slab != null && !layout.checks && free.size() > 1) {
      link(slab, free.getFirst(), free.getFirst() + 1 + random.below(7));
      take(0, -1);
      validate();
      compare();
    }
  }

  /** Slabs that somebody has written to since anybody looked go back to the page allocator. */
  void discardSpoiled() {
    for (Item item : List.copyOf(held)) {
      held.remove(item);
      give(0, item);
    }
    for (MarkedSlab slab : model.slabs()) {
      spoil(slab);
      spoil(slab);
    }
    tracks.newSlabs(model.slabs());
    model.shrink();
    long _ = s.slabs.kmemCacheShrink(s.cpu(0), cache);
    compare();
  }

  private void validate() {
    model.validate();
    int wanted = model.findings.stream().mapToInt(Finding::errors).sum();
    long errors = s.slabs.validateCache(s.cpu(0), cache);
    found();
    checkEqual(wanted, errors, "errors of a validation of " + args);
  }

  /** What was found is what was reported. */
  private void found() {
    List<Finding> wanted = new ArrayList<>();
    model.findings.forEach(f -> wanted.add(new Finding(f.kind(), f.object(), f.paddr(), 0)));
    List<Finding> seen = new ArrayList<>();
    reports.forEach(r -> seen.add(new Finding(r.kind(), r.object(), r.paddr(), 0)));
    wanted.sort(ORDER);
    seen.sort(ORDER);
    if (!wanted.equals(seen)) {
      throw new RuleViolation("the findings " + wanted + " in " + args, reports.toString());
    }
    if (layout.user) {
      reports.forEach(report -> tracks.compare(report, model.slabs()));
    }
    model.findings.clear();
    reports.clear();
  }

  private void compare() {
    found();
    CacheStats wanted = model.stats(held.size());
    CacheStats seen = cache.stats();
    check(wanted.equals(seen), wanted.toString(), seen.toString());
    PhysicalMemory memory = s.machine.memory();
    for (MarkedSlab slab : model.slabs()) {
      long at = slab.mismatch(memory.ram());
      if (at >= 0) {
        throw new RuleViolation(
            String.format("0x%02x at 0x%x, %d of its slab", slab.get(at), at, at - slab.base)
                + ", in "
                + args,
            String.format("0x%02x", memory.getByte(at)));
      }
    }
  }

  /** All that is held goes, and the cache. */
  void end() {
    while (!held.isEmpty()) {
      give(held.size() % s.shape.cpus(), held.removeLast());
    }
    compare();
    if (!general) {
      s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    }
    checkEqual(0, reports.size(), "reports");
    s.slabs.onReport(null);
  }
}
