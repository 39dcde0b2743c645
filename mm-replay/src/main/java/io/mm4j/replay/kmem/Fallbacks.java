// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FallbackRule;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import org.jspecify.annotations.Nullable;

/**
 * The check {@code fallback}: can it be judged, and what came of it.
 *
 * @param result the check
 * @param firstDifference the first decision that the rule takes otherwise, or null
 */
record Fallbacks(CheckResult result, @Nullable FirstDifference firstDifference) {
  static final String TYPES_BEFORE = "snap/pagetypeinfo.before";
  private static final int TYPES = io.mm4j.api.page.Migratetype.TYPES;

  /**
   * Judges every recorded decision, if the recording has any and the counts before each are known
   * exactly: three more passes over the trace, for the pageblocks' types at the start, for what
   * they leave open, and for the decisions.
   *
   * @param rule the page allocator's, or null if it has none
   */
  static Fallbacks judge(
      KmemSource source, RecordedZones zones, ExactReplay replay, @Nullable FallbackRule rule) {
    if (replay.fallbacks() == 0) {
      return skipped("the recording has no migratetype fallback");
    }
    if (replay.inferred() > 0) {
      return skipped("the recording has inferred lines, so the counts are not exact");
    }
    if (rule == null) {
      return skipped("not judged: the page allocator has no fallback rule");
    }
    long[][][] recorded = Counts.pagetypeinfo(source, TYPES_BEFORE, zones, TYPES);
    if (recorded == null) {
      return skipped("needs " + TYPES_BEFORE);
    }
    PageblockTypes types = PageblockTypes.lookAhead(source, zones);
    boolean[] fits = fits(rule);
    TypedBlocks before = new TypedBlocks(zones, types.copy(), fits, TypedBlocks.table(zones));
    long[][][] bias = new TypeBias(source, zones, before, recorded).find();
    TypedBlocks blocks = new TypedBlocks(zones, types.copy(), fits, bias);
    FallbackJudge judge = new FallbackJudge(source, zones, blocks, rule);
    judge.run();
    return new Fallbacks(judge.result(), judge.firstDifference());
  }

  private static Fallbacks skipped(String reason) {
    return new Fallbacks(CheckResult.skipped(KmemChecks.FALLBACK, reason), null);
  }

  /** By free pages of a pageblock: whether the rule claims it even if nothing else in it fits. */
  private static boolean[] fits(FallbackRule rule) {
    boolean[] fits = new boolean[Pages.PAGEBLOCK_NR_PAGES + 1];
    for (int free = 0; free < fits.length; free++) {
      fits[free] = rule.claims(free, 0);
    }
    return fits;
  }

  /** Puts the free blocks of the start into the table. */
  static void load(KmemSource source, RecordedZones zones, TypedBlocks blocks) {
    try (FreeBlocks before = new FreeBlocks(source, FreeBlocks.BEFORE, zones)) {
      while (before.next()) {
        blocks.insert(before.zone(), before.pfn(), before.order());
      }
    }
  }

  /** What the counts of free blocks by type are off because some pageblocks show no type. */
  static final class TypeBias {
    private final KmemSource source;
    private final RecordedZones zones;
    private final TypedBlocks blocks;
    private final long[][][] recorded;
    private final long[][][] bias;
    private long best = Long.MAX_VALUE;

    TypeBias(KmemSource source, RecordedZones zones, TypedBlocks blocks, long[][][] recorded) {
      this.source = source;
      this.zones = zones;
      this.blocks = blocks;
      this.recorded = recorded;
      this.bias = TypedBlocks.table(zones);
    }

    /**
     * Finds it where /proc/pagetypeinfo was read: between B1 and T1 of the first snapshot, at the
     * event after which the counts per order are nearest. No event is ever in those pageblocks, so
     * it stays the same.
     */
    long[][][] find() {
      load(source, zones, blocks);
      TypedTrace trace = new TypedTrace(zones, blocks, new TypedTrace.Judge() {});
      boolean open = false;
      try (TraceReader event = new TraceReader(source, zones)) {
        while (event.next()) {
          trace.apply(event);
          if (event.op() == 'm') {
            if (event.marker().equals("T1")) {
              break;
            }
            open |= event.marker().equals("B1");
          }
          if (open) {
            compare();
          }
        }
      }
      return bias;
    }

    private void compare() {
      long distance = 0;
      for (int z = 0; z < zones.count(); z++) {
        for (int o = 0; o < Counts.ORDERS; o++) {
          long off = 0;
          for (int t = 0; t < TYPES; t++) {
            off += recorded[z][t][o] - blocks.tracked(z, t, o);
          }
          distance += Math.abs(off);
        }
      }
      if (distance >= best) {
        return;
      }
      best = distance;
      for (int z = 0; z < zones.count(); z++) {
        for (int t = 0; t < TYPES; t++) {
          for (int o = 0; o < Counts.ORDERS; o++) {
            bias[z][t][o] = recorded[z][t][o] - blocks.tracked(z, t, o);
          }
        }
      }
    }
  }
}
