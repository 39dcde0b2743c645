// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class PageRunsTest {
  @Test
  void whatOneSaysIsSharedIsSharedInBoth() {
    assertEquals("f1,F1,f1", PageRuns.exclusiveInBoth("F2,f1", "f1,F2"));
    assertEquals("a262144", PageRuns.exclusiveInBoth("A262144", "a262144"));
    assertEquals("f4", PageRuns.exclusiveInBoth("f4", "F4"), "shared here, exclusive in Linux");
    assertEquals(".2,F2", PageRuns.exclusiveInBoth(".2,F2", ".1,F3"));
  }
}
