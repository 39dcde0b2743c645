// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code ./mm bench} builds before it runs, with a Maven and a JDK that only say they ran. */
class BenchScriptTest {
  @TempDir Path root;

  private record Run(int code, String text) {}

  @BeforeEach
  void aCloneThatIsBuilt() throws IOException {
    Files.copy(Path.of("../mm"), root.resolve("mm"));
    for (String folder :
        List.of("target", "mm-cli/src/main", "mm-cli/target/lib", "mm-bench/src/main")) {
      Files.createDirectories(root.resolve(folder));
    }
    for (String pom : List.of("pom.xml", "mm-cli/pom.xml", "mm-bench/pom.xml")) {
      Files.writeString(root.resolve(pom), "<project/>");
    }
    stamp("mm-cli/target/mm.stamp");
    program("jdk/bin/javac", "");
    program("jdk/bin/java", "echo java \"$@\"\ncase \" $* \" in *' nosuch '*) exit 2 ;; esac");
    program("bin/mvn", "echo mvn \"$@\" >> '" + root + "/mvn.log'\n[ ! -e '" + root + "/broken' ]");
    Files.writeString(root.resolve("jdk/release"), "JAVA_VERSION=\"25\"\n");
  }

  /** Newer than all sources. */
  private void stamp(String file) throws IOException {
    Path stamp = root.resolve(file);
    Files.createDirectories(stamp.resolveSibling(""));
    Files.writeString(stamp, "");
    Files.setLastModifiedTime(stamp, FileTime.fromMillis(System.currentTimeMillis() + 3_600_000));
  }

  private void program(String file, String body) throws IOException {
    Path program = root.resolve(file);
    Files.createDirectories(program.resolveSibling(""));
    Files.writeString(program, "#!/bin/sh\n" + body + "\n");
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private Run mm(String... words) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("bash", root.resolve("mm").toString()));
    command.addAll(Arrays.asList(words));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("JAVA_HOME", root.resolve("jdk").toString());
    builder.environment().put("PATH", root.resolve("bin") + ":" + System.getenv("PATH"));
    Process process = builder.start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Run(process.waitFor(), text);
  }

  private boolean wasBuilt() {
    return Files.exists(root.resolve("mvn.log"));
  }

  @Test
  void theCommandLineIsLookedAtThenTheyAreBuiltOnceThenTheyRun() throws Exception {
    Run run = mm("bench", "page");
    List<String> lines = run.text().lines().toList();
    assertEquals(0, run.code(), run.text());
    assertTrue(lines.getFirst().contains("-Dmm.bench.check=true"), run.text());
    assertTrue(lines.getLast().contains("-Dmm.bench.classpath=" + root), run.text());
    assertTrue(lines.getLast().endsWith(".Main bench page"), run.text());
    assertTrue(Files.readString(root.resolve("mvn.log")).contains("-pl mm-bench -am package"));

    stamp("mm-bench/target/mm.stamp");
    Files.delete(root.resolve("mvn.log"));
    assertEquals(1, mm("bench", "page").text().lines().count());
    assertFalse(wasBuilt());
  }

  @Test
  void nothingIsBuiltForAWrongNameOrAList() throws Exception {
    assertEquals(2, mm("bench", "nosuch").code());
    for (String word : List.of("--list", "--help", "-h")) {
      assertEquals(0, mm("bench", word).code());
    }
    assertEquals(0, mm("bench").code());
    assertFalse(wasBuilt());
  }

  @Test
  void aBuildThatFailsSaysWhereItsLogIs() throws Exception {
    Files.writeString(root.resolve("broken"), "");
    Run run = mm("bench", "page");
    assertEquals(2, run.code());
    assertTrue(run.text().contains("all of it is in " + root + "/target/mm-bench.log"), run.text());
    assertFalse(Files.exists(root.resolve("mm-bench/target/mm.stamp")));
    assertFalse(run.text().contains("-Dmm.bench.classpath"), run.text());
  }
}
