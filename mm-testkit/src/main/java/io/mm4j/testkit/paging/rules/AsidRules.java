// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/** Global translations and identifiers of address spaces: what PG-24 and PG-35 look at. */
final class AsidRules {
  private static final int RW = PageTableFormat.READ | PageTableFormat.WRITE;

  private AsidRules() {}

  static void globalAndAsids(PagingBench b, Seeded random) {
    long one = b.newRoot();
    long two = b.newRoot();
    long kernel = b.kernelRoot();
    long kaddr = b.format.kernel().directMap() + (2L << 20) + random.below(100) * 4096L;
    b.map(one, 8192, 1, 300, RW);
    b.map(two, 8192, 1, 301, RW);
    Mmu mmu = MmuRules.loaded(b, one);
    mmu.flushAll(true);
    long paddr = b.tables.translate(kernel, kaddr);
    checkEqual(paddr, mmu.access(kaddr, 0), b.kind + ": a global page");
    checkEqual(300 << 12, mmu.access(8192, 0), b.kind + ": a page of the first");
    mmu.loadDirectory(two, 0, false);
    checkEqual(paddr, mmu.cached(kaddr), b.kind + ": global after a change of directory");
    checkEqual(PageTables.NOT_MAPPED, mmu.cached(8192), b.kind + ": not global, the same asid");
    checkEqual(301 << 12, mmu.access(8192, 0), b.kind + ": a page of the second");
    mmu.flushAll(false);
    checkEqual(paddr, mmu.cached(kaddr), b.kind + ": global after flushAll(false)");
    checkEqual(PageTables.NOT_MAPPED, mmu.cached(8192), b.kind + ": and nothing else");
    mmu.flushAll(true);
    checkEqual(PageTables.NOT_MAPPED, mmu.cached(kaddr), b.kind + ": after flushAll(true)");
    checkEqual(0, mmu.size(), b.kind + ": translations left");
    if (mmu.asids() > 1) {
      asids(b, mmu, one, two);
    } else {
      b.refused("an identifier where there is none", () -> mmu.loadDirectory(one, 1, false));
      b.refused("keeping where there is none", () -> mmu.loadDirectory(one, 0, true));
    }
    MmuRules.end(b, one);
    MmuRules.end(b, two);
  }

  private static void asids(PagingBench b, Mmu mmu, long one, long two) {
    mmu.loadDirectory(one, 7, false);
    checkEqual(300 << 12, mmu.access(8192, 0), b.kind + ": first, asid 7");
    mmu.loadDirectory(two, 9, false);
    checkEqual(PageTables.NOT_MAPPED, mmu.cached(8192), b.kind + ": another's translation");
    checkEqual(301 << 12, mmu.access(8192, 0), b.kind + ": second, asid 9");
    mmu.loadDirectory(one, 7, true);
    checkEqual(300 << 12, mmu.cached(8192), b.kind + ": kept under its asid");
    long _ = mmu.access(8192, 0);
    mmu.loadDirectory(two, 9, true);
    checkEqual(301 << 12, mmu.access(8192, 0), b.kind + ": second again, asid 9");
    mmu.flushSpan(8192, 12288);
    checkEqual(PageTables.NOT_MAPPED, mmu.cached(8192), b.kind + ": flushSpan of its own asid");
    mmu.loadDirectory(one, 7, true);
    checkEqual(300 << 12, mmu.cached(8192), b.kind + ": after flushSpan of the other asid");
    mmu.flushAsid(9);
    checkEqual(300 << 12, mmu.cached(8192), b.kind + ": after a flush of the other asid");
    mmu.loadDirectory(two, 9, true);
    checkEqual(PageTables.NOT_MAPPED, mmu.cached(8192), b.kind + ": which is empty now");
    mmu.loadDirectory(one, 7, false);
    checkEqual(PageTables.NOT_MAPPED, mmu.cached(8192), b.kind + ": loaded without keeping");
    b.refused("an identifier beyond the last", () -> mmu.loadDirectory(one, mmu.asids(), false));
  }

  static void inTurn(PagingBench b, Seeded random) {
    Mmu mmu = b.tables.mmu(b.cpu);
    boolean kept = mmu.asids() > 1;
    List<Long> roots = new ArrayList<>();
    int first = 0;
    for (int i = 0; i <= Mmu.DYNAMIC_ASIDS; i++) {
      long root = b.newRoot();
      roots.add(root);
      mmu.switchTo(root);
      first = i == 0 ? mmu.asid() : first;
      int wanted = kept ? (first - 1 + i) % Mmu.DYNAMIC_ASIDS + 1 : 0;
      checkEqual(wanted, mmu.asid(), b.kind + ": identifier of new root " + i);
    }
    // All but the first, whose identifier went to the last, come back unchanged.
    for (int i = 0; i < 10; i++) {
      int which = 1 + random.below(Mmu.DYNAMIC_ASIDS);
      boolean other = mmu.root() != roots.get(which);
      long reused = mmu.stats().reused();
      mmu.switchTo(roots.get(which));
      int wanted = kept ? (first - 1 + which) % Mmu.DYNAMIC_ASIDS + 1 : 0;
      checkEqual(wanted, mmu.asid(), b.kind + ": identifier of root " + which + " when it is back");
      long more = kept && other ? 1 : 0;
      checkEqual(reused + more, mmu.stats().reused(), b.kind + ": identifiers used again");
    }
    // What was flushed meanwhile comes back to its identifier, but not to its translations.
    int one = 1 + random.below(Mmu.DYNAMIC_ASIDS);
    int two = one % Mmu.DYNAMIC_ASIDS + 1;
    int three = two % Mmu.DYNAMIC_ASIDS + 1;
    mmu.switchTo(roots.get(one));
    b.tables.flushRange(b.cpu, roots.get(two), 8192, 12288);
    long reused = mmu.stats().reused();
    long switches = mmu.stats().switches();
    mmu.switchTo(roots.get(two));
    checkEqual(switches + 1, mmu.stats().switches(), b.kind + ": switches");
    mmu.switchTo(roots.get(two));
    checkEqual(switches + 1, mmu.stats().switches(), b.kind + ": switches to what is loaded");
    int same = kept ? (first - 1 + two) % Mmu.DYNAMIC_ASIDS + 1 : 0;
    checkEqual(same, mmu.asid(), b.kind + ": identifier after a flush");
    checkEqual(reused, mmu.stats().reused(), b.kind + ": used again although flushed");
    // What is flushed while it is loaded is done with.
    b.tables.flushRange(b.cpu, roots.get(two), 8192, 12288);
    for (long between : new long[] {PageTables.NO_ROOT, roots.get(three)}) {
      reused = mmu.stats().reused();
      mmu.switchTo(between);
      mmu.switchTo(roots.get(two));
      int more = !kept ? 0 : between == PageTables.NO_ROOT ? 1 : 2;
      checkEqual(reused + more, mmu.stats().reused(), b.kind + ": flushed before it went");
    }
    roots.forEach(root -> MmuRules.end(b, root));
  }
}
