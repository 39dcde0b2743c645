// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.machine;

import io.mm4j.api.Cpus;
import io.mm4j.api.InputException;
import io.mm4j.api.boot.BootOptions;
import io.mm4j.api.boot.BootSettings;
import io.mm4j.api.boot.CommandLine;
import io.mm4j.api.boot.ZoneLayouts;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.BootEvents;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.NumaTopology;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Sizes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * What a machine is made of. Every setter returns this object; {@link #boot()} builds the machine.
 *
 * <pre>{@code
 * try (Machine machine = new MachineConfig().memory(4L << 30).cpus(2).boot()) {
 *   long pfn = machine.pages().allocPages(machine.cpus().get(0), Gfp.GFP_KERNEL, 0);
 * }
 * }</pre>
 */
@API(status = API.Status.MAINTAINED)
public final class MachineConfig {
  private MemoryMap map = MemoryMap.pc(4L << 30);
  private @Nullable MemoryLayout layout;
  private Architecture architecture = Architecture.X86_64;
  private @Nullable NumaTopology topology;
  private BootOptions bootOptions = BootOptions.NONE;
  private CommandLine commandLine = CommandLine.EMPTY;
  private final List<MemoryMap.Range> reservations = new ArrayList<>();
  private final List<Consumer<? super BootAllocator>> duringBoot = new ArrayList<>();
  private BootEvents bootEvents = BootEvents.NONE;
  private int cpus = 2;
  private @Nullable List<Integer> cpuNodes;
  private Contents contents = Contents.ALL;
  private boolean releaseMemory = true;
  private final Map<Spi<?>, PluginSpec> plugins = new HashMap<>();
  private final Map<String, String> sysctls = new LinkedHashMap<>();
  private final Map<String, String> recordedSysctls = new HashMap<>();
  private @Nullable Consumer<? super LeakReport> onLeak;
  private @Nullable PluginRegistry registry;

  /** A PC with 4 GiB, 2 CPUs and the reference plugins. */
  public MachineConfig() {}

  /** RAM of a PC, in bytes. */
  public MachineConfig memory(long bytes) {
    return memoryMap(MemoryMap.pc(bytes));
  }

  /** The firmware's memory map. */
  public MachineConfig memoryMap(MemoryMap memoryMap) {
    this.map = memoryMap;
    this.layout = null;
    return this;
  }

  /** Zones as given, e.g. by a recording, in place of those that follow from the map. */
  public MachineConfig layout(MemoryLayout memoryLayout) {
    this.layout = memoryLayout;
    this.map = memoryLayout.map();
    return this;
  }

  /** What kind of machine it is, which says its zones and some plugins; x86-64 if not said. */
  public MachineConfig architecture(Architecture arch) {
    this.architecture = arch;
    this.layout = null;
    return this;
  }

  /** The nodes and their distances; one node if not said. */
  public MachineConfig numa(NumaTopology numaTopology) {
    this.topology = numaTopology;
    this.layout = null;
    return this;
  }

  /**
   * The kernel command line: {@code mem=2G numa=fake=4 vm.max_map_count=100}. A line of a real
   * machine may be given as it is; {@link #notes()} says what of it has no effect.
   */
  public MachineConfig commandLine(String line) {
    this.commandLine = CommandLine.parse(line);
    this.bootOptions = BootOptions.of(commandLine);
    this.layout = null;
    return this;
  }

  /** Memory that boot takes before the page allocator sees it, such as the kernel's image. */
  public MachineConfig reserve(long start, long bytes) {
    reservations.add(new MemoryMap.Range(start, start + bytes, MemoryMap.Type.RESERVED));
    return this;
  }

  /**
   * What early code does with the boot allocator after the reservations, before it hands over: what
   * it allocates stays in use for ever. In the order of the calls.
   */
  public MachineConfig duringBoot(Consumer<? super BootAllocator> step) {
    duringBoot.add(step);
    return this;
  }

  /** Who is told what boot does with memory, step by step. */
  public MachineConfig watchBoot(BootEvents events) {
    this.bootEvents = events;
    return this;
  }

  /** How many CPUs, 1 to 4096. */
  public MachineConfig cpus(int count) {
    if (count < 1 || count > 4096) {
      throw new InputException(count + " CPUs", "--cpus", "1 to 4096");
    }
    this.cpus = count;
    return this;
  }

  /**
   * The node of each CPU, by number: {@code cpu_to_node()}. Without it they lie on the nodes in
   * turn. A node may have no CPU. How many there are says {@link #cpus}; a machine whose CPUs and
   * nodes do not fit the list is refused at boot.
   */
  public MachineConfig cpuNodes(List<Integer> nodeOfCpu) {
    this.cpuNodes = List.copyOf(nodeOfCpu);
    return this;
  }

  /** Whether RAM has bytes; without, only books are kept. */
  public MachineConfig contents(boolean on) {
    return contents(on ? Contents.ALL : Contents.NONE);
  }

  /** Which frames have bytes; all if not said. */
  public MachineConfig contents(Contents which) {
    this.contents = which;
    return this;
  }

  /**
   * Whether boot frees the usable memory into the zones; a replay frees what its recording says.
   */
  public MachineConfig releaseMemory(boolean on) {
    this.releaseMemory = on;
    return this;
  }

  /** Chooses a plugin. */
  public MachineConfig plugin(Spi<?> spi, PluginSpec spec) {
    plugins.put(spi, spec);
    return this;
  }

  /** Chooses a plugin as the command line does: {@code frame-allocator=bitmap}. */
  public MachineConfig plugin(String choice) {
    String where = "--plugin " + choice;
    int eq = choice.indexOf('=');
    if (eq <= 0) {
      throw new InputException(
          "'" + choice + "' names no plugin", "--plugin", "SPI=NAME[:key=value,...]");
    }
    return plugin(
        PluginRegistry.spi(choice.substring(0, eq), where),
        PluginSpec.parse(choice.substring(eq + 1), where));
  }

  /**
   * Sets {@code vm.NAME}, after what was set before; refused at boot if no chosen plugin reads it.
   */
  public MachineConfig sysctl(String name, String value) {
    sysctls.remove(name);
    sysctls.put(name, value);
    return this;
  }

  /**
   * Sets {@code vm.NAME} as a recorded machine had it; passed over if no chosen plugin reads it.
   */
  public MachineConfig recordedSysctl(String name, String value) {
    recordedSysctls.put(name, value);
    return this;
  }

  /**
   * Who hears of frames that are still in use when the machine is closed; by default nobody, as a
   * machine that somebody looks at ends in the middle of its work. {@link LeakReport#refuse} makes
   * it an error.
   */
  public MachineConfig onLeak(Consumer<? super LeakReport> listener) {
    this.onLeak = listener;
    return this;
  }

  /** The plugins to choose from; by default all that are found. */
  public MachineConfig registry(PluginRegistry pluginRegistry) {
    this.registry = pluginRegistry;
    return this;
  }

  /** Builds the machine, or throws what is wrong with the configuration; nothing is left behind. */
  public Machine boot() {
    return Machine.boot(this);
  }

  /**
   * What was said of this machine and has no effect, in words: parameters of the command line that
   * mm4j does not model, and words that a kernel would pass on to init.
   *
   * @throws InputException for a {@code vm.*} name that no chosen plugin reads
   */
  public List<String> notes() {
    PluginRegistry all = registryOrDiscover();
    List<PluginProvider> providers = new ArrayList<>();
    for (Spi<?> spi : Spi.all()) {
      all.plugins(spi).stream()
          .filter(info -> info.name().equals(spec(spi).name()))
          .forEach(info -> providers.add(info.provider()));
    }
    return settings(providers).notes();
  }

  BootSettings settings(List<? extends PluginProvider> providers) {
    return new BootSettings(recordedSysctls, sysctls, commandLine, providers);
  }

  @Nullable Consumer<? super LeakReport> leakListener() {
    return onLeak;
  }

  Architecture architectureOrDefault() {
    return architecture;
  }

  PluginRegistry registryOrDiscover() {
    return registry == null ? PluginRegistry.discover() : registry;
  }

  MemoryLayout layoutOrDefault() {
    if (layout != null) {
      return layout;
    }
    NumaTopology numa = topology == null ? NumaTopology.single(map) : topology;
    return ZoneLayouts.of(architecture, map, numa, bootOptions, bootEvents);
  }

  /** Whether boot finds out what is managed; a layout that was given says it itself. */
  boolean countsManagedPages() {
    return layout == null;
  }

  List<MemoryMap.Range> reservations() {
    return List.copyOf(reservations);
  }

  /**
   * The CPUs on a number of nodes.
   *
   * @throws InputException if there is not one node for each CPU, or one that does not exist
   */
  Cpus cpusOn(int nodes) {
    List<Integer> given = cpuNodes;
    if (given == null) {
      return new Cpus(cpus, nodes);
    }
    if (given.size() != cpus) {
      throw new InputException(
          given.size() + " nodes for " + cpus + " CPUs", "--cpu-nodes", "a node for each CPU");
    }
    for (int cpu = 0; cpu < cpus; cpu++) {
      int node = given.get(cpu);
      if (node < 0 || node >= nodes) {
        throw new InputException(
            "CPU " + cpu + " on node " + node,
            "--cpu-nodes",
            nodes == 1 ? "node 0, as there is no other" : "nodes 0 to " + (nodes - 1));
      }
    }
    return new Cpus(given);
  }

  Contents contents() {
    return contents;
  }

  List<Consumer<? super BootAllocator>> stepsDuringBoot() {
    return List.copyOf(duringBoot);
  }

  BootEvents bootEvents() {
    return bootEvents;
  }

  boolean releasesMemory() {
    return releaseMemory;
  }

  PluginSpec spec(Spi<?> spi) {
    return plugins.getOrDefault(spi, PluginSpec.of(spi.reference(architecture)));
  }

  /** Whether a plugin was chosen, rather than left at the reference. */
  boolean names(Spi<?> spi) {
    return plugins.containsKey(spi);
  }

  /** What a machine that boots from it will be, as far as it was said: {@code x86-64 1G cpus=2}. */
  @Override
  public String toString() {
    Map<String, PluginSpec> chosen = new TreeMap<>();
    plugins.forEach((spi, plugin) -> chosen.put(spi.id(), plugin));
    return architecture.id()
        + " "
        + Sizes.format(map.usableBytes())
        + " cpus="
        + cpus
        + (chosen.isEmpty() ? "" : " " + chosen)
        + (sysctls.isEmpty() ? "" : " " + sysctls);
  }
}
