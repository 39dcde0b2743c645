// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
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
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.VmaInfo;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Passes everything on; faults change one thing. */
class DelegatingSpace implements AddressSpace {
  /** The address space that is right. */
  protected final AddressSpace inner;

  private final UnaryOperator<AddressSpace> again;

  /**
   * Wraps one.
   *
   * @param again how a child of a fork is wrapped
   */
  DelegatingSpace(AddressSpace inner, UnaryOperator<AddressSpace> again) {
    this.inner = inner;
    this.again = again;
  }

  /** A floor whose address spaces are all wrapped. */
  static ProcessFloor floor(ProcessFloor right, UnaryOperator<AddressSpace> wrap) {
    return new DelegatingFloor(right) {
      @Override
      public AddressSpace createAddressSpace(AddressSpaceConfig config) {
        return wrap.apply(super.createAddressSpace(config));
      }
    };
  }

  @Override
  public long syscall(Syscall call, long... args) {
    return inner.syscall(call, args);
  }

  @Override
  public long memfdCreate(String name, long flags) {
    return inner.memfdCreate(name, flags);
  }

  @Override
  public long setVmaName(long addr, long len, @Nullable String name) {
    return inner.setVmaName(addr, len, name);
  }

  @Override
  public long clearRefs(int type) {
    return inner.clearRefs(type);
  }

  @Override
  public PagemapScan.Found pagemapScan(PagemapScan scan) {
    return inner.pagemapScan(scan);
  }

  @Override
  public void loadVma(VmaInfo vma) {
    inner.loadVma(vma);
  }

  @Override
  public void installFd(int fd, @Nullable OpenFile file) {
    inner.installFd(fd, file);
  }

  @Override
  public void explainTo(@Nullable Explainer explainer) {
    inner.explainTo(explainer);
  }

  @Override
  public boolean watch(@Nullable MmEvents events) {
    return inner.watch(events);
  }

  @Override
  public void missingTo(@Nullable MissingPages listener) {
    inner.missingTo(listener);
  }

  @Override
  public long mmap(long addr, long len, long prot, long flags, long fd, long offsetBytes) {
    return inner.mmap(addr, len, prot, flags, fd, offsetBytes);
  }

  @Override
  public long munmap(long addr, long len) {
    return inner.munmap(addr, len);
  }

  @Override
  public long mprotect(long addr, long len, long prot) {
    return inner.mprotect(addr, len, prot);
  }

  @Override
  public long mremap(long addr, long oldLen, long newLen, long flags, long newAddr) {
    return inner.mremap(addr, oldLen, newLen, flags, newAddr);
  }

  @Override
  public long brk(long addr) {
    return inner.brk(addr);
  }

  @Override
  public long madvise(long addr, long len, long advice) {
    return inner.madvise(addr, len, advice);
  }

  @Override
  public long mlock(long addr, long len) {
    return inner.mlock(addr, len);
  }

  @Override
  public long mlock2(long addr, long len, long flags) {
    return inner.mlock2(addr, len, flags);
  }

  @Override
  public long munlock(long addr, long len) {
    return inner.munlock(addr, len);
  }

  @Override
  public long mlockall(long flags) {
    return inner.mlockall(flags);
  }

  @Override
  public long munlockall() {
    return inner.munlockall();
  }

  @Override
  public long msync(long addr, long len, long flags) {
    return inner.msync(addr, len, flags);
  }

  @Override
  public long mseal(long addr, long len, long flags) {
    return inner.mseal(addr, len, flags);
  }

  @Override
  public long mincore(long addr, long len, long vec, ByteSink sink) {
    return inner.mincore(addr, len, vec, sink);
  }

  @Override
  public long setrlimit(ResourceLimit resource, long softBytes, long structAddr) {
    return inner.setrlimit(resource, softBytes, structAddr);
  }

  @Override
  public long softLimit(ResourceLimit resource) {
    return inner.softLimit(resource);
  }

  @Override
  public long hardLimit(ResourceLimit resource) {
    return inner.hardLimit(resource);
  }

  @Override
  public @Nullable AddressSpace fork() {
    AddressSpace child = inner.fork();
    return child == null ? null : again.apply(child);
  }

  @Override
  public void forkUnrecorded() {
    inner.forkUnrecorded();
  }

  @Override
  public void exit() {
    inner.exit();
  }

  @Override
  public TouchOutcome read(long uaddr) {
    return inner.read(uaddr);
  }

  @Override
  public TouchOutcome write(long uaddr, int value) {
    return inner.write(uaddr, value);
  }

  @Override
  public TouchOutcome execute(long uaddr) {
    return inner.execute(uaddr);
  }

  @Override
  public void peek(long uaddr, int bytes, long stackLimitBytes) {
    inner.peek(uaddr, bytes, stackLimitBytes);
  }

  @Override
  public TouchOutcome fault(long uaddr, boolean write, boolean user, boolean exec) {
    return inner.fault(uaddr, write, user, exec);
  }

  @Override
  public void forEachVma(Consumer<VmaInfo> consumer) {
    inner.forEachVma(consumer);
  }

  @Override
  public void forEachVma(long start, long end, Consumer<VmaInfo> consumer) {
    inner.forEachVma(start, end, consumer);
  }

  @Override
  public void forEachMap(Consumer<VmaInfo> consumer) {
    inner.forEachMap(consumer);
  }

  @Override
  public long mapsGeneration() {
    return inner.mapsGeneration();
  }

  @Override
  public VmaUsage usage(long vmaStart) {
    return inner.usage(vmaStart);
  }

  @Override
  public MemSizeStats sizes(long vmaStart) {
    return inner.sizes(vmaStart);
  }

  @Override
  public NumaStats numaStats(long vmaStart) {
    return inner.numaStats(vmaStart);
  }

  @Override
  public int protectionKey(long uaddr) {
    return inner.protectionKey(uaddr);
  }

  @Override
  public int keyRights() {
    return inner.keyRights();
  }

  @Override
  public void keyRights(int pkru) {
    inner.keyRights(pkru);
  }

  @Override
  public String memoryPolicy(long uaddr) {
    return inner.memoryPolicy(uaddr);
  }

  @Override
  public boolean thpEligible(long vmaStart) {
    return inner.thpEligible(vmaStart);
  }

  @Override
  public void pagemap(long start, long end, Pagemap.Sink sink) {
    inner.pagemap(start, end, sink);
  }

  @Override
  public int pid() {
    return inner.pid();
  }

  @Override
  public MmLayout layout() {
    return inner.layout();
  }

  @Override
  public MmFields fields() {
    return inner.fields();
  }

  @Override
  public void validate() {
    inner.validate();
  }
}
