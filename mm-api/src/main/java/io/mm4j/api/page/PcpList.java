// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.PageState;
import java.util.Arrays;
import org.apiguardian.api.API;

/**
 * One list of free blocks of one zone, order and migratetype that a CPU keeps: a stack of frame
 * numbers, its front on top. One of the lists of {@code struct per_cpu_pages}.
 *
 * <p>The front is hot: a block that was freed last is given out first. A refill comes when the list
 * is empty and is given out in the order in which it came from the zone; a drain takes from the
 * back, where the blocks are that rested longest.
 *
 * <p><b>Floor and limit.</b> The fast paths of {@link CpuPages} take a block while more than {@code
 * floor} blocks are there, and put one while less than {@code limit} are: one comparison each. All
 * else that would need a look moves these two. A list whose allocations must be looked at has its
 * floor out of reach ({@link #closeFront}), one whose frees must be has a limit of 0 ({@link
 * #closeBack}); so is each new list. The limits of a CPU's lists of a zone, in pages, are together
 * less than what these lists may hold: a fast free never makes a drain due.
 *
 * <p>Threads: the owner of the CPU, or who holds its park lock, except that anybody may close.
 */
@API(status = API.Status.MAINTAINED)
public final class PcpList {
  private static final long[] EMPTY = {};
  private static final int OUT_OF_REACH = Integer.MAX_VALUE;

  long[] stack = EMPTY;
  int top;
  int floor = OUT_OF_REACH;
  int limit;

  /** Of {@link PcpCounts#freeCount}: from so many on a fast free does not add to it. */
  final int rowLimit;

  final int order;
  final PcpCounts counts;

  /** What {@link #tag} is while there is none: no frame's state. */
  private static final long NO_TAG = -1;

  /**
   * The state, less the owner, of a block's first frame of which the tag says that it comes back
   * here, if nothing was done to it since it was handed out.
   */
  long home = NO_TAG;

  /** Its state here. */
  long rests = FrameOwner.PCP.code();

  /** Blocks that came back through the fast path; not kept of order 0, which is most of all. */
  long frees;

  /**
   * Creates an empty one, closed.
   *
   * @param order of its blocks
   * @param counts shared by all lists of this CPU and zone
   * @param rowLimit from how many pages freed in a row on one more makes no difference; for blocks
   *     larger than a page, from how many on it must be looked at
   */
  public PcpList(int order, PcpCounts counts, int rowLimit) {
    this.order = order;
    this.counts = counts;
    this.rowLimit = rowLimit;
  }

  /** From now on frames with this tag come back here. */
  void tag(int tag) {
    home = PageState.plain(order, tag);
    rests = PageState.withTag(FrameOwner.PCP.code(), tag);
  }

  /** Whether there is a tag for it. */
  boolean isTagged() {
    return home != NO_TAG;
  }

  /** Blocks on it. */
  public int size() {
    return top;
  }

  /** The order of its blocks. */
  public int order() {
    return order;
  }

  /** Whether there is none. */
  public boolean isEmpty() {
    return top == 0;
  }

  /** Blocks that came back through the fast path; of lists of order 0 it is not known singly. */
  public long frees() {
    return frees;
  }

  /** Puts a block at the front. */
  public void pushFront(long pfn) {
    if (top == stack.length) {
      grow();
    }
    stack[top] = pfn;
    top++;
  }

  /**
   * Puts a block at the front that lies in a pageblock of the list's type, and gives it the list's
   * tag, so that it comes back through the fast path.
   *
   * @param states its first frame's is that of a block on a per-cpu list
   */
  public void pushFront(long pfn, FrameStates states) {
    pushFront(pfn);
    long[] words = states.wordsIfAny(pfn);
    int at = states.at(pfn);
    if (at < words.length) {
      words[at] = rests;
    }
  }

  /** Takes the block at the front; not to be called on an empty list. */
  public long popFront() {
    top--;
    return stack[top];
  }

  /** The block at a place, counted from the back. */
  public long fromBack(int place) {
    return stack[place];
  }

  /** Takes so many blocks off the back. */
  public void dropBack(int blocks) {
    top -= blocks;
    System.arraycopy(stack, blocks, stack, 0, top);
  }

  /** Turns the list round: the back becomes the front. */
  public void reverse() {
    for (int low = 0, high = top - 1; low < high; low++, high--) {
      long pfn = stack[low];
      stack[low] = stack[high];
      stack[high] = pfn;
    }
  }

  /** From now on the fast path hands out what is here. */
  public void openFront() {
    floor = 0;
  }

  /** Whether the fast path hands out what is here. */
  public boolean isFrontOpen() {
    return floor == 0;
  }

  /** From now on every allocation comes the slow way. */
  public void closeFront() {
    floor = OUT_OF_REACH;
  }

  /**
   * From now on the fast path puts blocks here, until there are so many; or as many as there is
   * room for already, if that is less.
   */
  public void openBack(int mostBlocks) {
    if (top == stack.length && mostBlocks > top) {
      grow();
    }
    limit = Math.min(mostBlocks, stack.length);
  }

  /** From now on every free comes the slow way. */
  public void closeBack() {
    limit = 0;
  }

  /** How many more blocks the fast path may put here. */
  public int room() {
    return Math.max(limit - top, 0);
  }

  private void grow() {
    stack = Arrays.copyOf(stack, Math.max(64, stack.length * 2));
  }
}
