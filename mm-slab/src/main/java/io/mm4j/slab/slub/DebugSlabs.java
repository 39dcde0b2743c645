// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.memory.FrameList;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabEvents;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.api.slab.SlabReport.Kind;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * Caches with debug flags: every object is taken from and put on the freelist of its slab, one by
 * one, with the node's lock held, and looked at. Models {@code alloc_single_from_partial()}, {@code
 * free_to_partial_list()}, {@code alloc_debug_processing()}, {@code free_debug_processing()} and
 * {@code validate_slab_cache()} of mm/slub.c (Linux 6.18).
 *
 * <p>A finding without a listener is an exception from the call. It has been mended then, an object
 * that was to be freed is still in use, and one that was to be handed out is lost with its slab.
 */
final class DebugSlabs {
  private static final long NONE = FrameList.NONE;
  private static final long BAD = -1;

  /** For {@link #free}: the object was bad and is still in use. */
  static final long IN_USE = -2;

  private final SlubAllocator slabs;
  private final SlabPages pages;
  private final ObjectDebug debug;

  DebugSlabs(SlubAllocator slabs) {
    this.slabs = slabs;
    this.pages = slabs.slabPages;
    this.debug = slabs.debug;
  }

  /** A free object, checked and made ready, or none. */
  long alloc(SlubCpu cpu, SlubCache cache, int gfp, int nodeId, int bytes) {
    SlabEvents events = slabs.events();
    if (events != null) {
      events.step(
          cpu.cpu(),
          "debug flags "
              + SlabFlags.format(cache.flags() & SlabFlags.SLAB_DEBUG_FLAGS)
              + ": no cpu slab, the object comes from the node's list and is checked");
    }
    boolean hereFirst = nodeId >= 0 && (gfp & Gfp.__GFP_THISNODE) == 0;
    long object =
        hereFirst
            ? take(cpu, cache, CpuSlabSource.hereFirst(gfp), nodeId, bytes)
            : SlabAllocator.NO_OBJECT;
    return object == SlabAllocator.NO_OBJECT ? take(cpu, cache, gfp, nodeId, bytes) : object;
  }

  /** Of a partial slab, else of a new one. */
  private long take(SlubCpu cpu, SlubCache cache, int gfp, int nodeId, int bytes) {
    int preferred = nodeId < 0 ? cpu.cpu().nodeId() : nodeId;
    boolean strict = nodeId >= 0 && (gfp & Gfp.__GFP_THISNODE) != 0;
    long object;
    do {
      object = fromNode(cpu, cache, cache.nodes[preferred], bytes);
      if (object == SlabAllocator.NO_OBJECT && !strict) {
        object = fromOthers(cpu, cache, bytes);
      }
    } while (object == BAD);
    while (object == SlabAllocator.NO_OBJECT || object == BAD) {
      long pfn = pages.create(cpu, cache, gfp, nodeId);
      if (pfn == PageAllocator.NO_PAGE) {
        return SlabAllocator.NO_OBJECT;
      }
      NodeSlabs node = cache.nodes[slabs.nodeOf(pfn)];
      node.lock.lock();
      try {
        pages.addPartial(node, pfn, false);
        object = single(cpu, cache, node, pfn, bytes);
      } finally {
        node.lock.unlock();
      }
    }
    return object;
  }

  /** {@code get_any_partial()}. */
  private long fromOthers(SlubCpu cpu, SlubCache cache, int bytes) {
    long object = SlabAllocator.NO_OBJECT;
    for (int id : slabs.fallback.get(cpu.cpu().nodeId())) {
      NodeSlabs other = cache.nodes[id];
      if (object == SlabAllocator.NO_OBJECT && other.partial.size() > cache.minPartial()) {
        object = fromNode(cpu, cache, other, bytes);
      }
    }
    return object;
  }

  private long fromNode(SlubCpu cpu, SlubCache cache, NodeSlabs node, int bytes) {
    node.lock.lock();
    try {
      long pfn = node.partial.first();
      return pfn == NONE ? SlabAllocator.NO_OBJECT : single(cpu, cache, node, pfn, bytes);
    } finally {
      node.lock.unlock();
    }
  }

  /** One object of a slab on the partial list, or {@link #BAD} if the slab is. */
  private long single(SlubCpu cpu, SlubCache cache, NodeSlabs node, long pfn, int bytes) {
    long object = pages.freelist(pfn);
    long counters = pages.counters(pfn);
    if (cache.has(SlabFlags.SLAB_CONSISTENCY_CHECKS)) {
      // As the kernel: a slab with a bad object is given up, all its objects are taken as used.
      pages.setFreelist(pfn, SlabAllocator.NO_OBJECT);
      pages.setCounters(pfn, SlabPages.allInUse(counters) | SlabPages.LOST);
      toFull(node, pfn);
      debug.checkSlabPadding(cache, pfn);
      int number = SlabPages.number(cache, pfn, SlabPages.objects(counters), object);
      if (number < 0) {
        debug.reportNoObject(Kind.FREE_POINTER, cache, object, "Freelist Pointer check fails");
        return BAD;
      }
      if (!debug.check(cache, pfn, object, false)) {
        return BAD;
      }
      node.full.remove(pfn);
      pages.addPartial(node, pfn, false);
      pages.setCounters(pfn, counters);
    }
    pages.setFreelist(pfn, pages.next(cache, object));
    int inuse = SlabPages.inuse(counters) + 1;
    pages.setCounters(pfn, SlabPages.withInuse(pages.counters(pfn), inuse));
    if (inuse == SlabPages.objects(counters)) {
      toFull(node, pfn);
    }
    debug.setRequest(cache, object, bytes);
    if (cache.has(SlabFlags.SLAB_STORE_USER)) {
      debug.tracks.set(cpu.cpu(), cache, object, true);
    }
    if (cache.has(SlubDebug.METADATA)) {
      debug.initObject(cache, object, true);
    }
    return object;
  }

  private void toFull(NodeSlabs node, long pfn) {
    pages.removePartial(node, pfn);
    node.full.addFirst(pfn);
  }

  /**
   * Checks an object that is live and puts it on its slab's freelist.
   *
   * @return the slab, if it is empty and to be discarded; else {@link FrameList#NONE}, or {@link
   *     #IN_USE}
   */
  long free(SlubCpu cpu, SlubCache cache, long object) {
    long pfn = pages.slabOf(object);
    NodeSlabs node = cache.nodes[slabs.nodeOf(pfn)];
    node.lock.lock();
    try {
      if (cache.has(SlabFlags.SLAB_CONSISTENCY_CHECKS) && !isGood(cache, pfn, object)) {
        debug.mended();
        return IN_USE;
      }
      if (cache.has(SlabFlags.SLAB_STORE_USER)) {
        debug.tracks.set(cpu.cpu(), cache, object, false);
      }
      if (cache.has(SlubDebug.METADATA)) {
        debug.initObject(cache, object, false);
      }
      long counters = pages.counters(pfn);
      int inuse = SlabPages.inuse(counters) - 1;
      boolean full = (counters & SlabPages.NODE_PARTIAL) == 0;
      if (full) {
        node.full.remove(pfn);
        pages.addPartial(node, pfn, true);
      }
      pages.setNext(cache, object, pages.freelist(pfn));
      pages.setFreelist(pfn, object);
      pages.setCounters(pfn, SlabPages.withInuse(pages.counters(pfn), inuse));
      // One that was full does not count among those that the node has.
      long others = node.partial.size() - (full ? 1 : 0);
      if (inuse == 0 && others >= cache.minPartial()) {
        pages.removePartial(node, pfn);
        return pfn;
      }
      return NONE;
    } finally {
      node.lock.unlock();
    }
  }

  /** {@code free_consistency_checks()}: the slab, its freelist, the object that is in use. */
  private boolean isGood(SlubCache cache, long pfn, long object) {
    debug.checkSlabPadding(cache, pfn);
    BitSet _ = checkFreelist(cache, pfn);
    return debug.check(cache, pfn, object, true);
  }

  /** {@code validate_slab_cache()}; how many errors were found and mended. */
  long validate(SlubCache cache) {
    long before = debug.errors();
    for (NodeSlabs node : cache.nodes) {
      node.lock.lock();
      try {
        for (long pfn = node.partial.first(); pfn != NONE; pfn = node.partial.next(pfn)) {
          validateSlab(cache, pfn);
        }
        if (cache.has(SlabFlags.SLAB_STORE_USER)) {
          for (long pfn = node.full.first(); pfn != NONE; pfn = node.full.next(pfn)) {
            validateSlab(cache, pfn);
          }
        }
      } finally {
        node.lock.unlock();
      }
    }
    return debug.errors() - before;
  }

  /** {@code validate_slab()}: up to the first object that is not as it should be. */
  private void validateSlab(SlubCache cache, long pfn) {
    debug.checkSlabPadding(cache, pfn);
    BitSet free = checkFreelist(cache, pfn);
    int objects = SlabPages.objects(pages.counters(pfn));
    if (free == null) {
      return; // nobody knows which objects are free
    }
    boolean good = true;
    for (int i = 0; good && i < objects; i++) {
      good = debug.check(cache, pfn, SlabPages.object(cache, pfn, i), !free.get(i));
    }
  }

  /**
   * {@code on_freelist()}: walks the freelist, and mends it and the counter.
   *
   * @return the free objects, or null if the list had to be cleared
   */
  private @Nullable BitSet checkFreelist(SlubCache cache, long pfn) {
    long counters = pages.counters(pfn);
    int objects = SlabPages.objects(counters);
    BitSet free = new BitSet(objects);
    long head = pages.freelist(pfn);
    long previous = SlabAllocator.NO_OBJECT;
    int found = 0;
    for (long o = head; o != SlabAllocator.NO_OBJECT && found <= objects; ) {
      int number = SlabPages.number(cache, pfn, objects, o);
      if (number < 0) {
        if (previous == SlabAllocator.NO_OBJECT) {
          clearFreelist(cache, pfn, o, "Freepointer corrupt");
          return null;
        }
        pages.setNext(cache, previous, SlabAllocator.NO_OBJECT);
        counters |= SlabPages.LOST;
        pages.setCounters(pfn, counters);
        long link = previous + cache.layout.offset();
        debug.report(Kind.FREE_POINTER, cache, previous, link, "Freechain corrupt");
        break;
      }
      free.set(number);
      previous = o;
      o = pages.next(cache, o);
      found++;
    }
    if (found > objects) {
      clearFreelist(cache, pfn, head, "Freelist cycle detected");
      return null;
    }
    if (SlabPages.inuse(counters) != objects - found) {
      long lost = SlabPages.inuse(counters) < objects - found ? SlabPages.LOST : 0;
      pages.setCounters(pfn, SlabPages.withInuse(counters, objects - found) | lost);
      debug.mended();
      long first = SlabPages.object(cache, pfn, 0);
      debug.report(
          Kind.COUNTERS,
          cache,
          first,
          first,
          "Wrong object count. Counter is "
              + SlabPages.inuse(counters)
              + " but counted were "
              + (objects - found));
    }
    return free;
  }

  /** Takes all objects of a slab as used: their freelist leads nowhere. */
  private void clearFreelist(SlubCache cache, long pfn, long object, String why) {
    pages.setFreelist(pfn, SlabAllocator.NO_OBJECT);
    pages.setCounters(pfn, SlabPages.allInUse(pages.counters(pfn)) | SlabPages.LOST);
    debug.mended();
    debug.reportNoObject(Kind.FREE_POINTER, cache, object, why + ": freelist cleared");
  }
}
