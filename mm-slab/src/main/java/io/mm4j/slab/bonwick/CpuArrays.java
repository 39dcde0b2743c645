// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.slab.ObjectSheaf;
import io.mm4j.api.slab.SlabEvents;
import io.mm4j.slab.base.CpuRequests;
import io.mm4j.slab.bonwick.BonwickCpu.CpuArray;
import java.util.Arrays;

/**
 * The arrays of objects that CPUs keep, and the one that those of a node share: {@code
 * ____cache_alloc()}, {@code cache_alloc_refill()}, {@code cache_flusharray()} of mm/slab.c (Linux
 * 2.6.32).
 *
 * <p>An empty array is filled with a batch out of the shared one, else out of slabs; an array that
 * nobody has used lately with 16 objects at most. From a full one the oldest batch goes into the
 * shared one as far as there is room, else to its slabs.
 *
 * <p>In the form 2.4 nothing is shared, an array is always filled with a whole batch, and the
 * newest batch of a full one goes to its slabs.
 *
 * <p>Differences: an object of another node goes straight to its slab, as with the boot parameter
 * {@code noaliencache}. An array counts as used when it was filled, not at each allocation.
 */
final class CpuArrays extends CpuRequests<BonwickCache, BonwickCpu> {
  /** {@code BATCHREFILL_LIMIT}. */
  private static final int REFILL_LIMIT = 16;

  private final BonwickAllocator slabs;

  CpuArrays(BonwickAllocator slabs) {
    super(slabs, false);
    this.slabs = slabs;
  }

  @Override
  protected boolean keeps(BonwickCpu cpu, BonwickCache cache) {
    return cpu.ifAny(cache) != null;
  }

  @Override
  public void flush(BonwickCpu cpu, BonwickCache cache) {
    CpuArray array = cpu.ifAny(cache);
    if (array != null && array.cache == cache) {
      drain(cpu, cache, array.objects, array.objects.size());
    }
  }

  /** A free object that is not marked live, or none. */
  long take(BonwickCpu cpu, BonwickCache cache, int gfp, int nodeId) {
    int local = cpu.cpu().nodeId();
    CpuArray array = cpu.of(cache);
    if (array == null || (nodeId >= 0 && nodeId != local)) {
      return slabs.slabs.one(cpu, cache, gfp, nodeId < 0 ? local : nodeId);
    }
    ObjectSheaf objects = array.objects;
    if (objects.isEmpty()) {
      refill(cpu, cache, array, gfp);
      if (objects.isEmpty()) {
        return slabs.slabs.one(cpu, cache, gfp, local);
      }
    }
    return objects.pop();
  }

  private void refill(BonwickCpu cpu, BonwickCache cache, CpuArray array, int gfp) {
    NodeLists node = cache.nodes[cpu.cpu().nodeId()];
    ObjectSheaf objects = array.objects;
    boolean whole = array.touched || slabs.form.old();
    int count = whole ? cache.batchCount : Math.min(cache.batchCount, REFILL_LIMIT);
    do {
      String from = "slabs";
      node.lock.lock();
      try {
        if (node.sharedCount > 0) {
          int moved = Math.min(count, node.sharedCount);
          for (int i = 0; i < moved; i++) {
            objects.push(node.shared[node.sharedCount - moved + i]);
          }
          node.sharedCount -= moved;
          from = "the node's shared array";
        } else {
          slabs.slabs.fill(cache, node, objects, count);
        }
      } finally {
        node.lock.unlock();
      }
      if (!objects.isEmpty()) {
        SlabEvents events = slabs.events();
        if (events != null) {
          events.step(
              cpu.cpu(), "the cpu's array is empty: " + objects.size() + " objects from " + from);
        }
        array.touched = true;
        return;
      }
    } while (slabs.slabs.grow(cpu, cache, Slabs.here(gfp), node.nodeId) >= 0);
  }

  /** An object that is not live any more. */
  void put(BonwickCpu cpu, BonwickCache cache, long object) {
    int nodeId = slabs.nodeOf(object >>> Pages.PAGE_SHIFT);
    CpuArray array = cpu.of(cache);
    if (array == null || nodeId != cpu.cpu().nodeId()) {
      slabs.slabs.free(cpu, cache, cache.nodes[nodeId], object);
      return;
    }
    ObjectSheaf objects = array.objects;
    if (objects.size() == objects.capacity()) {
      flushArray(cpu, cache, objects);
    }
    objects.push(object);
  }

  /** {@code cache_flusharray()}; in 2.4 a part of {@code __kmem_cache_free()}. */
  private void flushArray(BonwickCpu cpu, BonwickCache cache, ObjectSheaf objects) {
    int count = cache.batchCount;
    boolean old = slabs.form.old();
    int moved = share(cache.nodes[cpu.cpu().nodeId()], objects, count);
    if (moved > 0) {
      objects.dropLowest(moved);
    } else if (old) {
      drainNewest(cpu, cache, objects, count);
    } else {
      drain(cpu, cache, objects, count);
    }
    SlabEvents events = slabs.events();
    if (events != null) {
      String which =
          moved > 0
              ? moved + " oldest go into the shared array"
              : count + (old ? " newest" : " oldest") + " go back to their slabs";
      events.step(cpu.cpu(), "the cpu's array is full: its " + which);
    }
  }

  /** The oldest objects go into a node's shared array as far as there is room; how many. */
  private static int share(NodeLists node, ObjectSheaf objects, int count) {
    node.lock.lock();
    try {
      int moved = Math.min(node.shared.length - node.sharedCount, count);
      for (int i = 0; i < moved; i++) {
        node.shared[node.sharedCount + i] = objects.get(i);
      }
      node.sharedCount += moved;
      return moved;
    } finally {
      node.lock.unlock();
    }
  }

  /** The oldest objects of an array go back to their slabs. */
  void drain(BonwickCpu cpu, BonwickCache cache, ObjectSheaf objects, int count) {
    if (count > 0) {
      long[] leaving = cpu.leaving(count);
      for (int i = 0; i < count; i++) {
        leaving[i] = objects.get(i);
      }
      objects.dropLowest(count);
      slabs.slabs.free(cpu, cache, cache.nodes[cpu.cpu().nodeId()], leaving, count);
    }
  }

  private void drainNewest(BonwickCpu cpu, BonwickCache cache, ObjectSheaf objects, int count) {
    long[] leaving = cpu.leaving(count);
    for (int i = count - 1; i >= 0; i--) {
      leaving[i] = objects.pop();
    }
    slabs.slabs.free(cpu, cache, cache.nodes[cpu.cpu().nodeId()], leaving, count);
  }

  /** The oldest objects of a node's shared array go back to their slabs. */
  void drainShared(BonwickCpu cpu, BonwickCache cache, NodeLists node, int most) {
    long[] leaving;
    node.lock.lock();
    try {
      int count = Math.min(most, node.sharedCount);
      leaving = Arrays.copyOf(node.shared, count);
      node.sharedCount -= count;
      System.arraycopy(node.shared, count, node.shared, 0, node.sharedCount);
    } finally {
      node.lock.unlock();
    }
    slabs.slabs.free(cpu, cache, node, leaving, leaving.length);
  }
}
