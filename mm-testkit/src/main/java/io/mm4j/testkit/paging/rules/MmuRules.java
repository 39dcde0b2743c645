// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.paging.rules.TableRules.rule;

import io.mm4j.api.Cpu;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.HeapUse;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/** What a CPU does with page tables: rights, bits that it sets, and its TLB. */
public final class MmuRules {
  private static final int READ = PageTableFormat.READ;
  private static final int RW = READ | PageTableFormat.WRITE;

  private static final int STEPS = 80;
  private static final int WINDOWS = 60;

  /** What look-ups gave, so that none of them is compiled away. */
  @SuppressWarnings("UnusedVariable") // it is there to be written
  private static volatile long kept;

  private MmuRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "PG-20",
            "rights",
            "An access is allowed if every level allows it, else it is a fault with the code of the"
                + " CPU; PAE's top table has no say, and without NX code may be anywhere.",
            "mprotect and copy on write stand on faults.",
            "Intel SDM 3A sections 4.6 and 4.7",
            "only the leaf is looked at, or the code forgets what was tried",
            MmuRules::rights),
        rule(
            "PG-21",
            "accessed-and-dirty",
            "An access sets the accessed bit of every entry on the way and a write the dirty bit of"
                + " the leaf, in RAM; a refused one sets no dirty bit, and a read none.",
            "Reclaim and writeback ask these bits.",
            "Intel SDM 3A section 4.8",
            "the bit is set in a copy, or by a read",
            MmuRules::accessedAndDirty),
        rule(
            "PG-22",
            "stale-until-flushed",
            "An entry that was changed in RAM is used in its old form until it is flushed - one"
                + " address, a span, an identifier, everything - and stale() finds it, and nothing"
                + " after the flush.",
            "A missing flush is a page that two processes write.",
            "Intel SDM 3A section 4.10; mm4j's contract of Mmu",
            "the TLB looks at RAM, or a flush leaves something",
            MmuRules::staleUntilFlushed),
        rule(
            "PG-23",
            "required-flush",
            "After flushRange, flushRoot or flushKernelRange no CPU uses an older translation, be"
                + " the root loaded there or come back to; up to 33 pages are forgotten one by one,"
                + " for more all of the root's go.",
            "The frame is handed out again after it.",
            "flush_tlb_mm_range, flush_tlb_kernel_range; mm->context.tlb_gen",
            "another CPU, or a root that is not loaded, is forgotten",
            MmuRules::requiredFlush),
        rule(
            "PG-24",
            "global-and-asids",
            "Global translations outlive a change of the directory and flushAll(false), not"
                + " flushAll(true); others outlive it only under another identifier or if they are"
                + " kept, and are found under their own only.",
            "Processes must not see each other's pages.",
            "Intel SDM 3A sections 4.10.1 and 4.10.4",
            "identifiers are not compared, or a global page goes with every switch",
            AsidRules::globalAndAsids),
        rule(
            "PG-25",
            "switching",
            "switchTo a root translates by it, whatever was loaded before, also when it was changed"
                + " and flushed meanwhile, and when more roots come by than there are identifiers.",
            "A context switch that keeps a wrong translation is found by nobody.",
            "switch_mm_irqs_off, choose_new_asid",
            "an identifier is given to another root without a flush",
            MmuRules::switching),
        rule(
            "PG-35",
            "identifiers-in-turn",
            "New roots get the identifiers 1 to 6 in turn; a root keeps its own until six others"
                + " have come, and nothing is flushed when it comes back unchanged, but it is when"
                + " it was flushed.",
            "Fewer identifiers in use are more flushes.",
            "choose_new_asid, TLB_NR_DYN_ASIDS",
            "some identifiers are passed over, or the one given last goes first",
            AsidRules::inTurn),
        rule(
            "PG-26",
            "no-objects",
            "translate, a walk of the cursor, seek, set and an access that hits allocate no Java"
                + " object.",
            "A garbage collection in a page fault would be seen in every measurement.",
            "mm4j's contract of PageTables",
            "a boxed number, a record of a step, or a lambda",
            (b, r) -> noObjects(b)));
  }

  /** The root is loaded on the first CPU with no identifier of Linux's. */
  static Mmu loaded(PagingBench b, long root) {
    Mmu mmu = b.tables.mmu(b.cpu);
    mmu.loadDirectory(root, 0, false);
    return mmu;
  }

  /** A root of a process, no longer loaded anywhere, goes. */
  static void end(PagingBench b, long root) {
    for (Cpu cpu : b.machine.cpus().all()) {
      b.tables.mmu(cpu).switchTo(b.kernelRoot());
    }
    b.end(root);
  }

  private static void rights(PagingBench b, Seeded random) {
    long root = b.newRoot();
    Mmu mmu = loaded(b, root);
    EntryBits bits = b.format.bits();
    long at = b.user(random) & -4096L;
    for (int i = 0; i < STEPS; i++) {
      b.map(root, at, 1, b.frame(random, 1), random.below(8));
      List<Long> path = b.path(root, at);
      int level = b.format.levels() - random.below(path.size());
      long upper = path.get(b.format.levels() - level);
      long before = b.read(upper);
      boolean changes = level > 1 && random.oneIn(2);
      if (changes) {
        b.write(upper, before & ~(random.oneIn(2) ? bits.write() : bits.user()));
      }
      mmu.flushAll(true);
      int kind = random.below(2) * Mmu.WRITE | random.below(2) * Mmu.USER;
      kind |= (kind & Mmu.WRITE) == 0 ? random.below(2) * Mmu.FETCH : 0;
      long expected = expected(b, root, at, kind);
      long seen = mmu.access(at + 5, kind);
      check(
          seen == expected,
          String.format("%s: access(0x%x, 0x%x) = 0x%x", b.kind, at + 5, kind, expected),
          String.format("0x%x", seen));
      if (changes) {
        b.write(upper, before);
      }
    }
    long bad = b.format.shape().addressBits() > 32 ? 1L << 60 : 1L << 32;
    checkEqual(
        Mmu.FAULT_CANONICAL,
        Mmu.faultCode(mmu.access(bad, 0)),
        b.kind + ": code of an address that is not canonical");
    end(b, root);
  }

  /** What the hardware does, by what is in RAM; the address is 5 bytes into its page. */
  private static long expected(PagingBench b, long root, long at, int kind) {
    EntryBits bits = b.format.bits();
    List<Long> path = b.path(root, at);
    boolean write = true;
    boolean user = true;
    boolean exec = true;
    for (int i = 0; i < path.size(); i++) {
      long entry = b.read(path.get(i));
      boolean pdpte = i == 0 && b.format.entries(b.format.levels()) == 4;
      write &= pdpte || (entry & 2) != 0;
      user &= pdpte || (entry & 4) != 0;
      exec &= pdpte || (entry & bits.noExec()) == 0;
    }
    int told = bits.noExec() != 0 ? kind : kind & ~Mmu.FETCH;
    if (b.raw(root, at) == PageTables.NOT_MAPPED) {
      return Long.MIN_VALUE | told;
    }
    boolean good =
        (write || (kind & Mmu.WRITE) == 0)
            && (user || (kind & Mmu.USER) == 0)
            && (exec || (kind & Mmu.FETCH) == 0);
    return good ? b.raw(root, at) + 5 : Long.MIN_VALUE | told | 1;
  }

  private static void accessedAndDirty(PagingBench b, Seeded random) {
    long root = b.newRoot();
    Mmu mmu = loaded(b, root);
    for (int i = 0; i < 20; i++) {
      int level = b.leafLevel(random);
      long at = b.user(random);
      if (b.cursor.ensure(b.cpu, root, at, level) != level
          || b.format.isTable(level, b.cursor.entry())) {
        continue;
      }
      boolean writable = random.oneIn(2);
      long prot = b.format.userProt(writable ? RW : READ);
      b.cursor.set(b.format.bits().mkold(b.format.leaf(level, b.frame(random, level), prot)));
      List<Long> path = b.path(root, at);
      boolean pae = b.format.entries(b.format.levels()) == 4;
      path.subList(pae ? 1 : 0, path.size()).forEach(p -> b.write(p, b.read(p) & ~0x20L));
      mmu.flushAll(true);
      long before = b.read(path.getLast());
      int kind = Mmu.USER | random.below(2) * Mmu.WRITE;
      boolean works = mmu.access(at, kind) >= 0;
      check(works == (writable || (kind & Mmu.WRITE) == 0), b.kind + ": the access", "" + works);
      long leaf = b.read(path.getLast());
      boolean dirty = works && (kind & Mmu.WRITE) != 0;
      checkEqual(dirty ? 0x40 : 0, leaf & 0x40, b.kind + ": dirty bit after kind " + kind);
      if (works) {
        for (long paddr : path.subList(pae ? 1 : 0, path.size())) {
          checkEqual(0x20, b.read(paddr) & 0x20, b.kind + ": accessed bit");
        }
        checkEqual(0, pae ? b.read(path.getFirst()) & 0x20 : 0, b.kind + ": of a PDPTE");
        checkEqual(
            before | 0x20 | (dirty ? 0x40 : 0), leaf, b.kind + ": the leaf, and nothing else");
        if (writable) {
          int size = mmu.size();
          long _ = mmu.access(at, Mmu.USER | Mmu.WRITE);
          checkEqual(
              0x40, b.read(path.getLast()) & 0x40, b.kind + ": a write after a read sets it");
          checkEqual(size, mmu.size(), b.kind + ": translations, one of a page");
          long hits = mmu.stats().hits();
          long _ = mmu.access(at, Mmu.USER | Mmu.WRITE);
          checkEqual(hits + 1, mmu.stats().hits(), b.kind + ": hits of the next write");
        }
      }
    }
    end(b, root);
  }

  private static void staleUntilFlushed(PagingBench b, Seeded random) {
    long root = b.newRoot();
    Mmu mmu = loaded(b, root);
    for (int i = 0; i < 24; i++) {
      long at = b.user(random) & -4096L;
      long old = 300L + i;
      b.map(root, at, 1, old, RW);
      mmu.flushAll(true);
      checkEqual(old << 12, mmu.access(at, Mmu.USER | Mmu.WRITE), b.kind + ": first access");
      checkEqual(0, mmu.stale(), b.kind + ": stale before the change");
      long slot = b.path(root, at).getLast();
      long entry = b.read(slot);
      switch (i % 4) {
        case 0 -> b.write(slot, 0);
        case 1 -> b.write(slot, b.format.leaf(1, old + 100, b.format.userProt(RW)));
        case 2 -> b.write(slot, b.format.bits().wrprotect(entry));
        default -> b.write(slot, b.format.bits().mkclean(entry));
      }
      checkEqual(
          old << 12, mmu.access(at, Mmu.USER | Mmu.WRITE), b.kind + ": the old form is used");
      checkEqual(1, mmu.stale(), b.kind + ": stale after change " + i % 4);
      checkEqual(at, mmu.firstStale(), b.kind + ": its address");
      switch (i / 4 % 4) {
        case 0 -> mmu.flushOne(at);
        case 1 -> mmu.flushSpan(Math.max(0, at - 4096), at + 4096);
        case 2 -> mmu.flushAsid(0);
        default -> mmu.flushAll(false);
      }
      checkEqual(0, mmu.stale(), b.kind + ": stale after flush " + i / 4 % 4);
      checkEqual(PageTables.NOT_MAPPED, mmu.cached(at), b.kind + ": cached after the flush");
      b.write(slot, 0);
    }
    b.map(root, 4096, 1, 300, RW);
    b.map(root, 12288, 1, 301, RW);
    mmu.flushAll(true);
    long _ = mmu.access(4096, 0) + mmu.access(12288, 0);
    mmu.flushOne(4096);
    checkEqual(301 << 12, mmu.cached(12288), b.kind + ": flushOne leaves other addresses");
    mmu.flushSpan(0, 12288);
    checkEqual(301 << 12, mmu.cached(12288), b.kind + ": flushSpan ends before its end");
    mmu.flushSpan(12288, 12289);
    checkEqual(PageTables.NOT_MAPPED, mmu.cached(12288), b.kind + ": flushSpan of a byte");
    end(b, root);
  }

  private static void requiredFlush(PagingBench b, Seeded random) {
    EdgeRules.ceiling(b);
    List<Cpu> cpus = b.machine.cpus().all();
    long[] roots = {b.newRoot(), b.newRoot()};
    long kernel = b.kernelRoot();
    List<Long> places = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      places.add(b.user(random) & -4096L);
    }
    long kaddr =
        (b.format.shape().addressBits() > 32 ? 0 : 1L << 32) - 4096L * (1 + random.below(100));
    for (int i = 0; i < STEPS * 2; i++) {
      Cpu cpu = cpus.get(random.below(2));
      long root = roots[random.below(2)];
      long at = places.get(random.below(places.size()));
      switch (random.below(6)) {
        case 0, 1 -> b.tables.mmu(cpu).switchTo(root);
        case 2 -> {
          // Change, flush, and from then on nobody may see the old frame.
          long frame = b.frame(random, 1);
          b.map(root, at, 1, frame, RW);
          if (random.oneIn(3)) {
            b.tables.flushRoot(cpu, root);
          } else {
            long first = random.oneIn(3) ? Math.max(0, at - (1 << 20)) : at;
            b.tables.flushRange(cpu, root, first, at + 4096);
          }
        }
        case 3 -> {
          if (b.cursor.ensure(b.cpu, kernel, kaddr, 1) == 1) {
            b.cursor.set(b.format.leaf(1, b.frame(random, 1), b.format.kernelProt(RW)));
            b.tables.flushKernelRange(cpu, kaddr, kaddr + 4096);
          }
        }
        default -> touch(b, cpu, random.oneIn(4) ? kaddr : at);
      }
      if (random.oneIn(2)) {
        continue; // a CPU may miss more than one flush
      }
      for (Cpu any : cpus) {
        places.forEach(place -> kept(b, any, place));
        // Who looks for what is stale may forget it by looking.
        if (random.oneIn(2)) {
          touch(b, any, kaddr);
          places.forEach(place -> touch(b, any, place));
        }
        checkEqual(0, b.tables.mmu(any).stale(), b.kind + ": stale on " + any);
        places.forEach(place -> touch(b, any, place));
        touch(b, any, kaddr);
      }
    }
    for (long root : roots) {
      end(b, root);
    }
  }

  /** What a TLB has, if it has anything, is what RAM says. */
  private static void kept(PagingBench b, Cpu cpu, long at) {
    Mmu mmu = b.tables.mmu(cpu);
    long seen = mmu.cached(at);
    if (seen != PageTables.NOT_MAPPED) {
      long expected = b.raw(mmu.root(), at);
      check(
          seen == expected,
          String.format("%s: %s has kept 0x%x for 0x%x, or nothing", b.kind, cpu, expected, at),
          String.format("0x%x", seen));
    }
  }

  /** An access finds what RAM says. */
  static void touch(PagingBench b, Cpu cpu, long at) {
    Mmu mmu = b.tables.mmu(cpu);
    if (mmu.root() == PageTables.NO_ROOT) {
      return;
    }
    if (b.format.kernel().contains(at)) {
      boolean _ = b.tables.syncKernel(mmu.root(), at);
    }
    long expected = b.raw(mmu.root(), at);
    long seen = mmu.access(at, 0);
    check(
        expected == PageTables.NOT_MAPPED ? seen < 0 : seen == expected,
        String.format("%s: %s at 0x%x leads to 0x%x", b.kind, cpu, at, expected),
        String.format("0x%x", seen));
  }

  private static void switching(PagingBench b, Seeded random) {
    Mmu mmu = b.tables.mmu(b.cpu);
    List<Long> roots = new ArrayList<>();
    for (int i = 0; i < 2 * Mmu.DYNAMIC_ASIDS; i++) {
      long root = b.newRoot();
      b.map(root, 8192, 1, 300 + i, RW);
      roots.add(root);
    }
    for (int i = 0; i < STEPS; i++) {
      long root = roots.get(random.below(random.oneIn(3) ? roots.size() : 3));
      mmu.switchTo(root);
      checkEqual(root, mmu.root(), b.kind + ": root()");
      touch(b, b.cpu, 8192);
      long other = roots.get(random.below(roots.size()));
      if (random.oneIn(4)) {
        b.map(other, 8192, 1, 400 + random.below(100), RW);
        b.tables.flushRange(b.cpu, other, 8192, 12288);
        touch(b, b.cpu, 8192);
      }
      checkEqual(0, mmu.stale(), b.kind + ": stale");
    }
    long hits = 0;
    for (int i = 0; i < 6; i++) {
      // The first round may give each of the two an identifier, the third must find both.
      hits = i == 4 ? mmu.stats().hits() : hits;
      mmu.switchTo(roots.get(i % 2));
      touch(b, b.cpu, 8192);
    }
    boolean kept = mmu.asids() > 1;
    check(
        !kept || mmu.stats().hits() == hits + 2,
        b.kind + ": back at a root whose identifier is still its own, the TLB answers",
        "a walk");
    mmu.switchTo(PageTables.NO_ROOT);
    checkEqual(PageTables.NO_ROOT, mmu.root(), b.kind + ": unloaded");
    roots.forEach(root -> end(b, root));
  }

  private static void noObjects(PagingBench b) {
    long root = b.newRoot();
    Mmu mmu = loaded(b, root);
    for (int i = 0; i < 16; i++) {
      b.map(root, 0x3000_0000L + i * 4096L, 1, 300 + i, RW);
    }
    long bytes = -1;
    for (int i = 0; bytes != 0 && i < WINDOWS; i++) {
      long before = HeapUse.ofThisThread();
      kept = hot(b, root, mmu);
      bytes = HeapUse.ofThisThread() - before;
    }
    checkEqual(0, bytes, b.kind + ": bytes that look-ups allocate, in each of " + WINDOWS);
    end(b, root);
  }

  private static long hot(PagingBench b, long root, Mmu mmu) {
    long sum = 0;
    for (int i = 0; i < 20; i++) {
      sum += b.tables.translate(root, 0x3000_0000L + i * 4096L);
      sum += mmu.access(0x3000_0000L + i % 16 * 4096L, 0);
    }
    b.cursor.over(root, 0x3000_0000L, 0x3001_0000L);
    while (b.cursor.next()) {
      long entry = b.cursor.entry();
      b.cursor.set(entry);
      sum += entry;
    }
    return sum + b.cursor.seek(root, 0x3000_0000L, 1);
  }
}
