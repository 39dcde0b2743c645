// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import java.util.Arrays;

/** The ranges of addresses that a call names: where it can have changed maps. */
final class Ranges {
  private static final long PAGE_MASK = 4095;

  private Ranges() {}

  /**
   * Pairs of addresses, page-aligned, from and to.
   *
   * @param answer what the call gave here
   * @param breakBefore the break before a brk
   */
  static long[] of(VmaEvent.Call call, Answer answer, long breakBefore) {
    long result = answer instanceof Answer.Value value ? value.value() : 0;
    return switch (call.name()) {
      case MMAP -> range(answer instanceof Answer.Value ? result : call.arg(0), call.arg(1));
      case BRK -> between(breakBefore, result);
      case MREMAP -> {
        long[] old = range(call.arg(0), Math.max(call.arg(1), call.arg(2)));
        long[] moved = range(result, call.arg(2));
        yield new long[] {old[0], old[1], moved[0], moved[1]};
      }
      case MUNMAP,
          MPROTECT,
          MSYNC,
          MADVISE,
          MLOCK,
          MUNLOCK,
          MLOCK2,
          MSEAL,
          MINCORE,
          PKEY_MPROTECT ->
          range(call.arg(0), call.arg(1));
      case READ, WRITE, EXEC, FAULT -> range(call.arg(0), 1);
      default -> new long[] {0, -1};
    };
  }

  /**
   * The range that a call has mapped here, from and to; empty if it has mapped none. What shmat
   * maps has a size that the call does not name.
   */
  static long[] mapped(VmaEvent.Call call, Answer answer, long breakBefore) {
    long[] none = {0, 0};
    if (!(answer instanceof Answer.Value value)) {
      return none;
    }
    return switch (call.name()) {
      case MMAP -> range(value.value(), call.arg(1));
      case MREMAP -> range(value.value(), call.arg(2));
      case BRK -> {
        long from = breakBefore + PAGE_MASK & ~PAGE_MASK;
        long to = value.value() + PAGE_MASK & ~PAGE_MASK;
        yield Long.compareUnsigned(from, to) < 0 ? new long[] {from, to} : none;
      }
      default -> none;
    };
  }

  private static long[] between(long a, long b) {
    long[] ends = {a & ~PAGE_MASK, b & ~PAGE_MASK};
    Arrays.sort(ends);
    ends[1] += PAGE_MASK + 1;
    return ends;
  }

  private static long[] range(long addr, long len) {
    long low = addr & ~PAGE_MASK;
    long high = addr + len + PAGE_MASK & ~PAGE_MASK;
    if (Long.compareUnsigned(high, low) <= 0) {
      // Empty, or past the end of the address space.
      high = len == 0 ? low + PAGE_MASK + 1 : -1;
    }
    return new long[] {low, high};
  }
}
