// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;

/**
 * Bytes that a call leaves in user memory, one behind the other, where the kernel is known to be
 * able to write ({@code copy_to_user}).
 */
final class UserBytes {
  private final Mm mm;
  private long at;

  /** From an address on. */
  UserBytes(Mm mm, long addr) {
    this.mm = mm;
    this.at = addr;
  }

  /** A number, its lowest byte first. */
  void number(long value, int bytes) {
    for (int i = 0; i < bytes; i++, at++) {
      int one = (int) (value >>> (i * Byte.SIZE)) & 255;
      mm.context.frames().bytes().write(frame(), offset(), one);
    }
  }

  /** So many equal bytes. */
  void fill(int value, long bytes) {
    for (long i = 0; i < bytes; i++, at++) {
      mm.context.frames().bytes().write(frame(), offset(), value);
    }
  }

  /** Bytes that nobody here knows. */
  void unknown(int bytes) {
    for (int i = 0; i < bytes; i++, at++) {
      mm.context.frames().bytes().forget(frame(), offset(), 1);
    }
  }

  private long frame() {
    long pfn = mm.userFrame(at);
    if (pfn == Frames.NONE) {
      throw new IllegalStateException("no page of its own at uaddr=0x" + Long.toHexString(at));
    }
    return pfn;
  }

  private int offset() {
    return (int) (at & (Mm.PAGE - 1));
  }
}
