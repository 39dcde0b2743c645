// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.cli.project.Start;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Projects are written, compiled as a module, packed, and judged by the kit as a third party's. */
class NewPluginCommandTest {
  @TempDir Path dir;

  static Stream<String> spis() {
    return Start.all().stream().map(start -> start.spi().id());
  }

  @ParameterizedTest
  @MethodSource("spis")
  void whatIsWrittenPassesTheKit(String spi) throws Exception {
    Path project = dir.resolve("my-" + spi);
    Cli made = Cli.mm("new-plugin", "first-try", "--spi", spi, project.toString());
    assertEquals(0, made.code(), made.err());
    Path target = packed(project);
    String plugin = spi + "=first-try";
    Cli list = Cli.mm("plugins", "--plugins-path", target.toString(), "--csv");
    assertEquals("", list.err());
    assertTrue(list.out().contains(spi + ",first-try,false,"), list.out());
    Cli check = Cli.mm("check", plugin, "--plugins-path", target.toString(), "--tries", "1");
    assertEquals(0, check.code(), check.out() + check.err());
    assertTrue(check.out().contains("passed   " + plugin), check.out());
    assertTrue(check.out().contains(" 0 failed,"), check.out());
  }

  /** Every word of the plugin that was copied has become one of the author's. */
  @ParameterizedTest
  @MethodSource("spis")
  void nothingIsLeftOfTheOldNames(String spi) throws Exception {
    Path project = dir.resolve("other");
    assertEquals(0, Cli.mm("new-plugin", spi, "next-fit", project.toString()).code());
    Start start = Start.of(spi, "test");
    try (Stream<Path> files = Files.walk(project.resolve("src"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String text = Files.readString(file);
        assertFalse(text.contains("@name@") || text.contains("@package@"), file + text);
        for (String old : start.packages().values()) {
          assertFalse(text.contains(old), file + " has " + old);
        }
        for (String old : start.classes().keySet()) {
          assertFalse(Pattern.compile("\\b" + old + "\\b").matcher(text).find(), file + old);
        }
        assertFalse(text.contains('"' + start.plugin() + '"') && isProvider(file), file + text);
      }
    }
    assertTrue(Files.readString(project.resolve("pom.xml")).contains(">next-fit<"));
  }

  private static boolean isProvider(Path file) {
    return file.toString().endsWith("Provider.java");
  }

  /** The versions of plugins are those with which mm4j itself is built: they are at hand. */
  @Test
  void thePomHasTheVersionsOfThisBuild() throws Exception {
    Path project = dir.resolve("versions");
    assertEquals(0, Cli.mm("new-plugin", "slab", "x", project.toString()).code());
    String pom = Files.readString(project.resolve("pom.xml"));
    String parent = Files.readString(Path.of("../pom.xml"));
    Matcher plugin =
        Pattern.compile(
                "<artifactId>([a-z-]+-maven-plugin|maven-[a-z]+-plugin)</artifactId>\\s*"
                    + "<version>([^<]+)</version>")
            .matcher(pom);
    int found = 0;
    while (plugin.find()) {
      found++;
      assertTrue(
          Pattern.compile(
                  "<artifactId>"
                      + plugin.group(1)
                      + "</artifactId>\\s*<version>"
                      + Pattern.quote(plugin.group(2)))
              .matcher(parent)
              .find(),
          plugin.group());
    }
    assertEquals(8, found, pom);
    Matcher version = Pattern.compile("<version>([^<]+)</version>").matcher(parent);
    assertTrue(version.find());
    assertTrue(pom.contains("<mm4j.version>" + version.group(1) + "<"), pom);
    assertFalse(pom.contains("<junit.version>${"), pom);
  }

  @ParameterizedTest
  @CsvSource({
    "frame-allocator,Bad_Name",
    "frame-allocator,buddy",
    "nosuch,name",
    "process,name",
    "physical-memory,name"
  })
  void whatCannotBeIsAnswered(String spi, String name) {
    Path project = dir.resolve("never");
    Cli wrong = Cli.mm("new-plugin", spi, name, project.toString());
    assertEquals(2, wrong.code(), wrong.out());
    UsageTest.assertThreeParts(wrong);
    assertFalse(Files.exists(project));
  }

  @Test
  void aFolderThatIsNotEmptyIsLeftAlone() throws IOException {
    Files.writeString(dir.resolve("mine.txt"), "mine");
    Cli wrong = Cli.mm("new-plugin", "slab", "x", dir.toString());
    assertEquals(2, wrong.code(), wrong.out());
    UsageTest.assertThreeParts(wrong);
    assertEquals(2, Cli.mm("new-plugin", "slab", "x").code());
    assertEquals(2, Cli.mm("new-plugin", "--spi", "slab", "x", "--package", "a..b", "y").code());
  }

  /** Compiles the main sources as the module that they are, and packs them with their services. */
  private static Path packed(Path project) throws IOException, URISyntaxException {
    Path classes = project.resolve("target/classes");
    List<String> javac = new ArrayList<>();
    javac.addAll(List.of("-proc:none", "-Xlint:all", "-Werror", "-d", classes.toString(), "-p"));
    javac.add(place(PluginProvider.class) + File.pathSeparator + annotations());
    try (Stream<Path> files = Files.walk(project.resolve("src/main/java"))) {
      files.filter(f -> f.toString().endsWith(".java")).forEach(f -> javac.add(f.toString()));
    }
    tool("javac", javac.toArray(String[]::new));
    Path services = project.resolve("src/main/resources/META-INF/services");
    Path to = Files.createDirectories(classes.resolve("META-INF/services"));
    try (Stream<Path> files = Files.list(services)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName().toString()));
      }
    }
    Path target = project.resolve("target");
    String jar = target.resolve("plugin.jar").toString();
    tool("jar", "--create", "--file", jar, "-C", classes.toString(), ".");
    return target;
  }

  private static Path place(Class<?> type) throws URISyntaxException {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  /** The jars that hold nothing but annotations need not be modules of this JVM. */
  static String annotations() {
    List<String> jars = new ArrayList<>();
    for (String key : List.of("jdk.module.path", "java.class.path", "surefire.test.class.path")) {
      for (String entry : System.getProperty(key, "").split(File.pathSeparator, -1)) {
        if (entry.contains("jspecify") || entry.contains("apiguardian")) {
          jars.add(entry);
        }
      }
    }
    return String.join(File.pathSeparator, jars);
  }

  private static void tool(String name, String... args) {
    PrintStream err = System.err;
    int code = ToolProvider.findFirst(name).orElseThrow().run(err, err, args);
    assertEquals(0, code, name + " " + List.of(args));
  }
}
