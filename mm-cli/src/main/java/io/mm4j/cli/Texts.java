// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/** Text files that users name. */
final class Texts {
  private static final int START = 1 << 16;
  private static final int MAX_BYTES = 64 << 20;

  private Texts() {}

  /** A path as typed. */
  static Path path(String text, String where) {
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new InputException("'" + text + "' is no path", where, "a file or a folder");
    }
  }

  /** The beginning of a file, unpacked if it is gzip; empty for a folder or what cannot be read. */
  static String start(Path file) {
    if (!Files.isRegularFile(file)) {
      return "";
    }
    try (InputStream in = open(file)) {
      return new String(in.readNBytes(START), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }

  /**
   * The whole text of a file; {@code -} is standard input.
   *
   * @throws InputException if it cannot be read or is longer than 64 MiB
   */
  static String all(String name, String where) {
    try (InputStream in = name.equals("-") ? System.in : open(path(name, where))) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new InputException("'" + name + "' is too long", where, "texts up to 64M");
      }
      if (bytes.length > 1 && ((bytes[0] & bytes[1]) == (byte) 0xfe) && bytes[0] != bytes[1]) {
        throw new InputException(
            "'" + name + "' is written in UTF-16, as PowerShell does",
            where,
            "the same in ASCII or UTF-8");
      }
      return new String(bytes, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new InputException(
          "cannot read '" + name + "': " + WhyNot.of(e), where, "a text file, or - for stdin");
    }
  }

  private static InputStream open(Path file) throws IOException {
    InputStream in = new BufferedInputStream(Files.newInputStream(file));
    try {
      in.mark(2);
      boolean gzip = in.read() == 0x1f && in.read() == 0x8b;
      in.reset();
      return gzip ? new GZIPInputStream(in) : in;
    } catch (IOException e) {
      in.close();
      throw e;
    }
  }

  /** Whether a word names a file that is there. */
  static boolean isFile(String word) {
    try {
      return Files.isRegularFile(Path.of(word));
    } catch (InvalidPathException e) {
      return false;
    }
  }
}
