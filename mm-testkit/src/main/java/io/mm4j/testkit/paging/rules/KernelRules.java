// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.paging.rules.TableRules.rule;

import io.mm4j.api.memory.Architecture;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.pagetable.Segmentation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.paging.rules.PagingBench.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** The kernel's half, and the segments in front of both. */
public final class KernelRules {
  private static final int READ = PageTableFormat.READ;

  private KernelRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "PG-15",
            "direct-map",
            "The kernel's root maps every byte of RAM in lowmem at a fixed offset, for itself only,"
                + " global, with huge leafs where they fit, and no hole above 1 MiB.",
            "__va() is an addition.",
            "init_mem_mapping, kernel_physical_mapping_init",
            "the last range, or what is not aligned, is left out",
            KernelRules::directMap),
        rule(
            "PG-16",
            "kernel-half-shared",
            "What the kernel maps is seen through every root, those that were there before and"
                + " those that come after, as soon as it is written - where its top tables come"
                + " lazily, once the top entry is there -, and nothing of a process through another"
                + " root.",
            "The kernel runs on whatever root is loaded.",
            "pgd_ctor, sync_global_pgds, arch_sync_kernel_mappings",
            "the kernel's half is copied deeper than the top table, or not published",
            KernelRules::shared),
        rule(
            "PG-17",
            "vmalloc-fault",
            "On x86-32-2.4 a root that was there before does not have the kernel's new top entry;"
                + " one syncKernel brings it, counts, and says whether the address is mapped now;"
                + " the next one finds it there.",
            "Page directories of 2.4 learn of vmalloc areas by faults.",
            "arch/i386/mm/fault.c of Linux 2.4 vmalloc_fault; arch/x86/mm/fault.c",
            "all roots are written at once, or the fault is mended though nothing is mapped",
            KernelRules::vmallocFault,
            Kind.X86_32_24),
        rule(
            "PG-18",
            "nothing-lazy",
            "Elsewhere there is nothing to copy: a root that was there before translates a new"
                + " mapping of the kernel, syncKernel says so and counts nothing; of a user"
                + " address, or one that the kernel has not mapped, it says no.",
            "An access that is mended twice hides the first mistake.",
            "arch/x86/mm/fault.c do_kern_addr_fault",
            "a user address is taken for the kernel's",
            KernelRules::nothingLazy,
            Kind.X86_64,
            Kind.LA57,
            Kind.X86_32,
            Kind.X86_PAE),
        rule(
            "PG-19",
            "segments",
            "Linux's code and data segments are flat: a logical address is a linear one, as far as"
                + " the limit or the canonical form, the privilege and the rights of the segment"
                + " allow.",
            "Every address passes them.",
            "arch/x86/kernel/cpu/common.c gdt_page; Intel SDM 3A sections 3.4 and 5.3",
            "a limit is off, or a user's selector reaches the kernel's segment",
            KernelRules::segments));
  }

  private static void directMap(PagingBench b, Seeded random) {
    long kernel = b.kernelRoot();
    long root = b.newRoot();
    long offset = b.format.kernel().directMap();
    for (long pfn = 0; pfn < b.map.endPfn(); pfn++) {
      long paddr = (pfn << 12) + random.below(4096);
      boolean mapped = pfn < 256 || b.map.isPresent(pfn);
      long expected = mapped ? paddr : PageTables.NOT_MAPPED;
      checkEqual(
          expected,
          b.tables.translate(kernel, offset + paddr),
          String.format("%s: direct map of 0x%x", b.kind, paddr));
      checkEqual(expected, b.tables.translate(root, offset + paddr), b.kind + ": in a process");
    }
    int[] huge = new int[1];
    b.cursor.over(kernel, offset, offset + (b.map.endPfn() << 12));
    while (b.cursor.next()) {
      long entry = b.cursor.entry();
      huge[0] += b.cursor.level() > 1 ? 1 : 0;
      boolean good =
          b.format.bits().isGlobal(entry)
              && b.format.bits().isWrite(entry)
              && !b.format.bits().isUser(entry);
      check(good, b.kind + ": the direct map is global, writable, the kernel's", "not so");
    }
    // 8 MiB of a PC: of 1 MiB to 8 MiB all but what is not aligned.
    int fit = b.format.bytes(2) == 4 << 20 ? 1 : 3;
    checkEqual(fit, huge[0], b.kind + ": huge leafs");
    b.end(root);
  }

  /** Somewhere above the direct map; several places share top entries. */
  private static long kernelPlace(PagingBench b, Seeded random) {
    long end = b.format.shape().addressBits() > 32 ? 0 : 1L << 32;
    return end - (1L + random.below(64)) * (1 << 20) - random.below(200) * 4096L;
  }

  private static void shared(PagingBench b, Seeded random) {
    long kernel = b.kernelRoot();
    long early = b.newRoot();
    List<Long> places = new ArrayList<>();
    while (places.size() < 20) {
      long at = kernelPlace(b, random);
      if (places.contains(at)) {
        continue;
      }
      boolean there = b.cursor.ensure(b.cpu, kernel, at, 1) == 1;
      check(there, b.kind + ": a page of the kernel's", "no memory");
      boolean lazily = b.kind == Kind.X86_32_24 && b.tables.syncKernel(early, at);
      check(!lazily, b.kind + ": nothing is mapped yet", "it is");
      long pfn = b.frame(random, 1);
      b.cursor.set(b.format.leaf(1, pfn, b.format.kernelProt(READ)));
      places.add(at);
      long late = b.newRoot();
      for (long root : new long[] {kernel, early, late}) {
        checkEqual(pfn << 12, b.tables.translate(root, at), String.format("%s: 0x%x", b.kind, at));
      }
      long uaddr = b.user(random) & -4096L;
      b.map(late, uaddr, 1, pfn, READ);
      checkEqual(
          PageTables.NOT_MAPPED, b.tables.translate(early, uaddr), b.kind + ": another's page");
      b.end(late);
    }
    for (long at : places) {
      b.cursor.seek(kernel, at, 1);
      b.cursor.set(PageTableFormat.EMPTY);
      checkEqual(PageTables.NOT_MAPPED, b.tables.translate(early, at), b.kind + ": unmapped");
    }
    b.end(early);
  }

  private static void vmallocFault(PagingBench b, Seeded random) {
    long kernel = b.kernelRoot();
    long early = b.newRoot();
    long at = kernelPlace(b, random) & -b.format.bytes(2);
    long syncs = b.tables.kernelSyncs();
    check(!b.tables.syncKernel(early, at), "nothing is mapped: no mending", "mended");
    b.place(kernel, at, 1);
    b.cursor.set(b.format.leaf(1, 300, b.format.kernelProt(READ)));
    checkEqual(300 << 12, b.tables.translate(kernel, at), "the kernel has it");
    checkEqual(PageTables.NOT_MAPPED, b.tables.translate(early, at), "an older root has not");
    check(
        !b.tables.syncKernel(early, at + 4096),
        "the next page is not mapped: not mended",
        "mended");
    check(b.tables.syncKernel(early, at), "the fault is mended", "it is not");
    checkEqual(300 << 12, b.tables.translate(early, at), "then it has");
    checkEqual(syncs + 1, b.tables.kernelSyncs(), "entries that were copied");
    check(b.tables.syncKernel(early, at), "it is there", "it is not");
    checkEqual(syncs + 1, b.tables.kernelSyncs(), "entries that were copied, still");
    long late = b.newRoot();
    checkEqual(300 << 12, b.tables.translate(late, at), "a newer root has it from the start");
  }

  private static void nothingLazy(PagingBench b, Seeded random) {
    long kernel = b.kernelRoot();
    long early = b.newRoot();
    long at = kernelPlace(b, random);
    check(!b.tables.syncKernel(early, at), b.kind + ": nothing is mapped", "mended");
    b.place(kernel, at, 1);
    b.cursor.set(b.format.leaf(1, 300, b.format.kernelProt(READ)));
    checkEqual(300 << 12, b.tables.translate(early, at), b.kind + ": an older root has it");
    check(b.tables.syncKernel(early, at), b.kind + ": it is mapped", "it is not");
    checkEqual(0, b.tables.kernelSyncs(), b.kind + ": entries that were copied");
    long user = b.user(random) & -4096L;
    b.map(early, user, 1, 300, READ);
    check(!b.tables.syncKernel(early, user), b.kind + ": a user address is not the kernel's", "is");
    b.end(early);
  }

  private static void segments(PagingBench b, Seeded random) {
    Segmentation s = b.tables.segmentation();
    boolean wide = b.format.shape().addressBits() > 32;
    checkEqual(3, s.userCode() & 3, "privilege of __USER_CS");
    checkEqual(3, s.userData() & 3, "privilege of __USER_DS");
    checkEqual(0, s.kernelCode() & 7, "privilege of __KERNEL_CS");
    long used = b.kind.architecture == Architecture.X86_32_24 ? 0 : 1L << 40;
    long code = (wide ? 0x00af_9a00_0000_ffffL : 0x00cf_9a00_0000_ffffL) | used;
    long data = 0x00cf_9200_0000_ffffL | used;
    long user = 3L << 45;
    checkEqual(code, s.descriptor(s.kernelCode()), b.kind + ": descriptor of __KERNEL_CS");
    checkEqual(data, s.descriptor(s.kernelData()), b.kind + ": descriptor of __KERNEL_DS");
    checkEqual(code | user, s.descriptor(s.userCode()), b.kind + ": descriptor of __USER_CS");
    checkEqual(data | user, s.descriptor(s.userData()), b.kind + ": descriptor of __USER_DS");
    checkEqual(0, s.descriptor(0), b.kind + ": the null descriptor");
    for (int selector = 8; selector < 8 * 32; selector += 8) {
      boolean known =
          selector == s.kernelCode()
              || selector == s.kernelData()
              || selector == (s.userCode() & ~3)
              || selector == (s.userData() & ~3);
      boolean code32 = wide && (selector == 0x08 || selector == 0x20);
      if (!known && !code32) {
        checkEqual(0, s.descriptor(selector), b.kind + ": no descriptor " + selector / 8);
      }
    }
    for (int i = 0; i < 50; i++) {
      long offset = wide ? b.user(random) : random.next() & 0xffff_ffffL;
      flat(s.linear(s.userData(), offset, 1, Mmu.USER | Mmu.WRITE), offset, "a user's write");
      flat(s.linear(s.userCode(), offset, 1, Mmu.USER | Mmu.FETCH), offset, "a user's fetch");
      flat(s.linear(s.kernelData(), offset, 1, Mmu.WRITE), offset, "a kernel's write");
      flat(s.linear(s.kernelCode(), offset, 1, Mmu.FETCH), offset, "a kernel's fetch");
    }
    fault(s.linear(s.kernelData(), 4096, 1, Mmu.USER), "a user in the kernel's segment");
    fault(s.linear(s.userCode(), 4096, 1, Mmu.USER | Mmu.WRITE), "a write to code");
    fault(s.linear(s.userData(), 4096, 1, Mmu.USER | Mmu.FETCH), "a fetch from data");
    fault(s.linear(0, 4096, 1, 0), "the null selector");
    fault(s.linear(8 * 99, 4096, 1, 0), "a selector beyond the table");
    fault(s.linear(s.userData() | 4, 4096, 1, Mmu.USER), "a local table");
    long last = wide ? (1L << (b.format.shape().addressBits() - 1)) - 1 : 0xffff_ffffL;
    flat(s.linear(s.kernelData(), last, 1, 0), last, "the last byte");
    fault(s.linear(s.kernelData(), last, 2, 0), "a byte beyond");
    fault(s.linear(s.kernelData(), last + 1, 1, 0), "beyond the limit, or not canonical");
    if (wide) {
      flat(s.linear(s.kernelData(), -1, 1, 0), -1, "the highest address");
    }
  }

  private static void flat(OptionalLong linear, long offset, String what) {
    check(
        linear.isPresent() && linear.getAsLong() == offset,
        String.format("%s: 0x%x is linear as it is", what, offset),
        linear.toString());
  }

  private static void fault(OptionalLong linear, String what) {
    check(linear.isEmpty(), what + " is a general protection fault", linear.toString());
  }
}
