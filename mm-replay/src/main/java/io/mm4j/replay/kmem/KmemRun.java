// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.replay.Verdict;
import java.util.List;

/**
 * What an exact replay came to.
 *
 * @param verdict the checks
 * @param recording the recording's own name
 * @param command the workload's command line, or an empty text
 * @param zones the zones of the recorded machine
 * @param events events in the trace
 * @param operations core operations: blocks that left or entered the free blocks
 * @param startBlocks free blocks before the first event
 * @param samples the free blocks over recorded time, if asked for; the last is the end
 * @param frameAllocator the plugin that was judged
 * @param metadataBytes what the frame allocators of all zones take for their tables at the end; -1
 *     if not known
 */
public record KmemRun(
    Verdict verdict,
    String recording,
    String command,
    RecordedZones zones,
    long events,
    long operations,
    long startBlocks,
    List<Sample> samples,
    String frameAllocator,
    long metadataBytes) {
  /** Copies the list. */
  public KmemRun {
    samples = List.copyOf(samples);
  }
}
