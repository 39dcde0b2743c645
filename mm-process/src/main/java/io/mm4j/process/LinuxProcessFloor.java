// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.Cpus;
import io.mm4j.api.InputException;
import io.mm4j.api.boot.CommandLine;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.Setting;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.Mount;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.process.Tasks;
import io.mm4j.process.call.FileSizes;
import io.mm4j.process.exec.ExecLoader;
import io.mm4j.process.mm.FloorContext;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.mm.SysctlFiles;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.HugePool;
import io.mm4j.process.page.PageMover;
import io.mm4j.process.task.LinuxTasks;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Makes address spaces that answer as Linux 6.18 does. */
final class LinuxProcessFloor implements ProcessFloor {
  private final FloorContext context;
  private final MmSysctls sysctls;
  private final Pressure.@Nullable Registration moving;
  private final Cpus cpus;
  private final @Nullable PageTables tables;
  private Options options;

  /** Made when somebody first asks for them. */
  private @Nullable LinuxTasks tasks;

  /**
   * Creates a floor without processes.
   *
   * @param floors what is below; without page tables it can have no process
   * @param sysctls what the machine was booted with
   * @param options how the kernel was built, and the disk
   */
  LinuxProcessFloor(ProcessFloorProvider.Floors floors, MmSysctls sysctls, Options options) {
    cpus = floors.cpus();
    tables = floors.pageTables();
    Frames frames =
        tables == null
            ? null
            : new Frames(floors.memory(), floors.pages(), floors.cpus().get(0), tables);
    this.context = new FloorContext(floors.indexes(), frames);
    if (frames != null) {
      frames.deferred().reclaimFor(floors.pressure());
    }
    // With several floors on one machine the first moves its pages, and the others' stay.
    if (frames != null && !floors.pressure().canMigrate(FrameOwner.ANON)) {
      PageMover mover = new PageMover(frames);
      this.moving = floors.pressure().register(FrameOwner.ANON, mover);
    } else {
      this.moving = null;
    }
    this.sysctls = sysctls;
    this.options = options;
    apply(options);
    String words = floors.settings().get(Setting.IN_ORDER);
    try {
      if (words != null && frames != null) {
        new HugePageWords(context.hugePools(), floors.takenAtBoot()).read(CommandLine.parse(words));
      }
      fill("nr_hugepages", floors.settings().get("nr_hugepages"));
      fill("nr_overcommit_hugepages", floors.settings().get("nr_overcommit_hugepages"));
      String everybody = floors.settings().get("unprivileged_userfaultfd");
      if (everybody != null && context.userfaults.writeSysctl(everybody.strip()) != 0) {
        throw new InputException("'" + everybody + "'", "vm.unprivileged_userfaultfd=", "0 or 1");
      }
    } catch (InputException e) {
      close(); // what the words before had set aside goes back
      throw e;
    }
  }

  private void fill(String name, @Nullable String value) {
    boolean none = tables == null && "0".equals(value); // no process, and no pool
    if (value != null && !none && context.sysctls.write(name, value) != 0) {
      throw new InputException(
          "'" + value + "' is no number, or not for this size of pages",
          "vm." + name + "=",
          "0 and up");
    }
  }

  private static long policyNodes(Options now) {
    long nodes = now.number(LinuxProcessFloorProvider.NODES);
    if (Long.compareUnsigned(nodes, Long.SIZE) >= 0) {
      throw new InputException(
          "masks of so many nodes are not modelled",
          "process:" + LinuxProcessFloorProvider.NODES + "=" + nodes,
          "0 to " + (Long.SIZE - 1));
    }
    return nodes;
  }

  private void apply(Options now) {
    context.forbidsZeroPage = !now.flag(LinuxProcessFloorProvider.ZERO_PAGE);
    context.anonVmaNames = now.flag(LinuxProcessFloorProvider.ANON_VMA_NAME);
    if (tables != null) {
      context.frames().trackSoftDirty(now.flag(LinuxProcessFloorProvider.SOFT_DIRTY));
    }
    context.hasProtectionKeys = now.flag(LinuxProcessFloorProvider.PKEYS);
    if (context.hasProtectionKeys && tables != null && context.frames().format().levels() < 4) {
      throw new InputException(
          "protection keys lie in page tables of 64 bits, which this machine has not",
          "process:" + LinuxProcessFloorProvider.PKEYS + "=true",
          "x86-64");
    }
    context.hasKsm = now.flag(LinuxProcessFloorProvider.KSM);
    context.policyNodes = policyNodes(now);
    context.readAheadPages = now.number(LinuxProcessFloorProvider.READ_AHEAD) >>> 2;
  }

  @Override
  public void kernelOption(String name, String value) {
    Map<String, String> given = new HashMap<>(options.asMap());
    given.put(name, value);
    options = Options.of(new LinuxProcessFloorProvider(), given, "kernel option");
    apply(options);
  }

  @Override
  public void clock(LongSupplier realSeconds) {
    context.clock(realSeconds);
  }

  @Override
  public AddressSpace createAddressSpace(AddressSpaceConfig config) {
    MmLayout layout = config.layout();
    if (layout.taskSize() <= 0 || (layout.taskSize() & 4095) != 0) {
      throw new IllegalArgumentException(
          "task_size=0x"
              + Long.toHexString(layout.taskSize())
              + " is no page-aligned user address");
    }
    if (layout.mmapBase() <= 0 || layout.mmapBase() > layout.taskSize()) {
      throw new IllegalArgumentException(
          "mmap_base=0x" + Long.toHexString(layout.mmapBase()) + " is not in user space");
    }
    Mm mm = new Mm(config, context);
    if (!mm.pages.exists()) {
      throw new InputException(
          "there is no memory left for the page tables of a process",
          "the machine",
          "more memory, or fewer processes");
    }
    context.add(mm);
    return new LinuxAddressSpace(mm);
  }

  @Override
  public void failAllocationAfter(long n) {
    context.failAfter(n);
  }

  @Override
  public long allocationCount() {
    return context.allocations();
  }

  @Override
  public long committedPages() {
    return context.committedPages();
  }

  @Override
  public MmSysctls sysctls() {
    return context.sysctls.now(sysctls);
  }

  @Override
  public long truncate(MappedFile file, long bytes) {
    if (bytes < 0 || !file.kind().isRegular()) {
      return -Errno.EINVAL;
    }
    return FileSizes.truncate(context, file, bytes);
  }

  @Override
  public void unlink(MappedFile file) {
    context.files.unlink(file);
    context.spaces().forEach(mm -> mm.vmas.changed());
  }

  @Override
  public long mount(Mount mount) {
    return context.files.mount(mount);
  }

  @Override
  public long writeSysctl(String name, String value) {
    return context.sysctls.write(name, value);
  }

  @Override
  public Optional<String> readSysctl(String name) {
    return tables == null ? Optional.empty() : context.sysctls.read(name, sysctls);
  }

  @Override
  public HugePages hugePages() {
    if (tables == null) {
      return ProcessFloor.super.hugePages(); // no process, and no pool
    }
    return pages(context.hugePools().standard());
  }

  @Override
  public List<HugePages> hugePools() {
    return tables == null
        ? List.of()
        : context.hugePools().all().stream().map(LinuxProcessFloor::pages).toList();
  }

  @Override
  public List<HugePages> hugePoolsOf(int nodeId) {
    return tables == null
        ? List.of()
        : context.hugePools().all().stream()
            .map(
                p ->
                    new HugePages(
                        p.pageBytes(),
                        p.totalOn(nodeId),
                        p.freeOn(nodeId),
                        0,
                        p.surplusOn(nodeId),
                        0))
            .toList();
  }

  private static HugePages pages(HugePool pool) {
    return new HugePages(
        pool.pageBytes(),
        pool.total(),
        pool.free(),
        pool.reserved(),
        pool.surplus(),
        pool.mostSurplus());
  }

  @Override
  public long resizeHugePool(long pageBytes, long pages) {
    HugePool pool = poolOf(pageBytes);
    return pool == null ? -Errno.ENOENT : SysctlFiles.resizePool(pool, pages);
  }

  @Override
  public long overcommitHugePool(long pageBytes, long pages) {
    HugePool pool = poolOf(pageBytes);
    return pool == null ? -Errno.ENOENT : SysctlFiles.overcommitPool(pool, pages);
  }

  private @Nullable HugePool poolOf(long pageBytes) {
    return tables == null ? null : context.hugePools().ofBytes(pageBytes);
  }

  @Override
  public boolean isZeroPage(long pfn) {
    return tables != null && context.frames().isZeroPage(pfn);
  }

  @Override
  public int lruFlags(long pfn) {
    return tables == null ? 0 : context.frames().lru().flags(pfn);
  }

  @Override
  public Tasks tasks() {
    LinuxTasks now = tasks;
    if (now == null) {
      PageTables below = tables;
      if (below == null) {
        throw new InputException(
            "this machine can have no task: it has no page tables",
            "the floors below processes",
            "contents all or tables, and a paging plugin such as io.mm4j:mm-vmalloc");
      }
      now =
          new LinuxTasks(
              context,
              below,
              cpus,
              new LinuxTasks.Makers(LinuxAddressSpace::new, this::spawn, LinuxProcessFloor::inner),
              new ExecLoader(context, (mm, vma) -> new StateLoader(mm).load(vma), this::sysctls));
      tasks = now;
    }
    return now;
  }

  private static @Nullable Mm inner(AddressSpace space) {
    return space instanceof LinuxAddressSpace linux ? linux.mm() : null;
  }

  @Override
  public void close() {
    if (tasks != null) {
      tasks.close();
    }
    context.spaces().forEach(mm -> new LinuxAddressSpace(mm).exit());
    context.close();
    if (moving != null) {
      moving.close();
    }
  }

  /** Such as {@code linux: 2 address spaces}. */
  @Override
  public String toString() {
    return tables == null
        ? "linux: without page tables"
        : "linux: " + context.spaces().size() + " address spaces";
  }
}
