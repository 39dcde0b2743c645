// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ExplainCommandTest {
  @Test
  void saysWhichZoneAndWhatWasSplit() {
    Cli explain = Cli.mm("explain", "alloc_pages", "GFP_KERNEL", "3", "--memory", "4G");
    assertEquals(0, explain.code(), explain.err());
    assertTrue(explain.out().contains("zone Normal"), explain.out());
    assertTrue(explain.out().contains("result: pfn "), explain.out());
    assertTrue(explain.out().contains("  before  Node 0, zone Normal:"), explain.out());
    assertEquals(explain, Cli.mm("explain", "alloc_pages", "GFP_KERNEL", "3", "--memory", "4G"));
  }

  @Test
  void wrongOperationsAreAnswered() {
    for (String[] args :
        new String[][] {
          {"explain"},
          {"explain", "nix"},
          {"explain", "alloc_pages"},
          {"explain", "alloc_pages", "GFP_NIX", "0"},
          {"explain", "alloc_pages", "GFP_KERNEL", "11"},
          {"explain", "alloc_pages", "GFP_KERNEL", "x"},
          {"explain", "alloc_pages", "GFP_KERNEL", "0", "1"},
        }) {
      Cli wrong = Cli.mm(args);
      assertEquals(2, wrong.code(), wrong.out() + wrong.err());
      UsageTest.assertThreeParts(wrong);
    }
  }
}
