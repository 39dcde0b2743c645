// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.vma;

import org.apiguardian.api.API;

/**
 * The sorted, non-overlapping address ranges of one address space: structure only, no policy. What
 * a system call returns never depends on which index is used.
 *
 * <p><b>Models</b> what the memory manager asks of {@code mm->mm_mt} ({@code find_vma}, {@code
 * find_vma_intersection}, {@code vma_iter_store}, {@code vma_iter_prealloc}, {@code
 * mas_empty_area}, {@code mas_empty_area_rev}; mm/vma.c, lib/maple_tree.c), and before Linux 6.1 of
 * {@code mm->mm_rb} and the list {@code mm->mmap}.
 *
 * <p><b>Handles.</b> A VMA is a non-negative {@code int}. It stays the same from {@link #insert}
 * until {@link #erase}, over {@link #setRange} and in a {@link #copy}. Handles are dense: an erased
 * one is given out again before a new one is made, so that a caller can keep the other fields of a
 * VMA in arrays of {@link #capacity} elements.
 *
 * <p><b>Addresses.</b> Ranges are half open, {@code 0 <= start < end <= MAX_ADDRESS}, of any
 * alignment. The gate page ({@code 0xffffffffff600000}) is never in the index. Addresses to look
 * for may have any value and are unsigned: one above every VMA (a negative {@code long} too) finds
 * none.
 *
 * <p><b>Neighbours.</b> Ranges may touch; they may not overlap. Nothing is merged or split here.
 *
 * <p><b>Errors.</b> A wrong range, an overlap or a handle that is not in the index is misuse and
 * throws {@link io.mm4j.api.MisuseException} with {@code name=value}, before anything has changed.
 * For the accessors ({@link #start}, {@link #end}, {@link #next}, {@link #prev}) a handle that is
 * not in the index is not checked: the answer is undefined.
 *
 * <p><b>Threads.</b> The lock of the mm guards an index. Methods that change it need it
 * exclusively; all others may be called by any number of threads while none changes it. No method
 * blocks. Unless a method says otherwise it allocates nothing.
 */
@API(status = API.Status.MAINTAINED)
public interface VmaIndex {
  /** No such VMA. */
  int NONE = -1;

  /** No such address. */
  long NONE_ADDR = -1;

  /** Exclusive upper bound of all ranges: 2^57, above the user part of five-level page tables. */
  long MAX_ADDRESS = 1L << 57;

  /**
   * Adds {@code [start, end)}. Models {@code vma_iter_store_new}.
   *
   * <p>O(log n). Allocates only when its tables grow, which {@link #reserve} does in advance.
   * Exclusive.
   *
   * @param start first address, in bytes
   * @param end first address after the range
   * @return the handle of the new VMA, or {@link #NONE} when the index can hold no more (never
   *     within a reservation); then nothing has changed
   * @throws io.mm4j.api.MisuseException if the range is empty, outside the limits or overlaps a VMA
   */
  int insert(long start, long end);

  /**
   * Removes a VMA; its handle is free for reuse. Never fails for want of memory. Models {@code
   * vma_iter_clear}.
   *
   * <p>O(log n). Exclusive.
   *
   * @throws io.mm4j.api.MisuseException if {@code vma} is not in the index
   */
  void erase(int vma);

  /**
   * Moves the bounds of a VMA, which may grow, shrink or move, but keeps its place in the order: it
   * may touch its neighbours and not reach into them. Never fails for want of memory. Models {@code
   * vma_iter_config} and store in {@code vma_expand}, {@code vma_shrink} and {@code __split_vma}.
   *
   * <p>O(log n). Exclusive.
   *
   * @throws io.mm4j.api.MisuseException if {@code vma} is not in the index, the range is empty or
   *     outside the limits, or reaches into a neighbour
   */
  void setRange(int vma, long start, long end);

  /**
   * Makes sure that the next {@code n} calls of {@link #insert} cannot fail and allocate nothing,
   * whatever else is erased, moved or looked up between them. Models {@code vma_iter_prealloc}.
   *
   * <p>Amortized O(1) for each of the {@code n}; may allocate. Exclusive.
   *
   * @param n inserts to come, 0 or more
   * @return false if the index cannot promise it; then nothing has changed
   * @throws io.mm4j.api.MisuseException if {@code n} is negative
   */
  boolean reserve(int n);

  /**
   * The lowest VMA that ends above {@code addr}: the one that contains it, else the next above it.
   * Models {@code find_vma} (mm/mmap.c).
   *
   * <p>O(log n), O(1) when the address lies in the VMA found last. Shared.
   *
   * @return its handle, or {@link #NONE}
   */
  int find(long addr);

  /**
   * The VMA that contains {@code addr}. Models {@code vma_lookup} (include/linux/mm.h).
   *
   * <p>As {@link #find}.
   *
   * @return its handle, or {@link #NONE}
   */
  default int containing(long addr) {
    int vma = find(addr);
    return vma != NONE && start(vma) <= addr ? vma : NONE;
  }

  /**
   * The lowest VMA that shares an address with {@code [start, end)}. Models {@code
   * find_vma_intersection} (mm/mmap.c).
   *
   * <p>As {@link #find}.
   *
   * @return its handle, or {@link #NONE}, also for an empty range
   */
  default int findIntersection(long start, long end) {
    int vma = find(start);
    return vma != NONE && start(vma) < end ? vma : NONE;
  }

  /**
   * The lowest VMA.
   *
   * <p>O(log n). Shared.
   *
   * @return its handle, or {@link #NONE} when the index is empty
   */
  int first();

  /**
   * The highest VMA.
   *
   * <p>O(log n). Shared.
   *
   * @return its handle, or {@link #NONE} when the index is empty
   */
  int last();

  /**
   * The VMA after {@code vma} in address order.
   *
   * <p>Amortized O(1) over a walk, at most O(log n). Shared.
   *
   * @return its handle, or {@link #NONE} after the last
   */
  int next(int vma);

  /**
   * The VMA before {@code vma} in address order.
   *
   * <p>Amortized O(1) over a walk, at most O(log n). Shared.
   *
   * @return its handle, or {@link #NONE} before the first
   */
  int prev(int vma);

  /**
   * The VMA at the root of the tree ({@code mm_rb} of Linux before 6.1). O(1).
   *
   * @return a handle; {@link #NONE} if the index is empty, or if none of its VMAs is the root
   */
  default int rootVma() {
    return NONE;
  }

  /** The first address of a VMA. O(1). Shared. */
  long start(int vma);

  /** The first address after a VMA. O(1). Shared. */
  long end(int vma);

  /** Whether {@code vma}, any int, is the handle of a VMA in the index. O(1). Shared. */
  boolean contains(int vma);

  /** The number of VMAs; {@code mm->map_count} without the caller's own corrections. O(1). */
  int size();

  /**
   * Exclusive upper bound of the handles in use and of those which the reserved inserts will
   * return. Grows only, except by {@link #clear}. O(1). Shared.
   */
  int capacity();

  /**
   * The lowest address {@code a} with {@code [a, a + length)} free and inside {@code [low, high)}.
   * Models {@code mas_empty_area} as {@code unmapped_area} uses it (mm/vma.c), without alignment
   * and guard gaps, which are the caller's.
   *
   * <p>O(log n) except in an index whose capabilities say otherwise. Shared.
   *
   * @param low inclusive lower bound, {@code 0 <= low}
   * @param high exclusive upper bound, {@code high <= MAX_ADDRESS}
   * @param length in bytes, 1 or more
   * @return the address, or {@link #NONE_ADDR}
   * @throws io.mm4j.api.MisuseException if a bound is outside the limits or {@code length < 1}
   */
  long gapAbove(long low, long high, long length);

  /**
   * The highest address {@code a} with {@code [a, a + length)} free and inside {@code [low, high)}.
   * Models {@code mas_empty_area_rev} as {@code unmapped_area_topdown} uses it (mm/vma.c), without
   * alignment and guard gaps.
   *
   * <p>O(log n) except in an index whose capabilities say otherwise. Shared.
   *
   * @param low inclusive lower bound, {@code 0 <= low}
   * @param high exclusive upper bound, {@code high <= MAX_ADDRESS}
   * @param length in bytes, 1 or more
   * @return the address, or {@link #NONE_ADDR}
   * @throws io.mm4j.api.MisuseException if a bound is outside the limits or {@code length < 1}
   */
  long gapBelow(long low, long high, long length);

  /**
   * An independent index of the same kind and options with the same VMAs under the same handles, as
   * {@code fork} needs it. Models {@code __mt_dup} in {@code dup_mmap} (mm/mmap.c). Reservations
   * are not copied.
   *
   * <p>O(n), in bulk; allocates. Shared.
   */
  VmaIndex copy();

  /** Removes all VMAs, as {@code exit_mmap} does, and gives tables back. O(1). Exclusive. */
  void clear();

  /**
   * Walks everything and cross-checks it with everything that is kept for speed: order, overlap,
   * links, gaps, counters, caches, free handles.
   *
   * <p>O(n). Shared. May allocate.
   *
   * @throws io.mm4j.api.CorruptStateError if they disagree; the message says where, with {@code
   *     name=value}
   */
  void validate();
}
