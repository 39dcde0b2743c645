// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.InputException;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.RangeBootAllocator;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageStats;
import io.mm4j.api.slab.SlabAllocator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the files are made from.
 *
 * @param map the firmware's memory map
 * @param zones node by node, lowest first
 * @param statistics of the page allocator, if it keeps any
 * @param cpus how many CPUs there are
 * @param nowNs nanoseconds since boot
 * @param settings what else the kernel was told
 * @param boot the allocator of early boot with its ranges; null if it keeps none, or if nobody
 *     knows what the boot of this machine did
 * @param slabs the slab allocator, if the machine has one
 * @param space the kernel's own mappings, if the machine has any; without bytes in RAM it has none
 * @param frames who has which frame, if that can be looked at
 */
public record MachineView(
    MemoryMap map,
    List<ManagedZone> zones,
    Optional<PageStats> statistics,
    int cpus,
    long nowNs,
    KernelSettings settings,
    @Nullable RangeBootAllocator boot,
    Optional<SlabAllocator> slabs,
    Optional<KernelSpace> space,
    Optional<FramesView> frames) {
  /** Copies the list. */
  public MachineView {
    zones = List.copyOf(zones);
  }

  /** A view of a booted machine, valid while it is open. */
  public static MachineView of(Machine machine, KernelSettings settings) {
    FramesView frames = FramesView.of(machine);
    return new MachineView(
        machine.layout().map(),
        machine.zones(),
        machine.pages().stats(),
        machine.cpus().count(),
        machine.clock().nowNs(),
        settings.now(frames.floor()),
        machine.memory().bootAllocator() instanceof RangeBootAllocator ranges ? ranges : null,
        machine.slabCapabilities().map(c -> machine.slabs()),
        space(machine),
        Optional.of(frames));
  }

  private static Optional<KernelSpace> space(Machine machine) {
    if (machine.vmallocCapabilities().isEmpty() || !machine.memory().hasContents()) {
      return Optional.empty();
    }
    try {
      return Optional.of(machine.kernelSpace());
    } catch (InputException e) {
      return Optional.empty(); // page tables that bring none
    }
  }

  /** The same without what boot did: the machine of a recording. */
  public MachineView withoutBoot() {
    return new MachineView(
        map, zones, statistics, cpus, nowNs, settings, null, slabs, space, frames);
  }

  /** Whether there are more frames than so many, holes among them. */
  public boolean managesMoreThan(long most) {
    return frames.map(view -> view.endPfn() > most).orElse(false);
  }

  /**
   * The allocator of early boot.
   *
   * @throws InputException if there is none to look at
   */
  RangeBootAllocator memblock() {
    if (boot == null) {
      throw new InputException(
          "this machine shows no memblock: bootmem keeps a bit for each page, and what a recorded"
              + " machine did at boot is not known",
          "FILE",
          "without --after, and with boot=memblock of a physical-memory plugin");
    }
    return boot;
  }

  /**
   * The slab allocator.
   *
   * @throws InputException if the machine has none
   */
  SlabAllocator slabAllocator() {
    return slabs.orElseThrow(
        () ->
            new InputException(
                "this machine has no slab allocator: no slab plugin was found",
                "FILE",
                "io.mm4j:mm-slab on the module path, the class path or --plugins-path"));
  }

  /**
   * The statistics.
   *
   * @throws InputException if the page allocator keeps none
   */
  PageStats stats() {
    return statistics.orElseThrow(
        () ->
            new InputException(
                "this file needs statistics, and the page allocator keeps none",
                "--plugin page-allocator=...",
                "page-allocator=linux"));
  }
}
