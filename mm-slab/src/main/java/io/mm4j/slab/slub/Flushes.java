// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.Cpu;
import io.mm4j.api.PendingKind;
import io.mm4j.api.memory.FrameList;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * What CPUs keep goes back to the slabs, and empty slabs to the page allocator: {@code flush_all()}
 * and {@code __kmem_cache_do_shrink()} of mm/slub.c (Linux 6.18).
 *
 * <p>A CPU that is parked is flushed under its park lock. One that works is asked: its sheaves are
 * closed, so that its next call comes the slow way and gives back what it keeps, of all caches.
 */
final class Flushes {
  private static final long NONE = FrameList.NONE;

  /** {@code SHRINK_PROMOTE_MAX}: slabs with so few free objects are put in order of them. */
  private static final int PROMOTED = 32;

  /** How often a thread lets others go first while it waits for a CPU. */
  private static final int TURNS = 1 << 16;

  private final SlubAllocator slabs;

  Flushes(SlubAllocator slabs) {
    this.slabs = slabs;
    slabs.cpus.onRequest(
        PendingKind.SLAB_OBJECTS,
        cpu -> flushAll(slabs.cpu(cpu.id())),
        cpu -> slabs.cpu(cpu.id()).close());
  }

  /** The owner looks for requests at the beginning of a slow path. */
  void serve(SlubCpu cpu) {
    while (cpu.cpu().isPending(PendingKind.SLAB_OBJECTS)) {
      cpu.cpu().serve(PendingKind.SLAB_OBJECTS);
    }
  }

  private void flushAll(SlubCpu cpu) {
    long _ = slabs.flushLarge(cpu);
    for (SlubCache cache : slabs.all()) {
      flush(cpu, cache);
    }
    if (slabs.events() == null) {
      cpu.open();
      VarHandle.fullFence(); // who asks now closes after this, or is seen by it
      if (cpu.cpu().isPending(PendingKind.SLAB_OBJECTS)) {
        cpu.close();
      }
    }
  }

  /** What a CPU keeps of a cache goes back; by its owner or under its park lock. */
  void flush(SlubCpu cpu, SlubCache cache) {
    CpuCache c = cpu.ifAny(cache);
    if (c != null && c.cache == cache) {
      slabs.sheaves.flushAll(cpu, c);
      slabs.source.deactivate(cpu, c);
      slabs.source.putPartials(cpu, c);
    }
  }

  /** Large blocks that this CPU and parked ones keep go back, others are asked; how many frames. */
  long large(SlubCpu cpu) {
    long freed = slabs.flushLarge(cpu);
    for (Cpu other : slabs.cpus.all()) {
      if (other != cpu.cpu() && slabs.settings.largeLists()) {
        if (other.parkLock().tryLock()) {
          try {
            freed += slabs.flushLarge(slabs.cpu(other.id()));
          } finally {
            other.parkLock().unlock();
          }
        } else {
          other.request(PendingKind.SLAB_OBJECTS);
        }
      }
    }
    return freed;
  }

  /** Flushes this CPU and parked ones, asks the others; whether there are others. */
  boolean ask(SlubCpu cpu, SlubCache cache) {
    flush(cpu, cache);
    boolean asked = false;
    for (Cpu other : slabs.cpus.all()) {
      if (other == cpu.cpu() || slabs.cpu(other.id()).ifAny(cache) == null) {
        continue;
      }
      if (other.parkLock().tryLock()) {
        try {
          flush(slabs.cpu(other.id()), cache);
        } finally {
          other.parkLock().unlock();
        }
      } else {
        other.request(PendingKind.SLAB_OBJECTS);
        asked = true;
      }
    }
    return asked;
  }

  /**
   * The same, and waits for those who were asked, as long as they run.
   *
   * @return whether all have answered
   */
  @SuppressWarnings("ThreadPriorityCheck") // others go first; what is right does not hang on it
  boolean everywhere(SlubCpu cpu, SlubCache cache) {
    if (!ask(cpu, cache)) {
      return true;
    }
    for (Cpu other : slabs.cpus.all()) {
      for (int i = 0; other != cpu.cpu() && i < TURNS && isAwaited(other); i++) {
        if (other.parkLock().tryLock()) {
          try {
            other.serveAll();
          } finally {
            other.parkLock().unlock();
          }
        } else {
          Thread.yield();
        }
      }
      if (other != cpu.cpu() && isAwaited(other)) {
        return false;
      }
    }
    return true;
  }

  private static boolean isAwaited(Cpu cpu) {
    return cpu.isPending(PendingKind.SLAB_OBJECTS);
  }

  /** {@code __kmem_cache_do_shrink()}: how many frames went back. */
  long shrinkNodes(SlubCpu cpu, SlubCache cache) {
    long freed = 0;
    if (!cache.isDebug() && cache.sheafCapacity > 0 && hasFullSheaves(cache)) {
      slabs.sheaves.shrinkBarns(cpu, cpu.of(cache));
      flush(cpu, cache);
    }
    for (NodeSlabs node : cache.nodes) {
      for (long pfn = takeEmpty(node); pfn != NONE; pfn = takeEmpty(node)) {
        freed += slabs.slabPages.discard(cpu, cache, pfn);
      }
      if (!cache.isDebug()) {
        sort(node);
      }
    }
    return freed;
  }

  private static boolean hasFullSheaves(SlubCache cache) {
    for (NodeSlabs node : cache.nodes) {
      if (node.barn.objects() > 0) {
        return true;
      }
    }
    return false;
  }

  private long takeEmpty(NodeSlabs node) {
    SlabPages pages = slabs.slabPages;
    node.lock.lock();
    try {
      for (long pfn = node.partial.first(); pfn != NONE; pfn = node.partial.next(pfn)) {
        if (SlabPages.inuse(pages.counters(pfn)) == 0) {
          pages.removePartial(node, pfn);
          return pfn;
        }
      }
      return NONE;
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
