// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.page.FallbackRule;
import io.mm4j.api.page.FreeCounts;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Verdict;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** A recording with one fallback of each kind, against rules that are right and wrong. */
class FallbackTest {
  private static final int[][] LINUX = {{2, 1}, {2, 0}, {0, 1}};

  /** Rules that differ from Linux's in one thing each. */
  private static class Rule implements FallbackRule {
    @Override
    public int fallback(int migratetype, int index) {
      return migratetype < 3 && index < 2 ? LINUX[migratetype][index] : NONE;
    }
  }

  /** The table turned round. */
  private static final class Swapped extends Rule {
    @Override
    public int fallback(int migratetype, int index) {
      return super.fallback(migratetype, index < 2 ? 1 - index : index);
    }
  }

  /** Steals from the largest order. */
  private static final class StealsLarge extends Rule {
    @Override
    public int stealOrder(FreeCounts counts, int order, int migratetype) {
      for (int o = 10; o >= order; o--) {
        if (firstType(counts, o, migratetype) != NONE) {
          return o;
        }
      }
      return NONE;
    }
  }

  /** Claims from the smallest order. */
  private static final class ClaimsSmall extends Rule {
    @Override
    public int claimOrder(FreeCounts counts, int fromOrder, int minOrder, int migratetype) {
      for (int o = minOrder; o <= fromOrder; o++) {
        if (firstType(counts, o, migratetype) != NONE) {
          return o;
        }
      }
      return NONE;
    }
  }

  /** Claims whatever there is. */
  private static final class ClaimsAlways extends Rule {
    @Override
    public boolean claims(int freePages, int alikePages) {
      return true;
    }
  }

  /** Takes from its own list only what fits exactly, or the largest. */
  private static final class OwnLarge extends Rule {
    @Override
    public int ownOrder(FreeCounts counts, int order, int migratetype) {
      for (int o = 10; o >= order; o--) {
        if (counts.freeBlocks(o, migratetype) > 0) {
          return o;
        }
      }
      return NONE;
    }
  }

  /**
   * Unmovable requests of order 0 on a zone that is Movable but for two Reclaimable pageblocks: a
   * whole block of order 9, a claim of the Reclaimable pageblock with a block of order 8, then
   * steals.
   */
  static MemoryRecording recording() {
    SmallRecording small = new SmallRecording();
    small.normal.set(1024, 9, true); // Movable, whole
    small.normal.set(1536, 8, true); // Reclaimable, claimed through its order 8
    small.normal.set(1800, 2, true);
    small.normal.set(2056, 3, true); // Reclaimable, too little of it is free
    small.normal.set(2560, 4, true); // Movable, too little of it is free
    small.normal.set(2580, 0, true);
    small.normal.set(2600, 0, true);
    small.type(1536, 2).type(2056, 2).start();
    // The types of the two Reclaimable pageblocks show before anything is decided there.
    small.op("d 1804 0 2").op("d 2064 0 2").op("z 2600 0 1 1");
    small.middle();
    small.op("E 1024 0 9 0 1 1").op("z 1025 0 0 1");
    // What the first pageblock gave is used up: 510 pages in ever larger blocks.
    for (int o = 1; o < 9; o++) {
      small.op("z " + (1024 + (1 << o)) + " " + o + " 0 0");
    }
    // Claim: the block of order 0 that the pageblock has is taken, not the candidate.
    small.op("z 1804 0 0 1").line("e 1804 0 8 0 2 1");
    small.op("z 1800 2 0 1").op("z 1536 8 0 0");
    // Now only short pageblocks are left: steals, smallest order first, Reclaimable first.
    small.op("E 2064 0 0 0 2 0").op("E 2580 0 0 0 1 0").op("E 2056 0 3 0 2 0");
    return small.end();
  }

  private static List<Long> extra(Fallbacks fallbacks, String kind) {
    return Objects.requireNonNull(fallbacks.result().extra().get(kind));
  }

  @Test
  void everyDecisionOfLinuxIsEqual() {
    Fallbacks fallbacks = Replays.fallbacks(recording(), new Rule());
    assertNull(fallbacks.firstDifference());
    assertTrue(fallbacks.result().holds(), fallbacks.result().toString());
    assertEquals(List.of(1L, 1L), extra(fallbacks, "whole"));
    assertEquals(List.of(1L, 1L), extra(fallbacks, "claim"));
    assertEquals(List.of(3L, 3L), extra(fallbacks, "steal"));
    assertEquals(List.of(13L, 13L), extra(fallbacks, "own"));
  }

  @Test
  void thePageAllocatorIsAskedForItsOwnRule() {
    Verdict linux =
        KmemReplay.replay(recording(), new MachineConfig().plugin("page-allocator=linux"));
    assertTrue(Replays.check(linux, KmemChecks.FALLBACK).holds(), linux.toString());
    assertEquals(18, Replays.check(linux, KmemChecks.FALLBACK).total());
    assertTrue(linux.exact());
    Verdict direct = Replays.replay(recording());
    assertNotNull(Replays.check(direct, KmemChecks.FALLBACK).skipped());
    assertTrue(direct.exact());
  }

  private static FirstDifference refuted(FallbackRule rule) {
    Fallbacks fallbacks = Replays.fallbacks(recording(), rule);
    assertTrue(fallbacks.result().differs(), fallbacks.result().toString());
    return Objects.requireNonNull(fallbacks.firstDifference());
  }

  @Test
  void aSwappedTableIsRefuted() {
    assertTrue(refuted(new Swapped()).line() > 0);
  }

  @Test
  void stealingFromTheLargestOrderIsRefuted() {
    String what = refuted(new StealsLarge()).what();
    assertTrue(what.contains("E 2064 0 0 0 2 0"), what);
  }

  @Test
  void claimingFromTheSmallestOrderIsRefuted() {
    String what = refuted(new ClaimsSmall()).what();
    assertTrue(what.contains("E 1024 0 9 0 1 1"), what);
  }

  @Test
  void claimingWhateverThereIsIsRefuted() {
    String what = refuted(new ClaimsAlways()).what();
    assertTrue(what.contains("E 2064 0 0 0 2 0"), what);
  }

  @Test
  void takingTheLargestOwnBlockIsRefuted() {
    assertTrue(refuted(new OwnLarge()).what().contains("'z "));
  }
}
