// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.MisuseException;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Explainer;
import io.mm4j.api.process.MemSizeStats;
import io.mm4j.api.process.MissingPages;
import io.mm4j.api.process.MmEvents;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.NumaStats;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.process.call.Calls;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Accounting;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.mm.ProtectionKeys;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One address space as the outside sees it; the work is done by {@link Calls}. */
final class LinuxAddressSpace implements AddressSpace {
  private final Mm mm;
  private final Calls calls;
  private final MapsView view;
  private final SizesView sizes;

  LinuxAddressSpace(Mm mm) {
    this.mm = mm;
    calls = new Calls(mm);
    view = new MapsView(mm);
    sizes = new SizesView(mm);
  }

  /** What is behind it. */
  Mm mm() {
    return mm;
  }

  @Override
  public void loadVma(VmaInfo vma) {
    new StateLoader(mm).load(vma);
  }

  @Override
  public void installFd(int fd, @Nullable OpenFile file) {
    OpenFile before = file == null ? mm.descriptors.remove(fd) : mm.descriptors.put(fd, file);
    if (before != null) {
      mm.context.files.closed(before.file());
    }
  }

  @Override
  public void explainTo(@Nullable Explainer explainer) {
    mm.explainTo(explainer);
  }

  @Override
  public boolean watch(@Nullable MmEvents events) {
    mm.events = events;
    mm.pages
        .counters()
        .tellTo(
            events == null ? null : (kind, count) -> events.rssStat(mm.pid, kind.counter(), count));
    return true;
  }

  @Override
  public void missingTo(@Nullable MissingPages listener) {
    mm.missingPages = listener;
  }

  @Override
  public long mmap(long addr, long len, long prot, long flags, long fd, long offsetBytes) {
    return calls.mmap(addr, len, prot, flags, fd, offsetBytes);
  }

  @Override
  public long munmap(long addr, long len) {
    return calls.munmap(addr, len);
  }

  @Override
  public long mprotect(long addr, long len, long prot) {
    return calls.mprotect(addr, len, prot);
  }

  @Override
  public long mremap(long addr, long oldLen, long newLen, long flags, long newAddr) {
    return calls.mremap(addr, oldLen, newLen, flags, newAddr);
  }

  @Override
  public long brk(long addr) {
    return calls.brk(addr);
  }

  @Override
  public long madvise(long addr, long len, long advice) {
    return calls.madvise(addr, len, advice);
  }

  @Override
  public long mlock(long addr, long len) {
    return calls.mlock2(addr, len, 0);
  }

  @Override
  public long mlock2(long addr, long len, long flags) {
    return calls.mlock2(addr, len, flags);
  }

  @Override
  public long munlock(long addr, long len) {
    return calls.munlock(addr, len);
  }

  @Override
  public long mlockall(long flags) {
    return calls.mlockall(flags);
  }

  @Override
  public long munlockall() {
    return calls.munlockall();
  }

  @Override
  public long msync(long addr, long len, long flags) {
    return calls.msync(addr, len, flags);
  }

  @Override
  public long mseal(long addr, long len, long flags) {
    return calls.mseal(addr, len, flags);
  }

  @Override
  public long mincore(long addr, long len, long vec, ByteSink sink) {
    return calls.mincore(addr, len, vec, sink);
  }

  @Override
  public long setrlimit(ResourceLimit resource, long softBytes, long structAddr) {
    return calls.setrlimit(resource, softBytes, structAddr);
  }

  @Override
  public long softLimit(ResourceLimit resource) {
    return mm.limit(resource);
  }

  @Override
  public long hardLimit(ResourceLimit resource) {
    return Calls.hardLimit(resource);
  }

  @Override
  public long syscall(Syscall call, long... args) {
    return calls.syscalls().make(call, args);
  }

  @Override
  public long memfdCreate(String name, long flags) {
    return calls.syscalls().memfdCreate(name, flags);
  }

  @Override
  public long setVmaName(long addr, long len, @Nullable String name) {
    return calls.syscalls().setVmaName(addr, len, name);
  }

  @Override
  public @Nullable AddressSpace fork() {
    Mm child = calls.fork();
    if (child == null) {
      return null;
    }
    mm.context.add(child);
    return new LinuxAddressSpace(child);
  }

  @Override
  public void forkUnrecorded() {
    AddressSpace child = fork();
    if (child != null) {
      child.exit();
    }
  }

  @Override
  public void exit() {
    if (mm.refs.counted) {
      throw new MisuseException(
          "tasks have this address space, and it ends with them: mm_users=" + mm.refs.users);
    }
    calls.exit();
    mm.context.remove(mm);
  }

  @Override
  public TouchOutcome read(long uaddr) {
    return calls.touch(uaddr, Touch.Access.READ, TouchOutcome.UNKNOWN);
  }

  @Override
  public TouchOutcome write(long uaddr, int value) {
    return calls.touch(uaddr, Touch.Access.WRITE, value & 255);
  }

  @Override
  public TouchOutcome execute(long uaddr) {
    return calls.touch(uaddr, Touch.Access.EXEC, TouchOutcome.UNKNOWN);
  }

  @Override
  public void peek(long uaddr, int bytes, long stackLimitBytes) {
    calls.peek(uaddr, bytes, stackLimitBytes);
  }

  @Override
  public TouchOutcome fault(long uaddr, boolean write, boolean user, boolean exec) {
    Touch.Access access = exec ? Touch.Access.EXEC : write ? Touch.Access.WRITE : Touch.Access.READ;
    return calls.fault(uaddr, access, user);
  }

  @Override
  public void forEachVma(Consumer<VmaInfo> consumer) {
    each(0, -1, true, consumer);
  }

  @Override
  public void forEachVma(long start, long end, Consumer<VmaInfo> consumer) {
    each(start, end, true, consumer);
  }

  @Override
  public void forEachMap(Consumer<VmaInfo> consumer) {
    each(0, -1, false, consumer);
  }

  private void each(long start, long end, boolean full, Consumer<VmaInfo> consumer) {
    for (Vma vma = mm.vmas.find(start);
        vma != null && Long.compareUnsigned(vma.start, end) < 0;
        vma = mm.vmas.next(vma)) {
      consumer.accept(view.info(vma, full));
    }
    VmaInfo gate = view.gate(full);
    if (mm.hasGate
        && Long.compareUnsigned(start, gate.end()) < 0
        && Long.compareUnsigned(end, gate.start()) > 0) {
      consumer.accept(gate);
    }
  }

  @Override
  public long mapsGeneration() {
    return mm.vmas.generation();
  }

  @Override
  public VmaUsage usage(long vmaStart) {
    Vma vma = mm.vmas.lookup(vmaStart);
    if (vma == null) {
      return new VmaUsage(0, 0, 0, 0);
    }
    return view.usage(vma);
  }

  @Override
  public MemSizeStats sizes(long vmaStart) {
    Vma vma = mm.vmas.lookup(vmaStart);
    return vma == null || vma.start != vmaStart ? MemSizeStats.NONE : sizes.sizes(vma);
  }

  @Override
  public String memoryPolicy(long uaddr) {
    Vma vma = mm.vmas.lookup(uaddr);
    return vma == null ? "default" : calls.syscalls().policy(vma);
  }

  @Override
  public NumaStats numaStats(long vmaStart) {
    Vma vma = mm.vmas.lookup(vmaStart);
    return vma == null || vma.start != vmaStart ? NumaStats.NONE : NumaView.of(mm, vma);
  }

  @Override
  public int protectionKey(long uaddr) {
    Vma vma = mm.vmas.lookup(uaddr);
    return mm.keys == null ? -1 : vma == null ? 0 : VmFlags.key(vma.flags);
  }

  @Override
  public int keyRights() {
    return keys().rights();
  }

  @Override
  public void keyRights(int pkru) {
    keys().rights(pkru);
  }

  private ProtectionKeys keys() {
    ProtectionKeys keys = mm.keys;
    if (keys == null) {
      throw new UnsupportedOperationException("the CPU has no protection keys");
    }
    return keys;
  }

  @Override
  public boolean thpEligible(long vmaStart) {
    Vma vma = mm.vmas.lookup(vmaStart);
    return vma != null && calls.hugeAllowed(vma) && SizesView.fitsHuge(vma, mm.hugeBytes);
  }

  @Override
  public void pagemap(long start, long end, Pagemap.Sink sink) {
    sizes.pagemap(start, end, sink);
  }

  @Override
  public PagemapScan.Found pagemapScan(PagemapScan scan) {
    return calls.pagemapScan(scan);
  }

  @Override
  public long clearRefs(int type) {
    return calls.clearRefs(type);
  }

  @Override
  public int pid() {
    return mm.pid;
  }

  @Override
  public MmLayout layout() {
    return mm.layout();
  }

  @Override
  public MmFields fields() {
    Accounting sums = mm.accounting;
    Vma first = mm.vmas.first();
    long start = first == null ? -1 : first.start;
    return new MmFields(
        new MmFields.Vmas(
            start, mm.vmas.rootStart(), mm.vmas.lastFound(), mm.vmas.size(), mm.defFlags),
        new MmFields.Users(mm.refs.users, mm.refs.count, 0, false, false, 0, true),
        MmFields.Places.of(mm.layout(), mm.brk),
        new MmFields.Sums(
            mm.pages.rss(),
            sums.totalVm,
            sums.lockedVm,
            sums.dataVm,
            sums.execVm,
            sums.stackVm,
            sums.hiwaterVm,
            sums.committed),
        new MmFields.Tables(
            mm.pages.exists() ? mm.pages.root() << 12 : 0,
            mm.pages.tables(),
            mm.refs.cpus,
            mm.vdso));
  }

  @Override
  public void validate() {
    mm.vmas.validate();
    mm.accounting.validate();
    mm.validatePages();
  }

  /** Such as {@code pid 1: 3 VMAs of 140 kB, 1 pages present}. */
  @Override
  public String toString() {
    return String.format(
        "pid %d: %d VMAs of %d kB, %d pages present",
        mm.pid, mm.vmas.size(), mm.accounting.totalVm * (Mm.PAGE >> 10), mm.pages.rss());
  }
}
