// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.Mount;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Tasks;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/** Passes everything on; faults change one thing. */
public class DelegatingFloor implements ProcessFloor {
  /** The floor that is right. */
  protected final ProcessFloor right;

  /** Over one. */
  protected DelegatingFloor(ProcessFloor right) {
    this.right = right;
  }

  @Override
  public AddressSpace createAddressSpace(AddressSpaceConfig config) {
    return right.createAddressSpace(config);
  }

  @Override
  public MmSysctls sysctls() {
    return right.sysctls();
  }

  @Override
  public Tasks tasks() {
    return right.tasks();
  }

  @Override
  public void failAllocationAfter(long n) {
    right.failAllocationAfter(n);
  }

  @Override
  public long allocationCount() {
    return right.allocationCount();
  }

  @Override
  public long committedPages() {
    return right.committedPages();
  }

  @Override
  public long truncate(MappedFile file, long bytes) {
    return right.truncate(file, bytes);
  }

  @Override
  public void unlink(MappedFile file) {
    right.unlink(file);
  }

  @Override
  public long mount(Mount mount) {
    return right.mount(mount);
  }

  @Override
  public void clock(LongSupplier realSeconds) {
    right.clock(realSeconds);
  }

  @Override
  public long writeSysctl(String name, String value) {
    return right.writeSysctl(name, value);
  }

  @Override
  public Optional<String> readSysctl(String name) {
    return right.readSysctl(name);
  }

  @Override
  public void kernelOption(String name, String value) {
    right.kernelOption(name, value);
  }

  @Override
  public HugePages hugePages() {
    return right.hugePages();
  }

  @Override
  public List<HugePages> hugePools() {
    return right.hugePools();
  }

  @Override
  public List<HugePages> hugePoolsOf(int nodeId) {
    return right.hugePoolsOf(nodeId);
  }

  @Override
  public long resizeHugePool(long pageBytes, long pages) {
    return right.resizeHugePool(pageBytes, pages);
  }

  @Override
  public boolean isZeroPage(long pfn) {
    return right.isZeroPage(pfn);
  }

  @Override
  public long overcommitHugePool(long pageBytes, long pages) {
    return right.overcommitHugePool(pageBytes, pages);
  }

  @Override
  public int lruFlags(long pfn) {
    return right.lruFlags(pfn);
  }

  @Override
  public void close() {
    right.close();
  }
}
