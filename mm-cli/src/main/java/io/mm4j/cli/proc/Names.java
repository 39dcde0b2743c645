// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/** Lists of names in the order in which Linux 6.18 prints them. */
final class Names {
  private Names() {}

  /** The names of {@code /proc/vmstat}. */
  static List<String> vmstat() {
    return read("vmstat-names.txt");
  }

  /** The names of {@code /proc/meminfo}. */
  static List<String> meminfo() {
    return read("meminfo-names.txt");
  }

  private static List<String> read(String file) {
    try (InputStream in = Names.class.getResourceAsStream(file)) {
      byte[] bytes = Objects.requireNonNull(in, file).readAllBytes();
      return new String(bytes, StandardCharsets.US_ASCII).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
