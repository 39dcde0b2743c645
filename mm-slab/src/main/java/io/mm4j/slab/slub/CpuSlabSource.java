// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.memory.FrameList;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabEvents;
import org.jspecify.annotations.Nullable;

/**
 * Objects out of slabs, for caches without debug flags: {@code ___slab_alloc()}, {@code
 * get_partial()}, {@code deactivate_slab()} of mm/slub.c (Linux 6.18).
 *
 * <p>Where an object comes from, in this order: the CPU's own freelist of its slab; what others
 * have freed into that slab since; the CPU's partial slabs; the node's partial slabs, of which the
 * CPU then takes some more; another node's; a new slab.
 *
 * <p>Difference: the kernel asks other nodes 97 times of 100 before it makes a new slab ({@code
 * remote_node_defrag_ratio}), by a cycle counter; here always.
 */
final class CpuSlabSource {
  private static final long NONE = FrameList.NONE;

  private final SlubAllocator slabs;
  private final SlabPages pages;

  CpuSlabSource(SlubAllocator slabs) {
    this.slabs = slabs;
    this.pages = slabs.slabPages;
  }

  /**
   * A free object, or none.
   *
   * @param grow whether there may be a new slab
   */
  long take(SlubCpu cpu, CpuCache c, int gfp, int nodeId, boolean grow) {
    boolean has = c.freelist != SlabAllocator.NO_OBJECT && fits(c.slab, nodeId);
    if (!has && !reload(cpu, c, gfp, nodeId, grow)) {
      return SlabAllocator.NO_OBJECT;
    }
    long object = c.freelist; // of another node, if the preferred one has nothing
    c.freelist = pages.next(c.cache, object);
    return object;
  }

  private boolean fits(long pfn, int nodeId) {
    return nodeId < 0 || slabs.nodes == 1 || slabs.nodeOf(pfn) == nodeId;
  }

  /** Gives the CPU a freelist. */
  private boolean reload(SlubCpu cpu, CpuCache c, int gfp, int nodeId, boolean grow) {
    SlubCache cache = c.cache;
    SlabEvents events = slabs.events();
    if (c.slab != NONE) {
      if (!fits(c.slab, nodeId)) {
        tell(events, cpu, "the cpu slab is on another node: it goes to its node's list");
        deactivate(cpu, c);
      } else if (takeFreelist(cache, c)) {
        tell(events, cpu, "others have freed objects of the cpu slab: they are taken over");
        return true;
      } else {
        tell(events, cpu, "the cpu slab is full: it is on no list from now on");
      }
    }
    for (long pfn = c.partial.first(); pfn != NONE; pfn = c.partial.first()) {
      c.partial.remove(pfn);
      if (fits(pfn, nodeId)) {
        freeze(cache, c, pfn);
        tell(events, cpu, "a slab of the cpu's partial list becomes the cpu slab");
        return true;
      }
      toNode(cpu, cache, pfn);
    }
    int preferred = nodeId < 0 ? cpu.cpu().nodeId() : nodeId;
    if (fromNode(c, cache.nodes[preferred])) {
      tell(events, cpu, "a slab of the node's partial list becomes the cpu slab");
      return true;
    }
    boolean strict = nodeId >= 0 && (gfp & Gfp.__GFP_THISNODE) != 0;
    if (nodeId >= 0 && !strict && grow && fresh(cpu, c, hereFirst(gfp), nodeId)) {
      return true;
    }
    if (!strict && fromOthers(cpu, c)) {
      tell(events, cpu, "a slab of another node's partial list becomes the cpu slab");
      return true;
    }
    return grow && fresh(cpu, c, gfp, nodeId);
  }

  /**
   * With which flags a slab of the preferred node is asked for before others are looked at: without
   * waiting, and no harder than a request that may not even wake who reclaims.
   */
  static int hereFirst(int gfp) {
    return Gfp.__GFP_THISNODE | ((gfp & Gfp.__GFP_RECLAIM) == 0 ? gfp : Gfp.GFP_NOWAIT);
  }

  private static void tell(@Nullable SlabEvents events, SlubCpu cpu, String text) {
    if (events != null) {
      events.step(cpu.cpu(), text);
    }
  }

  /** {@code get_freelist()}: what others have freed into the cpu slab; else it is given up. */
  private boolean takeFreelist(SlubCache cache, CpuCache c) {
    long pfn = c.slab;
    NodeSlabs node = cache.nodes[slabs.nodeOf(pfn)];
    node.lock.lock();
    try {
      long freelist = pages.freelist(pfn);
      long counters = pages.counters(pfn);
      if (freelist == SlabAllocator.NO_OBJECT) {
        pages.setCounters(pfn, counters & ~SlabPages.FROZEN);
        c.slab = NONE;
        return false;
      }
      pages.setFreelist(pfn, SlabAllocator.NO_OBJECT);
      pages.setCounters(pfn, SlabPages.allInUse(counters));
      c.freelist = freelist;
      return true;
    } finally {
      node.lock.unlock();
    }
  }

  /** {@code freeze_slab()}: a slab that is on no list becomes the cpu slab. */
  private void freeze(SlubCache cache, CpuCache c, long pfn) {
    NodeSlabs node = cache.nodes[slabs.nodeOf(pfn)];
    node.lock.lock();
    try {
      freezeLocked(c, pfn);
    } finally {
      node.lock.unlock();
    }
  }

  private void freezeLocked(CpuCache c, long pfn) {
    c.slab = pfn;
    c.freelist = pages.freelist(pfn);
    pages.setFreelist(pfn, SlabAllocator.NO_OBJECT);
    pages.setCounters(pfn, SlabPages.allInUse(pages.counters(pfn)) | SlabPages.FROZEN);
  }

  /** {@code get_partial_node()}: one slab to work with, and some for the CPU's partial list. */
  private boolean fromNode(CpuCache c, NodeSlabs node) {
    if (node.partial.size() == 0) {
      return false; // a guess without the lock: a new slab serves as well
    }
    int most = c.cache.cpuPartialSlabs / 2;
    node.lock.lock();
    try {
      int moved = 0;
      for (long pfn = node.partial.first(); pfn != NONE; pfn = node.partial.first()) {
        pages.removePartial(node, pfn);
        if (c.slab == NONE) {
          freezeLocked(c, pfn);
        } else {
          c.partial.addFirst(pfn);
          moved++;
        }
        if (c.cache.cpuPartialSlabs == 0 || moved > most) {
          break;
        }
      }
      return c.slab != NONE;
    } finally {
      node.lock.unlock();
    }
  }

  /**
   * {@code get_any_partial()}: of a node that has more than it must keep, in the order of the CPU's
   * own node, whatever node was asked for.
   */
  private boolean fromOthers(SlubCpu cpu, CpuCache c) {
    for (int id : slabs.fallback.get(cpu.cpu().nodeId())) {
      NodeSlabs node = c.cache.nodes[id];
      if (node.partial.size() > c.cache.minPartial() && fromNode(c, node)) {
        return true;
      }
    }
    return false;
  }

  /** {@code new_slab()}. */
  private boolean fresh(SlubCpu cpu, CpuCache c, int gfp, int nodeId) {
    tell(slabs.events(), cpu, "no partial slab: a new one from the page allocator");
    long pfn = pages.create(cpu, c.cache, gfp, nodeId);
    if (pfn == PageAllocator.NO_PAGE) {
      return false;
    }
    // Nobody else knows the slab, and reclaim has left the CPU without one.
    freezeLocked(c, pfn);
    return true;
  }

  /** {@code deactivate_slab()}: the cpu slab goes back, with what is left of its freelist. */
  void deactivate(SlubCpu cpu, CpuCache c) {
    SlubCache cache = c.cache;
    long pfn = c.slab;
    if (pfn == NONE) {
      return;
    }
    long free = c.freelist;
    c.slab = NONE;
    c.freelist = SlabAllocator.NO_OBJECT;
    int count = 0;
    long last = SlabAllocator.NO_OBJECT;
    for (long o = free; o != SlabAllocator.NO_OBJECT; o = pages.next(cache, o)) {
      last = o;
      count++;
    }
    NodeSlabs node = cache.nodes[slabs.nodeOf(pfn)];
    boolean empty = false;
    node.lock.lock();
    try {
      long remote = pages.freelist(pfn);
      if (last != SlabAllocator.NO_OBJECT) {
        pages.setNext(cache, last, remote);
        pages.setFreelist(pfn, free);
      }
      long counters = pages.counters(pfn) & ~SlabPages.FROZEN;
      int inuse = SlabPages.inuse(counters) - count;
      pages.setCounters(pfn, SlabPages.withInuse(counters, inuse));
      empty = inuse == 0 && node.partial.size() >= cache.minPartial();
      if (!empty && inuse < SlabPages.objects(counters)) {
        pages.addPartial(node, pfn, remote != SlabAllocator.NO_OBJECT);
        node.mayHaveEmpty |= inuse == 0;
      }
    } finally {
      node.lock.unlock();
    }
    if (empty) {
      pages.discard(cpu, cache, pfn);
    }
  }

  /** {@code put_cpu_partial()}: a slab that was full has a free object again. */
  void putPartial(SlubCpu cpu, CpuCache c, long pfn) {
    if (c.partial.size() >= c.cache.cpuPartialSlabs) {
      putPartials(cpu, c);
    }
    c.partial.addFirst(pfn);
  }

  /** {@code put_partials()}: the CPU's partial slabs go to their nodes, empty ones back. */
  void putPartials(SlubCpu cpu, CpuCache c) {
    for (long pfn = c.partial.first(); pfn != NONE; pfn = c.partial.first()) {
      c.partial.remove(pfn);
      toNode(cpu, c.cache, pfn);
    }
  }

  /** A slab that is on no list goes to its node's, or back if it is empty. */
  private void toNode(SlubCpu cpu, SlubCache cache, long pfn) {
    NodeSlabs node = cache.nodes[slabs.nodeOf(pfn)];
    boolean empty = false;
    node.lock.lock();
    try {
      boolean unused = SlabPages.inuse(pages.counters(pfn)) == 0;
      empty = unused && node.partial.size() >= cache.minPartial();
      if (!empty) {
        pages.addPartial(node, pfn, true);
        node.mayHaveEmpty |= unused;
      }
    } finally {
      node.lock.unlock();
    }
    if (empty) {
      pages.discard(cpu, cache, pfn);
    }
  }
}
