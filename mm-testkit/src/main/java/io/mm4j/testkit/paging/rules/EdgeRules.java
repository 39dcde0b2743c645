// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.paging.rules.TableRules.rule;

import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.paging.rules.PagingBench.Kind;
import java.util.ArrayList;
import java.util.List;

/** Bits where they mean something else, and top entries that come and go. */
public final class EdgeRules {
  private static final long PS = 1 << 7;
  private static final long STRAY = 0x60;
  private static final int ROOTS = 40;

  /** {@code tlb_single_page_flush_ceiling}. */
  private static final int CEILING = 33;

  private EdgeRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "PG-27",
            "reserved-bit-7",
            "Bit 7 in an entry of a level without leafs is reserved: translate finds nothing behind"
                + " it, walk ends at it, and an access is a fault with the bits P and RSVD.",
            "A table that is taken for a huge page is somebody's memory.",
            "Intel SDM 3A sections 4.7 and 4.4.2; arch/x86/include/asm/trap_pf.h X86_PF_RSVD",
            "any entry with bit 7 is taken for a leaf",
            EdgeRules::reserved,
            Kind.X86_64,
            Kind.LA57),
        rule(
            "PG-28",
            "stray-bits",
            "Accessed and dirty bits alone in an entry of 8 bytes are nothing: a walk passes over"
                + " them, a table may be put there, and the tables with them may be freed.",
            "CPUs of the Knights Landing line set them where nothing is.",
            "arch/x86/include/asm/pgtable_64.h _PAGE_KNL_ERRATUM_MASK; pte_none, pmd_none",
            "an entry is compared with 0",
            EdgeRules::stray,
            Kind.X86_64,
            Kind.LA57,
            Kind.X86_PAE),
        rule(
            "PG-29",
            "top-leafs-of-the-kernel",
            "A huge leaf in a top entry of the kernel's is seen through every root, and when it is"
                + " cleared through none.",
            "What ioremap has given back must be gone for all.",
            "sync_global_pgds, arch_sync_kernel_mappings; set_pmd of x86-32",
            "only what comes is published",
            EdgeRules::topLeafs,
            Kind.X86_32),
        rule(
            "PG-30",
            "row-of-entries",
            "Entries of level 1 that are written in a row are those of the pages from the cursor's"
                + " on, up to the end of its table or the number that was asked for; no other entry"
                + " is changed, and a walk goes on behind them. Above level 1 and outside the range"
                + " a row is refused.",
            "vmalloc maps hundreds of pages at once.",
            "vmap_pages_pte_range, vunmap_pte_range",
            "the row is one entry short, or runs into the next frame",
            EdgeRules::row),
        rule(
            "PG-37",
            "many-roots-and-ends",
            "Dozens of roots live beside each other, each with its own pages; a range that ends"
                + " with 0 goes to the end of all addresses; getAndClear gives the entry that it"
                + " clears; and freeTables frees all that it may or, if an entry is left, nothing.",
            "A machine has a hundred processes, and modules lie at its last addresses.",
            "pgd_list; free_pgd_range; ptep_get_and_clear",
            "a table of roots does not grow, or a part is freed before the entry is found",
            EdgeRules::manyRoots));
  }

  private static void manyRoots(PagingBench b, Seeded random) {
    List<Long> roots = new ArrayList<>();
    long span = b.format.bytes(2);
    int access = PageTableFormat.READ;
    for (int i = 0; i < ROOTS; i++) {
      roots.add(b.newRoot());
      b.map(roots.getLast(), span + 4096L * i, 1, 300 + i, access);
    }
    for (int i = 0; i < ROOTS; i++) {
      for (int k = 0; k < ROOTS; k++) {
        long wanted = i == k ? (300L + i) << 12 : PageTables.NOT_MAPPED;
        long seen = b.tables.translate(roots.get(i), span + 4096L * k);
        checkEqual(wanted, seen, b.kind + ": page " + k + " of root " + i);
      }
    }
    while (roots.size() > 2) {
      b.end(roots.remove(random.below(roots.size())));
    }
    for (long root : roots) {
      b.clear(root);
    }
    // Two tables, of which the second is not empty.
    long root = roots.getFirst();
    b.place(root, 2 * span, 1);
    long entry = b.map(root, 3 * span, 1, 300, access);
    long before = b.tables.tables(root, 1);
    b.cursor.over(root, span, 4 * span);
    b.refused("tables, one with an entry", () -> b.cursor.freeTables(b.cpu, 0, 4 * span));
    checkEqual(before, b.tables.tables(root, 1), b.kind + ": tables when one has an entry");
    checkEqual(1, b.cursor.seek(root, 3 * span, 1), b.kind + ": level of the entry");
    checkEqual(entry, b.cursor.getAndClear(), b.kind + ": the entry that is cleared");
    checkEqual(0, b.cursor.entry(), b.kind + ": and what is there now");
    b.cursor.over(root, span, 4 * span);
    checkEqual(2, b.cursor.seek(root, span, 2), b.kind + ": level of a table's entry");
    if (b.format.levels() > 2) {
      b.cursor.deposit(b.tables.newTable(b.cpu));
      b.refused("a table with a deposit", () -> b.cursor.freeTables(b.cpu, 0, 0));
      b.cursor.over(root, span, 4 * span);
      checkEqual(2, b.cursor.seek(root, span, 2), b.kind + ": level of a table's entry");
      b.tables.freeTable(b.cpu, b.cursor.withdraw());
    }
    b.cursor.over(root, span, 4 * span);
    long all = before + b.format.levels() - 2; // one of each level above
    checkEqual(all, b.cursor.freeTables(b.cpu, 0, 0), b.kind + ": tables freed, no ceiling");
    checkEqual(0, b.tables.tables(root, 1), b.kind + ": tables of level 1 that are left");
    toTheEnd(b);
    roots.forEach(b::end);
  }

  /** The kernel's last addresses. */
  private static void toTheEnd(PagingBench b) {
    long kernel = b.kernelRoot();
    long last = (b.format.shape().addressBits() > 32 ? 0 : 1L << 32) - 4096;
    boolean whole = b.cursor.ensure(b.cpu, kernel, last, 1) == 1;
    check(whole, b.kind + ": a table for the last page", "none");
    long entry = b.format.leaf(1, 300, b.format.kernelProt(PageTableFormat.READ));
    b.cursor.set(entry);
    b.cursor.over(kernel, last - 8192, 0);
    check(b.cursor.next(), b.kind + ": the last page, by a walk to the end", "nothing");
    checkEqual(last, b.cursor.address(), b.kind + ": its address");
    check(!b.cursor.next(), b.kind + ": nothing behind the last page", "something");
    b.cursor.seek(kernel, last, 1);
    checkEqual(entry, b.cursor.getAndClear(), b.kind + ": its entry");
    b.tables.flushKernelRange(b.cpu, last, last + 4096);
  }

  private static void reserved(PagingBench b, Seeded random) {
    long root = b.newRoot();
    long at = b.user(random) & -4096L;
    b.map(root, at, 1, 300, PageTableFormat.READ);
    int levels = b.format.levels();
    Mmu mmu = b.tables.mmu(b.cpu);
    for (int level = levels; level > 1; level--) {
      if (b.format.shape().hasLeafs(level)) {
        continue;
      }
      int steps = levels - level + 1;
      long slot = b.path(root, at).get(steps - 1);
      long entry = b.read(slot);
      b.write(slot, entry | PS);
      String what = b.kind + ": bit 7 at level " + level;
      checkEqual(PageTables.NOT_MAPPED, b.tables.translate(root, at), what);
      int[] told = {0};
      checkEqual(PageTables.NOT_MAPPED, b.tables.walk(root, at, (l, pfn, i, e) -> told[0]++), what);
      checkEqual(steps, told[0], what + ": steps of walk");
      mmu.loadDirectory(root, 0, false);
      long result = mmu.access(at, Mmu.USER);
      check(result < 0, what + " is a fault", String.format("0x%x", result));
      checkEqual(0xd, Mmu.faultCode(result), what + ": P, U/S and RSVD");
      mmu.switchTo(PageTables.NO_ROOT);
      b.write(slot, entry);
    }
    checkEqual(300L << 12, b.tables.translate(root, at), b.kind + ": bit 7 is gone");
    b.end(root);
  }

  private static void stray(PagingBench b, Seeded random) {
    long root = b.newRoot();
    long at = b.user(random) & -b.format.bytes(2);
    b.place(root, at, 1);
    long empty = b.cursor.paddr();
    b.write(empty, STRAY);
    long second = b.format.bytes(2);
    long other = at + second < b.format.kernel().userEnd() ? at + second : at - second;
    checkEqual(2, b.cursor.seek(root, other, 2), b.kind + ": level of an empty entry");
    b.cursor.set(STRAY);
    b.cursor.over(root, 0, b.format.kernel().start());
    check(!b.cursor.next(), b.kind + ": a walk passes over stray bits", "it stops");
    b.place(root, other, 1);
    checkEqual(1, b.cursor.level(), b.kind + ": a table where stray bits were");
    b.cursor.over(root, 0, b.format.kernel().start());
    long freed = b.cursor.freeTables(b.cpu, 0, b.format.kernel().start());
    check(freed > 0, b.kind + ": tables with stray bits are freed", "none is");
    b.end(root);
  }

  private static void topLeafs(PagingBench b, Seeded random) {
    long kernel = b.kernelRoot();
    long early = b.newRoot();
    int top = b.format.levels();
    long at = 0xf000_0000L + random.below(16) * b.format.bytes(top);
    b.place(kernel, at, top);
    b.cursor.set(b.format.leaf(top, 1024, b.format.kernelProt(PageTableFormat.READ)));
    long late = b.newRoot();
    for (long root : new long[] {kernel, early, late}) {
      checkEqual(1024L << 12, b.tables.translate(root, at), b.kind + ": a huge leaf of the kernel");
    }
    b.place(kernel, at, top);
    b.cursor.set(PageTableFormat.EMPTY);
    for (long root : new long[] {kernel, early, late}) {
      checkEqual(PageTables.NOT_MAPPED, b.tables.translate(root, at), b.kind + ": it is gone");
    }
    b.end(early);
    b.end(late);
  }

  private static void row(PagingBench b, Seeded random) {
    long root = b.newRoot();
    int entries = b.format.entries(1);
    long table = b.format.bytes(2);
    long base = b.user(random) & -table;
    base -= base + 2 * table > (b.format.kernel().userEnd() & -table) ? 2 * table : 0;
    b.place(root, base, 1);
    long[] row = new long[entries];
    long prot = b.format.userProt(PageTableFormat.READ);
    for (int i = 0; i < entries; i++) {
      row[i] = b.format.leaf(1, 300 + i % 1000, prot);
    }
    for (int round = 0; round < 6; round++) {
      int from = random.below(entries);
      int count = round == 0 ? 1 : 1 + random.below(entries);
      int expected = Math.min(count, entries - from);
      b.cursor.over(root, base, base + 2 * table);
      checkEqual(1, b.cursor.seek(base + from * 4096L, 1), b.kind + ": level of a page");
      long first = b.cursor.paddr();
      checkEqual(expected, b.cursor.setRow(row, count), b.kind + ": entries written");
      checkEqual(
          base + (from + expected - 1) * 4096L, b.cursor.address(), b.kind + ": the last one");
      int bytes = b.format.shape().entryBytes();
      for (int i = 0; i < entries; i++) {
        long wanted = i >= from && i < from + expected ? row[i - from] : 0;
        long seen = b.read(first + (long) (i - from) * bytes);
        check(wanted == seen, b.kind + ": entry " + i + " = " + wanted, "" + seen);
      }
      check(!b.cursor.next(), b.kind + ": nothing is behind the row", "something");
      b.clear(root);
    }
    b.cursor.over(root, base, base + table);
    b.cursor.seek(base, 1);
    long high = b.format.leaf(1, 0xf_fffe, prot); // below 4 GiB, with the highest bit of 4 bytes
    checkEqual(1, b.cursor.setRow(new long[] {high}, 1), b.kind + ": entries written");
    checkEqual(high, b.cursor.entry(), b.kind + ": an entry of a high frame");
    checkEqual(0xf_fffeL << 12, b.tables.translate(root, base), b.kind + ": a high frame");
    b.cursor.set(PageTableFormat.EMPTY);
    b.cursor.seek(base, 2);
    b.refused("a row above level 1", () -> b.cursor.setRow(row, 2));
    b.cursor.seek(base, 1);
    b.refused("no entries", () -> b.cursor.setRow(row, 0));
    b.refused("more than are given", () -> b.cursor.setRow(row, entries + 1));
    b.end(root);
  }

  /** Up to {@code tlb_single_page_flush_ceiling} pages are forgotten one by one. */
  static void ceiling(PagingBench b) {
    long root = b.newRoot();
    Mmu mmu = b.tables.mmu(b.cpu);
    mmu.switchTo(root);
    long far = 0x2000_0000L;
    long start = 0x1000_0000L;
    b.map(root, far, 1, 300, PageTableFormat.READ | PageTableFormat.WRITE);
    for (int pages : new int[] {1, CEILING, CEILING + 1}) {
      long _ = mmu.access(far, 0);
      b.tables.flushRange(b.cpu, root, start, start + pages * 4096L);
      checkEqual(
          pages <= CEILING ? 300 << 12 : PageTables.NOT_MAPPED,
          mmu.cached(far),
          b.kind + ": another page after a flush of " + pages);
    }
    MmuRules.end(b, root);
  }

  /** Behind the last user address there is nothing, nor below a root that has gone. */
  static void beyond(PagingBench b, long at) {
    int width = b.format.shape().addressBits();
    long past = width > 32 ? 1L << (width - 1) : b.format.kernel().start();
    long gone = b.newRoot();
    TableCursor c = b.cursor;
    b.refused("a range behind user space", () -> c.over(gone, past, past + 4096));
    c.over(gone, at, at + 4096);
    b.tables.freeRoot(b.cpu, gone);
    b.refused("a place below a root that has gone", () -> c.seek(at, 1));
    b.refused("a range of a root that has gone", () -> c.over(gone, at, at + 4096));
  }
}
