// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.paging.rules.TableRules.rule;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/** The frames of tables: what is in a new one, whose they are, and that all come back. */
public final class TableFrameRules {
  private static final int STEPS = 60;
  private static final int RW = PageTableFormat.READ | PageTableFormat.WRITE;

  private TableFrameRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "PG-05",
            "tables-are-empty",
            "A new table is full of nothing, whatever the frame had in it.",
            "Old bytes would be translations.",
            "GFP_PGTABLE_USER: __GFP_ZERO",
            "a frame is used as it comes",
            TableFrameRules::tablesAreEmpty),
        rule(
            "PG-06",
            "frames-are-owned",
            "Every table is a frame owned by PAGE_TABLE that names its root and level, tables()"
                + " counts those below a root by level, and tableFrames() all of them.",
            "VmPTE and the report of leaks are made of it.",
            "mm_inc_nr_ptes, pagetable_pte_ctor; struct ptdesc",
            "a table is not counted, or not said to be one",
            TableFrameRules::framesAreOwned),
        rule(
            "PG-07",
            "free-tables",
            "freeTables frees the tables that have an address of the range and none beyond floor"
                + " and ceiling, no other, and none that has an entry left.",
            "A neighbour's page would be lost, or a table for ever.",
            "free_pgd_range, free_pgtables",
            "floor or ceiling is rounded to the wrong side",
            TableFrameRules::freeTables),
        rule(
            "PG-08",
            "teardown",
            "After any row of changes, roots that are cleared and freed give every frame of theirs"
                + " back, and closing gives back the rest.",
            "What a process leaves is missing for ever.",
            "exit_mmap, pgd_free",
            "a table that is reached another way, such as a deposited one, is forgotten",
            TableFrameRules::teardown),
        rule(
            "PG-09",
            "allocations-fail",
            "Any allocation of newRoot, ensure or kernelRoot may fail: the call says so, keeps no"
                + " frame, and works when it is made again.",
            "Page tables are made when memory is short.",
            "pgd_alloc, __pmd_alloc; failslab, fail_page_alloc",
            "tables that were made before the one that failed are left",
            TableFrameRules::allocationsFail),
        rule(
            "PG-41",
            "closed-as-it-stands",
            "Closing gives every frame back, whatever is mapped, deposited and loaded.",
            "A machine is closed in the middle of a run, and its frames are counted.",
            "mm4j's contract of PageTables.close",
            "only tables that are empty are freed, or deposited ones are forgotten",
            TableFrameRules::closed));
  }

  private static void closed(PagingBench b, Seeded random) {
    for (int i = 0; i < 3; i++) {
      long root = b.newRoot();
      for (int k = 0; k < 12; k++) {
        int level = b.leafLevel(random);
        long at = b.user(random);
        boolean placed = b.cursor.ensure(b.cpu, root, at, level) == level;
        if (placed && !b.format.isTable(level, b.cursor.entry())) {
          b.cursor.set(b.leaf(level, random));
        }
        if (b.cursor.seek(root, at, 2) == 2 && !b.format.isNone(b.cursor.entry())) {
          b.cursor.deposit(b.tables.newTable(b.cpu));
        }
      }
      b.tables.mmu(b.machine.cpus().get(i % 2)).switchTo(root);
    }
    b.tables.validate();
    checkEqual(b.owned(), b.tables.tableFrames(), b.kind + ": tableFrames()");
    b.tables.close();
    checkEqual(b.freeAtStart, b.free(), b.kind + ": free frames after close()");
    checkEqual(0, b.owned(), b.kind + ": tables after close()");
  }

  /** The kernel's tables are there: each allocation of a process's root fails once. */
  private static void ofItsOwn(PagingBench b) {
    for (long n = 1; ; n++) {
      long free = b.free();
      b.pages.failIn(n);
      long root = b.tables.newRoot(b.cpu);
      if (root != PageTables.NO_ROOT) {
        b.pages.failIn(0);
        b.tables.freeRoot(b.cpu, root);
        checkEqual(free, b.free(), b.kind + ": free frames when a new root is gone");
        return;
      }
      checkEqual(free, b.free(), b.kind + ": free frames when allocation " + n + " fails");
      checkEqual(b.owned(), b.tables.tableFrames(), b.kind + ": tableFrames()");
      b.tables.validate();
    }
  }

  private static void tablesAreEmpty(PagingBench b, Seeded random) {
    List<Long> dirty = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      long pfn = b.pages.allocPages(b.cpu, io.mm4j.api.page.Gfp.GFP_KERNEL, 0);
      for (int at = 0; at < 4096; at += 8) {
        b.memory.putLong((pfn << 12) + at, random.next() | 1);
      }
      dirty.add(pfn);
    }
    dirty.forEach(pfn -> b.pages.freePages(b.cpu, pfn, 0));
    long root = b.newRoot();
    long at = b.user(random);
    b.place(root, at, 1);
    long table = b.tables.newTable(b.cpu);
    for (int i = 0; i < 4096; i += 8) {
      checkEqual(0, b.memory.getLong((table << 12) + i), b.kind + ": new table at " + i);
    }
    b.tables.freeTable(b.cpu, table);
    b.cursor.over(root, 0, b.userEnd());
    check(!b.cursor.next(), b.kind + ": a new root has nothing", "it has something");
    b.end(root);
  }

  private static void framesAreOwned(PagingBench b, Seeded random) {
    checkEqual(0, b.owned(), b.kind + ": tables of a machine that translates nothing");
    long root = b.newRoot();
    for (int i = 0; i < 20; i++) {
      int level = b.leafLevel(random);
      int _ = b.cursor.ensure(b.cpu, root, b.user(random), level);
    }
    long[] found = new long[b.format.levels() + 1];
    count(b, root, root, b.format.levels(), found);
    for (int level = 1; level < b.format.levels(); level++) {
      checkEqual(found[level], b.tables.tables(root, level), b.kind + ": tables of level " + level);
    }
    checkEqual(b.owned(), b.tables.tableFrames(), b.kind + ": tableFrames()");
    b.end(root);
    checkEqual(b.owned(), b.tables.tableFrames(), b.kind + ": tableFrames() after freeRoot");
  }

  private static void count(PagingBench b, long root, long table, int level, long[] found) {
    long pages = b.format.entries(level);
    for (int i = 0; level > 1 && i < pages; i++) {
      long entry = b.read((table << 12) + (long) i * b.format.shape().entryBytes());
      long address = (long) i << b.format.shift(level);
      boolean kernels = level == b.format.levels() && address >= b.userEnd();
      if (!kernels && (entry & 1) != 0 && (entry & 0x80) == 0) {
        long below = (entry & b.format.bits().frame()) >>> 12;
        found[level - 1]++;
        check(
            b.map.owner(below) == FrameOwner.PAGE_TABLE
                && b.map.mapping(below) == root
                && (b.map.index(below) & 0xff) == level - 1,
            b.kind + ": frame " + below + " is a table of level " + (level - 1) + " of " + root,
            b.map.owner(below)
                + " mapping="
                + b.map.mapping(below)
                + " index="
                + b.map.index(below));
        count(b, root, below, level - 1, found);
      }
    }
  }

  private static void freeTables(PagingBench b, Seeded random) {
    long root = b.newRoot();
    long span = b.format.bytes(2);
    long base = span * (8 + random.below(4));
    for (int i = 0; i < 6; i++) {
      b.place(root, base + i * span, 1);
    }
    long before = b.tables.tables(root, 1);
    b.map(root, base + 2 * span, 1, 7, RW);
    b.cursor.over(root, base, base + 4 * span);
    b.refused("a table with an entry", () -> b.cursor.freeTables(b.cpu, 0, b.userEnd()));
    checkEqual(before, b.tables.tables(root, 1), b.kind + ": tables after the refusal");
    b.cursor.seek(root, base + 2 * span, 1);
    b.cursor.set(PageTableFormat.EMPTY);
    // Of [1/2, 3 1/2) with everything else mine: 0 to 3 have an address of it.
    long half = span / 2;
    b.cursor.over(root, base + half, base + 3 * span + half);
    checkEqual(
        2,
        b.cursor.freeTables(b.cpu, base + half, base + 3 * span + half),
        b.kind + ": tables of which all is mine");
    checkEqual(before - 2, b.tables.tables(root, 1), b.kind + ": level 1 after");
    b.cursor.over(root, base + half, base + 3 * span + half);
    checkEqual(
        1,
        b.cursor.freeTables(b.cpu, base, base + 3 * span + half),
        b.kind + ": with the floor at a table's beginning");
    b.cursor.over(root, base + 3 * span, base + 4 * span);
    checkEqual(
        1,
        b.cursor.freeTables(b.cpu, base, base + 4 * span),
        b.kind + ": with the ceiling at a table's end");
    checkEqual(before - 4, b.tables.tables(root, 1), b.kind + ": level 1 in the end");
    b.cursor.over(root, 0, b.userEnd());
    b.cursor.freeTables(b.cpu, 0, b.userEnd());
    for (int level = 1; level < b.format.levels(); level++) {
      checkEqual(0, b.tables.tables(root, level), b.kind + ": with no floor, level " + level);
    }
    b.end(root);
  }

  private static void teardown(PagingBench b, Seeded random) {
    long kernel = b.kernelRoot();
    long free = b.free();
    for (int i = 0; i < STEPS; i++) {
      if (b.roots.isEmpty() || random.oneIn(12)) {
        b.newRoot();
      }
      long root = b.roots.get(random.below(b.roots.size()));
      int level = b.leafLevel(random);
      long at = b.user(random);
      switch (random.below(8)) {
        case 0 -> {
          withdrawAll(b, root);
          b.end(root);
        }
        case 1 -> {
          int reached = b.cursor.seek(root, at, 2);
          if (reached == 2 && !b.format.isNone(b.cursor.entry())) {
            b.cursor.deposit(b.tables.newTable(b.cpu));
          }
        }
        case 2 -> {
          if (b.cursor.seek(root, at, 2) == 2
              && b.format.isLeaf(2, b.cursor.entry())
              && b.format.bits().isMapped(b.cursor.entry())) {
            b.cursor.split(b.tables.newTable(b.cpu));
          }
        }
        default -> {
          if (b.cursor.ensure(b.cpu, root, at, level) == level
              && !b.format.isTable(level, b.cursor.entry())) {
            b.cursor.set(b.leaf(level, random));
          }
        }
      }
    }
    for (long root : List.copyOf(b.roots)) {
      // Deposits under tables are taken out before: a caller's duty.
      withdrawAll(b, root);
      b.end(root);
    }
    checkEqual(free, b.free(), b.kind + ": free frames after all processes have ended");
    checkEqual(b.owned(), b.tables.tableFrames(), b.kind + ": tables of the kernel");
    check(kernel == b.kernelRoot(), "the kernel's root stays", "another one");
    b.tables.close();
    checkEqual(b.freeAtStart, b.free(), b.kind + ": free frames after close()");
    checkEqual(0, b.owned(), b.kind + ": tables after close()");
  }

  private static void withdrawAll(PagingBench b, long root) {
    for (long at = 0; at < b.userEnd(); ) {
      int level = b.cursor.seek(root, at, 2);
      for (long t = b.cursor.withdraw(); t != PageTables.NO_TABLE; t = b.cursor.withdraw()) {
        b.tables.freeTable(b.cpu, t);
      }
      // One entry of each table of level 2 is enough: deposits are the table's.
      long bytes = level > 2 ? b.cursor.bytes() : b.format.bytes(2) * b.format.entries(2);
      at = (at | bytes - 1) + 1;
    }
  }

  private static void allocationsFail(PagingBench b, Seeded random) {
    for (long n = 1; ; n++) {
      long free = b.free();
      b.pages.failIn(n);
      long root = b.tables.newRoot(b.cpu);
      if (root != PageTables.NO_ROOT) {
        b.pages.failIn(0);
        b.roots.add(root);
        break;
      }
      boolean kernelStays = b.free() < free; // the kernel's root is whole, a process's is not
      check(
          b.free() == free || (kernelStays && b.tables.kernelRoot(b.cpu) != PageTables.NO_ROOT),
          b.kind + ": newRoot keeps no frame when allocation " + n + " fails",
          (free - b.free()) + " frames");
      checkEqual(b.owned(), b.tables.tableFrames(), b.kind + ": tableFrames()");
      check(n < 500, b.kind + ": newRoot needs fewer than 500 frames", "more");
    }
    ofItsOwn(b);
    long root = b.roots.getFirst();
    // What was made meanwhile is whole.
    long direct = b.format.kernel().directMap();
    for (long paddr : new long[] {0, 4096, (1 << 20) - 1, 1 << 20, (4 << 20) + 5}) {
      String what = String.format("%s: direct map of 0x%x", b.kind, paddr);
      checkEqual(paddr, b.tables.translate(root, direct + paddr), what);
    }
    for (int level = 1; level < b.format.levels(); level++) {
      long at = b.format.bytes(b.format.levels()) / 2 + random.below(100) * 4096L;
      for (long n = 1; ; n++) {
        long free = b.free();
        b.pages.failIn(n);
        int reached = b.cursor.ensure(b.cpu, root, at, level);
        if (reached == level) {
          b.pages.failIn(0);
          break;
        }
        checkEqual(TableCursor.NO_MEMORY, reached, b.kind + ": ensure without memory");
        checkEqual(free, b.free(), b.kind + ": free frames when allocation " + n + " fails");
        checkEqual(b.owned(), b.tables.tableFrames(), b.kind + ": tableFrames()");
        b.tables.validate();
      }
      b.cursor.over(root, 0, b.userEnd());
      b.cursor.freeTables(b.cpu, 0, b.userEnd());
    }
    b.end(root);
  }
}
