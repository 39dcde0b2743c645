// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.fault;

import io.mm4j.api.process.ResourceLimit;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * {@code expand_downwards} and {@code acct_stack_growth} (mm/vma.c, Linux 6.18): a touch below a
 * mapping that grows down makes it larger, unless that comes nearer than the guard gap to an
 * accessible mapping below, or the whole exceeds RLIMIT_STACK, or another limit refuses.
 */
public final class StackGrowth {
  private final Mm mm;

  /** Over one address space. */
  public StackGrowth(Mm mm) {
    this.mm = mm;
  }

  /** Grows a VMA down to an address below it; false if that is refused. */
  public boolean grow(Vma vma, long touched) {
    return canGrow(vma, touched, mm.limit(ResourceLimit.STACK))
        && grow(vma, (vma.start - (touched & Mm.PAGE_MASK)) >> 12, true);
  }

  /**
   * As above, by a process that looks at this one: its limits count, of which only the stack's is
   * less than unlimited.
   */
  public boolean growForOther(Vma vma, long touched, long stackBytes) {
    return canGrow(vma, touched, stackBytes)
        && grow(vma, (vma.start - (touched & Mm.PAGE_MASK)) >> 12, false);
  }

  private boolean canGrow(Vma vma, long touched, long stackBytes) {
    if (!vma.has(VmFlags.GROWSDOWN)) {
      return false;
    }
    long addr = touched & Mm.PAGE_MASK;
    if (addr < mm.mmapMinAddr()) {
      return refused("below mmap_min_addr");
    }
    Vma prev = mm.vmas.prev(vma);
    if (prev != null
        && !prev.has(VmFlags.GROWSDOWN)
        && VmFlags.isAccessible(prev.flags)
        && addr - prev.end < mm.guardGapBytes()) {
      return refused("nearer than the guard gap to the accessible mapping below");
    }
    if (!AnonVmas.prepare(mm.vmas, vma) || mm.vmas.allocationFails()) {
      return refused("no memory for an anon_vma or for the index");
    }
    if ((vma.start - addr) >> 12 > vma.pgoff) {
      return refused("page offset would become negative");
    }
    if (Long.compareUnsigned(vma.end - addr, stackBytes) > 0) {
      return refused("RLIMIT_STACK");
    }
    return true;
  }

  private boolean grow(Vma vma, long pages, boolean limited) {
    if (limited
        && (!mm.accounting.mayExpand(vma.flags, pages)
            || !mm.accounting.mayLock(vma.flags, pages << 12))) {
      return false;
    }
    if (!mm.accounting.charge(pages)) {
      return false;
    }
    if (!vma.has(VmFlags.ACCOUNT)) {
      mm.accounting.uncharge(pages);
    }
    if (vma.has(VmFlags.LOCKED)) {
      mm.accounting.lockedVm += pages;
    }
    mm.accounting.add(vma.flags, pages);
    if (mm.explaining()) {
      mm.because("fault", vma + " grows down by " + pages + (pages == 1 ? " page" : " pages"));
    }
    vma.pgoff -= pages;
    mm.vmas.setRange(vma, vma.start - (pages << 12), vma.end);
    return true;
  }

  private boolean refused(String reason) {
    if (mm.explaining()) {
      mm.because("fault", "the stack does not grow: " + reason);
    }
    return false;
  }
}
