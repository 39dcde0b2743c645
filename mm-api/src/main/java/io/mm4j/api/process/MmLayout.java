// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * Where exec put the program, and where mmap may search: the layout part of {@code mm_struct}.
 * Addresses are user-virtual.
 *
 * @param taskSize end of user space: {@code 0x7ffffffff000}, {@code 0xffffe000} or {@code
 *     0xc0000000}
 * @param mmapBase where the search for a free range starts
 * @param topDown searches downwards from {@code mmapBase}; else upwards
 * @param compat32 a 32-bit process on a 64-bit kernel
 * @param startCode first address of code
 * @param endCode end of code
 * @param startData first address of data
 * @param endData end of data
 * @param startBrk start of the heap
 * @param brk current break
 * @param startStack initial stack pointer
 * @param argStart arguments
 * @param argEnd end of the arguments
 * @param envStart environment
 * @param envEnd end of the environment
 */
@API(status = API.Status.EXPERIMENTAL)
public record MmLayout(
    long taskSize,
    long mmapBase,
    boolean topDown,
    boolean compat32,
    long startCode,
    long endCode,
    long startData,
    long endData,
    long startBrk,
    long brk,
    long startStack,
    long argStart,
    long argEnd,
    long envStart,
    long envEnd) {
  /**
   * A small static program on x86-64 without address randomization, as Linux 6.18 lays it out: heap
   * at 0x4cb000, mmap from below the stack downwards.
   */
  public static MmLayout x8664() {
    return new MmLayout(
        0x7ffffffff000L,
        0x7ffff7fff000L,
        true,
        false,
        0x401000,
        0x495091,
        0x4bf6d8,
        0x4c5290,
        0x4cb000,
        0x4cb000,
        0x7fffffffee30L,
        0x7fffffffefeeL,
        0x7fffffffeff3L,
        0x7fffffffeff3L,
        0x7fffffffeff3L);
  }

  /** The same kind of program on x86-32, with 3 GiB for the user. */
  public static MmLayout x8632() {
    return new MmLayout(
        0xc0000000L,
        0xb8000000L,
        true,
        false,
        0x8049000,
        0x80d5091,
        0x80ff6d8,
        0x8105290,
        0x810b000,
        0x810b000,
        0xbfffee30L,
        0xbfffefeeL,
        0xbfffeff3L,
        0xbfffeff3L,
        0xbfffeff3L);
  }
}
