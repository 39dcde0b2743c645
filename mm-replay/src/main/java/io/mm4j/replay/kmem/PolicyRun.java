// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import java.util.List;

/**
 * What a policy replay came to: the recorded requests, answered by other allocators.
 *
 * @param recording the recording's own name
 * @param pageAllocator the plugin that answered the requests
 * @param frameAllocator the plugin that kept the free blocks
 * @param zones the zones of the recorded machine
 * @param requests allocations asked for, bulk ones included
 * @param failures of these, how many got nothing
 * @param failuresByOrder the same by order
 * @param frees frees carried out, counted as recorded
 * @param startFreePages pages free at the start, without those on per-cpu lists
 * @param endFreePages pages free at the end, without those on per-cpu lists
 * @param endPcpPages pages on per-cpu lists at the end
 * @param inferred what the trace does not say and had to be inferred
 * @param samples the free blocks over recorded time; the last is the end
 */
public record PolicyRun(
    String recording,
    String pageAllocator,
    String frameAllocator,
    RecordedZones zones,
    long requests,
    long failures,
    List<Long> failuresByOrder,
    long frees,
    long startFreePages,
    long endFreePages,
    long endPcpPages,
    Inferred inferred,
    List<Sample> samples) {
  /** Copies the lists. */
  public PolicyRun {
    failuresByOrder = List.copyOf(failuresByOrder);
    samples = List.copyOf(samples);
  }

  /**
   * What was inferred.
   *
   * @param pcpPagesAtStart pages that were on per-cpu lists at the start
   * @param bulkAllocations removals that were bulk allocations
   * @param pageblocksTyped pageblocks whose type an event showed; the others are taken as Movable
   * @param pageblocks pageblocks of all zones
   * @param freesByPage frees that were carried out page by page, as the block was not allocated as
   *     such
   * @param freesOfStart frees of blocks that were in use at the start
   * @param freesLeftOut pages whose recorded free was left out: their request failed here, or no
   *     event says how they came into use
   * @param lostFrees pages that were allocated again with no free in between; freed just before
   * @param recordedFailures requests that failed on the recorded machine; not asked for here
   */
  public record Inferred(
      long pcpPagesAtStart,
      long bulkAllocations,
      long pageblocksTyped,
      long pageblocks,
      long freesByPage,
      long freesOfStart,
      long freesLeftOut,
      long lostFrees,
      long recordedFailures) {}
}
