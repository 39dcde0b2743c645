// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FreeCounts;
import io.mm4j.api.page.Migratetype;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a request looks when its own lists are empty: {@code fallbacks[]}, {@code
 * find_suitable_fallback()}, {@code __rmqueue_claim()}, {@code try_to_claim_block()} and {@code
 * __rmqueue_steal()} of mm/page_alloc.c (Linux 6.18), as functions of the counts.
 */
public final class Fallback {
  private Fallback() {}

  /**
   * A list that a block could come from.
   *
   * @param order the order of its blocks
   * @param type whose list it is
   */
  public record Candidate(int order, int type) {}

  /** The other types that a type looks at, the first choice first. */
  public static List<Integer> others(int type) {
    return switch (type) {
      case Migratetype.UNMOVABLE -> List.of(Migratetype.RECLAIMABLE, Migratetype.MOVABLE);
      case Migratetype.MOVABLE -> List.of(Migratetype.RECLAIMABLE, Migratetype.UNMOVABLE);
      case Migratetype.RECLAIMABLE -> List.of(Migratetype.UNMOVABLE, Migratetype.MOVABLE);
      default -> throw new IllegalArgumentException("has no fallback: type=" + type);
    };
  }

  /** The smallest sufficient list of the type itself: {@code __rmqueue_smallest()}. */
  public static @Nullable Candidate own(FreeCounts counts, int order, int type) {
    for (int o = order; o <= Pages.MAX_PAGE_ORDER; o++) {
      if (counts.freeBlocks(o, type) > 0) {
        return new Candidate(o, type);
      }
    }
    return null;
  }

  /** The first other type that has a block of exactly this order. */
  public static @Nullable Candidate first(FreeCounts counts, int order, int type) {
    for (int other : others(type)) {
      if (counts.freeBlocks(order, other) > 0) {
        return new Candidate(order, other);
      }
    }
    return null;
  }

  /**
   * What a claim is tried with, in order: the largest blocks first, down to the wanted order, or to
   * that of a pageblock when types must not mix.
   */
  public static List<Candidate> claims(
      FreeCounts counts, int order, int type, boolean avoidsMixing) {
    return claims(counts, order, type, avoidsMixing, Pages.PAGEBLOCK_ORDER);
  }

  /** The same with pageblocks of any order. */
  static List<Candidate> claims(
      FreeCounts counts, int order, int type, boolean avoidsMixing, int block) {
    int least = avoidsMixing ? Math.max(order, block) : order;
    List<Candidate> list = new ArrayList<>();
    for (int o = Pages.MAX_PAGE_ORDER; o >= least && worthClaiming(o, type, block); o--) {
      Candidate candidate = first(counts, o, type);
      if (candidate != null) {
        list.add(candidate);
      }
    }
    return list;
  }

  /**
   * {@code should_try_claim_block()}: Movable pages spoil nothing, so they claim only where much is
   * free; the others would stay in the way for ever and always try.
   */
  static boolean worthClaiming(int order, int type, int block) {
    return type != Migratetype.MOVABLE || order >= block / 2;
  }

  /** Whether a block of this order is taken with its pageblocks, whatever else is there. */
  public static boolean takesWholeBlocks(int order) {
    return order >= Pages.PAGEBLOCK_ORDER;
  }

  /**
   * How many used pages of a pageblock would suit the claiming type.
   *
   * @param owner the type of the pageblock
   * @param free its free pages
   * @param movable its pages that could be moved away
   */
  public static int alike(int type, int owner, int free, int movable) {
    return alike(type, owner, free, movable, Pages.PAGEBLOCK_NR_PAGES);
  }

  /** The same with pageblocks of any size. */
  static int alike(int type, int owner, int free, int movable, int pages) {
    if (type == Migratetype.MOVABLE) {
      return movable;
    }
    return owner == Migratetype.MOVABLE ? pages - free - movable : 0;
  }

  /** Whether a pageblock changes hands: at least half of it is free or suits. */
  public static boolean changesHands(int free, int alike) {
    return changesHands(free, alike, Pages.PAGEBLOCK_NR_PAGES);
  }

  /** The same with pageblocks of any size. */
  static boolean changesHands(int free, int alike, int pages) {
    return free + alike >= pages / 2;
  }

  /** What is stolen when nothing was claimed: the smallest block that suffices. */
  public static @Nullable Candidate steal(FreeCounts counts, int order, int type) {
    for (int o = order; o <= Pages.MAX_PAGE_ORDER; o++) {
      Candidate candidate = first(counts, o, type);
      if (candidate != null) {
        return candidate;
      }
    }
    return null;
  }
}
