// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.testkit.suites.TestKit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The tables in docs/test-kit.md are those of the code. {@code mvn test -pl mm-testkit -am
 * -Dtest=DocumentTest -Dmm.write=true -Dsurefire.failIfNoSpecifiedTests=false} writes them anew.
 */
class DocumentTest {
  private static final Path FILE = Path.of("../docs/test-kit.md");
  private static final String BEGIN = "<!-- rules: made from the code, see DocumentTest -->\n";

  @Test
  void tablesAreThoseOfTheCode() throws IOException {
    String text = Files.readString(FILE);
    int at = text.indexOf(BEGIN) + BEGIN.length();
    String expected = text.substring(0, at) + tables();
    if (Boolean.getBoolean("mm.write")) {
      Files.writeString(FILE, expected);
    } else {
      assertEquals(expected, text, "write it anew with -Dmm.write=true");
    }
  }

  private static String tables() {
    StringBuilder out = new StringBuilder();
    for (Suite<?> suite : TestKit.suites()) {
      out.append("\n### ").append(suite.name()).append(": ");
      out.append(suite.rules().size()).append(" rules, ");
      out.append(suite.faults().size()).append(" faults\n\n");
      out.append(
          "| id | rule | why | behind it | a failure usually means | proved by the fault |\n");
      out.append("|---|---|---|---|---|---|\n");
      for (Rule<?> rule : suite.rules()) {
        RuleInfo info = rule.info();
        List<String> cells =
            List.of(
                info.id() + " " + info.name(),
                info.statement(),
                info.why(),
                info.behind(),
                info.failure(),
                faults(suite, info.id()));
        out.append("| ").append(String.join(" | ", cells)).append(" |\n");
      }
    }
    return out.toString();
  }

  private static String faults(Suite<?> suite, String id) {
    return suite.faults().stream()
        .filter(fault -> fault.meantFor().contains(id))
        .map(Fault::name)
        .collect(Collectors.joining(", "));
  }
}
