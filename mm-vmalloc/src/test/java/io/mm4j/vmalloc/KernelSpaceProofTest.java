// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.mm4j.testkit.ProveMatrix;
import io.mm4j.testkit.RuleRunner;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.suites.TestKit;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every rule of the kernel's address space catches one that is wrong on purpose, and none the right
 * one. As these machines take minutes, a plain build leaves it to {@code ./mm check --prove}, which
 * {@code .ci/run} runs.
 */
class KernelSpaceProofTest {
  @Test
  @Tag("soak")
  void everyRuleCatchesItsFault() {
    Suite<?> suite =
        TestKit.suites().stream()
            .filter(each -> each.name().equals("kernel-space"))
            .findFirst()
            .orElseThrow();
    ProveMatrix matrix = ProveMatrix.prove(suite, RuleRunner.create());
    assertEquals(List.of(), matrix.problems(), () -> String.join("\n", matrix.problems()));
    assertFalse(matrix.rows().isEmpty());
  }
}
