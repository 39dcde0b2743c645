// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.memory.FrameList;
import io.mm4j.api.memory.MemMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The slabs of one cache on one node: {@code struct kmem_cache_node}, and the node's {@link Barn}.
 * The lock guards the lists, and freelist and counters of each of the node's slabs.
 */
final class NodeSlabs {
  final int nodeId;
  final KernelLock lock;

  /** Slabs with free objects that no CPU has. */
  final FrameList partial;

  /**
   * Whether a slab of which no object is in use may be on the partial list. A node keeps a few of
   * them, and as a rule none once its list is long: then nobody looks for them. Changed with the
   * lock, read without; not kept for caches with debug flags.
   */
  volatile boolean mayHaveEmpty;

  /** Slabs without free objects; of caches with debug flags only. */
  final FrameList full;

  final AtomicLong slabs = new AtomicLong();
  final AtomicLong objects = new AtomicLong();
  final AtomicLong frames = new AtomicLong();
  final Barn barn;

  NodeSlabs(String cache, int nodeId, MemMap map, int sheafCapacity) {
    this.nodeId = nodeId;
    lock = new KernelLock(LockClass.SLAB_NODE, cache + " node" + nodeId);
    partial = new FrameList(map);
    full = new FrameList(map);
    barn = new Barn(cache, nodeId, sheafCapacity);
  }
}
