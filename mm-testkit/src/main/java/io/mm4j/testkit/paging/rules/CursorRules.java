// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.paging.rules.TableRules.rule;

import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a cursor writes, meets and makes on its way, beside the bytes in RAM. */
public final class CursorRules {
  private static final int STEPS = 60;
  private static final int RW = PageTableFormat.READ | PageTableFormat.WRITE;

  private CursorRules() {}

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
            CursorRules::entriesInRam),
        rule(
            "PG-02",
            "cleared-in-ram",
            "An entry of any level that is cleared in RAM ends the translation of what lies below"
                + " it, and written back it is there again.",
            "The hardware reads RAM.",
            "mm4j's contract of PageTables",
            "a look-up is remembered",
            CursorRules::clearedInRam),
        rule(
            "PG-03",
            "walk",
            "A walk with next() meets every entry of the range that is neither nothing nor a table,"
                + " once, in order, huge ones as a whole, and no other.",
            "munmap frees what it meets.",
            "zap_pte_range, walk_page_range",
            "the first or the last entry of a table is left out, or a huge one met twice",
            CursorRules::walk),
        rule(
            "PG-04",
            "seek-and-ensure",
            "seek stands at the lowest entry there is, not below the wanted level; ensure makes"
                + " what is missing and stops at what is in the way.",
            "A fault that goes on below a huge page writes into memory that is no table.",
            "pte_offset_map, pmd_alloc, pte_alloc",
            "a huge leaf is taken for a table",
            CursorRules::seekAndEnsure));
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
              default -> b.leaf(reached, random);
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
      to = random.oneIn(5) ? b.userEnd() : to;
      if (from >= to) {
        continue;
      }
      b.cursor.over(root, from, Math.min(to, b.userEnd()));
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
        b.cursor.set(b.leaf(reached, random));
      }
    }
    b.end(root);
  }
}
