// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabEvents;
import java.util.Arrays;

/**
 * Objects back to their slabs, for caches without debug flags: {@code do_slab_free()} and {@code
 * __slab_free()} of mm/slub.c (Linux 6.18).
 *
 * <p>An object of the CPU's own slab goes to the CPU's freelist. Any other takes the lock of its
 * node: the slab may have been full, and is then kept on the CPU's partial list; it may be empty
 * now, and goes back if the node has enough partial slabs.
 *
 * <p>Difference: the kernel changes freelist and counters of a slab by one compare-and-exchange of
 * two words, and takes the node's lock only for its lists; here the lock guards both.
 */
final class ObjectReturns {
  private final SlubAllocator slabs;
  private final SlabPages pages;

  ObjectReturns(SlubAllocator slabs) {
    this.slabs = slabs;
    this.pages = slabs.slabPages;
  }

  /** Gives one object back. */
  void free(SlubCpu cpu, CpuCache c, long object) {
    SlubCache cache = c.cache;
    long pfn = pages.slabOf(object);
    SlabEvents events = slabs.events();
    if (pfn == c.slab) {
      pages.setNext(cache, object, c.freelist);
      c.freelist = object;
      if (events != null) {
        events.step(cpu.cpu(), "it is in the cpu slab: on top of the cpu's freelist");
      }
      return;
    }
    NodeSlabs node = cache.nodes[slabs.nodeOf(pfn)];
    int now;
    node.lock.lock();
    try {
      now = put(cache, node, pfn, object, object, 1);
    } finally {
      node.lock.unlock();
    }
    if (events != null) {
      events.step(cpu.cpu(), "slab " + pfn + " is not the cpu slab: " + WORDS[now]);
    }
    after(cpu, c, pfn, now);
  }

  private static final String[] WORDS = {
    "the object is on its freelist",
    "it was full and goes to the cpu's partial list",
    "it is empty and the node has enough partial slabs: it goes back",
  };

  private static final int STAYS = 0;
  private static final int WAS_FULL = 1;
  private static final int EMPTY = 2;

  /** What {@code __slab_free()} does with the node's lock; says what is left to do without it. */
  private int put(SlubCache cache, NodeSlabs node, long pfn, long first, long last, int count) {
    long prior = pages.freelist(pfn);
    long counters = pages.counters(pfn);
    int inuse = SlabPages.inuse(counters) - count;
    pages.setNext(cache, last, prior);
    pages.setFreelist(pfn, first);
    pages.setCounters(pfn, SlabPages.withInuse(counters, inuse));
    if ((counters & SlabPages.FROZEN) != 0) {
      return STAYS;
    }
    if (prior == SlabAllocator.NO_OBJECT) {
      return WAS_FULL;
    }
    boolean listed = (counters & SlabPages.NODE_PARTIAL) != 0;
    if (inuse == 0 && listed) {
      if (node.partial.size() >= cache.minPartial()) {
        pages.removePartial(node, pfn);
        return EMPTY;
      }
      node.mayHaveEmpty = true;
    }
    return STAYS;
  }

  private void after(SlubCpu cpu, CpuCache c, long pfn, int now) {
    if (now == WAS_FULL) {
      slabs.source.putPartial(cpu, c, pfn);
    } else if (now == EMPTY) {
      pages.discard(cpu, c.cache, pfn);
    }
  }

  /**
   * Gives many objects back: those of one slab together, and those of one node with one step of its
   * lock. Sorts them.
   *
   * @param objects from place 0 on
   */
  void freeAll(SlubCpu cpu, CpuCache c, long[] objects, int count) {
    SlubCache cache = c.cache;
    Arrays.sort(objects, 0, count);
    long[] changed = cpu.changed(count);
    for (int i = 0; i < count; ) {
      NodeSlabs node = cache.nodes[slabs.nodeOf(objects[i] >>> Pages.PAGE_SHIFT)];
      int changes = 0;
      node.lock.lock();
      try {
        while (i < count && (slabs.nodes == 1 || isOn(node, objects[i]))) {
          long first = objects[i];
          long pfn = pages.slabOf(first);
          int next = joined(cache, objects, i, count, pfn);
          long last = objects[next - 1];
          if (pfn == c.slab) {
            pages.setNext(cache, last, c.freelist);
            c.freelist = first;
          } else {
            int now = put(cache, node, pfn, first, last, next - i);
            if (now != STAYS) {
              changed[changes] = pfn << 2 | now;
              changes++;
            }
          }
          i = next;
        }
      } finally {
        node.lock.unlock();
      }
      for (int k = 0; k < changes; k++) {
        after(cpu, c, changed[k] >>> 2, (int) changed[k] & 3);
      }
    }
  }

  private boolean isOn(NodeSlabs node, long object) {
    return slabs.nodeOf(object >>> Pages.PAGE_SHIFT) == node.nodeId;
  }

  /** Joins the objects of a slab, from a place on, by their links; one past the last of them. */
  private int joined(SlubCache cache, long[] objects, int from, int count, long pfn) {
    long end = (pfn + (1L << pages.order(pfn))) << Pages.PAGE_SHIFT;
    int next = from + 1;
    while (next < count && objects[next] < end) {
      pages.setNext(cache, objects[next - 1], objects[next]);
      next++;
    }
    return next;
  }
}
