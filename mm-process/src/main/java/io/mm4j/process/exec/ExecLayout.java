// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.exec;

import io.mm4j.api.process.ExecRequest.Abi;
import io.mm4j.api.process.MmLayout;
import io.mm4j.process.mm.Mm;

/**
 * Where things lie before a program is known: {@code arch_pick_mmap_layout()} (arch/x86/mm/mmap.c),
 * ELF_ET_DYN_BASE and STACK_TOP of Linux 6.18, and their forms of 2.4, without randomization
 * (personality ADDR_NO_RANDOMIZE), so that every run gives the same addresses.
 */
final class ExecLayout {
  private static final long GAP_LEAST = 128L << 20;

  private ExecLayout() {}

  /** {@code TASK_SIZE}, which is {@code STACK_TOP}, too. */
  static long taskSize(Abi abi) {
    return switch (abi) {
      case X86_64 -> 0x7ffffffff000L;
      case IA32_ON_64 -> 0xffffe000L;
      case I386, I386_24 -> 0xc0000000L;
    };
  }

  /** Bytes of a word of the kernel, whatever the program is. */
  static int kernelWord(Abi abi) {
    return switch (abi) {
      case X86_64, IA32_ON_64 -> Long.BYTES;
      case I386, I386_24 -> Integer.BYTES;
    };
  }

  /** Where a program goes that can lie anywhere and has an interpreter. */
  static long dynamicBase(Abi abi) {
    return switch (abi) {
      case X86_64 -> taskSize(abi) / 3 * 2;
      case IA32_ON_64 -> Mm.pageAlign(taskSize(abi) / 3) + 0x1000000;
      case I386 -> 0x400000;
      case I386_24 -> taskSize(abi) / 3 * 2;
    };
  }

  /**
   * The layout of an address space in which nothing is.
   *
   * @param stackLimit RLIMIT_STACK, bytes, unsigned
   * @param legacy vm.legacy_va_layout
   */
  static MmLayout empty(Abi abi, long stackLimit, long guardGapBytes, boolean legacy) {
    long size = taskSize(abi);
    boolean upwards = legacy || abi == Abi.I386_24;
    long base = Mm.pageAlign(size / 3);
    if (!upwards) {
      long gap = stackLimit;
      if (Long.compareUnsigned(gap + guardGapBytes, gap) > 0) {
        gap += guardGapBytes;
      }
      long most = size / 6 * 5;
      gap = Long.compareUnsigned(gap, most) > 0 ? most : Math.max(gap, GAP_LEAST);
      base = Mm.pageAlign(size - gap);
    }
    return new MmLayout(
        size, base, !upwards, abi == Abi.IA32_ON_64, 0, 0, 0, 0, size, size, size, 0, 0, 0, 0);
  }
}
