// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Coverage-guided fuzzing of everything that reads a recording, by Jazzer in a process of its own:
 * a stack trace, a minute on one input, or more memory than the heap given (and two gigabytes in
 * all; 0.8 is usual) is a failure. Each run has a new seed, unless {@code -Dmm4j.fuzz.seed} is
 * given; an input that was found is a file, which {@code -Dmm4j.fuzz.file} replays alone.
 */
class FuzzTest {
  private static final Path WORK = Path.of("target/fuzz");
  private static final Path CORPUS = Path.of("src/test/corpus");

  @Test
  void noInputBreaksTheReplayInTwentySeconds() throws Exception {
    String file = System.getProperty("mm4j.fuzz.file");
    if (file != null) {
      ReplayFuzzer.fuzzerTestOneInput(Files.readAllBytes(Path.of(file)));
      return;
    }
    fuzz(20);
  }

  @Tag("soak")
  @Test
  void noInputBreaksTheReplayForLong() throws Exception {
    fuzz((int) Math.round(10 * Double.parseDouble(System.getProperty("mm.minutes", "60"))));
  }

  private static void fuzz(int seconds) throws IOException, InterruptedException {
    Path seeds = WORK.resolve("seeds");
    Path found = WORK.resolve("found");
    Files.createDirectories(seeds);
    Files.createDirectories(found);
    writeSeeds(seeds);
    String seed =
        System.getProperty(
            "mm4j.fuzz.seed", String.valueOf(1 + (new SecureRandom().nextInt() & 0x3fff_ffff)));
    System.out.println("fuzzing of replays: new seed " + seed + ", " + seconds + " seconds");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    // Of address space a JVM takes much more than it uses: a gigabyte for class pointers alone.
    command.addAll(List.of("-Xmx512m", "-XX:CompressedClassSpaceSize=128m"));
    command.add("-XX:+EnableDynamicAgentLoading");
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp", classPath()));
    command.add("com.code_intelligence.jazzer.Jazzer");
    command.add("--target_class=" + ReplayFuzzer.class.getName());
    command.add("--instrumentation_includes=io.mm4j.**");
    command.add("--reproducer_path=" + WORK);
    command.addAll(List.of(found.toString(), seeds.toString()));
    command.addAll(List.of("-max_total_time=" + seconds, "-seed=" + seed, "-timeout=60"));
    command.addAll(List.of("-max_len=65536", "-rss_limit_mb=2000", "-print_final_stats=1"));
    command.add("-artifact_prefix=" + WORK + "/");
    Path log = WORK.resolve("jazzer.log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    int exit = process.waitFor();
    String said = Files.readString(log, StandardCharsets.ISO_8859_1);
    assertEquals(
        0, exit, () -> tail(said) + "\nto reproduce: " + reproduce(said) + "\n(seed " + seed + ')');
    assertTrue(said.contains("Done "), () -> tail(said));
  }

  /** The command for the input that Jazzer wrote down. */
  private static String reproduce(String said) {
    Matcher matcher = Pattern.compile("Test unit written to (\\S+)").matcher(said);
    Path input = Path.of(matcher.find() ? matcher.group(1) : WORK + "/crash-*").toAbsolutePath();
    return "mvn test -pl mm-replay -am -Dtest='FuzzTest#*TwentySeconds'"
        + " -Dsurefire.failIfNoSpecifiedTests=false -Dmm4j.fuzz.file="
        + input;
  }

  /** Small real recordings of each form, as text and packed. */
  private static void writeSeeds(Path seeds) throws IOException {
    Path dev = CORPUS.resolve("vma/dev");
    for (String name :
        List.of(
            "directed-munmap_args",
            "directed-cow_fork",
            "directed-seal",
            "directed-ia32_wrap",
            "directed-growsdown",
            "directed-mlock_account",
            "files-000",
            "remap-000",
            "limits-000")) {
      byte[] packed = Files.readAllBytes(dev.resolve(name + ".vma.gz"));
      byte[] text;
      try (InputStream in =
          new GZIPInputStream(Files.newInputStream(dev.resolve(name + ".vma.gz")))) {
        text = in.readAllBytes();
      }
      write(seeds.resolve(name), 'v', text);
      write(seeds.resolve(name + ".gz"), 'v', packed);
    }
    for (String name : List.of("ls", "threads", "static")) {
      ByteArrayOutputStream both = new ByteArrayOutputStream();
      both.write(Files.readAllBytes(CORPUS.resolve("strace/" + name + ".strace")));
      both.write("%\n".getBytes(StandardCharsets.UTF_8));
      both.write(Files.readAllBytes(CORPUS.resolve("strace/" + name + ".maps")));
      write(seeds.resolve(name), 's', both.toByteArray());
    }
  }

  private static void write(Path file, char form, byte[] bytes) throws IOException {
    try (OutputStream out = Files.newOutputStream(file)) {
      out.write(form);
      out.write(bytes);
    }
  }

  private static String classPath() {
    Set<String> entries = new LinkedHashSet<>();
    entries.add(Path.of("target/test-classes").toAbsolutePath().toString());
    entries.add(Path.of("target/classes").toAbsolutePath().toString());
    for (String property : List.of("jdk.module.path", "java.class.path")) {
      String value = System.getProperty(property);
      if (value != null && !value.isEmpty()) {
        entries.addAll(List.of(value.split(File.pathSeparator, -1)));
      }
    }
    return String.join(File.pathSeparator, entries);
  }

  private static String tail(String text) {
    return text.substring(Math.max(0, text.length() - 6000));
  }
}
