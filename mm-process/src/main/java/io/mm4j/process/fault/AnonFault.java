// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.fault;

import io.mm4j.process.fault.FaultHandler.Result;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.function.IntUnaryOperator;

/**
 * Single pages that a process gets for its own ({@code do_anonymous_page}, {@code wp_page_copy} and
 * {@code mfill_atomic_pte} of Linux 6.18): new ones, copies, and those that somebody brings.
 */
final class AnonFault {
  private final Mm mm;
  private final PageTable pages;
  private final Frames frames;

  AnonFault(Mm mm) {
    this.mm = mm;
    this.pages = mm.pages;
    this.frames = mm.context.frames();
  }

  /** {@code do_anonymous_page}: the zero page, or one of its own for a write. */
  Result zeroed(Vma vma, long addr, boolean write) {
    if (!write && !mm.context.forbidsZeroPage) {
      mm.because("fault", "first read of anonymous memory: the zero page is mapped");
      long zero = frames.zeroPage();
      if (zero == Frames.NONE || !pages.makeTable(addr)) {
        return Result.OOM;
      }
      if (pages.look(addr) == PageTable.NOTHING) {
        pages.mapZero(addr, pages.zeroEntry(zero, mm.prot(vma)));
      }
      return Result.OK;
    }
    boolean first = vma.anonVma == null;
    if (!AnonVmas.prepare(mm.vmas, vma)) {
      return Result.OOM;
    }
    explain(first, "first write to anonymous memory: a zeroed page");
    if (pages.lacksTable() && !pages.makeTable(addr)) {
      return Result.OOM;
    }
    long pfn = frames.newAnon(vma, vma.pgoffAt(addr));
    return own(vma, addr, PageTable.NOTHING, Frames.NONE, pfn);
  }

  /** {@code mfill_atomic_pte_copy}: a page of somebody else's bytes; it may be written at once. */
  Result bring(Vma vma, long addr, IntUnaryOperator bytes) {
    mm.because("fault", "somebody was asked for the missing page, and brought it");
    if (!AnonVmas.prepare(mm.vmas, vma) || !pages.makeTable(addr)) {
      return Result.OOM;
    }
    long pfn = frames.newAnon(vma, vma.pgoffAt(addr));
    for (int i = 0; i < Mm.PAGE && pfn != Frames.NONE; i++) {
      frames.bytes().write(pfn, i, bytes.applyAsInt(i));
    }
    if (pfn == Frames.NONE || vma.has(VmFlags.WRITE)) {
      return own(vma, addr, PageTable.NOTHING, Frames.NONE, pfn);
    }
    pages.map(addr, pfn, pages.entry(pfn, mm.prot(vma)));
    return Result.OK;
  }

  /**
   * Maps an anonymous page of its own that was allocated for this write, unless what was at the
   * address has changed meanwhile: then the access begins anew.
   */
  Result own(Vma vma, long addr, int kindBefore, long before, long pfn) {
    return own(vma, addr, kindBefore, before, pfn, vma.has(VmFlags.WRITE));
  }

  /**
   * The same.
   *
   * @param written whether a write goes through the new entry: of a page that is unshared for who
   *     reads it none does
   */
  Result own(Vma vma, long addr, int kindBefore, long before, long pfn, boolean written) {
    if (pfn == Frames.NONE) {
      return Result.OOM;
    }
    int kind = pages.again(addr);
    if (kind != kindBefore
        || pages.lacksTable()
        || (kind == PageTable.PAGE && pages.pfn() != before)) {
      frames.put(pfn);
      return Result.RETRY;
    }
    long entry = pages.entry(pfn, mm.prot(vma));
    pages.mapNew(addr, pfn, written ? pages.written(entry) : entry);
    return Result.OK;
  }

  /** From now on the VMA has pages of its own, which decides about merging. */
  void explain(boolean first, String what) {
    if (mm.explaining()) {
      mm.because("fault", what + (first ? "; the VMA gets an anon_vma" : ""));
    }
  }
}
