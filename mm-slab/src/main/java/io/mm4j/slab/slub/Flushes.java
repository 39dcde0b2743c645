// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameList;
import io.mm4j.slab.base.CpuRequests;
import org.jspecify.annotations.Nullable;

/**
 * What CPUs keep goes back to the slabs, and empty slabs to the page allocator: {@code flush_all()}
 * and {@code __kmem_cache_do_shrink()} of mm/slub.c (Linux 6.18).
 */
final class Flushes extends CpuRequests<SlubCache, SlubCpu> {
  private static final long NONE = FrameList.NONE;

  /** {@code SHRINK_PROMOTE_MAX}: slabs with so few free objects are put in order of them. */
  private static final int PROMOTED = 32;

  private final SlubAllocator slabs;

  Flushes(SlubAllocator slabs) {
    super(slabs, slabs.settings.largeLists());
    this.slabs = slabs;
  }

  @Override
  protected boolean keeps(SlubCpu cpu, SlubCache cache) {
    return cpu.ifAny(cache) != null;
  }

  @Override
  public void flush(SlubCpu cpu, SlubCache cache) {
    CpuCache c = cpu.ifAny(cache);
    if (c != null && c.cache == cache && c.keepsAny()) {
      c.batch = 1;
      slabs.sheaves.flushAll(cpu, c);
      slabs.source.deactivate(cpu, c);
      slabs.source.putPartials(cpu, c);
    }
  }

  /** {@code __kmem_cache_do_shrink()}. */
  void shrinkNodes(SlubCpu cpu, SlubCache cache) {
    giveEmpty(cpu, cache);
    for (NodeSlabs node : cache.nodes) {
      sort(node);
    }
  }

  /**
   * What nobody uses goes back. The order of the partial lists stays, so that somebody who is out
   * of memory does not walk over all of them. O(1) for each node that has nothing to give. All of
   * it goes also if something is found of one that nobody else hears of.
   */
  void giveEmpty(SlubCpu cpu, SlubCache cache) {
    if (!cache.isDebug() && cache.sheafCapacity > 0 && hasFullSheaves(cache)) {
      slabs.sheaves.shrinkBarns(cpu, cpu.of(cache));
      flush(cpu, cache);
    }
    MisuseException found = null;
    for (NodeSlabs node : cache.nodes) {
      if (!node.mayHaveEmpty && !cache.isDebug()) {
        continue;
      }
      FrameList empty = new FrameList(slabs.memMap);
      takeEmpty(node, empty);
      for (long pfn = empty.first(); pfn != NONE; pfn = empty.first()) {
        empty.remove(pfn);
        try {
          slabs.slabPages.discard(cpu, cache, pfn);
        } catch (MisuseException e) {
          found = e;
        }
      }
    }
    if (found != null) {
      throw found;
    }
  }

  private static boolean hasFullSheaves(SlubCache cache) {
    for (NodeSlabs node : cache.nodes) {
      if (node.barn.objects() > 0) {
        return true;
      }
    }
    return false;
  }

  private void takeEmpty(NodeSlabs node, FrameList empty) {
    SlabPages pages = slabs.slabPages;
    node.lock.lock();
    try {
      long next;
      for (long pfn = node.partial.first(); pfn != NONE; pfn = next) {
        next = node.partial.next(pfn);
        if (SlabPages.inuse(pages.counters(pfn)) == 0) {
          pages.removePartial(node, pfn);
          empty.addLast(pfn);
        }
      }
      node.mayHaveEmpty = false;
    } finally {
      node.lock.unlock();
    }
  }

  /** Slabs with few free objects come first, so that the others can become empty. */
  private void sort(NodeSlabs node) {
    SlabPages pages = slabs.slabPages;
    node.lock.lock();
    try {
      @Nullable FrameList[] byFree = new @Nullable FrameList[PROMOTED];
      long next;
      for (long pfn = node.partial.first(); pfn != NONE; pfn = next) {
        next = node.partial.next(pfn);
        long counters = pages.counters(pfn);
        int free = SlabPages.objects(counters) - SlabPages.inuse(counters);
        if (free >= 1 && free <= PROMOTED) {
          node.partial.remove(pfn);
          FrameList list = byFree[free - 1];
          if (list == null) {
            list = new FrameList(slabs.memMap);
            byFree[free - 1] = list;
          }
          list.addFirst(pfn);
        }
      }
      for (int i = PROMOTED - 1; i >= 0; i--) {
        FrameList list = byFree[i];
        if (list != null) {
          for (long pfn = list.last(); pfn != NONE; pfn = list.last()) {
            list.remove(pfn);
            node.partial.addFirst(pfn);
          }
        }
      }
    } finally {
      node.lock.unlock();
    }
  }
}
