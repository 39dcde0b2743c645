// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ShrinkerTest {
  /** Adds numbers; the sum may not exceed 100 after at least two large ones. */
  private static final class Sum extends Subject {
    long sum;
    int large;

    @Override
    public void validate() {}
  }

  private record Add(int n) implements Operation<Sum> {
    @Override
    public void apply(Sum subject) {
      subject.sum += n;
      subject.large += n >= 10 ? 1 : 0;
      subject.tell("sum=" + subject.sum);
    }

    @Override
    public List<Add> simpler() {
      return n == 0 ? List.of() : List.of(new Add(n / 2), new Add(n - 1));
    }
  }

  private static final class Adding implements Trial<Sum> {
    private final List<Operation<Sum>> operations = new ArrayList<>();

    Adding(long seed) {
      Seeded random = new Seeded(seed);
      for (int i = 0; i < 200; i++) {
        operations.add(new Add(random.below(50)));
      }
    }

    @Override
    public List<Operation<Sum>> operations() {
      return operations;
    }

    @Override
    public Sum open() {
      return new Sum();
    }

    @Override
    public void afterStep(Sum subject) {
      RuleViolation.check(
          subject.large < 2 || subject.sum <= 100, "a sum of at most 100", "" + subject.sum);
    }
  }

  @Test
  void smallestListAndArgumentsAreFoundAndStillFail() {
    for (long seed = 0; seed < 20; seed++) {
      Adding trial = new Adding(seed);
      List<Operation<Sum>> small = new Shrinker<>(trial).shrink(trial.operations());
      List<String> story = new ArrayList<>();
      assertNotNull(TrialRun.run(trial, small, story), "shrunk list does not fail: " + small);
      long sum = small.stream().mapToLong(o -> ((Add) o).n).sum();
      assertEquals(101, sum, "not minimal: " + small);
      assertEquals(small, new Shrinker<>(trial).shrink(trial.operations()), "not deterministic");
      assertEquals("sum=101", story.getLast().replaceAll(".*-> ", ""));
    }
  }

  @Test
  void seedsGiveTheSameNumbersForEver() {
    Seeded random = new Seeded(1);
    assertEquals(-3089050185796409765L, random.next());
  }
}
