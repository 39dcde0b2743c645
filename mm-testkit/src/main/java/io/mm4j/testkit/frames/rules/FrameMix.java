// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/** Which operations a generated list has, and how often. */
final class FrameMix {
  /** Allocate and free whole blocks. */
  static final FrameMix PLAIN = new FrameMix(10, 7, 0, 0, 0, 0, 0);

  /** Blocks are freed in parts and as larger blocks as well. */
  static final FrameMix PARTS = new FrameMix(8, 3, 4, 3, 0, 0, 0);

  /** Blocks at given places are taken. */
  static final FrameMix TAKES = new FrameMix(5, 5, 1, 1, 6, 0, 1);

  /** Everything that a policy does with types. */
  static final FrameMix TYPES = new FrameMix(6, 5, 1, 1, 0, 4, 3);

  /** All of that. */
  static final FrameMix ALL = new FrameMix(6, 6, 2, 2, 3, 2, 1);

  /** All of that, and frees to the tail and of ranges as well. */
  static final FrameMix EVERY_WAY = new FrameMix(8, 4, 3, 2, 3, 3, 2, 3, 2);

  /** Blocks are given back to the tail as often as to the head. */
  static final FrameMix TAILS = new FrameMix(8, 3, 2, 1, 0, 1, 0, 4, 2);

  private final int[] weights;

  private FrameMix(int... weights) {
    this.weights = weights;
  }

  /** A list of operations that begins with boot. */
  List<Operation<FrameSubject>> generate(Seeded random, int count, int maxOrder, boolean takes) {
    List<Operation<FrameSubject>> list = new ArrayList<>();
    list.add(new FrameOp.Boot());
    if (weights.length > 7 && random.oneIn(2)) {
      list.set(0, new FrameOp.BootByRanges());
    }
    boolean full = random.oneIn(3);
    while (list.size() < count) {
      if (full && random.oneIn(60)) {
        list.add(new FrameOp.Exhaust(random.order(maxOrder)));
      }
      FrameOp op = one(random, maxOrder);
      if (takes || !(op instanceof FrameOp.Take)) {
        list.add(op);
      }
    }
    return list;
  }

  private FrameOp one(Seeded random, int maxOrder) {
    int number = random.below(1000);
    return switch (random.weighted(weights)) {
      case 0 -> new FrameOp.Allocate(order(random, maxOrder), type(random));
      case 1 -> new FrameOp.Free(number);
      case 2 -> new FrameOp.FreePart(number, random.order(maxOrder), random.below(64));
      case 3 -> new FrameOp.FreeLarger(number, random.between(1, 3));
      case 4 -> new FrameOp.Take(random.below(1 << 16), order(random, maxOrder));
      case 5 -> {
        int from = random.below(maxOrder + 1);
        yield new FrameOp.AllocateFrom(from, anyType(random), random.below(from + 1), type(random));
      }
      case 6 -> new FrameOp.MovePageblock(random.below(1 << 16), anyType(random));
      case 7 -> new FrameOp.FreeToTail(number);
      default -> new FrameOp.FreeRange(number, random.between(1, 12));
    };
  }

  private static int order(Seeded random, int maxOrder) {
    return random.oneIn(3) ? random.below(maxOrder + 1) : random.order(maxOrder);
  }

  private static int type(Seeded random) {
    return random.below(Migratetype.PCPTYPES);
  }

  private static int anyType(Seeded random) {
    return random.below(Migratetype.TYPES);
  }
}
