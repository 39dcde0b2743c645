// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import org.apiguardian.api.API;

/**
 * A boot allocator that keeps ranges of bytes, with more than every {@link BootAllocator} has: the
 * calls of include/linux/memblock.h that tell nodes apart and choose a direction, and what {@code
 * /sys/kernel/debug/memblock} shows. A plugin may have it; the rules of the test kit ask.
 *
 * <p>Ranges are sorted and without overlap. Neighbours of one node and equal flags are one range,
 * as after {@code memblock_merge_regions()}. A range that was allocated knows the node of the
 * memory where it begins, and has the flag {@link #RSRV_KERN}; one that was reserved by {@link
 * #reserve} has {@link #ANY_NODE} and no flags. When all is handed over, every reserved range takes
 * the node of the memory that it lies in: {@code memmap_init_reserved_pages()}.
 */
@API(status = API.Status.MAINTAINED)
public interface RangeBootAllocator extends BootAllocator {
  /** The range can be removed while the machine runs. */
  int HOTPLUG = 0x1;

  /** The range was allocated for the kernel's own use (6.16 and later). */
  int RSRV_KERN = 0x20;

  /** {@code memblock_add_node()}: what is memory already keeps its node and flags. */
  void addNode(long start, long bytes, int nodeId, int flags);

  /** {@code memblock_remove()}: it is no memory any more; reservations stay. */
  void remove(long start, long bytes);

  /** {@code memblock_set_bottom_up()}: whether the lowest place is looked for first. */
  void setBottomUp(boolean up);

  /** {@code memblock_set_current_limit()}: one past the highest address that is given out. */
  void setCurrentLimit(long limit);

  /** {@code memblock_alloc_try_nid_raw()}: as {@link #alloc}, and the bytes stay as they are. */
  long allocRaw(long bytes, long align, long min, long max, int nodeId);

  /** {@code memblock_alloc_exact_nid_raw()} that clears: never on another node. */
  long allocExact(long bytes, long align, long min, long max, int nodeId);

  /** All memory, ascending. */
  void forEachMemory(RegionVisitor visitor);

  /** All that is in use, ascending. */
  void forEachReserved(RegionVisitor visitor);

  /** Receives ranges of bytes. */
  @FunctionalInterface
  interface RegionVisitor {
    /**
     * The bytes {@code [start, end)}.
     *
     * @param nodeId the node, or {@link #ANY_NODE} if it is not known
     */
    void region(long start, long end, int nodeId, int flags);
  }
}
