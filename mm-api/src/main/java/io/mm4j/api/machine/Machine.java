// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.machine;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpus;
import io.mm4j.api.InputException;
import io.mm4j.api.VirtualClock;
import io.mm4j.api.boot.BootSettings;
import io.mm4j.api.kernel.KernelLayout;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FallbackRule;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * A booted machine: the composition root, and the only place that wires floors together. It boots
 * in the kernel's order - memory map, nodes and zones, {@code mem_map}, free blocks, page
 * allocator, slab, page tables, processes - with the plugin that the configuration names for each
 * step, and closes in reverse.
 *
 * <p>A module path without the upper floors gives a machine that stops below them: {@link
 * #processes()} says then what to add.
 */
@API(status = API.Status.MAINTAINED)
public final class Machine implements AutoCloseable {
  private final Architecture architecture;
  private final MemoryLayout layout;
  private final Cpus cpus;
  private final VirtualClock clock = new VirtualClock();
  private final Pressure pressure = new Pressure();
  private final PhysicalMemory memory;
  private final PageAllocator pages;
  private final Optional<FallbackRule> fallbackRule;
  private final @Nullable SlabAllocator slabs;
  private final Optional<SlabAllocatorProvider.Capabilities> slabCapabilities;
  private final @Nullable PageTables pageTables;
  private final KernelFloor kernel;
  private final @Nullable ProcessFloor processes;
  private final @Nullable Consumer<? super LeakReport> onLeak;

  private final FloorClosers closers = new FloorClosers();

  private final Map<Spi<?>, PluginSpec> chosen = new LinkedHashMap<>();

  private Machine(MachineConfig config) {
    PluginRegistry registry = config.registryOrDiscover();
    architecture = config.architectureOrDefault();
    layout = config.layoutOrDefault();
    onLeak = config.leakListener();
    cpus = config.cpusOn(layout.nodes().size());

    var memoryPlugin = new PluginChoice<>(registry, Spi.PHYSICAL_MEMORY, config);
    var framesPlugin = new PluginChoice<>(registry, Spi.FRAME_ALLOCATOR, config);
    var pagesPlugin = new PluginChoice<>(registry, Spi.PAGE_ALLOCATOR, config);
    var slabPlugin = PluginChoice.ifFound(registry, Spi.SLAB, config);
    var formatPlugin = PluginChoice.ifFound(registry, Spi.PAGE_TABLE, config);
    var pagingPlugin = PluginChoice.ifFound(registry, Spi.PAGING, config);
    var vmallocPlugin = PluginChoice.ifFound(registry, Spi.VMALLOC, config);
    var processPlugin = PluginChoice.ifFound(registry, Spi.PROCESS, config);
    var indexPlugin = PluginChoice.ifFound(registry, Spi.VMA_INDEX, config);
    List<PluginChoice<?>> choices =
        new ArrayList<>(List.of(memoryPlugin, framesPlugin, pagesPlugin));
    slabPlugin.ifPresent(choices::add);
    formatPlugin.ifPresent(choices::add);
    pagingPlugin.ifPresent(choices::add);
    vmallocPlugin.ifPresent(choices::add);
    indexPlugin.ifPresent(choices::add);
    processPlugin.ifPresent(choices::add);
    choices.forEach(choice -> chosen.put(choice.spi, choice.spec));
    BootSettings settings = config.settings(choices.stream().map(c -> c.provider).toList());
    fallbackRule = pagesPlugin.provider.fallbackRule();
    memory =
        memoryPlugin.made(
            memoryPlugin.provider.create(layout, config.contents(), memoryPlugin.options));
    closers.push(memory::close);
    try {
      List<ManagedZone> zones = BootZones.of(layout, framesPlugin.provider, framesPlugin.options);
      BootAllocator boot = memory.bootAllocator();
      config.bootEvents().ready(boot);
      boot.watch(config.bootEvents());
      for (MemoryMap.Range range : config.reservations()) {
        boot.reserve(range.start(), range.bytes());
      }
      config.stepsDuringBoot().forEach(step -> step.accept(boot));
      boolean canHaveProcesses =
          processPlugin.isPresent()
              && indexPlugin.isPresent()
              && formatPlugin.isPresent()
              && pagingPlugin.isPresent()
              && config.contents() != Contents.NONE;
      List<MemoryMap.Range> takenAtBoot =
          canHaveProcesses
              ? processPlugin
                  .get()
                  .provider
                  .takeAtBoot(boot, layout, settings.of(processPlugin.get().provider))
              : List.of();
      if (config.releasesMemory()) {
        BootZones.release(boot, zones, memory.memMap(), config);
      }
      takenAtBoot.forEach(range -> BootZones.manage(zones, range));
      pages =
          pagesPlugin.made(
              pagesPlugin.provider.create(
                  new PageAllocatorProvider.Floors(
                      memory, zones, cpus, pressure, settings.of(pagesPlugin.provider)),
                  pagesPlugin.options));
      slabCapabilities = slabPlugin.map(plugin -> plugin.provider.capabilities());
      slabs = slabPlugin.map(plugin -> slabs(plugin, settings)).orElse(null);
      if (slabs != null) {
        closers.push(slabs::close);
      }
      if (formatPlugin.isPresent() && pagingPlugin.isPresent() && hasTables(config)) {
        pageTables = pageTables(pagingPlugin.get(), formatPlugin.get(), settings);
        closers.push(pageTables::close);
      } else {
        pageTables = null;
      }
      kernel =
          new KernelFloor(
              this,
              slabs,
              pageTables,
              vmallocPlugin,
              pagingPlugin.map(plugin -> plugin.provider).orElse(null),
              settings);
      closers.push(kernel::close);
      if (processPlugin.isPresent() && indexPlugin.isPresent()) {
        processes = processes(processPlugin.get(), indexPlugin.get(), settings, takenAtBoot);
        closers.push(processes::close);
      } else {
        processes = null;
      }
    } catch (RuntimeException | Error e) {
      RuntimeException failure = closers.close(() -> {});
      if (failure != null) {
        e.addSuppressed(failure);
      }
      throw e;
    }
  }

  private SlabAllocator slabs(PluginChoice<SlabAllocatorProvider> plugin, BootSettings settings) {
    return plugin.made(
        plugin.provider.create(
            new SlabAllocatorProvider.Floors(
                memory, pages, cpus, pressure, clock, architecture, settings.of(plugin.provider)),
            plugin.options));
  }

  private ProcessFloor processes(
      PluginChoice<ProcessFloorProvider> plugin,
      PluginChoice<VmaIndexProvider> index,
      BootSettings settings,
      List<MemoryMap.Range> takenAtBoot) {
    int most = index.provider.capabilities().maxVmas();
    Supplier<VmaIndex> indexes = () -> index.made(index.provider.create(most, index.options));
    return plugin.made(
        plugin.provider.create(
            new ProcessFloorProvider.Floors(
                memory,
                pages,
                cpus,
                pressure,
                pageTables,
                indexes,
                settings.of(plugin.provider),
                takenAtBoot),
            plugin.options));
  }

  /** Page tables are bytes in RAM. */
  private static boolean hasTables(MachineConfig config) {
    if (config.contents() != Contents.NONE) {
      return true;
    }
    for (Spi<?> spi : List.of(Spi.PAGE_TABLE, Spi.PAGING)) {
      if (config.names(spi)) {
        throw new InputException(
            spi + " was chosen for a machine whose RAM has no bytes",
            "--contents none",
            "all, tables");
      }
    }
    return false;
  }

  private PageTables pageTables(
      PluginChoice<PageTablesProvider> plugin,
      PluginChoice<PageTableFormatProvider> format,
      BootSettings settings) {
    return plugin.made(
        plugin.provider.create(
            new PageTablesProvider.Floors(
                memory,
                pages,
                cpus,
                architecture,
                layout,
                format.made(format.provider.create(format.options)),
                settings.of(plugin.provider)),
            plugin.options));
  }

  static Machine boot(MachineConfig config) {
    return new Machine(config);
  }

  /** What kind of machine it is. */
  public Architecture architecture() {
    return architecture;
  }

  /** What boot found: the map and the zones. */
  public MemoryLayout layout() {
    return layout;
  }

  /** The CPUs. */
  public Cpus cpus() {
    return cpus;
  }

  /** The machine's time. */
  public VirtualClock clock() {
    return clock;
  }

  /** Where higher floors register reclaimers and migrators. */
  public Pressure pressure() {
    return pressure;
  }

  /** RAM and frames. */
  public PhysicalMemory memory() {
    return memory;
  }

  /** The page allocator. */
  public PageAllocator pages() {
    return pages;
  }

  /**
   * The page tables.
   *
   * @throws InputException if the machine has none; says why
   */
  public PageTables pageTables() {
    if (pageTables == null) {
      if (!memory.hasContents()) {
        throw new InputException(
            "this machine has no page tables: its RAM has no bytes",
            "--contents none",
            "all, tables");
      }
      String missing = chosen.containsKey(Spi.PAGING) ? "page-table" : "paging";
      throw new InputException(
          "this machine has no page tables: no " + missing + " plugin was found",
          "the plugins",
          "io.mm4j:mm-vmalloc, or another jar with a provider of "
              + missing
              + ", on the module path, the class path or --plugins-path");
    }
    return pageTables;
  }

  /** Where everything lies in the kernel's addresses. */
  public KernelLayout kernelLayout() {
    return kernel.layout();
  }

  /**
   * Which addresses of the vmalloc area are whose.
   *
   * @throws InputException if the machine was booted without such a floor; says how to add one
   */
  public VmallocAllocator vmalloc() {
    return kernel.vmalloc();
  }

  /** What the allocator of addresses can do; empty if the machine has none. */
  public Optional<VmallocAllocatorProvider.Capabilities> vmallocCapabilities() {
    return kernel.vmallocCapabilities();
  }

  /**
   * The kernel's own mappings.
   *
   * @throws InputException if the machine was booted without such a floor, or its RAM has no bytes;
   *     says how to add one
   */
  public KernelSpace kernelSpace() {
    PageTables _ = pageTables();
    return kernel.space();
  }

  /**
   * The slab allocator.
   *
   * @throws InputException if the machine was booted without such a floor; says how to add one
   */
  public SlabAllocator slabs() {
    if (slabs == null) {
      throw new InputException(
          "this machine has no slab allocator: no slab plugin was found",
          "the plugins",
          "io.mm4j:mm-slab, or another jar with a provider of slab, on the module path, the class"
              + " path or --plugins-path");
    }
    return slabs;
  }

  /** What the slab allocator can do; empty if the machine has none. */
  public Optional<SlabAllocatorProvider.Capabilities> slabCapabilities() {
    return slabCapabilities;
  }

  /**
   * The tasks and their address spaces.
   *
   * @throws InputException if the machine was booted without such a floor; says how to add one
   */
  public ProcessFloor processes() {
    if (processes == null) {
      String missing = chosen.containsKey(Spi.PROCESS) ? "vma-index" : "process";
      throw new InputException(
          "this machine has no processes: no " + missing + " plugin was found",
          "the plugins",
          "io.mm4j:mm-process, or another jar with a provider of "
              + missing
              + ", on the module path, the class path or --plugins-path");
    }
    return processes;
  }

  /** The rule by which the page allocator falls back to other migratetypes, if it has one. */
  public Optional<FallbackRule> fallbackRule() {
    return fallbackRule;
  }

  /** The zones with their free blocks. */
  public List<ManagedZone> zones() {
    return pages.zones();
  }

  /** The plugin that was chosen for each SPI, with its given options, in boot order. */
  public Map<Spi<?>, PluginSpec> plugins() {
    return Collections.unmodifiableMap(chosen);
  }

  @Override
  public String toString() {
    String ram = Sizes.format(layout.map().usableBytes());
    int nodes = layout.nodes().size();
    return architecture.id()
        + " "
        + ram
        + " cpus="
        + cpus.count()
        + " nodes="
        + nodes
        + " "
        + chosen;
  }

  /** Validates every floor; throws {@link CorruptStateError} at the first contradiction. */
  public void validate() {
    memory.validate();
    for (ManagedZone zone : zones()) {
      zone.frames().validate();
    }
    pages.validate();
    if (slabs != null) {
      slabs.validate();
    }
    if (pageTables != null) {
      pageTables.validate();
    }
    kernel.validate();
  }

  /** How many frames have this owner; walks all frames that somebody has written to. */
  public long framesOwnedBy(FrameOwner owner) {
    long count = 0;
    for (Zone zone : layout.zones()) {
      for (long pfn = zone.startPfn(), next; pfn < zone.endPfn(); pfn = next) {
        next = Math.min(memory.memMap().sameUntil(pfn), zone.endPfn());
        if (memory.memMap().owner(pfn) == owner) {
          count += next - pfn;
        }
      }
    }
    return count;
  }

  /** The frames that somebody holds now; walks all frames that somebody has written to. */
  public LeakReport framesInUse() {
    return LeakReport.of(layout, memory.memMap());
  }

  /**
   * Closes the floors, the highest first. Once the upper floors have given back what they held,
   * frames that are still in use are reported to the listener of {@link MachineConfig#onLeak}, if
   * there is one. Whatever a floor or the listener throws, every floor is closed. A second close
   * does nothing.
   */
  @Override
  public void close() {
    RuntimeException failure = closers.close(this::reportLeaks);
    if (failure != null) {
      throw failure;
    }
  }

  /** The last closer is the memory's: all that is in use now will never be given back. */
  private void reportLeaks() {
    if (onLeak != null) {
      LeakReport report = framesInUse();
      if (!report.isEmpty()) {
        onLeak.accept(report);
      }
    }
  }
}
