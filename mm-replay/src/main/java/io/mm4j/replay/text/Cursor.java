// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.text;

import io.mm4j.api.InputException;
import java.nio.charset.StandardCharsets;

/**
 * A place in the current line of a {@link LineSource}, and the small words of text recordings: each
 * method takes one thing and moves on, or fails with file, line, column and what was expected.
 */
public final class Cursor {
  private static final int EXCERPT = 40;

  private final LineSource source;
  private byte[] bytes = new byte[0];
  private int end;
  private int pos;

  /** A cursor without a line yet: call {@link #startLine} after each {@link LineSource#next}. */
  public Cursor(LineSource source) {
    this.source = source;
  }

  /** Goes to the start of the source's current line. */
  public void startLine() {
    bytes = source.buffer();
    end = source.length();
    pos = 0;
  }

  /** The place in the line, to return to with {@link #reset}. */
  public int mark() {
    return pos;
  }

  /** Returns to a marked place of the same line. */
  public void reset(int mark) {
    pos = mark;
  }

  /** Number of the current line. */
  public long line() {
    return source.number();
  }

  /** Whether the line has no more bytes. */
  public boolean atEnd() {
    return pos == end;
  }

  /** The next byte without taking it, or -1 at the end of the line. */
  public int peek() {
    return pos < end ? bytes[pos] & 0xff : -1;
  }

  /** Whether the rest of the line starts with the text. */
  public boolean looksAt(String text) {
    int n = text.length();
    if (end - pos < n) {
      return false;
    }
    for (int i = 0; i < n; i++) {
      if (bytes[pos + i] != (byte) text.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  /** Takes the text if it comes next. */
  public boolean take(String text) {
    if (!looksAt(text)) {
      return false;
    }
    pos += text.length();
    return true;
  }

  /** Takes the text or fails. */
  public void expect(String text) {
    if (!take(text)) {
      throw unexpected("'" + text + "'");
    }
  }

  /** Takes the end of the line or fails. */
  public void expectEnd() {
    if (pos != end) {
      throw unexpected("the end of the line");
    }
  }

  /** Takes {@code 0x} and 1 to 16 hex digits. */
  public long hex() {
    if (!looksAt("0x")) {
      throw unexpected("a number 0x..");
    }
    pos += 2;
    return hexDigits();
  }

  /** Takes 1 to 16 hex digits. */
  public long hexDigits() {
    int start = pos;
    long value = 0;
    while (pos < end) {
      int digit = digit(bytes[pos]);
      if (digit < 0) {
        break;
      }
      if ((value >>> 60) != 0) {
        pos = start;
        throw unexpected("a hex number of at most 64 bits");
      }
      value = (value << 4) | digit;
      pos++;
    }
    if (pos == start) {
      throw unexpected("a hex digit");
    }
    return value;
  }

  private static int digit(byte b) {
    if (b >= '0' && b <= '9') {
      return b - '0';
    }
    if (b >= 'a' && b <= 'f') {
      return b - 'a' + 10;
    }
    return -1;
  }

  /** Takes decimal digits of a value from 0 to 2^63-1. */
  public long decimal() {
    int start = pos;
    long value = 0;
    while (pos < end && bytes[pos] >= '0' && bytes[pos] <= '9') {
      int digit = bytes[pos] - '0';
      if (value > (Long.MAX_VALUE - digit) / 10) {
        pos = start;
        throw unexpected("a decimal number below 2^63");
      }
      value = value * 10 + digit;
      pos++;
    }
    if (pos == start) {
      throw unexpected("a decimal digit");
    }
    return value;
  }

  /** Takes decimal digits of a value from {@code low} to {@code high}. */
  public int decimal(int low, int high) {
    int start = pos;
    long value = decimal();
    if (value < low || value > high) {
      pos = start;
      throw unexpected("a number from " + low + " to " + high);
    }
    return (int) value;
  }

  /** Takes bytes up to the next blank or the end, at least one. */
  public String word() {
    return upTo(' ');
  }

  /** Takes bytes up to the stop byte (not taken) or the end, at least one. */
  public String upTo(char stop) {
    int start = pos;
    while (pos < end && bytes[pos] != stop) {
      pos++;
    }
    if (pos == start) {
      throw unexpected("a word");
    }
    return text(start, pos);
  }

  /** Takes the rest of the line, maybe empty. */
  public String rest() {
    String text = text(pos, end);
    pos = end;
    return text;
  }

  /** The whole line, whatever was taken of it. */
  public String wholeLine() {
    return text(0, end);
  }

  private String text(int from, int to) {
    return new String(bytes, from, to - from, StandardCharsets.UTF_8);
  }

  /** The error that something else was expected here. */
  public InputException unexpected(String allowed) {
    return error(pos == end ? "the line ends" : "found '" + excerpt() + "'", allowed);
  }

  /** An error at this place. */
  public InputException error(String what, String allowed) {
    return new InputException(
        what, source.name() + ", line " + source.number() + ", column " + (pos + 1), allowed);
  }

  private String excerpt() {
    StringBuilder out = new StringBuilder();
    for (int i = pos; i < end && i < pos + EXCERPT; i++) {
      int c = bytes[i] & 0xff;
      if (c >= ' ' && c < 0x7f) {
        out.append((char) c);
      } else {
        out.append(String.format("\\x%02x", c));
      }
    }
    return out.append(end - pos > EXCERPT ? "..." : "").toString();
  }
}
