// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.mm.FloorContext;
import io.mm4j.process.mm.Mm;
import java.util.function.Supplier;

/** Makes address spaces that answer as Linux 6.18 does. */
final class LinuxProcessFloor implements ProcessFloor {
  private final FloorContext context;
  private final MmSysctls sysctls;

  /**
   * Creates a floor without processes.
   *
   * @param indexes makes an empty index of VMAs
   * @param sysctls what the machine was booted with
   */
  LinuxProcessFloor(Supplier<? extends VmaIndex> indexes, MmSysctls sysctls) {
    this.context = new FloorContext(indexes);
    this.sysctls = sysctls;
  }

  @Override
  public AddressSpace createAddressSpace(AddressSpaceConfig config) {
    MmLayout layout = config.layout();
    if (layout.taskSize() <= 0 || (layout.taskSize() & 4095) != 0) {
      throw new IllegalArgumentException(
          "task_size=0x"
              + Long.toHexString(layout.taskSize())
              + " is no page-aligned user address");
    }
    if (layout.mmapBase() <= 0 || layout.mmapBase() > layout.taskSize()) {
      throw new IllegalArgumentException(
          "mmap_base=0x" + Long.toHexString(layout.mmapBase()) + " is not in user space");
    }
    Mm mm = new Mm(config, context);
    context.add(mm);
    return new LinuxAddressSpace(mm);
  }

  @Override
  public void failAllocationAfter(long n) {
    context.failAfter(n);
  }

  @Override
  public long allocationCount() {
    return context.allocations();
  }

  @Override
  public long committedPages() {
    return context.committedPages();
  }

  @Override
  public MmSysctls sysctls() {
    return sysctls;
  }

  @Override
  public void close() {
    context.spaces().forEach(mm -> new LinuxAddressSpace(mm).exit());
  }
}
