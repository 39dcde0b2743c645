// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.area.UnmappedArea;
import io.mm4j.process.fault.Accessor;
import io.mm4j.process.fault.FaultHandler;
import io.mm4j.process.fault.Populate;
import io.mm4j.process.fault.StackGrowth;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.vma.Vma;
import org.jspecify.annotations.Nullable;

/** All calls and touches of one address space, wired together. */
public final class Calls {
  /** The kernel's hard RLIMIT_MEMLOCK ({@code MLOCK_LIMIT}); the others are unlimited. */
  private static final long MEMLOCK_HARD_BYTES = 8L << 20;

  private final Mm mm;
  private final UnmappedArea area;
  private final Touch touch;

  /** Accesses that the program makes itself. */
  private final Touch byUser;

  /** Accesses of a debugger. */
  private final Touch byDebugger;

  private final MmapCall mmap;
  private final Unmapper unmapper;
  private final MprotectCall mprotect;
  private final MremapCall mremap;
  private final BrkCall brk;
  private final MadviseCall madvise;
  private final MlockCalls mlock;
  private final RangeCalls ranges;
  private final Syscalls syscalls;
  private final FaultHandler faults;
  private final ScanCall scan;

  /** Over one address space. */
  public Calls(Mm mm) {
    this.mm = mm;
    faults = new FaultHandler(mm);
    Populate populate = new Populate(mm, faults);
    area = new UnmappedArea(mm);
    FlagChange change = new FlagChange(mm);
    StackGrowth stack = new StackGrowth(mm);
    touch = new Touch(mm, faults, stack);
    byUser = new Touch(mm, new FaultHandler(mm, Accessor.PROGRAM), stack);
    byDebugger = new Touch(mm, new FaultHandler(mm, Accessor.PEEK), stack);
    unmapper = new Unmapper(mm);
    mmap = new MmapCall(mm, area, new MapRegion(mm, unmapper), populate);
    mprotect = new MprotectCall(mm, change, populate);
    mremap = new MremapCall(mm, area, unmapper, populate);
    brk = new BrkCall(mm, area, unmapper, populate);
    madvise = new MadviseCall(mm, change, populate);
    mlock = new MlockCalls(mm, change, populate);
    ranges = new RangeCalls(mm, change, touch);
    scan = new ScanCall(mm, touch);
    syscalls = new Syscalls(mm, touch, change, mmap, unmapper, mprotect, madvise);
  }

  /** Whether faults in this VMA may map huge pages at all. */
  public boolean hugeAllowed(Vma vma) {
    return faults.hugeAllowed(vma);
  }

  /** The calls that have no method of their own. */
  public Syscalls syscalls() {
    return syscalls;
  }

  /** mmap. */
  public long mmap(long addr, long len, long prot, long flags, long fd, long offsetBytes) {
    return mmap.mmap(addr, len, prot, flags, fd, offsetBytes);
  }

  /** munmap. */
  public long munmap(long addr, long len) {
    return unmapper.munmap(addr, len);
  }

  /** mprotect. */
  public long mprotect(long addr, long len, long prot) {
    return mprotect.mprotect(addr, len, prot);
  }

  /** mremap. */
  public long mremap(long addr, long oldLen, long newLen, long flags, long newAddr) {
    return mremap.mremap(addr, oldLen, newLen, flags, newAddr);
  }

  /** brk. */
  public long brk(long addr) {
    return brk.brk(addr);
  }

  /** madvise. */
  public long madvise(long addr, long len, long advice) {
    return madvise.madvise(addr, len, advice);
  }

  /** mlock2; mlock with flags 0. */
  public long mlock2(long addr, long len, long flags) {
    return mlock.mlock2(addr, len, flags);
  }

  /** munlock. */
  public long munlock(long addr, long len) {
    return mlock.munlock(addr, len);
  }

  /** mlockall. */
  public long mlockall(long flags) {
    return mlock.mlockall(flags);
  }

  /** munlockall. */
  public long munlockall() {
    return mlock.munlockall();
  }

  /** msync. */
  public long msync(long addr, long len, long flags) {
    return ranges.msync(addr, len, flags);
  }

  /** mseal. */
  public long mseal(long addr, long len, long flags) {
    return ranges.mseal(addr, len, flags);
  }

  /** mincore. */
  public long mincore(long addr, long len, long vec, AddressSpace.ByteSink sink) {
    return ranges.mincore(addr, len, vec, sink);
  }

  /** /proc/PID/clear_refs is written. */
  public long clearRefs(int type) {
    return new ClearRefs(mm).write(type);
  }

  /** ioctl(PAGEMAP_SCAN). */
  public PagemapScan.Found pagemapScan(PagemapScan request) {
    return scan.scan(request);
  }

  /** setrlimit, soft limit only. */
  public long setrlimit(ResourceLimit resource, long softBytes, long structAddr) {
    if (structAddr != 0 && !touch.kernelWrite(structAddr, 16)) {
      return mm.error(Errno.EFAULT, "struct rlimit not accessible");
    }
    if (Long.compareUnsigned(softBytes, hardLimit(resource)) > 0) {
      return mm.error(Errno.EINVAL, "soft limit above the hard limit");
    }
    mm.setLimit(resource, softBytes);
    return 0;
  }

  /** The hard limit in bytes; nobody can change it. */
  public static long hardLimit(ResourceLimit resource) {
    return resource == ResourceLimit.MEMLOCK ? MEMLOCK_HARD_BYTES : ResourceLimit.INFINITY;
  }

  /** fork: the child, or null when memory was out. */
  public @Nullable Mm fork() {
    return ForkCall.fork(mm);
  }

  /** The process ends. */
  public void exit() {
    ForkCall.exit(mm);
  }

  /** Its last user has gone; the page directory stays. */
  public static void exitMmap(Mm mm) {
    ForkCall.exitMmap(mm);
  }

  /** The child of a fork, or null when memory was out. */
  public static @Nullable Mm fork(Mm parent) {
    return ForkCall.fork(parent);
  }

  /** Where a mapping of so many bytes would lie ({@code get_unmapped_area}), or a negated errno. */
  public long freeRange(long bytes) {
    return area.get(null, 0, bytes, 0, Uapi.MAP_PRIVATE);
  }

  /** {@code vm_brk_flags}: anonymous memory at a place. */
  public long vmBrk(long addr, long bytes, boolean exec) {
    return brk.vmBrk(addr, bytes, exec);
  }

  /** Maps an open file that has no descriptor ({@code vm_mmap}). */
  public long mapFile(OpenFile file, long addr, long len, long prot, long flags, long offset) {
    return mmap.file(file, addr, len, prot, flags, offset >>> 12);
  }

  /** Another process reads bytes with ptrace. */
  public void peek(long uaddr, int bytes, long stackLimitBytes) {
    byDebugger.peek(uaddr, bytes, stackLimitBytes);
  }

  /** A touch whose byte nobody wants; nothing is allocated on the heap. */
  public TouchOutcome.Kind attempt(long uaddr, Touch.Access access) {
    return byUser.attempt(uaddr, access, TouchOutcome.UNKNOWN);
  }

  /** The kernel stores a byte in user memory; false if it cannot. */
  public boolean put(long uaddr, int value) {
    return touch.attempt(uaddr, Touch.Access.WRITE, value) == TouchOutcome.Kind.OK;
  }

  /** A touch; {@code value} is what a write stores. */
  public TouchOutcome touch(long uaddr, Touch.Access access, int value) {
    return byUser.access(uaddr, access, value);
  }

  /**
   * A page fault that was recorded.
   *
   * @param user whether the program made the access, and not the kernel for it
   */
  public TouchOutcome fault(long uaddr, Touch.Access access, boolean user) {
    return (user ? byUser : touch).access(uaddr, access, TouchOutcome.UNKNOWN);
  }
}
