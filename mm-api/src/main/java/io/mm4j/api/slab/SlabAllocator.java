// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import io.mm4j.api.Cpu;
import org.apiguardian.api.API;

/**
 * Objects smaller than a page: the contract of the slab floor, as far as the floors below it need
 * to be made for it. A slab is a block of frames owned by {@link
 * io.mm4j.api.memory.FrameOwner#SLAB}; its first frame's {@code mapping} names the cache, {@code
 * private} and {@code index} are the slab's own, and freelists may live in the objects.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface SlabAllocator {
  /** Out of memory. */
  long NO_OBJECT = 0;

  /**
   * {@code kmem_cache_create()}.
   *
   * @param name shown in {@code /proc/slabinfo}
   * @param bytes object size
   * @param align a power of two, or 0 for the natural alignment
   * @return a handle of the cache
   */
  int kmemCacheCreate(String name, int bytes, int align);

  /**
   * {@code kmem_cache_alloc()}.
   *
   * @return the object's physical address, or {@link #NO_OBJECT}
   */
  long kmemCacheAlloc(Cpu cpu, int cache, int gfp);

  /** {@code kmem_cache_free()}. */
  void kmemCacheFree(Cpu cpu, int cache, long paddr);

  /** {@code kmem_cache_destroy()}: refused with the live objects named if there are any. */
  void kmemCacheDestroy(Cpu cpu, int cache);

  /** Cross-checks everything. */
  void validate();
}
