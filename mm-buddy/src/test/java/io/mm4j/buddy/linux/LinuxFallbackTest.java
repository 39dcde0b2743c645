// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static io.mm4j.api.page.FallbackRule.NONE;
import static io.mm4j.api.page.Migratetype.HIGHATOMIC;
import static io.mm4j.api.page.Migratetype.MOVABLE;
import static io.mm4j.api.page.Migratetype.RECLAIMABLE;
import static io.mm4j.api.page.Migratetype.UNMOVABLE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.page.FreeCounts;
import org.junit.jupiter.api.Test;

class LinuxFallbackTest {
  private static final LinuxFallback RULE = new LinuxFallback();

  /** Free blocks given as rows of order, type, count. */
  private static FreeCounts free(int[]... rows) {
    return (order, type) -> {
      for (int[] row : rows) {
        if (row[0] == order && row[1] == type) {
          return row[2];
        }
      }
      return 0;
    };
  }

  private static int[] row(int order, int type, int count) {
    return new int[] {order, type, count};
  }

  @Test
  void theTablePrefersWhatMixesBest() {
    int[][] expected = {
      {RECLAIMABLE, MOVABLE, NONE}, {RECLAIMABLE, UNMOVABLE, NONE}, {UNMOVABLE, MOVABLE, NONE}
    };
    for (int type = UNMOVABLE; type <= RECLAIMABLE; type++) {
      for (int i = 0; i < 3; i++) {
        assertEquals(expected[type][i], RULE.fallback(type, i));
      }
    }
    assertEquals(NONE, RULE.fallback(HIGHATOMIC, 0), "the reserve falls back to nothing");
  }

  @Test
  void theOwnListGivesItsSmallestSufficientBlock() {
    FreeCounts counts = free(row(2, MOVABLE, 1), row(5, MOVABLE, 9), row(3, UNMOVABLE, 1));
    assertEquals(2, RULE.ownOrder(counts, 0, MOVABLE));
    assertEquals(5, RULE.ownOrder(counts, 3, MOVABLE));
    assertEquals(NONE, RULE.ownOrder(counts, 6, MOVABLE));
  }

  @Test
  void theReserveIsNobodysFallback() {
    FreeCounts counts = free(row(4, HIGHATOMIC, 7));
    assertEquals(NONE, RULE.stealOrder(counts, 0, UNMOVABLE));
    assertEquals(NONE, RULE.claimOrder(counts, 10, 0, UNMOVABLE));
  }

  @Test
  void aClaimBeginsAtTheLargestOrder() {
    FreeCounts counts =
        free(row(10, MOVABLE, 1), row(9, RECLAIMABLE, 1), row(6, MOVABLE, 1), row(1, MOVABLE, 5));
    assertEquals(10, RULE.claimOrder(counts, 10, 0, UNMOVABLE));
    assertEquals(MOVABLE, RULE.firstType(counts, 10, UNMOVABLE));
    assertEquals(9, RULE.claimOrder(counts, 9, 0, UNMOVABLE));
    assertEquals(RECLAIMABLE, RULE.firstType(counts, 9, UNMOVABLE));
    assertEquals(6, RULE.claimOrder(counts, 8, 0, UNMOVABLE));
    assertEquals(1, RULE.claimOrder(counts, 5, 0, UNMOVABLE));
    assertEquals(NONE, RULE.claimOrder(counts, 5, 2, UNMOVABLE), "not below the wanted order");
    assertEquals(NONE, RULE.claimOrder(counts, 5, 0, MOVABLE), "Movable claims no small block");
  }

  @Test
  void movableClaimsFromHalfAPageblocksOrderUp() {
    assertTrue(RULE.mayClaim(4, MOVABLE));
    assertFalse(RULE.mayClaim(3, MOVABLE));
    assertTrue(RULE.mayClaim(0, UNMOVABLE) && RULE.mayClaim(0, RECLAIMABLE));
  }

  @Test
  void aStealTakesTheSmallestOrder() {
    FreeCounts counts = free(row(7, RECLAIMABLE, 1), row(2, MOVABLE, 1), row(2, RECLAIMABLE, 1));
    assertEquals(2, RULE.stealOrder(counts, 0, UNMOVABLE));
    assertEquals(RECLAIMABLE, RULE.firstType(counts, 2, UNMOVABLE));
    assertEquals(7, RULE.stealOrder(counts, 3, UNMOVABLE));
  }

  @Test
  void halfOfThePageblockMustFit() {
    assertTrue(RULE.claims(256, 0));
    assertFalse(RULE.claims(255, 0));
    assertTrue(RULE.claims(100, 156));
    assertEquals(77, RULE.alikePages(MOVABLE, UNMOVABLE, 10, 77));
    assertEquals(512 - 110, RULE.alikePages(UNMOVABLE, MOVABLE, 10, 100));
    assertEquals(0, RULE.alikePages(UNMOVABLE, RECLAIMABLE, 10, 100));
  }
}
