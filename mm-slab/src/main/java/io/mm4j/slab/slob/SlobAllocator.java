// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slob;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.KmallocSizes;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.ObjectConstructor;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.api.slab.SlabEvents;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.slab.base.BaseCpu;
import io.mm4j.slab.base.ReclaimedSlabs;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The slab allocator {@code slob}: mm/slob.c, as it was until Linux 6.3 removed it.
 *
 * <p>Objects below a page lie in the pages of one {@link SlobHeap}, each of kmalloc behind a header
 * of 8 bytes with its size; larger ones are blocks of pages. Nothing is kept for a CPU, nothing is
 * kept free: a page whose last object goes goes too. One lock guards it all, and what a call costs
 * grows with the number of pages that have free bytes: it was made for machines of a few MiB.
 *
 * <p>A constructor runs at each allocation, as a free block's bytes are not kept.
 *
 * <p>Differences: {@code __GFP_DMA} is looked at for pages that are there, too. Whose object lies
 * where is known ({@link SlobOwners}), so that {@code kfree()} serves objects of caches, and wrong
 * ones are refused. A freed object of an RCU cache waits until there is pressure or the cache is
 * shrunk, and is handed out again by its own cache before that; the kernel gives it back when a
 * grace period is over. There are four caches of kmalloc, one of a kind, where the kernel has none.
 */
final class SlobAllocator extends ReclaimedSlabs<SlobCache, BaseCpu> {
  /** Before an object of kmalloc, with the size that was asked for: {@code minalign}. */
  static final int HEADER = Long.BYTES;

  /** The most that kmalloc takes out of the heap. */
  private static final int MOST = (int) Pages.PAGE_SIZE - HEADER - 1;

  final SlobOwners owners = new SlobOwners();
  final SlobHeap heap;
  final SlobWalk walk = new SlobWalk(this);
  private final SlobCache[] kmalloc = new SlobCache[CpuSlabs.KMALLOC_TYPES];

  private static final class SlobCpu extends BaseCpu {
    SlobCpu(SlobAllocator slabs, Cpu cpu) {
      super(slabs, cpu);
    }
  }

  SlobAllocator(Floors floors) {
    super(floors, KmallocSizes.SLUB, false);
    makeCpus(id -> new SlobCpu(this, cpus.get(id)));
    kmalloc(CpuSlabs.KMALLOC_NORMAL, "kmalloc", 0);
    kmalloc(CpuSlabs.KMALLOC_RECLAIM, "kmalloc-rcl", SlabFlags.SLAB_RECLAIM_ACCOUNT);
    kmalloc(CpuSlabs.KMALLOC_DMA, "dma-kmalloc", SlabFlags.SLAB_CACHE_DMA);
    kmalloc(CpuSlabs.KMALLOC_CGROUP, "kmalloc-cg", SlabFlags.SLAB_ACCOUNT);
    heap = new SlobHeap(this);
  }

  private void kmalloc(int type, String name, int flags) {
    KmemCacheArgs args =
        KmemCacheArgs.of(name, MOST).withFlags(flags | SlabFlags.SLAB_KMALLOC).withUser(0, MOST);
    kmalloc[type] = create(args, type);
  }

  @Override
  public KmemCache kmemCacheCreate(KmemCacheArgs args) {
    return create(args.withFlags(args.flags() & ~SlabFlags.SLAB_KMALLOC), -1);
  }

  private synchronized SlobCache create(KmemCacheArgs args, int kmallocIndex) {
    int id = freeId();
    if (id * nodes > Short.MAX_VALUE) {
      throw new MisuseException("more caches than a slob can tell apart: " + args);
    }
    SlobCache cache = new SlobCache(id, args, kmallocIndex);
    enter(cache);
    return cache;
  }

  /** What {@link #frames} says of a page of the heap. */
  int heapTag(long pfn) {
    return tag(kmalloc[0].id(), nodeOf(pfn));
  }

  /** Its pages are those that all caches share. */
  SlobCache heapCache() {
    return kmalloc[0];
  }

  private boolean inHeap(long paddr) {
    return frames.tag(paddr) / nodes == kmalloc[0].id();
  }

  /** A page comes to the heap. */
  void pageComes(Cpu cpu, long pfn) {
    kmalloc[0].heapPages.increment();
    SlabEvents events = events();
    if (events != null) {
      events.newSlab(cpu, kmalloc[0], pfn, 0);
      events.step(cpu, "no page of the list has so much free in one piece: a new page");
    }
  }

  /** A page leaves it. */
  void pageGoes(Cpu cpu, long pfn) {
    kmalloc[0].heapPages.decrement();
    SlabEvents events = events();
    if (events != null) {
      events.discardSlab(cpu, kmalloc[0], pfn, 0);
      events.step(cpu, "it was the last block of its page, which goes back");
    }
  }

  @Override
  public @Nullable SlobCache kmallocCache(long bytes, int gfp) {
    return bytes <= 0 || bytes > MOST ? null : kmalloc[CpuSlabs.kmallocType(gfp)];
  }

  @Override
  public long kmallocSizeRoundup(long bytes) {
    return bytes > 0 && bytes <= MOST
        ? Math.min((bytes + SlobHeap.UNIT - 1) & -SlobHeap.UNIT, MOST)
        : super.kmallocSizeRoundup(bytes);
  }

  @Override
  protected long reclaim(BaseCpu cpu, long pages) {
    long before = held();
    for (SlobCache cache : all()) {
      long _ = endGracePeriod(cpu, cache);
    }
    return Math.max(0, before - held());
  }

  private long held() {
    long pages = kmalloc[0].heapPages.sum();
    for (SlobCache cache : all()) {
      pages += cache.inPages ? cache.stats().pages() : 0;
    }
    return pages;
  }

  /** What was freed of an RCU cache goes back; how many blocks of pages of its own. */
  private long endGracePeriod(BaseCpu cpu, SlobCache cache) {
    long pages = 0;
    while (true) {
      long paddr = takeWaiting(cache);
      if (paddr == NO_OBJECT) {
        return pages;
      }
      giveBack(cpu, cache, paddr);
      pages += cache.inPages ? 1L << cache.order() : 0;
    }
  }

  private long takeWaiting(SlobCache cache) {
    heap.lock.lock();
    try {
      return cache.takeWaiting();
    } finally {
      heap.lock.unlock();
    }
  }

  @Override
  protected long alloc(BaseCpu cpu, SlobCache cache, int gfp, int nodeId, int bytes) {
    needBytes();
    int flags = (gfp & PASSED) | cache.allocFlags;
    long paddr = cache.isRcu() ? takeWaiting(cache) : NO_OBJECT;
    boolean again = paddr != NO_OBJECT;
    if (again && nodeId >= 0 && nodes > 1 && nodeOf(paddr >>> Pages.PAGE_SHIFT) != nodeId) {
      waits(cache, paddr);
      again = false;
      paddr = NO_OBJECT;
    }
    if (!again) {
      paddr = fresh(cpu, cache, flags, nodeId, bytes);
    }
    SlabEvents events = events();
    if (events != null) {
      events.step(cpu.cpu(), where(cache, bytes, again));
    }
    if (paddr != NO_OBJECT) {
      cache.live.increment();
    }
    return handOut(cpu, cache, paddr, gfp, bytes);
  }

  private static String where(SlobCache cache, int bytes, boolean again) {
    if (again) {
      return "an object of the cache that was freed, whose grace period has not ended";
    }
    if (cache.inPages) {
      return "as large as a page or larger: a block of order " + cache.order();
    }
    boolean kmalloc = cache.kmallocIndex >= 0;
    int block = kmalloc ? bytes + HEADER : cache.blockBytes;
    return block
        + (kmalloc ? " bytes with the header" : " bytes")
        + ": the list of "
        + (block < 256 ? "small" : block < 1024 ? "medium" : "large")
        + " blocks, first fit from where the last search ended";
  }

  private long fresh(BaseCpu cpu, SlobCache cache, int flags, int nodeId, int bytes) {
    if (cache.inPages) {
      return block(cpu, cache, flags, nodeId);
    }
    boolean behindHeader = cache.kmallocIndex >= 0;
    int align = cache.align();
    if (behindHeader) {
      align = Integer.bitCount(bytes) == 1 ? Math.max(HEADER, bytes) : HEADER;
    }
    int offset = behindHeader ? HEADER : 0;
    int size = behindHeader ? bytes + HEADER : cache.blockBytes;
    long block = heap.alloc(cpu.pages, size, flags, align, nodeId, offset);
    if (block == NO_OBJECT) {
      return block;
    }
    long paddr = block + offset;
    if (behindHeader) {
      ram.set(JAVA_INT, block, bytes);
    }
    owners.enter(paddr, size - offset, cache.id());
    construct(cache, paddr);
    return paddr;
  }

  private static void construct(SlobCache cache, long paddr) {
    ObjectConstructor ctor = cache.ctor();
    if (ctor != null) {
      ctor.construct(paddr);
    }
  }

  private long block(BaseCpu cpu, SlobCache cache, int flags, int nodeId) {
    int order = cache.order();
    long pfn = cpu.pages.alloc(flags, order, nodeId);
    if (pfn == PageAllocator.NO_PAGE) {
      return NO_OBJECT;
    }
    int head = order == 0 ? 0 : PageFlags.PG_HEAD;
    memMap.hold(pfn, order, FrameOwner.SLAB, head, cache.id(), 0);
    frames.add(pfn, order, tag(cache.id(), nodeOf(pfn)), cache.shift);
    SlabEvents events = events();
    if (events != null) {
      events.newSlab(cpu.cpu(), cache, pfn, order);
    }
    long paddr = pfn << Pages.PAGE_SHIFT;
    construct(cache, paddr);
    return paddr;
  }

  /** Bytes that a live object has: {@code ksize()}, without those of the whole of its block. */
  int bytes(SlobCache cache, long paddr) {
    return cache.kmallocIndex >= 0 ? ram.get(JAVA_INT, paddr - HEADER) : cache.objectBytes();
  }

  @Override
  protected long bytesAlloc(SlobCache cache, int bytes) {
    return cache.kmallocIndex >= 0 ? kmallocSizeRoundup(bytes) : cache.size();
  }

  @Override
  protected void clear(BaseCpu cpu, SlobCache cache, long paddr, int bytes) {
    // With what kmalloc rounds up to, as krealloc takes it for a part of the object.
    long all = cache.kmallocIndex >= 0 ? kmallocSizeRoundup(bytes) : cache.objectBytes();
    ram.asSlice(paddr, all).fill((byte) 0);
  }

  @Override
  protected void free(BaseCpu cpu, SlobCache cache, long paddr) {
    SlabEvents events = events();
    if (events != null) {
      events.free(cpu.cpu(), cache, paddr);
    }
    cache.live.decrement();
    if (cache.isRcu()) {
      waits(cache, paddr);
    } else {
      giveBack(cpu, cache, paddr);
    }
  }

  private void waits(SlobCache cache, long paddr) {
    heap.lock.lock();
    try {
      cache.addWaiting(paddr);
    } finally {
      heap.lock.unlock();
    }
  }

  private void giveBack(BaseCpu cpu, SlobCache cache, long paddr) {
    if (cache.inPages) {
      long pfn = paddr >>> Pages.PAGE_SHIFT;
      frames.remove(pfn, cache.order());
      SlabEvents events = events();
      if (events != null) {
        events.discardSlab(cpu.cpu(), cache, pfn, cache.order());
      }
      if (memMap.drop(pfn, cache.order())) {
        cpu.pages.free(pfn, cache.order());
      }
      return;
    }
    owners.leave(paddr);
    if (cache.kmallocIndex >= 0) {
      heap.free(cpu.pages, paddr - HEADER, bytes(cache, paddr) + HEADER);
    } else {
      heap.free(cpu.pages, paddr, cache.blockBytes);
    }
  }

  @Override
  protected @Nullable SlobCache owner(long paddr) {
    if (!inHeap(paddr)) {
      return super.owner(paddr);
    }
    int id = Math.abs(owners.at(paddr));
    if (id != 0 && (paddr & (HEADER - 1)) == 0) {
      return cache(id);
    }
    long object = liveAround(paddr);
    return object == NO_OBJECT ? null : cache(owners.at(object));
  }

  /** The live object of the heap that an address lies in. */
  private long liveAround(long paddr) {
    long page = paddr & -Pages.PAGE_SIZE;
    for (long at = paddr & -HEADER; at >= page; at -= HEADER) {
      int id = owners.at(at);
      SlobCache cache = id > 0 ? cache(id) : null;
      if (cache != null && frames.isLive(at, cache.shift)) {
        return paddr < at + bytes(cache, at) ? at : NO_OBJECT;
      }
    }
    return NO_OBJECT;
  }

  @Override
  protected long objectAt(SlobCache cache, long paddr) {
    if (cache.inPages) {
      return memMap.head(paddr >>> Pages.PAGE_SHIFT) << Pages.PAGE_SHIFT;
    }
    return owners.at(paddr) < 0 && (paddr & (HEADER - 1)) == 0 ? paddr : liveAround(paddr);
  }

  @Override
  protected long usable(SlobCache cache, long paddr) {
    return cache.kmallocIndex >= 0 ? kmallocSizeRoundup(bytes(cache, paddr)) : cache.objectBytes();
  }

  @Override
  protected long room(SlobCache cache, long paddr) {
    return usable(cache, paddr);
  }

  @Override
  protected int requested(SlobCache cache, long paddr) {
    return (int) usable(cache, paddr);
  }

  @Override
  public synchronized void kmemCacheDestroy(Cpu cpu, KmemCache cache) {
    SlobCache mine = destroyable(cache);
    if (mine.live.sum() != 0) {
      throw inUse(mine);
    }
    long _ = endGracePeriod(cpu(cpu.id()), mine);
    leave(mine);
  }

  @Override
  public long kmemCacheShrink(Cpu cpu, KmemCache cache) {
    return endGracePeriod(cpu(cpu.id()), known(cache));
  }

  @Override
  public void forEachLive(KmemCache cache, Consumer<? super Long> visitor) {
    walk.forEachLive(cache, visitor);
  }

  @Override
  public void validate() {
    walk.validate();
  }

  @Override
  protected void giveUp() {
    for (SlobCache cache : all()) {
      long _ = endGracePeriod(cpu(0), cache);
    }
  }
}
