// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.page.FreeCounts;
import io.mm4j.api.page.Migratetype;

/** The free blocks of every zone, type and order at one moment. */
final class FrozenCounts {
  private final long[][][] counts;

  FrozenCounts(RecordedZones zones, TypedBlocks blocks) {
    counts = TypedBlocks.table(zones);
    for (int z = 0; z < counts.length; z++) {
      blocks.ask(z);
      for (int t = 0; t < Migratetype.TYPES; t++) {
        for (int o = 0; o < Counts.ORDERS; o++) {
          counts[z][t][o] = blocks.freeBlocks(o, t);
        }
      }
    }
  }

  FreeCounts of(int zone) {
    return (order, type) -> counts[zone][type][order];
  }
}
