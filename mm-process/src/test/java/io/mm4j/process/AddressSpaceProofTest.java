// SPDX-License-Identifier: Apache-2.0

package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.mm4j.testkit.ProveMatrix;
import io.mm4j.testkit.RuleRunner;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.suites.TestKit;
import org.junit.jupiter.api.Test;

/**
 * Every rule of address spaces catches a floor that is wrong on purpose, and none the right one.
 */
class AddressSpaceProofTest {
  @Test
  void everyRuleCatchesItsFault() {
    Suite<?> suite =
        TestKit.suites().stream()
            .filter(each -> each.name().equals("address-space"))
            .findFirst()
            .orElseThrow();
    ProveMatrix matrix = ProveMatrix.prove(suite, RuleRunner.create());
    assertEquals(
        java.util.List.of(), matrix.problems(), () -> String.join("\n", matrix.problems()));
    assertFalse(matrix.rows().isEmpty());
  }
}
