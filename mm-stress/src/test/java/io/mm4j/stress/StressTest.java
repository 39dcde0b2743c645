// SPDX-License-Identifier: Apache-2.0

package io.mm4j.stress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs jcstress in a process of its own: every path with a little time each, and the planted races,
 * which must be found. With {@code -Psoak} about ten minutes, under several compilers.
 */
class StressTest {
  private static final String PATHS = "io\\.mm4j\\.stress\\.(?!Planted)";

  /** Those of the build; the slab's take minutes, as a machine is made for each. */
  private static final String SHORT_PATHS = "io\\.mm4j\\.stress\\.(?!Planted|Slab)";

  private static final Pattern LONG = Pattern.compile("\\.Slab|Sheaf");

  /** How often planted races that were not found are looked for. */
  private static final int REPEATS = 6;

  /** Locks are taken in order; not asked of the planted races, which leave locks out. */
  private static final String CHECKED = " -Dmm.checkLocks=true";

  private static final Pattern VERDICT =
      Pattern.compile("\\[([A-Z][A-Z ]+)\\] (io\\.mm4j\\.stress\\.\\S+)");

  /** What a run said of each test: {@code OK}, {@code FAILED}, {@code ERROR}... */
  private record Run(int exit, Map<String, Set<String>> verdicts, String report, String command) {
    Run {
      verdicts = Map.copyOf(verdicts);
    }

    Set<String> with(boolean good) {
      return verdicts.entrySet().stream()
          .filter(v -> v.getValue().equals(Set.of("OK")) == good)
          .map(Map.Entry::getKey)
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  @BeforeEach
  void twoThreadsNeedTwoProcessors() {
    Assumptions.assumeTrue(
        Runtime.getRuntime().availableProcessors() >= 2, "jcstress needs two processors");
  }

  @Test
  void noPathLosesAnything() throws Exception {
    holds(run(SHORT_PATHS, "-XX:+UseSerialGC" + CHECKED, 250, 2), names(false, false));
  }

  /**
   * Those that were not found run again, each time for twice as long, as how often two threads meet
   * depends on what else the machine does. On a quiet machine the first run finds all. Six runs
   * last 63 times as long as the first: enough where the two meet 60 times less often, and a race
   * that the first run misses by chance, even nine times in ten, is missed by all of them once in
   * seven hundred.
   */
  @Test
  void everyPlantedRaceIsFound() throws Exception {
    find(names(true, false));
  }

  @Tag("soak")
  @Test
  void everyPlantedRaceOfTheSlabIsFound() throws Exception {
    find(names(true, true));
  }

  private static void find(Set<String> planted) throws Exception {
    Set<String> missing = planted;
    StringBuilder reports = new StringBuilder();
    for (int repeat = 0; repeat < REPEATS && !missing.isEmpty(); repeat++) {
      String tests =
          missing.stream().map(Pattern::quote).collect(Collectors.joining("|", "(", ")$"));
      Run run = run(tests, "-XX:+UseSerialGC", 400, 2 << repeat);
      assertEquals(missing, run.verdicts.keySet(), run.report);
      assertEquals(run.with(false).isEmpty(), run.exit == 0, run.report);
      missing = run.with(true);
      reports.append(run.report);
    }
    assertEquals(Set.of(), missing, () -> "not found:\n" + reports);
  }

  @Tag("soak")
  @ParameterizedTest
  @ValueSource(
      strings = {
        "-XX:+UseSerialGC",
        "-XX:+UseParallelGC -XX:TieredStopAtLevel=1",
        "-XX:+UseParallelGC -XX:-TieredCompilation -XX:+UnlockDiagnosticVMOptions"
            + " -XX:+StressLCM -XX:+StressGCM -XX:+StressIGVN",
        "-XX:+UseG1GC -XX:-TieredCompilation"
      })
  void noPathLosesAnythingForLong(String jvmArgs) throws Exception {
    holds(run(PATHS, jvmArgs + CHECKED, 1000, 5), names(false, true));
  }

  private static void holds(Run run, Set<String> tests) {
    assertEquals(tests, run.verdicts.keySet(), run.report);
    assertEquals(
        Set.of(), run.with(false), () -> run.report + "\n\nagain with:\n" + run.command + "\n");
    assertEquals(0, run.exit, run.report);
  }

  /** The tests that were compiled, by jcstress's own list. */
  private static Set<String> names(boolean planted, boolean withLong) throws IOException {
    Set<String> names = new TreeSet<>();
    try (InputStream in =
        Objects.requireNonNull(Box.class.getResourceAsStream("/META-INF/TestList"))) {
      String list = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      Matcher matcher = Pattern.compile("JCTEST\\d+S([\\w.]+?)\\d+Sio\\.").matcher(list);
      while (matcher.find()) {
        String name = matcher.group(1);
        if (name.startsWith("io.mm4j.stress.Planted") == planted
            && (withLong || !LONG.matcher(name).find())) {
          names.add(name);
        }
      }
    }
    assertFalse(names.isEmpty());
    return names;
  }

  /**
   * Runs some tests.
   *
   * @param tests a regular expression
   * @param jvmArgs the one configuration of the JVM that the tests run in
   * @param ms how long each test runs, for each of {@code rounds}
   */
  private static Run run(String tests, String jvmArgs, int ms, int rounds) throws Exception {
    Path results = Files.createDirectories(Path.of("target", "jcstress").toAbsolutePath());
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-cp");
    command.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    command.add("org.openjdk.jcstress.Main");
    command.addAll(List.of("-t", tests, "-jvmArgs", jvmArgs));
    command.addAll(List.of("-time", "" + ms, "-iters", "" + rounds, "-f", "1", "-fsm", "1"));
    // The bodies are long, as such tests go: small strides keep the two threads close together.
    command.addAll(List.of("-strideSize", "2", "-strideCount", "10", "-hs", "512", "-sc", "false"));
    // Other work on the machine is the rule: no thread is bound to a processor or spins for long.
    command.addAll(List.of("-af", "NONE", "-spinStyle", "THREAD_YIELD"));
    command.addAll(List.of("-r", results.toString(), "-v"));
    Process process =
        new ProcessBuilder(command).directory(results.toFile()).redirectErrorStream(true).start();
    StringBuilder report = new StringBuilder();
    Map<String, Set<String>> verdicts = new TreeMap<>();
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        report.append(line).append('\n');
        Matcher matcher = VERDICT.matcher(line);
        if (matcher.find()) {
          verdicts.computeIfAbsent(matcher.group(2), name -> new TreeSet<>()).add(matcher.group(1));
        }
      }
    }
    return new Run(process.waitFor(), verdicts, report.toString(), String.join(" ", command));
  }
}
