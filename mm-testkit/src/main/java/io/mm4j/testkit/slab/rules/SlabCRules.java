// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.slab.naive.ArrayGeometry;
import io.mm4j.testkit.slab.naive.ArrayGeometry.Kernel;
import io.mm4j.testkit.slab.naive.ArrayModel;
import io.mm4j.testkit.slab.rules.SlabRule.Needs;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Allocators that are mm/slab.c, on any machine: what their slabs look like, what comes next. */
public final class SlabCRules {
  private static final int GFP = Gfp.GFP_KERNEL;
  private static final long SECOND = 1_000_000_000L;

  private SlabCRules() {}

  public static List<Rule<SlabAllocatorProvider>> all() {
    return List.of(
        SlabRule.anywhere(
            new RuleInfo(
                "SL-47",
                "slabs-of-slab-c",
                "Where kmalloc's caches are size-32 and so on, every cache has the size, alignment,"
                    + " order, objects in a slab, and arrays that mm/slab.c gives it on this"
                    + " machine - that of 2.4 on x86-32-2.4, else of 2.6 - and kmalloc has its"
                    + " sizes.",
                "Memory use and cache lines follow from it.",
                "mm/slab.c of Linux 2.4.20 and 2.6.32: kmem_cache_create, kmem_cache_estimate,"
                    + " calculate_slab_order, enable_cpucache",
                "machines of more than 32 MiB, of one CPU, or of 32 bits are taken for others"),
            Needs.NOTHING,
            Set.of(),
            SlabCRules::shapes),
        SlabRule.anywhere(
            new RuleInfo(
                "SL-48",
                "objects-of-slab-c",
                "There each allocation gives the very object that mm/slab.c would give after the"
                    + " same calls: out of the CPU's array, the node's shared one, the first"
                    + " partial slab, the first free one, or a new one of the next colour; what"
                    + " nobody used for seconds goes back bit by bit; and the statistics say so.",
                "Which object is hot, and what is kept, hangs on it.",
                "mm/slab.c of Linux 2.4.20: kmem_cache_alloc_batch, kmem_cache_free_one; of"
                    + " 2.6.32: cache_alloc_refill, free_block, cache_flusharray, cache_reap",
                "a batch, a list or a limit is another one, or an array ages wrongly"),
            Needs.NOTHING,
            Set.of(),
            SlabCRules::objects));
  }

  /** The kernel that an allocator is, or null if it is not mm/slab.c. */
  private static @Nullable Kernel kernel(SlabSubject s) {
    KmemCache some = s.slabs.kmallocCache(64, GFP);
    if (some == null || !some.name().startsWith("size-")) {
      return null;
    }
    Architecture architecture = s.shape.architecture();
    String form = s.options.asMap().getOrDefault("form", "auto");
    boolean old =
        form.equals("2.4") || (form.equals("auto") && architecture == Architecture.X86_32_24);
    int word = architecture == Architecture.X86_64 ? 8 : 4;
    // Frame 0 is not there.
    return new Kernel(old, word, s.shape.frames() - 1 > 8192, s.shape.cpus());
  }

  private static KmemCacheArgs args(Seeded random, int most) {
    int align = random.oneIn(2) ? 0 : 8 << random.below(5);
    int flags = SlabFlags.SLAB_NO_MERGE;
    flags |= random.oneIn(3) ? SlabFlags.SLAB_HWCACHE_ALIGN : 0;
    flags |= random.oneIn(4) ? SlabFlags.SLAB_RECLAIM_ACCOUNT : 0;
    return KmemCacheArgs.of("some", SlabOp.size(random, most)).withAlign(align).withFlags(flags);
  }

  private static void shapes(SlabSubject s, Seeded random) {
    Kernel kernel = kernel(s);
    if (kernel == null) {
      return;
    }
    sizes(s, kernel);
    for (int bytes = 8; bytes < 512; bytes += 8) { // some fill a slab to its last byte
      KmemCacheArgs args = KmemCacheArgs.of("each", bytes).withFlags(SlabFlags.SLAB_NO_MERGE);
      KmemCache cache = s.slabs.kmemCacheCreate(args);
      same(new ArrayGeometry(kernel, args), cache, args + " in " + kernel);
      s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    }
    for (int i = 0; i < 60; i++) {
      KmemCacheArgs args = args(random, i < 50 ? 4096 : 150_000);
      int flags = args.flags();
      flags |= random.oneIn(3) ? SlabFlags.SLAB_RED_ZONE : 0;
      flags |= random.oneIn(3) ? SlabFlags.SLAB_STORE_USER : 0;
      flags |= random.oneIn(4) ? SlabFlags.SLAB_POISON : 0;
      args = args.withFlags(flags);
      KmemCache cache = s.slabs.kmemCacheCreate(args);
      same(new ArrayGeometry(kernel, args), cache, args + " in " + kernel);
      s.slabs.kmemCacheDestroy(s.cpu(0), cache);
    }
  }

  private static void same(ArrayGeometry wanted, KmemCache cache, String what) {
    checkEqual(wanted.align, cache.align(), "alignment of " + what);
    checkEqual(wanted.size, cache.size(), "size of " + what);
    checkEqual(wanted.order, cache.order(), "order of " + what);
    checkEqual(wanted.objects, cache.objectsPerSlab(), "objects in a slab of " + what);
    check(
        wanted.tunables.equals(cache.tunables()),
        wanted.tunables + " of " + what,
        cache.tunables().toString());
  }

  /** The caches of kmalloc, by name and by what serves each size. */
  private static void sizes(SlabSubject s, Kernel kernel) {
    List<String> kinds =
        kernel.old() ? List.of("", "(DMA)") : List.of("", "(DMA)", "(RCL)", "(CG)");
    Set<String> wanted = new TreeSet<>();
    int last = 0;
    for (int size = 32; size <= 131_072; size += size % 3 == 0 ? size / 3 : size / 2) {
      boolean exists = size % 3 != 0 || (!kernel.old() && (size == 96 || size == 192));
      if (exists) {
        for (String kind : kinds) {
          wanted.add("size-" + size + kind);
        }
        for (int bytes : new int[] {last + 1, size}) {
          serves(s, kernel, bytes, size);
        }
        last = size;
      }
    }
    Set<String> seen = new TreeSet<>();
    s.slabs.caches().forEach(cache -> seen.add(cache.name()));
    check(seen.equals(wanted), wanted.toString(), seen.toString());
    check(s.slabs.kmallocCache(131_073, GFP) == null, "no cache above 128 KiB", "one");
    long large = s.slabs.kmalloc(s.cpu(0), 131_073, GFP);
    check(kernel.old() == (large == SlabAllocator.NO_OBJECT), "none in 2.4 only", "" + large);
    if (large != SlabAllocator.NO_OBJECT) {
      s.slabs.kfree(s.cpu(0), large);
    }
    long room = kernel.old() ? 131_073 : 262_144;
    checkEqual(room, s.slabs.kmallocSizeRoundup(131_073), "room for 131073 bytes");
  }

  private static void serves(SlabSubject s, Kernel kernel, int bytes, int size) {
    List<Integer> requests = List.of(0, Gfp.__GFP_DMA, Gfp.__GFP_RECLAIMABLE, Gfp.__GFP_ACCOUNT);
    List<String> kinds = List.of("", "(DMA)", "(RCL)", "(CG)");
    for (int i = 0; i < 4; i++) {
      String name = "size-" + size + (kernel.old() && i > 1 ? "" : kinds.get(i));
      KmemCache cache = s.slabs.kmallocCache(bytes, GFP | requests.get(i));
      check(
          cache != null && cache.name().equals(name),
          name + " for " + bytes + " bytes",
          cache == null ? "none" : cache.name());
      if (cache != null) {
        same(new ArrayGeometry(kernel, kmalloc(kernel, size)), cache, name);
      }
    }
  }

  /** What kmalloc's caches are created with. */
  private static KmemCacheArgs kmalloc(Kernel kernel, int size) {
    KmemCacheArgs args = KmemCacheArgs.of("size-" + size, size);
    return kernel.old()
        ? args.withFlags(SlabFlags.SLAB_HWCACHE_ALIGN)
        : args.withAlign(size & -size);
  }

  /** A cache, what is taken from it, and its model. */
  private static final class Play {
    final SlabSubject s;
    final Seeded random;
    final KmemCache cache;
    final ArrayModel model;
    final List<Long> held = new ArrayList<>();

    /** What kmalloc is asked for, or 0. */
    final int bytes;

    /** Whether objects have red zones and poison. */
    final boolean red;

    Play(SlabSubject s, Seeded random, Kernel kernel) {
      this.s = s;
      this.random = random;
      KmemCacheArgs args = args(random, 5000);
      int debug = SlabFlags.SLAB_RED_ZONE | SlabFlags.SLAB_POISON;
      if (random.oneIn(4)) {
        args = args.withAlign(0).withFlags(SlabFlags.SLAB_NO_MERGE | debug);
      }
      bytes = random.oneIn(3) ? args.objectBytes() : 0;
      KmemCache general = s.slabs.kmallocCache(args.objectBytes(), GFP);
      if (bytes > 0 && general != null) {
        cache = general;
        args = kmalloc(kernel, general.objectBytes());
      } else {
        cache = s.slabs.kmemCacheCreate(args);
      }
      ArrayGeometry geometry = new ArrayGeometry(kernel, args);
      red = geometry.marks > 0;
      same(geometry, cache, args + " in " + kernel);
      List<Integer> nodes = new ArrayList<>();
      s.machine.cpus().all().forEach(cpu -> nodes.add(cpu.nodeId()));
      model = new ArrayModel(kernel, geometry, s.shape.nodes(), nodes);
    }

    void take(int cpu, int node) {
      int gfp = node < 0 || random.oneIn(2) ? GFP : GFP | Gfp.__GFP_THISNODE;
      long got =
          bytes > 0
              ? s.slabs.kmalloc(s.cpu(cpu), bytes, gfp, node)
              : s.slabs.kmemCacheAlloc(s.cpu(cpu), cache, gfp, node);
      check(got != SlabAllocator.NO_OBJECT, "an object", "none");
      boolean known = model.knows(got);
      long wanted;
      try {
        wanted = model.alloc(cpu, node, got);
      } catch (IllegalArgumentException e) {
        wanted = -1;
      }
      String seen = String.format("0x%x of a %s slab", got, known ? "known" : "new");
      check(wanted >= 0, "an object of a new slab", seen);
      check(wanted == got, String.format("0x%x", wanted), seen);
      marks(got, true);
      held.add(got);
    }

    void give(int cpu) {
      long object = held.remove(random.below(held.size()));
      if (bytes > 0) {
        s.slabs.kfree(s.cpu(cpu), object);
      } else {
        s.slabs.kmemCacheFree(s.cpu(cpu), cache, object);
      }
      model.free(cpu, s.shape.nodeOf(object), object);
      if (model.knows(object)) {
        marks(object, false);
      }
    }

    /** Red zones and poison, where there are some: include/linux/poison.h. */
    void marks(long object, boolean inUse) {
      PhysicalMemory memory = s.machine.memory();
      int room = (cache.objectBytes() + 7) / 8 * 8;
      if (red) {
        long wanted = inUse ? 0xd841_56c5_6356_88c0L : 0x09f9_1102_9d74_e35bL;
        for (long at : new long[] {object - 8, object + room}) {
          check(memory.getLong(at) == wanted, "a red zone at " + at, "" + memory.getLong(at));
        }
        for (int i = 0; i < room; i++) {
          byte byteThere = memory.getByte(object + i);
          int poison = i == room - 1 ? 0xa5 : inUse ? 0x5a : 0x6b;
          checkEqual((byte) poison, byteThere, "byte " + i + " of an object, in use: " + inUse);
        }
      }
    }

    /** Time goes by, and each CPU calls for something else. */
    void rest() {
      s.machine.clock().advance(random.between(1, 5) * SECOND);
      for (int cpu = 0; cpu < s.shape.cpus(); cpu++) {
        KmemCache other = s.slabs.kmemCacheCreate(KmemCacheArgs.of("other", 64));
        long object = s.slabs.kmemCacheAlloc(s.cpu(cpu), other, GFP);
        s.slabs.kmemCacheFree(s.cpu(cpu), other, object);
        s.slabs.kmemCacheDestroy(s.cpu(cpu), other);
        model.look(cpu, s.machine.clock().nowNs());
      }
    }

    void compare() {
      var wanted = model.stats(held.size());
      var seen = cache.stats();
      check(wanted.equals(seen), wanted.toString(), seen.toString());
      checkEqual(model.shared(), cache.sharedAvailable(), "objects in shared arrays");
    }
  }

  private static void objects(SlabSubject s, Seeded random) {
    Kernel kernel = kernel(s);
    if (kernel == null) {
      return;
    }
    Play play = new Play(s, random, kernel);
    s.machine.clock().advance(8 * SECOND);
    play.rest();
    int most = Math.min(900, (3 << 20) / play.cache.size());
    boolean grows = true;
    for (int i = 0; i < 60; i++) {
      int cpu = random.below(s.shape.cpus());
      int far = random.oneIn(6) ? random.below(s.shape.nodes()) : -1;
      grows = play.held.isEmpty() || (play.held.size() < most && grows != random.oneIn(6));
      int count = 1 + random.below(random.oneIn(3) ? 150 : 12);
      for (int n = 0; n < count; n++) {
        if (grows) {
          play.take(cpu, far);
        } else if (!play.held.isEmpty()) {
          play.give(cpu);
        }
      }
      play.compare();
      for (int n = random.oneIn(3) ? random.between(1, 4) : 0; n > 0; n--) {
        play.rest();
        play.compare();
      }
    }
    while (!play.held.isEmpty()) {
      play.give(play.held.size() % s.shape.cpus());
    }
    play.compare();
    if (play.bytes == 0) {
      s.slabs.kmemCacheDestroy(s.cpu(0), play.cache);
    }
    s.empty();
  }
}
