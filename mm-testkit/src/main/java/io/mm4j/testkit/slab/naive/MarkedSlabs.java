// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import io.mm4j.api.slab.CacheStats;
import io.mm4j.testkit.slab.naive.MarkedSlab.Finding;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One cache of mm/slub.c with debug flags (Linux 6.18): the lists of its slabs by node, and each
 * slab with all of its bytes. {@code alloc_single_from_partial()}, {@code free_to_partial_list()},
 * {@code __kmem_cache_do_shrink()} and {@code validate_slab_cache()}. It says which object comes
 * next, what is found, and how slabs look; where a new slab lies it learns from the first object.
 */
public final class MarkedSlabs {
  private static final int PROMOTED = 32;

  private final MarkedLayout layout;
  private final MemorySegment ram;
  private final List<Deque<MarkedSlab>> partial = new ArrayList<>();
  private final TreeMap<Long, MarkedSlab> slabs = new TreeMap<>();

  /** What was found since somebody has looked. */
  public final List<Finding> findings = new ArrayList<>();

  /** Without a slab, on a machine with so many nodes and this RAM. */
  public MarkedSlabs(MarkedLayout layout, int nodes, MemorySegment ram) {
    this.layout = layout;
    this.ram = ram;
    for (int i = 0; i < nodes; i++) {
      partial.add(new ArrayDeque<>());
    }
  }

  /** The slabs, by address. */
  public List<MarkedSlab> slabs() {
    return List.copyOf(slabs.values());
  }

  /** The slab of a node that the next object comes from, or null. */
  public @Nullable MarkedSlab next(int node) {
    return partial.get(node).peekFirst();
  }

  /** The slab of an object. */
  public MarkedSlab slabOf(long object) {
    return slabs.floorEntry(object).getValue();
  }

  /**
   * An allocation by a CPU of a node.
   *
   * @param node the node that was asked for, or -1
   * @param got what the allocator gave, whose slab is entered if a new one is due
   * @param asked the bytes that were asked for
   * @return what it should have given; -1 if a new slab is due, and this is none
   */
  public long alloc(int cpuNode, int node, long got, int gotNode, int asked, boolean zero) {
    int near = node < 0 ? cpuNode : node;
    for (MarkedSlab slab = first(near, node); slab != null; slab = first(near, node)) {
      long object = slab.take(asked, zero, findings);
      settle(slab);
      if (object != 0) {
        return object;
      }
    }
    long base = got & -(4096L << layout.geometry.order);
    if (slabs.containsKey(base)) {
      return -1;
    }
    MarkedSlab fresh = new MarkedSlab(layout, base, gotNode, ram);
    slabs.put(base, fresh);
    partial.get(gotNode).addFirst(fresh);
    long object = fresh.take(asked, zero, findings);
    settle(fresh);
    return object;
  }

  /** The slab that an object comes from, or null. */
  private @Nullable MarkedSlab first(int near, int node) {
    if (!partial.get(near).isEmpty()) {
      return partial.get(near).getFirst();
    }
    for (Deque<MarkedSlab> other : partial) {
      if (node < 0 && other.size() > layout.geometry.minPartial) {
        return other.getFirst();
      }
    }
    return null;
  }

  /** A slab without free objects is on no partial list. */
  private void settle(MarkedSlab slab) {
    if (slab.inuse == layout.geometry.objects) {
      partial.get(slab.node).remove(slab);
    }
  }

  /** A free of a live object; whether it is free now. */
  public boolean free(long object) {
    MarkedSlab slab = slabOf(object);
    Deque<MarkedSlab> list = partial.get(slab.node);
    boolean full = !list.contains(slab);
    if (!slab.give(object, findings)) {
      return false;
    }
    boolean goes = slab.inuse == 0 && list.size() >= layout.geometry.minPartial;
    if (goes) {
      list.remove(slab);
      discard(slab);
    } else if (full) {
      list.addLast(slab);
    }
    return true;
  }

  private void discard(MarkedSlab slab) {
    slabs.remove(slab.base);
    slab.discard(findings);
  }

  /** A shrink: empty slabs go, and those with few free objects come first. */
  public void shrink() {
    for (Deque<MarkedSlab> list : partial) {
      List<List<MarkedSlab>> promoted = new ArrayList<>();
      for (int i = 0; i <= PROMOTED; i++) {
        promoted.add(new ArrayList<>());
      }
      for (MarkedSlab slab : List.copyOf(list)) {
        int free = layout.geometry.objects - slab.inuse;
        if (slab.inuse == 0) {
          list.remove(slab);
          discard(slab);
        } else if (free >= 1 && free <= PROMOTED) {
          list.remove(slab);
          promoted.get(free).addFirst(slab);
        }
      }
      for (int free = PROMOTED; free > 0; free--) {
        promoted.get(free).reversed().forEach(list::addFirst);
      }
    }
  }

  /** A validation: slabs with free objects, and the full ones if they are on a list. */
  public void validate() {
    for (int node = 0; node < partial.size(); node++) {
      for (MarkedSlab slab : partial.get(node)) {
        slab.validate(findings);
      }
      for (MarkedSlab slab : slabs.values()) {
        if (layout.user && slab.node == node && !partial.get(node).contains(slab)) {
          slab.validate(findings);
        }
      }
    }
  }

  /** What the cache holds when so many objects are live. */
  public CacheStats stats(long live) {
    long listed = 0;
    long free = 0;
    for (Deque<MarkedSlab> list : partial) {
      listed += list.size();
      for (MarkedSlab slab : list) {
        free += layout.geometry.objects - slab.inuse;
      }
    }
    long all = slabs.size();
    long objects = all * layout.geometry.objects;
    long pages = all << layout.geometry.order;
    return new CacheStats(objects - free, objects, live, all, all, pages, listed, 0, 0, 0);
  }
}
