// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
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
@SuppressWarnings("unused") // padding
public final class ObjectSheaf extends SheafState {
  private static final VarHandle FRONT;

  static {
    try {
      FRONT = MethodHandles.lookup().findVarHandle(SheafState.class, "front", long[].class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private long behind0;
  private long behind1;
  private long behind2;
  private long behind3;
  private long behind4;
  private long behind5;
  private long behind6;
  private long behind7;

  /**
   * Creates an empty one, closed.
   *
   * @param cacheId {@link KmemCache#id}
   * @param bytes {@link KmemCache#objectBytes}
   * @param shift {@link ObjectFrames#shiftOf} the distance of its objects
   * @param capacity how many objects it has room for
   */
  public ObjectSheaf(int cacheId, int bytes, int shift, int capacity) {
    super(cacheId, bytes, shift, new long[capacity]);
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

  /**
   * Puts a free object on top; there is room.
   *
   * @throws IndexOutOfBoundsException for an address that is not in RAM, once {@link CpuSlabs}
   *     works on it
   */
  public void push(long paddr) {
    objects[top] = Objects.checkIndex(paddr, end);
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

  /**
   * A CPU gets it: from now on objects, those that are in it included, have marks. O(objects in
   * it).
   *
   * @param marks where the mark of address 0 is
   * @param past the end of the addresses that have one
   */
  void join(long marks, long past) {
    for (int i = 0; i < top; i++) {
      long _ = Objects.checkIndex(objects[i], past);
    }
    marksAt = marks;
    end = past;
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
    int count = top;
    long[] _ = other.put(put(other.objects, other.top), count);
  }

  /**
   * Takes another array of the same length for its own, with so many objects. O(count).
   *
   * @return the array that it had
   * @throws IllegalArgumentException if its length is another one
   * @throws IndexOutOfBoundsException for more objects than it has room for, and for an address
   *     that is not in RAM
   */
  public long[] exchange(long[] other, int count) {
    if (other.length != objects.length) {
      throw new IllegalArgumentException(
          "an array of " + other.length + " for one of " + objects.length + " objects");
    }
    int _ = Objects.checkFromIndexSize(0, count, other.length);
    for (int i = 0; i < count; i++) {
      long _ = Objects.checkIndex(other[i], end);
    }
    return put(other, count);
  }

  private long[] put(long[] other, int count) {
    long[] old = objects;
    objects = other;
    top = count;
    // Who closes it at the same moment finds it closed: it is open only if it still was.
    boolean _ = FRONT.compareAndSet(this, old, other);
    return old;
  }
}
