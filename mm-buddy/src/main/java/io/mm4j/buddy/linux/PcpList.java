// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

/**
 * One list of free blocks of one order and migratetype that a CPU keeps: a ring of frame numbers
 * relative to the zone.
 *
 * <p>The front is hot: a block that was freed last is given out first. A refill is added at the
 * back, in the order in which it came from the zone; a drain takes from the back, where the blocks
 * are that rested longest. Only the CPU's owner, or a drainer that holds its park lock, comes here.
 */
final class PcpList {
  private static final int[] EMPTY = new int[0];

  /** Capacity is a power of two, or none. Public within the package for the fast paths. */
  int[] ring = EMPTY;

  int head;
  int size;

  void pushFront(int index) {
    if (size == ring.length) {
      grow();
    }
    head = head - 1 & ring.length - 1;
    ring[head] = index;
    size++;
  }

  void pushBack(int index) {
    if (size == ring.length) {
      grow();
    }
    ring[head + size & ring.length - 1] = index;
    size++;
  }

  /** Not to be called on an empty list. */
  int popFront() {
    int index = ring[head];
    head = head + 1 & ring.length - 1;
    size--;
    return index;
  }

  /** Not to be called on an empty list. */
  int popBack() {
    size--;
    return ring[head + size & ring.length - 1];
  }

  /** The block at a place, counted from the front. */
  int at(int place) {
    return ring[head + place & ring.length - 1];
  }

  private void grow() {
    int[] larger = new int[Math.max(64, ring.length * 2)];
    for (int i = 0; i < size; i++) {
      larger[i] = ring[head + i & ring.length - 1];
    }
    ring = larger;
    head = 0;
  }
}
