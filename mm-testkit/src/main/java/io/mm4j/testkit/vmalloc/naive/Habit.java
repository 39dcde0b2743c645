// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.naive;

/**
 * What a {@link NaiveVmalloc} may do otherwise than Linux 6.18. Most are theories of how a kernel
 * might place areas which recordings have refuted.
 */
public enum Habit {
  /** The smallest hole that fits. */
  BEST_FIT,
  /** The largest hole. */
  WORST_FIT,
  /** The highest hole that fits, at its end. */
  HIGH_FIT,
  /** The first hole that fits behind the last area, and round. */
  NEXT_FIT,
  /** Neighbouring holes stay apart. */
  NO_MERGE,
  /** The last page of an area is free. */
  NO_GUARD,
  /** A freed area is free before it is purged. */
  EARLY_REUSE,
  /** A freed area is free at once, and there is no purge: Linux 2.6. */
  EAGER,
  /** Purged areas all become free. */
  NO_POOL,
  /** A pool hands out what came first. */
  POOL_FIFO,
  /** A pool hands out its lowest area. */
  POOL_LOWEST,
  /** A purge fills pools in the order in which areas were freed. */
  POOL_BY_TIME,
  /** A purge fills pools from the highest address down. */
  POOL_DESCENDING,
  /** An area goes to the pool that its address says. */
  POOL_BY_ADDRESS,
  /** An area goes to the pool of the CPU that has freed it. */
  POOL_OF_FREER,
  /** Any CPU's pool serves a request. */
  POOL_OF_ANY,
  /** Pools of up to 255 pages. */
  POOL_255,
  /** Pools of up to 257 pages. */
  POOL_257,
  /** A pool keeps everything over a purge. */
  NO_DECAY,
  /** A purge takes half of each pool. */
  HALF_DECAY,
  /** A purge takes a quarter of each pool, rounded up. */
  DECAY_ROUNDED_UP,
  /** A purge takes the oldest quarter. */
  DECAY_OLDEST,
  /** A purge takes the quarter after it has filled the pools. */
  DECAY_AFTER,
  /** A misaligned area stays in front of its pool. */
  NO_ROTATE,
  /** An aligned request takes the lowest hole that it fits in: Linux 2.6. */
  ALIGNED_LOWEST,
  /** Alignment is rounded to a page. */
  NOT_ALIGNED,
  /** The end of the window is not looked at. */
  BEYOND_END,
  /** A purge is due with as many pages as may be. */
  DUE_TOO_EARLY,
  /** The flush comes after the areas are free. */
  LATE_FLUSH,
  /** A range is taken exactly although a freed area of it waits for a purge. */
  TAKES_LAZY,
  /** A purge leaves the areas of all nodes but the first. */
  PURGES_ONE_NODE,
  /** Emptying pools leaves those of the last node. */
  SHRINKS_HALF,
  /** A free of an address inside an area frees the area. */
  FREES_INSIDE,
  /** find() misses the last page of an area. */
  FINDS_ALL_BUT_LAST,
  /** A restored pool has what comes next behind the others. */
  RESTORED_BACKWARDS,
  /** A request for a part of the space takes from a pool, too. */
  POOL_FOR_ANY_WINDOW,
  /** Every allocation leaves a page behind when it is freed. */
  LOSES_A_PAGE,
  /** One of the areas that wait for a purge is not told. */
  HIDES_A_LAZY_ONE,
  /** A request for which there is no room leaves the one before it as the last. */
  REMEMBERS_OVER_A_FAILURE,
  /** After clear the pages that waited for a purge are still counted. */
  CLEARS_ALL_BUT_A_COUNT
}
