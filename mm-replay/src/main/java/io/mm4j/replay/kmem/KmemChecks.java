// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

/** The names of the checks that a kmem recording is judged by, in their order. */
public final class KmemChecks {
  /** Every removal was of a free block, every insertion of one that was not. */
  public static final String CORE_OPS = "core_ops";

  /** Each of the four reads of buddyinfo, at some event within its bracket. */
  public static final String BUDDYINFO = "buddyinfo";

  /** The free blocks at the end. */
  public static final String FINAL_BLOCKS = "final_blocks";

  /** Every recorded fallback to another migratetype, against the page allocator's own rule. */
  public static final String FALLBACK = "fallback";

  /** The size class of every kmalloc. */
  public static final String KMALLOC_CLASS = "kmalloc_class";

  /** Order and objects per slab of every cache. */
  public static final String CACHE_GEOMETRY = "cache_geometry";

  private KmemChecks() {}
}
