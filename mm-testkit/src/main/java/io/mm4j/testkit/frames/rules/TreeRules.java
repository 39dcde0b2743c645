// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.frames.rules.FrameRule.Generator;
import io.mm4j.testkit.frames.rules.FrameRule.Needs;
import java.util.ArrayList;
import java.util.List;

/**
 * Rules about reserved trees, for plugins that choose by them: every answer is foretold, in a zone
 * of seven trees whose ends lie within a tree. They differ in what the operations are about.
 */
public final class TreeRules {
  private static final int TREE = 1 << 14;
  private static final FrameZone ZONE =
      new FrameZone(3 * TREE + 5000, 5 * TREE + 9000, 2 * TREE + 77, 3000, 0);

  private TreeRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        rule(
            "FA-70",
            "tree-of-its-own",
            "A migratetype allocates from the tree that it has reserved as long as that has a"
                + " suitable block; then the next tree round the zone is reserved, from its"
                + " neighbour on, and a tree has one holder.",
            "What is allocated together stays together, and types do not mix in a tree.",
            "the search begins at the first tree each time, or ends with the last",
            TreeRules::tight),
        rule(
            "FA-71",
            "partly-used-trees-first",
            "A new tree is looked for among those that are partly used, then those that are nearly"
                + " free, then those that are nearly full, and those of others only then.",
            "Trees that are whole can be given as huge pages.",
            "the kinds of trees are tried in another order, or their limits are others",
            TreeRules::fullAndEmpty),
        rule(
            "FA-72",
            "split-children-first",
            "Within a tree a small block comes from the lowest child that is split already and has"
                + " one; whole children are split only if there is none, the lowest first.",
            "A child that is whole is a huge page.",
            "the first child that fits is taken, whole or not",
            (random, can) -> mixed(random, 2, 3, 400)),
        rule(
            "FA-73",
            "frees-reserve-a-tree",
            "A migratetype whose last four frees were in one tree that nobody holds reserves it.",
            "Its frames will soon be whole, and what is freed together is used together.",
            "frees are not counted, are counted over all types, or take a tree from its holder",
            TreeRules::freed));
  }

  private static FrameRule rule(
      String id, String name, String statement, String why, String failure, Generator generator) {
    return new FrameRule(
        new RuleInfo(id, name, statement, why, "LLFree (USENIX ATC 2023) 3.2, 3.3", failure),
        Needs.RESERVED_TREES,
        ZONE,
        generator,
        s -> {
          OrderRules.asForetold(s);
          OrderRules.lowestHeads(s);
        },
        s -> {},
        16);
  }

  private static List<Operation<FrameSubject>> mixed(Seeded random, int small, int frees, int n) {
    List<Operation<FrameSubject>> list = new ArrayList<>();
    list.add(new FrameOp.Boot());
    while (list.size() < n) {
      int number = random.below(1000);
      int order = random.oneIn(small) ? 7 + random.below(4) : random.below(9);
      switch (random.weighted(6, frees, 1, 1)) {
        case 0 -> list.add(new FrameOp.Allocate(order, random.below(Migratetype.TYPES)));
        case 1 -> list.add(new FrameOp.Free(number));
        case 2 -> list.add(new FrameOp.FreePart(number, random.below(9), random.below(64)));
        default -> list.add(new FrameOp.Take(random.below(1 << 16), random.below(11)));
      }
    }
    return list;
  }

  /** Two thirds of the zone are taken first, so that no type stays in its tree for long. */
  private static List<Operation<FrameSubject>> tight(
      Seeded random, FrameAllocatorProvider.Capabilities can) {
    List<Operation<FrameSubject>> list = mixed(random, 4, 2, 220);
    for (int i = 0; i < 90; i++) {
      list.add(1, new FrameOp.Take(random.below(1 << 16), 10));
    }
    return list;
  }

  /** Much of the zone is taken first, tree by tree to another degree. */
  private static List<Operation<FrameSubject>> fullAndEmpty(
      Seeded random, FrameAllocatorProvider.Capabilities can) {
    List<Operation<FrameSubject>> list = new ArrayList<>();
    list.add(new FrameOp.Boot());
    for (int tree = 0; tree < 6; tree++) {
      // one block less than a sixteenth, a sixteenth, half, nearly all of a tree
      int blocks = new int[] {0, 1, 2, 8, 14, 15, 16}[random.below(7)];
      int offset = tree * TREE - 5000 % TREE + 8192;
      for (int i = 0; i < blocks; i++) {
        list.add(new FrameOp.Take(offset + i * 1024, 10));
      }
      if (random.oneIn(2)) {
        // A single frame makes the difference between two kinds.
        int order = random.oneIn(2) ? 0 : random.below(9);
        list.add(new FrameOp.Take(offset + 15 * 1024 + 511, order));
      }
    }
    List<Operation<FrameSubject>> rest = mixed(random, 2, 2, 150);
    list.addAll(rest.subList(1, rest.size()));
    return list;
  }

  /** Runs of frees of neighbours, by types in turn or alone. */
  private static List<Operation<FrameSubject>> freed(
      Seeded random, FrameAllocatorProvider.Capabilities can) {
    List<Operation<FrameSubject>> list = new ArrayList<>();
    list.add(new FrameOp.Boot());
    for (int round = 0; round < 25; round++) {
      int tree = random.below(6);
      int taken = random.between(2, 6);
      for (int i = 0; i < taken; i++) {
        list.add(new FrameOp.Take(tree * TREE + random.below(TREE), random.below(10)));
      }
      int type = random.below(Migratetype.TYPES);
      for (int i = 0; i < taken; i++) {
        boolean other = random.oneIn(8);
        list.add(new FrameOp.FreeLast(other ? random.below(Migratetype.TYPES) : type));
      }
      list.add(new FrameOp.Allocate(random.below(11), random.oneIn(3) ? 1 : type));
    }
    return list;
  }
}
