// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.mm4j.api.machine.Spi;
import io.mm4j.testkit.ProveMatrix;
import io.mm4j.testkit.RuleRunner;
import io.mm4j.testkit.suites.TestKit;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Every rule of page allocators catches a plugin that is wrong on purpose, also those that need the
 * reference floors below, which the kit's own tests do not have.
 */
class PageAllocatorProofTest {
  @Test
  void everyRuleCatchesItsFault() {
    ProveMatrix matrix =
        ProveMatrix.prove(TestKit.suite(Spi.PAGE_ALLOCATOR).orElseThrow(), RuleRunner.create());
    assertEquals(List.of(), matrix.problems(), () -> String.join("\n", matrix.problems()));
    assertFalse(matrix.rows().isEmpty());
  }
}
