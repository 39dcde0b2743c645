// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.LeakReport;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.vmalloc.Machines.Combination;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** After any sequence and a full teardown every table frame is back. */
class TeardownTest {
  private static final int STEPS = 600;

  static List<Combination> all() {
    return Machines.all();
  }

  @ParameterizedTest
  @MethodSource("all")
  void everyTableFrameIsBack(Combination combination) {
    for (int seed = 0; seed < 3; seed++) {
      run(combination, new Random(seed));
    }
  }

  private static void run(Combination combination, Random random) {
    List<LeakReport> leaks = new ArrayList<>();
    try (Machine machine = boot(combination, leaks)) {
      Cpu cpu = Machines.cpu(machine);
      PageTables tables = machine.pageTables();
      long free = Machines.free(machine);
      assertEquals(0, Machines.tableFrames(machine), "a machine that translates nothing");
      long kernel = tables.kernelRoot(cpu);
      List<Long> roots = new ArrayList<>();
      TableCursor cursor = tables.cursor();
      for (int i = 0; i < STEPS; i++) {
        step(random, cpu, tables, roots, kernel, cursor);
      }
      tables.validate();
      assertEquals(tables.tableFrames(), Machines.tableFrames(machine));
      for (long root : roots) {
        zap(tables, cursor, root, 0, limit(tables.format()));
        tables.freeRoot(cpu, root);
      }
      long left = 1;
      for (int level = 1; level < tables.format().levels(); level++) {
        left += tables.tables(kernel, level);
      }
      assertEquals(left, Machines.tableFrames(machine), "the kernel's stay");
      assertEquals(free - left, Machines.free(machine));
      machine.validate();
    }
    assertEquals(List.of(), leaks);
  }

  private static Machine boot(Combination combination, List<LeakReport> leaks) {
    return new MachineConfig()
        .architecture(combination.architecture())
        .memory(64L << 20)
        .contents(Contents.TABLES)
        .plugin("page-table=" + combination.format())
        .plugin("physical-memory=" + combination.memory())
        .plugin("frame-allocator=" + combination.frames())
        .plugin("page-allocator=" + combination.pages())
        .onLeak(leaks::add)
        .boot();
  }

  private static void step(
      Random random,
      Cpu cpu,
      PageTables tables,
      List<Long> roots,
      long kernel,
      TableCursor cursor) {
    PageTableFormat format = tables.format();
    int what = random.nextInt(10);
    if (roots.isEmpty() || what == 0) {
      long root = tables.newRoot(cpu);
      assertTrue(root != PageTables.NO_ROOT);
      roots.add(root);
      return;
    }
    long root = roots.get(random.nextInt(roots.size()));
    long end = limit(format);
    long at = random.nextLong(end);
    at = at & -4096L & (random.nextBoolean() ? -1L : 0x3fff_f000L);
    int level = random.nextInt(4) == 0 && format.shape().hasLeafs(2) ? 2 : 1;
    switch (what) {
      case 1 -> {
        zap(tables, cursor, root, 0, end);
        tables.freeRoot(cpu, root);
        roots.remove(root);
      }
      case 2, 3 -> {
        long to = Math.min(end, at + (1L << random.nextInt(12, 32)));
        zap(tables, cursor, root, at, to);
        cursor.over(root, at, to);
        long _ = cursor.freeTables(cpu, at, to);
      }
      case 4 -> {
        if (cursor.seek(root, at, 2) == 2 && format.isLeaf(2, cursor.entry())) {
          cursor.split(tables.newTable(cpu));
        }
      }
      case 5 -> {
        // Of the kernel: an entry in the uppermost table is everybody's.
        long kaddr = -4096L * (1 + random.nextInt(1000));
        kaddr = format.shape().addressBits() > 32 ? kaddr : kaddr & 0xffff_ffffL;
        if (cursor.ensure(cpu, kernel, kaddr, 1) == 1) {
          cursor.set(format.leaf(1, 7, format.kernelProt(PageTableFormat.READ)));
          boolean _ = tables.syncKernel(root, kaddr);
          assertEquals(7 << 12, tables.translate(root, kaddr));
        }
      }
      default -> {
        int reached = cursor.ensure(cpu, root, at, level);
        if (reached == level && !format.isTable(level, cursor.entry())) {
          cursor.set(format.leaf(level, 0, format.userProt(PageTableFormat.WRITE)));
        }
      }
    }
  }

  /** Where a user's addresses end. */
  private static long limit(PageTableFormat format) {
    long start = format.kernel().start();
    return start < 0 ? 1L << (format.shape().addressBits() - 1) : start;
  }

  private static void zap(PageTables tables, TableCursor cursor, long root, long from, long to) {
    if (from < to) {
      cursor.over(root, from, to);
      while (cursor.next()) {
        cursor.set(PageTableFormat.EMPTY);
      }
      assertTrue(tables.tables(root, 1) >= 0);
    }
  }
}
