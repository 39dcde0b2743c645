// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.maple.MapleVmaIndexProvider;
import io.mm4j.process.rbtree.RbTreeVmaIndexProvider;
import io.mm4j.process.treemap.TreeMapVmaIndexProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A small 64-bit process: one data mapping, a heap behind it, a stack; two opens of one file. */
final class Rig implements AutoCloseable {
  static final int RW = 3;
  static final int READ = 1;
  static final int PRIVATE_ANON = 0x22;
  static final int FIXED = 0x10;
  static final long BASE = 0x7ffff7fff000L;
  static final long TASK_SIZE = 0x7ffffffff000L;
  static final long BRK = 0x407000;
  static final List<Supplier<VmaIndex>> INDEXES =
      List.of(
          () -> new TreeMapVmaIndexProvider().create(),
          () -> new RbTreeVmaIndexProvider().create(),
          () -> new MapleVmaIndexProvider().create());

  final Machine machine;
  final LinuxProcessFloor floor;
  final AddressSpace mm;

  Rig() {
    this(INDEXES.getFirst(), MmSysctls.DEFAULTS);
  }

  Rig(Supplier<VmaIndex> index, MmSysctls sysctls) {
    this(index, sysctls, ThpMode.NEVER);
  }

  Rig(Supplier<VmaIndex> index, MmSysctls sysctls, ThpMode thp) {
    this(index, sysctls, thp, tables -> tables);
  }

  /** With other page tables in the place of the machine's. */
  Rig(
      Supplier<VmaIndex> index,
      MmSysctls sysctls,
      ThpMode thp,
      UnaryOperator<PageTables> otherTables) {
    machine = new MachineConfig().memory(64L << 20).cpus(1).boot();
    machine.processes().close(); // this floor is to be the one that moves pages
    floor =
        new LinuxProcessFloor(
            new ProcessFloorProvider.Floors(
                machine.memory(),
                machine.pages(),
                machine.cpus(),
                machine.pressure(),
                otherTables.apply(machine.pageTables()),
                index,
                Map.of()),
            sysctls,
            Options.defaults(new LinuxProcessFloorProvider()));
    MmLayout layout =
        new MmLayout(
            TASK_SIZE,
            BASE,
            true,
            false,
            0x401000,
            0x401040,
            0x403000,
            BRK,
            BRK,
            BRK,
            0x7fffffffee20L,
            0,
            0,
            0,
            0);
    mm =
        floor.createAddressSpace(
            new AddressSpaceConfig(
                layout,
                ResourceLimit.INFINITY,
                ResourceLimit.INFINITY,
                8L << 20,
                8L << 20,
                Set.of(),
                sysctls,
                16L << 20,
                0,
                thp,
                false));
    MappedFile file = new MappedFile("F1", MappedFile.Kind.EXT4, 65536, at -> (int) (at >> 12));
    mm.loadVma(vma(0x403000, BRK, "rw-p", "F1", new OpenFile(file, OpenFile.Mode.READ_ONLY)));
    mm.loadVma(vma(0x7ffffffde000L, TASK_SIZE, "rw-p", "[stack]", null));
    mm.installFd(1, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    mm.installFd(2, new OpenFile(file, OpenFile.Mode.READ_WRITE));
  }

  private static VmaInfo vma(
      long start, long end, String perms, String name, @Nullable OpenFile file) {
    return new VmaInfo(start, end, perms, 0, name, file, List.of(), "");
  }

  /** Ends what lives, and the machine. */
  @Override
  public void close() {
    floor.close();
    machine.close();
  }

  /** Maps private anonymous memory at a fixed address. */
  void map(long addr, long pages, int prot) {
    long at = mm.mmap(addr, pages << 12, prot, PRIVATE_ANON | FIXED, -1, 0);
    if (at != addr) {
      throw new AssertionError("mmap gave " + show(at));
    }
  }

  /** Writes one byte; the write must go through. */
  void touch(long addr) {
    if (!mm.write(addr, 1).ok()) {
      throw new AssertionError("write at " + Long.toHexString(addr));
    }
  }

  /** The mappings in a range: {@code 1000-3000 rw-p} and so on, separated by commas. */
  static String maps(AddressSpace mm, long from, long to) {
    List<String> out = new ArrayList<>();
    mm.forEachVma(
        from,
        to,
        vma ->
            out.add(
                Long.toHexString(vma.start())
                    + "-"
                    + Long.toHexString(vma.end())
                    + " "
                    + vma.perms()));
    return String.join(", ", out);
  }

  String maps(long from, long to) {
    return maps(mm, from, to);
  }

  /** The page states of the mapping at an address, as run lengths. */
  String pages(long addr) {
    StringBuilder out = new StringBuilder();
    mm.forEachVma(addr, addr + 1, vma -> out.append(vma.pages()));
    return out.toString();
  }

  /** Everything that maps shows, and the sums. */
  static String everything(AddressSpace mm) {
    StringBuilder out = new StringBuilder();
    mm.forEachVma(
        vma ->
            out.append(Long.toHexString(vma.start()))
                .append(' ')
                .append(Long.toHexString(vma.end()))
                .append(' ')
                .append(vma.flags())
                .append(' ')
                .append(vma.offsetBytes())
                .append(' ')
                .append(vma.name())
                .append('\n'));
    var fields = mm.fields();
    return out.append(fields.brk())
        .append(' ')
        .append(fields.totalVmPages())
        .append(' ')
        .append(fields.lockedVmPages())
        .append(' ')
        .append(fields.committedPages())
        .toString();
  }

  static String show(long result) {
    return Errno.isError(result)
        ? "-" + Errno.nameOf((int) -result)
        : "0x" + Long.toHexString(result);
  }
}
