// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.rules.Act.Kind;
import java.util.ArrayList;
import java.util.List;

/** Scripts from a seed; the seed also chooses how much of each call there is. */
final class SpaceMix {
  private static final Kind[] KINDS = Kind.values();

  private static final int[] WEIGHTS = {
    // mmap munmap mprotect mremap brk madvise mlock munlock mlockall munlockall mseal setrlimit
    220,
    70,
    120,
    120,
    40,
    140,
    50,
    20,
    8,
    6,
    16,
    12,
    // mincore read write exec fork exit msync
    40,
    60,
    220,
    15,
    60,
    30,
    12
  };

  /** About a tenth of all calls. */
  private static final int MUCH = 150;

  private SpaceMix() {}

  /**
   * {@code n} operations, the same for the same seed.
   *
   * @param about calls of which there is much with every seed
   */
  static List<Operation<SpaceSubject>> random(long seed, int n, List<Kind> about) {
    Seeded random = new Seeded(seed);
    int[] weights = WEIGHTS.clone();
    for (int i = 1; i < weights.length; i++) {
      weights[i] = weights[i] * random.between(0, 3);
    }
    if (random.oneIn(3)) {
      weights[List.of(KINDS).indexOf(Kind.WRITE)] = 0; // nothing is faulted, so that much merges
    }
    for (Kind kind : about) {
      int at = List.of(KINDS).indexOf(kind);
      weights[at] = Math.max(MUCH, 3 * WEIGHTS[at]);
    }
    boolean narrow = random.oneIn(2);
    List<Operation<SpaceSubject>> list = new ArrayList<>(n);
    for (int i = 0; i < n; i++) {
      list.add(
          new SpaceOp(
              KINDS[random.weighted(weights)],
              random.oneIn(3) ? random.below(3) : 0,
              random.oneIn(2) ? random.below(narrow ? 24 : 96) : 96 + random.below(64),
              random.oneIn(40) ? random.between(0, 1100) : 1 + random.below(narrow ? 8 : 20),
              random.below(128),
              (int) random.below(1L << 24)));
    }
    return list;
  }
}
