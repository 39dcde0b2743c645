// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.exec;

import io.mm4j.api.process.Errno;
import io.mm4j.process.call.Calls;

/** The kernel writes to user memory: {@code copy_to_user()}, {@code clear_user()}. */
final class UserBytes {
  private final Calls calls;

  UserBytes(Calls calls) {
    this.calls = calls;
  }

  /** Writes bytes; 0 or {@code -EFAULT}. */
  long write(long addr, byte[] bytes) {
    for (int i = 0; i < bytes.length; i++) {
      if (!calls.put(addr + i, bytes[i] & 255)) {
        return -Errno.EFAULT;
      }
    }
    return 0;
  }

  /** Writes a little-endian number; 0 or {@code -EFAULT}. */
  long word(long addr, long value, int bytes) {
    for (int i = 0; i < bytes; i++) {
      if (!calls.put(addr + i, (int) (value >>> (8 * i)) & 255)) {
        return -Errno.EFAULT;
      }
    }
    return 0;
  }

  /** Writes zeroes up to the end of the page; 0 or {@code -EFAULT}. */
  long clearToEndOfPage(long addr) {
    for (long at = addr; (at & 4095) != 0; at++) {
      if (!calls.put(at, 0)) {
        return -Errno.EFAULT;
      }
    }
    return 0;
  }
}
