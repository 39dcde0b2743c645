// SPDX-License-Identifier: Apache-2.0

package io.mm4j.house;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.testkit.Rule;
import io.mm4j.testkit.suites.TestKit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Whatever docs/architecture.md names as the check of a claim is there. */
class DocumentedClaimsTest {
  private static final String TABLE = "## Where each claim is checked";
  private static final Pattern TEST = Pattern.compile("`([A-Z][A-Za-z]*Test)`");
  private static final Pattern RULE = Pattern.compile("\\b([A-Z]{2}-[A-Z]?[0-9]{2,3})\\b");

  @Test
  void testsAndRulesExist() throws IOException {
    String text = Files.readString(Path.of("../docs/architecture.md"));
    assertTrue(text.contains(TABLE), TABLE);
    String table = text.substring(text.indexOf(TABLE));
    Set<String> rules =
        TestKit.rules().stream().map(Rule::info).map(i -> i.id()).collect(Collectors.toSet());
    Set<String> tests = tests();
    List<String> missing = new ArrayList<>();
    all(TEST, table).filter(name -> !tests.contains(name)).forEach(missing::add);
    all(RULE, table).filter(id -> !rules.contains(id)).forEach(missing::add);
    assertEquals(List.of(), missing);
    assertTrue(all(RULE, table).count() > 20, "rules are named");
  }

  private static Stream<String> all(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.results().map(found -> found.group(1));
  }

  private static Set<String> tests() throws IOException {
    try (Stream<Path> modules = Files.list(Path.of(".."))) {
      Set<String> names = new java.util.HashSet<>();
      for (Path module : modules.map(m -> m.resolve("src/test/java")).toList()) {
        if (Files.isDirectory(module)) {
          try (Stream<Path> files = Files.walk(module)) {
            files
                .map(file -> String.valueOf(file.getFileName()))
                .filter(name -> name.endsWith("Test.java"))
                .forEach(name -> names.add(name.substring(0, name.length() - 5)));
          }
        }
      }
      return names;
    }
  }
}
