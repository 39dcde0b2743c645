// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.process.mm.Mm;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import org.jspecify.annotations.Nullable;

/**
 * The address space part of fork ({@code dup_mmap}, mm/mmap.c, Linux 6.18). The child has all VMAs
 * but those of MADV_DONTFORK, none locked; anonymous pages are shared until one writes.
 */
final class ForkCall {
  private ForkCall() {}

  /** The child, or null when memory was out. */
  static @Nullable Mm fork(Mm parent) {
    Mm child = parent.childWithoutVmas();
    if (!child.pages.exists()) {
      return null;
    }
    ForkedUffds watches = new ForkedUffds(child);
    for (Vma vma = parent.vmas.first(); vma != null; vma = parent.vmas.next(vma)) {
      if (vma.has(VmFlags.DONTCOPY)) {
        continue;
      }
      if (!child.vmas.prepare(1)
          || (vma.anonVma != null && child.vmas.allocationFails())
          || (vma.has(VmFlags.ACCOUNT) && !child.accounting.charge(vma.pages()))) {
        exit(child);
        return null;
      }
      if (!copy(parent, child, vma, watches)) {
        flush(parent, vma); // entries that are copied already let no writes through any more
        exit(child);
        return null;
      }
    }
    child.accounting.hiwaterVm = child.accounting.totalVm;
    watches.tell();
    return child;
  }

  /** {@code flush_tlb_mm} at the end of {@code dup_mmap}, whatever has come of it. */
  private static void flush(Mm mm, Vma vma) {
    mm.context.frames().flush(mm.pages.root(), vma.start, vma.end);
  }

  /** {@code vma_needs_copy}, and what {@code dup_mmap} says first: faults do not bring it back. */
  private static boolean needsCopy(Vma vma, Vma copy) {
    return !vma.has(VmFlags.WIPEONFORK)
        && (vma.anonVma != null
            || copy.has(VmFlags.UFFD_WP)
            || vma.hasAny(VmFlags.PFNMAP | VmFlags.MIXEDMAP | VmFlags.MAYBE_GUARD));
  }

  /** False if there are no frames for its page tables. */
  private static boolean copy(Mm parent, Mm child, Vma vma, ForkedUffds watches) {
    Vma copy = child.vmas.copyWithoutChain(vma, vma.start, vma.end, vma.pgoff);
    copy.flags &= ~VmFlags.LOCKED_MASK;
    watches.inherited(copy);
    if (!vma.has(VmFlags.WIPEONFORK)) {
      AnonVmas.fork(child.vmas, copy, vma);
    }
    child.vmas.insert(copy);
    child.accounting.add(copy.flags, copy.pages());
    if (vma.has(VmFlags.HUGETLB)) {
      return vma.anonVma == null || parent.huge(vma).copyTo(child.huge(vma), vma.start, vma.end);
    }
    boolean copyOnWrite = (vma.flags & (VmFlags.SHARED | VmFlags.MAYWRITE)) == VmFlags.MAYWRITE;
    boolean uffd = copy.has(VmFlags.UFFD_WP);
    return !needsCopy(vma, copy)
        || parent.pages.ranges().copyTo(child.pages, vma.start, vma.end, copyOnWrite, uffd);
  }

  /** {@code exit_mmap} and {@code pgd_free}: everything goes. */
  static void exit(Mm mm) {
    exitMmap(mm);
    mm.refs.users = 0;
    mm.refs.count = 0;
    mm.pages.free();
  }

  /** {@code exit_mmap}: all that is mapped goes, and the page tables below the page directory. */
  static void exitMmap(Mm mm) {
    for (Vma vma = mm.vmas.first(); vma != null; vma = mm.vmas.first()) {
      mm.huge.zap(vma.start, vma.end, true);
      mm.pages.ranges().zap(vma.start, vma.end, false, vma.hasRecency(), vma.isLocked());
      if (vma.has(VmFlags.ACCOUNT)) {
        mm.accounting.uncharge(vma.pages());
      }
      mm.accounting.add(vma.flags, -vma.pages());
      mm.vmas.remove(vma);
    }
    mm.pages.ranges().freeUserTables(mm.taskSize());
    mm.accounting.forgetLocked();
  }
}
