// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * The sums of one address space and the limits on them: {@code total_vm}, {@code data_vm}, {@code
 * exec_vm}, {@code stack_vm}, {@code locked_vm}, and memory charged for {@code VM_ACCOUNT}. All in
 * pages.
 */
public final class Accounting {
  /** {@code vm.admin_reserve_kbytes} and {@code vm.user_reserve_kbytes} as they are by default. */
  private static final long ADMIN_RESERVE_PAGES = 8192 >> 2;

  private static final long USER_RESERVE_PAGES = 131072 >> 2;

  private final Mm mm;
  public long totalVm;
  public long dataVm;
  public long execVm;
  public long stackVm;
  public long lockedVm;
  public long hiwaterVm;

  /** What this address space has charged. */
  public long committed;

  /**
   * Pages that MREMAP_DONTUNMAP unlocked at their old place: {@code dontunmap_complete} takes the
   * flag away and leaves {@code locked_vm} alone, so they stay counted.
   */
  private long lockedByDontUnmap;

  Accounting(Mm mm) {
    this.mm = mm;
  }

  /**
   * {@code may_expand_vm}: whether {@code pages} more of this kind fit RLIMIT_AS and RLIMIT_DATA.
   */
  public boolean mayExpand(long flags, long pages) {
    if (Long.compareUnsigned(totalVm + pages, mm.limitPages(ResourceLimit.AS)) > 0) {
      if (mm.explaining()) {
        mm.because(
            "limit",
            "RLIMIT_AS: "
                + totalVm
                + " + "
                + pages
                + " pages exceed "
                + mm.limitPages(ResourceLimit.AS));
      }
      return false;
    }
    if (VmFlags.isDataMapping(flags)
        && Long.compareUnsigned(dataVm + pages, mm.limitPages(ResourceLimit.DATA)) > 0) {
      // A soft limit of 0 under an unlimited hard limit is let through (a courtesy to valgrind).
      boolean allowed = mm.limit(ResourceLimit.DATA) == 0;
      if (!allowed && mm.explaining()) {
        mm.because(
            "limit",
            "RLIMIT_DATA: "
                + dataVm
                + " + "
                + pages
                + " pages exceed "
                + mm.limitPages(ResourceLimit.DATA));
      }
      return allowed;
    }
    return true;
  }

  /** {@code vm_stat_account}: {@code pages} of this kind came, or went when negative. */
  public void add(long flags, long pages) {
    totalVm += pages;
    if (VmFlags.isExecMapping(flags)) {
      execVm += pages;
    } else if (VmFlags.isStackMapping(flags)) {
      stackVm += pages;
    } else if (VmFlags.isDataMapping(flags)) {
      dataVm += pages;
    }
    hiwaterVm = Math.max(hiwaterVm, totalVm);
  }

  /** {@code can_do_mlock}. */
  public boolean canLock() {
    return mm.limit(ResourceLimit.MEMLOCK) != 0 || mm.capable(Capability.IPC_LOCK);
  }

  /** {@code mlock_future_ok}: whether {@code bytes} more may be locked, if these flags lock. */
  public boolean mayLock(long flags, long bytes) {
    if ((flags & VmFlags.LOCKED) == 0 || mm.capable(Capability.IPC_LOCK)) {
      return true;
    }
    long locked = (bytes >>> 12) + lockedVm;
    boolean ok = Long.compareUnsigned(locked, mm.limitPages(ResourceLimit.MEMLOCK)) <= 0;
    if (!ok && mm.explaining()) {
      mm.because(
          "limit",
          "RLIMIT_MEMLOCK: " + locked + " pages exceed " + mm.limitPages(ResourceLimit.MEMLOCK));
    }
    return ok;
  }

  /**
   * {@code security_vm_enough_memory_mm}: charges memory if the overcommit rule allows it.
   *
   * @return false if it does not; then nothing is charged
   */
  public boolean charge(long pages) {
    if (!enough(pages)) {
      if (mm.explaining()) {
        explainRefusal(pages);
      }
      return false;
    }
    chargeUnchecked(pages);
    return true;
  }

  /** {@code vm_acct_memory}: charges what is there already, whatever the rule says. */
  public void chargeUnchecked(long pages) {
    committed += pages;
    mm.context.committedPages += pages;
  }

  /** A locked VMA is unlocked and stays counted; see {@link #lockedByDontUnmap}. */
  public void keepLocked(long pages) {
    lockedByDontUnmap += pages;
  }

  /** Nothing is locked any more, nor counted so. */
  public void forgetLocked() {
    lockedVm = 0;
    lockedByDontUnmap = 0;
  }

  private void explainRefusal(long pages) {
    boolean heuristic = mm.sysctls().overcommitMemory() != 2;
    long ram = mm.config.totalRamKb() >>> 2;
    long swap = mm.config.totalSwapKb() >>> 2;
    mm.because(
        "overcommit",
        pages
            + " pages are refused with overcommit_memory="
            + mm.sysctls().overcommitMemory()
            + (heuristic
                ? ": more than all RAM and swap, " + (ram + swap) + " pages"
                : ": with the "
                    + mm.context.committedPages
                    + " committed they reach CommitLimit, "
                    + commitLimit(ram, swap)
                    + " pages less reserves"));
  }

  /** Charges a shared-memory object, whose charge is not this address space's. */
  public boolean chargeShared(long pages) {
    if (!enough(pages)) {
      return false;
    }
    mm.context.committedPages += pages;
    return true;
  }

  /** Gives back what {@link #chargeShared} has charged. */
  public void unchargeShared(long pages) {
    mm.context.committedPages -= pages;
  }

  /** Gives a charge back. */
  public void uncharge(long pages) {
    committed -= pages;
    unchargeShared(pages);
  }

  /** {@code vm_commit_limit()}, in pages. */
  private long commitLimit(long ram, long swap) {
    long kbytes = mm.sysctls().overcommitKbytes();
    if (kbytes != 0) {
      return (kbytes >>> 2) + swap;
    }
    long others = ram - mm.context.hugePools().totalPages();
    return others * mm.sysctls().overcommitRatio() / 100 + swap;
  }

  private boolean enough(long pages) {
    long ram = mm.config.totalRamKb() >>> 2;
    long swap = mm.config.totalSwapKb() >>> 2;
    int mode = mm.sysctls().overcommitMemory();
    if (mode != 2) {
      return mode == 1 || pages <= ram + swap;
    }
    long allowed = commitLimit(ram, swap);
    if (!mm.capable(Capability.SYS_ADMIN)) {
      allowed -= ADMIN_RESERVE_PAGES;
    }
    allowed -= Math.min(totalVm / 32, USER_RESERVE_PAGES);
    return mm.context.committedPages + pages < allowed;
  }

  /**
   * Recounts everything from the VMAs.
   *
   * @throws io.mm4j.api.CorruptStateError if a sum is not what the recount gives
   */
  public void validate() {
    Accounting recount = new Accounting(mm);
    long charged = 0;
    long locked = lockedByDontUnmap;
    for (Vma vma = mm.vmas.first(); vma != null; vma = mm.vmas.next(vma)) {
      recount.add(vma.flags, vma.pages());
      charged += vma.has(VmFlags.ACCOUNT) ? vma.pages() : 0;
      locked += vma.has(VmFlags.LOCKED) ? vma.pages() : 0;
    }
    check("total_vm", totalVm, recount.totalVm);
    check("data_vm", dataVm, recount.dataVm);
    check("exec_vm", execVm, recount.execVm);
    check("stack_vm", stackVm, recount.stackVm);
    check("locked_vm", lockedVm, locked);
    check("committed", committed, charged);
    check("hiwater_vm", hiwaterVm, Math.max(hiwaterVm, totalVm));
  }

  private static void check(String what, long kept, long counted) {
    if (kept != counted) {
      throw new CorruptStateError(what + "=" + kept + " recount=" + counted);
    }
  }
}
