// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.fault;

import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.ThpMode;
import io.mm4j.process.fault.FaultHandler.Result;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import org.jspecify.annotations.Nullable;

/** Faults in anonymous memory that map 2 MiB at once (mm/huge_memory.c of Linux 6.18). */
final class HugeFault {
  private final Mm mm;
  private final PageTable pages;
  private final Frames frames;
  private final AnonReuse reuse;

  HugeFault(Mm mm) {
    this.mm = mm;
    this.pages = mm.pages;
    this.frames = mm.context.frames();
    this.reuse = new AnonReuse(mm);
  }

  /** Whether faults in this VMA may map huge pages at all ({@code thp_vma_allowable_order}). */
  boolean allowed(Vma vma) {
    if (!vma.isAnonymous()
        || !frames.hasHugePages()
        || vma.hasAny(VmFlags.NOHUGEPAGE | VmFlags.SPECIAL)
        || mm.thpDisabled(vma.flags)) {
      return false;
    }
    return mm.thp() == ThpMode.ALWAYS || (mm.thp() == ThpMode.MADVISE && vma.has(VmFlags.HUGEPAGE));
  }

  /** Whether huge pages are allowed, and the 2 MiB around an address lie in the VMA. */
  boolean fits(Vma vma, long addr) {
    long from = addr & -mm.hugeBytes;
    return allowed(vma) && from >= vma.start && from + mm.hugeBytes <= vma.end;
  }

  /** Whether a fault takes a page of its own, and not the zero page. */
  boolean takesOwn(boolean write) {
    return write || mm.context.forbidsZeroPage;
  }

  /**
   * {@code do_huge_pmd_anonymous_page}: a page of its own is asked for before the table, the zero
   * page after it. The upper tables are there.
   *
   * @return null if there is no block of 2 MiB, or something came meanwhile ({@code
   *     VM_FAULT_FALLBACK}); without memory for the table the fault fails
   */
  @Nullable Result map(Vma vma, long addr, boolean write) {
    boolean own = takesOwn(write);
    long head = own ? newPage(vma, addr) : Frames.NONE;
    if (own && head == Frames.NONE) {
      return null;
    }
    long table = pages.huge().newTable();
    if (table == PageTables.NO_TABLE) {
      if (own) {
        frames.put(head);
      }
      return Result.OOM;
    }
    head = own ? head : frames.hugeZero();
    if (head == Frames.NONE || !pages.huge().fits(addr)) {
      pages.huge().freeTable(table);
      if (head != Frames.NONE && own) {
        frames.put(head);
      }
      return null;
    }
    long prot = mm.prot(vma);
    pages
        .huge()
        .map(addr, own ? ownEntry(vma, head, prot) : pages.huge().zeroEntry(head, prot), table);
    return Result.OK;
  }

  /**
   * Whether there is a huge page for a fault, or the zero page for a read, at all: before somebody
   * waits for userfaultfd it is taken, and given back.
   */
  boolean hasPage(Vma vma, long addr, boolean write) {
    if (!takesOwn(write)) {
      return frames.hugeZero() != Frames.NONE;
    }
    long head = newPage(vma, addr);
    if (head != Frames.NONE) {
      frames.put(head);
    }
    return head != Frames.NONE;
  }

  private long newPage(Vma vma, long addr) {
    boolean advised = vma.has(VmFlags.HUGEPAGE);
    return frames.newHuge(vma, vma.pgoffAt(addr & -mm.hugeBytes), advised);
  }

  /** {@code maybe_pmd_mkwrite}: dirty in any case, and writable if the VMA is. */
  private long ownEntry(Vma vma, long head, long prot) {
    long entry = pages.huge().entry(head, prot);
    return vma.has(VmFlags.WRITE) ? pages.written(entry) : frames.format().bits().mkdirty(entry);
  }

  /**
   * {@code do_huge_pmd_wp_page}.
   *
   * @return null if it is to be split, and one of its pages written to ({@code VM_FAULT_FALLBACK})
   */
  @Nullable Result write(Vma vma, long addr, int kind) {
    if (kind == PageTable.PAGE && reuse.isAlone(addr, pages.pfn(), true)) {
      frames.lru().exclusive(frames.head(pages.pfn()));
      pages.setBits(true, true);
      return Result.OK;
    }
    if (kind == PageTable.ZERO) {
      if (!AnonVmas.prepare(mm.vmas, vma)) {
        return Result.OOM;
      }
      long head = newPage(vma, addr);
      if (head != Frames.NONE && pages.huge().isZero(addr)) {
        pages.huge().changeZero(addr, pages.written(pages.huge().entry(head, mm.prot(vma))));
        return Result.OK;
      }
      if (head != Frames.NONE) {
        frames.put(head);
      }
    }
    return null;
  }
}
