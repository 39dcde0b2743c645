// SPDX-License-Identifier: Apache-2.0

package org.example.objectstacks;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.LockClass;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.KmallocSizes;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.ObjectConstructor;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.api.slab.SlabEvents;
import io.mm4j.api.slab.SlabFlags;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.example.objectstacks.base.BaseCpu;
import org.example.objectstacks.base.SlabBase;
import org.jspecify.annotations.Nullable;

/**
 * Objects in slots of a power of two bytes, and stacks of free ones: whoever allocates gets what
 * was freed last on its node, which is still in the processor's cache.
 *
 * <p>A slab is never looked at when an object comes or goes; which ones are empty is counted when a
 * cache is shrunk, by hand, at close, or because the machine runs short. So an allocation costs a
 * lock and an array access, at the price of half of each slot in the worst case.
 */
final class ObjectStacksSlabAllocator extends SlabBase<ObjectStacksCache, BaseCpu> {
  /** What of a caller's flags reaches the page allocator. */
  private static final int PASSED =
      ~(Gfp.__GFP_ZERO | Gfp.__GFP_HIGHMEM | Gfp.__GFP_MOVABLE | Gfp.__GFP_RECLAIMABLE);

  private volatile Pressure.@Nullable Registration reclaimer;
  private boolean closed;

  private static final class ObjectStacksCpu extends BaseCpu {
    ObjectStacksCpu(ObjectStacksSlabAllocator slabs, Cpu cpu) {
      super(slabs, cpu);
    }
  }

  ObjectStacksSlabAllocator(Floors floors) {
    super(floors, KmallocSizes.SLUB, false);
    makeCpus(id -> new ObjectStacksCpu(this, cpus.get(id)));
    kmallocCaches((type, index, bytes) -> create(kmallocArgs(type, bytes, flags(type)), index));
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

  private synchronized ObjectStacksCache create(KmemCacheArgs args, int kmallocIndex) {
    ObjectStacksCache cache = new ObjectStacksCache(freeId(), args, kmallocIndex, nodes);
    enter(cache);
    return cache;
  }

  @Override
  public synchronized void kmemCacheDestroy(Cpu cpu, KmemCache cache) {
    ObjectStacksCache mine = cache(cache.id());
    if (mine == null || mine != cache || mine.kmallocIndex >= 0) {
      throw new MisuseException("no cache that may be destroyed: name=" + cache.name());
    }
    long live = mine.stats().liveObjects();
    if (live != 0) {
      StringBuilder some = new StringBuilder();
      forEachLive(
          mine,
          paddr -> {
            if (some.length() < 60) {
              some.append(String.format(" object=0x%x", paddr));
            }
          });
      throw new MisuseException(
          "destroyed with objects in use: cache=" + mine + " live=" + live + some);
    }
    long _ = kmemCacheShrink(cpu, mine);
    leave(mine);
  }

  @Override
  public long kmemCacheShrink(Cpu cpu, KmemCache cache) {
    ObjectStacksCache mine = cache(cache.id());
    return mine == null || mine != cache ? 0 : shrink(cpu(cpu.id()), mine);
  }

  /** Counts the free objects of each slab; those of which all are free go back. */
  private long shrink(BaseCpu cpu, ObjectStacksCache cache) {
    List<Long> empty = new ArrayList<>();
    cache.lock.lock();
    try {
      Map<Long, Integer> free = new HashMap<>();
      for (int node = 0; node < nodes; node++) {
        for (long paddr : cache.freeOf(node)) {
          free.merge(slabOf(paddr), 1, Integer::sum);
        }
      }
      free.forEach(
          (pfn, count) -> {
            if (count == cache.objectsPerSlab()) {
              empty.add(pfn);
              cache.slab(-1);
            }
          });
      Set<Long> gone = Set.copyOf(empty);
      for (int node = 0; node < nodes && !gone.isEmpty(); node++) {
        cache.keep(
            node,
            Arrays.stream(cache.freeOf(node)).filter(o -> !gone.contains(slabOf(o))).toArray());
      }
    } finally {
      cache.lock.unlock();
    }
    for (long pfn : empty) {
      SlabEvents events = events();
      if (events != null) {
        events.discardSlab(cpu.cpu(), cache, pfn, cache.order());
      }
      frames.remove(pfn, cache.order());
      if (memMap.drop(pfn, cache.order())) {
        cpu.pages.free(pfn, cache.order());
      }
    }
    return (long) empty.size() << cache.order();
  }

  /** The first frame of an object's slab. */
  private long slabOf(long paddr) {
    return memMap.head(paddr >>> Pages.PAGE_SHIFT);
  }

  @Override
  protected void serve(BaseCpu cpu) {
    if (reclaimer == null) {
      register();
    }
  }

  private synchronized void register() {
    if (reclaimer == null && !closed) {
      reclaimer = pressure.register(this::reclaim);
    }
  }

  private long reclaim(ReclaimRequest request) {
    if (!request.mayTake(LockClass.SLAB_NODE)) {
      return 0;
    }
    long pages = 0;
    for (ObjectStacksCache cache : all()) {
      pages += shrink(cpu(request.cpu().id()), cache);
    }
    return pages;
  }

  @Override
  public long kmemCacheAlloc(Cpu cpu, KmemCache cache, int gfp, int nodeId) {
    return on(cpu).alloc(cache, gfp, nodeId);
  }

  @Override
  protected long alloc(BaseCpu cpu, ObjectStacksCache cache, int gfp, int nodeId, int bytes) {
    int node = nodeId == NUMA_NO_NODE ? cpu.cpu().nodeId() : nodeId;
    long paddr = pop(cache, node);
    if (paddr == NO_OBJECT) {
      paddr = newSlab(cpu, cache, gfp, nodeId);
    }
    for (int other = 0; other < nodes && paddr == NO_OBJECT; other++) {
      paddr = (gfp & Gfp.__GFP_THISNODE) != 0 ? NO_OBJECT : pop(cache, other);
    }
    return handOut(cpu, cache, paddr, gfp, bytes);
  }

  private static long pop(ObjectStacksCache cache, int node) {
    cache.lock.lock();
    try {
      return cache.pop(node);
    } finally {
      cache.lock.unlock();
    }
  }

  /** Gets a slab and returns the first of its objects; the others go to the stack. */
  private long newSlab(BaseCpu cpu, ObjectStacksCache cache, int gfp, int nodeId) {
    long pfn = cpu.pages.alloc((gfp & PASSED) | cache.allocFlags, cache.order(), nodeId);
    if (pfn == PageAllocator.NO_PAGE) {
      return NO_OBJECT;
    }
    int flags = cache.order() == 0 ? 0 : PageFlags.PG_HEAD;
    memMap.hold(pfn, cache.order(), FrameOwner.SLAB, flags, cache.id(), 0);
    frames.add(pfn, cache.order(), tag(cache.id(), nodeOf(pfn)), cache.shift);
    long first = pfn << Pages.PAGE_SHIFT;
    ObjectConstructor ctor = cache.ctor();
    for (int i = 0; ctor != null && i < cache.objectsPerSlab(); i++) {
      ctor.construct(first + (long) i * cache.size());
    }
    SlabEvents events = events();
    if (events != null) {
      events.newSlab(cpu.cpu(), cache, pfn, cache.order());
      events.step(cpu.cpu(), "no free object on the node's stack: a new slab");
    }
    cache.lock.lock();
    try {
      cache.slab(1);
      for (int i = cache.objectsPerSlab() - 1; i > 0; i--) {
        cache.push(nodeOf(pfn), first + (long) i * cache.size());
      }
    } finally {
      cache.lock.unlock();
    }
    return first;
  }

  @Override
  protected void free(BaseCpu cpu, ObjectStacksCache cache, long paddr) {
    SlabEvents events = events();
    if (events != null) {
      events.free(cpu.cpu(), cache, paddr);
    }
    int node = nodeOf(paddr >>> Pages.PAGE_SHIFT);
    cache.lock.lock();
    try {
      cache.push(node, paddr);
    } finally {
      cache.lock.unlock();
    }
  }

  @Override
  protected long objectAt(ObjectStacksCache cache, long paddr) {
    long first = paddr & -(long) cache.size();
    return paddr < first + cache.objectBytes() ? first : NO_OBJECT;
  }

  @Override
  protected long usable(ObjectStacksCache cache, long paddr) {
    return cache.objectBytes();
  }

  @Override
  public void forEachLive(KmemCache cache, Consumer<? super Long> visitor) {
    ObjectStacksCache mine = cache(cache.id());
    if (mine == null) {
      return;
    }
    frames.forEach(
        (pfn, tag) -> {
          if (tag / nodes == mine.id() && memMap.head(pfn) == pfn) {
            long first = pfn << Pages.PAGE_SHIFT;
            for (int i = 0; i < mine.objectsPerSlab(); i++) {
              long paddr = first + (long) i * mine.size();
              if (frames.isLive(paddr, mine.shift)) {
                visitor.accept(paddr);
              }
            }
          }
        });
  }

  @Override
  public boolean watch(@Nullable SlabEvents receiver) {
    setEvents(receiver);
    return true;
  }

  @Override
  public void validate() {
    Map<Integer, Long> found = new HashMap<>();
    frames.forEach(
        (pfn, tag) -> {
          ObjectStacksCache cache = cache(tag / nodes);
          if (cache != null && memMap.head(pfn) == pfn) {
            CorruptStateError.check(
                memMap.owner(pfn) == FrameOwner.SLAB && memMap.mapping(pfn) == cache.id(),
                "a frame of another holder: pfn=" + pfn + " cache=" + cache);
            found.merge(cache.id(), 1L, Long::sum);
          }
        });
    for (ObjectStacksCache cache : all()) {
      long slabs = found.getOrDefault(cache.id(), 0L);
      CorruptStateError.check(
          slabs == cache.slabs(), "cache=" + cache + " slabs=" + cache.slabs() + " found=" + slabs);
      Set<Long> free = new HashSet<>();
      for (int node = 0; node < nodes; node++) {
        for (long paddr : cache.freeOf(node)) {
          CorruptStateError.check(
              free.add(paddr)
                  && !frames.isLive(paddr, cache.shift)
                  && frames.tag(paddr) == tag(cache.id(), node),
              String.format("cache=%s: not a free object of it: paddr=0x%x", cache, paddr));
        }
      }
      long[] live = {0};
      forEachLive(cache, paddr -> live[0]++);
      CorruptStateError.check(
          live[0] == cache.live(), "cache=" + cache + " live=" + cache.live() + " not " + live[0]);
    }
  }

  @Override
  public void close() {
    Pressure.Registration registered;
    synchronized (this) {
      closed = true;
      registered = reclaimer;
      reclaimer = null;
    }
    if (registered != null) {
      registered.close();
    }
    for (ObjectStacksCache cache : all()) {
      long _ = shrink(cpu(0), cache);
    }
  }
}
