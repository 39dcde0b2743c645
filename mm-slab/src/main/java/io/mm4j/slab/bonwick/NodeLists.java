// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;

/**
 * The slabs of one cache on one node, and the objects that its CPUs share: {@code struct
 * kmem_list3}. Everything under its lock.
 */
final class NodeLists {
  final int nodeId;
  final KernelLock lock;
  final SlabList full;
  final SlabList partial;
  final SlabList free;

  /** Free objects of all slabs. */
  long freeObjects;

  /** With more than so many a slab that becomes free goes back at once. */
  final long freeLimit;

  /** The colour of the next slab. */
  int colourNext;

  /** {@code shared}: objects that came out of the CPUs' arrays and go back into them. */
  final long[] shared;

  int sharedCount;

  /** Whether somebody has asked for a free slab since the last reaping. */
  boolean freeTouched;

  long nextReapNs;

  NodeLists(String cache, int nodeId, Descriptors descriptors, long freeLimit, int sharedRoom) {
    this.nodeId = nodeId;
    lock = new KernelLock(LockClass.SLAB_NODE, cache + " list3-" + nodeId);
    full = new SlabList(descriptors);
    partial = new SlabList(descriptors);
    free = new SlabList(descriptors);
    this.freeLimit = freeLimit;
    this.shared = new long[sharedRoom];
  }

  int slabs() {
    return full.size() + partial.size() + free.size();
  }
}
