// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import java.util.List;

/**
 * What a machine made of somebody else's requests.
 *
 * @param pageAllocator the plugin that answered
 * @param frameAllocator the plugin that kept the free blocks
 * @param requests blocks asked for
 * @param requestedPages pages in them
 * @param failuresByOrder of the requests, how many got nothing, by order
 * @param frees blocks given back
 * @param freesLeftOut frees of blocks that no request here had got: in use before the trace began,
 *     or asked for in vain
 * @param recordedFailures requests that failed where they were recorded; not asked for here
 * @param managedPages pages of the machine
 * @param startFreePages pages free after boot
 * @param lowestFreePages the fewest free pages, per-cpu lists not counted
 * @param endFreePages pages free after the last event, per-cpu lists not counted
 * @param endPcpPages pages on per-cpu lists then
 * @param firstFailure the first failed request in words; empty if there is none
 * @param buddyinfo free blocks by order of each zone at the end, a line each
 * @param notes what the trace's reader passed over
 */
public record RequestRun(
    String pageAllocator,
    String frameAllocator,
    long requests,
    long requestedPages,
    List<Long> failuresByOrder,
    long frees,
    long freesLeftOut,
    long recordedFailures,
    long managedPages,
    long startFreePages,
    long lowestFreePages,
    long endFreePages,
    long endPcpPages,
    String firstFailure,
    List<String> buddyinfo,
    List<String> notes) {
  /** Copies the lists. */
  public RequestRun {
    failuresByOrder = List.copyOf(failuresByOrder);
    buddyinfo = List.copyOf(buddyinfo);
    notes = List.copyOf(notes);
  }

  /** Requests that got nothing. */
  public long failures() {
    return failuresByOrder.stream().mapToLong(Long::longValue).sum();
  }
}
