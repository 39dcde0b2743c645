// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.fault.Populate;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.mm.ProtectionKeys;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * mprotect ({@code do_mprotect_pkey}, {@code mprotect_fixup}, mm/mprotect.c, Linux 6.18): works VMA
 * by VMA up to the first hole or error; what was done before stays.
 */
final class MprotectCall {

  private final Mm mm;
  private final FlagChange change;
  private final Populate populate;

  MprotectCall(Mm mm, FlagChange change, Populate populate) {
    this.mm = mm;
    this.change = change;
    this.populate = populate;
  }

  /** The call without a key. */
  long mprotect(long addr, long len, long protIn) {
    return mprotect(addr, len, protIn, ProtectionKeys.NONE);
  }

  /** The call; on a CPU without keys none can be valid ({@code mm_pkey_is_allocated}). */
  long mprotect(long addr, long len, long protIn, int key) {
    long grows = protIn & (Uapi.PROT_GROWSDOWN | Uapi.PROT_GROWSUP);
    long prot = protIn & ~grows;
    if (grows == (Uapi.PROT_GROWSDOWN | Uapi.PROT_GROWSUP)) {
      return mm.error(Errno.EINVAL, "both PROT_GROWSDOWN and PROT_GROWSUP");
    }
    if ((addr & Mm.PAGE - 1) != 0) {
      return mm.error(Errno.EINVAL, "address not page-aligned");
    }
    if (len == 0) {
      return 0;
    }
    long end = addr + Mm.pageAlign(len);
    if (Long.compareUnsigned(end, addr) <= 0) {
      return mm.error(Errno.ENOMEM, "the range wraps");
    }
    if ((prot & ~(VmFlags.ACCESS | Uapi.PROT_SEM)) != 0) {
      return mm.error(Errno.EINVAL, "unknown protection bits");
    }
    if (key != ProtectionKeys.NONE && (mm.keys == null || !mm.keys.isAllocated(key))) {
      return mm.error(Errno.EINVAL, "no such protection key was allocated, or the CPU has none");
    }
    Vma vma = mm.vmas.find(addr);
    if (vma == null || Long.compareUnsigned(vma.start, end) >= 0) {
      return mm.error(Errno.ENOMEM, "nothing is mapped in the range");
    }
    long start = addr;
    if ((grows & Uapi.PROT_GROWSDOWN) != 0) {
      start = vma.start;
      if (!vma.has(VmFlags.GROWSDOWN)) {
        return mm.error(Errno.EINVAL, "PROT_GROWSDOWN on a mapping that does not grow down");
      }
    } else {
      if (vma.start > start) {
        return mm.error(Errno.ENOMEM, "the first page is not mapped");
      }
      if ((grows & Uapi.PROT_GROWSUP) != 0) {
        return mm.error(Errno.EINVAL, "PROT_GROWSUP: nothing grows up on x86");
      }
    }
    return walk(vma, start, end, prot, key);
  }

  /** {@code __arch_override_mprotect_pkey}: the bits of the key that a VMA gets. */
  private long keyBits(Vma vma, long prot, int key) {
    long same = vma.flags & VmFlags.PKEY;
    ProtectionKeys keys = mm.keys;
    if (keys == null || key != ProtectionKeys.NONE) {
      return keys == null ? same : (long) key << VmFlags.PKEY_SHIFT;
    }
    if (prot == Uapi.PROT_EXEC) {
      int only = keys.executeOnly();
      return only > 0 ? (long) only << VmFlags.PKEY_SHIFT : same;
    }
    boolean wasOnly =
        (vma.flags & VmFlags.ACCESS) == VmFlags.EXEC && keys.isExecuteOnly(VmFlags.key(vma.flags));
    return wasOnly ? 0 : same;
  }

  private long walk(Vma first, long start, long end, long prot, int key) {
    Vma vma = first;
    long at = start;
    while (true) {
      long effective = prot;
      if ((prot & Uapi.PROT_READ) != 0 && mm.config.readImpliesExec() && vma.has(VmFlags.MAYEXEC)) {
        effective |= VmFlags.EXEC;
      }
      long newFlags =
          (effective & VmFlags.ACCESS)
              | keyBits(vma, effective, key)
              | (vma.flags & ~(VmFlags.ACCESS | VmFlags.PKEY));
      if ((newFlags & ~(newFlags >> 4) & VmFlags.ACCESS) != 0) {
        return mm.error(Errno.EACCES, "the mapping may not be accessed so");
      }
      if (ProcessCalls.deniesExec(mm, vma.flags, newFlags)) {
        return mm.error(Errno.EACCES, "PR_SET_MDWE: memory does not become executable");
      }
      long to = Long.compareUnsigned(end, vma.end) < 0 ? end : vma.end;
      long error = fixup(vma, at, to, newFlags);
      if (error != 0) {
        return error;
      }
      // What was changed may have merged with VMAs behind it: go on behind all of it.
      Vma now = mm.vmas.lookup(to - 1);
      at = now == null ? to : now.end;
      if (Long.compareUnsigned(at, end) >= 0) {
        return 0;
      }
      Vma next = mm.vmas.find(at);
      if (next == null || next.start != at) {
        return mm.error(Errno.ENOMEM, "a hole in the range; what lies below it was changed");
      }
      vma = next;
    }
  }

  private long fixup(Vma vma, long start, long end, long wanted) {
    if (vma.has(VmFlags.SEALED)) {
      return mm.error(Errno.EPERM, "the VMA is sealed");
    }
    long oldFlags = vma.flags;
    long newFlags = wanted;
    if (newFlags == oldFlags) {
      mm.because("merge", "the protection is what it was: nothing changes");
      return 0;
    }
    long pages = (end - start) >>> 12;
    long charged = 0;
    if ((newFlags & VmFlags.WRITE) != 0) {
      if (!mm.accounting.mayExpand(newFlags, pages) && mm.accounting.mayExpand(oldFlags, pages)) {
        return mm.error(Errno.ENOMEM, "RLIMIT_DATA");
      }
      long exempt =
          VmFlags.ACCOUNT | VmFlags.WRITE | VmFlags.HUGETLB | VmFlags.SHARED | VmFlags.NORESERVE;
      if ((oldFlags & exempt) == 0) {
        if (!mm.accounting.charge(pages)) {
          return mm.error(Errno.ENOMEM, "overcommit");
        }
        charged = pages;
        newFlags |= VmFlags.ACCOUNT;
        if (mm.explaining()) {
          mm.because(
              "overcommit",
              "private memory becomes writable: "
                  + (pages == 1 ? "1 page is" : pages + " pages are")
                  + " charged, so the VMA has VM_ACCOUNT");
        }
      }
    } else if ((oldFlags & VmFlags.ACCOUNT) != 0 && vma.isAnonymous() && vma.anonVma == null) {
      newFlags &= ~VmFlags.ACCOUNT;
      mm.because("overcommit", "never written and no longer writable: its charge is given back");
    }
    Vma result = change.apply(vma, start, end, newFlags);
    if (result == null) {
      mm.accounting.uncharge(charged);
      return change.error;
    }
    if ((oldFlags & VmFlags.ACCOUNT) != 0 && (newFlags & VmFlags.ACCOUNT) == 0) {
      mm.accounting.uncharge(pages);
    }
    mm.pages.ranges().protect(start, end, mm.prot(result));
    long locked = oldFlags & (VmFlags.WRITE | VmFlags.SHARED | VmFlags.LOCKED);
    if (locked == VmFlags.LOCKED && (newFlags & VmFlags.WRITE) != 0) {
      populate.part(result, start, end);
    }
    mm.accounting.add(oldFlags, -pages);
    mm.accounting.add(newFlags, pages);
    return 0;
  }
}
