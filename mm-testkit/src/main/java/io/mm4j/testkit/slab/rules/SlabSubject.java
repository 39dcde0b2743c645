// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.LeakReport;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabAllocatorProvider.Capabilities;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.stress.Steps;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A machine, mostly of 20 MiB with two nodes and two CPUs, whose slab allocator is under test; the
 * floors below are the kit's naive ones. Beside it every object that is live, with what was written
 * to it.
 */
final class SlabSubject extends Subject {
  /** What is looked at. */
  enum Aspect {
    OVERLAP,
    ALIGNMENT,
    CONTENTS,
    ZERO,
    CTOR,
    FRAMES,
    STATS
  }

  /** A cache that the rule has created. */
  static final class Cache {
    final KmemCacheArgs args;
    final KmemCache cache;
    int live;

    Cache(KmemCacheArgs args, KmemCache cache) {
      this.args = args;
      this.cache = cache;
    }
  }

  /** A live object; {@code cache} is null for one of kmalloc. */
  record Live(long paddr, int bytes, @Nullable Cache cache, int pattern) {
    long end() {
      return paddr + bytes;
    }
  }

  final Shape shape;
  final Machine machine;
  final SlabAllocator slabs;

  /** The options of the plugin. */
  final Options options;

  /** What the plugin claims. */
  final Capabilities can;

  private final SlabAllocatorProvider provider;
  private final MachineConfig config;

  final List<Cache> caches = new ArrayList<>();

  /** By address. */
  final TreeMap<Long, Live> live = new TreeMap<>();

  /** In the order in which they came, for operations to choose from. */
  final List<Live> held = new ArrayList<>();

  private final Set<Aspect> aspects;
  private int patterns;

  SlabSubject(
      SlabAllocatorProvider provider,
      Options options,
      Set<Aspect> aspects,
      Shape shape,
      String commandLine,
      long failNth) {
    this.shape = shape;
    this.options = options;
    this.provider = provider;
    this.can = provider.capabilities();
    this.aspects = aspects.isEmpty() ? EnumSet.noneOf(Aspect.class) : EnumSet.copyOf(aspects);
    PluginRegistry registry =
        PluginRegistry.of(
            Map.of(
                Spi.PHYSICAL_MEMORY,
                List.of(new NaiveMemories()),
                Spi.FRAME_ALLOCATOR,
                List.of(new NaiveFrames()),
                Spi.PAGE_ALLOCATOR,
                List.of(FailingPages.provider(failNth)),
                Spi.SLAB,
                List.of(provider)));
    config =
        new MachineConfig()
            .architecture(shape.architecture())
            .cpus(shape.cpus())
            .commandLine(commandLine)
            .layout(shape.layout())
            .contents(true)
            .registry(registry)
            .plugin(Spi.PHYSICAL_MEMORY, PluginSpec.of("naive"))
            .plugin(Spi.FRAME_ALLOCATOR, PluginSpec.of("naive"))
            .plugin(Spi.PAGE_ALLOCATOR, PluginSpec.of("naive"))
            .plugin(
                Spi.SLAB,
                new PluginSpec(
                    provider.name(), provider.options().isEmpty() ? Map.of() : options.asMap()));
    machine = config.boot();
    slabs = machine.slabs();
  }

  /** Another machine of the same kind, whose RAM has no bytes. */
  Machine withoutBytes() {
    return config.contents(false).boot();
  }

  /** A machine with a plugin whose calls can be interrupted; null if its classes cannot. */
  @Nullable SlabSubject stepped(Shape where) {
    SlabAllocatorProvider copy = Steps.copyOf(SlabAllocatorProvider.class, provider);
    return copy == null ? null : new SlabSubject(copy, options, Set.of(), where, "", 0);
  }

  /** Another machine of the same kind with the same plugin. */
  SlabSubject twin() {
    return twin("");
  }

  /** The same with boot parameters. */
  SlabSubject twin(String commandLine) {
    return new SlabSubject(provider, options, aspects, shape, commandLine, 0);
  }

  /** Whether the plugin has a setting of this name. */
  boolean knows(String setting) {
    return provider.settings().stream().anyMatch(known -> known.name().equals(setting));
  }

  /** Whether the plugin has an option of this name. */
  boolean offers(String option) {
    return provider.options().stream().anyMatch(known -> known.name().equals(option));
  }

  boolean looksAt(Aspect aspect) {
    return aspects.contains(aspect);
  }

  Cpu cpu(int number) {
    return machine.cpus().get(number % shape.cpus());
  }

  /** The node of a frame by the layout of {@link Shape#USUAL}. */
  static int nodeOf(long paddr) {
    return Shape.USUAL.nodeOf(paddr);
  }

  /** Creates a cache. */
  Cache create(KmemCacheArgs args) {
    Cache made = new Cache(args, slabs.kmemCacheCreate(args));
    caches.add(made);
    return made;
  }

  /** The constructor of these rules: the address and its complement, as far as there is room. */
  void construct(long paddr, int bytes) {
    for (int at = 0; at < bytes; at++) {
      machine.memory().putByte(paddr + at, constructed(paddr, at));
    }
  }

  private static byte constructed(long paddr, int at) {
    return (byte) ((int) (paddr >>> 3) ^ (at * 7) ^ 0x5d);
  }

  /** An object of a cache has come, or none. */
  @Nullable Live enter(long paddr, Cache cache, int gfp) {
    return enter(paddr, cache.args.objectBytes(), cache, gfp);
  }

  /** An object has come, or none. */
  @Nullable Live enter(long paddr, int bytes, @Nullable Cache cache, int gfp) {
    called();
    if (paddr == SlabAllocator.NO_OBJECT) {
      tell("none");
      return null;
    }
    if (telling()) {
      tell(String.format("0x%x", paddr));
    }
    if (looksAt(Aspect.ALIGNMENT)) {
      int align = cache == null ? kmallocAlign(paddr, bytes) : cacheAlign(cache.args);
      check(paddr % align == 0, "an address aligned to " + align, String.format("0x%x", paddr));
      if (cache != null) {
        int says = cache.cache.align();
        check(
            paddr % says == 0, "aligned to " + says + ", as it says", String.format("0x%x", paddr));
      }
    }
    return hold(new Live(paddr, bytes, cache, patterns++), gfp);
  }

  /** An object of krealloc is where it was and has another size. */
  void stay(long paddr, int bytes) {
    called();
    Live _ = hold(new Live(paddr, bytes, null, patterns++), 0);
  }

  private Live hold(Live object, int gfp) {
    long paddr = object.paddr;
    int bytes = object.bytes;
    Cache cache = object.cache;
    overlap(object);
    if (looksAt(Aspect.FRAMES)) {
      frames(object);
    }
    boolean made = cache != null && cache.args.ctor() != null;
    if (looksAt(Aspect.ZERO) && (gfp & Gfp.__GFP_ZERO) != 0 && !made) {
      same(paddr, new byte[bytes], bytes, "for __GFP_ZERO");
    }
    if (looksAt(Aspect.CTOR) && made) {
      byte[] wanted = new byte[bytes];
      for (int at = 0; at < bytes; at++) {
        wanted[at] = constructed(paddr, at);
      }
      same(paddr, wanted, bytes, "as constructed");
    }
    live.put(paddr, object);
    held.add(object);
    if (cache != null) {
      cache.live++;
    }
    if (!made && looksAt(Aspect.CONTENTS)) {
      write(object);
    } else if (!made && looksAt(Aspect.ZERO)) {
      machine.memory().ram().asSlice(paddr, bytes).fill((byte) 0xee);
    }
    return object;
  }

  private void overlap(Live object) {
    if (!looksAt(Aspect.OVERLAP)) {
      return;
    }
    var before = live.lowerEntry(object.end());
    check(
        before == null || before.getValue().end() <= object.paddr,
        "memory that nobody has",
        String.format(
            "0x%x-0x%x overlaps 0x%x",
            object.paddr, object.end(), before == null ? 0 : before.getKey()));
  }

  private void frames(Live object) {
    for (long pfn = object.paddr >>> 12; pfn <= (object.end() - 1) >>> 12; pfn++) {
      FrameOwner owner = machine.memory().memMap().owner(pfn);
      check(owner == FrameOwner.SLAB, "a frame owned by SLAB", pfn + " owned by " + owner);
    }
    if (object.cache != null) {
      // pages come in powers of two that are aligned to their size
      long slab = Pages.PAGE_SIZE << object.cache.cache.order();
      check(
          (object.paddr & (slab - 1)) + object.bytes <= slab,
          "an object within one slab of order " + object.cache.cache.order(),
          String.format("0x%x of %d bytes", object.paddr, object.bytes));
    }
  }

  /**
   * {@code ARCH_KMALLOC_MINALIGN}, and the whole size of a power of two; in Linux 2.4, whose caches
   * of kmalloc are aligned to lines, no more than a line.
   */
  private int kmallocAlign(long paddr, int bytes) {
    KmemCache serves = slabs.cacheOf(paddr);
    if (serves != null && (serves.flags() & SlabFlags.SLAB_HWCACHE_ALIGN) != 0) {
      return Math.max(8, lineAlign(serves.objectBytes()));
    }
    return Integer.bitCount(bytes) == 1 ? Math.max(8, Math.min(bytes, 1 << 22)) : 8;
  }

  private static int cacheAlign(KmemCacheArgs args) {
    int align = Math.max(8, args.align());
    boolean toLine = (args.flags() & SlabFlags.SLAB_HWCACHE_ALIGN) != 0;
    return toLine ? Math.max(align, lineAlign(args.objectBytes())) : align;
  }

  private static int lineAlign(int bytes) {
    int line = 64;
    while (bytes <= line / 2) {
      line /= 2;
    }
    return line;
  }

  private void write(Live object) {
    MemorySegment.copy(
        pattern(object), 0, machine.memory().ram(), JAVA_BYTE, object.paddr, object.bytes);
  }

  private static byte[] pattern(Live object) {
    byte[] pattern = new byte[object.bytes];
    for (int at = 0; at < pattern.length; at++) {
      pattern[at] = (byte) (object.pattern * 37 + at * 11 + (at >>> 8));
    }
    return pattern;
  }

  /** The bytes at an address are these, up to some number of them. */
  private void same(long paddr, byte[] wanted, int count, String what) {
    MemorySegment seen = machine.memory().ram().asSlice(paddr, count);
    long at = seen.mismatch(MemorySegment.ofArray(wanted).asSlice(0, count));
    if (at >= 0) {
      String where = String.format("byte %d of the object at 0x%x %s", at, paddr, what);
      checkEqual(wanted[(int) at], seen.get(JAVA_BYTE, at), where);
    }
  }

  /** The bytes are those that were written, up to some number. */
  void contents(Live object, long upTo) {
    if (!looksAt(Aspect.CONTENTS) || (object.cache != null && object.cache.args.ctor() != null)) {
      return;
    }
    same(object.paddr, pattern(object), (int) Math.min(upTo, object.bytes), "as it was written");
  }

  /** The object that an operation means by a number, or null. */
  @Nullable Live pick(int number) {
    return held.isEmpty() ? null : held.get(number % held.size());
  }

  /** An object is about to go. */
  void leave(Live object) {
    contents(object, object.bytes);
    int at = held.lastIndexOf(object); // mostly the last one
    Live last = held.removeLast();
    if (at < held.size()) {
      held.set(at, last);
    }
    live.remove(object.paddr);
    if (object.cache != null) {
      object.cache.live--;
    }
    if (telling()) {
      tell(String.format("0x%x", object.paddr));
    }
    called();
  }

  /** An object of krealloc is somewhere else, or has another size. */
  void leaveQuietly(Live object) {
    held.remove(object);
    live.remove(object.paddr);
  }

  /** Frees an object. */
  void free(int cpu, Live object) {
    leave(object);
    if (object.cache == null) {
      slabs.kfree(cpu(cpu), object.paddr);
    } else {
      slabs.kmemCacheFree(cpu(cpu), object.cache.cache, object.paddr);
    }
  }

  /** Frees everything. */
  void freeAll() {
    while (!held.isEmpty()) {
      free(held.size(), held.getLast());
    }
  }

  /** Everything goes: objects, caches, slabs; then nothing is held. */
  void empty() {
    freeAll();
    for (Cache cache : caches) {
      slabs.kmemCacheDestroy(cpu(0), cache.cache);
    }
    caches.clear();
    long before = machine.framesOwnedBy(FrameOwner.SLAB);
    long given = slabs.shrinkAll(cpu(0));
    checkEqual(before - machine.framesOwnedBy(FrameOwner.SLAB), given, "frames that were shrunk");
    LeakReport held = machine.framesInUse();
    check(held.isEmpty(), "no frame in use when all was freed and shrunk", held.toString());
  }

  /** What the statistics say of live objects and frames. */
  void stats() {
    if (!looksAt(Aspect.STATS)) {
      return;
    }
    Map<KmemCache, Long> mine = new HashMap<>();
    for (Live object : held) {
      KmemCache cache = object.cache == null ? slabs.cacheOf(object.paddr) : object.cache.cache;
      if (cache != null) {
        mine.merge(cache, 1L, Long::sum);
      }
    }
    long pages = slabs.largePages();
    for (KmemCache cache : slabs.caches()) {
      var stats = cache.stats();
      pages += stats.pages();
      long wanted = mine.getOrDefault(cache, 0L);
      checkEqual(wanted, stats.liveObjects(), "live objects of " + cache);
      check(
          stats.liveObjects() <= stats.activeObjects() && stats.activeObjects() <= stats.objects(),
          "live <= active <= objects of " + cache,
          stats.toString());
    }
    checkEqual(machine.framesOwnedBy(FrameOwner.SLAB), pages, "frames of all caches");
  }

  @Override
  public void validate() {
    machine.validate();
    for (Cpu cpu : machine.cpus().all()) {
      check(!cpu.parkLock().isLocked(), cpu + " is parked", "somebody has it");
    }
  }

  @Override
  public void close() {
    machine.close();
  }
}
