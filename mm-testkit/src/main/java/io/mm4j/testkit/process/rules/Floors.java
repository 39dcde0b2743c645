// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.machine.LeakReport;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.pages.naive.NaivePages;
import io.mm4j.testkit.paging.naive.NaiveFormats;
import io.mm4j.testkit.paging.naive.NaivePaging;
import io.mm4j.testkit.paging.rules.HookedPages;
import io.mm4j.testkit.paging.rules.HookedProvider;
import io.mm4j.testkit.vma.VmaIndexSuite;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The process floor that is run above an index: the one that is found beside the test kit. */
public final class Floors {
  private static final Optional<ProcessFloorProvider> FOUND =
      PluginRegistry.discover().plugins(Spi.PROCESS).stream()
          .sorted(Comparator.comparing(info -> !info.name().equals(Spi.PROCESS.reference())))
          .map(info -> Spi.PROCESS.providerType().cast(info.provider()))
          .findFirst();

  /** The plugins below a process: the references that are found beside the kit, else its own. */
  private static Map<Spi<?>, String> foundBelow(Ground ground) {
    return Map.of(
        Spi.PHYSICAL_MEMORY, "sparsemem",
        Spi.FRAME_ALLOCATOR, "buddy",
        Spi.PAGE_ALLOCATOR, "linux",
        Spi.PAGE_TABLE, ground.format,
        Spi.PAGING, "linux");
  }

  private static final boolean REFERENCE_BELOW = Below.hasAll(PluginRegistry.discover());

  /**
   * The floors below. All process floors of a trial share them; the next trial uses them again when
   * it has closed those, unless somebody is still at work there.
   */
  static final class Below {
    private final HookedProvider pages;
    final Machine machine;
    final Thread user = Thread.currentThread();
    final List<ProcessFloor> floors = new ArrayList<>();
    @Nullable Function<Map<String, String>, ProcessFloor> booting;
    @Nullable Function<String, Booted> bootingAll;

    Below(Ground ground) {
      PluginRegistry found = PluginRegistry.discover();
      Map<Spi<?>, List<? extends PluginProvider>> providers = new HashMap<>();
      if (hasAll(found)) {
        foundBelow(ground)
            .forEach(
                (spi, name) ->
                    providers.put(spi, List.of(found.provider(spi, name, "the test kit"))));
        pages = new HookedProvider(found.provider(Spi.PAGE_ALLOCATOR, "linux", "the test kit"));
      } else {
        providers.put(Spi.PHYSICAL_MEMORY, List.of(new NaiveMemories()));
        providers.put(Spi.FRAME_ALLOCATOR, List.of(new NaiveFrames()));
        providers.put(Spi.PAGE_TABLE, List.of(new NaiveFormats()));
        providers.put(Spi.PAGING, List.of(new NaivePaging()));
        pages = new HookedProvider(new NaivePages());
      }
      providers.put(Spi.PAGE_ALLOCATOR, List.of(pages));
      MachineConfig config =
          new MachineConfig()
              .registry(PluginRegistry.of(providers))
              .architecture(ground.architecture)
              .memory(hasAll(found) ? ground.bytes : 64L << 20)
              .cpus(1);
      providers.forEach((spi, list) -> config.plugin(spi, PluginSpec.of(list.getFirst().name())));
      machine = config.boot();
    }

    private static boolean hasAll(PluginRegistry registry) {
      return Arrays.stream(Ground.values())
          .flatMap(ground -> foundBelow(ground).entrySet().stream())
          .allMatch(
              wanted ->
                  registry.plugins(wanted.getKey()).stream()
                      .anyMatch(info -> info.name().equals(wanted.getValue())));
    }

    HookedPages hook() {
      return pages.made();
    }

    /** Ends what an earlier trial left; false if that does not work. */
    boolean clear() {
      hook().failIn(0);
      hook().leave(Long.MAX_VALUE);
      hook().doBefore(0, () -> {});
      unload(machine);
      try {
        floors.forEach(ProcessFloor::close);
        floors.clear();
        return true;
      } catch (RuntimeException | CorruptStateError e) {
        return false; // a wrong index or floor has left something that cannot be taken down
      }
    }
  }

  /** By ground. */
  private static final Map<Ground, Below> BELOW = new EnumMap<>(Ground.class);

  private static Ground current = Ground.USUAL;

  /** A trial begins on the usual machine: what the last one left is taken down. */
  static void beginTrial() {
    beginTrial(Ground.USUAL);
  }

  /** The same on another machine, if there is one. */
  static synchronized void beginTrial(Ground ground) {
    current = REFERENCE_BELOW ? ground : Ground.USUAL;
    Below old = BELOW.get(current);
    if (old != null
        && ((old.user.isAlive() && !old.user.equals(Thread.currentThread())) || !old.clear())) {
      BELOW.remove(current);
    }
  }

  private static synchronized Below below() {
    Below now = BELOW.get(current);
    if (now == null) {
      now = new Below(current);
      BELOW.put(current, now);
    }
    return now;
  }

  /** The machine of this trial. */
  static Ground ground() {
    return current;
  }

  /** The floors below processes. */
  static Machine machine() {
    return below().machine;
  }

  /** No CPU translates with the tables of a process any more: it may end. */
  static void unload() {
    unload(below().machine);
  }

  private static void unload(Machine machine) {
    machine.pageTables().mmu(machine.cpus().get(0)).switchTo(PageTables.NO_ROOT);
  }

  private Floors() {}

  /** A right index below a floor that is wrong. */
  public record Wrong(String name, VmaIndexProvider inner, UnaryOperator<ProcessFloor> wrap)
      implements VmaIndexProvider {
    @Override
    public String summary() {
      return inner.summary();
    }

    @Override
    public VmaIndexProvider.Capabilities capabilities() {
      return inner.capabilities();
    }

    @Override
    public VmaIndex create(int maxVmas, Options options) {
      return inner.create(maxVmas, options);
    }
  }

  /** A right index below a floor of somebody's. */
  public record Under(ProcessFloorProvider floor, Options floorOptions, VmaIndexProvider inner)
      implements VmaIndexProvider {
    @Override
    public String name() {
      return inner.name();
    }

    @Override
    public String summary() {
      return inner.summary();
    }

    @Override
    public VmaIndexProvider.Capabilities capabilities() {
      return inner.capabilities();
    }

    @Override
    public VmaIndex create(int maxVmas, Options options) {
      return inner.create(maxVmas, options);
    }
  }

  /** Why no address space can be judged here, or null. */
  static @Nullable public String missing() {
    return FOUND.isPresent()
        ? null
        : "no process floor is on the module path: add io.mm4j:mm-process";
  }

  /** Why there is no machine of another kind than the usual one, or null. */
  static @Nullable String missingOther() {
    return Below.hasAll(PluginRegistry.discover())
        ? null
        : "gigabytes and five levels of page tables need the floors of mm4j below: "
            + foundBelow(Ground.FIVE_LEVELS).values();
  }

  /** The page allocator below the floors of this trial. */
  static HookedPages hook() {
    return below().hook();
  }

  /**
   * Whether a frame lies in the highest zone: those of processes do, as long as it has some. Of the
   * kit's own allocator nothing is said.
   */
  static boolean isInHighestZone(long pfn) {
    if (!REFERENCE_BELOW) {
      return true;
    }
    List<Zone> zones = below().machine.memory().nodes().getLast().zones();
    Zone last = zones.getFirst();
    for (Zone zone : zones) {
      last = zone.presentPages() > 0 ? zone : last;
    }
    return last.contains(pfn);
  }

  /** Whether the floor says that it has tasks. */
  static boolean hasTasks() {
    return FOUND.map(ProcessFloorProvider::hasTasks).orElse(false);
  }

  /** Frames that nobody has. */
  static long freeFrames() {
    Machine machine = below().machine;
    return machine.pages().freePages() + machine.pages().pcpPages();
  }

  /**
   * Wants a frame for itself, so that its owner moves what is there, and gives it back; false if
   * the floors below move nothing, or if it stays.
   */
  static boolean moveAway(long pfn) {
    Machine machine = below().machine;
    Cpu cpu = machine.cpus().get(0);
    boolean moved = machine.pages().allocContigRange(cpu, pfn, pfn + 1, Gfp.GFP_KERNEL);
    if (moved) {
      machine.pages().freeContigRange(cpu, pfn, pfn + 1);
    }
    return moved;
  }

  /** Where a walk to an address ends: the level of the table, and the entry there. */
  record Entry(int level, long value) {
    EntryBits bits() {
      return below().machine.pageTables().format().bits();
    }

    /** The frame of the address, -1 where nothing is mapped. */
    long pfn(long uaddr) {
      PageTableFormat format = below().machine.pageTables().format();
      long within = (uaddr & format.bytes(level) - 1) >>> Pages.PAGE_SHIFT;
      return format.isLeaf(level, value) ? format.pfn(level, value) + within : -1;
    }
  }

  /** What the tables in RAM have for an address. */
  static Entry entry(AddressSpace mm, long uaddr) {
    Entry[] last = new Entry[1];
    long _ =
        below()
            .machine
            .pageTables()
            .walk(
                mm.fields().pgd() >>> Pages.PAGE_SHIFT,
                uaddr,
                (level, tablePfn, index, value) -> last[0] = new Entry(level, value));
    return last[0];
  }

  /** Whether writes go through the entry that maps an address, without a fault. */
  static boolean letsWrite(AddressSpace mm, long uaddr) {
    Entry entry = entry(mm, uaddr);
    return entry.bits().isWrite(entry.value);
  }

  /** Memory is short: who can gives some up. */
  static void reclaim() {
    long _ = reclaim(1 << 20);
  }

  /** The same until so many frames are free; how many have become so. */
  static long reclaim(long frames) {
    Machine machine = below().machine;
    return machine
        .pressure()
        .reclaim(ReclaimRequest.of(machine.cpus().get(0), Gfp.GFP_KERNEL, 0, frames));
  }

  /** A floor without processes, on this index. */
  static ProcessFloor create(VmaIndexProvider provider, Options options) {
    below().booting = settings -> create(provider, options, settings);
    below().bootingAll = words -> boot(provider, options, words);
    return create(provider, options, Map.of());
  }

  /** Another floor like the last one, on a machine that was booted with these settings. */
  static ProcessFloor booted(Map<String, String> settings) {
    return Objects.requireNonNull(below().booting).apply(settings);
  }

  /** A machine of gigabytes that was booted as a whole, and its floor of processes. */
  record Booted(Machine machine, ProcessFloor floor, List<LeakReport> leaks)
      implements AutoCloseable {
    /** Frames that nobody has. */
    long freeFrames() {
      return machine.pages().freePages() + machine.pages().pcpPages();
    }

    @Override
    public void close() {
      machine.close();
    }
  }

  /** The plugins of the last floor on a machine that boots with these words. */
  static Booted boot(String commandLine) {
    return Objects.requireNonNull(below().bootingAll).apply(commandLine);
  }

  private static Booted boot(VmaIndexProvider provider, Options options, String commandLine) {
    PluginRegistry plugins = PluginRegistry.discover();
    ProcessFloorProvider process =
        provider instanceof Under under ? under.floor : FOUND.orElseThrow();
    Map<Spi<?>, List<? extends PluginProvider>> providers = new HashMap<>();
    MachineConfig config = new MachineConfig();
    foundBelow(Ground.LARGE)
        .forEach(
            (spi, name) -> {
              providers.put(spi, List.of(plugins.provider(spi, name, "the test kit")));
              config.plugin(spi, PluginSpec.of(name));
            });
    providers.put(Spi.PROCESS, List.of(process));
    providers.put(Spi.VMA_INDEX, List.of(provider));
    Map<String, String> chosen =
        provider instanceof Under under ? under.floorOptions.asMap() : Map.of();
    List<LeakReport> leaks = new ArrayList<>();
    Machine machine =
        config
            .registry(PluginRegistry.of(providers))
            .plugin(Spi.PROCESS, new PluginSpec(process.name(), chosen))
            .plugin(Spi.VMA_INDEX, new PluginSpec(provider.name(), options.asMap()))
            .memory(Ground.LARGE.bytes)
            .commandLine(commandLine)
            .cpus(1)
            .onLeak(leaks::add)
            .boot();
    ProcessFloor floor = machine.processes();
    boolean wrong = provider instanceof Wrong;
    return new Booted(machine, wrong ? ((Wrong) provider).wrap.apply(floor) : floor, leaks);
  }

  private static ProcessFloor create(
      VmaIndexProvider provider, Options options, Map<String, String> settings) {
    boolean given = provider instanceof Under;
    ProcessFloorProvider found = given ? ((Under) provider).floor : FOUND.orElseThrow();
    Options chosen = given ? ((Under) provider).floorOptions : Options.defaults(found);
    Below under = below();
    Machine below = under.machine;
    ProcessFloor floor =
        found.create(
            new ProcessFloorProvider.Floors(
                below.memory(),
                below.pages(),
                below.cpus(),
                below.pressure(),
                below.pageTables(),
                indexes(provider, options),
                settings),
            chosen);
    under.floors.add(floor);
    return provider instanceof Wrong wrong ? wrong.wrap.apply(floor) : floor;
  }

  /** What makes a floor without processes on the kit's own index. */
  static Supplier<ProcessFloor> naive() {
    VmaIndexProvider provider = VmaIndexSuite.correct();
    return () -> create(provider, Options.defaults(provider));
  }

  private static Supplier<VmaIndex> indexes(VmaIndexProvider provider, Options options) {
    int most = Math.min(provider.capabilities().maxVmas(), 1 << 17);
    return () -> provider.create(most, options);
  }
}
