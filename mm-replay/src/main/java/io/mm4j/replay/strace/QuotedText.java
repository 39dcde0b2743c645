// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Bytes as strace prints them between quotation marks. */
final class QuotedText {
  /** Behind a backslash: the characters 7 to 13. */
  private static final String LETTERS = "abtnvfr";

  private static final Pattern STRING =
      Pattern.compile("(\"(?:[^\"\\\\]|\\\\.)*+\")(?:\\.\\.\\.)?(?:, )?");
  private static final int MOST_STRINGS = 256;

  private QuotedText() {}

  /**
   * The strings of an argument such as {@code ["sh", "-c", ...]}, up to what strace left out.
   *
   * @param index which argument; empty if there are fewer, or it is no list
   */
  static List<String> list(List<String> args, int index) {
    String text = args.size() > index ? args.get(index) : "";
    List<String> found = new ArrayList<>();
    Matcher each = STRING.matcher(text);
    int at = 1;
    while (text.startsWith("[") && at < text.length() && each.find(at) && each.start() == at) {
      byte[] bytes = bytes(each.group(1));
      if (bytes == null || found.size() >= MOST_STRINGS) {
        break;
      }
      found.add(new String(bytes, UTF_8));
      at = each.end();
    }
    return found;
  }

  /** The bytes, or null if the text is not whole ({@code "..."...}) or no such text. */
  static byte @Nullable [] bytes(String text) {
    if (text.length() < 2 || !text.startsWith("\"") || !text.endsWith("\"")) {
      return null;
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int end = text.length() - 1;
    int at = 1;
    while (at < end) {
      char c = text.charAt(at++);
      if (c != '\\') {
        bytes.writeBytes(String.valueOf(c).getBytes(UTF_8));
        continue;
      }
      char next = at < end ? text.charAt(at) : 0;
      int letter = LETTERS.indexOf(next);
      if (next >= '0' && next <= '7') {
        int value = 0;
        int digits = 0;
        while (digits < 3 && at < end && text.charAt(at) >= '0' && text.charAt(at) <= '7') {
          value = value * 8 + text.charAt(at++) - '0';
          digits++;
        }
        bytes.write(value);
      } else if (next == 'x' && at + 2 < end) {
        bytes.write(
            (Character.digit(text.charAt(at + 1), 16) << 4)
                | Character.digit(text.charAt(at + 2), 16));
        at += 3;
      } else {
        bytes.write(letter >= 0 ? 7 + letter : next);
        at++;
      }
    }
    return bytes.toByteArray();
  }
}
