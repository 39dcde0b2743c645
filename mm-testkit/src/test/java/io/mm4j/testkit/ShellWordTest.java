// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShellWordTest {
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      value = {
        "my-plugin/target, my-plugin/target",
        "/a b/c, '/a b/c'",
        "it's, 'it'\\''s'",
        "$HOME, '$HOME'",
        "\"\", ''"
      })
  void aShellReadsTheTextBack(String text, String word) {
    assertEquals(word, ShellWord.of(text));
  }
}
