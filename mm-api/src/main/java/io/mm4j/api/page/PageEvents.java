// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Zone;
import org.apiguardian.api.API;

/**
 * Receives the inner steps of a {@link PageAllocator}: the kernel's tracepoints of the page
 * allocator (include/trace/events/kmem.h, Linux 6.18), and the reason of each step in words. Set by
 * {@link PageAllocator#watch}; an allocator that nobody watches pays one test of a field.
 *
 * <p>Called by the thread that allocates or frees, some of it with a zone's lock held: a receiver
 * neither allocates nor frees pages.
 */
@API(status = API.Status.MAINTAINED)
public interface PageEvents {
  /** {@code mm_page_alloc}: a request was served, or failed with {@link PageAllocator#NO_PAGE}. */
  default void alloc(Cpu cpu, long pfn, int order, int gfp, int migratetype) {}

  /** {@code mm_page_free}: a block came back. */
  default void free(Cpu cpu, long pfn, int order) {}

  /** {@code mm_page_alloc_zone_locked}: a block left the free lists of a zone. */
  default void allocZoneLocked(
      Cpu cpu, Zone zone, long pfn, int order, int migratetype, boolean percpuRefill) {}

  /** {@code mm_page_pcpu_drain}: a block went from a per-cpu list to the free lists of its zone. */
  default void pcpuDrain(Cpu cpu, Zone zone, long pfn, int order, int migratetype) {}

  /** {@code mm_page_alloc_extfrag}: a request was served from another migratetype. */
  default void allocExtfrag(
      Cpu cpu,
      Zone zone,
      long pfn,
      int allocOrder,
      int fallbackOrder,
      int allocMigratetype,
      int fallbackMigratetype,
      boolean changeOwnership) {}

  /** {@code mm_vmscan_wakeup_kswapd}: the background reclaim of a node has been given work. */
  default void wakeupKswapd(Cpu cpu, Zone zone, int order, int gfp) {}

  /**
   * Whether {@link #step} wants to be called; composing its text costs objects. Asked before each.
   */
  default boolean explains() {
    return false;
  }

  /** What was tried or decided, and why: one line for a person. */
  default void step(Cpu cpu, String text) {}
}
