// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

/** A list of slabs through the links of their descriptors; under the lock of its node. */
final class SlabList {
  private static final long NONE = Descriptors.NONE;

  private final Descriptors descriptors;
  private long first = NONE;
  private long last = NONE;
  private int size;

  SlabList(Descriptors descriptors) {
    this.descriptors = descriptors;
  }

  long first() {
    return first;
  }

  long last() {
    return last;
  }

  int size() {
    return size;
  }

  /** {@code list_add()}. */
  void addFirst(long slab) {
    descriptors.setNext(slab, first);
    descriptors.setPrev(slab, NONE);
    if (first == NONE) {
      last = slab;
    } else {
      descriptors.setPrev(first, slab);
    }
    first = slab;
    size++;
  }

  /** {@code list_add_tail()}. */
  void addLast(long slab) {
    descriptors.setNext(slab, NONE);
    descriptors.setPrev(slab, last);
    if (last == NONE) {
      first = slab;
    } else {
      descriptors.setNext(last, slab);
    }
    last = slab;
    size++;
  }

  /** {@code list_del()}. */
  void remove(long slab) {
    long next = descriptors.next(slab);
    long prev = descriptors.prev(slab);
    if (prev == NONE) {
      first = next;
    } else {
      descriptors.setNext(prev, next);
    }
    if (next == NONE) {
      last = prev;
    } else {
      descriptors.setPrev(next, prev);
    }
    size--;
  }
}
