// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.cli.text.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** Whose bug an internal error is. */
class ErrorsTest {
  private static String internal(String type) {
    var text = new ByteArrayOutputStream();
    var stream = new PrintStream(text, true, StandardCharsets.UTF_8);
    var thrown = new IllegalStateException("boom");
    thrown.setStackTrace(
        new StackTraceElement[] {new StackTraceElement(type, "allocate", "NextFit.java", 41)});
    Errors.internal(new Io(stream, stream, Terminal.none()), thrown, "run");
    return text.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aPluginsIsItsAuthors() {
    String theirs = internal("org.example.nextfit.NextFit");
    assertTrue(theirs.contains("a bug of that plugin"), theirs);
    assertFalse(theirs.contains("issue tracker"), theirs);
    String ours = internal("io.mm4j.buddy.buddy.Buddy");
    assertTrue(ours.contains("issue tracker"), ours);
    assertTrue(internal("java.util.Arrays").contains("issue tracker"));
  }
}
