// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct slab} and its {@code kmem_bufctl_t[]}, in RAM. A descriptor is known by its
 * address; links and {@code s_mem} are physical addresses.
 *
 * <pre>
 *   next | prev | colouroff | s_mem | inuse | free | bufctl[0] bufctl[1] ...
 *     pointers ------------------------    ints ----------
 * </pre>
 *
 * <p>{@code free} is the number of the first free object, {@code bufctl[n]} that of the free one
 * after n; {@link #END} ends it. {@code colouroff} is what lies in the slab before its first
 * object.
 */
final class Descriptors {
  /** {@code BUFCTL_END}. */
  static final int END = -1;

  /** No slab. */
  static final long NONE = 0;

  private final MemorySegment ram;
  private final int pointer;
  private final int bytes;

  Descriptors(MemorySegment ram, Form form) {
    this.ram = ram;
    this.pointer = form.pointer();
    this.bytes = form.descriptorBytes();
  }

  private long pointer(long paddr) {
    return pointer == Long.BYTES
        ? ram.get(JAVA_LONG_UNALIGNED, paddr)
        : Integer.toUnsignedLong(ram.get(JAVA_INT_UNALIGNED, paddr));
  }

  private void setPointer(long paddr, long value) {
    if (pointer == Long.BYTES) {
      ram.set(JAVA_LONG_UNALIGNED, paddr, value);
    } else {
      ram.set(JAVA_INT_UNALIGNED, paddr, (int) value);
    }
  }

  long next(long slab) {
    return pointer(slab);
  }

  void setNext(long slab, long next) {
    setPointer(slab, next);
  }

  long prev(long slab) {
    return pointer(slab + pointer);
  }

  void setPrev(long slab, long prev) {
    setPointer(slab + pointer, prev);
  }

  /** Where its first object begins. */
  long objects(long slab) {
    return pointer(slab + 3L * pointer);
  }

  /** Where its pages begin. */
  long base(long slab) {
    return objects(slab) - pointer(slab + 2L * pointer);
  }

  int inuse(long slab) {
    return ram.get(JAVA_INT_UNALIGNED, slab + 4L * pointer);
  }

  private void setInuse(long slab, int inuse) {
    ram.set(JAVA_INT_UNALIGNED, slab + 4L * pointer, inuse);
  }

  int free(long slab) {
    return ram.get(JAVA_INT_UNALIGNED, slab + 4L * pointer + Integer.BYTES);
  }

  private void setFree(long slab, int number) {
    ram.set(JAVA_INT_UNALIGNED, slab + 4L * pointer + Integer.BYTES, number);
  }

  /** The free object after this one. */
  int bufctl(long slab, int number) {
    return ram.get(JAVA_INT_UNALIGNED, slab + bytes + (long) number * SlabGeometry.BUFCTL);
  }

  private void setBufctl(long slab, int number, int next) {
    ram.set(JAVA_INT_UNALIGNED, slab + bytes + (long) number * SlabGeometry.BUFCTL, next);
  }

  /** All objects are free; it is on no list. */
  void init(long slab, long base, long firstObject, int objects) {
    setNext(slab, NONE);
    setPrev(slab, NONE);
    setPointer(slab + 2L * pointer, firstObject - base);
    setPointer(slab + 3L * pointer, firstObject);
    setInuse(slab, 0);
    setFree(slab, 0);
    for (int i = 0; i < objects; i++) {
      setBufctl(slab, i, i + 1 < objects ? i + 1 : END);
    }
  }

  /** {@code slab_get_obj()}: takes the first free object; its number. */
  int take(long slab) {
    int number = free(slab);
    setFree(slab, bufctl(slab, number));
    setInuse(slab, inuse(slab) + 1);
    return number;
  }

  /** {@code slab_put_obj()}. */
  void put(long slab, int number) {
    setBufctl(slab, number, free(slab));
    setFree(slab, number);
    setInuse(slab, inuse(slab) - 1);
  }
}
