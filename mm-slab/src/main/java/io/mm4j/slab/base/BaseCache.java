// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.ObjectFrames;
import io.mm4j.api.slab.SlabFlags;

/** A cache, with what a free looks up. */
public abstract class BaseCache extends KmemCache {
  /** The granule of {@link ObjectFrames}. */
  public final int shift;

  /** The size of an object of {@code kmalloc()} has this index, or -1. */
  public final int kmallocIndex;

  /** A cache of objects that lie so far apart. */
  protected BaseCache(int id, String name, int size, int kmallocIndex) {
    this(id, ObjectFrames.shiftOf(size), name, kmallocIndex);
  }

  /** A cache whose objects lie between those of others. */
  protected BaseCache(int id, int shift, String name, int kmallocIndex) {
    super(id, name);
    this.shift = shift;
    this.kmallocIndex = kmallocIndex;
  }

  /** {@code calculate_alignment()} of mm/slab_common.c, with lines of so many bytes. */
  public static int alignment(int flags, int wanted, int bytes, int line, int least) {
    int align = wanted;
    if ((flags & SlabFlags.SLAB_HWCACHE_ALIGN) != 0) {
      int part = line;
      while (bytes <= part / 2) {
        part /= 2;
      }
      align = Math.max(align, part);
    }
    return up(Math.max(align, least), least);
  }

  /** From which zone pages for a cache with these flags come: {@code calculate_sizes()}. */
  public static int zoneFlags(int flags) {
    return ((flags & SlabFlags.SLAB_CACHE_DMA) != 0 ? Gfp.__GFP_DMA : 0)
        | ((flags & SlabFlags.SLAB_CACHE_DMA32) != 0 ? Gfp.__GFP_DMA32 : 0);
  }

  /** The same, and how they are grouped; for blocks that know their head. */
  public static int pageFlags(int flags) {
    return Gfp.__GFP_COMP
        | zoneFlags(flags)
        | ((flags & SlabFlags.SLAB_RECLAIM_ACCOUNT) != 0 ? Gfp.__GFP_RECLAIMABLE : 0);
  }

  /** Rounds up to a multiple of a power of two. */
  public static int up(int value, int align) {
    return (value + align - 1) & -align;
  }
}
