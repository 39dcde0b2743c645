// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import io.mm4j.api.Cpus;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.vma.VmaIndex;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/** Creates a {@link ProcessFloor}: the SPI {@code process}. */
@API(status = API.Status.EXPERIMENTAL)
public interface ProcessFloorProvider extends PluginProvider {
  /**
   * What the floors below hand up.
   *
   * @param memory RAM and frames
   * @param pages the page allocator
   * @param cpus the machine's CPUs
   * @param pressure where a floor that holds pages registers its reclaimer and migrator
   * @param pageTables the page tables, or null on a machine that has none
   * @param indexes makes an empty index of VMAs, once per address space
   * @param settings what was set of the provider's {@link #settings()}: values of {@code vm.*} by
   *     name without the prefix, and of boot parameters by name
   * @param takenAtBoot what {@link #takeAtBoot} gave: frames that the page allocator never had
   */
  record Floors(
      PhysicalMemory memory,
      PageAllocator pages,
      Cpus cpus,
      Pressure pressure,
      @Nullable PageTables pageTables,
      Supplier<? extends VmaIndex> indexes,
      Map<String, String> settings,
      List<MemoryMap.Range> takenAtBoot) {
    /** Copies the map and the list. */
    public Floors {
      settings = Map.copyOf(settings);
      takenAtBoot = List.copyOf(takenAtBoot);
    }

    /** With nothing taken at boot. */
    public Floors(
        PhysicalMemory memory,
        PageAllocator pages,
        Cpus cpus,
        Pressure pressure,
        @Nullable PageTables pageTables,
        Supplier<? extends VmaIndex> indexes,
        Map<String, String> settings) {
      this(memory, pages, cpus, pressure, pageTables, indexes, settings, List.of());
    }

    /** Without page tables. */
    public Floors(
        PhysicalMemory memory,
        PageAllocator pages,
        Cpus cpus,
        Pressure pressure,
        Supplier<? extends VmaIndex> indexes,
        Map<String, String> settings) {
      this(memory, pages, cpus, pressure, null, indexes, settings);
    }
  }

  /**
   * Takes memory before the page allocator has any; the floor gets what was taken. Only called for
   * a machine that will have page tables.
   *
   * @param settings as in {@link Floors}
   */
  default List<MemoryMap.Range> takeAtBoot(
      BootAllocator boot, MemoryLayout layout, Map<String, String> settings) {
    return List.of();
  }

  /** Whether its floors have {@link ProcessFloor#tasks()}. */
  default boolean hasTasks() {
    return false;
  }

  /**
   * Creates a floor that has no process yet. Cheap.
   *
   * @throws io.mm4j.api.InputException for a setting outside what the kernel allows
   */
  ProcessFloor create(Floors floors, Options options);
}
