// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import org.apiguardian.api.API;

/**
 * Who holds a frame. Every frame has exactly one owner at any time; the floor that holds the frame
 * sets it, and only that floor may write the frame's {@code private}, {@code mapping} and {@code
 * index}.
 */
@API(status = API.Status.MAINTAINED)
public enum FrameOwner {
  /** No memory is there: a hole. */
  NONE(0),
  /** Never given to the page allocator: firmware, kernel image, memblock. */
  RESERVED(1),
  /** In a free block of the zone. */
  FREE(2),
  /** On a per-cpu list of the page allocator. */
  PCP(3),
  /** Handed out, and the holder has not said what for. */
  KERNEL(4),
  /** Objects of the slab floor. */
  SLAB(5),
  /** A page table. */
  PAGE_TABLE(6),
  /** Anonymous memory of processes. */
  ANON(7),
  /** A cached page of a file. */
  FILE(8),
  /** Behind a vmalloc area. */
  VMALLOC(9),
  /** Isolated by somebody who moves or takes a range. */
  ISOLATED(10),
  /** A huge page of hugetlbfs, in its pool or mapped. */
  HUGETLB(11),
  /** Anonymous memory that has a place in swap space, and is found by it: the swap cache. */
  SWAP_CACHE(12);

  private static final FrameOwner[] VALUES = values();

  private final int code;

  FrameOwner(int code) {
    this.code = code;
  }

  /** A small number for tables, the owner's place in this list: 0 to 31. */
  public int code() {
    return code;
  }

  /**
   * Whether processes see what is in the frame: their memory and cached pages. These are the frames
   * without bytes of a machine with {@link Contents#TABLES}.
   */
  public boolean isUser() {
    return this == ANON || this == FILE || this == HUGETLB || this == SWAP_CACHE;
  }

  /** The owner with this code, without a new array. */
  public static FrameOwner of(int code) {
    return VALUES[code];
  }
}
