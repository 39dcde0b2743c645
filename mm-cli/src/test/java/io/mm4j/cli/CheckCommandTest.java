// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
  void aWordAloneIsAnSpiOrIsAskedFor() {
    Cli wrong = Cli.mm("check", "bitmap");
    assertEquals(2, wrong.code(), wrong.out());
    assertTrue(wrong.err().contains("names a plugin, but not of which SPI"), wrong.err());
    assertTrue(wrong.err().contains("allowed: frame-allocator=bitmap"), wrong.err());
    UsageTest.assertThreeParts(Cli.mm("check", "nosuch"));
    Cli all = Cli.mm("check", "frame-allocator", "--rule", "FA-01", "--tries", "2", "--csv");
    assertEquals(0, all.code(), all.err());
    for (String name : new String[] {"buddy", "bitmap", "llfree"}) {
      assertTrue(all.out().contains("frame-allocator=" + name), all.out());
    }
  }

  @Test
  void theReferenceAllocatorPasses() {
    Assumptions.assumeFalse(io.mm4j.testkit.suites.TestKit.suites().isEmpty(), "no suite yet");
    Cli json = Cli.mm("check", "frame-allocator=buddy", "--tries", "2", "--json");
    assertEquals(0, json.code(), json.out() + json.err());
    assertTrue(json.jsonList("results").size() > 5, json.out());
    assertEquals(0L, json.json().get("failed"));
  }

  /** A rule draws its machines itself: what describes one would have no effect. */
  @ParameterizedTest
  @ValueSource(
      strings = {"--memory=1G", "--cpus=4", "--nodes=2", "--machine=x86-32", "--cmdline=mem=1G"})
  void aMachineIsRefused(String option) {
    Cli wrong = Cli.mm("check", "frame-allocator=bitmap", option);
    assertEquals(2, wrong.code(), wrong.out());
    UsageTest.assertThreeParts(wrong);
  }

  /**
   * Upper rules on the floors given; those with machines of their own are skipped with a reason.
   */
  @Test
  void aPageAllocatorStandsOnTheFramesThatAreGiven() {
    String[] words = {
      "check", "page-allocator=direct", "--plugin", "frame-allocator=bitmap", "--tries", "1"
    };
    Cli check = Cli.mm(words);
    assertEquals(0, check.code(), check.out() + check.err());
    assertTrue(
        check.out().contains("passed   page-allocator=direct over frame-allocator=bitmap"),
        check.out());
    assertTrue(check.out().contains("not frame-allocator=bitmap"), check.out());
    assertFalse(check.out().contains(" 0 passed"), check.out());
    for (String[] wrong :
        new String[][] {
          {"check", "page-allocator=linux", "--plugin", "frame-allocator=nosuch"},
          {"check", "page-allocator=linux", "--plugin", "slab=slub"},
          {"check", "slab=slub", "--plugin", "frame-allocator=bitmap"},
          {"check", "--plugin", "frame-allocator=bitmap"},
          {"check", "--all", "slab=slub"},
          {"check", "--all", "--prove"}
        }) {
      Cli answer = Cli.mm(wrong);
      assertEquals(2, answer.code(), answer.out());
      UsageTest.assertThreeParts(answer);
    }
  }

  @Test
  void allIsEveryPluginAndEveryPair() {
    Cli all = Cli.mm("check", "--all", "--tries", "1", "--rule", "FA-01,PA-01", "--csv");
    assertEquals(0, all.code(), all.out() + all.err());
    assertTrue(all.out().contains("frame-allocator=llfree"), all.out());
    assertTrue(all.out().contains("page-allocator=linux over frame-allocator=llfree"), all.out());
  }

  /** The value of an option that the plugin refuses is one answer, not a failure of every rule. */
  @Test
  void aRefusedOptionIsAnsweredInItsWords() {
    Cli wrong = Cli.mm("check", "frame-allocator=buddy:max-order=11");
    assertEquals(2, wrong.code(), wrong.out());
    assertTrue(wrong.err().contains("0 to 10"), wrong.err());
    UsageTest.assertThreeParts(wrong);
  }

  @Test
  void aProofCanBeOfOneRule() {
    Cli proof = Cli.mm("check", "--prove", "vma-index", "--rule", "VI-03", "--json");
    assertEquals(0, proof.code(), proof.err());
    assertTrue(proof.out().contains("VI-03"), proof.out());
    assertFalse(proof.out().contains("VI-04"), proof.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"vma-index=maple", "nosuch"})
  void aProofIsOfTheKitsOwnPlugins(String name) {
    Cli wrong = Cli.mm("check", "--prove", name);
    assertEquals(2, wrong.code(), wrong.out());
    UsageTest.assertThreeParts(wrong);
  }
}
