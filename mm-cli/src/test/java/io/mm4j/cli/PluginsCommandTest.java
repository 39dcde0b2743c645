// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.testkit.ShellWord;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Lists plugins, also when a third party's jars are broken: the jars are real ones. */
class PluginsCommandTest {
  @TempDir Path dir;

  private static String provider(String type, String plugin, String inConstructor) {
    return """
    public class TYPE implements io.mm4j.api.page.FrameAllocatorProvider {
      public TYPE() { CONSTRUCTOR }
      public String name() { return "PLUGIN"; }
      public String summary() { return "made in a test"; }
      public Capabilities capabilities() {
        return new Capabilities(true, true, true, false, 10, 1L << 30);
      }
      public io.mm4j.api.page.FrameAllocator create(
          io.mm4j.api.memory.Zone zone, io.mm4j.api.plugin.Options options) {
        CREATE
      }
    }
    """
        .replace("TYPE", type)
        .replace("PLUGIN", plugin)
        .replace("CONSTRUCTOR", inConstructor)
        .replace(
            "CREATE",
            plugin.equals("loops")
                ? "for (;;) { if (Boolean.getBoolean(\"mm.test.end\"))"
                    + " throw new IllegalStateException(); Thread.onSpinWait(); }"
                : "throw new UnsupportedOperationException();");
  }

  /** Compiles a provider and packs it into a jar with its service file. */
  private void jar(String file, String type, String plugin, String inConstructor)
      throws IOException, URISyntaxException {
    pack(
        file,
        type,
        provider(type, plugin, inConstructor),
        "io.mm4j.api.page.FrameAllocatorProvider");
  }

  private void pack(String file, String type, String text, String service)
      throws IOException, URISyntaxException {
    Path work = Files.createDirectories(dir.resolve("work-" + file));
    Path source = work.resolve(type + ".java");
    Files.writeString(source, text);
    Path api =
        Path.of(PluginProvider.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Path classes = work.resolve("classes");
    tool("javac", "-proc:none", "-cp", api.toString(), "-d", classes.toString(), source.toString());
    Path services = Files.createDirectories(classes.resolve("META-INF/services"));
    Files.writeString(services.resolve(service), type);
    Path plugins = Files.createDirectories(dir.resolve("plugins"));
    tool(
        "jar",
        "--create",
        "--file",
        plugins.resolve(file).toString(),
        "-C",
        classes.toString(),
        ".");
  }

  private static void tool(String name, String... args) {
    ToolProvider tool = ToolProvider.findFirst(name).orElseThrow();
    PrintStream err = System.err;
    assertEquals(0, tool.run(err, err, args), name + " " + List.of(args));
  }

  @Test
  void aJarAddsAPlugin() throws Exception {
    jar("mine.jar", "Mine", "mine", "");
    Cli list = Cli.mm("plugins", "--plugins-path", dir.resolve("plugins").toString());
    assertEquals(0, list.code(), list.err());
    assertEquals("", list.err());
    assertTrue(list.out().contains("mine "), list.out());
    assertTrue(list.out().contains("made in a test"), list.out());
    assertTrue(list.out().contains("plugins/mine.jar"), list.out());
  }

  @Test
  void aProviderThatThrowsIsReportedAndSkipped() throws Exception {
    jar("mine.jar", "Mine", "mine", "");
    jar("broken.jar", "Broken", "broken", "throw new IllegalStateException(\"out of order\");");
    String path = dir.resolve("plugins").toString();
    Cli list = Cli.mm("plugins", "--plugins-path", path);
    assertEquals(0, list.code(), list.err());
    assertTrue(list.err().contains("skipped"), list.err());
    assertTrue(list.err().contains("broken.jar"), list.err());
    assertTrue(list.err().contains("out of order"), list.err());
    assertFalse(list.err().contains("\tat "), list.err());
    assertTrue(list.out().contains("mine.jar"), list.out());

    Cli json = Cli.mm("plugins", "--json", "--plugins-path", path);
    assertEquals(1, json.jsonList("failures").size(), json.out());

    Cli wanted = Cli.mm("plugins", "--plugins-path", path, "--plugin", "frame-allocator=broken");
    assertEquals(2, wanted.code());
    assertTrue(wanted.err().contains("out of order"), wanted.err());
  }

  @Test
  void aProviderThatCreatesNothingOrHasNoNameIsNamed() throws Exception {
    String service = "io.mm4j.api.page.FrameAllocatorProvider";
    String nothing = "throw new UnsupportedOperationException();";
    String text = provider("Empty", "empty", "").replace(nothing, "return null;");
    pack("empty.jar", "Empty", text, service);
    text = provider("Nameless", "nameless", "").replace("return \"nameless\";", "return null;");
    pack("nameless.jar", "Nameless", text, service);
    String path = dir.resolve("plugins").toString();
    Cli boot =
        Cli.mm(
            "cat", "/proc/buddyinfo", "--plugins-path", path, "--plugin", "frame-allocator=empty");
    assertEquals(2, boot.code(), boot.err());
    assertTrue(
        boot.err().contains("the frame-allocator plugin 'empty' creates nothing"), boot.err());
    assertTrue(boot.err().contains("it has no name: name() gave null"), boot.err());
  }

  /** One of them would do nothing. */
  @Test
  void twoPluginsOfOneSpiAreRefused() {
    String spi = "frame-allocator=";
    Cli two =
        Cli.mm("cat", "/proc/buddyinfo", "--plugin", spi + "buddy", "--plugin", spi + "bitmap");
    assertEquals(2, two.code(), two.err());
    assertTrue(two.err().contains("another plugin of this SPI is named, too"), two.err());
    UsageTest.assertThreeParts(two);
  }

  @Test
  void aFileThatIsNoJarIsRefused() throws Exception {
    jar("mine.jar", "Mine", "mine", "");
    Files.writeString(dir.resolve("plugins/cut.jar"), "PK, and then nothing");
    Cli list = Cli.mm("plugins", "--plugins-path", dir.resolve("plugins").toString());
    assertEquals(2, list.code(), list.err());
    assertTrue(list.err().contains("cut.jar' is no jar: "), list.err());
    UsageTest.assertThreeParts(list);
  }

  /** What is printed can be typed: an argument with blanks has its quotes. */
  @Test
  void theCommandThatShowsTheStackWorks() throws Exception {
    jar("mine.jar", "Mine", "mine", "");
    String path = dir.resolve("plugins").toString();
    Cli thrown =
        Cli.mm("explain", "mmap 8K", "--plugins-path", path, "--plugin", "frame-allocator=mine");
    assertEquals(1, thrown.code(), thrown.err());
    assertTrue(thrown.err().contains(" explain 'mmap 8K' --plugins-path "), thrown.err());
  }

  @Test
  void twoPluginsOfOneNameStopWithBothJarsNamed() throws Exception {
    jar("first.jar", "First", "same", "");
    jar("second.jar", "Second", "same", "");
    Cli list = Cli.mm("plugins", "--plugins-path", dir.resolve("plugins").toString());
    assertEquals(2, list.code());
    assertEquals("", list.out());
    assertTrue(list.err().contains("first.jar"), list.err());
    assertTrue(list.err().contains("second.jar"), list.err());
    UsageTest.assertThreeParts(list);
  }

  @Test
  void processFloorsArePluginsLikeTheOthers() throws Exception {
    String source =
        """
        public class Rival implements io.mm4j.api.process.ProcessFloorProvider {
          public String name() { return "NAME"; }
          public String summary() { return "made in a test"; }
          public java.util.List<io.mm4j.api.plugin.Setting> settings() {
            return java.util.List.of(io.mm4j.api.plugin.Setting.sysctl("swappiness", "a line"));
          }
          public io.mm4j.api.process.ProcessFloor create(
              Floors floors, io.mm4j.api.plugin.Options options) {
            throw new UnsupportedOperationException();
          }
        }
        """;
    String service = "io.mm4j.api.process.ProcessFloorProvider";
    pack("rival.jar", "Rival", source.replace("NAME", "rival"), service);
    String path = dir.resolve("plugins").toString();
    Cli list = Cli.mm("plugins", "--plugins-path", path);
    assertTrue(list.out().contains("rival "), list.out());
    assertTrue(list.out().contains("reads  vm.swappiness=NUMBER  a line"), list.out());
    String[] args = {"cat", "/proc/buddyinfo", "--plugins-path", path, "--plugin", "process=rival"};
    Cli thrown = Cli.mm(args);
    assertEquals(1, thrown.code(), "it is created at boot: " + thrown.err());
    assertTrue(thrown.err().contains("a plugin has thrown"), thrown.err());

    source = source.replace("class Rival", "class Same");
    pack("same.jar", "Same", source.replace("NAME", "linux"), service);
    Cli two = Cli.mm("plugins", "--plugins-path", path);
    assertEquals(2, two.code());
    assertTrue(two.err().contains("two process plugins are named 'linux'"), two.err());
    assertTrue(two.err().contains("same.jar"), two.err());
    assertTrue(two.err().contains("LinuxProcessFloorProvider"), two.err());
  }

  /** In a JVM of its own, as in this one the check is always on. */
  @Test
  void checkLocksFindsAPluginThatLocksOutOfOrder() throws Exception {
    String source =
        provider("Locks", "locks", "")
            .replace(
                "throw new UnsupportedOperationException();",
                """
                var page = new io.mm4j.api.KernelLock(io.mm4j.api.LockClass.PAGE_TABLE, "planted");
                zone.lock().lock();
                page.lock();
                throw new io.mm4j.api.InputException("all is well", "here", "nothing");
                """);
    pack("locks.jar", "Locks", source, "io.mm4j.api.page.FrameAllocatorProvider");
    String[] args = {
      "cat",
      "/proc/buddyinfo",
      "--plugins-path",
      dir.resolve("plugins").toString(),
      "--plugin",
      "frame-allocator=locks"
    };
    String unchecked = inAnotherJvm(args);
    assertTrue(unchecked.contains("all is well"), unchecked);
    List<String> more = new ArrayList<>(List.of(args));
    more.add("--check-locks");
    String checked = inAnotherJvm(more.toArray(String[]::new));
    assertTrue(
        checked.contains(
            "wrong order of locks: PAGE_TABLE(planted) is wanted at"
                + " locks.jar//Locks.create(Locks.java:"),
        checked);
    assertTrue(
        checked.contains("while ZONE(node0/DMA) is held since locks.jar//Locks.create("), checked);
  }

  private static String inAnotherJvm(String... args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-cp");
    command.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
            + File.pathSeparator
            + System.getProperty("jdk.module.path", ""));
    command.add(Main.class.getName());
    command.addAll(List.of(args));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return text;
  }

  @Test
  void everyFloorSaysWhatItReads() {
    String out = Cli.mm("plugins").out();
    for (String setting :
        new String[] {"mem=TEXT", "vm.min_free_kbytes=NUMBER", "vm.max_map_count=NUMBER"}) {
      assertTrue(out.contains("reads  " + setting), out);
    }
    assertTrue(Cli.mm("plugins", "--csv").out().contains("vm.overcommit_memory"), "csv");
    assertTrue(Cli.mm("plugins", "--json").out().contains("\"vm.overcommit_memory\""), "json");
  }

  /** Rules fail with the stack of the thread, each costs its own patience, and none is skipped. */
  @Test
  void aPluginThatLoopsForEverIsLeftBehind() throws Exception {
    jar("loops.jar", "Loops", "loops", "");
    try {
      Cli check =
          Cli.mm(
              "check",
              "frame-allocator=loops",
              "--plugins-path",
              dir.resolve("plugins").toString(),
              "--rule",
              "FA-01,FA-02,FA-03,FA-04",
              "--patience",
              "3");
      assertEquals(1, check.code(), check.err());
      assertTrue(check.out().contains("failed   frame-allocator=loops  FA-01"), check.out());
      assertTrue(check.out().contains("Loops.create"), check.out());
      assertTrue(
          check.out().contains("--plugins-path " + ShellWord.of(dir.resolve("plugins").toString())),
          check.out());
      assertTrue(check.out().contains("failed   frame-allocator=loops  FA-03"), check.out());
      assertTrue(check.out().contains("failed   frame-allocator=loops  FA-04"), check.out());
      assertTrue(check.out().contains("probably the same:"), check.out());
      assertTrue(check.out().contains("4 rules failed, probably of one defect"), check.out());
      assertTrue(check.out().contains("0 passed, 4 failed, 0 skipped"), check.out());
    } finally {
      System.setProperty("mm.test.end", "true");
    }
  }

  /** A provider that only module-info names would never be found: every look says what to add. */
  @Test
  void aProviderWithoutAServiceFileIsNamed() throws Exception {
    jar("mine.jar", "Mine", "mine", "");
    Path work = dir.resolve("work-mine.jar");
    Path module = Files.createDirectories(work.resolve("org/example/mine"));
    Files.writeString(
        module.resolve("Mine.java"), "package org.example.mine; " + provider("Mine", "mine", ""));
    Files.writeString(
        work.resolve("module-info.java"),
        "module org.example.mine { requires io.mm4j.api; provides"
            + " io.mm4j.api.page.FrameAllocatorProvider with org.example.mine.Mine; }");
    Path api =
        Path.of(PluginProvider.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Path classes = work.resolve("module");
    tool(
        "javac",
        "-proc:none",
        "-Xlint:none",
        "-nowarn",
        "-p",
        api + File.pathSeparator + NewPluginCommandTest.annotations(),
        "-d",
        classes.toString(),
        work.resolve("module-info.java").toString(),
        module.resolve("Mine.java").toString());
    Path plugins = dir.resolve("plugins");
    tool(
        "jar",
        "--create",
        "--file",
        plugins.resolve("mine.jar").toString(),
        "-C",
        classes.toString(),
        ".");
    Cli wanted =
        Cli.mm("plugins", "--plugins-path", plugins.toString(), "--plugin", "frame-allocator=mine");
    assertEquals(2, wanted.code());
    for (String word :
        List.of(
            "mine.jar",
            "META-INF/services/io.mm4j.api.page.FrameAllocatorProvider",
            "org.example.mine.Mine")) {
      assertTrue(wanted.err().contains(word), wanted.err());
    }
  }

  /** All jars of a folder have one loader: a provider here, what it needs there. */
  @Test
  void aProviderMayLieInOneJarAndItsClassesInAnother() throws Exception {
    String source =
        provider("Mine", "mine", "").replace("\"made in a test\"", "Words.LINE")
            + "class Words { static final String LINE = new String(\"from another jar\"); }";
    pack("mine.jar", "Mine", source, "io.mm4j.api.page.FrameAllocatorProvider");
    Path classes = dir.resolve("work-mine.jar/classes");
    Path plugins = dir.resolve("plugins");
    Path other = Files.createDirectories(dir.resolve("other"));
    Files.move(classes.resolve("Words.class"), other.resolve("Words.class"));
    tool(
        "jar",
        "--create",
        "--file",
        plugins.resolve("mine.jar").toString(),
        "-C",
        classes.toString(),
        ".");
    Cli alone = Cli.mm("plugins", "--plugins-path", plugins.toString());
    assertTrue(alone.err().contains("Words"), alone.err());
    tool(
        "jar",
        "--create",
        "--file",
        plugins.resolve("words.jar").toString(),
        "-C",
        other.toString(),
        ".");
    Cli both = Cli.mm("plugins", "--plugins-path", plugins.toString());
    assertEquals("", both.err());
    assertTrue(both.out().contains("from another jar"), both.out());
  }

  @Test
  void oneProviderInTwoJarsAndAFolderWithoutOneAreAnswered() throws Exception {
    jar("old.jar", "Mine", "mine", "");
    jar("new.jar", "Mine", "mine", "");
    Cli twice = Cli.mm("plugins", "--plugins-path", dir.resolve("plugins").toString());
    assertEquals(2, twice.code());
    assertTrue(twice.err().contains("old.jar") && twice.err().contains("new.jar"), twice.err());
    UsageTest.assertThreeParts(twice);
    Path empty = Files.createDirectories(dir.resolve("empty"));
    Cli none = Cli.mm("plugins", "--plugins-path", empty.toString());
    assertEquals(2, none.code());
    UsageTest.assertThreeParts(none);
  }

  /** maple as in 6.18; the profile of Linux 2.4 takes its own. */
  @Test
  void theDefaultIndexFollowsTheMachine() {
    for (String[] of : new String[][] {{"x86-64", "maple"}, {"x86-32-2.4", "rbtree"}}) {
      List<String> defaults =
          Cli.mm("plugins", "--machine", of[0])
              .out()
              .lines()
              .filter(l -> l.endsWith("default)"))
              .toList();
      assertEquals(9, defaults.size(), defaults.toString());
      assertTrue(defaults.get(7).startsWith("  " + of[1] + " "), defaults.toString());
    }
  }

  @Test
  void everyFormListsTheSamePlugins() {
    int csvRows = (int) Cli.mm("plugins", "--csv").out().lines().count() - 1;
    assertEquals(csvRows, Cli.mm("plugins", "--json").jsonList("plugins").size());
  }
}
