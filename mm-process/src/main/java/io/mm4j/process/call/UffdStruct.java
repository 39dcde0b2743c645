// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.TouchOutcome;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;

/** The struct of an ioctl in user memory, of which the call was given the fields as words. */
final class UffdStruct {
  private final Mm mm;
  private final Touch touch;
  private final long addr;
  private final int read;

  /**
   * One at an address.
   *
   * @param addr 0 if it lies nowhere: then nothing fails, and no answer is left
   * @param read how many of its bytes the kernel reads
   */
  UffdStruct(Mm mm, Touch touch, long addr, int read) {
    this.mm = mm;
    this.touch = touch;
    this.addr = addr;
    this.read = read;
  }

  /** {@code copy_from_user}. */
  boolean isReadable() {
    return addr == 0 || (mm.userRange(addr, read) && touch.kernelRead(addr, read));
  }

  /** Leaves a number in it; false if it cannot. */
  boolean put(int offset, long value) {
    if (mm.explaining() && offset >= read) {
      String hex = value < 0 ? "" : " (0x" + Long.toHexString(value) + ")";
      mm.because("uffd", "the struct's answer is " + value + hex);
    }
    boolean there = addr == 0 || mm.userRange(addr + offset, Long.BYTES);
    for (int i = 0; i < Long.BYTES && addr != 0 && there; i++) {
      int one = (int) (value >>> (i * Byte.SIZE)) & 255;
      TouchOutcome.Kind kind = touch.attempt(addr + offset + i, Touch.Access.WRITE, one);
      there = kind == TouchOutcome.Kind.OK;
    }
    return there;
  }
}
