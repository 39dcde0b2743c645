// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import io.mm4j.api.Cpu;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Receives the inner steps of a {@link SlabAllocator}: the kernel's tracepoints of the slab
 * allocator (include/trace/events/kmem.h, Linux 6.18), and the reason of each step in words. Set by
 * {@link SlabAllocator#watch}; while somebody watches every call goes the slow way.
 *
 * <p>Called by the thread that allocates or frees, some of it with a node's lock held: a receiver
 * neither allocates nor frees.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface SlabEvents {
  /**
   * {@code kmalloc} and {@code kmem_cache_alloc}: an object was handed out, or the request failed
   * with {@link SlabAllocator#NO_OBJECT}.
   *
   * @param cache null for a large block
   * @param bytesReq what was asked for
   * @param bytesAlloc what the object has
   */
  default void alloc(
      Cpu cpu, @Nullable KmemCache cache, long paddr, long bytesReq, long bytesAlloc, int gfp) {}

  /** {@code kfree} and {@code kmem_cache_free}: an object came back; null for a large block. */
  default void free(Cpu cpu, @Nullable KmemCache cache, long paddr) {}

  /** A slab came from the page allocator. */
  default void newSlab(Cpu cpu, KmemCache cache, long pfn, int order) {}

  /** A slab goes back to the page allocator. */
  default void discardSlab(Cpu cpu, KmemCache cache, long pfn, int order) {}

  /** What was tried or decided, and why: one line for a person. */
  default void step(Cpu cpu, String text) {}
}
