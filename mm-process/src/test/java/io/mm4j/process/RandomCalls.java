// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.process.AddressSpace;
import java.util.SplittableRandom;

/** Random calls on a small range, so that they meet each other; one seed, one sequence. */
final class RandomCalls {
  private static final long BASE = 0x20000000L;
  private static final int[] ADVICE = {0, 1, 2, 4, 10, 11, 14, 15, 16, 17, 18, 19, 102, 103};
  private final SplittableRandom random;

  RandomCalls(long seed) {
    random = new SplittableRandom(seed);
  }

  private long addr() {
    return BASE + (random.nextInt(64) << 12);
  }

  private long len() {
    return (1L + random.nextInt(16)) << 12;
  }

  /** Makes one call and says what it was and gave. */
  String next(AddressSpace mm) {
    long addr = addr();
    long len = len();
    long other = addr();
    int prot = random.nextInt(8);
    int choice = random.nextInt(20);
    int detail = random.nextInt(1 << 16);
    long result =
        switch (choice) {
          case 0, 1, 2, 3 -> mm.mmap(addr, len, prot, 0x32, -1, 0);
          case 4 -> mm.mmap((detail & 1) != 0 ? addr : 0, len, prot, 0x22, -1, 0);
          case 5 ->
              mm.mmap(addr, len, prot, (detail & 1) != 0 ? 0x11 : 0x12, 1 + (detail >> 1 & 1), 0);
          case 6 -> mm.mmap(addr, len, prot, 0x31, -1, 0);
          case 7, 8 -> mm.munmap(addr, len);
          case 9, 10, 11 -> mm.mprotect(addr, len, prot);
          case 12 -> mm.mremap(addr, len, len(), detail & 1, 0);
          case 13 -> mm.mremap(addr, len, (detail & 1) != 0 ? len : 0x2000, 3, other);
          case 14 -> mm.madvise(addr, len, ADVICE[detail % ADVICE.length]);
          case 15 -> (detail & 1) != 0 ? mm.mlock(addr, len) : mm.munlock(addr, len);
          case 16 -> mm.brk(Rig.BRK + (detail & 0x7fff));
          case 17 -> mm.mseal(BASE + 0x3c000, 0x1000, 0);
          default -> mm.write(addr, detail & 255).ok() ? 1 : 0;
        };
    return choice
        + " "
        + Long.toHexString(addr)
        + " "
        + Long.toHexString(len)
        + " = "
        + Rig.show(result);
  }
}
