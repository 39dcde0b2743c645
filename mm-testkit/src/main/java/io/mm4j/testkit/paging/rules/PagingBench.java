// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.pages.naive.NaivePageAllocator;
import io.mm4j.testkit.pages.naive.NaivePages;
import io.mm4j.testkit.paging.naive.NaiveFormats;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A machine of 8 MiB with two CPUs whose page tables are under test; the floors below are the kit's
 * naive ones. Beside it a reading of RAM that knows nothing of the plugin.
 */
final class PagingBench implements AutoCloseable {
  /** A kind of machine with its format. */
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
  }

  private static final long BYTES = 8 << 20;

  final Kind kind;
  final Machine machine;
  final PageTables tables;
  final PageTableFormat format;
  final PhysicalMemory memory;
  final MemMap map;
  final Cpu cpu;
  final HookedPages pages;
  final TableCursor cursor;
  final List<Long> roots = new ArrayList<>();
  final long freeAtStart;
  private final List<HookedPages> made = new ArrayList<>();

  PagingBench(PageTablesProvider provider, Options options, Kind kind) {
    this.kind = kind;
    PluginRegistry registry =
        PluginRegistry.of(
            Map.of(
                Spi.PHYSICAL_MEMORY,
                List.of(new NaiveMemories()),
                Spi.FRAME_ALLOCATOR,
                List.of(new NaiveFrames()),
                Spi.PAGE_ALLOCATOR,
                List.of(new NaivePages("naive", this::hooked)),
                Spi.PAGE_TABLE,
                List.of(new NaiveFormats(kind.format, kind.format, f -> f)),
                Spi.PAGING,
                List.of(provider)));
    Map<String, String> given = provider.options().isEmpty() ? Map.of() : options.asMap();
    machine =
        new MachineConfig()
            .registry(registry)
            .architecture(kind.architecture)
            .memory(BYTES)
            .cpus(2)
            .contents(true)
            .plugin(Spi.PHYSICAL_MEMORY, PluginSpec.of("naive"))
            .plugin(Spi.FRAME_ALLOCATOR, PluginSpec.of("naive"))
            .plugin(Spi.PAGE_ALLOCATOR, PluginSpec.of("naive"))
            .plugin(Spi.PAGE_TABLE, PluginSpec.of(kind.format))
            .plugin(Spi.PAGING, new PluginSpec(provider.name(), given))
            .boot();
    pages = made.getFirst();
    tables = machine.pageTables();
    format = tables.format();
    memory = machine.memory();
    map = memory.memMap();
    cpu = machine.cpus().get(0);
    cursor = tables.cursor();
    freeAtStart = free();
  }

  private HookedPages hooked(io.mm4j.api.page.PageAllocatorProvider.Floors floors) {
    HookedPages hooked = new HookedPages(new NaivePageAllocator(floors));
    made.add(hooked);
    return hooked;
  }

  long free() {
    return machine.pages().freePages() + machine.pages().pcpPages();
  }

  /** Frames that say that they are page tables. */
  long owned() {
    long count = 0;
    for (long pfn = map.startPfn(); pfn < map.endPfn(); pfn++) {
      count += map.owner(pfn) == FrameOwner.PAGE_TABLE ? 1 : 0;
    }
    return count;
  }

  long newRoot() {
    long root = tables.newRoot(cpu);
    check(root != PageTables.NO_ROOT, "a new root", "none; free frames " + free());
    roots.add(root);
    return root;
  }

  long kernelRoot() {
    long root = tables.kernelRoot(cpu);
    check(root != PageTables.NO_ROOT, "the kernel's root", "none; free frames " + free());
    return root;
  }

  /** Removes what is mapped, and the root. */
  void end(long root) {
    clear(root);
    tables.freeRoot(cpu, root);
    roots.remove(root);
  }

  void clear(long root) {
    cursor.over(root, 0, format.kernel().start());
    while (cursor.next()) {
      cursor.set(PageTableFormat.EMPTY);
      for (long t = cursor.withdraw(); t != PageTables.NO_TABLE; t = cursor.withdraw()) {
        tables.freeTable(cpu, t);
      }
    }
  }

  /** Places the cursor at an entry of a level that must be there or can be made. */
  void place(long root, long address, int level) {
    int reached = cursor.ensure(cpu, root, address, level);
    checkEqual(level, reached, String.format("ensure(0x%x, %d)", address, level));
  }

  /** Maps a page or a huge page and returns its entry. */
  long map(long root, long address, int level, long pfn, int access) {
    place(root, address, level);
    long entry = format.leaf(level, pfn, format.userProt(access));
    cursor.set(entry);
    return entry;
  }

  /** A level whose entries map frames, mostly 1. */
  int leafLevel(Seeded random) {
    int level = random.oneIn(3) ? 2 + random.below(2) : 1;
    return level <= format.levels() && format.shape().hasLeafs(level) ? level : 1;
  }

  /** One past the last user address. */
  long userEnd() {
    long start = format.kernel().start();
    return start < 0 ? 1L << (format.shape().addressBits() - 1) : start;
  }

  /** A leaf of a level that a cursor has reached; of one without leafs nothing. */
  long leaf(int level, Seeded random) {
    return format.shape().hasLeafs(level)
        ? format.leaf(level, frame(random, level), format.userProt(1 + random.below(7)))
        : PageTableFormat.EMPTY;
  }

  /** A user address: few places, so that tables are shared, and the ends of the half. */
  long user(Seeded random) {
    long half = userEnd();
    long base =
        switch (random.below(4)) {
          case 0 -> 0;
          case 1 -> half - (8L << 20);
          case 2 -> 0x3000_0000L;
          default -> Long.remainderUnsigned(random.next(), half >>> 24) << 24;
        };
    return base + random.below(8 << 20 >>> 12) * 4096L + (random.oneIn(2) ? 0 : 4096 - 8);
  }

  /** A frame that is there, aligned for a level. */
  long frame(Seeded random, int level) {
    long pfn = 256L + random.below(1700);
    return pfn & -1L << format.order(level);
  }

  /** Reads an entry as bytes. */
  long read(long paddr) {
    long value = 0;
    for (int i = format.shape().entryBytes() - 1; i >= 0; i--) {
      value = (value << 8) | (memory.getByte(paddr + i) & 0xff);
    }
    return value;
  }

  /** Writes an entry as bytes. */
  void write(long paddr, long value) {
    for (int i = 0; i < format.shape().entryBytes(); i++) {
      memory.putByte(paddr + i, (byte) (value >>> (8 * i)));
    }
  }

  /** The physical addresses of the entries on the way to an address, from the top table down. */
  List<Long> path(long root, long address) {
    List<Long> path = new ArrayList<>();
    long table = root << 12;
    for (int level = format.levels(); level > 0; level--) {
      long index = Long.remainderUnsigned(address >>> format.shift(level), format.entries(level));
      long at = table + index * format.shape().entryBytes();
      path.add(at);
      long entry = read(at);
      boolean last = level == 1 || (entry & 1) == 0 || (entry & 0x80) != 0;
      if (last) {
        break;
      }
      table = entry & format.bits().frame();
    }
    return path;
  }

  /** The physical address, by what is in RAM. */
  long raw(long root, long address) {
    List<Long> path = path(root, address);
    int level = format.levels() - path.size() + 1;
    long entry = read(path.getLast());
    boolean leaf = level == 1 || ((entry & 0x80) != 0 && format.shape().hasLeafs(level));
    if ((entry & 1) == 0 || !leaf || !format.shape().isCanonical(address)) {
      return PageTables.NOT_MAPPED;
    }
    long inside = (1L << format.shift(level)) - 1;
    return (entry & format.bits().frame() & ~inside) + (address & inside);
  }

  void checkTranslation(long root, long address) {
    long expected = raw(root, address);
    long seen = tables.translate(root, address);
    check(
        expected == seen,
        String.format("%s: translate(0x%x) = 0x%x", kind, address, expected),
        String.format("0x%x", seen));
  }

  /** A call that must be refused, and that must change nothing. */
  void refused(String what, Runnable call) {
    long before = free();
    boolean thrown = false;
    try {
      call.run();
    } catch (MisuseException e) {
      thrown = true;
    }
    check(thrown, kind + ": misuse is refused: " + what, "it is not");
    checkEqual(before, free(), kind + ": free frames after " + what);
  }

  @Override
  public void close() {
    machine.close();
  }
}
