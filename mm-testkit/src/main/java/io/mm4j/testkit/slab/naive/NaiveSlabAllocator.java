// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.LockClass;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.KmallocSizes;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.ObjectFrames;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.api.slab.SlabEvents;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.api.slab.SlabReport;
import io.mm4j.testkit.pages.model.NodeOrder;
import io.mm4j.testkit.slab.naive.NaiveCache.Slab;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A slab allocator in the fewest lines, under one lock: slabs of the size that Linux gives them,
 * links in the free objects, nothing kept per CPU. What is live is kept beside, in sets.
 */
public class NaiveSlabAllocator implements SlabAllocator {
  /** {@code GFP_RECLAIM_MASK | GFP_CONSTRAINT_MASK}: all but these. */
  private static final int PASSED =
      ~(Gfp.__GFP_DMA
          | Gfp.__GFP_DMA32
          | Gfp.__GFP_ZERO
          | Gfp.__GFP_HIGHMEM
          | Gfp.__GFP_MOVABLE
          | Gfp.__GFP_RECLAIMABLE
          | Gfp.__GFP_WRITE
          | Gfp.__GFP_ACCOUNT);

  private static final SlabEvents UNHEARD = new SlabEvents() {};

  public final Floors floors;
  public final PhysicalMemory memory;
  protected final MemMap map;
  protected final List<NaiveCache> caches = new ArrayList<>();
  private final Map<Integer, NaiveCache> kmallocs = new HashMap<>();
  protected final TreeMap<Long, Integer> large = new TreeMap<>();
  protected final NaiveDebug debug;
  private final List<CpuSlabs> perCpu = new ArrayList<>();
  protected final Pressure.Registration reclaimer;
  private final NodeOrder order;

  /** Who watches, or somebody who does not care. */
  protected SlabEvents events = UNHEARD;

  /** The CPU's allocator, which has nothing at hand. */
  private final class NaiveCpu extends CpuSlabs {
    NaiveCpu(Cpu cpu) {
      super(
          cpu, memory.nodes().size(), new ObjectFrames(), memory.ram(), KmallocSizes.SLUB.small());
    }

    @Override
    protected long allocSlow(KmemCache cache, int gfp, int nodeId) {
      return allocate(cpu(), mine(cache), gfp, nodeId, cache.objectBytes());
    }

    @Override
    protected long kmallocSlow(long bytes, int gfp, int nodeId) {
      return kmallocHere(cpu(), bytes, gfp, nodeId);
    }

    @Override
    protected void freeSlow(@Nullable KmemCache cache, long paddr) {
      release(cpu(), cache, paddr);
    }
  }

  /** Creates it. */
  @SuppressWarnings("this-escape") // nothing sees it before it is there
  public NaiveSlabAllocator(Floors floors) {
    this.floors = floors;
    this.memory = floors.memory();
    this.map = memory.memMap();
    this.order =
        new NodeOrder(
            List.of(),
            memory.nodes().stream().flatMap(node -> node.zones().stream()).toList(),
            memory.nodes().stream().map(Node::distances).toList());
    this.debug = newDebug();
    floors.cpus().all().forEach(cpu -> perCpu.add(new NaiveCpu(cpu)));
    for (int type = 0; type < CpuSlabs.KMALLOC_TYPES; type++) {
      for (int size : NaiveGeometry.KMALLOC) {
        kmallocs.put(type << 16 | size, kmallocCache(type, size));
      }
    }
    reclaimer = floors.pressure().register(this::reclaim);
  }

  /** What knows the bytes around objects. */
  protected NaiveDebug newDebug() {
    return new NaiveDebug(this);
  }

  /** What {@code slub_debug} adds to the flags of a cache. */
  protected int debugFlags(String name) {
    return NaiveDebug.flags(floors.settings().get("slub_debug"), name);
  }

  private NaiveCache kmallocCache(int type, int size) {
    String kind = List.of("kmalloc-", "kmalloc-cg-", "kmalloc-rcl-", "dma-kmalloc-").get(type);
    int flag =
        List.of(
                SlabFlags.SLAB_NO_MERGE,
                SlabFlags.SLAB_ACCOUNT,
                SlabFlags.SLAB_RECLAIM_ACCOUNT,
                SlabFlags.SLAB_CACHE_DMA)
            .get(type);
    String unit = size >= 1024 ? size / 1024 + "k" : "" + size;
    return make(
        KmemCacheArgs.of(kind + unit, size)
            .withAlign(Math.max(8, size & -size))
            .withUser(0, size)
            .withFlags(flag | SlabFlags.SLAB_KMALLOC),
        true);
  }

  private NaiveCache make(KmemCacheArgs args, boolean kmalloc) {
    int id = KmemCache.FIRST_ID;
    while (byId(id) != null) {
      id++;
    }
    int flags = args.flags() | debugFlags(args.name());
    NaiveGeometry geometry = geometry(args, flags);
    if (NaiveDebug.keepsOrders(floors.settings().get("slub_debug"))
        && NaiveGeometry.orderOf(geometry.size) > NaiveGeometry.orderOf(args.objectBytes())) {
      flags &= ~(SlabFlags.SLAB_RED_ZONE | SlabFlags.SLAB_POISON | SlabFlags.SLAB_STORE_USER);
      geometry = geometry(args, flags);
    }
    if (geometry.order > 10) {
      throw new MisuseException("no slab is so large: " + args);
    }
    NaiveCache cache = cache(id, args, flags, geometry, kmalloc);
    caches.addFirst(cache);
    return cache;
  }

  /** A cache; it enters no list here. */
  protected NaiveCache cache(
      int id, KmemCacheArgs args, int flags, NaiveGeometry geometry, boolean kmalloc) {
    return new NaiveCache(id, args, flags, geometry, kmalloc);
  }

  /** How many objects a slab has. */
  protected int objects(NaiveCache cache, int order) {
    return (4096 << order) / cache.geometry.size;
  }

  /** The numbers of a cache. */
  protected NaiveGeometry geometry(KmemCacheArgs args, int flags) {
    return new NaiveGeometry(
        args, flags, NaiveGeometry.Orders.of(floors.settings(), floors.cpus().count()));
  }

  private @Nullable NaiveCache byId(int id) {
    return caches.stream().filter(c -> c.id() == id).findFirst().orElse(null);
  }

  protected final NaiveCache mine(KmemCache cache) {
    if (cache instanceof NaiveCache naive && caches.contains(naive)) {
      return naive;
    }
    throw new MisuseException("no cache of this allocator: name=" + cache.name());
  }

  @Override
  public synchronized KmemCache kmemCacheCreate(KmemCacheArgs args) {
    NaiveCache like = mergeable(args);
    if (like != null) {
      like.names.add(args.name());
      like.bytes = Math.max(like.bytes, args.objectBytes());
      return like;
    }
    return make(args.withFlags(args.flags() & ~SlabFlags.SLAB_KMALLOC), false);
  }

  /** Whether caches may share slabs on this machine. */
  protected boolean merges() {
    return !floors.settings().containsKey("slab_nomerge");
  }

  /** A cache that serves as well, or null. */
  protected @Nullable NaiveCache mergeable(KmemCacheArgs args) {
    int flags = args.flags() | debugFlags(args.name());
    boolean never = args.ctor() != null || args.usersize() != 0 || !merges();
    if (never || (flags & SlabFlags.SLAB_NEVER_MERGE) != 0) {
      return null;
    }
    NaiveGeometry wanted = geometry(args, flags);
    for (NaiveCache cache : caches.reversed()) {
      boolean own =
          cache.has(SlabFlags.SLAB_NEVER_MERGE) || cache.ctor() != null || cache.usersize() != 0;
      int extra = cache.size() - wanted.size;
      if (!own
          && ((flags ^ cache.flags()) & SlabFlags.SLAB_MERGE_SAME) == 0
          && cache.size() % wanted.align == 0
          && extra >= 0
          && extra < 8) {
        return cache;
      }
    }
    return null;
  }

  @Override
  public synchronized void kmemCacheDestroy(Cpu cpu, KmemCache cache) {
    NaiveCache mine = mine(cache);
    if (mine.isKmalloc) {
      throw new MisuseException("a cache of kmalloc stays: name=" + cache.name());
    }
    if (mine.names.size() > 1) {
      mine.names.removeLast();
      return;
    }
    if (!mine.live.isEmpty()) {
      throw new MisuseException(
          String.format(
              "destroyed with objects in use: cache=%s live=%d object=0x%x",
              cache.name(), mine.live.size(), mine.live.first()));
    }
    long _ = kmemCacheShrink(cpu, mine);
    caches.remove(mine);
  }

  @Override
  public synchronized long kmemCacheShrink(Cpu cpu, KmemCache cache) {
    long pages = 0;
    NaiveCache mine = mine(cache);
    for (Slab slab : List.copyOf(mine.slabs.values())) {
      if (slab.inuse == 0) {
        mine.slabs.remove(slab.pfn);
        events.discardSlab(cpu, mine, slab.pfn, slab.order);
        if (map.drop(slab.pfn, slab.order)) {
          floors.pages().freePages(cpu, slab.pfn, slab.order);
        }
        pages += 1L << slab.order;
      }
    }
    return pages;
  }

  /** Gives all up that nobody uses. */
  protected long reclaim(ReclaimRequest request) {
    return request.mayTake(LockClass.SLAB_NODE) ? shrinkAll(request.cpu()) : 0;
  }

  @Override
  public CpuSlabs on(Cpu cpu) {
    return perCpu.get(cpu.id());
  }

  @Override
  public long kmemCacheAlloc(Cpu cpu, KmemCache cache, int gfp, int nodeId) {
    return on(cpu).alloc(cache, gfp, nodeId);
  }

  /** Free objects hold links. */
  protected void needBytes() {
    if (!memory.hasContents()) {
      throw new InputException("RAM has no bytes", "slab=naive", "--contents all, tables");
    }
  }

  /** Hands an object out. */
  public synchronized long allocate(Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
    needBytes();
    Slab slab = slabWithRoom(cpu, cache, gfp, node);
    if (slab == null) {
      events.alloc(cpu, cache, NO_OBJECT, bytes, 0, gfp);
      return NO_OBJECT;
    }
    long object = slab.head;
    debug.beforeUse(cache, slab, object);
    slab.head = next(cache, object);
    slab.inuse++;
    cache.live.add(object);
    debug.inUse(cpu, cache, object, bytes);
    if ((gfp & Gfp.__GFP_ZERO) != 0) {
      memory.ram().asSlice(object, cache.isDebug() ? bytes : cache.bytes).fill((byte) 0);
    }
    events.alloc(cpu, cache, object, bytes, cache.size(), gfp);
    return object;
  }

  private @Nullable Slab slabWithRoom(Cpu cpu, NaiveCache cache, int gfp, int node) {
    int near = node < 0 ? cpu.nodeId() : node;
    boolean strict = node >= 0 && (gfp & Gfp.__GFP_THISNODE) != 0;
    for (Slab slab : cache.slabs.values()) {
      if (slab.head != NO_OBJECT && nodeOf(slab.pfn) == near) {
        return slab;
      }
    }
    int light = (gfp & Gfp.__GFP_RECLAIM) == 0 ? gfp : Gfp.GFP_NOWAIT;
    boolean anyNode = node < 0 || strict;
    Slab fresh = anyNode ? null : grow(cpu, cache, light | Gfp.__GFP_THISNODE, node);
    fresh = fresh == null ? grow(cpu, cache, gfp, node) : fresh;
    if (fresh != null || strict) {
      return fresh;
    }
    for (int other : standIns(cpu.nodeId())) {
      for (Slab slab : cache.slabs.values()) {
        if (slab.head != NO_OBJECT && nodeOf(slab.pfn) == other) {
          return slab;
        }
      }
    }
    return null;
  }

  /** Which nodes give objects when a node has none, in this order. */
  protected List<Integer> standIns(int own) {
    return order.nodes(own);
  }

  protected final int nodeOf(long pfn) {
    return memory.nodes().stream()
        .flatMap(n -> n.zones().stream())
        .filter(z -> z.contains(pfn))
        .findFirst()
        .orElseThrow()
        .nodeId();
  }

  private @Nullable Slab grow(Cpu cpu, NaiveCache cache, int gfp, int node) {
    int flags = (gfp & PASSED) | Gfp.__GFP_COMP;
    flags |= cache.has(SlabFlags.SLAB_CACHE_DMA) ? Gfp.__GFP_DMA : 0;
    flags |= cache.has(SlabFlags.SLAB_CACHE_DMA32) ? Gfp.__GFP_DMA32 : 0;
    flags |= cache.has(SlabFlags.SLAB_RECLAIM_ACCOUNT) ? Gfp.__GFP_RECLAIMABLE : 0;
    int order = cache.geometry.order;
    int least = NaiveGeometry.orderOf(cache.geometry.size);
    int first = (flags | Gfp.__GFP_NOWARN | Gfp.__GFP_NORETRY) & ~Gfp.__GFP_NOFAIL;
    if ((first & Gfp.__GFP_DIRECT_RECLAIM) != 0 && order > least) {
      first = (first | Gfp.__GFP_NOMEMALLOC) & ~Gfp.__GFP_RECLAIM;
    }
    long pfn = floors.pages().allocPages(cpu, first, order, node);
    if (pfn == PageAllocator.NO_PAGE) {
      order = least;
      pfn = floors.pages().allocPages(cpu, flags, order, node);
    }
    if (pfn == PageAllocator.NO_PAGE) {
      return null;
    }
    map.hold(pfn, order, FrameOwner.SLAB, order > 0 ? PageFlags.PG_HEAD : 0, cache.id(), 0);
    Slab slab = new Slab(pfn, order, objects(cache, order));
    debug.freshSlab(cache, slab);
    for (int i = slab.objects - 1; i >= 0; i--) {
      long object = cache.object(slab, i);
      debug.fresh(cache, object);
      var ctor = cache.ctor();
      if (ctor != null) {
        ctor.construct(object);
      }
      setNext(cache, object, slab.head);
      slab.head = object;
    }
    cache.slabs.put(pfn, slab);
    events.newSlab(cpu, cache, pfn, order);
    return slab;
  }

  final long next(NaiveCache cache, long object) {
    return memory.getLong(object + cache.geometry.link);
  }

  final void setNext(NaiveCache cache, long object, long next) {
    memory.putLong(object + cache.geometry.link, next);
  }

  /** kmalloc. */
  public synchronized long kmallocHere(Cpu cpu, long bytes, int gfp, int node) {
    if (bytes == 0) {
      return ZERO_SIZE_PTR;
    }
    NaiveCache cache = kmallocCache(bytes, gfp);
    if (cache != null) {
      return allocate(cpu, cache, gfp, node, (int) bytes);
    }
    if (bytes < 0 || bytes > 4 << 20) {
      return NO_OBJECT;
    }
    int order = NaiveGeometry.orderOf(bytes);
    int flags = (gfp & ~(Gfp.__GFP_DMA32 | Gfp.__GFP_HIGHMEM)) | Gfp.__GFP_COMP;
    long pfn = floors.pages().allocPages(cpu, flags, order, node);
    if (pfn == PageAllocator.NO_PAGE) {
      return NO_OBJECT;
    }
    map.setOwners(pfn, order, FrameOwner.SLAB);
    large.put(pfn << 12, order);
    events.alloc(cpu, null, pfn << 12, bytes, 4096L << order, gfp);
    return pfn << 12;
  }

  @Override
  public @Nullable NaiveCache kmallocCache(long bytes, int gfp) {
    return bytes <= 0 || bytes > 8192
        ? null
        : kmallocs.get(CpuSlabs.kmallocType(gfp) << 16 | (int) NaiveGeometry.kmalloc(bytes));
  }

  @Override
  public synchronized @Nullable NaiveCache cacheOf(long paddr) {
    for (NaiveCache cache : caches) {
      var slab = cache.slabs.floorEntry(paddr >>> 12);
      if (slab != null && paddr >>> 12 < slab.getKey() + (1L << slab.getValue().order)) {
        return cache;
      }
    }
    return null;
  }

  /** Takes an object back. */
  public synchronized void release(Cpu cpu, @Nullable KmemCache cache, long paddr) {
    if (paddr == NO_OBJECT || (cache == null && paddr == ZERO_SIZE_PTR)) {
      return;
    }
    Integer order = cache == null ? large.remove(paddr) : null;
    if (order != null) {
      events.free(cpu, null, paddr);
      floors.pages().freePages(cpu, paddr >>> 12, order);
      return;
    }
    NaiveCache owner = cacheOf(paddr);
    if (owner == null || (cache != null && !owner.equals(cache))) {
      throw new MisuseException(
          String.format("not an object of cache=%s: paddr=0x%x owner=%s", cache, paddr, owner));
    }
    if (!owner.live.contains(paddr)) {
      debug.refused(owner, paddr);
      return;
    }
    Slab slab = owner.slabOf(paddr);
    if (!debug.backFromUse(cpu, owner, slab, paddr)) {
      return;
    }
    events.free(cpu, owner, paddr);
    owner.live.remove(paddr);
    setNext(owner, paddr, slab.head);
    slab.head = paddr;
    slab.inuse--;
  }

  @Override
  public int kmemCacheAllocBulk(Cpu cpu, KmemCache cache, int gfp, long[] objects, int count) {
    for (int i = 0; i < count; i++) {
      objects[i] = kmemCacheAlloc(cpu, cache, gfp);
      if (objects[i] == NO_OBJECT) {
        kmemCacheFreeBulk(cpu, cache, objects, i);
        return 0;
      }
    }
    return count;
  }

  @Override
  public void kmemCacheFreeBulk(Cpu cpu, @Nullable KmemCache cache, long[] objects, int count) {
    for (int i = 0; i < count; i++) {
      release(cpu, cache, objects[i]);
    }
  }

  @Override
  public synchronized long krealloc(Cpu cpu, long paddr, long bytes, int gfp) {
    if (bytes == 0) {
      kfree(cpu, paddr);
      return ZERO_SIZE_PTR;
    }
    if (SlabAllocator.isZeroOrNull(paddr)) {
      return kmalloc(cpu, bytes, gfp);
    }
    long room = ksize(paddr);
    NaiveCache cache = cacheOf(paddr);
    long before = cache == null ? room : debug.asked(cache, paddr);
    if (bytes <= room) {
      if ((gfp & Gfp.__GFP_ZERO) != 0) {
        long from = Math.min(before, bytes);
        memory.ram().asSlice(paddr + from, (before < bytes ? bytes : room) - from).fill((byte) 0);
      }
      if (cache != null) {
        debug.resized(cache, paddr, (int) bytes);
      }
      return paddr;
    }
    long copy = kmalloc(cpu, bytes, gfp);
    if (copy != NO_OBJECT) {
      MemorySegment.copy(memory.ram(), paddr, memory.ram(), copy, before);
      kfree(cpu, paddr);
    }
    return copy;
  }

  @Override
  public synchronized long ksize(long paddr) {
    if (SlabAllocator.isZeroOrNull(paddr)) {
      return 0;
    }
    Integer order = large.get(paddr);
    if (order != null) {
      return 4096L << order;
    }
    NaiveCache cache = cacheOf(paddr);
    if (cache == null || !cache.live.contains(paddr)) {
      throw new MisuseException(String.format("not an object: paddr=0x%x", paddr));
    }
    return cache.geometry.usable(cache.args, cache.flags());
  }

  @Override
  public long kmallocSizeRoundup(long bytes) {
    return bytes > 4 << 20 ? bytes : NaiveGeometry.kmalloc(bytes);
  }

  @Override
  public synchronized List<String> aliasesOf(KmemCache cache) {
    List<String> names = mine(cache).names;
    return List.copyOf(names.subList(1, names.size()));
  }

  @Override
  public synchronized List<KmemCache> caches() {
    return List.copyOf(caches);
  }

  @Override
  public long largePages() {
    return large.values().stream().mapToLong(order -> 1L << order).sum();
  }

  @Override
  public synchronized void forEachLive(KmemCache cache, Consumer<? super Long> visitor) {
    List.copyOf(mine(cache).live).forEach(visitor);
  }

  @Override
  public synchronized long validateCache(Cpu cpu, KmemCache cache) {
    return debug.validate(mine(cache));
  }

  @Override
  public void onReport(@Nullable Consumer<? super SlabReport> listener) {
    debug.listener = listener;
  }

  @Override
  public synchronized boolean watch(@Nullable SlabEvents receiver) {
    events = receiver == null ? UNHEARD : receiver;
    return true;
  }

  @Override
  public synchronized void validate() {
    for (NaiveCache cache : caches) {
      for (Slab slab : cache.slabs.values()) {
        int live = (int) cache.live.stream().filter(object -> cache.slabOf(object) == slab).count();
        CorruptStateError.check(
            live == slab.inuse || cache.isDebug(),
            "cache=" + cache + " live=" + live + " inuse=" + slab.inuse);
      }
    }
  }

  @Override
  public void close() {
    reclaimer.close();
    long _ = shrinkAll(floors.cpus().get(0));
  }
}
