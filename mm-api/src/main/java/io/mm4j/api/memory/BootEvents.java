// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import org.apiguardian.api.API;

/**
 * Receives what boot does with memory, step by step, in the order of {@code setup_arch()} and
 * {@code mm_core_init()} of Linux 6.18. Set by {@link io.mm4j.api.machine.MachineConfig#watchBoot};
 * called by the thread that boots.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface BootEvents {
  /** Nobody looks. */
  BootEvents NONE = new BootEvents() {};

  /** The map as the firmware gives it. */
  default void firmware(MemoryMap map) {}

  /**
   * A parameter, or what the kernel can address, has changed the map.
   *
   * @param why which one, in words
   */
  default void mapChanged(String why, MemoryMap map) {}

  /**
   * The nodes and zones that follow from the map.
   *
   * @param why what decided about nodes and zone Movable, in words
   */
  default void zones(String why, MemoryLayout layout) {}

  /** The boot allocator knows the memory; nothing is in use. */
  default void ready(BootAllocator boot) {}

  /** What the boot allocator tried or decided, and why: one line for a person. */
  default void step(String text) {}

  /** Frames of a zone go to the page allocator: {@code __free_memory_core()}. */
  default void handedOver(Zone zone, long startPfn, long endPfn) {}
}
