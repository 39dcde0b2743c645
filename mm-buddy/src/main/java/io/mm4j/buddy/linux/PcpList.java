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

  /** Capacity is a power of two, or none. */
  private int[] ring = EMPTY;

  /** Places of the front and behind the back; they only grow or fall, and wrap around the ring. */
  private int head;

  private int tail;

  int size() {
    return tail - head;
  }

  boolean isEmpty() {
    return tail == head;
  }

  void pushFront(int index) {
    int[] places = ring;
    if (tail - head == places.length) {
      places = grow();
    }
    int at = head - 1;
    places[at & places.length - 1] = index;
    head = at;
  }

  void pushBack(int index) {
    int[] places = ring;
    if (tail - head == places.length) {
      places = grow();
    }
    places[tail & places.length - 1] = index;
    tail++;
  }

  /** Not to be called on an empty list. */
  int popFront() {
    int[] places = ring;
    int at = head;
    head = at + 1;
    return places[at & places.length - 1];
  }

  /** Not to be called on an empty list. */
  int popBack() {
    tail--;
    return ring[tail & ring.length - 1];
  }

  /** The block at a place, counted from the front. */
  int at(int place) {
    return ring[head + place & ring.length - 1];
  }

  private int[] grow() {
    int[] larger = new int[Math.max(64, ring.length * 2)];
    int n = size();
    for (int i = 0; i < n; i++) {
      larger[i] = at(i);
    }
    ring = larger;
    head = 0;
    tail = n;
    return larger;
  }
}
