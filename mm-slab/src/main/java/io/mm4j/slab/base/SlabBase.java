// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import io.mm4j.api.Cpu;
import io.mm4j.api.Cpus;
import io.mm4j.api.InputException;
import io.mm4j.api.MisuseException;
import io.mm4j.api.VirtualClock;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.NodeFallback;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.KmallocSizes;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.ObjectFrames;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.api.slab.SlabEvents;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * What slab allocators have in common: the numbers of caches, the table of {@code kmalloc()}, what
 * a free believes, large blocks, {@code krealloc()}, bulk calls. Models mm/slab_common.c (Linux
 * 6.18).
 *
 * <p>Steps of a slow free: the tag of the frame says whose slab the address is in; the mark,
 * whether a live object begins there; only then does the design see it.
 *
 * @param <C> the design's caches
 * @param <P> what it keeps for a CPU
 */
public abstract class SlabBase<C extends BaseCache, P extends BaseCpu> implements SlabAllocator {
  /** In the order in which Linux makes their caches, which is that of slabinfo from below. */
  private static final int[] TYPES = {
    CpuSlabs.KMALLOC_NORMAL, CpuSlabs.KMALLOC_RECLAIM, CpuSlabs.KMALLOC_DMA, CpuSlabs.KMALLOC_CGROUP
  };

  /** What of a caller's flags reaches the page allocator where objects are blocks of pages. */
  protected static final int PASSED =
      ~(Gfp.__GFP_ZERO | Gfp.__GFP_HIGHMEM | Gfp.__GFP_MOVABLE | Gfp.__GFP_RECLAIMABLE);

  public final PhysicalMemory memory;
  public final MemMap memMap;
  public final PageAllocator pages;
  public final Cpus cpus;
  public final Pressure pressure;
  public final VirtualClock clock;
  public final MemorySegment ram;
  public final int nodes;

  /** For each node those with memory, in the order in which its CPUs ask them. */
  public final List<List<Integer>> fallback;

  public final ObjectFrames frames;
  public final KmallocSizes sizes;
  final byte[] sizeIndex;

  private final LargeBlocks large;

  /** By id; the lock of this list is held to create and destroy. */
  private volatile @Nullable BaseCache[] byId = new @Nullable BaseCache[64];

  private volatile List<C> caches = List.of();

  /** By kind and index. */
  private final @Nullable BaseCache[] kmallocs =
      new @Nullable BaseCache[CpuSlabs.KMALLOC_TYPES * KmallocSizes.INDEXES];

  /** By number of the CPU. */
  private final List<P> perCpu = new ArrayList<>();

  private @Nullable SlabEvents events;

  /**
   * Creates it without caches; the design makes those of {@code kmalloc()}.
   *
   * @param keepsLarge whether CPUs keep large blocks that were freed
   */
  protected SlabBase(Floors floors, KmallocSizes sizes, boolean keepsLarge) {
    memory = floors.memory();
    memMap = memory.memMap();
    pages = floors.pages();
    cpus = floors.cpus();
    pressure = floors.pressure();
    clock = floors.clock();
    frames = new ObjectFrames(memory);
    ram = memory.hasContents() ? memory.ram() : MemorySegment.NULL;
    nodes = memory.nodes().size();
    fallback = NodeFallback.orders(memory.nodes());
    this.sizes = sizes;
    sizeIndex = sizes.small();
    large = new LargeBlocks(this, keepsLarge);
  }

  /** Makes what is kept for each CPU; called once, by the design's constructor. */
  protected final void makeCpus(IntFunction<P> maker) {
    for (int i = 0; i < cpus.count(); i++) {
      perCpu.add(maker.apply(i));
    }
  }

  /** What is kept for a CPU. */
  public final P cpu(int id) {
    return perCpu.get(id);
  }

  @Override
  public final CpuSlabs on(Cpu cpu) {
    return perCpu.get(cpu.id());
  }

  /** Whether a design that keeps links in free objects can work. */
  protected final void needBytes() {
    if (!memory.hasContents()) {
      throw new InputException(
          "free objects hold links, and this machine's RAM has no bytes",
          "--contents none",
          "all, tables; or --plugin slab=page");
    }
  }

  /** The node of a frame. */
  public final int nodeOf(long pfn) {
    return nodes > 1 ? memory.nodeOf(pfn) : 0;
  }

  /** What {@link ObjectFrames} is to say of a slab. */
  public final int tag(int cacheId, int nodeId) {
    return cacheId * nodes + nodeId;
  }

  /** The cache of an address, or null. */
  @SuppressWarnings("unchecked") // only the design's caches are entered
  protected @Nullable C owner(long paddr) {
    int id = frames.tag(paddr) / nodes;
    return id < KmemCache.FIRST_ID ? null : (C) byId[id];
  }

  /** The cache with this number, or null. */
  @SuppressWarnings("unchecked") // only the design's caches are entered
  public final @Nullable C cache(int id) {
    return id < byId.length ? (C) byId[id] : null;
  }

  /** A number that no cache has; under the lock of this object. */
  protected final int freeId() {
    int id = KmemCache.FIRST_ID;
    while (id < byId.length && byId[id] != null) {
      id++;
    }
    return id;
  }

  /** Enters a cache; under the lock of this object. */
  protected final void enter(C cache) {
    @Nullable BaseCache[] table = byId.clone();
    if (cache.id() >= table.length) {
      table = java.util.Arrays.copyOf(table, table.length * 2);
    }
    table[cache.id()] = cache;
    byId = table;
    List<C> all = new ArrayList<>(caches);
    all.addFirst(cache);
    caches = List.copyOf(all);
  }

  /** Takes a cache out; under the lock of this object. */
  protected final void leave(C cache) {
    @Nullable BaseCache[] table = byId.clone();
    table[cache.id()] = null;
    byId = table;
    caches = caches.stream().filter(c -> !c.equals(cache)).toList();
  }

  /** Enters a cache of {@code kmalloc()}. */
  protected final void enterKmalloc(int type, int index, C cache) {
    kmallocs[type * KmallocSizes.INDEXES + index] = cache;
  }

  /** The design's caches, the newest first. */
  public final List<C> all() {
    return caches;
  }

  @Override
  public long shrinkAll(Cpu cpu) {
    long freed = SlabAllocator.super.shrinkAll(cpu);
    frames.trim();
    return freed;
  }

  @Override
  public final List<KmemCache> caches() {
    return List.copyOf(caches);
  }

  /** Who receives the inner steps, or null. */
  public final @Nullable SlabEvents events() {
    return events;
  }

  /** While somebody watches, every call comes the slow way. */
  @Override
  public final boolean watch(@Nullable SlabEvents receiver) {
    events = receiver;
    for (P cpu : perCpu) {
      if (receiver == null) {
        cpu.open();
      } else {
        cpu.close();
      }
    }
    return true;
  }

  @Override
  public final long kmemCacheAlloc(Cpu cpu, KmemCache cache, int gfp, int nodeId) {
    return on(cpu).alloc(cache, gfp, nodeId);
  }

  /** The design's cache that a caller names. */
  @SuppressWarnings("ReferenceEquality") // the very cache, not one that is like it
  public final C known(KmemCache cache) {
    C mine = cache(cache.id());
    if (mine == null || mine != cache) {
      throw new MisuseException("no cache of this allocator: name=" + cache.name());
    }
    return mine;
  }

  /** The same, which is none of {@code kmalloc()}'s. */
  protected final C destroyable(KmemCache cache) {
    C mine = known(cache);
    if (mine.kmallocIndex >= 0) {
      throw new MisuseException("a cache of kmalloc stays: name=" + cache.name());
    }
    return mine;
  }

  /** That a cache which is to be destroyed has live objects, and some of them. */
  protected final MisuseException inUse(C cache) {
    StringBuilder some = new StringBuilder();
    long[] live = {0};
    forEachLive(
        cache,
        paddr -> {
          if (live[0]++ < 3) {
            some.append(String.format(" object=0x%x", paddr));
          }
        });
    return new MisuseException(
        "destroyed with objects in use: cache=" + cache + " live=" + live[0] + some);
  }

  @Override
  @SuppressWarnings("unchecked") // only the design's caches are entered
  public @Nullable C kmallocCache(long bytes, int gfp) {
    if (bytes <= 0 || bytes > sizes.largest()) {
      return null;
    }
    int last = (int) bytes - 1;
    int index =
        last < KmallocSizes.SMALL
            ? sizeIndex[last >>> KmallocSizes.SMALL_SHIFT]
            : 32 - Integer.numberOfLeadingZeros(last);
    return (C) kmallocs[CpuSlabs.kmallocType(gfp) * KmallocSizes.INDEXES + index];
  }

  @Override
  public long kmallocSizeRoundup(long bytes) {
    return sizes.roundup(bytes);
  }

  /** The design's allocation: a live, cleared if asked for, watched object, or none. */
  protected abstract long alloc(P cpu, C cache, int gfp, int nodeId, int bytes);

  /** The design's free of an object that is live and this cache's; it is not live any more. */
  protected abstract void free(P cpu, C cache, long paddr);

  /** Called at the beginning of every slow path. */
  protected void serve(P cpu) {}

  /** What is freed is no live object of its slab's cache. */
  protected void refuse(C cache, long paddr, boolean doubleFree, String why) {
    throw new MisuseException(why);
  }

  @SuppressWarnings("unchecked") // a cache of another allocator is refused
  final long allocSlow(int cpuId, KmemCache cache, int gfp, int nodeId) {
    P cpu = perCpu.get(cpuId);
    serve(cpu);
    if (!cache.equals(cache(cache.id()))) {
      throw new MisuseException("no cache of this allocator: name=" + cache.name());
    }
    return alloc(cpu, (C) cache, gfp, nodeId, cache.objectBytes());
  }

  final long kmallocSlow(int cpuId, long bytes, int gfp, int nodeId) {
    if (bytes == 0) {
      return ZERO_SIZE_PTR;
    }
    P cpu = perCpu.get(cpuId);
    serve(cpu);
    C cache = kmallocCache(bytes, gfp);
    return cache == null
        ? large.alloc(cpu, hasLarge() ? bytes : -1, gfp, nodeId)
        : alloc(cpu, cache, gfp, nodeId, (int) bytes);
  }

  /** Whether more than the largest cache has can be had. */
  protected boolean hasLarge() {
    return true;
  }

  final void freeSlow(int cpuId, @Nullable KmemCache cache, long paddr) {
    if (paddr == NO_OBJECT || (cache == null && paddr == ZERO_SIZE_PTR)) {
      return;
    }
    P cpu = perCpu.get(cpuId);
    serve(cpu);
    C owner = owner(paddr);
    if (owner == null) {
      if (cache != null || frames.tag(paddr) == 0) {
        throw new MisuseException(
            String.format("not an object: paddr=0x%x lies in no slab", paddr)
                + (cache == null ? "" : ", cache=" + cache.name()));
      }
      large.free(cpu, paddr);
      return;
    }
    if (cache != null && !cache.equals(owner)) {
      throw new MisuseException(
          String.format(
              "an object of another cache: paddr=0x%x cache=%s freed_as=%s",
              paddr, owner.name(), cache.name()));
    }
    if (!frames.isLive(paddr, owner.shift)) {
      refuse(owner, paddr, objectAt(owner, paddr) == paddr, whyNot(owner, paddr));
      return;
    }
    frames.clearLive(paddr, owner.shift);
    free(cpu, owner, paddr);
  }

  /** Why an address in a slab of this cache is no live object. */
  private String whyNot(C owner, long paddr) {
    long first = objectAt(owner, paddr);
    String cache = " cache=" + owner.name();
    if (first != paddr) {
      return first == NO_OBJECT
          ? String.format("not an object: paddr=0x%x lies between objects%s", paddr, cache)
          : String.format(
              "not an object: paddr=0x%x lies in object=0x%x at offset=%d%s",
              paddr, first, paddr - first, cache);
    }
    return String.format("double free: object=0x%x is free%s", paddr, cache);
  }

  /** The object that an address of a slab lies in; {@link #NO_OBJECT} if it lies in none. */
  protected abstract long objectAt(C cache, long paddr);

  @Override
  public final @Nullable C cacheOf(long paddr) {
    return owner(paddr);
  }

  @Override
  public final long largePages() {
    return large.frames();
  }

  /** Gives the large blocks that a CPU keeps back; by its owner or under its park lock. */
  public final long flushLarge(P cpu) {
    return large.flush(cpu);
  }

  @Override
  public final long ksize(long paddr) {
    if (SlabAllocator.isZeroOrNull(paddr)) {
      return 0;
    }
    C cache = owner(paddr);
    if (cache == null) {
      return Pages.PAGE_SIZE << large.order(paddr);
    }
    if (!frames.isLive(paddr, cache.shift)) {
      throw new MisuseException(whyNot(cache, paddr));
    }
    return usable(cache, paddr);
  }

  /** {@code slab_ksize()}. */
  protected long usable(C cache, long paddr) {
    return cache.size();
  }

  /** What {@code krealloc()} may grow a live object to where it is. */
  protected long room(C cache, long paddr) {
    return cache.objectBytes();
  }

  /** What was asked for of a live object, as far as it is known: else all it has. */
  protected int requested(C cache, long paddr) {
    return cache.objectBytes();
  }

  /** An object of {@code krealloc()} stays where it is and is now of so many bytes. */
  protected void resized(C cache, long paddr, int bytes) {}

  @Override
  public final long krealloc(Cpu cpu, long paddr, long bytes, int gfp) {
    return Krealloc.run(this, cpu, paddr, bytes, gfp);
  }

  @Override
  public int kmemCacheAllocBulk(Cpu cpu, KmemCache cache, int gfp, long[] objects, int count) {
    CpuSlabs slabs = on(cpu);
    for (int i = 0; i < count; i++) {
      objects[i] = slabs.alloc(cache, gfp);
      if (objects[i] == NO_OBJECT) {
        kmemCacheFreeBulk(cpu, cache, objects, i);
        return 0;
      }
    }
    return count;
  }

  @Override
  public void kmemCacheFreeBulk(Cpu cpu, @Nullable KmemCache cache, long[] objects, int count) {
    CpuSlabs slabs = on(cpu);
    for (int i = 0; i < count; i++) {
      if (cache == null) {
        slabs.kfree(objects[i]);
      } else {
        slabs.free(cache, objects[i]);
      }
    }
  }

  /** An object is handed out: marked, cleared if asked for, and told of. */
  protected final long handOut(P cpu, C cache, long paddr, int gfp, int bytes) {
    if (paddr != NO_OBJECT) {
      frames.setLive(paddr, cache.shift);
      if ((gfp & Gfp.__GFP_ZERO) != 0) {
        clear(cpu, cache, paddr, bytes);
      }
    }
    SlabEvents receiver = events;
    if (receiver != null) {
      receiver.alloc(cpu.cpu(), cache, paddr, bytes, bytesAlloc(cache, bytes), gfp);
    }
    return paddr;
  }

  /** {@code bytes_alloc}: what an object has of which so much was asked for. */
  protected long bytesAlloc(C cache, int bytes) {
    return cache.size();
  }

  /** Clears an object that is handed out. */
  protected void clear(P cpu, C cache, long paddr, int bytes) {
    cpu.zero(paddr, cache.objectBytes());
  }

  /** Creates the caches of {@code kmalloc()} by name, size and flags. */
  protected final void kmallocCaches(KmallocMaker<C> maker) {
    for (int type : TYPES) {
      for (int index = 0; index < KmallocSizes.INDEXES; index++) {
        int bytes = sizes.bytes(index);
        if (bytes != 0) {
          enterKmalloc(type, index, maker.make(type, index, bytes));
        }
      }
    }
  }
}
