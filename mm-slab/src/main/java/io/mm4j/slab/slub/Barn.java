// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.slab.ObjectSheaf;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Full and empty sheaves of one cache on one node, with which CPUs exchange theirs: {@code struct
 * node_barn}. A sheaf in a barn is a bare array.
 */
final class Barn {
  /** {@code MAX_FULL_SHEAVES} and {@code MAX_EMPTY_SHEAVES}. */
  static final int MOST = 10;

  private final KernelLock lock;
  private final int capacity;
  private final List<long[]> full = new ArrayList<>();
  private final List<long[]> empty = new ArrayList<>();

  Barn(String cache, int nodeId, int capacity) {
    lock = new KernelLock(LockClass.SLAB_NODE, cache + " barn" + nodeId);
    this.capacity = capacity;
  }

  /** Exchanges an empty sheaf for a full one, if there is one. */
  boolean takeFull(ObjectSheaf main) {
    if (full.isEmpty()) {
      return false; // a guess without the lock: the slabs serve as well
    }
    lock.lock();
    try {
      if (full.isEmpty()) {
        return false;
      }
      long[] other = main.exchange(full.removeLast(), capacity);
      if (empty.size() < MOST) {
        empty.add(other);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Exchanges a full sheaf for an empty one, if there is room. */
  boolean takeEmpty(ObjectSheaf main) {
    lock.lock();
    try {
      if (full.size() >= MOST) {
        return false;
      }
      full.add(main.exchange(empty.isEmpty() ? new long[capacity] : empty.removeLast(), 0));
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Takes a full sheaf out, to give its objects back; null if there is none. */
  long @Nullable [] removeFull() {
    lock.lock();
    try {
      return full.isEmpty() ? null : full.removeLast();
    } finally {
      lock.unlock();
    }
  }

  /** The full sheaves, while nobody allocates or frees. */
  List<long[]> full() {
    return full;
  }

  long objects() {
    return (long) full.size() * capacity;
  }
}
