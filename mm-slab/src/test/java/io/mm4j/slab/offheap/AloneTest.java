// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** mm-slab and what it brings at runtime are enough, on the class path and on the module path. */
class AloneTest {
  private static final Pattern BROUGHT =
      Pattern.compile(
          ".*/(mm-(?:api|physical|buddy|slab))(?:/target/classes|-[0-9][^/]*(?<!-tests)[.]jar)/?");

  private static final String PROGRAM =
      """
      import io.mm4j.slab.offheap.OffHeap;
      import java.lang.foreign.Arena;

      public class Alone {
        public static void main(String[] args) {
          try (OffHeap heap = OffHeap.ofBytes(64 << 20); Arena arena = heap.confinedArena()) {
            long object = heap.malloc(100);
            heap.free(object);
            System.out.println(arena.allocateFrom("alone").getString(0) + " " + heap.usage().frees());
          }
        }
      }
      """;

  private final TreeMap<String, String> brought = new TreeMap<>();

  @BeforeEach
  void findWhatItBrings() {
    for (String property :
        List.of("jdk.module.path", "java.class.path", "surefire.test.class.path")) {
      for (String entry : System.getProperty(property, "").split(File.pathSeparator, -1)) {
        Matcher matcher = BROUGHT.matcher(entry);
        if (matcher.matches()) {
          brought.put(matcher.group(1), entry);
        }
      }
    }
    assertEquals(4, brought.size(), brought::toString);
  }

  @Test
  void classPath(@TempDir Path folder) throws Exception {
    runs(folder, "--enable-native-access=ALL-UNNAMED", "-cp");
  }

  @Test
  void modulePath(@TempDir Path folder) throws Exception {
    runs(
        folder,
        "--enable-native-access=io.mm4j.physical,io.mm4j.slab",
        "--add-modules",
        "io.mm4j.slab",
        "-p");
  }

  private void runs(Path folder, String... options) throws Exception {
    Path program = Files.writeString(folder.resolve("Alone.java"), PROGRAM);
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(options));
    command.add(String.join(File.pathSeparator, brought.values()));
    command.add(program.toString());
    Path errors = folder.resolve("errors");
    Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), () -> command + "\n" + read(errors));
    assertEquals("alone 1", out.strip());
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (java.io.IOException e) {
      return e.toString();
    }
  }
}
