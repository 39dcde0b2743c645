// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.project;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The archetype, its properties filled in by hand, gives the files of {@code mm new-plugin}. */
class ArchetypeWriterTest {
  private static final Pattern SET = Pattern.compile("#set\\( \\$(\\w+) = '(.)' \\)\n");

  @TempDir Path dir;

  static List<Start> starts() {
    return Start.all();
  }

  @ParameterizedTest
  @MethodSource("starts")
  void aProjectIsThatOfNewPlugin(Start start) {
    Map<String, String> expected =
        new PluginProject(start, "next-fit", "com.acme", "com.acme.nextfit", "mm").files();
    Map<String, String> made = new TreeMap<>();
    String spi = "archetype-resources/spis/" + start.spi().id() + "/";
    ArchetypeWriter.files()
        .forEach(
            (path, text) -> {
              if (path.startsWith(spi)) {
                made.put(placed(path.substring(spi.length())), filled(text, start));
              } else if (path.equals("archetype-resources/pom.xml")) {
                made.put("pom.xml", filled(text, start));
              }
            });
    assertEquals(new TreeMap<>(expected), made);
  }

  /** Where the plugin puts a file: those of the package below it. */
  private static String placed(String path) {
    String to = path.replace("__pluginClass__", "NextFit");
    for (String root : List.of("src/main/java/", "src/test/java/")) {
      if (to.startsWith(root) && !to.endsWith("module-info.java")) {
        return root + "com/acme/nextfit/" + to.substring(root.length());
      }
    }
    return to.equals("gitignore") ? ".gitignore" : to;
  }

  private static String filled(String text, Start start) {
    Map<String, String> values =
        new TreeMap<>(
            Map.of(
                "package", "com.acme.nextfit",
                "groupId", "com.acme",
                "artifactId", "next-fit",
                "version", "0.1.0-SNAPSHOT",
                "spi", start.spi().id(),
                "pluginClass", "NextFit"));
    Matcher set = SET.matcher(text);
    int end = 0;
    while (set.find() && set.start() == end) {
      values.put(set.group(1), set.group(2));
      end = set.end();
    }
    assertTrue(end > 0, text);
    return Pattern.compile("\\$\\{(\\w+)\\}")
        .matcher(text.substring(end))
        .replaceAll(found -> Matcher.quoteReplacement(values.getOrDefault(found.group(1), "?")));
  }

  @Test
  void theArchetypeIsWrittenWithItsDescription() throws Exception {
    ArchetypeWriter.main(new String[] {dir.toString()});
    try (Stream<Path> written = Files.walk(dir)) {
      assertEquals(ArchetypeWriter.files().size(), written.filter(Files::isRegularFile).count());
    }
    String metadata = Files.readString(dir.resolve("META-INF/maven/archetype-metadata.xml"));
    assertFalse(metadata.contains("@"), metadata);
    for (Start start : Start.all()) {
      assertTrue(metadata.contains("spis/" + start.spi().id() + "/src/main/java"), metadata);
    }
  }
}
