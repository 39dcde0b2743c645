// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.StringJoiner;
import org.apiguardian.api.API;

/**
 * Flags of a cache, named as in include/linux/slab.h (Linux 6.18); the values are mm4j's own. Flags
 * that say nothing about memory ({@code SLAB_PANIC}, {@code SLAB_NOLEAKTRACE}) do not exist here.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class SlabFlags {
  /** Dear checks of every object that is allocated or freed: {@code slub_debug=F}. */
  public static final int SLAB_CONSISTENCY_CHECKS = 1;

  /** Known bytes before and after each object: {@code slub_debug=Z}. */
  public static final int SLAB_RED_ZONE = 1 << 1;

  /** Known bytes in each free object: {@code slub_debug=P}. */
  public static final int SLAB_POISON = 1 << 2;

  /** Who allocated and who freed each object is kept behind it: {@code slub_debug=U}. */
  public static final int SLAB_STORE_USER = 1 << 3;

  /** Objects begin at cache lines, or at even parts of one if they are small. */
  public static final int SLAB_HWCACHE_ALIGN = 1 << 4;

  /** Pages come from zone DMA. */
  public static final int SLAB_CACHE_DMA = 1 << 5;

  /** Pages come from zone DMA32 or below. */
  public static final int SLAB_CACHE_DMA32 = 1 << 6;

  /** A shrinker can free the objects; pages are {@code __GFP_RECLAIMABLE}. */
  public static final int SLAB_RECLAIM_ACCOUNT = 1 << 7;

  /** A freed object may be read until an RCU grace period is over: it stays an object. */
  public static final int SLAB_TYPESAFE_BY_RCU = 1 << 8;

  /** Every object is charged to a memory control group. */
  public static final int SLAB_ACCOUNT = 1 << 9;

  /** Never shares its slabs with another cache. */
  public static final int SLAB_NO_MERGE = 1 << 10;

  /** One of the caches behind {@code kmalloc()}: set by the allocator, not by who creates one. */
  public static final int SLAB_KMALLOC = 1 << 11;

  /** What {@code slub_debug} switches on: {@code SLAB_DEBUG_FLAGS}. */
  public static final int SLAB_DEBUG_FLAGS =
      SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER;

  /** {@code SLAB_NEVER_MERGE}: a cache with one of these shares its slabs with nobody. */
  public static final int SLAB_NEVER_MERGE =
      SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER | SLAB_TYPESAFE_BY_RCU | SLAB_NO_MERGE;

  /** {@code SLAB_MERGE_SAME}: caches that share their slabs have the same of these. */
  public static final int SLAB_MERGE_SAME =
      SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA | SLAB_CACHE_DMA32 | SLAB_ACCOUNT;

  private static final Map<String, Integer> NAMES = new LinkedHashMap<>();

  static {
    NAMES.put("SLAB_CONSISTENCY_CHECKS", SLAB_CONSISTENCY_CHECKS);
    NAMES.put("SLAB_RED_ZONE", SLAB_RED_ZONE);
    NAMES.put("SLAB_POISON", SLAB_POISON);
    NAMES.put("SLAB_STORE_USER", SLAB_STORE_USER);
    NAMES.put("SLAB_HWCACHE_ALIGN", SLAB_HWCACHE_ALIGN);
    NAMES.put("SLAB_CACHE_DMA", SLAB_CACHE_DMA);
    NAMES.put("SLAB_CACHE_DMA32", SLAB_CACHE_DMA32);
    NAMES.put("SLAB_RECLAIM_ACCOUNT", SLAB_RECLAIM_ACCOUNT);
    NAMES.put("SLAB_TYPESAFE_BY_RCU", SLAB_TYPESAFE_BY_RCU);
    NAMES.put("SLAB_ACCOUNT", SLAB_ACCOUNT);
    NAMES.put("SLAB_NO_MERGE", SLAB_NO_MERGE);
    NAMES.put("SLAB_KMALLOC", SLAB_KMALLOC);
  }

  private SlabFlags() {}

  /** The names of the flags that are set, joined by {@code |}; {@code 0} if none is. */
  public static String format(int flags) {
    StringJoiner names = new StringJoiner("|").setEmptyValue("0");
    NAMES.forEach(
        (name, bit) -> {
          if ((flags & bit) != 0) {
            names.add(name);
          }
        });
    return names.toString();
  }
}
