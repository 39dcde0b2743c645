// SPDX-License-Identifier: Apache-2.0

package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.mm4j.testkit.ProveMatrix;
import io.mm4j.testkit.RuleRunner;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.suites.TestKit;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Every rule of tasks catches tasks that are wrong on purpose, and none the right ones. */
class TaskProofTest {
  @Test
  void everyRuleCatchesItsFault() {
    Suite<?> suite =
        TestKit.suites().stream()
            .filter(each -> each.name().equals("tasks"))
            .findFirst()
            .orElseThrow();
    ProveMatrix matrix = ProveMatrix.prove(suite, RuleRunner.create());
    assertEquals(List.of(), matrix.problems(), () -> String.join("\n", matrix.problems()));
    assertFalse(matrix.rows().isEmpty());
  }
}
