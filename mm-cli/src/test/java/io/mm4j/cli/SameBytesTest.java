// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Nothing depends on a clock, on hash codes or on what ran before: the same words, the same bytes.
 */
class SameBytesTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "explain alloc_pages GFP_KERNEL 3 --json",
        "explain boot --nodes 2 --json",
        "cat /proc/zoneinfo --nodes 2 --cpus 3",
        "check page-allocator=linux --rule PA-26 --tries 2 --seed 7 --json",
        "check vma-index=maple --rule AS-01 --tries 2 --seed 7 --json"
      })
  void twice(String words) {
    Cli first = Cli.mm(words.split(" "));
    Cli second = Cli.mm(words.split(" "));
    assertFalse(first.out().isEmpty(), first.err());
    assertEquals(first.out(), second.out());
  }
}
