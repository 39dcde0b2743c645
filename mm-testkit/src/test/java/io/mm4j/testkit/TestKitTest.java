// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Spi;
import io.mm4j.testkit.suites.TestKit;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Suites are found by the SPI that they say, and rules by their number. */
class TestKitTest {
  @Test
  void theSuitesOfAllSpisAreAllSuites() {
    List<String> bySpi =
        Spi.all().stream()
            .flatMap(spi -> TestKit.suites(spi).stream().filter(suite -> suite.spi() == spi))
            .map(Suite::name)
            .sorted()
            .toList();
    assertEquals(TestKit.suites().stream().map(Suite::name).sorted().toList(), bySpi);
    assertFalse(bySpi.isEmpty());
  }

  @Test
  void aRuleIsFoundByItsNumber() {
    for (Rule<?> rule : TestKit.rules()) {
      String id = rule.info().id();
      assertEquals(id, TestKit.rule(id, "test").info().id());
    }
  }

  @Test
  void whoNamesNoRuleIsToldTheHighestNumbers() {
    int highest =
        TestKit.rules().stream()
            .map(rule -> rule.info().id())
            .filter(id -> id.matches("AS-[0-9]+"))
            .mapToInt(id -> Integer.parseInt(id, 3, id.length(), 10))
            .max()
            .orElseThrow();
    InputException thrown =
        assertThrows(InputException.class, () -> TestKit.rule("AS-9999", "test"));
    assertTrue(thrown.allowed().contains(" from AS-01 to AS-" + highest + ";"), thrown.allowed());
  }
}
