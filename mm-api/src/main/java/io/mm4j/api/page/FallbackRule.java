// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.memory.Pages;
import org.apiguardian.api.API;

/**
 * What a request does when the lists of its own migratetype are empty: which other type it looks
 * at, which order it takes, and when a whole pageblock changes its type. A rule of its own, so that
 * what a page allocator decides can be asked, judged and replaced without the allocator.
 *
 * <p>The rule knows counts only, never addresses. It models the fallback half of {@code
 * __rmqueue()} in mm/page_alloc.c (Linux 6.18), which tries in this order:
 *
 * <ol>
 *   <li><b>own</b>: the smallest order, from the wanted one up, that the own list has: {@link
 *       #ownOrder};
 *   <li><b>claim</b>: from order 10 down to the wanted one, at each order where another type has a
 *       block, the block at the head of {@link #firstType}. From the order of a pageblock up the
 *       block is taken with its pageblocks, which become the request's type; below it, the
 *       pageblock changes hands only if enough of it fits ({@link #claims}), and then the request
 *       is served from the lists of its own type. If it does not fit, the next smaller order is
 *       tried: {@link #claimOrder};
 *   <li><b>steal</b>: the smallest order, from the wanted one up, at which another type has a
 *       block; the rest after the split stays with that type: {@link #stealOrder}.
 * </ol>
 *
 * <p>All methods are pure, allocate nothing and may be called from any thread that may read the
 * counts. Every method but {@link #fallback} has a default that states Linux's rule, so that a
 * variation overrides just what it changes.
 */
@API(status = API.Status.MAINTAINED)
public interface FallbackRule {
  /** No such order or type. */
  int NONE = -1;

  /** {@code pageblock_order} of the machine that it is for. */
  default int pageblockOrder() {
    return Pages.PAGEBLOCK_ORDER;
  }

  /** This rule for a machine with pageblocks of that order; itself if that makes no difference. */
  default FallbackRule forPageblocks(int order) {
    return this;
  }

  /**
   * The table {@code fallbacks[]}.
   *
   * @param migratetype what the request is for: below {@link Migratetype#PCPTYPES}
   * @param index 0 for the first choice
   * @return the type to look at, or {@link #NONE} behind the last one
   */
  int fallback(int migratetype, int index);

  /** The smallest order from {@code order} up that the own list has, or {@link #NONE}. */
  default int ownOrder(FreeCounts counts, int order, int migratetype) {
    for (int o = order; o <= Pages.MAX_PAGE_ORDER; o++) {
      if (counts.freeBlocks(o, migratetype) > 0) {
        return o;
      }
    }
    return NONE;
  }

  /**
   * The first type of the table that has a free block of exactly this order: {@code
   * find_suitable_fallback()} without the claim test.
   *
   * @return the type, or {@link #NONE}
   */
  default int firstType(FreeCounts counts, int order, int migratetype) {
    for (int i = 0; ; i++) {
      int type = fallback(migratetype, i);
      if (type == NONE || counts.freeBlocks(order, type) > 0) {
        return type;
      }
    }
  }

  /**
   * Whether a block of this order is large enough to claim its pageblock for this type: always for
   * Unmovable and Reclaimable, whose pages would pollute a Movable pageblock for long; from half
   * the order of a pageblock up for Movable. {@code should_try_claim_block()}.
   */
  default boolean mayClaim(int order, int migratetype) {
    return order >= pageblockOrder() / 2 || migratetype != Migratetype.MOVABLE;
  }

  /**
   * The next candidate for a claim: the largest order, from {@code fromOrder} down to {@code
   * minOrder}, at which another type has a block and a claim may be tried. Begin with {@link
   * Pages#MAX_PAGE_ORDER}; after a claim that failed at order o, go on with o - 1.
   *
   * @param minOrder the wanted order, or that of a pageblock when mixing types is to be avoided
   * @return the order, whose block is on the list of {@link #firstType}, or {@link #NONE}
   */
  default int claimOrder(FreeCounts counts, int fromOrder, int minOrder, int migratetype) {
    for (int o = fromOrder; o >= minOrder && mayClaim(o, migratetype); o--) {
      if (firstType(counts, o, migratetype) != NONE) {
        return o;
      }
    }
    return NONE;
  }

  /**
   * Whether claiming a block of this order takes whole pageblocks at once, whatever is in them: it
   * does from the order of a pageblock up.
   */
  default boolean takesWholeBlocks(int order) {
    return order >= pageblockOrder();
  }

  /**
   * How many allocated pages of a pageblock are taken to be of the claiming type, as nobody knows
   * exactly: for Movable those that are on an LRU list; for the others those of a Movable pageblock
   * that are neither free nor on an LRU list; none between Unmovable and Reclaimable.
   *
   * @param freePages free pages of the pageblock
   * @param movablePages pages of it that can be moved
   */
  default int alikePages(int migratetype, int blockType, int freePages, int movablePages) {
    if (migratetype == Migratetype.MOVABLE) {
      return movablePages;
    }
    return blockType == Migratetype.MOVABLE
        ? (1 << pageblockOrder()) - (freePages + movablePages)
        : 0;
  }

  /** Whether a claim below the order of a pageblock goes through: half of the pageblock fits. */
  default boolean claims(int freePages, int alikePages) {
    return freePages + alikePages >= (1 << pageblockOrder()) / 2;
  }

  /**
   * The order that is stolen from: the smallest one, from {@code order} up, at which another type
   * has a block. {@code __rmqueue_steal()}.
   *
   * @return the order, whose block is on the list of {@link #firstType}, or {@link #NONE}
   */
  default int stealOrder(FreeCounts counts, int order, int migratetype) {
    for (int o = order; o <= Pages.MAX_PAGE_ORDER; o++) {
      if (firstType(counts, o, migratetype) != NONE) {
        return o;
      }
    }
    return NONE;
  }
}
