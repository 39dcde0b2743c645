// SPDX-License-Identifier: Apache-2.0

package io.mm4j.house;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Figures that documents tell of builds are those of the code. */
class DocumentedFiguresTest {
  private static final Path ROOT = Path.of("..");
  private static final List<String> WORDS =
      List.of("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          docs/test-kit.md | with (\\w+) seeds that nobody has chosen \
          | mm-testkit/src/main/java/io/mm4j/testkit/junit/SeedSuite.java \
          | getInteger\\("mm.seeds", (\\d+)\\)
          docs/test-kit.md | (\\w+) seeds a rule, and page \
          | mm-cli/src/main/java/io/mm4j/cli/CheckCommand.java \
          | ALL_TRIES = (\\d+);
          docs/recordings.md | (\\w+) seconds in every build \
          | mm-replay/src/test/java/io/mm4j/replay/fuzz/FuzzTest.java \
          | fuzz\\((\\d+)\\);
          docs/recordings.md | scenarios - (\\w+) seconds each \
          | mm-cli/src/test/java/io/mm4j/cli/ReaderFuzzTest.java \
          | fuzz\\(reader, (\\d+)\\)
          docs/recordings.md | command lines for (\\w+), \
          | mm-cli/src/test/java/io/mm4j/cli/ReaderFuzzTest.java \
          | commandLines\\((\\d+)\\)
          """)
  void areThoseOfTheCode(String document, String told, String source, String meant)
      throws IOException {
    String figure = found(document, told);
    int word = WORDS.indexOf(figure);
    assertEquals(found(source, meant), word < 0 ? figure : "" + word, document + ": " + told);
  }

  private static String found(String file, String pattern) throws IOException {
    Matcher matcher = Pattern.compile(pattern).matcher(Files.readString(ROOT.resolve(file)));
    assertTrue(matcher.find(), () -> file + " has no " + pattern);
    return matcher.group(1);
  }
}
