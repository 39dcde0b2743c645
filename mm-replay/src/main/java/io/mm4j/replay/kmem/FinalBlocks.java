// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.ManagedZone;
import java.util.ArrayList;
import java.util.List;

/**
 * Compares the free blocks at the end with the recorded ones. Both come in ascending order, so it
 * is one walk over both, and only the first differences are kept.
 */
final class FinalBlocks {
  private static final int SHOWN = 4;

  /** A block that only one side has. */
  record Odd(long pfn, int order, boolean recorded) {
    @Override
    public String toString() {
      return (recorded ? "recorded, not in the replay: " : "in the replay, not recorded: ")
          + "pfn "
          + pfn
          + " order "
          + order;
    }
  }

  private final FreeBlocks recorded;
  private boolean more;
  private long equal;
  private long onlyRecorded;
  private long onlyOurs;
  private final List<Odd> odd = new ArrayList<>();

  private FinalBlocks(FreeBlocks recorded) {
    this.recorded = recorded;
    this.more = recorded.next();
  }

  /** Walks both lists. */
  static FinalBlocks compare(KmemSource source, RecordedZones zones, List<ManagedZone> managed) {
    try (FreeBlocks recorded = new FreeBlocks(source, FreeBlocks.AFTER, zones)) {
      FinalBlocks result = new FinalBlocks(recorded);
      for (ManagedZone zone : managed) {
        FrameAllocator frames = zone.frames();
        frames.forEachFree((pfn, order, type) -> result.ours(pfn, order));
      }
      result.recordedUpTo(Long.MAX_VALUE);
      return result;
    }
  }

  private void ours(long pfn, int order) {
    recordedUpTo(pfn);
    if (more && recorded.pfn() == pfn) {
      int theirs = recorded.order();
      more = recorded.next();
      if (theirs == order) {
        equal++;
        return;
      }
      onlyRecorded++;
      add(pfn, theirs, true);
    }
    onlyOurs++;
    add(pfn, order, false);
  }

  private void recordedUpTo(long pfn) {
    while (more && recorded.pfn() < pfn) {
      onlyRecorded++;
      add(recorded.pfn(), recorded.order(), true);
      more = recorded.next();
    }
  }

  private void add(long pfn, int order, boolean isRecorded) {
    if (odd.size() < SHOWN) {
      odd.add(new Odd(pfn, order, isRecorded));
    }
  }

  /** Blocks that both have. */
  long equal() {
    return equal;
  }

  /** Blocks that one or both have. */
  long total() {
    return equal + onlyRecorded + onlyOurs;
  }

  long onlyRecorded() {
    return onlyRecorded;
  }

  long onlyOurs() {
    return onlyOurs;
  }

  /** The first blocks that only one side has. */
  List<Odd> odd() {
    return odd;
  }
}
