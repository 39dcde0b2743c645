// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * A cache of objects of one size: {@code struct kmem_cache} of mm/slab.h. Made by {@link
 * SlabAllocator#kmemCacheCreate}; everything that is done with one goes through the allocator.
 *
 * <p>A cache that was merged with another is that other one: creating a mergeable cache may return
 * one that is there, whose {@link #aliases()} grows.
 *
 * <p>Threads: any; what is said here is fixed when the cache is created, but for {@link
 * #aliases()}, {@link #objectBytes()} of a cache that is merged with, and {@link #stats()}.
 */
@API(status = API.Status.EXPERIMENTAL)
public abstract class KmemCache {
  /** Numbers of caches begin with this one; lower ones are those of {@link #largeId}. */
  public static final int FIRST_ID = 16;

  final int id;
  private final String name;

  /**
   * Creates a cache.
   *
   * @param id {@link #FIRST_ID} or more, unique among the caches that exist in its allocator
   */
  protected KmemCache(int id, String name) {
    this.id = id;
    this.name = name;
  }

  /**
   * The number that stands for large blocks of an order, where others stand for caches: {@code
   * kmalloc()} of more than the largest cache has.
   */
  public static int largeId(int order) {
    return order + 1;
  }

  /** Its number, by which per-cpu tables are ordered; that of a destroyed cache is used again. */
  public final int id() {
    return id;
  }

  /** The name with which it was first created. */
  public final String name() {
    return name;
  }

  /** {@code object_size}: what somebody may use of an object. */
  public abstract int objectBytes();

  /** {@code size}: from one object to the next. */
  public abstract int size();

  /** The alignment of an object. */
  public abstract int align();

  /** Bits of {@link SlabFlags}. */
  public abstract int flags();

  /** The order of a slab, if the page allocator gives it. */
  public abstract int order();

  /** Objects of a slab of that order. */
  public abstract int objectsPerSlab();

  /** Empty slabs that a node keeps: {@code min_partial}; 0 if the plugin has none. */
  public abstract int minPartial();

  /** Objects that a CPU's partial slabs should hold: {@code cpu_partial}; 0 if there are none. */
  public abstract int cpuPartial();

  /** Other caches that share it: {@code refcount - 1}. */
  public abstract int aliases();

  /** The constructor, or null. */
  public abstract @Nullable ObjectConstructor ctor();

  /** {@code usersize}. */
  public abstract int usersize();

  /**
   * The columns {@code tunables} of /proc/slabinfo: what a CPU keeps by arrays of mm/slab.c.
   *
   * @param limit objects of a CPU's array; 0 if there are none, or the plugin keeps others
   * @param batchCount how many objects come and go at once
   * @param sharedFactor the shared array of a node has room for so many batches
   */
  public record Tunables(int limit, int batchCount, int sharedFactor) {
    /** No arrays: what mm/slub.c shows. */
    public static final Tunables NONE = new Tunables(0, 0, 0);
  }

  /** What {@code /proc/slabinfo} shows as tunables. */
  public Tunables tunables() {
    return Tunables.NONE;
  }

  /** {@code sharedavail} of /proc/slabinfo: free objects in the shared arrays of all nodes. */
  public long sharedAvailable() {
    return 0;
  }

  /** What it holds. */
  public abstract CacheStats stats();

  @Override
  public String toString() {
    return name;
  }
}
