// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.paging.rules.TableRules.rule;

import io.mm4j.api.Cpu;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/** Flushes of other CPUs, of the kernel's pages, and walks to the last address. */
public final class FlushRules {
  private static final int RW = PageTableFormat.READ | PageTableFormat.WRITE;

  /** Pages of a flush, to more than a GiB. */
  private static final long[] LENGTHS = {1, 2, 33, 34, 512, 513, 1024, 33_793, 100_000, 300_000};

  private FlushRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "PG-38",
            "asked-by-others",
            "A CPU counts each flush that another one has asked it for - of the root that it has"
                + " loaded, or of the kernel's addresses - once, by its next access at the latest,"
                + " and none of its own.",
            "Who has too many interrupts looks at this number.",
            "flush_tlb_func, NR_TLB_REMOTE_FLUSH_RECEIVED",
            "one of the two kinds is not counted, or it is counted where it was asked",
            FlushRules::askedByOthers),
        rule(
            "PG-39",
            "kernel-pages-not-global",
            "flushKernelRange forgets translations of the kernel's addresses that are not global as"
                + " well, on the CPU that asks and on others, whatever identifier they have.",
            "With page-table isolation, and before PGE, the kernel's pages are not global.",
            "flush_tlb_kernel_range; Intel SDM 3A section 4.10.2.4",
            "only what is global is looked at, or only the present identifier",
            FlushRules::notGlobal),
        rule(
            "PG-40",
            "rows-and-the-last-address",
            "A row of entries leaves the cursor at the last one that it wrote, and a walk that ends"
                + " with the last address meets each page once, the last one too, and ends.",
            "Addresses of 32 bits end where a long goes on.",
            "mm4j's contract of TableCursor; walk_page_range",
            "the walk begins anew at 0, or the place behind a row is one too far",
            FlushRules::rows),
        rule(
            "PG-46",
            "several-kernel-flushes",
            "However many of the kernel's addresses are changed and flushed in turn by whichever"
                + " CPUs, before one looks again, no CPU uses an older translation of any.",
            "vmalloc on one CPU must not hide what vfree on another has flushed.",
            "flush_tlb_kernel_range; mm->context.tlb_gen, local_tlb_gen",
            "a CPU that flushes itself takes itself to be up to date with the others",
            FlushRules::severalOfKernel),
        rule(
            "PG-47",
            "flushes-of-any-length",
            "After a flush of a page, of 33 or 34, of a table's, or of hundreds of MiB, no CPU uses"
                + " an older translation of the first page of the range, of the last, or of any"
                + " other.",
            "munmap of a large mapping is one flush.",
            "flush_tlb_mm_range, tlb_single_page_flush_ceiling",
            "from some length on everything is to go, and the branch for it is missing or wrong",
            FlushRules::anyLength));
  }

  private static void severalOfKernel(PagingBench b, Seeded random) {
    List<Cpu> cpus = b.machine.cpus().all().subList(0, 2);
    long root = b.newRoot();
    cpus.forEach(cpu -> b.tables.mmu(cpu).switchTo(root));
    long top = b.format.shape().addressBits() > 32 ? 0 : 1L << 32;
    List<Long> places = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      places.add(top - 4096L * (1 + 20 * i + random.below(20)));
    }
    places.forEach(at -> change(b, b.cpu, at, random));
    for (int round = 0; round < 20; round++) {
      for (Cpu cpu : cpus) {
        places.forEach(at -> MmuRules.touch(b, cpu, at));
      }
      for (int i = random.below(4); i >= 0; i--) {
        change(b, cpus.get(random.below(2)), places.get(random.below(places.size())), random);
      }
      for (Cpu cpu : cpus) {
        if (random.oneIn(2)) {
          checkEqual(0, b.tables.mmu(cpu).stale(), b.kind + ": stale on " + cpu);
        }
        places.forEach(at -> MmuRules.touch(b, cpu, at));
      }
    }
    MmuRules.end(b, root);
  }

  /** Another frame at an address of the kernel, and the flush that it needs. */
  private static void change(PagingBench b, Cpu cpu, long at, Seeded random) {
    if (b.cursor.ensure(b.cpu, b.kernelRoot(), at, 1) == 1) {
      b.cursor.set(b.format.leaf(1, b.frame(random, 1), b.format.kernelProt(RW)));
      b.tables.flushKernelRange(cpu, at, at + 4096);
    }
  }

  private static void anyLength(PagingBench b, Seeded random) {
    List<Cpu> cpus = b.machine.cpus().all().subList(0, 2);
    long root = b.newRoot();
    cpus.forEach(cpu -> b.tables.mmu(cpu).switchTo(root));
    long start = 16L << 20;
    for (long pages : LENGTHS) {
      long last = start + (pages - 1) * 4096;
      List<Long> places = List.of(start, last, start + random.below((int) pages) * 4096L);
      for (int round = 0; round < 2; round++) {
        places.forEach(at -> b.map(root, at, 1, b.frame(random, 1), RW));
        b.tables.flushRange(cpus.get(random.below(2)), root, start, last + 4096);
        for (Cpu cpu : cpus) {
          if (random.oneIn(2)) {
            checkEqual(0, b.tables.mmu(cpu).stale(), b.kind + ": stale after " + pages + " pages");
          }
          places.forEach(at -> MmuRules.touch(b, cpu, at));
        }
      }
    }
    MmuRules.end(b, root);
  }

  private static void askedByOthers(PagingBench b, Seeded random) {
    Mmu mine = b.tables.mmu(b.cpu);
    Mmu theirs = b.tables.mmu(b.machine.cpus().get(1));
    long root = b.newRoot();
    b.map(root, 8192, 1, 300, RW);
    long kernel = b.format.kernel().directMap();
    mine.switchTo(root);
    theirs.switchTo(root);
    for (int i = 0; i < 12; i++) {
      checkEqual(300 << 12, theirs.access(8192, 0), b.kind + ": a page");
      long before = theirs.stats().fromOthers();
      long own = mine.stats().fromOthers();
      boolean ofKernel = random.oneIn(3);
      if (ofKernel) {
        b.tables.flushKernelRange(b.cpu, kernel, kernel + 4096);
      } else {
        b.tables.flushRange(b.cpu, root, 8192, 12288);
      }
      checkEqual(300 << 12, theirs.access(8192, 0), b.kind + ": the page afterwards");
      String what = ofKernel ? " of the kernel's addresses" : " of the root";
      checkEqual(before + 1, theirs.stats().fromOthers(), b.kind + ": flushes of others" + what);
      checkEqual(300 << 12, mine.access(8192, 0), b.kind + ": the page where it was asked");
      checkEqual(own, mine.stats().fromOthers(), b.kind + ": and on the CPU that asked" + what);
    }
    MmuRules.end(b, root);
  }

  private static void notGlobal(PagingBench b, Seeded random) {
    long root = b.newRoot();
    long kaddr = b.format.kernel().directMap() + (2L << 20) + random.below(100) * 4096L;
    long _ = b.tables.translate(b.kernelRoot(), kaddr);
    long slot = b.path(root, kaddr).getLast();
    long entry = b.read(slot);
    for (int i = 0; i < 6; i++) {
      int asker = random.below(2);
      b.write(slot, entry & ~0x100L);
      for (int cpu = 0; cpu < 2; cpu++) {
        Mmu mmu = b.tables.mmu(b.machine.cpus().get(cpu));
        mmu.switchTo(root);
        mmu.flushAll(true);
        checkEqual(b.raw(root, kaddr), mmu.access(kaddr, 0), b.kind + ": a page of the kernel");
      }
      b.write(slot, entry & ~0x101L);
      long page = kaddr & -4096L;
      b.tables.flushKernelRange(b.machine.cpus().get(asker), page, page + 4096);
      for (int cpu = 0; cpu < 2; cpu++) {
        Mmu mmu = b.tables.mmu(b.machine.cpus().get(cpu));
        long seen = mmu.access(kaddr, 0);
        String which = cpu == asker ? "that asked" : "that was asked";
        check(seen < 0, b.kind + ": a fault on the CPU " + which, String.format("0x%x", seen));
      }
      b.write(slot, entry);
    }
    MmuRules.end(b, root);
  }

  private static void rows(PagingBench b, Seeded random) {
    long root = b.newRoot();
    long start = (b.userEnd() - (16L << 20)) & -1L << b.format.shift(2);
    int inTable = b.format.entries(1);
    long[] row = new long[inTable];
    for (int i = 0; i < inTable; i++) {
      row[i] = b.format.leaf(1, 256 + i % 1000, b.format.userProt(RW));
    }
    int first = random.below(inTable);
    int count = random.between(1, inTable);
    b.cursor.over(root, start, start + (long) (first + count) * 4096);
    checkEqual(1, b.cursor.ensure(b.cpu, root, start + first * 4096L, 1), b.kind + ": level");
    b.cursor.over(root, start, start + (long) (first + count) * 4096);
    checkEqual(1, b.cursor.seek(start + first * 4096L, 1), b.kind + ": level of seek");
    int wrote = b.cursor.setRow(row, count);
    checkEqual(Math.min(count, inTable - first), wrote, b.kind + ": entries of a row");
    long last = start + (first + wrote - 1) * 4096L;
    checkEqual(last, b.cursor.address(), b.kind + ": address after a row");
    checkEqual(row[wrote - 1], b.cursor.entry(), b.kind + ": entry after a row");
    long kernel = b.kernelRoot();
    long from = b.format.kernel().directMap();
    b.cursor.over(kernel, from, 0);
    long before = from - 1;
    int met = 0;
    while (b.cursor.next()) {
      long at = b.cursor.address();
      check(
          Long.compareUnsigned(at, before) > 0 && b.format.shape().isCanonical(at),
          String.format("%s: an address behind 0x%x", b.kind, before),
          String.format("0x%x", at));
      before = at;
      met++;
    }
    check(met > 0, b.kind + ": pages of the kernel", "none");
    MmuRules.end(b, root);
  }
}
