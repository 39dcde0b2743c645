// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Pages;

/**
 * What /proc/meminfo shows of a kernel beside its zones.
 *
 * @param architecture how it divides addresses
 * @param overcommitRatio {@code vm.overcommit_ratio}, percent
 * @param overcommitKbytes {@code vm.overcommit_kbytes}; 0 lets the ratio count
 */
public record KernelSettings(
    Architecture architecture, long overcommitRatio, long overcommitKbytes) {
  private static final long MIB = 1L << 20;
  private static final long VMALLOC_OFFSET = 8 * MIB;
  private static final long HALF_OF_FOUR_LEVELS = (1L << 35) - 1;

  /** Two pages stay free below the area of kmap(), which begins at a multiple of a page table. */
  private static final long VMALLOC_END = 0xff80_0000L - 2 * Pages.PAGE_SIZE;

  private static final long VMALLOC_END_PAE = 0xffc0_0000L - 2 * Pages.PAGE_SIZE;

  /** Whether the kernel can use memory that has no address: the lines High and Low are there. */
  boolean hasHighmem() {
    return !architecture.is64Bit();
  }

  /** {@code vm_commit_limit()} in pages; there is no swap and no hugetlb. */
  long commitLimit(long totalPages) {
    return overcommitKbytes > 0
        ? overcommitKbytes >>> (Pages.PAGE_SHIFT - 10)
        : totalPages * overcommitRatio / 100;
  }

  /**
   * {@code VMALLOC_TOTAL} in KiB: between the end of lowmem, with a gap of 8 MiB, and the area of
   * kmap(). Linux 2.4 rounds its beginning to 8 MiB.
   *
   * @param lowmemPages one past the last frame that has a kernel address
   */
  long vmallocTotalKb(long lowmemPages) {
    if (architecture.is64Bit()) {
      return HALF_OF_FOUR_LEVELS;
    }
    long start = architecture.va(lowmemPages << Pages.PAGE_SHIFT) + VMALLOC_OFFSET;
    if (architecture == Architecture.X86_32_24) {
      start = start + VMALLOC_OFFSET - 1 & -VMALLOC_OFFSET;
    }
    long end = architecture == Architecture.X86_PAE ? VMALLOC_END_PAE : VMALLOC_END;
    return (end - start) >>> 10;
  }
}
