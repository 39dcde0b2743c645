// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.cli.text.JsonReader;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * One run of {@code mm} as a test sees it.
 *
 * @param code the exit code
 * @param out what stood on stdout
 * @param err what stood on stderr
 */
record Cli(int code, String out, String err) {
  /** Runs the command in this JVM, without a terminal. */
  static Cli mm(String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code =
        Main.run(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            args);
    return new Cli(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** Both streams of a run that ends with this code, blanks folded. */
  static String folded(int code, String... args) {
    Cli cli = mm(args);
    assertEquals(code, cli.code, () -> String.join(" ", args) + "\n" + cli.out + cli.err);
    if (code == 2) {
      UsageTest.assertThreeParts(cli);
    }
    return (cli.err + cli.out).replaceAll("\\s+", " ");
  }

  /** Fails if a part is missing. */
  static void assertHas(String text, String... parts) {
    for (String part : parts) {
      assertTrue(text.contains(part), () -> part + " is not in\n" + text);
    }
  }

  /** The list under a key of stdout's JSON object. */
  List<?> jsonList(String key) {
    return (List<?>) Objects.requireNonNull(json().get(key), key);
  }

  /** stdout as a JSON object. */
  Map<String, Object> json() {
    return JsonReader.readObject(out);
  }
}
