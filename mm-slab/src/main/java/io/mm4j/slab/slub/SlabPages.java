// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.slab.ObjectConstructor;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabEvents;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.LongAdder;

/**
 * Slabs: {@code struct slab} lies in the row of a block's first frame, the links of free objects in
 * the objects. Models {@code allocate_slab()} and {@code __free_slab()} of mm/slub.c (Linux 6.18).
 *
 * <ul>
 *   <li><i>mapping</i>: the number of the cache.
 *   <li><i>private</i>: {@code freelist}, the first free object that no CPU has taken, or 0.
 *   <li><i>index</i>: {@code inuse} in bits 0 to 15, {@code objects} in bits 16 to 30, {@code
 *       frozen} - a CPU allocates from it - in bit 31, in bit 32 whether it is on a node's partial
 *       list, in bit 33 whether debug mode has given objects of it up.
 *   <li><i>lru</i>: {@code slab_list}, of a node's or a CPU's list.
 * </ul>
 */
final class SlabPages {
  static final long FROZEN = 1L << 31;
  static final long NODE_PARTIAL = 1L << 32;

  /** Debug mode has found the freelist broken: some of its objects are neither free nor in use. */
  static final long LOST = 1L << 33;

  private static final long COUNT = 0xffff;
  private static final long OBJECTS = 0x7fff;
  private static final int OBJECTS_SHIFT = 16;

  /** {@code GFP_RECLAIM_MASK | GFP_CONSTRAINT_MASK}: what of a request reaches its slab. */
  private static final int PASSED =
      Gfp.__GFP_RECLAIM
          | Gfp.__GFP_HIGH
          | Gfp.__GFP_IO
          | Gfp.__GFP_FS
          | Gfp.__GFP_NOWARN
          | Gfp.__GFP_RETRY_MAYFAIL
          | Gfp.__GFP_NOFAIL
          | Gfp.__GFP_NORETRY
          | Gfp.__GFP_MEMALLOC
          | Gfp.__GFP_NOMEMALLOC
          | Gfp.__GFP_HARDWALL
          | Gfp.__GFP_THISNODE;

  private final SlubAllocator slabs;
  private final MemMap map;
  private final MemorySegment ram;

  /** Frames that were given back. */
  private final LongAdder gone = new LongAdder();

  SlabPages(SlubAllocator slabs) {
    this.slabs = slabs;
    this.map = slabs.memMap;
    this.ram = slabs.ram;
  }

  long freelist(long pfn) {
    return map.privateData(pfn);
  }

  void setFreelist(long pfn, long object) {
    map.setPrivateData(pfn, object);
  }

  long counters(long pfn) {
    return map.index(pfn);
  }

  void setCounters(long pfn, long counters) {
    map.setIndex(pfn, counters);
  }

  static int inuse(long counters) {
    return (int) (counters & COUNT);
  }

  static long withInuse(long counters, int inuse) {
    return (counters & ~COUNT) | inuse;
  }

  static int objects(long counters) {
    return (int) (counters >>> OBJECTS_SHIFT & OBJECTS);
  }

  /** All objects are somebody's. */
  static long allInUse(long counters) {
    return withInuse(counters, objects(counters));
  }

  /** The slab of an object. */
  long slabOf(long paddr) {
    return map.head(paddr >>> Pages.PAGE_SHIFT);
  }

  int order(long pfn) {
    return map.order(pfn);
  }

  /** {@code get_freepointer()}: the next free object. */
  long next(SlubCache cache, long object) {
    return ram.get(JAVA_LONG, object + cache.layout.offset());
  }

  /** {@code set_freepointer()}. */
  void setNext(SlubCache cache, long object, long next) {
    ram.set(JAVA_LONG, object + cache.layout.offset(), next);
  }

  /** The object of a slab with this number. */
  static long object(SlubCache cache, long pfn, int number) {
    return (pfn << Pages.PAGE_SHIFT)
        + cache.layout.redLeftPad()
        + (long) number * cache.layout.size();
  }

  /** The number of an object in its slab; -1 if none begins at this address. */
  static int number(SlubCache cache, long pfn, int objects, long paddr) {
    long distance = paddr - (pfn << Pages.PAGE_SHIFT) - cache.layout.redLeftPad();
    int size = cache.layout.size();
    return distance < 0 || distance % size != 0 || distance / size >= objects
        ? -1
        : (int) (distance / size);
  }

  /**
   * A new slab, all of whose objects are free and on its freelist; of the usual order, or, if that
   * cannot be had, of the smallest. Called without a lock.
   *
   * @return the first frame, or {@link PageAllocator#NO_PAGE}
   */
  long create(SlubCpu cpu, SlubCache cache, int gfp, int nodeId) {
    int flags = (gfp & PASSED) | cache.allocFlags;
    ObjectLayout layout = cache.layout;
    int order = layout.order();
    int first = (flags | Gfp.__GFP_NOWARN | Gfp.__GFP_NORETRY) & ~Gfp.__GFP_NOFAIL;
    if ((flags & Gfp.__GFP_DIRECT_RECLAIM) != 0 && order > layout.minOrder()) {
      first = (first | Gfp.__GFP_NOMEMALLOC) & ~Gfp.__GFP_RECLAIM;
    }
    long pfn = cpu.pages.alloc(first, order, nodeId);
    SlabEvents events = slabs.events();
    if (pfn == PageAllocator.NO_PAGE) {
      if (events != null && order != layout.minOrder()) {
        events.step(
            cpu.cpu(),
            "no block of order " + order + ": a slab of order " + layout.minOrder() + " will do");
      }
      order = layout.minOrder();
      pfn = cpu.pages.alloc(flags, order, nodeId);
      if (pfn == PageAllocator.NO_PAGE) {
        return pfn;
      }
    }
    setUp(cache, pfn, order);
    if (events != null) {
      events.newSlab(cpu.cpu(), cache, pfn, order);
    }
    return pfn;
  }

  private void setUp(SlubCache cache, long pfn, int order) {
    int objects = ObjectLayout.objects(order, cache.layout.size());
    int nodeId = slabs.nodeOf(pfn);
    long counters = (long) objects << OBJECTS_SHIFT;
    map.hold(pfn, order, FrameOwner.SLAB, order == 0 ? 0 : PageFlags.PG_HEAD, cache.id(), counters);
    slabs.frames.add(pfn, order, slabs.tag(cache.id(), nodeId), cache.shift);
    slabs.debug.setUpSlab(cache, pfn, order);
    ObjectConstructor ctor = cache.ctor();
    for (int i = 0; i < objects; i++) {
      long object = object(cache, pfn, i);
      slabs.debug.setUpObject(cache, object);
      if (ctor != null) {
        ctor.construct(object);
      }
      long next = i + 1 < objects ? object + cache.layout.size() : SlabAllocator.NO_OBJECT;
      setNext(cache, object, next);
    }
    setFreelist(pfn, object(cache, pfn, 0));
    NodeSlabs node = cache.nodes[nodeId];
    node.slabs.incrementAndGet();
    node.objects.addAndGet(objects);
    node.frames.addAndGet(1L << order);
  }

  /** Gives a slab back of which no object is in use and that is on no list. Without a lock. */
  void discard(SlubCpu cpu, SlubCache cache, long pfn) {
    int order = map.order(pfn);
    int objects = objects(counters(pfn));
    NodeSlabs node = cache.nodes[slabs.nodeOf(pfn)];
    SlabEvents events = slabs.events();
    if (events != null) {
      events.discardSlab(cpu.cpu(), cache, pfn, order);
    }
    try {
      slabs.debug.checkFreeSlab(cache, pfn);
    } finally { // it goes, whatever was found of it
      slabs.frames.remove(pfn, order);
      node.slabs.decrementAndGet();
      node.objects.addAndGet(-objects);
      node.frames.addAndGet(-(1L << order));
      gone.add(1L << order);
      if (map.drop(pfn, order)) {
        cpu.pages.free(pfn, order);
      }
    }
  }

  /** How many frames {@link #discard} has given back since the allocator was made. */
  long gone() {
    return gone.sum();
  }

  /** Puts a slab on its node's partial list; with the node's lock. */
  void addPartial(NodeSlabs node, long pfn, boolean tail) {
    if (tail) {
      node.partial.addLast(pfn);
    } else {
      node.partial.addFirst(pfn);
    }
    setCounters(pfn, counters(pfn) | NODE_PARTIAL);
  }

  /** Takes it off; with the node's lock. */
  void removePartial(NodeSlabs node, long pfn) {
    node.partial.remove(pfn);
    setCounters(pfn, counters(pfn) & ~NODE_PARTIAL);
  }
}
