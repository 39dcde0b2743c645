// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckCommandTest {
  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "x"})
  void wrongNumbersOfTriesAreAnswered(String tries) {
    Cli wrong = Cli.mm("check", "--tries", tries);
    assertEquals(2, wrong.code());
    UsageTest.assertThreeParts(wrong);
  }

  @Test
  void anUnknownRuleIsAnswered() {
    Assumptions.assumeFalse(io.mm4j.testkit.suites.TestKit.suites().isEmpty(), "no suite yet");
    Cli wrong = Cli.mm("check", "--rule", "XX-99");
    assertEquals(2, wrong.code());
    UsageTest.assertThreeParts(wrong);
  }

  @Test
  void aPluginThatIsNotThereIsAnswered() {
    Cli wrong = Cli.mm("check", "physical-memory=nosuch");
    assertEquals(2, wrong.code(), wrong.out());
    UsageTest.assertThreeParts(wrong);
  }

  @Test
  void theReferenceAllocatorPasses() {
    Assumptions.assumeFalse(io.mm4j.testkit.suites.TestKit.suites().isEmpty(), "no suite yet");
    Cli json = Cli.mm("check", "frame-allocator=buddy", "--tries", "2", "--json");
    assertEquals(0, json.code(), json.out() + json.err());
    assertTrue(json.jsonList("results").size() > 5, json.out());
    assertEquals(0L, json.json().get("failed"));
  }
}
