// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import io.mm4j.slab.bonwick.BonwickCpu.CpuArray;

/**
 * What is not used goes back bit by bit: {@code cache_reap()} of mm/slab.c (Linux 2.6.32). Each CPU
 * does it for its own arrays every 2 s, and for its node's shared arrays and free slabs every 4 s;
 * for arrays that were not filled and lists of free slabs that nobody looked at since.
 *
 * <p>Difference: there is no timer. A CPU looks at the machine's clock when it comes the slow way.
 */
final class Reaper {
  /** {@code REAPTIMEOUT_CPUC} and {@code REAPTIMEOUT_LIST3}. */
  static final long CPU_NS = 2_000_000_000L;

  private static final long NODE_NS = 4_000_000_000L;

  private final BonwickAllocator slabs;

  Reaper(BonwickAllocator slabs) {
    this.slabs = slabs;
  }

  /** Reaps if it is time; by the owner. */
  void look(BonwickCpu cpu) {
    long now = slabs.clock.nowNs();
    if (now >= cpu.nextReapNs) {
      cpu.nextReapNs = now + CPU_NS;
      for (BonwickCache cache : slabs.all()) {
        reap(cpu, cache, now);
      }
    }
  }

  private void reap(BonwickCpu cpu, BonwickCache cache, long now) {
    CpuArray array = cpu.ifAny(cache);
    if (array != null && !array.objects.isEmpty()) {
      if (array.touched) {
        array.touched = false;
      } else {
        int some = part(array.objects.capacity(), array.objects.size());
        slabs.arrays.drain(cpu, cache, array.objects, some);
      }
    }
    NodeLists node = cache.nodes[cpu.cpu().nodeId()];
    int shared;
    int free;
    node.lock.lock();
    try {
      if (now < node.nextReapNs) {
        return;
      }
      node.nextReapNs = now + NODE_NS;
      shared = part(node.shared.length, node.sharedCount); // nothing says that it was used
      int objects = cache.geometry.objects();
      free = node.freeTouched ? 0 : (int) ((node.freeLimit + 5L * objects - 1) / (5L * objects));
      node.freeTouched = false;
    } finally {
      node.lock.unlock();
    }
    if (shared > 0) {
      slabs.arrays.drainShared(cpu, cache, node, shared);
    }
    long _ = slabs.slabs.drainFree(cpu, cache, node, free);
  }

  /** A fifth of the room, or half of what there is if that is more than there is. */
  private static int part(int room, int count) {
    int fifth = (room + 4) / 5;
    return fifth > count ? (count + 1) / 2 : fifth;
  }
}
