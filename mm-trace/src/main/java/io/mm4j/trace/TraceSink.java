// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.process.MmEvents;
import io.mm4j.api.slab.SlabEvents;
import org.apiguardian.api.API;

/**
 * Receives what traced plugins do: the kernel's tracepoints as far as a plugin shows them, and what
 * passes through its SPI. Called by the thread that does it, some of it with a zone's lock held: a
 * receiver calls no floor.
 *
 * <p>Where inner steps come from: a page or slab allocator with an event sink of its own ({@code
 * watch}) tells them. Of one without, the calls at its SPI are told: requests and frees.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface TraceSink extends PageEvents, SlabEvents, MmEvents, AutoCloseable {
  /**
   * A machine is being booted: who receives its events, which are told to nobody else. Machines
   * have the same frame numbers and addresses, and may work in turns.
   */
  default TraceSink machine() {
    return this;
  }

  /** A zone has got an allocator, with nothing free: a machine is being booted. */
  default void zoneCreated(Zone zone, FrameAllocator frames) {}

  /**
   * A block left the free blocks of a zone, however: allocated, stolen, taken exactly.
   *
   * @param migratetype of the list that it came from, as far as the caller said; else of its
   *     pageblock
   */
  default void blockTaken(Zone zone, long pfn, int order, int migratetype) {}

  /** A block came to the free blocks of a zone. */
  default void blockFreed(Zone zone, long pfn, int order, int migratetype) {}

  /** {@code alloc_vmap_area}: {@code address} is 0 if there was no room. */
  default void vmapAlloc(Cpu cpu, long address, long bytes, long align, long start, long end) {}

  /** The {@link #vmapAlloc} of this address was undone, of which the kernel knows nothing. */
  default void vmapUndone(long address) {}

  /** An area was taken where a recording has it, of which the kernel knows nothing. */
  default void vmapTaken(long address, long bytes) {}

  /** {@code free_vmap_area_noflush}. */
  default void vmapFree(Cpu cpu, long address, long lazyPages, long lazyMax) {}

  /**
   * {@code purge_vmap_area_lazy}: how many areas were purged.
   *
   * @param start of the range that holds all of them, 0 if there is none
   * @param end one past its last address
   */
  default void vmapPurge(long start, long end, int purged) {}

  /**
   * A process makes a system call: {@code sys_enter}.
   *
   * @param arguments as the user passed them
   */
  default void systemCallBegins(String name, long[] arguments) {}

  /**
   * A system call has ended: {@code sys_exit}.
   *
   * @param arguments as the user passed them
   */
  default void systemCall(String name, long[] arguments, long result) {}

  /** {@code exit_mmap}. */
  default void exitMmap() {}

  /**
   * Nothing comes any more.
   *
   * @throws io.mm4j.api.InputException if what was recorded cannot be written
   */
  @Override
  default void close() {}

  @Override
  default void step(Cpu cpu, String text) {}
}
