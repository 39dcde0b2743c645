// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.verdict;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.cli.text.Json;
import io.mm4j.cli.text.JsonReader;
import io.mm4j.cli.text.Terminal;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Verdict;
import java.util.List;
import org.junit.jupiter.api.Test;

class VerdictJsonTest {
  private static final Verdict EXACT =
      new Verdict(
          "a/b",
          RecordingKind.KMEM,
          "frag",
          true,
          List.of(
              CheckResult.judged("results", 20, 20),
              CheckResult.judged("buddyinfo", 4, 4).with("l1", List.of(0L, 0L, 0L, 0L)),
              CheckResult.skipped("anon", "needs page faults")),
          null);

  private static final Verdict DIFFERENT =
      new Verdict(
          "c",
          RecordingKind.VMA,
          "-",
          false,
          List.of(CheckResult.judged("maps", 3, 2)),
          new FirstDifference("maps", 12, 3, "munmap = 0", List.of("- 1000-2000 r--p", "+ gone")));

  @Test
  void theObjectHasTheDocumentedKeys() {
    String expected =
        """
        {"recordings": [
           {"path": "a/b", "kind": "kmem", "class": "frag", "exact": true,
            "checks": {"results": {"total": 20, "equal": 20},
                       "buddyinfo": {"total": 4, "equal": 4, "l1": [0, 0, 0, 0]},
                       "anon": {"skipped": "needs page faults"}},
            "first_difference": null},
           {"path": "c", "kind": "vma", "class": "-", "exact": false,
            "checks": {"maps": {"total": 3, "equal": 2}},
            "first_difference": {"check": "maps", "line": 12, "call": 3, "what": "munmap = 0",
                                 "evidence": ["- 1000-2000 r--p", "+ gone"]}}],
         "total": 2, "exact": 1}
        """;
    String written = Json.write(VerdictJson.of(List.of(EXACT, DIFFERENT)));
    assertEquals(JsonReader.read(expected), JsonReader.read(written));
  }

  @Test
  void aLineShowsOneNumberWhereAllIsEqual() {
    assertEquals(
        "exact     a/b   results 20 buddyinfo 4 anon -", VerdictText.line(EXACT, Terminal.none()));
    assertEquals("DIFFERS   c   maps 2/3", VerdictText.line(DIFFERENT, Terminal.none()));
  }

  @Test
  void classesAreSummed() {
    String csv = VerdictText.byClass(List.of(EXACT, EXACT, DIFFERENT)).toCsv();
    assertTrue(csv.contains("kmem frag,results,2,2,0,40,40\n"), csv);
    assertTrue(csv.contains("kmem frag,anon,2,0,2,0,0\n"), csv);
    assertTrue(csv.contains("vma -,maps,1,0,0,3,2\n"), csv);
  }
}
