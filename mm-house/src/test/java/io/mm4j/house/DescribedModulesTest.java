// SPDX-License-Identifier: Apache-2.0

package io.mm4j.house;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What {@code jar --describe-module} says of each module is committed, so that a change of what a
 * module exports, requires, uses or provides is seen in review. {@code mvn verify -pl mm-house -am
 * -Dtest=DescribedModulesTest -Dmm.write=true -Dsurefire.failIfNoSpecifiedTests=false} writes it
 * anew.
 */
class DescribedModulesTest {
  private static final Path FOLDER = Path.of("src/test/resources/modules");

  @TempDir Path dir;

  static java.util.List<String> modules() {
    return Modules.NAMES;
  }

  @ParameterizedTest
  @MethodSource("modules")
  void isAsCommitted(String module) throws IOException {
    Path file = FOLDER.resolve("io.mm4j." + module + ".txt");
    String described = describe(module);
    if (Boolean.getBoolean("mm.write")) {
      Files.createDirectories(FOLDER);
      Files.writeString(file, described);
    }
    assertEquals(Files.readString(file), described, "write it anew with -Dmm.write=true");
  }

  private String describe(String module) throws IOException {
    Path place = Modules.PLACES.get(module);
    Path jar = place;
    if (place != null && Files.isDirectory(place)) {
      jar = dir.resolve(module + ".jar");
      jar("--create", "--file", jar.toString(), "-C", place.toString(), ".");
    }
    String text = jar("--describe-module", "--file", String.valueOf(jar));
    // The version and where the jar lies are no part of the module.
    return text.replace("\r", "").strip().replaceFirst("^([\\w.]+)(@\\S+)? .*", "$1") + "\n";
  }

  private static String jar(String... arguments) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    int code = ToolProvider.findFirst("jar").orElseThrow().run(out, out, arguments);
    String text = bytes.toString(StandardCharsets.UTF_8);
    assertEquals(0, code, text);
    return text;
  }
}
