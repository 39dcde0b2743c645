// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.boot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class CommandLineTest {
  private static List<String> words(String line) {
    return CommandLine.parse(line).words().stream().map(CommandLine.Word::toString).toList();
  }

  @Test
  void blanksSeparateAndQuotesKeepTogether() {
    assertEquals(List.of(), words("  \t "));
    assertEquals(List.of("ro", "root=UUID=1-2", "quiet"), words(" ro\troot=UUID=1-2  quiet "));
    assertEquals(
        List.of("dyndbg=file x.c +p", "a=b c", "end"),
        words("dyndbg=\"file x.c +p\" \"a=b c\" end"));
    assertEquals(List.of("open=a b"), words("open=\"a b"));
  }

  @Test
  void whatFollowsTwoDashesIsForInit() {
    assertEquals(List.of("ro"), words("ro -- mem=1G single"));
    assertEquals(List.of("ro"), words("ro --"));
    assertEquals(List.of("a--", "--b"), words("a-- --b"));
  }

  @Test
  void dashesAndUnderscoresAreOneInNames() {
    CommandLine.Word word = CommandLine.parse("Page-Alloc.shuffle=a-b").words().getFirst();
    assertTrue(word.is("Page_Alloc.shuffle"));
    assertFalse(word.is("page_alloc.shuffle"));
    assertEquals("a-b", word.value());
    assertTrue(word.hasValue());
    assertFalse(CommandLine.parse("ro").words().getFirst().hasValue());
  }
}
