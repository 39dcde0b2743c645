// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.paging.rules.TableRules.rule;

import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.MmuStats;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/** A CPU's TLB beside a list of translations. */
public final class TlbRules {
  private static final int STEPS = 250;
  private static final int CEILING = 33;
  private static final int GLOBAL = 0x100;
  private static final int PAGES = 700;

  private TlbRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "PG-36",
            "tlb-step-by-step",
            "As long as nothing was evicted a TLB has, after any row of accesses, changes in RAM,"
                + " changes of the directory and flushes, exactly the translations that Intel's"
                + " manual lets it have - of pages of every size and of several identifiers -,"
                + " answers by them, tells which of them RAM no longer says, and counts hits,"
                + " misses, faults and what was flushed.",
            "What a missing flush does to a system can be seen only if the TLB is one.",
            "Intel SDM 3A section 4.10; flush_tlb_mm_range",
            "a huge translation is flushed by its first page only, or one is found at a wrong"
                + " offset",
            TlbRules::stepByStep),
        rule(
            "PG-42",
            "evictions",
            "A TLB that is full keeps the page that was used last; what it has and what it has"
                + " evicted are together what it was filled with; what it still has is right, is"
                + " what it says that it has, and goes one by one when its page is flushed.",
            "A working set that is larger than the TLB is what is measured.",
            "Intel SDM 3A section 4.10.2; mm4j's contract of Mmu and MmuStats",
            "the new translation is lost in a full set, or one goes and is not counted",
            TlbRules::evictions));
  }

  /** A place in user space, whose page has always the same size. */
  private record Place(long start, int level) {}

  private static final class Play {
    final PagingBench b;
    final Seeded random;
    final Mmu mmu;
    final TlbModel model;
    final List<Long> roots = new ArrayList<>();
    final List<Place> places = new ArrayList<>();
    final long direct;
    int loads;
    int kept;

    /** One root is loaded all the time: then its pages may be global, and what is stale is told. */
    boolean alone;

    Play(PagingBench b, Seeded random) {
      this.b = b;
      this.random = random;
      mmu = b.tables.mmu(b.cpu);
      model = new TlbModel(b);
      direct = b.format.kernel().directMap();
      roots.add(b.newRoot());
      roots.add(b.newRoot());
      long huge = b.format.bytes(2);
      long base = 0x1000_0000L;
      for (int i = 0; i < 7; i++) {
        places.add(new Place(base + i * 4096L, 1));
      }
      places.add(new Place(base + huge - 4096, 1));
      for (int i = 1; i < 4 && b.format.shape().hasLeafs(2); i++) {
        places.add(new Place(base + i * huge, 2));
      }
      for (long root : roots) {
        places.forEach(place -> map(root, place));
      }
    }

    void map(long root, Place place) {
      int access = PageTableFormat.READ | random.below(2) * PageTableFormat.WRITE;
      long entry = b.map(root, place.start, place.level, b.frame(random, place.level), access);
      if (alone && random.oneIn(4)) {
        b.cursor.set(entry | GLOBAL);
      }
    }

    /** Any address of a place, or of the direct map. */
    long address() {
      if (random.oneIn(5)) {
        return direct + random.below(8 << 20 >>> 12) * 4096L + random.below(4096);
      }
      Place place = places.get(random.below(places.size()));
      return place.start + random.below((int) b.format.bytes(place.level));
    }

    void load() {
      int which = random.below(2);
      int id = mmu.asids() > 1 ? 1 + which : 0;
      boolean keep = mmu.asids() > 1 && random.oneIn(2);
      mmu.loadDirectory(roots.get(which), id, keep);
      loads++;
      kept += keep ? 1 : 0;
      model.load(roots.get(which), id, keep);
    }

    void access() {
      long at = address();
      int kind = random.below(2) * Mmu.WRITE | random.below(2) * Mmu.USER;
      kind |= (kind & Mmu.WRITE) == 0 && random.oneIn(4) ? Mmu.FETCH : 0;
      long wanted = model.access(at, kind);
      long seen = mmu.access(at, kind);
      check(
          seen == wanted,
          String.format("%s: access(0x%x, 0x%x) = 0x%x", b.kind, at, kind, wanted),
          String.format("0x%x", seen));
    }

    void change() {
      long root = roots.get(random.below(2));
      Place place = places.get(random.below(places.size()));
      if (random.oneIn(4)) {
        b.write(b.path(root, place.start).getLast(), 0);
      } else {
        map(root, place);
      }
    }

    void flush() {
      long at = address();
      long end = at + 1 + random.below(random.oneIn(2) ? 4096 : 8 << 20);
      long before = mmu.stats().flushed();
      int gone;
      switch (random.below(5)) {
        case 0 -> {
          mmu.flushOne(at);
          gone = model.flushSpan(at, at + 1);
        }
        case 1, 2 -> {
          mmu.flushSpan(at, end);
          gone = model.flushSpan(at, end);
        }
        case 3 -> {
          int which = mmu.asids() > 1 ? random.between(1, 2) : 0;
          mmu.flushAsid(which);
          gone = model.flushAsid(which);
        }
        default -> {
          boolean global = random.oneIn(2);
          mmu.flushAll(global);
          gone = model.flushAll(global);
        }
      }
      checkEqual(before + gone, mmu.stats().flushed(), b.kind + ": translations flushed");
    }

    /** As the kernel does it, of what is loaded here. */
    void flushTables() {
      Place place = places.get(random.below(places.size()));
      long end = place.start + random.between(1, 40) * 4096L;
      int which = random.below(3);
      if (which == 0) {
        b.tables.flushKernelRange(b.cpu, direct, direct + (end - place.start));
        model.flushKernel(direct, direct + (end - place.start));
      } else if (which == 1 || (end - place.start) >>> 12 > CEILING) {
        if (which == 1) {
          b.tables.flushRoot(b.cpu, mmu.root());
        } else {
          b.tables.flushRange(b.cpu, mmu.root(), place.start, end);
        }
        int _ = model.flushAsid(mmu.asid());
      } else {
        b.tables.flushRange(b.cpu, mmu.root(), place.start, end);
        int _ = model.flushSpan(place.start, end);
      }
    }

    void compare() {
      for (int i = 0; i < 6; i++) {
        long at = address();
        long wanted = model.cached(at);
        long seen = mmu.cached(at);
        check(
            wanted == seen,
            String.format("%s: cached(0x%x) = 0x%x", b.kind, at, wanted),
            String.format("0x%x", seen));
      }
      checkEqual(model.size(), mmu.size(), b.kind + ": translations");
      if (alone) {
        List<Long> stale = model.stale();
        checkEqual(stale.size(), mmu.stale(), b.kind + ": stale translations");
        check(
            stale.isEmpty() || stale.contains(mmu.firstStale()),
            b.kind + ": one of " + stale,
            String.format("0x%x", mmu.firstStale()));
      }
    }
  }

  /** What the kernel's flush on one CPU takes from another: also what is not global. */
  private static void asked(PagingBench b, long root) {
    boolean wide = b.format.shape().addressBits() > 32;
    Mmu other = b.tables.mmu(b.machine.cpus().get(1));
    check(wide || other.asids() == 1, b.kind + ": no identifiers", other.asids() + " of them");
    long at = (wide ? 0 : 1L << 32) - 8192;
    boolean made = b.cursor.ensure(b.cpu, b.kernelRoot(), at, 1) == 1;
    check(made, b.kind + ": a table for the kernel", "none");
    long global = 0x100;
    b.cursor.set(b.format.leaf(1, 300, b.format.kernelProt(PageTableFormat.READ)) & ~global);
    boolean _ = b.tables.syncKernel(root, at);
    other.loadDirectory(root, other.asids() > 1 ? 2 : 0, false);
    checkEqual(300L << 12, other.access(at, 0), b.kind + ": a page of the kernel");
    b.cursor.seek(b.kernelRoot(), at, 1);
    b.cursor.set(PageTableFormat.EMPTY);
    b.tables.flushKernelRange(b.cpu, at, at + 4096);
    checkEqual(PageTables.NOT_MAPPED, other.cached(at), b.kind + ": it, when it was flushed");
  }

  private static void evictions(PagingBench b, Seeded random) {
    long root = b.newRoot();
    Mmu mmu = MmuRules.loaded(b, root);
    mmu.flushAll(true);
    MmuStats before = mmu.stats();
    long base = 0x1000_0000L;
    List<Long> pages = new ArrayList<>();
    for (int i = 0; i < PAGES; i++) {
      long at = base + (i < PAGES / 2 ? i : (long) i * random.between(1, 3)) * 4096L;
      if (pages.isEmpty() || at > pages.getLast()) {
        b.map(root, at, 1, b.frame(random, 1), PageTableFormat.READ);
        pages.add(at);
      }
    }
    for (int i = 0; i < 40 && b.format.shape().hasLeafs(2); i++) {
      long at = 0x3000_0000L + i * b.format.bytes(2);
      b.map(root, at, 2, b.frame(random, 2), PageTableFormat.READ);
      pages.add(at);
    }
    for (long at : pages) {
      long wanted = b.raw(root, at + 5);
      checkEqual(wanted, mmu.access(at + 5, 0), b.kind + ": a page");
      checkEqual(wanted, mmu.cached(at + 5), b.kind + ": the page that was used last");
    }
    MmuStats filled = mmu.stats();
    checkEqual(pages.size(), filled.misses() - before.misses(), b.kind + ": misses");
    long evicted = filled.evicted() - before.evicted();
    checkEqual(pages.size(), mmu.size() + evicted, b.kind + ": translations here and evicted");
    int here = 0;
    for (long at : pages) {
      long seen = mmu.cached(at);
      check(
          seen == PageTables.NOT_MAPPED || seen == b.raw(root, at),
          String.format("%s: cached(0x%x) as RAM says", b.kind, at),
          String.format("0x%x", seen));
      here += seen == PageTables.NOT_MAPPED ? 0 : 1;
    }
    checkEqual(here, mmu.size(), b.kind + ": translations that answer");
    checkEqual(0, mmu.stale(), b.kind + ": stale ones");
    for (long at : pages) {
      boolean had = mmu.cached(at) != PageTables.NOT_MAPPED;
      int size = mmu.size();
      mmu.flushOne(at);
      checkEqual(PageTables.NOT_MAPPED, mmu.cached(at), b.kind + ": a page that was flushed");
      checkEqual(size - (had ? 1 : 0), mmu.size(), b.kind + ": the others stay");
    }
    MmuStats after = mmu.stats();
    checkEqual(here, after.flushed() - filled.flushed(), b.kind + ": flushed");
    checkEqual(pages.size(), after.flushes() - filled.flushes(), b.kind + ": flushes");
    MmuRules.end(b, root);
  }

  private static void stepByStep(PagingBench b, Seeded random) {
    Play play = new Play(b, random);
    MmuStats before = play.mmu.stats();
    play.mmu.flushAll(true);
    play.load();
    play.alone = random.oneIn(2);
    for (int i = 0; i < STEPS; i++) {
      switch (random.weighted(12, 3, 2, 1, play.alone ? 0 : 2)) {
        case 0 -> play.access();
        case 1 -> play.change();
        case 2 -> play.flush();
        case 3 -> play.flushTables();
        default -> play.load();
      }
      if (play.mmu.stats().evicted() != before.evicted()) {
        break;
      }
      if (i % 4 == 0) {
        play.compare();
      }
    }
    MmuStats after = play.mmu.stats();
    checkEqual(play.model.hits, after.hits() - before.hits(), b.kind + ": hits");
    checkEqual(play.model.misses, after.misses() - before.misses(), b.kind + ": misses");
    checkEqual(play.model.faults, after.faults() - before.faults(), b.kind + ": faults");
    checkEqual(play.loads, after.switches() - before.switches(), b.kind + ": switches");
    checkEqual(play.kept, after.reused() - before.reused(), b.kind + ": identifiers used again");
    checkEqual(before.fromOthers(), after.fromOthers(), b.kind + ": flushes that others asked for");
    play.mmu.switchTo(PageTables.NO_ROOT);
    for (Place place : play.places) {
      long seen = play.mmu.cached(place.start);
      checkEqual(PageTables.NOT_MAPPED, seen, b.kind + ": cached without a root");
    }
    play.mmu.flushAll(true);
    asked(b, play.roots.getFirst());
    play.roots.forEach(root -> MmuRules.end(b, root));
  }
}
