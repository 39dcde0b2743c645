// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.plugin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.mm4j.api.InputException;
import org.junit.jupiter.api.Test;

/** Numbers and sizes as they are typed, and what is said of those that are none. */
class SizesTest {
  @Test
  void largeNumbersAreTooLargeAndOtherWordsAreNone() {
    assertEquals(Long.MAX_VALUE, Sizes.parseNumber("0x7fffffffffffffff", "here"));
    assertEquals("'9223372036854775808' is too large", number("9223372036854775808"));
    assertEquals("'0x8000000000000000' is too large", number("0x8000000000000000"));
    assertEquals("'-1' is not a number", number("-1"));
    assertEquals("'0x' is not a number", number("0x"));
    assertEquals("'9x' is not a number", number("9x"));
  }

  @Test
  void soAreSizes() {
    assertEquals(1L << 62, Sizes.parseSize("4E", "here"));
    assertEquals("'8E' is too large", size("8E"));
    assertEquals("'99999999999999999999G' is too large", size("99999999999999999999G"));
    assertEquals("'-1K' is not a size", size("-1K"));
    assertEquals("'0' is nothing", size("0"));
  }

  private static String number(String text) {
    return what(assertThrows(InputException.class, () -> Sizes.parseNumber(text, "here")));
  }

  private static String size(String text) {
    return what(assertThrows(InputException.class, () -> Sizes.parseSize(text, "here")));
  }

  private static String what(InputException e) {
    return e.what();
  }
}
