// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.KmallocSizes;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.ObjectSheaf;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.api.slab.SlabEvents;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.api.slab.SlabReport;
import io.mm4j.api.slab.SlabReport.Kind;
import io.mm4j.slab.base.KmallocMaker;
import io.mm4j.slab.base.ReclaimedSlabs;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The slab allocator {@code slub}: mm/slub.c of Linux 6.18.
 *
 * <p>Steps of an allocation: the CPU's sheaf, if the cache has sheaves; else, and to fill one, the
 * CPU's freelist, its partial slabs, the node's, a new slab ({@link CpuSlabSource}). A free goes
 * the other way ({@link ObjectReturns}). Caches with debug flags have none of what a CPU keeps
 * ({@link DebugSlabs}). A cache that is like one that is there shares its slabs: {@link
 * #mergeable}.
 *
 * <p>Differences: caches and sheaves are objects of Java, so that nothing is allocated from the
 * caches {@code kmem_cache} and {@code kmem_cache_node}, which do not exist. Links are not
 * scrambled and freelists not shuffled ({@code CONFIG_SLAB_FREELIST_HARDENED}, {@code _RANDOM}):
 * what the first protects against {@link io.mm4j.api.slab.ObjectFrames} notices, the second would
 * only make histories differ. There are no bulk frees by RCU.
 */
final class SlubAllocator extends ReclaimedSlabs<SlubCache, SlubCpu> {
  final SlubSettings settings;
  final ObjectDebug debug;
  final SlabPages slabPages;
  final CpuSlabSource source;
  final ObjectReturns returns;
  final Sheaves sheaves;
  final DebugSlabs debugSlabs;
  final SlabWalk walk;
  final Flushes flushes;

  SlubAllocator(Floors floors, SlubSettings settings) {
    super(floors, KmallocSizes.SLUB, settings.largeLists());
    this.settings = settings;
    slabPages = new SlabPages(this);
    debug = new ObjectDebug(this);
    source = new CpuSlabSource(this);
    returns = new ObjectReturns(this);
    sheaves = new Sheaves(this);
    debugSlabs = new DebugSlabs(this);
    walk = new SlabWalk(this);
    makeCpus(id -> new SlubCpu(this, cpus.get(id)));
    flushes = new Flushes(this);
    kmallocCaches(this::kmalloc);
  }

  /** {@code new_kmalloc_cache()}: with control groups, normal ones are never merged. */
  private SlubCache kmalloc(int type, int index, int bytes) {
    int flags =
        switch (type) {
          case CpuSlabs.KMALLOC_DMA -> SlabFlags.SLAB_CACHE_DMA;
          case CpuSlabs.KMALLOC_RECLAIM -> SlabFlags.SLAB_RECLAIM_ACCOUNT;
          case CpuSlabs.KMALLOC_CGROUP -> SlabFlags.SLAB_ACCOUNT;
          default -> SlabFlags.SLAB_NO_MERGE;
        };
    KmemCacheArgs args = KmallocMaker.args(type, bytes, flags | SlabFlags.SLAB_KMALLOC);
    return create(args, type, index);
  }

  @Override
  public KmemCache kmemCacheCreate(KmemCacheArgs args) {
    synchronized (this) {
      KmemCacheArgs clean = args.withFlags(args.flags() & ~SlabFlags.SLAB_KMALLOC);
      SlubCache like = mergeable(clean);
      if (like != null) {
        like.alias(clean);
        return like;
      }
      return create(clean, -1, -1);
    }
  }

  private synchronized SlubCache create(KmemCacheArgs args, int type, int index) {
    int flags = flags(args);
    ObjectLayout layout = ObjectLayout.of(args, flags, settings);
    if (settings.debug().notLarger() && layout.minOrder() > Pages.orderOf(args.objectBytes())) {
      flags &= ~SlubDebug.METADATA;
      layout = ObjectLayout.of(args, flags, settings);
    }
    SlubCache cache = new SlubCache(this, freeId(), args, flags, layout, type, index);
    enter(cache);
    return cache;
  }

  /** {@code kmem_cache_flags()}. */
  private int flags(KmemCacheArgs args) {
    return args.flags() | settings.debug().flags(args.name());
  }

  /**
   * {@code find_mergeable()}: the oldest cache whose objects serve as well: as large and as
   * aligned, from the same kind of pages, and less than 8 bytes wasted.
   */
  private @Nullable SlubCache mergeable(KmemCacheArgs args) {
    int flags = flags(args);
    if (!settings.merges()
        || SlubCache.isUnmergeable(args, settings)
        || (flags & SlabFlags.SLAB_NEVER_MERGE) != 0) {
      return null;
    }
    int align =
        ObjectLayout.align(flags, args.align(), ObjectLayout.up(args.objectBytes(), Long.BYTES));
    int size = ObjectLayout.up(ObjectLayout.up(args.objectBytes(), Long.BYTES), align);
    for (SlubCache cache : all().reversed()) {
      if (!cache.isUnmergeable()
          && size <= cache.size()
          && ((flags ^ cache.flags()) & SlabFlags.SLAB_MERGE_SAME) == 0
          && (cache.size() & -align) == cache.size()
          && cache.size() - size < Long.BYTES) {
        return cache;
      }
    }
    return null;
  }

  @Override
  public synchronized List<String> aliasesOf(KmemCache cache) {
    SlubCache mine = known(cache);
    return List.copyOf(mine.names.subList(1, mine.names.size()));
  }

  @Override
  public synchronized void kmemCacheDestroy(Cpu cpu, KmemCache cache) {
    SlubCache mine = destroyable(cache);
    if (mine.names.size() > 1) {
      mine.names.removeLast();
      return;
    }
    if (!flushes.everywhere(cpu(cpu.id()), mine)) {
      throw new MisuseException(
          "another CPU is at work and keeps objects: cache=" + mine.name() + "; try again later");
    }
    flushes.shrinkNodes(cpu(cpu.id()), mine);
    long left = 0;
    for (NodeSlabs node : mine.nodes) {
      left += node.slabs.get();
    }
    if (left > 0) {
      refuseDestroy(mine);
    }
    for (int i = 0; i < cpus.count(); i++) {
      cpu(i).forget(mine);
    }
    leave(mine);
  }

  private void refuseDestroy(SlubCache cache) {
    StringBuilder some = new StringBuilder();
    long[] count = {0, 0};
    forEachLive(
        cache,
        object -> {
          if (count[0]++ < 3) {
            count[1] = object;
            some.append(String.format(" object=0x%x", object));
            if (cache.has(SlabFlags.SLAB_STORE_USER)) {
              some.append(" allocated_in=").append(debug.tracks.get(cache, object, true));
            }
          }
        });
    String text =
        "destroyed with objects in use: cache=" + cache.name() + " live=" + count[0] + some;
    if (debug.isHeard()) {
      debug.mended();
      debug.report(Kind.LEAK, cache, count[1], count[1], text);
    }
    throw new MisuseException(text);
  }

  @Override
  public long kmemCacheShrink(Cpu cpu, KmemCache cache) {
    SlubCache mine = known(cache);
    long before = mine.frames();
    boolean _ = flushes.everywhere(cpu(cpu.id()), mine);
    flushes.shrinkNodes(cpu(cpu.id()), mine);
    return Math.max(0, before - mine.frames());
  }

  @Override
  public long shrinkAll(Cpu cpu) {
    return super.shrinkAll(cpu) + flushes.large(cpu(cpu.id()));
  }

  @Override
  protected long reclaim(SlubCpu cpu, long pages) {
    long before = slabPages.gone();
    long large = flushes.large(cpu);
    long enough = before + pages - large;
    giveEmpty(cpu, enough);
    if (slabPages.gone() < enough) {
      flushes.askOfAll(cpu);
      giveEmpty(cpu, enough);
    }
    return large + slabPages.gone() - before;
  }

  /** Gives empty slabs back, cache by cache, until so many frames have gone since the beginning. */
  private void giveEmpty(SlubCpu cpu, long enough) {
    for (SlubCache cache : all()) {
      if (slabPages.gone() >= enough) {
        return;
      }
      flushes.giveEmpty(cpu, cache);
    }
  }

  @Override
  protected void serve(SlubCpu cpu) {
    super.serve(cpu);
    flushes.serve(cpu);
  }

  @Override
  protected long alloc(SlubCpu cpu, SlubCache cache, int gfp, int nodeId, int bytes) {
    SlabEvents events = events();
    if (events != null) {
      explain(events, cpu, cache, gfp, bytes);
    }
    needBytes();
    long object;
    if (cache.isDebug()) {
      object = debugSlabs.alloc(cpu, cache, gfp, nodeId, bytes);
    } else {
      CpuCache c = cpu.of(cache);
      ObjectSheaf main = c.main;
      ObjectSheaf spare = c.spare;
      boolean here = nodeId < 0 || nodes == 1;
      object =
          main != null && spare != null && here
              ? sheaves.take(cpu, c, main, spare, gfp)
              : source.take(cpu, c, gfp, nodeId, true);
    }
    return handOut(cpu, cache, object, gfp, bytes);
  }

  private void explain(SlabEvents events, SlubCpu cpu, SlubCache cache, int gfp, int bytes) {
    if (cache.kmallocIndex >= 0) {
      String kind =
          switch (CpuSlabs.kmallocType(gfp)) {
            case CpuSlabs.KMALLOC_DMA -> "__GFP_DMA";
            case CpuSlabs.KMALLOC_RECLAIM -> "__GFP_RECLAIMABLE";
            case CpuSlabs.KMALLOC_CGROUP -> "__GFP_ACCOUNT";
            default -> "none of __GFP_DMA, __GFP_RECLAIMABLE, __GFP_ACCOUNT";
          };
      events.step(
          cpu.cpu(),
          bytes + " bytes, " + kind + ": cache " + cache.name() + ", the smallest that fits");
    }
    CpuCache c = cpu.of(cache);
    ObjectSheaf main = c.main;
    if (main != null) {
      events.step(cpu.cpu(), "the cpu's sheaf has " + main.size() + " of " + main.capacity());
    } else if (!cache.isDebug()) {
      events.step(
          cpu.cpu(),
          "no sheaves (sheaves="
              + settings.sheaves().name().toLowerCase(Locale.ROOT)
              + "): "
              + (c.freelist == NO_OBJECT
                  ? "the cpu's freelist is empty"
                  : "the object on top of the cpu's freelist"));
    }
  }

  @Override
  protected void clear(SlubCpu cpu, SlubCache cache, long paddr, int bytes) {
    if (cache.isDebug()) {
      // Not into a red zone that begins where the request ended, or behind the object.
      boolean asked =
          cache.kmallocIndex >= 0 && cache.has(SlabFlags.SLAB_STORE_USER | SlabFlags.SLAB_RED_ZONE);
      int room = asked ? bytes : cache.objectBytes();
      ram.asSlice(paddr, room).fill((byte) 0);
    } else {
      super.clear(cpu, cache, paddr, bytes);
    }
  }

  @Override
  protected void free(SlubCpu cpu, SlubCache cache, long paddr) {
    SlabEvents events = events();
    if (events != null) {
      events.free(cpu.cpu(), cache, paddr);
    }
    if (cache.isDebug()) {
      long empty = DebugSlabs.IN_USE;
      try {
        empty = debugSlabs.free(cpu, cache, paddr);
      } finally {
        if (empty == DebugSlabs.IN_USE) {
          frames.setLive(paddr, cache.shift); // it is still its holder's
        }
      }
      if (empty >= 0) {
        slabPages.discard(cpu, cache, empty);
      }
      return;
    }
    CpuCache c = cpu.of(cache);
    ObjectSheaf main = c.main;
    ObjectSheaf spare = c.spare;
    boolean here = nodes == 1 || nodeOf(paddr >>> Pages.PAGE_SHIFT) == cpu.cpu().nodeId();
    if (main != null && spare != null && here) {
      sheaves.put(cpu, c, main, spare, paddr);
    } else {
      returns.free(cpu, c, paddr);
    }
  }

  @Override
  protected void refuse(SlubCache cache, long paddr, boolean doubleFree, String why) {
    if (!cache.isDebug()) {
      super.refuse(cache, paddr, doubleFree, why);
      return;
    }
    long object = objectAt(cache, paddr);
    Kind kind = doubleFree ? Kind.DOUBLE_FREE : Kind.INVALID_FREE;
    if (object == NO_OBJECT) {
      debug.reportNoObject(kind, cache, paddr, why);
    } else {
      debug.report(kind, cache, object, paddr, why + debug.dump(cache, object));
    }
  }

  @Override
  protected long objectAt(SlubCache cache, long paddr) {
    long pfn = slabPages.slabOf(paddr);
    long distance = paddr - SlabPages.object(cache, pfn, 0);
    if (distance < 0) {
      return NO_OBJECT;
    }
    long number = distance / cache.size();
    boolean inside =
        number < SlabPages.objects(slabPages.counters(pfn))
            && distance % cache.size() < cache.objectBytes();
    return inside ? SlabPages.object(cache, pfn, (int) number) : NO_OBJECT;
  }

  @Override
  protected long usable(SlubCache cache, long paddr) {
    if (cache.has(SlabFlags.SLAB_RED_ZONE | SlabFlags.SLAB_POISON)) {
      return cache.objectBytes();
    }
    return cache.has(SlabFlags.SLAB_TYPESAFE_BY_RCU | SlabFlags.SLAB_STORE_USER)
        ? cache.inuse()
        : cache.size();
  }

  @Override
  protected int requested(SlubCache cache, long paddr) {
    return debug.request(cache, paddr);
  }

  @Override
  protected void resized(SlubCache cache, long paddr, int bytes) {
    debug.resized(cache, paddr, bytes);
  }

  @Override
  public void forEachLive(KmemCache cache, Consumer<? super Long> visitor) {
    walk.forEachLive(known(cache), visitor);
  }

  @Override
  public long validateCache(Cpu cpu, KmemCache cache) {
    return debugSlabs.validate(known(cache));
  }

  @Override
  public void onReport(@Nullable Consumer<? super SlabReport> listener) {
    debug.listen(listener);
  }

  @Override
  public void validate() {
    walk.validate();
  }

  @Override
  protected void giveUp() {
    for (int i = 0; i < cpus.count(); i++) {
      long _ = flushLarge(cpu(i));
    }
    for (SlubCache cache : all()) {
      for (int i = 0; i < cpus.count(); i++) {
        flushes.flush(cpu(i), cache);
      }
      flushes.shrinkNodes(cpu(0), cache);
    }
  }

  /** Such as {@code slub: 37 caches}. */
  @Override
  public String toString() {
    return "slub: " + caches().size() + " caches";
  }
}
