// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Why a file could not be had is said in words. */
class WhyNotTest {
  @TempDir Path dir;

  @Test
  void itIsSaidInWords() throws IOException {
    Path file = Files.createFile(dir.resolve("file"));
    Path missing = dir.resolve("missing");
    assertEquals("No such file or directory", why(missing));
    assertEquals("Not a directory", why(file.resolve("below")));
    assertEquals("Permission denied", WhyNot.of(new AccessDeniedException("file")));
    assertEquals("words", WhyNot.of(new IOException("words")));
  }

  private static String why(Path file) {
    return WhyNot.of(assertThrows(IOException.class, () -> Files.readString(file)));
  }
}
