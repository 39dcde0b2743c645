// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import org.apiguardian.api.API;

/**
 * How many free blocks a zone has on each list: all that a {@link FallbackRule} needs to know. A
 * {@link FrameAllocator} is one; so is a table that somebody filled from a recording.
 */
@API(status = API.Status.MAINTAINED)
@FunctionalInterface
public interface FreeCounts {
  /** Free blocks of exactly this order on the list of this migratetype; O(1), no allocation. */
  long freeBlocks(int order, int migratetype);
}
