// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every command. */
class UsageTest {
  static Stream<String> commands() {
    return Commands.all().stream().map(Commands.Entry::name);
  }

  @ParameterizedTest
  @MethodSource("commands")
  void helpHasAnExampleAndFitsATerminal(String command) {
    Cli help = Cli.mm(command, "--help");
    assertEquals(0, help.code());
    assertEquals("", help.err());
    assertTrue(help.out().contains("Example"), help.out());
    assertTrue(help.out().contains("\n  mm " + command), help.out());
    assertTrue(help.out().lines().allMatch(l -> l.length() <= 100), help.out());
    assertEquals(help.out(), Cli.mm("help", command).out());
  }

  @ParameterizedTest
  @MethodSource("commands")
  void anUnknownOptionIsNamedWithWhatIsAllowed(String command) {
    Cli wrong = Cli.mm(command, "--no-such-option");
    assertEquals(2, wrong.code());
    assertEquals("", wrong.out());
    assertTrue(wrong.err().contains("'--no-such-option'"), wrong.err());
    assertThreeParts(wrong);
  }

  @ParameterizedTest
  @CsvSource({
    "--memory,12Q",
    "--memory,-5",
    "--memory,0",
    "--memory,''",
    "--memory,1",
    "--memory,99E",
    "--cpus,0",
    "--cpus,-1",
    "--cpus,x",
    "--cpus,99999",
    "--nodes,0",
    "--contents,half",
    "--machine,pdp-11",
    "--cmdline,mem=12Q",
    "--cmdline,memmap=nonsense",
    "--cmdline,vm.foo=1",
    "--cmdline,vm.overcomit_memory=2",
    "--cmdline,vm.max_map_count=x",
    "--plugin,process=nix",
    "--plugin,process=linux:foo=1",
    "--plugin,buddy",
    "--plugin,frame-allocator=nix",
    "--plugin,nix=buddy",
    "--plugin,frame-allocator=",
    "--plugin,frame-allocator=buddy:nix=1",
    "--plugin,frame-allocator=buddy:nix",
    "--plugins-path,no/such/folder",
    "--seed,x",
  })
  void badMachineOptionsAreAnsweredWithWhatIsAllowed(String option, String value) {
    Cli wrong = Cli.mm("cat", "/proc/buddyinfo", option, value);
    assertEquals(2, wrong.code(), wrong.err());
    assertTrue(wrong.err().contains(option), wrong.err());
    assertThreeParts(wrong);
  }

  @Test
  void anUnknownCommandSuggestsTheNearest() {
    Cli wrong = Cli.mm("repaly");
    assertEquals(2, wrong.code());
    assertTrue(wrong.err().contains("did you mean 'replay'?"), wrong.err());
    assertThreeParts(wrong);
  }

  @Test
  void helpListsEveryCommand() {
    Cli help = Cli.mm("--help");
    assertEquals(0, help.code());
    commands().forEach(c -> assertTrue(help.out().contains("\n  " + c + " "), c));
    assertEquals(help, Cli.mm());
  }

  @Test
  void aStackTraceComesOnlyWhenAskedFor() {
    assertFalse(Cli.mm("replay", "no/such/file").err().contains("\tat "));
    assertTrue(Cli.mm("replay", "no/such/file", "--stacktrace").err().contains("\tat io.mm4j"));
  }

  /** What, where, what is allowed; no trace. */
  static void assertThreeParts(Cli wrong) {
    String[] lines = wrong.err().split("\n", -1);
    assertTrue(lines[0].startsWith("mm"), wrong.err());
    assertTrue(lines[1].startsWith("  where:   "), wrong.err());
    assertTrue(lines[2].startsWith("  allowed: "), wrong.err());
    assertTrue(lines[2].length() > "  allowed: ".length(), wrong.err());
    assertFalse(wrong.err().contains("\tat "), wrong.err());
  }

  @Test
  void benchmarksAreNamedAndNeedTheirClassPath() {
    assertTrue(Cli.mm("bench", "--list").out().contains("vmalloc"));
    for (Cli wrong :
        new Cli[] {
          Cli.mm("bench"),
          Cli.mm("bench", "pages"),
          Cli.mm("bench", "page"),
          Cli.mm("bench", "page", "--rounds", "0"),
          Cli.mm("bench", "page", "--csv")
        }) {
      assertEquals(2, wrong.code());
      assertThreeParts(wrong);
    }
    assertTrue(Cli.mm("bench", "pages").err().contains("did you mean 'page'?"));
  }
}
