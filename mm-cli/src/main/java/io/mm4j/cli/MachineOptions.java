// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.LockOrder;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.MemoryMapText;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.NumaTopology;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ThpMode;
import io.mm4j.cli.proc.KernelSettings;
import io.mm4j.replay.FreshProcess;
import io.mm4j.replay.OtherMachine;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * The options that describe the machine, the same for every command. Values are kept as written and
 * checked by {@link #registry} and {@link #config}, so that every message has one form.
 */
final class MachineOptions {
  private static final String DEFAULT_MACHINE = "x86-64";

  /** Below 1 MiB a PC has 639K of RAM, which is not enough to boot from. */
  private static final long LEAST_BYTES = 2 << 20;

  private static final int MAX_CPUS = 4096;
  private static final String PLUGIN_FORM = "SPI=NAME[:key=value,...]";

  @Option(
      names = "--machine",
      paramLabel = "KIND",
      order = 700,
      description =
          "x86-64 (default), x86-32, x86-pae, x86-32-2.4, a file with a boot log's e820 lines or"
              + " /proc/iomem, or both: x86-32:FILE.")
  private String machine = DEFAULT_MACHINE;

  private static final String DEFAULT_MEMORY = "4G";

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      order = 701,
      description = "RAM, such as 512M, 4G (default), 1T.")
  private @Nullable String memory;

  @Option(names = "--cpus", paramLabel = "N", order = 702, description = "CPUs, 2 by default.")
  private @Nullable String cpus;

  @Option(
      names = "--nodes",
      paramLabel = "N",
      order = 703,
      description = "NUMA nodes, 1 by default.")
  private String nodes = "1";

  @Option(
      names = "--cpu-nodes",
      paramLabel = "LIST",
      order = 703,
      description =
          "The node of each CPU, such as 0,0,1,1; in turn by default. Without --cpus there are as"
              + " many CPUs as numbers. A node may have none.")
  private @Nullable String cpuNodes;

  @Option(
      names = "--cmdline",
      paramLabel = "TEXT",
      order = 704,
      description = "Kernel parameters: mem=2G numa=fake=4 vm.KEY=VALUE ...")
  private String cmdline = "";

  @Option(
      names = "--plugin",
      paramLabel = PLUGIN_FORM,
      order = 705,
      description = "Chooses a plugin; repeatable. `mm plugins` lists them.")
  private List<String> plugins = new ArrayList<>();

  @Option(
      names = "--plugins-path",
      paramLabel = "DIR",
      order = 706,
      description = "A folder of further plugin jars.")
  private @Nullable Path pluginsPath;

  @Option(
      names = "--contents",
      paramLabel = "FRAMES",
      order = 707,
      description =
          "Which frames have bytes: all, tables (the kernel's) or none (default, if no bytes are"
              + " needed).")
  private @Nullable String contents;

  @Option(
      names = "--seed",
      paramLabel = "N",
      order = 708,
      description = "Seed of everything random, 1 by default.")
  private @Nullable String seed;

  @Option(
      names = "--check-locks",
      order = 709,
      description = "Stops with both places when locks are taken out of order.")
  private boolean checkLocks;

  /** Where notes about the command line go, each once. */
  private Consumer<String> notes = note -> {};

  private final Set<String> said = new HashSet<>();

  /** The plugins that can be found; says on stderr which could not be loaded. */
  PluginRegistry registry(Io io) {
    notes = io::warn;
    if (checkLocks && !LockOrder.request()) {
      throw new IllegalStateException("locks were made before --check-locks was read");
    }
    PluginRegistry registry = PluginRegistry.discover(pluginsPath);
    for (PluginRegistry.Failure failure : registry.failures()) {
      io.warn("plugin skipped: " + failure.what() + ": " + failure.reason());
    }
    return io.traced(registry);
  }

  /** Which of these options were given. */
  GivenOptions given() {
    Map<String, Boolean> given = new LinkedHashMap<>();
    given.put("--machine", !machine.equals(DEFAULT_MACHINE));
    given.put("--memory", memory != null);
    given.put("--cpus", cpus != null);
    given.put("--nodes", !nodes.equals("1"));
    given.put("--cpu-nodes", cpuNodes != null);
    given.put("--cmdline", !cmdline.isEmpty());
    given.put("--plugin", !plugins.isEmpty());
    given.put("--contents", contents != null && !contents.equals("none"));
    given.put("--seed", seed != null);
    return new GivenOptions(given, List.copyOf(plugins), pluginsPath, parameters());
  }

  /** The kernel parameters. */
  KernelParameters parameters() {
    return new KernelParameters(cmdline);
  }

  /** Whether the machine has several nodes. */
  boolean hasNodes() {
    return number(nodes, "--nodes", 64) > 1;
  }

  /** Whether page tables were chosen, which are bytes in RAM. */
  boolean namesTables() {
    return plugins.stream()
        .anyMatch(choice -> choice.startsWith("page-table=") || choice.startsWith("paging="));
  }

  /** Whether {@code --contents} was given. */
  boolean saysContents() {
    return contents != null;
  }

  /** Whether page tables can have bytes. */
  boolean keepsBytes() {
    return contents == null || Contents.of(contents, "--contents") != Contents.NONE;
  }

  /** Whether the order of locks is checked. */
  boolean checksLocks() {
    return checkLocks;
  }

  /** The folder of further plugins, or null. */
  @Nullable Path pluginsPath() {
    return pluginsPath;
  }

  /** The seed. */
  long seed() {
    return Sizes.parseNumber(seed == null ? "1" : seed, "--seed");
  }

  /** How many CPUs. */
  int cpus() {
    if (cpus != null) {
      return number(cpus, "--cpus", MAX_CPUS);
    }
    return cpuNodes == null ? 2 : nodeOfCpu(cpuNodes).size();
  }

  /** How many CPUs were asked for, or else this. */
  int cpusOr(int otherwise) {
    return cpus == null ? otherwise : cpus();
  }

  /** The node of each CPU; whether these exist is seen at boot. */
  private static List<Integer> nodeOfCpu(String list) {
    String allowed = "a node's number for each CPU, such as 0,0,1,1";
    List<Integer> nodes = new ArrayList<>();
    for (String part : list.split(",", -1)) {
      long node;
      try {
        node = Sizes.parseNumber(part.strip(), "--cpu-nodes");
      } catch (InputException e) {
        throw new InputException("'" + part + "' is no node", "--cpu-nodes " + list, allowed);
      }
      if (node < 0 || node >= NodeMask.MAX_NODES) {
        throw new InputException("there is no node " + part, "--cpu-nodes " + list, allowed);
      }
      nodes.add((int) node);
    }
    if (nodes.size() > MAX_CPUS) {
      throw new InputException(nodes.size() + " CPUs", "--cpu-nodes", "1 to " + MAX_CPUS);
    }
    return nodes;
  }

  /** The chosen plugins, one of an SPI. */
  Map<Spi<?>, PluginSpec> choices(PluginRegistry registry) {
    Map<Spi<?>, PluginSpec> choices = new LinkedHashMap<>();
    for (String choice : plugins) {
      int before = choices.size();
      parseChoice(registry, choice, "--plugin", choices);
      if (choices.size() == before) {
        throw new InputException(
            "another plugin of this SPI is named, too",
            "--plugin " + choice,
            "one of " + String.join(", ", plugins));
      }
    }
    return choices;
  }

  /**
   * Reads one {@code SPI=NAME[:key=value,...]} and checks that the plugin and its options exist.
   */
  static void parseChoice(
      PluginRegistry registry, String choice, String option, Map<Spi<?>, PluginSpec> into) {
    int eq = choice.indexOf('=');
    if (eq <= 0) {
      throw new InputException("'" + choice + "' names no plugin", option, PLUGIN_FORM);
    }
    String where = option + " " + choice;
    Spi<?> spi = PluginRegistry.spi(choice.substring(0, eq), where);
    PluginSpec spec = PluginSpec.parse(choice.substring(eq + 1), where);
    PluginProvider provider = registry.provider(spi, spec.name(), where);
    Options.of(provider, spec.options(), option + " " + spi.id() + "=" + spec.name());
    into.put(spi, spec);
  }

  /** The machine as described, on these plugins. */
  MachineConfig config(PluginRegistry registry) {
    seed();
    MemoryMapText.Found found = memoryMap();
    MachineConfig config = new MachineConfig().registry(registry).cpus(cpus());
    config.architecture(architecture()).memoryMap(found.map());
    config.contents(contents == null ? Contents.NONE : Contents.of(contents, "--contents"));
    NumaTopology numa = topology(found);
    if (numa != null) {
      config.numa(numa);
    }
    if (cpuNodes != null) {
      config.cpuNodes(nodeOfCpu(cpuNodes));
    }
    choices(registry).forEach(config::plugin);
    try {
      config.commandLine(cmdline);
      config.notes().stream().filter(said::add).forEach(notes);
    } catch (InputException e) {
      throw KernelParameters.inCommandLine(e);
    }
    return config;
  }

  /** The memory map that {@code --machine} names, or that of a PC with so much memory. */
  private MemoryMapText.Found memoryMap() {
    long bytes = Sizes.parseSize(memory == null ? DEFAULT_MEMORY : memory, "--memory");
    if (bytes < LEAST_BYTES) {
      throw new InputException(
          "a machine of " + bytes + " bytes", "--memory " + memory, "sizes from 2M");
    }
    String file = MachineKind.of(machine).file();
    if (file == null) {
      return new MemoryMapText.Found(MemoryMap.pc(bytes), null, List.of());
    }
    if (memory != null) {
      throw new InputException(
          "--memory has no effect beside a map, which says how much there is",
          "--machine " + machine + " --memory " + memory,
          "one of the two; --cmdline mem=SIZE uses less than the map has");
    }
    MemoryMapText.Found found = MachineKind.readMap(file);
    found.notes().stream().map(note -> file + ": " + note).filter(said::add).forEach(notes);
    return found;
  }

  /** The nodes as {@code --nodes} divides the memory, or as the map's file has them; or null. */
  private @Nullable NumaTopology topology(MemoryMapText.Found found) {
    int count = number(nodes, "--nodes", 64);
    if (count == 1) {
      return found.numa();
    }
    if (parameters().fakeNodes()) {
      throw new InputException(
          "--nodes and numa=fake= both say which nodes there are",
          "--nodes " + nodes,
          "one of them");
    }
    if (found.numa() != null) {
      throw new InputException(
          "--nodes and the lines of "
              + MachineKind.of(machine).file()
              + " both say which nodes there are",
          "--nodes " + nodes,
          "one of them");
    }
    List<NumaTopology.Span> spans = NumaTopology.fake(found.map(), count).memory();
    return NumaTopology.of(spans, NumaTopology.REMOTE);
  }

  /**
   * The same, with the kernel's bytes unless others were asked for: page tables, and the links in
   * free objects.
   */
  MachineConfig withKernelBytes(Io io, PluginRegistry registry) {
    MachineConfig config = config(io, registry);
    return contents == null ? config.contents(Contents.TABLES) : config;
  }

  /** The same, and says on stderr how much of the memory the kernel cannot address. */
  MachineConfig config(Io io, PluginRegistry registry) {
    MachineConfig config = config(registry);
    Architecture architecture = architecture();
    if (memory != null) {
      MemoryMap map = MemoryMap.pc(Sizes.parseSize(memory, "--memory"));
      long used = map.limited(architecture.physicalEnd()).usableBytes();
      if (used < map.usableBytes()) {
        io.warn(
            String.format(
                "--memory %s: %s addresses memory below %s, so %s is used",
                memory,
                architecture.id(),
                Sizes.format(architecture.physicalEnd()),
                Sizes.format(used)));
      }
    }
    return config;
  }

  /** What of these options files of the machine show beside its zones. */
  KernelSettings settings() {
    MmSysctls sysctls = parameters().sysctls();
    return new KernelSettings(
        architecture(), sysctls.overcommitRatio(), sysctls.overcommitKbytes());
  }

  /**
   * What these options change about the machine below recorded processes.
   *
   * @param ramKb MemTotal of the machine that they describe
   * @param limits soft limits by name
   * @throws InputException for parameters that do not reach system calls
   */
  OtherMachine otherMachine(LongSupplier ramKb, Map<String, Long> limits) {
    return parameters().otherMachine(memory != null, ramKb, limits);
  }

  /** The process of this machine before any workload. */
  FreshProcess process(long totalRamKb, boolean privileged) {
    boolean x86v32 = !architecture().is64Bit();
    ThpMode thp = parameters().thp();
    return new FreshProcess(x86v32, totalRamKb, parameters().sysctls(), thp, privileged);
  }

  /** The architecture; x86-64 for a machine of which only the memory map is given. */
  Architecture architecture() {
    return MachineKind.of(machine).architecture();
  }

  private static int number(String text, String option, int max) {
    String allowed = max == 1 ? "1" : "1 to " + max;
    long value;
    try {
      value = Sizes.parseNumber(text, option);
    } catch (InputException e) {
      throw new InputException(e.what(), option, allowed);
    }
    if (value < 1 || value > max) {
      throw new InputException("'" + text + "' is out of range", option, allowed);
    }
    return (int) value;
  }
}
