// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.table;

import io.mm4j.api.memory.Architecture;
import io.mm4j.api.pagetable.Segmentation;
import java.util.List;

/**
 * The segments of each kind of machine: the code and data descriptors of Linux's {@code gdt_page}
 * (arch/x86/kernel/cpu/common.c, Linux 6.18; arch/i386/kernel/head.S, Linux 2.4) at their places.
 * Since 6.8 all of them are marked as accessed; those of 2.4 are not, until a CPU loads them. What
 * else stands in that table - thread-local storage, the task state - is left out.
 */
final class Segments {
  private static final long KERNEL_CODE_24 = 0x00cf_9a00_0000_ffffL;
  private static final long KERNEL_DATA_24 = 0x00cf_9200_0000_ffffL;
  private static final long USER_CODE_24 = 0x00cf_fa00_0000_ffffL;
  private static final long USER_DATA_24 = 0x00cf_f200_0000_ffffL;
  private static final long KERNEL_CODE_32 = 0x00cf_9b00_0000_ffffL;
  private static final long KERNEL_CODE_64 = 0x00af_9b00_0000_ffffL;
  private static final long KERNEL_DATA = 0x00cf_9300_0000_ffffL;
  private static final long USER_CODE_32 = 0x00cf_fb00_0000_ffffL;
  private static final long USER_DATA = 0x00cf_f300_0000_ffffL;
  private static final long USER_CODE_64 = 0x00af_fb00_0000_ffffL;

  private Segments() {}

  static Segmentation of(Architecture architecture, int addressBits) {
    return switch (architecture) {
      case X86_64 ->
          new Segmentation(
              List.of(
                  0L,
                  KERNEL_CODE_32,
                  KERNEL_CODE_64,
                  KERNEL_DATA,
                  USER_CODE_32,
                  USER_DATA,
                  USER_CODE_64),
              true,
              addressBits,
              0x10,
              0x18,
              0x33,
              0x2b);
      case X86_32, X86_PAE ->
          new Segmentation(
              List.of(
                  0L,
                  0L,
                  0L,
                  0L,
                  0L,
                  0L,
                  0L,
                  0L,
                  0L,
                  0L,
                  0L,
                  0L,
                  KERNEL_CODE_32,
                  KERNEL_DATA,
                  USER_CODE_32,
                  USER_DATA),
              false,
              addressBits,
              0x60,
              0x68,
              0x73,
              0x7b);
      case X86_32_24 ->
          new Segmentation(
              List.of(0L, 0L, KERNEL_CODE_24, KERNEL_DATA_24, USER_CODE_24, USER_DATA_24),
              false,
              addressBits,
              0x10,
              0x18,
              0x23,
              0x2b);
    };
  }
}
