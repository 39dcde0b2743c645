// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import java.util.List;
import java.util.function.Consumer;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Objects smaller than a page, and {@code kmalloc()}: the slab floor. Models mm/slab_common.c and
 * include/linux/slab.h (Linux 6.18).
 *
 * <p>An object is a {@code long}, the physical address of its first byte. It is aligned as its
 * cache says, overlaps no other live object, and its bytes are the caller's until it is freed; what
 * is in them at first is unspecified, but for {@code __GFP_ZERO} and constructors. Memory that is
 * out is {@link #NO_OBJECT}.
 *
 * <p>A slab is a block of frames owned by {@link io.mm4j.api.memory.FrameOwner#SLAB}. Slabs do not
 * move: no migrator is registered for that owner, so that a range with a slab in it is refused.
 * Empty slabs go back by {@link #kmemCacheShrink}, when the machine runs short, and at close.
 *
 * <p>Misuse - an address that is no live object of the cache, an object that is free, a cache
 * destroyed with objects in use - is {@link io.mm4j.api.MisuseException}, names the object, and
 * nothing changes.
 *
 * <p>Threads: any, each with a {@link Cpu} of its own; an object may be freed on another CPU than
 * that which allocated it. Creating, destroying and shrinking: any thread. Hot calls allocate no
 * Java object, and what they cost does not depend on how many objects there are.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface SlabAllocator extends AutoCloseable {
  /** Out of memory. */
  long NO_OBJECT = 0;

  /** {@code ZERO_SIZE_PTR}: what {@code kmalloc(0)} gives; it may be freed and holds nothing. */
  long ZERO_SIZE_PTR = 16;

  /** The node of the CPU that asks. */
  int NUMA_NO_NODE = -1;

  /** {@code ZERO_OR_NULL_PTR()}. */
  static boolean isZeroOrNull(long paddr) {
    return paddr == NO_OBJECT || paddr == ZERO_SIZE_PTR;
  }

  /**
   * {@code kmem_cache_create()}: a new cache, or one that is there and fits so well that it is
   * shared, see {@link KmemCache#aliases}.
   *
   * @throws io.mm4j.api.MisuseException for objects that fit no slab
   */
  KmemCache kmemCacheCreate(KmemCacheArgs args);

  /**
   * {@code kmem_cache_destroy()}: gives everything back. A cache that is shared goes with its last
   * alias.
   *
   * @throws io.mm4j.api.MisuseException if objects are in use, naming some; the cache is as it was.
   *     The kernel warns and leaves the cache unusable
   */
  void kmemCacheDestroy(Cpu cpu, KmemCache cache);

  /**
   * {@code kmem_cache_shrink()}: gives empty slabs back, also those that CPUs keep: of this CPU and
   * of parked ones at once, of others when they come to their next slow path.
   *
   * @return how many frames were given back
   */
  long kmemCacheShrink(Cpu cpu, KmemCache cache);

  /** {@code kmem_cache_alloc_node()}. */
  long kmemCacheAlloc(Cpu cpu, KmemCache cache, int gfp, int nodeId);

  /** {@code kmem_cache_alloc()}. */
  default long kmemCacheAlloc(Cpu cpu, KmemCache cache, int gfp) {
    return on(cpu).alloc(cache, gfp);
  }

  /** {@code kmem_cache_free()}; nothing for {@link #NO_OBJECT}. */
  default void kmemCacheFree(Cpu cpu, KmemCache cache, long paddr) {
    on(cpu).free(cache, paddr);
  }

  /**
   * {@code kmem_cache_alloc_bulk()}: all or none.
   *
   * @param objects takes the addresses, from place 0 on
   * @return {@code count}, or 0 if there were not enough
   */
  int kmemCacheAllocBulk(Cpu cpu, KmemCache cache, int gfp, long[] objects, int count);

  /**
   * {@code kmem_cache_free_bulk()}, {@code kfree_bulk()}.
   *
   * @param cache whose objects they are; null if each may be of another one, or a large block
   */
  void kmemCacheFreeBulk(Cpu cpu, @Nullable KmemCache cache, long[] objects, int count);

  /**
   * {@code kmalloc()}: the smallest cache of the kind that the flags say, from some size on a block
   * of pages.
   *
   * @param bytes 0 gives {@link #ZERO_SIZE_PTR}
   */
  default long kmalloc(Cpu cpu, long bytes, int gfp) {
    return on(cpu).kmalloc(bytes, gfp);
  }

  /** {@code kmalloc_node()}. */
  default long kmalloc(Cpu cpu, long bytes, int gfp, int nodeId) {
    return on(cpu).kmalloc(bytes, gfp, nodeId);
  }

  /** {@code kzalloc()}: zeroed. */
  default long kzalloc(Cpu cpu, long bytes, int gfp) {
    return on(cpu).kmalloc(bytes, gfp | Gfp.__GFP_ZERO);
  }

  /**
   * {@code krealloc()}: the same object if it has room, else another one with what was in it. With
   * {@code __GFP_ZERO} in every request for the object, what is added is zeroed.
   *
   * @param paddr {@link #NO_OBJECT} for a first allocation
   * @param bytes 0 frees it and gives {@link #ZERO_SIZE_PTR}
   * @return {@link #NO_OBJECT} if there was no memory; then the object is as it was
   */
  long krealloc(Cpu cpu, long paddr, long bytes, int gfp);

  /** {@code kfree()}; nothing for {@link #NO_OBJECT} and {@link #ZERO_SIZE_PTR}. */
  default void kfree(Cpu cpu, long paddr) {
    on(cpu).kfree(paddr);
  }

  /** {@code ksize()}: the bytes that an object has; 0 for none. */
  long ksize(long paddr);

  /** {@code kmalloc_size_roundup()}: the bytes that a request would get. */
  long kmallocSizeRoundup(long bytes);

  /** This allocator for one CPU. Only the owner of the CPU may use it. */
  CpuSlabs on(Cpu cpu);

  /** The caches, those of {@code kmalloc()} too, the newest first as in /proc/slabinfo. */
  List<KmemCache> caches();

  /** The other names under which a shared cache was created. */
  default List<String> aliasesOf(KmemCache cache) {
    return List.of();
  }

  /** The cache that serves a request of {@code kmalloc()}; null for a large block. */
  @Nullable KmemCache kmallocCache(long bytes, int gfp);

  /** The cache of an object, by any address in its slab; null if it is in none. */
  @Nullable KmemCache cacheOf(long paddr);

  /** Frames behind large blocks of {@code kmalloc()}, those too that CPUs keep. */
  long largePages();

  /** Shrinks every cache, and gives the large blocks back that CPUs keep. */
  default long shrinkAll(Cpu cpu) {
    long pages = 0;
    for (KmemCache cache : caches()) {
      pages += kmemCacheShrink(cpu, cache);
    }
    return pages;
  }

  /** Calls somebody with each live object of a cache; while nobody allocates or frees. */
  void forEachLive(KmemCache cache, Consumer<? super Long> visitor);

  /**
   * {@code validate_slab_cache()}: with debug flags, compares the bytes of each object with what
   * they should be.
   *
   * @return how many findings there were; each was reported
   */
  default long validateCache(Cpu cpu, KmemCache cache) {
    return 0;
  }

  /**
   * Sets who is told of what debug mode finds; then, as in the kernel, the allocator mends what it
   * can and goes on. Without anybody a finding is a {@link io.mm4j.api.MisuseException} from the
   * call that came upon it.
   */
  default void onReport(@Nullable Consumer<? super SlabReport> listener) {}

  /** Sets who receives the inner steps, or null for nobody; false if this plugin shows none. */
  default boolean watch(@Nullable SlabEvents events) {
    return false;
  }

  /**
   * Compares freelists, counters, marks and owners with a walk, while nobody allocates or frees;
   * throws {@link io.mm4j.api.CorruptStateError}.
   */
  void validate();

  /**
   * Gives every slab without live objects back. Slabs with live objects stay in use: they are the
   * leak that {@link io.mm4j.api.machine.LeakReport} tells of.
   */
  @Override
  void close();
}
