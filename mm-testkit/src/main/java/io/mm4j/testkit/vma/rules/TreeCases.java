// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma.rules;

import static io.mm4j.testkit.vma.rules.LookupRules.same;

import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Trial;
import java.util.List;
import java.util.function.Consumer;

/**
 * Cases of the kernel's tree tests by name, as far as they mean something for an index of ranges:
 * lib/test_maple_tree.c and lib/rbtree_test.c. Written anew from what each is for.
 */
public final class TreeCases {
  private static final int NONE = VmaIndex.NONE;
  private static final int MANY = 600;

  private TreeCases() {}

  private static final class Case extends Rule<VmaIndexProvider> {
    private final Consumer<VmaIndex> body;

    Case(String id, String name, String statement, String behind, Consumer<VmaIndex> body) {
      super(
          Spi.VMA_INDEX,
          new RuleInfo(
              id,
              name,
              statement,
              "It is one of the cases that the kernel's trees are tested with.",
              behind,
              "nodes are split, joined or summed up wrongly"));
      this.body = body;
    }

    @Override
    public boolean seeded() {
      return false;
    }

    @Override
    public Trial<VmaSubject> trial(VmaIndexProvider provider, Options options, long seed) {
      int most = Math.min(provider.capabilities().maxVmas(), 1 << 16);
      Operation<VmaSubject> whole =
          new Operation<>() {
            @Override
            public void apply(VmaSubject subject) {
              body.accept(subject.index());
            }

            @Override
            public String toString() {
              return "the case";
            }
          };
      return new Trial<>() {
        @Override
        public List<Operation<VmaSubject>> operations() {
          return List.of(whole);
        }

        @Override
        public VmaSubject open() {
          return new VmaSubject(provider.create(most, options), most);
        }
      };
    }
  }

  /** VMAs {@code [10i, 10i + length)} for i below n. */
  private static void fill(VmaIndex index, int n, int length) {
    for (int i = 0; i < n; i++) {
      index.insert(10L * i, 10L * i + length);
    }
  }

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        new Case(
            "VI-C01",
            "insert-erase",
            "Inserts and erases in a scattered order leave nothing.",
            "rbtree_test: insert and erase with check",
            TreeCases::insertErase),
        new Case(
            "VI-C02",
            "dup-insert",
            "A range that is there cannot be inserted again.",
            "check_dup_insert",
            TreeCases::dupInsert),
        new Case(
            "VI-C03",
            "seq",
            "Touching ranges in ascending order stay apart and are all found.",
            "check_seq",
            index -> sequence(index, true)),
        new Case(
            "VI-C04",
            "find",
            "Each address finds its range, each gap the range above it.",
            "check_load, check_find, check_find_2",
            TreeCases::find),
        new Case(
            "VI-C05",
            "next-entry",
            "A walk up meets all ranges that touch.",
            "check_next_entry, rbtree_test: in-order traversal",
            TreeCases::walkUp),
        new Case(
            "VI-C06",
            "prev-entry",
            "A walk down meets all ranges and ends.",
            "check_prev_entry, check_rev_find",
            TreeCases::walkDown),
        new Case(
            "VI-C07",
            "rev-seq",
            "Touching ranges in descending order stay apart and are all found.",
            "check_rev_seq",
            index -> sequence(index, false)),
        new Case(
            "VI-C08",
            "alloc-rev-range",
            "Taking the highest gap again and again fills the window downward.",
            "check_alloc_rev_range",
            TreeCases::allocDown),
        new Case(
            "VI-C09",
            "empty-area-window",
            "A gap search respects both ends of a window inside a gap.",
            "check_empty_area_window",
            TreeCases::window),
        new Case(
            "VI-C10",
            "gap-combining",
            "A gap that erasing opens is found whole, at its right place.",
            "check_gap_combining",
            TreeCases::gapCombining),
        new Case(
            "VI-C11",
            "deficient-node",
            "Erasing most of a large tree leaves the rest in order.",
            "check_deficient_node, check_collapsing_rebalance",
            TreeCases::deficient),
        new Case(
            "VI-C12",
            "forking",
            "A copy of a large tree lives on when the original is emptied.",
            "check_forking",
            TreeCases::forking));
  }

  private static void insertErase(VmaIndex index) {
    for (int i = 0; i < MANY; i++) {
      long at = 10L * (i * 7 % MANY);
      index.insert(at, at + 5);
      index.validate();
    }
    for (int i = 0; i < MANY; i++) {
      index.erase(index.find(10L * (i * 11 % MANY)));
      index.validate();
    }
    same("size at the end", index.size(), 0);
  }

  private static void dupInsert(VmaIndex index) {
    fill(index, MANY, 5);
    for (int i = 0; i < MANY; i++) {
      long at = 10L * i;
      try {
        index.insert(at - (i == 0 ? 0 : 1), at + 5);
      } catch (MisuseException refused) {
        continue;
      }
      throw new RuleViolation("MisuseException from a second insert", "none at " + at);
    }
  }

  private static void sequence(VmaIndex index, boolean up) {
    for (int i = 0; i < MANY; i++) {
      long at = 4096L * (up ? i : MANY - 1 - i);
      index.insert(at, at + 4096);
      index.validate();
    }
    same("size", index.size(), MANY);
    for (int i = 0; i < MANY; i++) {
      same("start of the range found", index.start(index.find(4096L * i + 4095)), 4096L * i);
    }
  }

  private static void find(VmaIndex index) {
    fill(index, MANY, 5);
    for (int i = 0; i < MANY; i++) {
      same("start found inside", index.start(index.find(10L * i + 4)), 10L * i);
      int above = index.find(10L * i + 5);
      same(
          "found above",
          above == NONE ? NONE : index.start(above),
          i + 1 < MANY ? 10L * i + 10 : NONE);
    }
  }

  private static void walkUp(VmaIndex index) {
    fill(index, MANY, 10);
    int steps = 0;
    for (int vma = index.first(); vma != NONE; vma = index.next(vma)) {
      same("start", index.start(vma), 10L * steps++);
    }
    same("steps", steps, MANY);
  }

  private static void walkDown(VmaIndex index) {
    fill(index, MANY, 10);
    int steps = 0;
    for (int vma = index.last(); vma != NONE && steps <= MANY; vma = index.prev(vma)) {
      steps++;
      same("start", index.start(vma), 10L * (MANY - steps));
    }
    same("steps", steps, MANY);
  }

  private static void allocDown(VmaIndex index) {
    for (int i = 1; i <= MANY; i++) {
      long at = index.gapBelow(0, 4096L * MANY, 4096);
      same("highest gap", at, 4096L * (MANY - i));
      index.insert(at, at + 4096);
    }
    same("gap when full", index.gapBelow(0, 4096L * MANY, 4096), VmaIndex.NONE_ADDR);
    same("gap when full", index.gapAbove(0, 4096L * MANY, 4096), VmaIndex.NONE_ADDR);
  }

  private static void window(VmaIndex index) {
    index.insert(0, 100);
    index.insert(1000, 1100);
    same("lowest in a window", index.gapAbove(300, 500, 50), 300);
    same("highest in a window", index.gapBelow(300, 500, 50), 450);
    same("window too small", index.gapAbove(300, 500, 201), VmaIndex.NONE_ADDR);
    same("window too small", index.gapBelow(300, 500, 201), VmaIndex.NONE_ADDR);
    same("window over a VMA", index.gapAbove(950, 1200, 60), 1100);
    same("window over a VMA", index.gapBelow(800, 1150, 60), 940);
  }

  private static void gapCombining(VmaIndex index) {
    fill(index, MANY, 10);
    for (int i = 1; i + 3 < MANY; i += 5) {
      for (int j = 2; j >= 0; j--) {
        index.erase(index.find(10L * (i + j)));
      }
      same("lowest gap of 30", index.gapAbove(0, 10L * MANY, 30), 10L);
      same("highest gap of 25", index.gapBelow(0, 10L * MANY, 25), 10L * i + 5);
      same("gap of 31", index.gapBelow(0, 10L * MANY, 31), VmaIndex.NONE_ADDR);
      index.validate();
    }
  }

  private static void deficient(VmaIndex index) {
    fill(index, MANY, 5);
    for (int i = 0; i < MANY; i++) {
      if (i % 50 != 7) {
        index.erase(index.find(10L * i));
        index.validate();
      }
    }
    same("size", index.size(), MANY / 50);
    for (int i = 7; i < MANY; i += 50) {
      same("still there", index.start(index.containing(10L * i)), 10L * i);
    }
  }

  private static void forking(VmaIndex index) {
    fill(index, MANY, 5);
    VmaIndex child = index.copy();
    while (index.size() > 0) {
      index.erase(index.first());
    }
    same("size of the copy", child.size(), MANY);
    child.validate();
    same("gap in the copy", child.gapAbove(0, 10L * MANY, 5), 5);
  }
}
