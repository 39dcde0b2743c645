// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.kernel.KernelForm;
import io.mm4j.api.kernel.KernelLayout;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.process.ProcessFloor;
import org.jspecify.annotations.Nullable;

/**
 * What /proc/meminfo shows of a kernel beside its zones.
 *
 * @param architecture how it divides addresses
 * @param overcommitRatio {@code vm.overcommit_ratio}, percent
 * @param overcommitKbytes {@code vm.overcommit_kbytes}; 0 lets the ratio count
 */
public record KernelSettings(
    Architecture architecture, long overcommitRatio, long overcommitKbytes) {
  /** These, with what was written to files under /proc/sys since. */
  KernelSettings now(@Nullable ProcessFloor floor) {
    return floor == null
        ? this
        : new KernelSettings(
            architecture,
            floor.readSysctl("overcommit_ratio").map(Long::parseLong).orElse(overcommitRatio),
            floor.readSysctl("overcommit_kbytes").map(Long::parseLong).orElse(overcommitKbytes));
  }

  /** Whether the kernel can use memory that has no address: the lines High and Low are there. */
  boolean hasHighmem() {
    return !architecture.is64Bit();
  }

  /**
   * {@code vm_commit_limit()} in pages; there is no swap.
   *
   * @param totalPages managed pages but those of the pools of huge pages
   */
  long commitLimit(long totalPages) {
    return overcommitKbytes > 0
        ? overcommitKbytes >>> (Pages.PAGE_SHIFT - 10)
        : totalPages * overcommitRatio / 100;
  }

  /**
   * {@code VMALLOC_TOTAL} in KiB.
   *
   * @param lowmemPages one past the last frame that has a kernel address
   */
  long vmallocTotalKb(long lowmemPages) {
    int bits = architecture.is64Bit() ? 48 : 32;
    return KernelLayout.of(architecture, bits, KernelForm.of(architecture), lowmemPages)
        .vmallocTotalKb();
  }
}
