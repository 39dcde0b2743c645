// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.memory.FrameList;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.ObjectSheaf;
import io.mm4j.api.slab.SlabAllocator;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Walks over all slabs: numbers for /proc/slabinfo, live objects, and {@link
 * SlabAllocator#validate}, which finds every object of every slab exactly once: live, on the slab's
 * freelist, on a CPU's, in a sheaf or in a barn.
 */
final class SlabWalk {
  private static final long NONE = FrameList.NONE;

  private final SlubAllocator slabs;

  SlabWalk(SlubAllocator slabs) {
    this.slabs = slabs;
  }

  private void forEachSlab(@Nullable SlubCache only, SlabVisitor visitor) {
    slabs.frames.forEach(
        (pfn, tag) -> {
          SlubCache cache = slabs.cache(tag / slabs.nodes);
          if (cache != null && (only == null || only == cache) && slabs.memMap.head(pfn) == pfn) {
            visitor.slab(cache, pfn);
          }
        });
  }

  @FunctionalInterface
  private interface SlabVisitor {
    void slab(SlubCache cache, long pfn);
  }

  void forEachLive(SlubCache cache, Consumer<? super Long> visitor) {
    forEachSlab(
        cache,
        (c, pfn) -> {
          int objects = SlabPages.objects(slabs.slabPages.counters(pfn));
          for (int i = 0; i < objects; i++) {
            long object = SlabPages.object(cache, pfn, i);
            if (slabs.frames.isLive(object, cache.shift)) {
              visitor.accept(object);
            }
          }
        });
  }

  CacheStats stats(SlubCache cache) {
    SlabPages pages = slabs.slabPages;
    long objects = 0;
    long slabCount = 0;
    long frames = 0;
    long free = 0;
    long partial = 0;
    long cached = 0;
    for (NodeSlabs node : cache.nodes) {
      objects += node.objects.get();
      slabCount += node.slabs.get();
      frames += node.frames.get();
      cached += node.barn.objects();
      node.lock.lock();
      try {
        partial += node.partial.size();
        for (long pfn = node.partial.first(); pfn != NONE; pfn = node.partial.next(pfn)) {
          long counters = pages.counters(pfn);
          free += SlabPages.objects(counters) - SlabPages.inuse(counters);
        }
      } finally {
        node.lock.unlock();
      }
    }
    long cpuPartial = 0;
    long cpuSlabs = 0;
    for (int i = 0; i < slabs.cpus.count(); i++) {
      CpuCache c = slabs.cpu(i).ifAny(cache);
      if (c != null) {
        cpuPartial += c.partial.size();
        cpuSlabs += c.slab == NONE ? 0 : 1;
        cached += c.sheafObjects();
      }
    }
    long[] live = {0};
    forEachLive(cache, object -> live[0]++);
    return new CacheStats(
        objects - free,
        objects,
        live[0],
        slabCount,
        slabCount,
        frames,
        partial,
        cpuPartial,
        cpuSlabs,
        cached);
  }

  void validate() {
    Map<Long, Slab> all = new HashMap<>();
    forEachSlab(
        null,
        (cache, pfn) -> {
          check(
              slabs.memMap.owner(pfn) == FrameOwner.SLAB && slabs.memMap.mapping(pfn) == cache.id(),
              cache,
              pfn,
              "its frame has another holder");
          Slab slab = new Slab(cache, pfn);
          all.put(pfn, slab);
          slab.addLive();
          slab.addList(slabs.slabPages.freelist(pfn), "its freelist");
          long counters = slabs.slabPages.counters(pfn);
          slab.free = slab.found.cardinality() - slab.live;
          boolean frozen = (counters & SlabPages.FROZEN) != 0;
          check(
              SlabPages.objects(counters) - SlabPages.inuse(counters) == slab.free,
              cache,
              pfn,
              "inuse=" + SlabPages.inuse(counters) + " frozen=" + frozen + " free=" + slab.free);
        });
    for (int i = 0; i < slabs.cpus.count(); i++) {
      for (SlubCache cache : slabs.all()) {
        CpuCache c = slabs.cpu(i).ifAny(cache);
        if (c != null && c.cache == cache) {
          addCpu(all, c);
        }
      }
    }
    for (SlubCache cache : slabs.all()) {
      addNodes(all, cache);
    }
    for (Slab slab : all.values()) {
      check(
          slab.found.cardinality() == slab.objects() || slab.isLost(),
          slab.cache,
          slab.pfn,
          "objects that are nowhere: found=" + slab.found + " objects=" + slab.objects());
      boolean full = slab.free == 0 && !slab.isCpuSlab;
      check(
          slab.isListed || slab.isCpuSlab || full,
          slab.cache,
          slab.pfn,
          "free objects, but on no list: free=" + slab.free);
    }
  }

  private void addCpu(Map<Long, Slab> all, CpuCache c) {
    if (c.slab != NONE) {
      Slab slab = slab(all, c.cache, c.slab);
      slab.isCpuSlab = true;
      check(
          (slabs.slabPages.counters(c.slab) & SlabPages.FROZEN) != 0,
          c.cache,
          c.slab,
          "a cpu slab that is not frozen");
      slab.addList(c.freelist, "a cpu's freelist");
    }
    for (long pfn = c.partial.first(); pfn != NONE; pfn = c.partial.next(pfn)) {
      slab(all, c.cache, pfn).list("a cpu's partial list");
    }
    addSheaf(all, c, c.main);
    addSheaf(all, c, c.spare);
  }

  private void addSheaf(Map<Long, Slab> all, CpuCache c, @Nullable ObjectSheaf sheaf) {
    for (int i = 0; sheaf != null && i < sheaf.size(); i++) {
      addObject(all, c.cache, sheaf.get(i), "a sheaf");
    }
  }

  private void addObject(Map<Long, Slab> all, SlubCache cache, long object, String where) {
    slab(all, cache, slabs.slabPages.slabOf(object)).add(object, where);
  }

  private void addNodes(Map<Long, Slab> all, SlubCache cache) {
    for (NodeSlabs node : cache.nodes) {
      long count =
          all.values().stream()
              .filter(s -> s.cache == cache && slabs.nodeOf(s.pfn) == node.nodeId)
              .count();
      check(
          count == node.slabs.get(),
          cache,
          0,
          "slabs=" + node.slabs + " found=" + count + " node=" + node.nodeId);
      for (long pfn = node.partial.first(); pfn != NONE; pfn = node.partial.next(pfn)) {
        Slab slab = slab(all, cache, pfn);
        slab.list("the node's partial list");
        check(
            (slab.free > 0 || slab.isLost())
                && (slabs.slabPages.counters(pfn) & SlabPages.NODE_PARTIAL) != 0,
            cache,
            pfn,
            "on the node's partial list: free=" + slab.free);
        check(
            slab.free < slab.objects() || node.mayHaveEmpty || cache.isDebug(),
            cache,
            pfn,
            "nobody would find that no object of it is in use");
      }
      for (long pfn = node.full.first(); pfn != NONE; pfn = node.full.next(pfn)) {
        slab(all, cache, pfn).list("the node's full list");
      }
      for (long[] full : node.barn.full()) {
        for (long object : full) {
          addObject(all, cache, object, "a barn");
        }
      }
    }
  }

  private static Slab slab(Map<Long, Slab> all, SlubCache cache, long pfn) {
    Slab slab = all.get(pfn);
    if (slab == null || slab.cache != cache) {
      throw new CorruptStateError("cache=" + cache.name() + " knows a slab that is none: " + pfn);
    }
    return slab;
  }

  private static void check(boolean good, @Nullable SlubCache cache, long pfn, String what) {
    if (!good) {
      throw wrong(cache, pfn, what);
    }
  }

  private static CorruptStateError wrong(@Nullable SlubCache cache, long pfn, String what) {
    return new CorruptStateError("cache=" + cache + " slab=" + pfn + ": " + what);
  }

  /** What was found of one slab. */
  private final class Slab {
    final SlubCache cache;
    final long pfn;
    final BitSet found = new BitSet();
    int live;
    int free;
    boolean isCpuSlab;
    boolean isListed;

    Slab(SlubCache cache, long pfn) {
      this.cache = cache;
      this.pfn = pfn;
    }

    int objects() {
      return SlabPages.objects(slabs.slabPages.counters(pfn));
    }

    boolean isLost() {
      return (slabs.slabPages.counters(pfn) & SlabPages.LOST) != 0;
    }

    void addLive() {
      for (int i = 0; i < objects(); i++) {
        long object = SlabPages.object(cache, pfn, i);
        if (slabs.frames.isLive(object, cache.shift)) {
          add(object, "live");
          live++;
        }
      }
    }

    void addList(long first, String where) {
      for (long o = first; o != SlabAllocator.NO_OBJECT; o = slabs.slabPages.next(cache, o)) {
        add(o, where);
      }
    }

    void add(long object, String where) {
      int number = SlabPages.number(cache, pfn, objects(), object);
      if (number < 0 || found.get(number)) {
        throw wrong(
            cache,
            pfn,
            String.format(
                "object=0x%x number=%d is in %s, and somewhere else too or none",
                object, number, where));
      }
      found.set(number);
    }

    void list(String where) {
      check(!isListed && !isCpuSlab, cache, pfn, "on " + where + ", and another");
      isListed = true;
    }
  }
}
