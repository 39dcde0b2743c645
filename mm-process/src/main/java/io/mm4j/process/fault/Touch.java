// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.fault;

import io.mm4j.api.process.MmEvents;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * An access to one byte: finds the VMA, grows a stack, checks rights, faults, and says which signal
 * Linux would send ({@code do_user_addr_fault}, arch/x86/mm/fault.c, Linux 6.18).
 */
public final class Touch {
  /** How the byte is accessed. */
  public enum Access {
    READ,
    WRITE,
    EXEC
  }

  private final Mm mm;
  private final FaultHandler faults;
  private final StackGrowth stack;

  /** The byte that the last access that went through has read, or the key that denied one. */
  private int seen = TouchOutcome.UNKNOWN;

  /** {@code X86_PF_USER} if the program itself makes the accesses, else 0. */
  private final int user;

  /** Over one address space. */
  public Touch(Mm mm, FaultHandler faults, StackGrowth stack) {
    this.mm = mm;
    this.faults = faults;
    this.stack = stack;
    this.user = faults.accessor() == Accessor.PROGRAM ? MmEvents.USER : 0;
  }

  /** Accesses a byte; {@code value} is what a write stores, or -1 to store nothing known. */
  public TouchOutcome access(long addr, Access access, int value) {
    TouchOutcome.Kind kind = attempt(addr, access, value);
    boolean tells = kind == TouchOutcome.Kind.OK || kind == TouchOutcome.Kind.SEGV_PKUERR;
    return new TouchOutcome(
        kind,
        kind == TouchOutcome.Kind.SEGV_KERNEL ? 0 : addr,
        tells ? seen : TouchOutcome.UNKNOWN);
  }

  /** The same without what was read: nothing is allocated on the heap. */
  public TouchOutcome.Kind attempt(long addr, Access access, int value) {
    if (!mm.isCanonical(addr)) {
      return TouchOutcome.Kind.SEGV_KERNEL;
    }
    if (mm.events != null) {
      tellFault(mm.events, addr, access);
    }
    Vma vma = mm.vmas.find(addr);
    if (vma == null || (vma.start > addr && !stack.grow(vma, addr))) {
      mm.because("fault", "no mapping contains the address, and none grows down to it");
      return TouchOutcome.Kind.SEGV_MAPERR;
    }
    boolean write = access == Access.WRITE;
    if (access != Access.EXEC && !mm.allows(vma, write)) {
      seen = VmFlags.key(vma.flags);
      mm.because("fault", "the protection key of the mapping denies this access (PKRU)");
      return TouchOutcome.Kind.SEGV_PKUERR;
    }
    if (write ? !vma.has(VmFlags.WRITE) : !VmFlags.isAccessible(vma.flags)) {
      if (mm.explaining()) {
        mm.because("fault", vma + " does not allow this access");
      }
      return TouchOutcome.Kind.SEGV_ACCERR;
    }
    boolean noExec = access == Access.EXEC && !vma.has(VmFlags.EXEC);
    if (noExec && mm.pages.look(addr) == PageTable.PAGE) {
      return TouchOutcome.Kind.SEGV_ACCERR;
    }
    return switch (faults.handle(vma, addr, write)) {
      case SIGBUS, POISON -> TouchOutcome.Kind.BUS_ADRERR;
      case WAIT -> TouchOutcome.Kind.UFFD_WAIT;
      case OOM -> outOfMemory();
      case SIGSEGV, RETRY -> TouchOutcome.Kind.SEGV_MAPERR;
      case OK -> noExec ? TouchOutcome.Kind.SEGV_ACCERR : done(addr, write, value);
    };
  }

  /**
   * {@code pagefault_out_of_memory()} (mm/oom_kill.c) makes the program try again, until the OOM
   * killer has found a victim. There is none here, so the access ends.
   */
  private TouchOutcome.Kind outOfMemory() {
    mm.because("fault", "memory is out: Linux would try again, and kill a process; here it fails");
    return TouchOutcome.Kind.SEGV_MAPERR;
  }

  /**
   * Another process reads bytes with ptrace ({@code access_remote_vm}, mm/memory.c): any page that
   * could ever be readable becomes present, whatever its rights are now, and a stack grows under
   * the reader's limit.
   */
  public void peek(long addr, int bytes, long stackLimitBytes) {
    for (long at = addr & Mm.PAGE_MASK; at < addr + bytes; at += Mm.PAGE) {
      Vma vma = mm.vmas.find(at);
      if (vma == null
          || (vma.start > at && !stack.growForOther(vma, at, stackLimitBytes))
          || vma.hasAny(VmFlags.IO | VmFlags.PFNMAP)
          || vma.isSecret()
          || !vma.has(VmFlags.MAYREAD)) {
        return;
      }
      if (mm.pages.look(at) == PageTable.NOTHING
          && faults.handle(vma, at, false) != FaultHandler.Result.OK) {
        return;
      }
    }
  }

  /** The kernel writes to user memory: true if every page of the range could be written. */
  public boolean kernelWrite(long addr, long bytes) {
    return kernelAccess(addr, bytes, Access.WRITE);
  }

  /** The kernel reads user memory: true if every page of the range could be read. */
  public boolean kernelRead(long addr, long bytes) {
    return kernelAccess(addr, bytes, Access.READ);
  }

  private boolean kernelAccess(long addr, long bytes, Access access) {
    for (long at = addr & Mm.PAGE_MASK; at < addr + bytes; at += Mm.PAGE) {
      TouchOutcome.Kind kind = attempt(Math.max(at, addr), access, TouchOutcome.UNKNOWN);
      if (kind != TouchOutcome.Kind.OK) {
        return false;
      }
    }
    return true;
  }

  /**
   * {@code trace_page_fault_user} or {@code _kernel}, if the CPU finds no page, or one that it may
   * not use so.
   */
  private void tellFault(MmEvents events, long addr, Access access) {
    int denied = denied(addr, access);
    if (denied >= 0) {
      int write = access == Access.WRITE ? MmEvents.WRITE : 0;
      int exec = access == Access.EXEC ? MmEvents.INSTR : 0;
      events.pageFault(addr, denied | write | exec | user);
    }
  }

  /** Why the CPU does not make an access, as bits of the error code; -1 if it does. */
  private int denied(long addr, Access access) {
    Vma vma = mm.vmas.find(addr);
    if (vma == null || vma.start > addr || !VmFlags.isAccessible(vma.flags)) {
      return 0;
    }
    int kind = mm.pages.look(addr);
    if (kind != PageTable.PAGE && kind != PageTable.ZERO) {
      return 0;
    }
    boolean write = access == Access.WRITE;
    if (access == Access.EXEC) {
      return vma.has(VmFlags.EXEC) ? -1 : MmEvents.PROT;
    }
    if (!mm.allows(vma, write)) {
      return MmEvents.PROT | MmEvents.PK;
    }
    return write && !mm.pages.isWritable() ? MmEvents.PROT : -1;
  }

  private TouchOutcome.Kind done(long addr, boolean write, int value) {
    int kind = mm.pages.again(addr);
    mm.pages.accessed(write);
    Frames frames = mm.context.frames();
    if (kind != PageTable.PAGE) {
      seen = frames.isClockPage(mm.pages.pfn()) ? TouchOutcome.UNKNOWN : 0;
      return TouchOutcome.Kind.OK;
    }
    int offset = (int) (addr & Mm.PAGE - 1);
    if (write && value >= 0) {
      frames.bytes().write(mm.pages.pfn(), offset, value);
    }
    seen = write ? TouchOutcome.UNKNOWN : frames.bytes().byteAt(mm.pages.pfn(), offset);
    return TouchOutcome.Kind.OK;
  }
}
