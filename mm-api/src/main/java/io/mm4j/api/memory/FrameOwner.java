// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

/**
 * Who holds a frame. Every frame has exactly one owner at any time; the floor that holds the frame
 * sets it, and only that floor may write the frame's {@code private}, {@code mapping} and {@code
 * index}.
 */
public enum FrameOwner {
  /** No memory is there: a hole. */
  NONE,
  /** Never given to the page allocator: firmware, kernel image, memblock. */
  RESERVED,
  /** In a free block of the zone. */
  FREE,
  /** On a per-cpu list of the page allocator. */
  PCP,
  /** Handed out, and the holder has not said what for. */
  KERNEL,
  /** Objects of the slab floor. */
  SLAB,
  /** A page table. */
  PAGE_TABLE,
  /** Anonymous memory of processes. */
  ANON,
  /** A cached page of a file. */
  FILE,
  /** Behind a vmalloc area. */
  VMALLOC,
  /** Isolated by somebody who moves or takes a range. */
  ISOLATED;

  private static final FrameOwner[] VALUES = values();

  /** The owner with this ordinal, without a new array. */
  public static FrameOwner of(int ordinal) {
    return VALUES[ordinal];
  }
}
