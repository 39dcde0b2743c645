// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.slab.bonwick.BonwickCpu.CpuArray;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Walks over all slabs: {@code s_show()} of mm/slab.c, live objects, and {@code validate()}, which
 * finds every object exactly once: live, a descriptor, on its slab's freelist, or in an array.
 */
final class BonwickWalk {
  private static final long NONE = Descriptors.NONE;

  private final BonwickAllocator slabs;

  BonwickWalk(BonwickAllocator slabs) {
    this.slabs = slabs;
  }

  @FunctionalInterface
  private interface SlabVisitor {
    void slab(BonwickCache cache, long pfn, long slab);
  }

  private void forEachSlab(SlabVisitor visitor) {
    slabs.frames.forEach(
        (pfn, tag) -> {
          BonwickCache cache = slabs.cache(tag / slabs.nodes);
          if (cache != null && slabs.memMap.head(pfn) == pfn) {
            visitor.slab(cache, pfn, slabs.memMap.privateData(pfn));
          }
        });
  }

  void forEachLive(BonwickCache cache, Consumer<? super Long> visitor) {
    forEachSlab(
        (c, pfn, slab) -> {
          for (int i = 0; c == cache && i < cache.geometry.objects(); i++) {
            long object = slabs.slabs.object(cache, slab, i);
            if (slabs.frames.isLive(object, cache.shift)) {
              visitor.accept(object);
            }
          }
        });
  }

  /** Looks at all objects of a cache with debug flags; how many findings there are. */
  long look(BonwickCache cache) {
    long[] findings = {0};
    forEachSlab(
        (c, pfn, slab) -> {
          if (c == cache && cache.isDebug()) {
            findings[0] += slabs.checks.look(cache, slab);
          }
        });
    return findings[0];
  }

  /** Frames of all slabs of a cache. */
  long frames(BonwickCache cache) {
    long frames = 0;
    for (NodeLists node : cache.nodes) {
      node.lock.lock();
      try {
        frames += (long) node.slabs() << cache.geometry.order();
      } finally {
        node.lock.unlock();
      }
    }
    return frames;
  }

  CacheStats stats(BonwickCache cache) {
    long free = 0;
    long all = 0;
    long active = 0;
    long partial = 0;
    long cached = 0;
    for (NodeLists node : cache.nodes) {
      node.lock.lock();
      try {
        free += node.freeObjects;
        all += node.slabs();
        active += node.full.size() + node.partial.size();
        partial += node.partial.size();
        cached += node.sharedCount;
      } finally {
        node.lock.unlock();
      }
    }
    for (int i = 0; i < slabs.cpus.count(); i++) {
      CpuArray array = slabs.cpu(i).ifAny(cache);
      cached += array == null ? 0 : array.objects.size();
    }
    long[] live = {0};
    forEachLive(cache, object -> live[0]++);
    long objects = all * cache.geometry.objects();
    return new CacheStats(
        objects - free,
        objects,
        live[0],
        active,
        all,
        all << cache.geometry.order(),
        partial,
        0,
        0,
        cached);
  }

  void validate() {
    Map<BonwickCache, Set<Long>> held = new HashMap<>();
    for (BonwickCache cache : slabs.all()) {
      held.put(cache, inArrays(cache));
    }
    Map<BonwickCache, Long> counts = new HashMap<>();
    forEachSlab(
        (cache, pfn, slab) -> {
          counts.merge(cache, 1L, Long::sum);
          boolean own =
              slabs.memMap.owner(pfn) == FrameOwner.SLAB && slabs.memMap.mapping(pfn) == cache.id();
          check(own, cache, pfn, "its frame has another holder");
          boolean right = slabs.descriptors.base(slab) >>> Pages.PAGE_SHIFT == pfn;
          check(right, cache, pfn, "its descriptor is of other pages");
          if (cache.descriptorCache != null) {
            Set<Long> theirs = held.get(cache.descriptorCache);
            check(theirs != null && theirs.add(slab), cache, pfn, "its descriptor is free");
          }
        });
    for (BonwickCache cache : slabs.all()) {
      Set<Long> mine = held.getOrDefault(cache, Set.of());
      long known = 0;
      for (NodeLists node : cache.nodes) {
        long free = list(cache, node, node.full, mine);
        free += list(cache, node, node.partial, mine);
        free += list(cache, node, node.free, mine);
        check(free == node.freeObjects, cache, 0, "free=" + node.freeObjects + " found=" + free);
        known += node.slabs();
      }
      long found = counts.getOrDefault(cache, 0L);
      check(found == known, cache, 0, "slabs=" + known + " found=" + found);
    }
  }

  private Set<Long> inArrays(BonwickCache cache) {
    Set<Long> mine = new HashSet<>();
    for (int i = 0; i < slabs.cpus.count(); i++) {
      CpuArray array = slabs.cpu(i).ifAny(cache);
      for (int k = 0; array != null && array.cache == cache && k < array.objects.size(); k++) {
        once(cache, mine, array.objects.get(k));
      }
    }
    for (NodeLists node : cache.nodes) {
      for (int k = 0; k < node.sharedCount; k++) {
        once(cache, mine, node.shared[k]);
      }
    }
    return mine;
  }

  private static void once(BonwickCache cache, Set<Long> held, long object) {
    check(held.add(object), cache, 0, String.format("object=0x%x is in two arrays", object));
  }

  /** Checks the slabs of a list; how many free objects they have. */
  private long list(BonwickCache cache, NodeLists node, SlabList list, Set<Long> held) {
    long free = 0;
    int count = 0;
    int objects = cache.geometry.objects();
    Descriptors d = slabs.descriptors;
    for (long slab = list.first(); slab != NONE; slab = d.next(slab)) {
      count++;
      long pfn = d.base(slab) >>> Pages.PAGE_SHIFT;
      int inuse = d.inuse(slab);
      SlabList right = inuse == 0 ? node.free : inuse == objects ? node.full : node.partial;
      check(
          right == list && slabs.nodeOf(pfn) == node.nodeId,
          cache,
          pfn,
          "on a wrong list: inuse=" + inuse + " objects=" + objects);
      BitSet freeOnes = new BitSet();
      for (int n = d.free(slab); n != Descriptors.END; n = d.bufctl(slab, n)) {
        boolean good = n >= 0 && n < objects && !freeOnes.get(n);
        check(good, cache, pfn, "bufctl leads to object " + n);
        freeOnes.set(n);
      }
      check(
          objects - inuse == freeOnes.cardinality(),
          cache,
          pfn,
          "inuse=" + inuse + " free=" + freeOnes.cardinality());
      for (int n = 0; n < objects; n++) {
        long object = slabs.slabs.object(cache, slab, n);
        int places =
            (freeOnes.get(n) ? 1 : 0)
                + (slabs.frames.isLive(object, cache.shift) ? 1 : 0)
                + (held.contains(object) ? 1 : 0);
        check(
            places == 1,
            cache,
            pfn,
            String.format("object=0x%x is in %d places instead of one", object, places));
      }
      free += freeOnes.cardinality();
    }
    check(count == list.size(), cache, 0, "a list of " + list.size() + " slabs has " + count);
    return free;
  }

  private static void check(boolean good, BonwickCache cache, long pfn, String what) {
    if (!good) {
      throw new CorruptStateError("cache=" + cache + " slab=" + pfn + ": " + what);
    }
  }
}
