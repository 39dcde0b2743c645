// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import org.jspecify.annotations.Nullable;

/**
 * The page faults of a real program since its maps were read last. They were read at its calls
 * only, so what faults changed (the stack grew) stands after the last fault before the next call,
 * all together; only then can it be compared.
 */
final class PendingFaults {
  private @Nullable ReplayedProcess process;
  private VmaEvent.@Nullable Call last;
  private VmaEvent.@Nullable Call changed;
  private long count;
  private long generation;

  /** To be called before each fault is made. */
  void before(ReplayedProcess by) {
    process = by;
    generation = by.mm().mapsGeneration();
  }

  /**
   * A fault was made.
   *
   * @return whether it ends its group: the recorded change stands with it
   */
  boolean add(VmaEvent.Call fault, ReplayedProcess by) {
    count++;
    last = fault;
    if (by.mm().mapsGeneration() != generation) {
      changed = fault;
    }
    return !fault.removed().isEmpty() || !fault.added().isEmpty();
  }

  /** How many there are. */
  long count() {
    return count;
  }

  /** Who made them. */
  @Nullable ReplayedProcess process() {
    return process;
  }

  /** The last one; the recorded change stands with it. */
  VmaEvent.@Nullable Call last() {
    return last;
  }

  /** The last one that changed something here, to be explained if that was wrong; else the last. */
  VmaEvent.@Nullable Call toExplain() {
    return changed != null ? changed : last;
  }

  /** They were compared. */
  void clear() {
    count = 0;
    last = null;
    changed = null;
    process = null;
  }
}
