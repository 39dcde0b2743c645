// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import java.util.Arrays;

/**
 * One list of free blocks of one order and migratetype that a CPU keeps: a stack of frame numbers,
 * its front on top.
 *
 * <p>The front is hot: a block that was freed last is given out first. A refill comes when the list
 * is empty and is given out in the order in which it came from the zone; a drain takes from the
 * back, where the blocks are that rested longest. Only the CPU's owner, or a drainer that holds its
 * park lock, comes here.
 */
final class PcpList {
  private static final long[] EMPTY = {};

  private long[] stack = EMPTY;
  private int size;

  int size() {
    return size;
  }

  boolean isEmpty() {
    return size == 0;
  }

  void pushFront(long pfn) {
    long[] places = stack;
    int at = size;
    if (at < places.length) { // so that the array need not check it again
      places[at] = pfn;
    } else {
      grow()[at] = pfn;
    }
    size = at + 1;
  }

  /** Not to be called on an empty list. */
  long popFront() {
    int at = size - 1;
    size = at;
    return stack[at];
  }

  /** The block at a place, counted from the back. */
  long fromBack(int place) {
    return stack[place];
  }

  /** Takes so many blocks off the back. */
  void dropBack(int blocks) {
    size -= blocks;
    System.arraycopy(stack, blocks, stack, 0, size);
  }

  /** Turns the list round: the back becomes the front. */
  void reverse() {
    for (int low = 0, high = size - 1; low < high; low++, high--) {
      long pfn = stack[low];
      stack[low] = stack[high];
      stack[high] = pfn;
    }
  }

  private long[] grow() {
    stack = Arrays.copyOf(stack, Math.max(64, stack.length * 2));
    return stack;
  }
}
