// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.boot;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Names of parameters that Linux 6.18 on x86 knows, whether mm4j models them or not: a resource of
 * words. Of architectures and drivers only what is common on command lines is in it; a parameter of
 * a module, {@code MODULE.NAME}, is known by its form.
 */
final class KernelParameters {
  private static final String RESOURCE = "kernel-parameters.txt";

  private KernelParameters() {}

  private static final class Names {
    static final Set<String> ALL = read();
  }

  /** All of them, sorted. */
  static Set<String> names() {
    return Names.ALL;
  }

  /** Whether a kernel takes this word for itself: it knows it, or it is a module's parameter. */
  static boolean knows(CommandLine.Word word) {
    return word.name().indexOf('.') > 0 || Names.ALL.contains(CommandLine.Word.dashes(word.name()));
  }

  private static Set<String> read() {
    try (InputStream in = KernelParameters.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IllegalStateException("a resource is missing: name=" + RESOURCE);
      }
      return new String(in.readAllBytes(), StandardCharsets.US_ASCII)
          .lines()
          .filter(line -> !line.startsWith("#"))
          .flatMap(line -> Arrays.stream(line.strip().split("\\s+", -1)))
          .filter(name -> !name.isEmpty())
          .map(CommandLine.Word::dashes)
          .collect(Collectors.toCollection(TreeSet::new));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
