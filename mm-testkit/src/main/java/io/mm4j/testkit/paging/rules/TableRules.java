// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/** Huge leafs that are split, deposits, what comes meanwhile, misuse, and the way told. */
public final class TableRules {
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
        b.cursor.set(b.leaf(level, random));
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
