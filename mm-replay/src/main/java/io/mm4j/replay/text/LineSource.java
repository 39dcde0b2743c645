// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.text;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * The lines of a text file, plain or gzip (told by its first two bytes), one at a time into a
 * reused buffer. Memory stays within the longest line allowed, whatever the file holds: a packed
 * gigabyte of zeros is a line that is too long, and a text without end is cut off at {@link
 * #MAX_TEXT_BYTES}. One thread.
 */
public final class LineSource implements AutoCloseable {
  /** A longer line is an error. */
  public static final int MAX_LINE_BYTES = 1 << 20;

  /** A text that unpacks to more is an error. */
  public static final long MAX_TEXT_BYTES = 1L << 30;

  private final String name;
  private final InputStream in;
  private final byte[] chunk = new byte[1 << 16];
  private int chunkPos;
  private int chunkEnd;
  private long bytesRead;
  private byte[] line = new byte[256];
  private int length;
  private long number;
  private boolean terminated;

  /** Reads an already opened stream; {@code name} stands in every error. */
  public LineSource(String name, InputStream raw) {
    this.name = name;
    InputStream opened = raw;
    try {
      BufferedInputStream buffered = new BufferedInputStream(raw, 1 << 16);
      opened = buffered;
      buffered.mark(2);
      int first = buffered.read();
      int second = buffered.read();
      buffered.reset();
      boolean gzip = first == 0x1f && second == 0x8b;
      if ((first == 0xff && second == 0xfe) || (first == 0xfe && second == 0xff)) {
        buffered.close();
        throw KnownText.refusal("" + (char) first + (char) second, name, "text of this kind");
      }
      in = gzip ? new GZIPInputStream(buffered, 1 << 16) : buffered;
    } catch (IOException e) {
      InputException error = unreadable(e);
      try {
        opened.close();
      } catch (IOException suppressed) {
        error.addSuppressed(suppressed);
      }
      throw error;
    }
  }

  /** Opens a file. */
  public static LineSource open(Path file) {
    try {
      if (Files.isDirectory(file)) {
        throw new InputException("is a folder", file.toString(), "a file");
      }
      return new LineSource(file.toString(), Files.newInputStream(file));
    } catch (NoSuchFileException e) {
      throw new InputException("no such file", file.toString(), "a file that exists");
    } catch (IOException e) {
      throw new InputException(
          "cannot open it: " + WhyNot.of(e), file.toString(), "a file that can be read");
    }
  }

  /**
   * Reads the next line, without its end.
   *
   * @return false at the end of the text; a last line without a line feed counts as a line, see
   *     {@link #terminated}
   * @throws InputException broken gzip, a line or a text that is too long, an I/O error
   */
  public boolean next() {
    length = 0;
    terminated = false;
    while (true) {
      if (chunkPos == chunkEnd && !fill()) {
        if (length == 0) {
          return false;
        }
        number++;
        return true;
      }
      int end = chunkPos;
      while (end < chunkEnd && chunk[end] != '\n') {
        end++;
      }
      append(end - chunkPos);
      chunkPos = end;
      if (end < chunkEnd) {
        chunkPos++;
        terminated = true;
        number++;
        return true;
      }
    }
  }

  /** Whether the current line ended with a line feed. */
  public boolean terminated() {
    return terminated;
  }

  private void append(int count) {
    int needed = length + count;
    if (needed > MAX_LINE_BYTES) {
      throw new InputException(
          "the line is longer than " + MAX_LINE_BYTES + " bytes",
          name + ", line " + (number + 1),
          "lines of text up to that length");
    }
    if (needed > line.length) {
      line = Arrays.copyOf(line, Math.max(needed, line.length * 2));
    }
    System.arraycopy(chunk, chunkPos, line, length, count);
    length = needed;
  }

  private boolean fill() {
    try {
      int count = in.read(chunk, 0, chunk.length);
      if (count <= 0) {
        return false;
      }
      chunkPos = 0;
      chunkEnd = count;
      bytesRead += count;
    } catch (IOException e) {
      throw unreadable(e);
    }
    if (bytesRead > MAX_TEXT_BYTES) {
      throw new InputException(
          "the text is longer than " + MAX_TEXT_BYTES + " bytes",
          name + ", line " + (number + 1),
          "recordings up to that length");
    }
    return true;
  }

  private InputException unreadable(IOException e) {
    String where = name + ", line " + (number + 1);
    if (e instanceof EOFException) {
      return new InputException(
          "the gzip data is cut off", where, "a complete gzip file, or plain text");
    }
    if (e instanceof ZipException) {
      return new InputException(
          "the gzip data is broken: " + WhyNot.of(e),
          where,
          "an undamaged gzip file, or plain text");
    }
    return new InputException("cannot read on: " + WhyNot.of(e), where, "a readable file");
  }

  /** Number of the current line, from 1; 0 before the first. */
  public long number() {
    return number;
  }

  /** What the source is called in errors. */
  public String name() {
    return name;
  }

  /** The current line's bytes: valid up to {@link #length} until the next call of {@link #next}. */
  byte[] buffer() {
    return line;
  }

  /** The current line as text, one character for each byte. */
  public String text() {
    return new String(line, 0, length, StandardCharsets.ISO_8859_1);
  }

  /** Length of the current line in bytes. */
  int length() {
    return length;
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
