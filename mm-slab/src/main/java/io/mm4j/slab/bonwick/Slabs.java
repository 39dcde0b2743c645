// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.slab.ObjectConstructor;
import io.mm4j.api.slab.ObjectSheaf;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabEvents;
import java.util.concurrent.atomic.LongAdder;

/**
 * Objects out of slabs and into them, slabs out of the page allocator and into it: {@code
 * cache_alloc_refill()}, {@code free_block()}, {@code cache_grow()}, {@code slab_destroy()} of
 * mm/slab.c (Linux 2.6.32).
 *
 * <p>Objects come from the first partial slab, else from the first free one. A slab that loses its
 * last object becomes free, or goes back if the node has more free objects than its limit. Each new
 * slab begins at the next colour, so that objects of the same number lie in different cache lines.
 *
 * <p>In {@code mem_map}: <i>mapping</i> is the number of the cache, <i>private</i> of the first
 * frame the descriptor ({@code lru.prev} in the kernel).
 *
 * <p>Difference: slabs that go back do so after the lock is given up, as their descriptors are
 * freed then. A descriptor is no live object: nobody can free it by mistake.
 */
final class Slabs {
  private static final long NONE = Descriptors.NONE;
  private static final long NO_OBJECT = SlabAllocator.NO_OBJECT;

  /** What of a request does not reach its slab. */
  private static final int STOPPED =
      Gfp.__GFP_ZERO
          | Gfp.__GFP_HIGHMEM
          | Gfp.__GFP_MOVABLE
          | Gfp.__GFP_RECLAIMABLE
          | Gfp.__GFP_ACCOUNT
          | Gfp.__GFP_DMA
          | Gfp.__GFP_DMA32;

  private final BonwickAllocator slabs;
  private final Descriptors descriptors;
  private final MemMap map;
  private final LongAdder gone = new LongAdder();

  Slabs(BonwickAllocator slabs) {
    this.slabs = slabs;
    this.descriptors = slabs.descriptors;
    this.map = slabs.memMap;
  }

  /** The descriptor of the slab that an address lies in. */
  long slabOf(long paddr) {
    return map.privateData(map.head(paddr >>> Pages.PAGE_SHIFT));
  }

  /** The address of an object. */
  long object(BonwickCache cache, long slab, int number) {
    SlabGeometry geometry = cache.geometry;
    return descriptors.objects(slab) + (long) number * geometry.size() + geometry.marks().offset();
  }

  /**
   * The number of the object that an address lies in; -1 if it is before the first or behind all.
   */
  int number(BonwickCache cache, long slab, long paddr) {
    long distance = paddr - descriptors.objects(slab) - cache.geometry.marks().offset();
    long number = distance / cache.geometry.size();
    return distance < 0 || number >= cache.geometry.objects() ? -1 : (int) number;
  }

  /**
   * Fills an array from the node's slabs; with the node's lock.
   *
   * @param count at most so many
   */
  void fill(BonwickCache cache, NodeLists node, ObjectSheaf array, int count) {
    int left = count;
    while (left > 0) {
      long slab = firstWithFree(node);
      if (slab == NONE) {
        return;
      }
      while (left > 0 && descriptors.inuse(slab) < cache.geometry.objects()) {
        array.push(take(cache, node, slab));
        left--;
      }
      relist(cache, node, slab);
    }
  }

  /** Takes one object; with the node's lock. */
  private long takeOne(BonwickCache cache, NodeLists node) {
    long slab = firstWithFree(node);
    if (slab == NONE) {
      return NO_OBJECT;
    }
    long object = take(cache, node, slab);
    relist(cache, node, slab);
    return object;
  }

  /** The slab that objects come from now, on no list any more. */
  private long firstWithFree(NodeLists node) {
    long slab = node.partial.first();
    if (slab != NONE) {
      node.partial.remove(slab);
      return slab;
    }
    node.freeTouched = true;
    slab = node.free.first();
    if (slab != NONE) {
      node.free.remove(slab);
    }
    return slab;
  }

  private long take(BonwickCache cache, NodeLists node, long slab) {
    node.freeObjects--;
    return object(cache, slab, descriptors.take(slab));
  }

  private void relist(BonwickCache cache, NodeLists node, long slab) {
    if (descriptors.inuse(slab) == cache.geometry.objects()) {
      node.full.addFirst(slab);
    } else {
      node.partial.addFirst(slab);
    }
  }

  /** An object of a node's slabs, without an array: {@code ____cache_alloc_node()}. */
  long one(BonwickCpu cpu, BonwickCache cache, int gfp, int nodeId) {
    NodeLists node = cache.nodes[nodeId];
    do {
      node.lock.lock();
      try {
        long object = takeOne(cache, node);
        if (object != NO_OBJECT) {
          return object;
        }
      } finally {
        node.lock.unlock();
      }
    } while (grow(cpu, cache, here(gfp), nodeId) >= 0);
    return (gfp & Gfp.__GFP_THISNODE) != 0 ? NO_OBJECT : fallback(cpu, cache, gfp);
  }

  /**
   * {@code GFP_THISNODE}: pages of one node without effort, as others may have some; who must have
   * this node makes the effort.
   */
  static int here(int gfp) {
    return (gfp & Gfp.__GFP_THISNODE) != 0
        ? gfp
        : (gfp & ~Gfp.__GFP_DIRECT_RECLAIM) | Gfp.__GFP_THISNODE | Gfp.__GFP_NOWARN;
  }

  /**
   * {@code fallback_alloc()}: of any node that has free objects, the nearest to the CPU first, else
   * of any node's pages.
   */
  long fallback(BonwickCpu cpu, BonwickCache cache, int gfp) {
    while (true) {
      for (int id : slabs.fallback.get(cpu.cpu().nodeId())) {
        NodeLists node = cache.nodes[id];
        node.lock.lock();
        try {
          long object = takeOne(cache, node);
          if (object != NO_OBJECT) {
            tell(cpu, "the node has no page: an object of node " + node.nodeId);
            return object;
          }
        } finally {
          node.lock.unlock();
        }
      }
      if (grow(cpu, cache, gfp, cpu.cpu().nodeId()) < 0) {
        return NO_OBJECT;
      }
    }
  }

  private void tell(BonwickCpu cpu, String text) {
    SlabEvents events = slabs.events();
    if (events != null) {
      events.step(cpu.cpu(), text);
    }
  }

  /**
   * {@code cache_grow()}: a new slab on the list of free ones.
   *
   * @return its node, or -1
   */
  int grow(BonwickCpu cpu, BonwickCache cache, int gfp, int nodeId) {
    SlabGeometry geometry = cache.geometry;
    int flags = (gfp & ~STOPPED) | cache.allocFlags;
    int order = geometry.order();
    long pfn = cpu.pages.alloc(flags, order, nodeId);
    if (pfn == PageAllocator.NO_PAGE) {
      return -1;
    }
    int on = slabs.nodeOf(pfn);
    NodeLists node = cache.nodes[on];
    int colour = nextColour(geometry, node);
    long base = pfn << Pages.PAGE_SHIFT;
    long first = base + (long) colour * geometry.colourOff();
    long slab = first;
    BonwickCache off = cache.descriptorCache;
    if (off != null) {
      int plain = gfp & ~STOPPED & ~Gfp.__GFP_THISNODE;
      slab = slabs.arrays.take(cpu, off, plain, SlabAllocator.NUMA_NO_NODE);
      if (slab == NO_OBJECT) {
        cpu.pages.free(pfn, order);
        return -1;
      }
    } else {
      first += geometry.managementBytes();
    }
    int head = order == 0 ? 0 : PageFlags.PG_HEAD;
    map.hold(pfn, order, FrameOwner.SLAB, head, cache.id(), 0);
    map.setPrivateData(pfn, slab);
    slabs.frames.add(pfn, order, slabs.tag(cache.id(), on), cache.shift);
    descriptors.init(slab, base, first, geometry.objects());
    ObjectConstructor ctor = cache.ctor();
    for (int i = 0; (ctor != null || cache.isDebug()) && i < geometry.objects(); i++) {
      slabs.checks.fresh(cache, object(cache, slab, i));
    }
    SlabEvents events = slabs.events();
    if (events != null) {
      events.newSlab(cpu.cpu(), cache, pfn, order);
      events.step(
          cpu.cpu(),
          "no slab has free objects: a new one of colour "
              + colour
              + " of "
              + Math.max(1, geometry.colours())
              + ", descriptor "
              + (off == null ? "on the slab" : "in " + off.name()));
    }
    node.lock.lock();
    try {
      node.free.addLast(slab);
      node.freeObjects += geometry.objects();
    } finally {
      node.lock.unlock();
    }
    return on;
  }

  private static int nextColour(SlabGeometry geometry, NodeLists node) {
    node.lock.lock();
    try {
      int colour = node.colourNext;
      node.colourNext = colour + 1 < geometry.colours() ? colour + 1 : 0;
      return colour;
    } finally {
      node.lock.unlock();
    }
  }

  /**
   * Gives objects of one node back to their slabs: {@code free_block()}.
   *
   * @param objects from place 0 on
   */
  void free(BonwickCpu cpu, BonwickCache cache, NodeLists node, long[] objects, int count) {
    long doomed = NONE;
    node.lock.lock();
    try {
      for (int i = 0; i < count; i++) {
        doomed = put(cache, node, objects[i], doomed);
      }
    } finally {
      node.lock.unlock();
    }
    destroyAll(cpu, cache, doomed);
  }

  /** The same for one. */
  void free(BonwickCpu cpu, BonwickCache cache, NodeLists node, long object) {
    long doomed;
    node.lock.lock();
    try {
      doomed = put(cache, node, object, NONE);
    } finally {
      node.lock.unlock();
    }
    destroyAll(cpu, cache, doomed);
  }

  /** With the node's lock; slabs that are to go are chained by their links. */
  private long put(BonwickCache cache, NodeLists node, long object, long doomed) {
    long slab = slabOf(object);
    boolean wasFull = descriptors.inuse(slab) == cache.geometry.objects();
    descriptors.put(slab, number(cache, slab, object));
    node.freeObjects++;
    boolean isFree = descriptors.inuse(slab) == 0;
    if (slabs.form.old() && !wasFull && !isFree) {
      return doomed; // it keeps its place
    }
    (wasFull ? node.full : node.partial).remove(slab);
    if (!isFree) {
      if (slabs.form.old()) {
        node.partial.addFirst(slab);
      } else {
        node.partial.addLast(slab);
      }
      return doomed;
    }
    if (node.freeObjects > node.freeLimit) {
      node.freeObjects -= cache.geometry.objects();
      descriptors.setNext(slab, doomed);
      return slab;
    }
    node.free.addFirst(slab);
    return doomed;
  }

  private void destroyAll(BonwickCpu cpu, BonwickCache cache, long first) {
    MisuseException found = null;
    for (long slab = first; slab != NONE; ) {
      long next = descriptors.next(slab);
      try {
        destroy(cpu, cache, slab);
      } catch (MisuseException e) {
        found = e;
      }
      slab = next;
    }
    if (found != null) {
      throw found;
    }
  }

  /** {@code slab_destroy()}: of a slab that is on no list. */
  private void destroy(BonwickCpu cpu, BonwickCache cache, long slab) {
    try {
      if (cache.isDebug()) {
        long _ = slabs.checks.look(cache, slab);
      }
    } finally {
      giveBack(cpu, cache, slab);
    }
  }

  /** How many frames went back since the allocator was made, those of descriptors among them. */
  long gone() {
    return gone.sum();
  }

  private void giveBack(BonwickCpu cpu, BonwickCache cache, long slab) {
    long pfn = descriptors.base(slab) >>> Pages.PAGE_SHIFT;
    int order = cache.geometry.order();
    SlabEvents events = slabs.events();
    if (events != null) {
      events.discardSlab(cpu.cpu(), cache, pfn, order);
    }
    slabs.frames.remove(pfn, order);
    gone.add(1L << order);
    if (map.drop(pfn, order)) {
      cpu.pages.free(pfn, order);
    }
    if (cache.descriptorCache != null) {
      slabs.arrays.put(cpu, cache.descriptorCache, slab);
    }
  }

  /**
   * {@code drain_freelist()}: free slabs go back, the last ones first.
   *
   * @return how many frames
   */
  long drainFree(BonwickCpu cpu, BonwickCache cache, NodeLists node, int most) {
    long frames = 0;
    for (int i = 0; i < most; i++) {
      long slab;
      node.lock.lock();
      try {
        slab = node.free.last();
        if (slab == NONE) {
          return frames;
        }
        node.free.remove(slab);
        node.freeObjects -= cache.geometry.objects();
      } finally {
        node.lock.unlock();
      }
      destroy(cpu, cache, slab);
      frames += 1L << cache.geometry.order();
    }
    return frames;
  }
}
