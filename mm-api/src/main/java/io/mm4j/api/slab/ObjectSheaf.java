// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import org.apiguardian.api.API;

/**
 * Free objects of one cache that a CPU has at hand: a stack of addresses, from which {@link
 * CpuSlabs} hands out and to which it gives back without asking the plugin. {@code struct
 * slab_sheaf} of mm/slub.c (Linux 6.18), and Bonwick's magazine and the {@code array_cache} of
 * mm/slab.c before it. What lies here is free: no object of it is marked live.
 *
 * <p>An allocation takes from an open one while there are objects, a free puts while there is room.
 * One that is closed looks to both as if it had room for none; so does each new one.
 *
 * <p>Threads: the owner of the CPU, or who holds its park lock.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class ObjectSheaf {
  private static final long[] SHUT = {};

  /** Where {@link CpuSlabs} takes and puts: the objects while it is open, else {@link #SHUT}. */
  long[] front = SHUT;

  int top;
  private final long[] objects;

  /** Of {@link ObjectFrames}, less {@link ObjectFrames#MIN_SHIFT}. */
  final int kind;

  /** Where its objects are marked; nowhere until a CPU works on it. */
  ObjectFrames.Marks marks = new ObjectFrames.Marks();

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
    front = objects;
  }

  /** From now on every allocation and free comes the slow way. */
  public void close() {
    front = SHUT;
  }

  /** Whether it is open. */
  public boolean isOpen() {
    return front.length != 0;
  }

  /** Exchanges what is in two sheaves of one capacity; which of them is open stays. */
  public void exchange(ObjectSheaf other) {
    int theirs = other.top;
    other.top = top;
    swap(other.objects, theirs);
  }

  /** Exchanges what is in it with what is in a bare array of the same length. */
  public void exchange(long[] other, int count) {
    swap(other, count);
  }

  private void swap(long[] other, int count) {
    for (int i = 0; i < Math.max(top, count); i++) {
      long theirs = other[i];
      other[i] = objects[i];
      objects[i] = theirs;
    }
    top = count;
  }
}
