// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.machine.LeakReport;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.NumaTopology;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Setting;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.paging.rules.HookedPages;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** A machine with two CPUs whose kernel mappings are under test, and ways to look at them. */
final class SpaceBench implements AutoCloseable {
  static final long PAGE = 4096;

  /** Of {@link Shape#NODES}. */
  static final int NODES = 3;

  /** Frames of each. */
  static final long NODE_PAGES = 4096;

  /** A kind of machine. */
  enum Kind {
    X86_64(Architecture.X86_64, "x86-64"),
    LA57(Architecture.X86_64, "la57"),
    X86_32(Architecture.X86_32, "x86-32"),
    X86_32_24(Architecture.X86_32_24, "x86-32"),
    X86_PAE(Architecture.X86_PAE, "x86-pae");

    final Architecture architecture;
    final String format;

    Kind(Architecture architecture, String format) {
      this.architecture = architecture;
      this.format = format;
    }

    boolean isWide() {
      return architecture.is64Bit();
    }
  }

  /** How much RAM there is, and where. */
  enum Shape {
    /** 16 MiB. */
    SMALL,
    /** 72 MiB, on 32 bits the last 8 of them high memory. */
    HIGH,
    /** 24 MiB from 0, of which 8 MiB are in zone DMA32, and 16 MiB from 4 GiB on; of 64 bits. */
    ABOVE_4G,
    /** 16 MiB and a slab allocator. */
    SLAB,
    /** 48 MiB in three nodes. */
    NODES
  }

  final Kind kind;
  final Machine machine;
  final KernelSpace space;
  final PageTables tables;
  final PageTableFormat format;
  final PhysicalMemory memory;
  final MemMap map;
  final VmallocAllocator areas;
  final VmallocAllocatorProvider.Capabilities areasCan;
  final HookedPages pages;
  final String what;
  private final List<HookedPages> made = new ArrayList<>();
  private final List<LeakReport> leaks = new ArrayList<>();
  private final long freeAtStart;

  /** Frames that areas have. */
  private final Set<Long> taken = new HashSet<>();

  SpaceBench(
      PageTablesProvider provider,
      Options options,
      Kind kind,
      Combinations.Below below,
      VmallocAllocatorProvider allocator,
      Shape shape) {
    this.kind = kind;
    what = kind + ", " + below + ", " + allocator.name();
    Map<Spi<?>, List<? extends PluginProvider>> plugins = new HashMap<>();
    plugins.put(Spi.PHYSICAL_MEMORY, List.of(below.memory()));
    plugins.put(Spi.FRAME_ALLOCATOR, List.of(below.frames()));
    plugins.put(Spi.PAGE_ALLOCATOR, List.of(new Hooked(below.pages(), made)));
    plugins.put(Spi.PAGE_TABLE, List.of(Combinations.format(kind.format)));
    plugins.put(Spi.PAGING, List.of(provider));
    plugins.put(Spi.VMALLOC, List.of(allocator));
    if (shape == Shape.SLAB) {
      plugins.put(Spi.SLAB, List.of(Combinations.slab()));
    }
    MachineConfig config =
        new MachineConfig()
            .registry(PluginRegistry.of(plugins))
            .architecture(kind.architecture)
            .cpus(2)
            .contents(true)
            .onLeak(leaks::add);
    size(config, shape, kind.isWide());
    plugins.forEach((spi, list) -> config.plugin(spi, PluginSpec.of(list.getFirst().name())));
    Map<String, String> given = provider.options().isEmpty() ? Map.of() : options.asMap();
    config.plugin(Spi.PAGING, new PluginSpec(provider.name(), given));
    machine = config.boot();
    pages = made.getFirst();
    space = machine.kernelSpace();
    tables = machine.pageTables();
    format = tables.format();
    memory = machine.memory();
    map = memory.memMap();
    areas = machine.vmalloc();
    areasCan = allocator.capabilities();
    freeAtStart = free();
  }

  private static void size(MachineConfig config, Shape shape, boolean wide) {
    switch (shape) {
      case SMALL, SLAB -> config.memory(16 << 20);
      case HIGH -> config.memory(72 << 20).commandLine(wide ? "" : "highmem=8M");
      case NODES -> {
        List<NumaTopology.Span> spans = new ArrayList<>();
        for (int i = 0; i < NODES; i++) {
          spans.add(new NumaTopology.Span(i * NODE_PAGES, (i + 1) * NODE_PAGES));
        }
        config.memory(NODES * NODE_PAGES * PAGE).numa(NumaTopology.of(spans, NumaTopology.REMOTE));
      }
      case ABOVE_4G ->
          config.memoryMap(
              new MemoryMap(
                  List.of(
                      new MemoryMap.Range(0, 24 << 20, MemoryMap.Type.USABLE),
                      new MemoryMap.Range(
                          1L << 32, (1L << 32) + (16 << 20), MemoryMap.Type.USABLE))));
    }
  }

  /** Page allocators whose allocations fail when a rule wants that. */
  private record Hooked(PageAllocatorProvider inner, List<HookedPages> made)
      implements PageAllocatorProvider {
    @Override
    public String name() {
      return inner.name();
    }

    @Override
    public String summary() {
      return inner.summary();
    }

    @Override
    public PageAllocatorProvider.Capabilities capabilities() {
      return inner.capabilities();
    }

    @Override
    public List<Setting> settings() {
      return inner.settings();
    }

    @Override
    public PageAllocator create(Floors floors, Options options) {
      HookedPages hooked = new HookedPages(inner.create(floors, Options.defaults(inner)));
      made.add(hooked);
      return hooked;
    }
  }

  Cpu cpu(int id) {
    return machine.cpus().get(id % 2);
  }

  Cpu cpu() {
    return machine.cpus().get(0);
  }

  /** Frames that nobody has. */
  long free() {
    return machine.pages().freePages() + machine.pages().pcpPages();
  }

  /** Frames that nobody has or that are page tables, which stay. */
  long freeOrTable() {
    return free() + tables.tableFrames();
  }

  long totalPages() {
    return machine.zones().stream().mapToLong(z -> z.zone().managedPages()).sum();
  }

  /** A frame of the rule's own. */
  long page(int gfp) {
    long pfn = machine.pages().allocPages(cpu(), gfp, 0);
    check(pfn != PageAllocator.NO_PAGE, what + ": a page for the rule", "none");
    return pfn;
  }

  long page() {
    return page(Gfp.GFP_KERNEL | Gfp.__GFP_HIGHMEM);
  }

  void freePage(long pfn) {
    machine.pages().freePages(cpu(), pfn, 0);
  }

  /** So many frames of the rule's own. */
  long[] pages(int count) {
    long[] pfns = new long[count];
    for (int i = 0; i < count; i++) {
      pfns[i] = page();
    }
    return pfns;
  }

  void freePages(long[] pfns) {
    for (long pfn : pfns) {
      freePage(pfn);
    }
  }

  /** A load or store of the kernel's on a CPU, through its TLB and the kernel's tables. */
  long access(int cpu, long address, int how) {
    Mmu mmu = tables.mmu(cpu(cpu));
    if (mmu.root() == PageTables.NO_ROOT) {
      mmu.switchTo(tables.kernelRoot(cpu(cpu)));
    }
    return mmu.access(address, how);
  }

  void fills(long address, long value) {
    memory.putLong(good(address, Mmu.WRITE), value);
  }

  long reads(long address) {
    return memory.getLong(good(address, 0));
  }

  private long good(long address, int how) {
    long paddr = access(0, address, how);
    check(paddr >= 0, what + ": an access to " + hex(address), "it faults");
    return paddr;
  }

  void faults(long address, String where) {
    for (int how : new int[] {0, Mmu.WRITE}) {
      long result = access(0, address, how);
      check(
          result < 0, what + ": an access to " + where + " faults: " + hex(address), "it does not");
      checkEqual(
          0,
          Mmu.faultCode(result) & Mmu.FAULT_PROTECTION,
          what + ": " + where + " is not there, rather than protected");
    }
  }

  /**
   * The leaf for an address and its level; 0 and the level where the walk ended if there is none.
   */
  long[] leaf(long address) {
    long root = tables.kernelRoot(cpu());
    long[] last = new long[2];
    long _ =
        tables.walk(
            root,
            address,
            (level, table, index, entry) -> {
              last[0] = entry;
              last[1] = level;
            });
    return last;
  }

  /** An area as it should be: its frames its own, in the tables, with a guard page behind them. */
  long[] checkArea(long address, int count) {
    check(
        address != KernelSpace.NO_ADDRESS && space.layout().isVmalloc(address),
        what + ": an area of " + count + " pages",
        hex(address));
    checkEqual(0, address % PAGE, what + ": offset of the area in its page");
    long bytes = areas.bytes(address);
    check(
        bytes >= (count + 1) * PAGE,
        what + ": bytes of an area of " + count + " pages and a guard page",
        "" + bytes);
    long[] pfns = new long[count];
    for (int i = 0; i < count; i++) {
      long at = address + i * PAGE;
      long pfn = space.vmallocToPfn(at);
      check(
          pfn != KernelSpace.NO_PAGE && pfn > 0 && pfn < map.endPfn(),
          what + ": a frame for page " + i + " of " + count,
          "" + pfn);
      check(taken.add(pfn), what + ": a frame of its own for page " + i, "another area has " + pfn);
      // of a huge page the first frame has the reference
      int references = map.order(pfn) == 0 || pfn % 512 == 0 ? 1 : 0;
      check(
          map.owner(pfn) == FrameOwner.VMALLOC && map.refcount(pfn) == references,
          what + ": frame " + pfn + " is held as vmalloc's, references=" + references,
          map.owner(pfn) + " " + map.refcount(pfn));
      if (map.order(pfn) == 0) {
        checkEqual(address, map.mapping(pfn), what + ": the area of frame " + pfn);
        checkEqual(i, map.index(pfn), what + ": its page of the area");
      }
      pfns[i] = pfn;
    }
    long[] leaf = leaf(address);
    long prot = format.kernelProt(PageTableFormat.READ | PageTableFormat.WRITE);
    long wanted = format.leaf((int) leaf[1], pfns[0], prot);
    long byHardware = format.bits().accessed() | format.bits().dirty();
    check(
        (leaf[0] & ~byHardware) == (wanted & ~byHardware),
        what + ": PAGE_KERNEL at " + hex(address) + ": " + hex(wanted),
        hex(leaf[0]));
    checkEqual(
        KernelSpace.NO_PAGE,
        space.vmallocToPfn(address + bytes - PAGE),
        what + ": frame of the guard page");
    return pfns;
  }

  /** The frames of an area are its own no more. */
  void forget(long[] pfns) {
    for (long pfn : pfns) {
      taken.remove(pfn);
    }
  }

  /** Nothing is left of an area that was freed. */
  void checkGone(long address, long[] pfns) {
    for (int i = 0; i < pfns.length; i++) {
      checkEqual(
          KernelSpace.NO_PAGE,
          space.vmallocToPfn(address + i * PAGE),
          what + ": frame behind page " + i + " of a freed area");
      check(
          map.owner(pfns[i]) != FrameOwner.VMALLOC,
          what + ": frame " + pfns[i] + " of a freed area is free",
          "still held");
    }
    checkEqual(0, areas.bytes(address), what + ": bytes of a freed area");
  }

  /** All that a call that fails leaves as it was; tables may be made. */
  String state() {
    String info =
        space
            .vmallocinfo()
            .lines()
            .filter(line -> !line.endsWith("unpurged vm_area"))
            .collect(Collectors.joining(" | "));
    return "free frames and tables="
        + freeOrTable()
        + " areas="
        + areas.stats().areas()
        + " pages in areas="
        + space.vmallocPages()
        + " vmallocinfo="
        + info;
  }

  void same(String before, String when) {
    String now = state();
    check(now.equals(before), what + ": after " + when + ": " + before, now);
    validate();
  }

  void validate() {
    space.validate();
    areas.validate();
    tables.validate();
  }

  /** A call that must be refused, and that must change nothing. */
  void refused(String name, Runnable call) {
    String before = state();
    boolean thrown = false;
    try {
      call.run();
    } catch (MisuseException e) {
      thrown = true;
    }
    check(thrown, what + ": misuse is refused: " + name, "it is not");
    same(before, name + ", which is refused");
  }

  /** CPUs load nothing any more. */
  void rest() {
    for (int i = 0; i < 2; i++) {
      tables.mmu(cpu(i)).switchTo(PageTables.NO_ROOT);
    }
  }

  /** Everything that the rule has taken is back. */
  void end() {
    rest();
    validate();
    checkEqual(0, areas.stats().areas(), what + ": areas at the end");
    checkEqual(0, space.vmallocPages(), what + ": pages of areas at the end");
    checkEqual(freeAtStart, freeOrTable(), what + ": free frames and tables at the end");
  }

  @Override
  public void close() {
    rest();
    machine.close();
    check(leaks.isEmpty(), what + ": no frame in use when the machine is closed", leaks.toString());
  }

  static String hex(long number) {
    return "0x" + Long.toHexString(number);
  }
}
