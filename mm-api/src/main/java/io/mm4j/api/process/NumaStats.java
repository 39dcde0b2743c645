// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.Map;
import org.apiguardian.api.API;

/**
 * What {@code /proc/PID/numa_maps} sums up of one VMA ({@code struct numa_maps}, fs/proc/task_mmu.c
 * of Linux 6.18), in pages; a page of a pool of huge pages counts as one.
 *
 * @param pages that are mapped, without zero pages
 * @param anon of them anonymous
 * @param dirty of them dirty, by their entry or themselves
 * @param active of them on the active list, or on none because they are locked
 * @param mapcountMax how often the page is mapped that is mapped most often
 * @param byNode of the pages those of each node that has some, by the node's number in ascending
 *     order
 */
@API(status = API.Status.EXPERIMENTAL)
public record NumaStats(
    long pages, long anon, long dirty, long active, long mapcountMax, Map<Integer, Long> byNode) {
  /** Nothing is mapped. */
  public static final NumaStats NONE = new NumaStats(0, 0, 0, 0, 0, Map.of());
}
