// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import org.apiguardian.api.API;

/**
 * A list of frames through their own {@code lru} links: {@code struct list_head} with {@code
 * list_add()}, {@code list_add_tail()} and {@code list_del()} of include/linux/list.h. A frame is
 * on one list at a time.
 *
 * <p>Threads: the caller's lock. O(1) each; allocates nothing.
 */
@API(status = API.Status.MAINTAINED)
public final class FrameList {
  /** No frame. */
  public static final long NONE = -1;

  private final MemMap memMap;
  private long first = NONE;
  private long last = NONE;
  private long size;

  /** Creates an empty list. */
  public FrameList(MemMap memMap) {
    this.memMap = memMap;
  }

  /** The first frame, or {@link #NONE}. */
  public long first() {
    return first;
  }

  /** The last frame, or {@link #NONE}. */
  public long last() {
    return last;
  }

  /** The frame after this one, or {@link #NONE}. */
  public long next(long pfn) {
    return memMap.lruNext(pfn);
  }

  /** How many frames there are. */
  public long size() {
    return size;
  }

  /** {@code list_add()}: puts a frame that is on no list at the front. */
  public void addFirst(long pfn) {
    memMap.setLru(pfn, first, NONE);
    if (first == NONE) {
      last = pfn;
    } else {
      memMap.setLru(first, memMap.lruNext(first), pfn);
    }
    first = pfn;
    size++;
  }

  /** {@code list_add_tail()}: puts a frame that is on no list at the end. */
  public void addLast(long pfn) {
    memMap.setLru(pfn, NONE, last);
    if (last == NONE) {
      first = pfn;
    } else {
      memMap.setLru(last, pfn, memMap.lruPrev(last));
    }
    last = pfn;
    size++;
  }

  /** {@code list_del()}: takes a frame off; it is on this list. */
  public void remove(long pfn) {
    long next = memMap.lruNext(pfn);
    long prev = memMap.lruPrev(pfn);
    if (prev == NONE) {
      first = next;
    } else {
      memMap.setLru(prev, next, memMap.lruPrev(prev));
    }
    if (next == NONE) {
      last = prev;
    } else {
      memMap.setLru(next, memMap.lruNext(next), prev);
    }
    memMap.setLru(pfn, NONE, NONE);
    size--;
  }

  /**
   * {@code list_rotate_to_front()}: the list, taken as a ring, begins with this frame, which is on
   * it.
   */
  public void rotateToFront(long pfn) {
    long before = memMap.lruPrev(pfn);
    if (before == NONE) {
      return;
    }
    memMap.setLru(last, first, memMap.lruPrev(last));
    memMap.setLru(first, memMap.lruNext(first), last);
    memMap.setLru(before, NONE, memMap.lruPrev(before));
    memMap.setLru(pfn, memMap.lruNext(pfn), NONE);
    first = pfn;
    last = before;
  }
}
