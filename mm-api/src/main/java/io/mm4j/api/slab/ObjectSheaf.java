// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import org.apiguardian.api.API;

/**
 * Free objects of one cache that a CPU has at hand: a stack of addresses, from which {@link
 * CpuSlabs} hands out and to which it gives back without asking the plugin. {@code struct
 * slab_sheaf} of mm/slub.c (Linux 6.18), and Bonwick's magazine and the {@code array_cache} of
 * mm/slab.c before it. What lies here is free: no object of it is marked live.
 *
 * <p>An allocation takes from it while there are more than {@code floor} objects, a free puts while
 * there are fewer than {@code limit}. A sheaf that is closed has its floor out of reach and a limit
 * of 0; so is each new one.
 *
 * <p>Threads: the owner of the CPU, or who holds its park lock.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class ObjectSheaf {
  private static final int OUT_OF_REACH = Integer.MAX_VALUE;

  long[] objects;
  int top;
  int floor = OUT_OF_REACH;
  int limit;

  /** Of {@link ObjectFrames}, less {@link ObjectFrames#MIN_SHIFT}. */
  final int kind;

  final int cacheId;

  /** What {@code __GFP_ZERO} clears. */
  final int bytes;

  /**
   * Creates an empty one, closed.
   *
   * @param cacheId {@link KmemCache#id}
   * @param bytes {@link KmemCache#objectBytes}
   * @param shift {@link ObjectFrames#shiftOf} the distance of its objects
   * @param capacity how many objects it has room for
   */
  public ObjectSheaf(int cacheId, int bytes, int shift, int capacity) {
    this.cacheId = cacheId;
    this.bytes = bytes;
    this.kind = shift - ObjectFrames.MIN_SHIFT;
    this.objects = new long[capacity];
  }

  /** Objects in it. */
  public int size() {
    return top;
  }

  /** Whether there is none. */
  public boolean isEmpty() {
    return top == 0;
  }

  /** How many objects it has room for. */
  public int capacity() {
    return objects.length;
  }

  /** The object at a place, counted from the bottom. */
  public long get(int place) {
    return objects[place];
  }

  /** Puts a free object on top; there is room. */
  public void push(long paddr) {
    objects[top] = paddr;
    top++;
  }

  /** Takes the object on top; there is one. */
  public long pop() {
    top--;
    return objects[top];
  }

  /** Takes the lowest objects away and moves the others down. */
  public void dropLowest(int count) {
    top -= count;
    System.arraycopy(objects, count, objects, 0, top);
  }

  /** From now on {@link CpuSlabs} works on it alone. */
  public void open() {
    floor = 0;
    limit = objects.length;
  }

  /** From now on every allocation and free comes the slow way. */
  public void close() {
    floor = OUT_OF_REACH;
    limit = 0;
  }

  /** Whether it is open. */
  public boolean isOpen() {
    return floor == 0;
  }

  /**
   * Exchanges what is in two sheaves of one capacity; which of them is open stays. So the sheaf
   * that a CPU works on stays the same object for good.
   */
  public void exchange(ObjectSheaf other) {
    long[] theirs = other.objects;
    other.objects = objects;
    objects = theirs;
    int theirTop = other.top;
    other.top = top;
    top = theirTop;
  }

  /** Exchanges what is in it with a bare array of the same length. */
  public long[] exchange(long[] full, int count) {
    long[] mine = objects;
    objects = full;
    top = count;
    return mine;
  }
}
