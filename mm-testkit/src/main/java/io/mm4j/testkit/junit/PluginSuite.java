// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.junit;

import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.testkit.Findings;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleResult;
import io.mm4j.testkit.RuleResult.Outcome;
import io.mm4j.testkit.RuleRunner;
import io.mm4j.testkit.ShellWord;
import io.mm4j.testkit.suites.TestKit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apiguardian.api.API;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Runs every rule of one SPI over plugins, one dynamic test for each.
 *
 * <pre>{@code
 * class MyAllocatorTest extends PluginSuite<FrameAllocatorProvider> {
 *   MyAllocatorTest() {
 *     super(Spi.FRAME_ALLOCATOR);
 *   }
 *
 *   @Override
 *   protected List<PluginSpec> plugins(PluginRegistry registry) {
 *     return List.of(PluginSpec.of("my-allocator"));
 *   }
 * }
 * }</pre>
 *
 * <p>Without that method every plugin of the SPI that can be found is judged. The system properties
 * {@code mm.rule}, {@code mm.plugin}, {@code mm.seed} and {@code mm.tries} narrow a run; a failure
 * prints them as a command. {@code mm.patience} is how many seconds one step may take; with {@code
 * mm.shrink=false} failing lists stay as they were generated, where only the verdict counts.
 *
 * @param <P> the provider type of the SPI
 */
@API(status = API.Status.MAINTAINED)
public abstract class PluginSuite<P extends PluginProvider> {
  private final Spi<P> spi;

  /** A suite for this SPI. */
  protected PluginSuite(Spi<P> spi) {
    this.spi = spi;
  }

  /** The plugins to judge, by name and options; all that are found unless overridden. */
  protected List<PluginSpec> plugins(PluginRegistry registry) {
    return registry.plugins(spi).stream().map(info -> PluginSpec.of(info.name())).toList();
  }

  /** Where plugins are found. */
  protected PluginRegistry registry() {
    return PluginRegistry.discover();
  }

  /** Seeds for each rule. */
  protected int tries() {
    return Integer.getInteger("mm.tries", RuleRunner.DEFAULT_TRIES);
  }

  /** One container for each plugin, one test for each rule. */
  @TestFactory
  Stream<DynamicNode> rules() {
    PluginRegistry registry = registry();
    List<Rule<P>> rules = TestKit.rules(spi);
    Assertions.assertFalse(rules.isEmpty(), () -> "the test kit has no rules for " + spi);
    List<PluginSpec> specs = new ArrayList<>(plugins(registry));
    String only = System.getProperty("mm.plugin");
    if (only != null) {
      specs.clear();
      if (only.startsWith(spi.id() + "=")) {
        specs.add(PluginSpec.parse(only.substring(spi.id().length() + 1), "mm.plugin"));
      }
    }
    return specs.stream().map(spec -> container(rules, registry, spec));
  }

  /** A plugin that is found here but judged nowhere fails the build. */
  @TestFactory
  Stream<DynamicTest> everyPluginHasRules() {
    PluginRegistry registry = registry();
    return Spi.all().stream()
        .flatMap(each -> registry.plugins(each).stream())
        .map(
            info ->
                DynamicTest.dynamicTest(
                    info.spi() + "=" + info.name() + " has rules", () -> hasRules(info)));
  }

  private static void hasRules(PluginInfo info) {
    Assertions.assertTrue(
        !TestKit.rules(info.spi()).isEmpty(),
        () -> "no suite of the test kit judges " + info.spi() + "=" + info.name());
  }

  private DynamicNode container(List<Rule<P>> rules, PluginRegistry registry, PluginSpec spec) {
    String only = System.getProperty("mm.rule");
    List<RuleResult> results = Collections.synchronizedList(new ArrayList<>());
    String name = spi.id() + "=" + spec.name();
    Stream<DynamicTest> tests =
        rules.stream()
            .filter(rule -> only == null || rule.info().id().equals(only))
            .map(
                rule ->
                    DynamicTest.dynamicTest(
                        rule.toString(), () -> judge(rule, registry, spec, results)));
    // Last: says what a build that succeeds does not show, and where to begin with one that fails.
    DynamicTest summary = DynamicTest.dynamicTest("summary", () -> summarize(name, results));
    return DynamicContainer.dynamicContainer(name, Stream.concat(tests, Stream.of(summary)));
  }

  private static void summarize(String name, List<RuleResult> results) {
    Map<String, Integer> reasons = new LinkedHashMap<>();
    for (RuleResult result : results) {
      if (result.outcome() == Outcome.SKIPPED) {
        reasons.merge("" + result.reason(), 1, Integer::sum);
      }
    }
    int skipped = reasons.values().stream().mapToInt(i -> i).sum();
    List<Findings.Finding> findings = Findings.of(results);
    if (skipped + findings.size() == 0) {
      return;
    }
    System.out.println(name + ": " + results.size() + " rules, " + skipped + " skipped");
    reasons.forEach((reason, count) -> System.out.println("  " + count + " skipped: " + reason));
    if (!findings.isEmpty()) {
      System.out.println("  " + Findings.summary(findings));
      System.out.println(findings.getFirst().report());
    }
  }

  private void judge(
      Rule<P> rule, PluginRegistry registry, PluginSpec spec, List<RuleResult> results) {
    RuleRunner runner =
        RuleRunner.create()
            .tries(tries())
            .patience(
                Duration.ofSeconds(
                    Long.getLong("mm.patience", RuleRunner.DEFAULT_PATIENCE.toSeconds())))
            .seed(Long.getLong("mm.seed", RuleRunner.DEFAULT_SEED))
            .reproduceBy(this::command);
    if (System.getProperty("mm.shrink", "true").equals("false")) {
      runner = runner.withoutShrinking();
    }
    RuleResult result = runner.run(List.of(rule), registry, spi, spec).getFirst();
    results.add(result);
    Assumptions.assumeFalse(result.outcome() == Outcome.SKIPPED, () -> "" + result.reason());
    if (result.failure() != null) {
      Assertions.fail(result.report(), result.failure().cause());
    }
  }

  /** One line for a shell, whatever folder it is typed in. */
  private String command(String plugin, String ruleId, long seed) {
    Path module = Path.of(System.getProperty("basedir", "")).toAbsolutePath().normalize();
    Path parent = module.getParent();
    String patience = System.getProperty("mm.patience");
    return "mvn test "
        + (parent != null && isModule(parent, module)
            ? "-f " + ShellWord.of(parent.toString()) + " -pl " + module.getFileName() + " -am"
            : "-f " + ShellWord.of(module.toString()))
        + " -Dsurefire.failIfNoSpecifiedTests=false -Dtest="
        + getClass().getSimpleName()
        + " -Dmm.rule="
        + ruleId
        + " -Dmm.seed="
        + seed
        + (patience == null ? "" : " -Dmm.patience=" + patience)
        + " -Dmm.plugin="
        + ShellWord.of(plugin);
  }

  /** Whether the folder above is a project that names this one as its module. */
  private static boolean isModule(Path parent, Path folder) {
    try {
      return Files.readString(parent.resolve("pom.xml"))
          .contains("<module>" + folder.getFileName() + "</module>");
    } catch (IOException e) {
      return false;
    }
  }
}
