// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import org.apiguardian.api.API;

/**
 * The allocator that runs before the page allocator does: what the firmware gave, less what was
 * reserved. At the end of boot its free pages are handed over ({@link #handOver}), and what it has
 * allocated stays reserved for ever.
 *
 * <p>Physical byte addresses. One thread. Models {@code memblock} (mm/memblock.c), and {@code
 * bootmem} of Linux 2.4.
 */
@API(status = API.Status.MAINTAINED)
public interface BootAllocator {
  /** Nothing suitable is free. */
  long NONE = -1;

  /** Any node. */
  int ANY_NODE = -1;

  /** Says that a range is in use: the kernel's image, an initrd. Overlaps are allowed. */
  void reserve(long start, long bytes);

  /**
   * Takes it back: the range is free again as far as it is memory. Bootmem trusts the caller about
   * that, as Linux 2.4 does: what it is told to free it gives out.
   */
  void free(long start, long bytes);

  /**
   * Allocates.
   *
   * @param bytes how many; more than 0
   * @param align a power of two; 0 for the usual one, a cache line of 64 bytes with memblock and
   *     none with bootmem
   * @param min the lowest address allowed, as long as something is free from there on; if not, any
   * @param max one past the highest address allowed; 0 for the end of memory
   * @param nodeId the preferred node, or {@link #ANY_NODE}
   * @return the address, or {@link #NONE}
   */
  long alloc(long bytes, long align, long min, long max, int nodeId);

  /** {@code memblock_alloc()} or {@code alloc_bootmem()}: anywhere. */
  default long alloc(long bytes, long align) {
    return alloc(bytes, align, 0, 0, ANY_NODE);
  }

  /**
   * Gives every range of whole free pages away, ascending: {@code memblock_free_all()}. Nothing may
   * be allocated afterwards.
   */
  void handOver(RangeVisitor visitor);

  /** Sets who is told of each step and its reason; false if this allocator shows none. */
  default boolean watch(BootEvents events) {
    return false;
  }

  /** Receives ranges of frames. */
  @FunctionalInterface
  interface RangeVisitor {
    /** Frames {@code [startPfn, endPfn)}. */
    void range(long startPfn, long endPfn);
  }
}
