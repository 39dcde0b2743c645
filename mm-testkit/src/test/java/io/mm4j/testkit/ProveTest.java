// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.mm4j.api.machine.Spi;
import io.mm4j.testkit.suites.TestKit;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every rule catches a plugin that is wrong on purpose, and none fails on the correct one. */
class ProveTest {
  @TestFactory
  Stream<DynamicTest> everyRuleCatchesItsFault() {
    return TestKit.suites().stream()
        .map(suite -> DynamicTest.dynamicTest(suite.name(), () -> prove(suite)));
  }

  private static void prove(Suite<?> suite) {
    // Address spaces are proved where a process floor is: AddressSpaceProofTest of mm-process.
    Assumptions.assumeTrue(suite.missing() == null, () -> "" + suite.missing());
    // Page allocators are proved where the reference floors are: PageAllocatorProofTest of
    // mm-buddy.
    Assumptions.assumeFalse(
        suite.name().equals(Spi.PAGE_ALLOCATOR.id()), "needs the reference floors");
    // The kernel's address space in mm-vmalloc: KernelSpaceProofTest.
    Assumptions.assumeFalse(suite.name().equals("kernel-space"), "takes long");
    ProveMatrix matrix = ProveMatrix.prove(suite, RuleRunner.create());
    assertEquals(List.of(), matrix.problems(), () -> String.join("\n", matrix.problems()));
    assertFalse(matrix.rows().isEmpty());
  }
}
