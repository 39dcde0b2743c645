// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma.rules;

import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.vma.rules.VmaOp.Clear;
import io.mm4j.testkit.vma.rules.VmaOp.Copy;
import io.mm4j.testkit.vma.rules.VmaOp.Erase;
import io.mm4j.testkit.vma.rules.VmaOp.Fill;
import io.mm4j.testkit.vma.rules.VmaOp.Insert;
import io.mm4j.testkit.vma.rules.VmaOp.Probe;
import io.mm4j.testkit.vma.rules.VmaOp.SetRange;
import java.util.ArrayList;
import java.util.List;

/**
 * Lists of operations from a seed. The seed also chooses the size of the address space (crowded or
 * vast), where inserts go (anywhere, upward, downward) and phases that grow or shrink the index.
 */
final class VmaMix {
  private static final long PAGE = 4096;
  private static final long[] SPACES = {48 * PAGE, 1024 * PAGE, 1L << 32, 1L << 47, 1L << 57};

  private final Seeded random;
  private final long space;
  private final long longest;
  private final int pattern;
  private final int probes;
  private long cursor;
  private int growth;

  private VmaMix(long seed) {
    random = new Seeded(seed);
    space = SPACES[random.below(SPACES.length)];
    longest = Math.max(PAGE, space / (8L << random.below(12)) / PAGE * PAGE);
    pattern = random.below(3);
    cursor = pattern == 1 ? 0 : space;
    growth = random.between(-10, 49);
    probes = random.between(8, 59);
  }

  /** {@code n} operations, the same for the same seed. */
  static List<Operation<VmaSubject>> random(long seed, int n) {
    VmaMix operations = new VmaMix(seed);
    List<Operation<VmaSubject>> list = new ArrayList<>(n);
    for (int i = 0; i < n; i++) {
      list.add(operations.next());
    }
    return list;
  }

  private VmaOp next() {
    if (random.below(200) == 0) {
      growth = random.between(-30, 49);
    }
    int kind = random.below(100);
    int inserts = 35 + growth;
    if (kind < inserts) {
      return insert();
    }
    if (kind < 70) {
      return new Erase(random.below(1 << 20));
    }
    if (kind < 85) {
      return new SetRange(random.below(1 << 20), random.below(257), random.below(257));
    }
    return switch (random.below(probes)) {
      case 0 -> random.below(20) == 0 ? new Clear() : new Copy();
      case 1 -> new Copy();
      case 2, 3 -> new Fill(address(), random.below(40));
      default -> new Probe(random.below(20) == 0 ? -address() - 1 : address(), length());
    };
  }

  private VmaOp insert() {
    long length = length();
    if (pattern == 1) {
      cursor = cursor + 2 * length > space ? 0 : cursor + (random.below(3) == 0 ? PAGE : 0);
      cursor += length;
      return new Insert(cursor - length, cursor);
    }
    if (pattern == 2) {
      cursor = cursor < 2 * length ? space : cursor - (random.below(3) == 0 ? PAGE : 0);
      cursor -= length;
      return new Insert(cursor, cursor + length);
    }
    long start = Math.min(address(), space - length);
    return new Insert(start, start + length);
  }

  private long length() {
    return PAGE * (1 + (random.below(longest / PAGE) >>> random.below(10)));
  }

  /** An address: mostly page aligned, at times one byte beside. */
  private long address() {
    long addr = random.below(space / PAGE) * PAGE;
    return random.below(4) == 0 ? Math.max(0, addr + random.between(-1, 1)) : addr;
  }
}
