// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * The lines of a gzip file, taken field by field straight out of the unpacked bytes: no copy of a
 * line, no object per line. A trace has a million of them.
 *
 * <p>Layout: one buffer; {@code limit} is the end of what is unpacked, and a line feed stands there
 * as a sentinel, so that no field has to look for the end of the buffer. {@link #nextLine} moves
 * the rest down and unpacks more as soon as less than {@link #MAX_LINE} bytes are left, so a line
 * always lies in the buffer as a whole.
 *
 * <p>Memory is the buffer, whatever the file holds. One thread.
 */
final class ByteLines implements AutoCloseable {
  /** A longer line is an error. */
  static final int MAX_LINE = 4096;

  private static final int BUFFER = 1 << 16;
  private static final int EXCERPT = 80;

  private final String name;
  private final InputStream in;
  private final byte[] buffer = new byte[BUFFER + 1];
  private int pos;
  private int limit;
  private int lineStart;
  private int argument;
  private long line;
  private boolean ended;

  /** Opens a file of the recording. */
  ByteLines(KmemSource source, String file) {
    name = source.where(file);
    InputStream kept = source.kept(file);
    in = kept == null ? unpacked(source.require(file)) : kept;
  }

  /** Reads gzip data; {@code name} stands in every error. */
  ByteLines(String name, InputStream packed) {
    this.name = name;
    this.in = unpacked(packed);
  }

  private InputStream unpacked(InputStream packed) {
    try {
      return new GZIPInputStream(packed, 1 << 15);
    } catch (IOException e) {
      try (packed) {
        throw e instanceof EOFException
            ? new InputException("the file is empty or cut off", name, "a complete gzip file")
            : unreadable(e);
      } catch (IOException ignored) {
        throw unreadable(e);
      }
    }
  }

  /**
   * Goes to the next line.
   *
   * @return false at the end of the file
   */
  boolean nextLine() {
    if (limit - pos < MAX_LINE && !ended) {
      refill();
    }
    lineStart = pos;
    if (pos == limit) {
      return false;
    }
    line++;
    return true;
  }

  private void refill() {
    System.arraycopy(buffer, pos, buffer, 0, limit - pos);
    limit -= pos;
    pos = 0;
    lineStart = 0;
    try {
      while (limit < BUFFER) {
        int count = in.read(buffer, limit, BUFFER - limit);
        if (count < 0) {
          ended = true;
          break;
        }
        limit += count;
      }
    } catch (IOException e) {
      throw unreadable(e);
    }
    buffer[limit] = '\n';
  }

  private InputException unreadable(IOException e) {
    String where = name + ":" + (line + 1);
    if (e instanceof EOFException) {
      return new InputException("the gzip data is cut off", where, "a complete gzip file");
    }
    if (e instanceof ZipException) {
      return new InputException(
          "the gzip data is broken: " + WhyNot.of(e), where, "an undamaged gzip file");
    }
    return new InputException("cannot read on: " + WhyNot.of(e), where, "a file that can be read");
  }

  /** Number of the current line, from 1. */
  long line() {
    return line;
  }

  /** The byte that comes next; a line feed at the end of the line. */
  byte peek() {
    return buffer[pos];
  }

  /** Takes one byte if it comes next. */
  boolean take(char wanted) {
    if (buffer[pos] != wanted) {
      return false;
    }
    if (pos < limit) {
      pos++;
    }
    return true;
  }

  /** Takes a byte whatever it is, but not the end of the line. */
  byte takeAny(String allowed) {
    byte b = buffer[pos];
    if (b == '\n') {
      throw unexpected(allowed);
    }
    pos++;
    return b;
  }

  /** Takes the blank between two fields. */
  void blank() {
    if (buffer[pos] != ' ') {
      throw unexpected("one blank and the next field");
    }
    pos++;
  }

  /** Takes a decimal number below 10^18. */
  long decimal() {
    byte[] bytes = buffer;
    int at = pos;
    long value = (long) bytes[at] - '0';
    if (value < 0 || value > 9) {
      throw unexpected("a decimal number");
    }
    while (true) {
      int digit = bytes[++at] - '0';
      if (digit < 0 || digit > 9) {
        break;
      }
      value = value * 10 + digit;
    }
    if (at - pos > 18) {
      throw unexpected("a decimal number of at most 18 digits");
    }
    pos = at;
    return value;
  }

  /** Takes a decimal number up to {@code max}. */
  int small(int max, String allowed) {
    int start = pos;
    long value = decimal();
    if (value > max) {
      pos = start;
      throw unexpected(allowed);
    }
    return (int) value;
  }

  /**
   * Takes an argument: a decimal number, or a hexadecimal one; a minus sign alone is -1, as where a
   * request failed.
   */
  long number(boolean hex) {
    argument = pos;
    if (hex) {
      return hex();
    }
    if (buffer[pos] == '-') {
      pos++;
      return -1;
    }
    return decimal();
  }

  /** Takes a hexadecimal number of at most 32 bits. */
  private long hex() {
    int at = pos;
    long value = 0;
    while (true) {
      int c = buffer[at];
      int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) {
        break;
      }
      value = value << 4 | digit;
      at++;
    }
    if (at == pos || at - pos > 8) {
      throw unexpected("a hexadecimal number of 1 to 8 digits");
    }
    pos = at;
    return value;
  }

  /** Takes the end of the line. */
  void endLine() {
    if (buffer[pos] != '\n') {
      throw unexpected("the end of the line");
    }
    feed();
  }

  /** Takes what is left of the line, whatever it is. */
  void skipLine() {
    while (buffer[pos] != '\n') {
      pos++;
    }
    feed();
  }

  /** Takes what is left of the line as text. */
  String rest() {
    int start = pos;
    skipLine();
    return text(start, pos - 1);
  }

  private void feed() {
    if (pos == limit) {
      if (ended) {
        throw new InputException(
            "the last line is not complete", name + ":" + line, "lines that end with a line feed");
      }
      throw new InputException(
          "the line is longer than " + MAX_LINE + " bytes",
          name + ":" + line,
          "lines up to that length");
    }
    pos++;
  }

  /** The current line, also after it was taken. */
  String lineText() {
    int end = lineStart;
    while (buffer[end] != '\n') {
      end++;
    }
    return text(lineStart, end);
  }

  private String text(int from, int to) {
    return new String(buffer, from, to - from, StandardCharsets.ISO_8859_1);
  }

  /** The place of the current line. */
  String where() {
    return name + ":" + line;
  }

  /** The error that something else was expected at this place. */
  InputException unexpected(String allowed) {
    String found = buffer[pos] == '\n' ? "the line ends too early" : "found " + excerpt(pos);
    return error(found + " at column " + (pos - lineStart + 1), allowed);
  }

  /** An error about the argument that was taken last. */
  InputException argumentError(String what, String allowed) {
    return error(what + " at column " + (argument - lineStart + 1), allowed);
  }

  /** An error in the current line, which is shown. */
  InputException error(String what, String allowed) {
    return new InputException(what + " in the line " + excerpt(lineStart), where(), allowed);
  }

  private String excerpt(int from) {
    StringBuilder out = new StringBuilder("'");
    for (int at = from; buffer[at] != '\n'; at++) {
      if (at - from == EXCERPT) {
        out.append("...");
        break;
      }
      int c = buffer[at] & 0xff;
      out.append(c >= ' ' && c < 0x7f ? String.valueOf((char) c) : String.format("\\x%02x", c));
    }
    return out.append('\'').toString();
  }

  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      throw unreadable(e);
    }
  }
}
