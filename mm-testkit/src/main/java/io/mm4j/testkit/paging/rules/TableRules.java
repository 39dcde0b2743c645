// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Entries, the cursor, and the frames of tables. */
public final class TableRules {
  private static final int STEPS = 60;
  private static final int RW = PageTableFormat.READ | PageTableFormat.WRITE;

  private TableRules() {}

  static PagingRule rule(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      PagingRule.Body body,
      PagingBench.Kind... kinds) {
    return new PagingRule(new RuleInfo(id, name, statement, why, behind, failure), body, kinds);
  }

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "PG-01",
            "entries-in-ram",
            "What a cursor writes is what RAM has at the address that it names, and translate finds"
                + " what RAM says, at every step of a row of changes.",
            "Page tables that live elsewhere are a drawing of page tables.",
            "set_pte; follow_page_mask",
            "a copy of the entries is kept beside RAM",
            TableRules::entriesInRam),
        rule(
            "PG-02",
            "cleared-in-ram",
            "An entry of any level that is cleared in RAM ends the translation of what lies below"
                + " it, and written back it is there again.",
            "The hardware reads RAM.",
            "mm4j's contract of PageTables",
            "a look-up is remembered",
            TableRules::clearedInRam),
        rule(
            "PG-03",
            "walk",
            "A walk with next() meets every entry of the range that is neither nothing nor a table,"
                + " once, in order, huge ones as a whole, and no other.",
            "munmap frees what it meets.",
            "zap_pte_range, walk_page_range",
            "the first or the last entry of a table is left out, or a huge one met twice",
            TableRules::walk),
        rule(
            "PG-04",
            "seek-and-ensure",
            "seek stands at the lowest entry there is, not below the wanted level; ensure makes"
                + " what is missing and stops at what is in the way.",
            "A fault that goes on below a huge page writes into memory that is no table.",
            "pte_offset_map, pmd_alloc, pte_alloc",
            "a huge leaf is taken for a table",
            TableRules::seekAndEnsure),
        rule(
            "PG-05",
            "tables-are-empty",
            "A new table is full of nothing, whatever the frame had in it.",
            "Old bytes would be translations.",
            "GFP_PGTABLE_USER: __GFP_ZERO",
            "a frame is used as it comes",
            TableRules::tablesAreEmpty),
        rule(
            "PG-06",
            "frames-are-owned",
            "Every table is a frame owned by PAGE_TABLE that names its root and level, tables()"
                + " counts those below a root by level, and tableFrames() all of them.",
            "VmPTE and the report of leaks are made of it.",
            "mm_inc_nr_ptes, pagetable_pte_ctor; struct ptdesc",
            "a table is not counted, or not said to be one",
            TableRules::framesAreOwned),
        rule(
            "PG-07",
            "free-tables",
            "freeTables frees the tables that have an address of the range and none beyond floor"
                + " and ceiling, no other, and none that has an entry left.",
            "A neighbour's page would be lost, or a table for ever.",
            "free_pgd_range, free_pgtables",
            "floor or ceiling is rounded to the wrong side",
            TableRules::freeTables),
        rule(
            "PG-08",
            "teardown",
            "After any row of changes, roots that are cleared and freed give every frame of theirs"
                + " back, and closing gives back the rest.",
            "What a process leaves is missing for ever.",
            "exit_mmap, pgd_free",
            "a table that is reached another way, such as a deposited one, is forgotten",
            TableRules::teardown),
        rule(
            "PG-09",
            "allocations-fail",
            "Any allocation of newRoot, ensure or kernelRoot may fail: the call says so, keeps no"
                + " frame, and works when it is made again.",
            "Page tables are made when memory is short.",
            "pgd_alloc, __pmd_alloc; failslab, fail_page_alloc",
            "tables that were made before the one that failed are left",
            TableRules::allocationsFail),
        rule(
            "PG-10",
            "split",
            "A huge leaf that is split translates every address as before, and each part has its"
                + " protection, accessed, dirty and memory type.",
            "mprotect of a part must not touch the rest.",
            "__split_huge_pmd, __split_large_page",
            "parts map the first frame, or PAT stays where it was",
            TableRules::split),
        rule(
            "PG-11",
            "deposits",
            "Tables that are deposited come back, the last one first, count as tables meanwhile,"
                + " and belong to nobody afterwards.",
            "A huge page is split when there is no memory.",
            "pgtable_trans_huge_deposit, pgtable_trans_huge_withdraw",
            "one of several is lost",
            TableRules::deposits),
        rule(
            "PG-12",
            "looks-again",
            "What happened to an entry while its table was being allocated counts: ensure stops at"
                + " it, and the table goes back.",
            "Allocating may reclaim, and reclaim unmaps.",
            "__pmd_alloc, __pte_alloc: pmd_present again under the lock",
            "the table is put where something else is by now",
            TableRules::looksAgain),
        rule(
            "PG-13",
            "misuse",
            "Ranges over both halves, roots that are none, entries in place of tables, tables that"
                + " are not spare, roots that are in use or not empty are refused, and nothing"
                + " changes.",
            "The mistake is named where it is made.",
            "mm4j's contract of PageTables and TableCursor",
            "the check is missing, or comes after the change",
            TableRules::misuse),
        rule(
            "PG-14",
            "steps",
            "walk() tells each entry on the way, with the frame of its table, down to the one that"
                + " ends it, and returns what translate() does.",
            "mm translate shows it.",
            "arch/x86/mm/fault.c dump_pagetable",
            "the last step is left out, or the entry is another table's",
            TableRules::steps));
  }

  private static void entriesInRam(PagingBench b, Seeded random) {
    long root = b.newRoot();
    List<Long> places = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      int level = b.leafLevel(random);
      long at = b.user(random);
      places.add(at);
      int reached = b.cursor.ensure(b.cpu, root, at, level);
      if (!b.format.isTable(b.cursor.level(), b.cursor.entry())) {
        long entry =
            switch (random.below(5)) {
              case 0 -> PageTableFormat.EMPTY;
              case 1 -> b.format.absent().entry(1 + random.below(31), random.below(1 << 20));
              case 2 -> b.format.leaf(reached, 0, b.format.userProt(0));
              default -> leaf(b, reached, random);
            };
        b.cursor.set(entry);
        long seen = b.read(b.cursor.paddr());
        check(
            seen == entry,
            String.format("%s: bytes at 0x%x are 0x%x", b.kind, b.cursor.paddr(), entry),
            String.format("0x%x", seen));
        checkEqual(entry, b.cursor.entry(), "entry()");
      }
      places.forEach(place -> b.checkTranslation(root, place));
    }
    b.end(root);
  }

  /** A leaf of a level that a cursor has reached; of one without leafs nothing. */
  private static long leaf(PagingBench b, int level, Seeded random) {
    return b.format.shape().hasLeafs(level)
        ? b.format.leaf(level, b.frame(random, level), b.format.userProt(1 + random.below(7)))
        : PageTableFormat.EMPTY;
  }

  private static void clearedInRam(PagingBench b, Seeded random) {
    long root = b.newRoot();
    for (int i = 0; i < 5; i++) {
      int level = b.leafLevel(random);
      long at = b.user(random);
      if (b.cursor.ensure(b.cpu, root, at, level) != level
          || b.format.isTable(level, b.cursor.entry())) {
        continue;
      }
      b.cursor.set(b.format.leaf(level, b.frame(random, level), b.format.userProt(RW)));
      long before = b.tables.translate(root, at);
      check(before != PageTables.NOT_MAPPED, b.kind + ": it is mapped", "it is not");
      for (long paddr : b.path(root, at)) {
        long entry = b.read(paddr);
        b.write(paddr, 0);
        checkEqual(PageTables.NOT_MAPPED, b.tables.translate(root, at), b.kind + ": cleared");
        b.write(paddr, entry);
        checkEqual(before, b.tables.translate(root, at), b.kind + ": written back");
      }
    }
    b.end(root);
  }

  private static void walk(PagingBench b, Seeded random) {
    long root = b.newRoot();
    TreeMap<Long, Long> model = new TreeMap<>();
    Map<Long, Integer> levels = new TreeMap<>();
    for (int i = 0; i < STEPS; i++) {
      int level = b.leafLevel(random);
      long at = b.user(random) & -b.format.bytes(level);
      if (b.cursor.ensure(b.cpu, root, at, level) == level
          && !b.format.isTable(level, b.cursor.entry())) {
        long entry =
            random.oneIn(4) && level == 1
                ? b.format.absent().marker(4)
                : b.format.leaf(level, b.frame(random, level), b.format.userProt(random.below(8)));
        b.cursor.set(entry);
        model.put(b.cursor.address(), entry);
        levels.put(b.cursor.address(), level);
      }
    }
    List<Long> ends = new ArrayList<>(model.keySet());
    for (int i = 0; i < 30; i++) {
      long from = ends.get(random.below(ends.size())) + (random.below(3) - 1) * 4096L;
      long to = ends.get(random.below(ends.size())) + (random.below(3) - 1) * 4096L;
      from = Math.max(0, from);
      to = random.oneIn(5) ? limit(b) : to;
      if (from >= to) {
        continue;
      }
      b.cursor.over(root, from, Math.min(to, limit(b)));
      for (Map.Entry<Long, Long> expected : model.entrySet()) {
        int level = levels.getOrDefault(expected.getKey(), 1);
        long start = expected.getKey();
        if (start + b.format.bytes(level) - 1 < from || start >= to) {
          continue;
        }
        String what = String.format("%s: 0x%x of [0x%x, 0x%x)", b.kind, start, from, to);
        check(b.cursor.next(), what + " is met", "the walk ends");
        check(
            b.cursor.address() == start && b.cursor.level() == level,
            what + " is next, at level " + level,
            String.format("0x%x at level %d", b.cursor.address(), b.cursor.level()));
        checkEqual(expected.getValue(), b.cursor.entry(), what);
      }
      check(!b.cursor.next(), b.kind + ": the walk ends", "it goes on");
      check(!b.cursor.next(), b.kind + ": and stays at its end", "it goes on");
    }
    b.end(root);
  }

  private static long limit(PagingBench b) {
    long start = b.format.kernel().start();
    return start < 0 ? 1L << (b.format.shape().addressBits() - 1) : start;
  }

  private static void seekAndEnsure(PagingBench b, Seeded random) {
    long root = b.newRoot();
    int top = b.format.levels();
    for (int i = 0; i < 20; i++) {
      long at = b.user(random);
      int there = top - b.path(root, at).size() + 1;
      for (int level = 1; level <= top; level++) {
        checkEqual(
            Math.max(level, there),
            b.cursor.seek(root, at, level),
            String.format("%s: seek(0x%x, %d)", b.kind, at, level));
        checkEqual(at & -b.cursor.bytes(), b.cursor.address(), "address()");
        List<Long> path = b.path(root, at);
        checkEqual(path.get(top - b.cursor.level()), b.cursor.paddr(), "paddr()");
      }
      int wanted = 1 + random.below(top);
      boolean blocked = b.format.isLeaf(b.cursor.seek(root, at, 1), b.cursor.entry());
      int reached = b.cursor.ensure(b.cpu, root, at, wanted);
      checkEqual(
          blocked ? Math.max(wanted, there) : wanted,
          reached,
          String.format("%s: ensure(0x%x, %d)", b.kind, at, wanted));
      if (b.format.isNone(b.cursor.entry()) && b.format.shape().hasLeafs(reached)) {
        b.cursor.set(leaf(b, reached, random));
      }
    }
    b.end(root);
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
    b.cursor.over(root, 0, limit(b));
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
      boolean kernels = level == b.format.levels() && address >= limit(b);
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
    b.refused("a table with an entry", () -> b.cursor.freeTables(b.cpu, 0, limit(b)));
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
    b.cursor.over(root, 0, limit(b));
    b.cursor.freeTables(b.cpu, 0, limit(b));
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
            b.cursor.set(leaf(b, level, random));
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
    for (long at = 0; at < limit(b); ) {
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
      b.cursor.over(root, 0, limit(b));
      b.cursor.freeTables(b.cpu, 0, limit(b));
    }
    b.end(root);
  }

  private static void split(PagingBench b, Seeded random) {
    long root = b.newRoot();
    for (int level = 2; level <= b.format.levels(); level++) {
      if (!b.format.shape().hasLeafs(level)) {
        continue;
      }
      long at = b.format.bytes(level);
      long prot =
          b.format.withCache(
              b.format.userProt(random.below(8)), io.mm4j.api.pagetable.CacheMode.WP);
      prot = random.oneIn(2) ? b.format.bits().mkdirty(prot) : prot;
      b.place(root, at, level);
      long pfn = 5L << b.format.order(level);
      b.cursor.set(b.format.leaf(level, pfn, prot));
      long inside = random.below(1 << b.format.shape().indexBits()) * b.format.bytes(level - 1);
      b.cursor.over(root, at + inside, at + inside + 4096);
      checkEqual(level, b.cursor.seek(at + inside, level), "seek");
      b.cursor.split(b.tables.newTable(b.cpu));
      checkEqual(level - 1, b.cursor.level(), b.kind + ": level after split");
      checkEqual(at + inside, b.cursor.address(), b.kind + ": address after split");
      b.cursor.over(root, at, at + b.format.bytes(level));
      for (int i = 0; i < b.format.entries(level - 1); i++) {
        check(b.cursor.next(), b.kind + ": part " + i + " is there", "it is not");
        long entry = b.cursor.entry();
        long part = pfn + ((long) i << b.format.order(level - 1));
        checkEqual(part, b.format.pfn(level - 1, entry), b.kind + ": frame of part " + i);
        checkEqual(prot, b.format.prot(level - 1, entry), b.kind + ": protection of part " + i);
      }
    }
    b.end(root);
  }

  private static void deposits(PagingBench b, Seeded random) {
    long root = b.newRoot();
    long at = b.format.bytes(2) * (1 + random.below(20));
    b.map(root, at, 2, 0, RW);
    long before = b.tables.tables(root, 1);
    List<Long> given = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      given.add(b.tables.newTable(b.cpu));
      b.cursor.deposit(given.getLast());
      checkEqual(before + i + 1, b.tables.tables(root, 1), b.kind + ": tables with deposits");
    }
    b.refused("a table that is deposited", () -> b.tables.freeTable(b.cpu, given.getFirst()));
    for (int i = 2; i >= 0; i--) {
      long table = b.cursor.withdraw();
      checkEqual(given.get(i), table, b.kind + ": withdraw " + (3 - i));
      checkEqual(before + i, b.tables.tables(root, 1), b.kind + ": tables after withdraw");
      b.tables.freeTable(b.cpu, table);
    }
    checkEqual(PageTables.NO_TABLE, b.cursor.withdraw(), b.kind + ": nothing is left");
    checkEqual(b.owned(), b.tables.tableFrames(), b.kind + ": tableFrames()");
    b.end(root);
  }

  private static void looksAgain(PagingBench b, Seeded random) {
    long root = b.newRoot();
    int top = b.format.levels();
    long at = b.format.bytes(2) * (1 + random.below(20));
    b.place(root, at, 2);
    long slot = b.cursor.paddr();
    long huge = b.format.leaf(2, 0, b.format.userProt(RW));
    long free = b.free();
    b.pages.doBefore(1, () -> b.write(slot, huge));
    checkEqual(2, b.cursor.ensure(b.cpu, root, at, 1), b.kind + ": ensure below what came");
    checkEqual(huge, b.read(slot), b.kind + ": what came while a table was allocated");
    checkEqual(free, b.free(), b.kind + ": free frames");
    check(top >= 2, "levels", "" + top);
    b.end(root);
  }

  private static void misuse(PagingBench b, Seeded random) {
    long root = b.newRoot();
    long kernel = b.kernelRoot();
    long kaddr = b.format.kernel().directMap();
    long at = b.user(random) & -4096L;
    TableCursor c = b.cursor;
    b.refused("a user's root over kernel addresses", () -> c.over(root, kaddr, kaddr + 4096));
    b.refused("the kernel's root over user addresses", () -> c.over(kernel, 4096, 8192));
    b.refused("an empty range", () -> c.over(root, 8192, 4096));
    b.refused("a frame that is no root", () -> c.over(root + 100, 0, 4096));
    b.refused("freeRoot of no root", () -> b.tables.freeRoot(b.cpu, -1));
    b.refused("freeRoot of the kernel's", () -> b.tables.freeRoot(b.cpu, kernel));
    b.refused("translation of no root", () -> b.tables.tables(root + 100, 1));
    b.place(root, at, 1);
    c.over(root, at, at + 4096);
    b.refused("a cursor at no entry", c::entry);
    b.refused("a place outside the range", () -> c.seek(at + 4096, 1));
    b.refused("a place before the range", () -> c.seek(at - 4096, 1));
    b.refused("level 0", () -> c.seek(at, 0));
    EdgeRules.beyond(b, at);
    c.over(root, at, at + 4096);
    c.seek(root, at, 2);
    b.refused("an entry in place of a table", () -> c.set(PageTableFormat.EMPTY));
    b.refused("a table where one is", () -> withTable(b, c::populate));
    b.refused("splitting a table", () -> withTable(b, c::split));
    c.seek(root, at, 1);
    b.refused("a table at level 1", () -> withTable(b, c::populate));
    b.refused("a deposit at level 1", () -> withTable(b, c::deposit));
    b.refused("a frame that is no table", () -> b.tables.freeTable(b.cpu, 300));
    long used = c.paddr() >>> 12;
    b.refused("a table in use", () -> b.tables.freeTable(b.cpu, used));
    c.set(b.format.leaf(1, 7, b.format.userProt(RW)));
    b.refused("freeRoot with an entry left", () -> b.tables.freeRoot(b.cpu, root));
    b.checkTranslation(root, at);
    b.tables.mmu(b.machine.cpus().get(1)).switchTo(root);
    b.clear(root);
    b.refused("freeRoot of a root that a CPU has", () -> b.tables.freeRoot(b.cpu, root));
    b.tables.mmu(b.machine.cpus().get(1)).switchTo(kernel);
    b.end(root);
    b.refused("a root that is gone", () -> c.over(root, 0, 4096));
  }

  /** Does something with a spare table, and takes it back. */
  private static void withTable(PagingBench b, java.util.function.LongConsumer what) {
    long table = b.tables.newTable(b.cpu);
    try {
      what.accept(table);
    } finally {
      if (b.map.mapping(table) == 0) {
        b.tables.freeTable(b.cpu, table);
      }
    }
  }

  private static void steps(PagingBench b, Seeded random) {
    long root = b.newRoot();
    long bad = b.format.shape().addressBits() > 32 ? 1L << 60 : 1L << 32;
    int[] steps = {0};
    checkEqual(PageTables.NOT_MAPPED, b.tables.translate(root, bad), b.kind + ": no address");
    long none = b.tables.walk(root, bad, (l, pfn, index, entry) -> steps[0]++);
    checkEqual(PageTables.NOT_MAPPED, none, b.kind + ": walk() to no address");
    checkEqual(0, steps[0], b.kind + ": steps on the way to no address");
    for (int i = 0; i < 20; i++) {
      int level = b.leafLevel(random);
      long at = b.user(random);
      if (random.oneIn(2)
          && b.cursor.ensure(b.cpu, root, at, level) == level
          && !b.format.isTable(level, b.cursor.entry())) {
        b.cursor.set(leaf(b, level, random));
      }
      List<Long> path = b.path(root, at);
      List<Long> told = new ArrayList<>();
      long result =
          b.tables.walk(
              root,
              at,
              (l, pfn, index, entry) -> {
                checkEqual(b.format.levels() - told.size(), l, b.kind + ": level of a step");
                long paddr = (pfn << 12) + (long) index * b.format.shape().entryBytes();
                checkEqual(b.read(paddr), entry, b.kind + ": entry of a step");
                told.add(paddr);
              });
      check(path.equals(told), b.kind + ": steps " + path, told.toString());
      checkEqual(b.tables.translate(root, at), result, b.kind + ": result of walk()");
    }
    b.end(root);
  }
}
