// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.pages.model.Fallback;
import java.util.Objects;

/**
 * The free blocks of a recording, followed from the recording alone; what has to be known about
 * claims is the model's.
 */
final class TrackedCounts {
  private TrackedCounts() {}

  /** The blocks as they are before the first event. */
  static TypedBlocks atStart(KmemSource source, RecordedZones zones) {
    long[][][] recorded =
        Objects.requireNonNull(
            Counts.pagetypeinfo(source, Fallbacks.TYPES_BEFORE, zones, Migratetype.TYPES));
    boolean[] fits = new boolean[Pages.PAGEBLOCK_NR_PAGES + 1];
    for (int free = 0; free < fits.length; free++) {
      fits[free] = Fallback.changesHands(free, 0);
    }
    PageblockTypes types = PageblockTypes.lookAhead(source, zones);
    TypedBlocks first = new TypedBlocks(zones, types.copy(), fits, TypedBlocks.table(zones));
    long[][][] bias = new Fallbacks.TypeBias(source, zones, first, recorded).find();
    TypedBlocks blocks = new TypedBlocks(zones, types.copy(), fits, bias);
    Fallbacks.load(source, zones, blocks);
    return blocks;
  }
}
