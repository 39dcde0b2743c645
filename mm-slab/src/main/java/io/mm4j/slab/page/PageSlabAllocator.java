// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.page;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
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
import io.mm4j.slab.base.KmallocMaker;
import io.mm4j.slab.base.SlabBase;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The simplest slab allocator: every object has a block of pages of its own, which comes with the
 * object and goes with it. There is nothing to keep, to merge, to shrink or to corrupt.
 *
 * <p>A constructor runs at each allocation, which looks the same to a caller who keeps its rules.
 */
final class PageSlabAllocator extends SlabBase<PageCache, BaseCpu> {
  private static final class PageCpu extends BaseCpu {
    PageCpu(PageSlabAllocator slabs, Cpu cpu) {
      super(slabs, cpu);
    }
  }

  PageSlabAllocator(Floors floors) {
    super(floors, KmallocSizes.SLUB, false);
    makeCpus(id -> new PageCpu(this, cpus.get(id)));
    kmallocCaches(
        (type, index, bytes) -> create(KmallocMaker.args(type, bytes, flags(type)), index));
  }

  private static int flags(int type) {
    return SlabFlags.SLAB_KMALLOC
        | (type == CpuSlabs.KMALLOC_DMA ? SlabFlags.SLAB_CACHE_DMA : 0)
        | (type == CpuSlabs.KMALLOC_RECLAIM ? SlabFlags.SLAB_RECLAIM_ACCOUNT : 0)
        | (type == CpuSlabs.KMALLOC_CGROUP ? SlabFlags.SLAB_ACCOUNT : 0);
  }

  @Override
  public KmemCache kmemCacheCreate(KmemCacheArgs args) {
    return create(args.withFlags(args.flags() & ~SlabFlags.SLAB_KMALLOC), -1);
  }

  private synchronized PageCache create(KmemCacheArgs args, int kmallocIndex) {
    PageCache cache = new PageCache(freeId(), args, kmallocIndex);
    enter(cache);
    return cache;
  }

  @Override
  public synchronized void kmemCacheDestroy(Cpu cpu, KmemCache cache) {
    PageCache mine = destroyable(cache);
    if (mine.live.sum() != 0) {
      throw inUse(mine);
    }
    leave(mine);
  }

  @Override
  public long kmemCacheShrink(Cpu cpu, KmemCache cache) {
    return 0;
  }

  @Override
  protected long alloc(BaseCpu cpu, PageCache cache, int gfp, int nodeId, int bytes) {
    long pfn = cpu.pages.alloc((gfp & PASSED) | cache.allocFlags, cache.order(), nodeId);
    if (pfn == PageAllocator.NO_PAGE) {
      return handOut(cpu, cache, NO_OBJECT, gfp, bytes);
    }
    int flags = cache.order() == 0 ? 0 : PageFlags.PG_HEAD;
    memMap.hold(pfn, cache.order(), FrameOwner.SLAB, flags, cache.id(), 0);
    frames.add(pfn, cache.order(), tag(cache.id(), nodeOf(pfn)), cache.shift);
    cache.live.increment();
    long paddr = pfn << Pages.PAGE_SHIFT;
    ObjectConstructor ctor = cache.ctor();
    if (ctor != null) {
      ctor.construct(paddr);
    }
    SlabEvents events = events();
    if (events != null) {
      events.newSlab(cpu.cpu(), cache, pfn, cache.order());
      events.step(cpu.cpu(), "every object has pages of its own: order " + cache.order());
    }
    return handOut(cpu, cache, paddr, gfp, bytes);
  }

  @Override
  protected void free(BaseCpu cpu, PageCache cache, long paddr) {
    long pfn = paddr >>> Pages.PAGE_SHIFT;
    SlabEvents events = events();
    if (events != null) {
      events.free(cpu.cpu(), cache, paddr);
      events.discardSlab(cpu.cpu(), cache, pfn, cache.order());
    }
    frames.remove(pfn, cache.order());
    cache.live.decrement();
    if (memMap.drop(pfn, cache.order())) {
      cpu.pages.free(pfn, cache.order());
    }
  }

  @Override
  protected long objectAt(PageCache cache, long paddr) {
    long first = memMap.head(paddr >>> Pages.PAGE_SHIFT) << Pages.PAGE_SHIFT;
    return paddr < first + cache.objectBytes() ? first : NO_OBJECT;
  }

  @Override
  protected long usable(PageCache cache, long paddr) {
    return cache.objectBytes();
  }

  @Override
  public void forEachLive(KmemCache cache, Consumer<? super Long> visitor) {
    frames.forEach(
        (pfn, tag) -> {
          if (tag / nodes == cache.id() && memMap.head(pfn) == pfn) {
            visitor.accept(pfn << Pages.PAGE_SHIFT);
          }
        });
  }

  @Override
  public void validate() {
    Map<Integer, Long> found = new HashMap<>();
    frames.forEach(
        (pfn, tag) -> {
          PageCache cache = cache(tag / nodes);
          if (cache == null) {
            return; // a large block
          }
          long head = memMap.head(pfn);
          CorruptStateError.check(
              memMap.owner(pfn) == FrameOwner.SLAB && memMap.mapping(head) == cache.id(),
              () -> "a frame of another holder: pfn=" + pfn + " cache=" + cache);
          if (head == pfn) {
            CorruptStateError.check(
                frames.isLive(pfn << Pages.PAGE_SHIFT, cache.shift),
                () -> "a page without its object: pfn=" + pfn + " cache=" + cache);
            found.merge(cache.id(), 1L, Long::sum);
          }
        });
    for (PageCache cache : all()) {
      CorruptStateError.check(
          found.getOrDefault(cache.id(), 0L) == cache.live.sum(),
          "cache=" + cache + " live=" + cache.live + " found=" + found.get(cache.id()));
    }
  }

  @Override
  public void close() {}
}
