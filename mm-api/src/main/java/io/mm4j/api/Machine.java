// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FallbackRule;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginRegistry;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Spi;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A booted machine: the composition root, and the only place that wires floors together. It boots
 * in the kernel's order - memory map, nodes and zones, {@code mem_map}, free blocks, page allocator
 * - with the plugin that the configuration names for each step, and closes in reverse.
 */
public final class Machine implements AutoCloseable {
  private final MemoryLayout layout;
  private final Cpus cpus;
  private final VirtualClock clock = new VirtualClock();
  private final Pressure pressure = new Pressure();
  private final PhysicalMemory memory;
  private final PageAllocator pages;
  private final Optional<FallbackRule> fallbackRule;
  private final Map<Spi<?>, PluginSpec> chosen = new LinkedHashMap<>();

  private Machine(MachineConfig config) {
    PluginRegistry registry = config.registryOrDiscover();
    layout = config.layoutOrDefault();
    cpus = new Cpus(config.cpuCount(), layout.nodes().size());

    var memoryPlugin = new Choice<>(registry, Spi.PHYSICAL_MEMORY, config);
    var framesPlugin = new Choice<>(registry, Spi.FRAME_ALLOCATOR, config);
    var pagesPlugin = new Choice<>(registry, Spi.PAGE_ALLOCATOR, config);
    for (Choice<?> choice : List.of(memoryPlugin, framesPlugin, pagesPlugin)) {
      chosen.put(choice.spi, choice.spec);
    }
    fallbackRule = pagesPlugin.provider.fallbackRule();
    memory = memoryPlugin.provider.create(layout, config.hasContents(), memoryPlugin.options);
    try {
      List<ManagedZone> zones = zones(layout, framesPlugin.provider, framesPlugin.options);
      BootAllocator boot = memory.bootAllocator();
      for (MemoryMap.Range range : config.reservations()) {
        boot.reserve(range.start(), range.bytes());
      }
      if (config.releasesMemory()) {
        release(boot, zones, config.countsManagedPages());
      }
      pages =
          pagesPlugin.provider.create(
              new PageAllocatorProvider.Floors(memory, zones, cpus, pressure, config.sysctls()),
              pagesPlugin.options);
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  static Machine boot(MachineConfig config) {
    return new Machine(config);
  }

  private static List<ManagedZone> zones(
      MemoryLayout layout, FrameAllocatorProvider provider, Options options) {
    List<ManagedZone> zones = new ArrayList<>();
    FrameAllocatorProvider.Capabilities capabilities = provider.capabilities(options);
    for (Zone zone : layout.zones()) {
      long cap = capabilities.maxZonePages();
      if (zone.spannedPages() > cap) {
        throw new InputException(
            zone + " has " + zone.spannedPages() + " pages",
            "frame-allocator=" + provider.name(),
            "zones of up to " + cap + " pages");
      }
      zones.add(new ManagedZone(zone, provider.create(zone, options), capabilities));
    }
    return zones;
  }

  /** {@code memblock_free_all()}: what boot did not take goes to the zones, as managed memory. */
  private void release(BootAllocator boot, List<ManagedZone> zones, boolean counts) {
    boot.handOver(
        (start, end) -> {
          for (ManagedZone managed : zones) {
            long from = Math.max(start, managed.zone().startPfn());
            long to = Math.min(end, managed.zone().endPfn());
            if (from < to) {
              release(managed, from, to);
            }
          }
        });
    for (ManagedZone managed : zones) {
      if (counts) {
        long freed = managed.frames().freePages();
        managed.zone().adjustManagedPages(freed - managed.zone().managedPages());
      }
    }
  }

  /** Frees a range in the largest aligned blocks. */
  private void release(ManagedZone managed, long start, long end) {
    Pageblocks types = managed.zone().pageblocks();
    memory.memMap().initOwners(start, end, FrameOwner.FREE);
    for (long pfn = start; pfn < end; ) {
      long runEnd = types.endOfRun(pfn, end);
      managed.frames().freeRange(pfn, runEnd, types.get(pfn), managed.capabilities().maxOrder());
      pfn = runEnd;
    }
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

  /** The rule by which the page allocator falls back to other migratetypes, if it has one. */
  public Optional<FallbackRule> fallbackRule() {
    return fallbackRule;
  }

  /** The zones with their free blocks. */
  public List<ManagedZone> zones() {
    return pages.zones();
  }

  /** The plugin that was chosen for each SPI, with its given options. */
  public Map<Spi<?>, PluginSpec> plugins() {
    return Map.copyOf(chosen);
  }

  /** Validates every floor; throws {@link CorruptStateError} at the first contradiction. */
  public void validate() {
    memory.validate();
    for (ManagedZone zone : zones()) {
      zone.frames().validate();
    }
    pages.validate();
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

  @Override
  public void close() {
    memory.close();
  }

  /** One plugin as configured: provider and checked options. */
  private static final class Choice<P extends PluginProvider> {
    final Spi<P> spi;
    final PluginSpec spec;
    final P provider;
    final Options options;

    Choice(PluginRegistry registry, Spi<P> spi, MachineConfig config) {
      this.spi = spi;
      this.spec = config.spec(spi);
      String where = "--plugin " + spi.id() + "=" + spec.name();
      this.provider = registry.provider(spi, spec.name(), where);
      this.options = Options.of(provider, spec.options(), where);
    }
  }
}
