// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.ObjectConstructor;
import io.mm4j.api.slab.SlabFlags;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** A cache: its slabs by frame, the live objects, and who did what to each object. */
public class NaiveCache extends KmemCache {
  /** A slab: the first free object, and what it believes to be in use. */
  public static final class Slab {
    public final long pfn;
    public final int order;
    public final int objects;
    public long head;
    public int inuse;

    Slab(long pfn, int order, int objects) {
      this.pfn = pfn;
      this.order = order;
      this.objects = objects;
    }
  }

  public final KmemCacheArgs args;
  public final NaiveGeometry geometry;
  public final List<String> names = new ArrayList<>();
  public final TreeMap<Long, Slab> slabs = new TreeMap<>();
  public final TreeSet<Long> live = new TreeSet<>();
  final Map<Long, String> allocated = new HashMap<>();
  final Map<Long, String> freed = new HashMap<>();
  final Map<Long, Integer> asked = new HashMap<>();
  private final int flags;
  public int bytes;
  final boolean isKmalloc;

  /** Creates it without a slab. */
  public NaiveCache(
      int id, KmemCacheArgs args, int flags, NaiveGeometry geometry, boolean isKmalloc) {
    super(id, args.name());
    this.args = args;
    this.flags = flags;
    this.geometry = geometry;
    this.bytes = args.objectBytes();
    this.isKmalloc = isKmalloc;
    names.add(args.name());
  }

  boolean has(int flag) {
    return (flags & flag) != 0;
  }

  boolean isDebug() {
    return has(SlabFlags.SLAB_DEBUG_FLAGS);
  }

  boolean poisons() {
    return has(SlabFlags.SLAB_POISON)
        && args.ctor() == null
        && !has(SlabFlags.SLAB_TYPESAFE_BY_RCU);
  }

  public Slab slabOf(long paddr) {
    return slabs.floorEntry(paddr >>> 12).getValue();
  }

  long object(Slab slab, int number) {
    return (slab.pfn << 12) + geometry.left + (long) number * geometry.size;
  }

  /** The number of an object, or -1. */
  int number(Slab slab, long paddr) {
    for (int i = 0; i < slab.objects; i++) {
      if (object(slab, i) == paddr) {
        return i;
      }
    }
    return -1;
  }

  @Override
  public int objectBytes() {
    return bytes;
  }

  @Override
  public int size() {
    return geometry.size;
  }

  @Override
  public int align() {
    return geometry.align;
  }

  @Override
  public int flags() {
    return flags;
  }

  @Override
  public int order() {
    return geometry.order;
  }

  @Override
  public int objectsPerSlab() {
    return geometry.objects;
  }

  @Override
  public int minPartial() {
    return geometry.minPartial;
  }

  @Override
  public int cpuPartial() {
    return geometry.cpuPartial;
  }

  @Override
  public int aliases() {
    return names.size() - 1;
  }

  @Override
  public @Nullable ObjectConstructor ctor() {
    return args.ctor();
  }

  @Override
  public int usersize() {
    return args.usersize();
  }

  @Override
  public CacheStats stats() {
    long objects = 0;
    long pages = 0;
    for (Slab slab : slabs.values()) {
      objects += slab.objects;
      pages += 1L << slab.order;
    }
    return new CacheStats(
        live.size(), objects, live.size(), slabs.size(), slabs.size(), pages, 0, 0, 0, 0);
  }
}
