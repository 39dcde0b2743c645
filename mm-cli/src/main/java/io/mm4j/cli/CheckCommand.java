// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.cli.check.CheckReport;
import io.mm4j.cli.check.ProofReport;
import io.mm4j.cli.text.Json;
import io.mm4j.cli.text.Progress;
import io.mm4j.testkit.ProveMatrix;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleResult;
import io.mm4j.testkit.RuleResult.Outcome;
import io.mm4j.testkit.RuleRunner;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.suites.TestKit;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mm check}: the test kit. */
@Command(
    sortOptions = false,
    description =
        "Runs the numbered rules of the test kit on plugins, by default on all of them. A failure"
            + " is shrunk to few operations and comes with the command that repeats it. Exits"
            + " with 1 if a rule failed.",
    footer = {
      "",
      "Examples:",
      "  mm check",
      "  mm check frame-allocator=bitmap",
      "  mm check frame-allocator=mine --plugins-path my-plugin/target --tries 200",
      "  mm check --prove",
      "  mm check --prove vma-index --rule VI-03",
    })
final class CheckCommand extends MmCommand {
  /** So many rules may fail by not coming to an end: each leaves a thread behind that goes on. */
  private static final int MOST_STUCK = 3;

  private static final String DEFAULT_PATIENCE =
      Long.toString(RuleRunner.DEFAULT_PATIENCE.toSeconds());

  @Parameters(
      arity = "0..*",
      paramLabel = "SPI=NAME",
      description = "Plugins to judge; with --prove, SPI alone: the kit's own plugins are judged.")
  private List<String> plugins = new ArrayList<>();

  @Option(names = "--rule", split = ",", paramLabel = "ID", description = "Only these rules.")
  private List<String> rules = new ArrayList<>();

  @Option(
      names = "--tries",
      paramLabel = "N",
      description = "Seeds for each rule, " + RuleRunner.DEFAULT_TRIES + " by default.")
  private String tries = Integer.toString(RuleRunner.DEFAULT_TRIES);

  @Option(
      names = "--patience",
      paramLabel = "SECONDS",
      description =
          "A plugin that takes longer over one step has failed, 60 by default; when it has done so"
              + " with "
              + MOST_STUCK
              + " rules, its other rules are not run.")
  private String patience = DEFAULT_PATIENCE;

  @Option(names = "--prove", description = "Runs the rules on plugins that are wrong on purpose.")
  private boolean prove;

  @Mixin private MachineOptions machine = new MachineOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Override
  int run(Io io) {
    long count = Sizes.parseNumber(tries, "--tries");
    if (count < 1 || count > 1_000_000) {
      throw new InputException("'" + tries + "' is out of range", "--tries", "1 to 1000000");
    }
    long seconds = Sizes.parseNumber(patience, "--patience");
    if (seconds < 1 || seconds > 86_400) {
      throw new InputException("'" + patience + "' is out of range", "--patience", "1 to 86400");
    }
    RuleRunner runner =
        RuleRunner.create()
            .seed(machine.seed())
            .tries((int) count)
            .patience(Duration.ofSeconds(seconds))
            .reproduceBy(this::again);
    rules.forEach(id -> TestKit.rule(id, "--rule"));
    machine.refuse("a rule draws its machines itself, from --seed");
    return prove ? prove(io, runner) : check(io, runner);
  }

  /** One line for a shell: finds the plugin where it was found now. */
  private String again(String plugin, String ruleId, long seed) {
    Path folder = machine.pluginsPath();
    return "./mm check "
        + plugin
        + " --rule "
        + ruleId
        + " --seed "
        + seed
        + (patience.equals(DEFAULT_PATIENCE) ? "" : " --patience " + patience)
        + (machine.checksLocks() ? " --check-locks" : "")
        + (folder == null ? "" : " --plugins-path '" + folder + "'");
  }

  private int check(Io io, RuleRunner runner) {
    PluginRegistry registry = machine.registry(io);
    List<Task<?>> tasks = tasks(registry);
    boolean lines = !output.json() && !output.csv();
    List<RuleResult> results = new ArrayList<>();
    Map<String, List<String>> stuck = new HashMap<>();
    try (Progress progress = new Progress(io.err(), io.terminal())) {
      for (Task<?> task : tasks) {
        progress.at(results.size(), tasks.size(), task.toString());
        List<String> stuckRules = stuck.computeIfAbsent(task.plugin(), p -> new ArrayList<>());
        RuleResult result =
            stuckRules.size() < MOST_STUCK
                ? task.run(runner)
                : task.skip(String.join(", ", stuckRules));
        if (result.stuck()) {
          stuckRules.add(result.rule().id());
        }
        results.add(result);
        if (lines) {
          progress.hide();
          CheckReport.line(io.out(), result, io.terminal());
          io.out().flush();
        }
      }
    }
    if (output.json()) {
      io.out().println(Json.write(CheckReport.json(results)));
    } else if (output.csv()) {
      output.print(io, "results", CheckReport.table(results));
    } else {
      io.out().println();
      io.out().println(CheckReport.summary(results));
    }
    boolean failed = results.stream().anyMatch(r -> r.outcome() == Outcome.FAILED);
    return failed ? Main.DIFFERENT : Main.GOOD;
  }

  /** One rule on one plugin. */
  private record Task<P extends PluginProvider>(
      Rule<P> rule, P provider, Map<String, String> options) {
    RuleResult run(RuleRunner runner) {
      return runner.run(rule, provider, options);
    }

    /** Not run, as the plugin did not come to an end with other rules. */
    RuleResult skip(String stuckRules) {
      return RuleResult.skipped(
          rule.info(), plugin(), "it did not come to an end with " + stuckRules);
    }

    String plugin() {
      return rule.spi().id() + "=" + provider.name() + (options.isEmpty() ? "" : ":" + options);
    }

    @Override
    public String toString() {
      return rule.info().id() + " " + provider.name();
    }
  }

  private List<Task<?>> tasks(PluginRegistry registry) {
    List<Task<?>> tasks = new ArrayList<>();
    for (Map.Entry<Spi<?>, List<PluginSpec>> entry : chosen(registry).entrySet()) {
      for (PluginSpec spec : entry.getValue()) {
        add(tasks, registry, entry.getKey(), spec);
      }
    }
    if (tasks.isEmpty()) {
      throw new InputException(
          "no rule is left to run on these plugins: " + String.join(", ", rules),
          "mm check " + String.join(" ", plugins),
          rules.stream()
              .map(id -> id + " with a plugin of " + TestKit.rule(id, "--rule").spi().id())
              .collect(Collectors.joining(", ")));
    }
    return tasks;
  }

  private <P extends PluginProvider> void add(
      List<Task<?>> tasks, PluginRegistry registry, Spi<P> spi, PluginSpec spec) {
    P provider = registry.provider(spi, spec.name(), spi.id() + "=" + spec.name());
    for (Rule<P> rule : rulesOf(spi)) {
      if (isChosen(rule.info().id())) {
        tasks.add(new Task<>(rule, provider, spec.options()));
      }
    }
  }

  private static <P extends PluginProvider> List<Rule<P>> rulesOf(Spi<P> spi) {
    List<Rule<P>> found = TestKit.rules(spi);
    if (found.isEmpty()) {
      throw new InputException(
          "the test kit has no rules for this SPI yet",
          spi.id(),
          Spi.all().stream()
              .filter(s -> !TestKit.rules(s).isEmpty())
              .map(Spi::id)
              .collect(Collectors.joining(", ", "an SPI with rules: ", "")));
    }
    return found;
  }

  /** What was named, else every plugin for whose SPI there are rules. */
  private Map<Spi<?>, List<PluginSpec>> chosen(PluginRegistry registry) {
    Map<Spi<?>, List<PluginSpec>> chosen = new LinkedHashMap<>();
    for (String plugin : plugins) {
      if (!plugin.contains("=")) {
        Spi<?> whole = whole(registry, plugin);
        registry
            .plugins(whole)
            .forEach(
                info ->
                    chosen
                        .computeIfAbsent(whole, s -> new ArrayList<>())
                        .add(PluginSpec.of(info.name())));
        continue;
      }
      Map<Spi<?>, PluginSpec> one = new LinkedHashMap<>();
      MachineOptions.parseChoice(registry, plugin, "SPI=NAME", one);
      one.forEach((spi, spec) -> chosen.computeIfAbsent(spi, s -> new ArrayList<>()).add(spec));
    }
    if (plugins.isEmpty()) {
      for (Suite<?> suite : TestKit.suites()) {
        List<PluginSpec> specs = new ArrayList<>();
        for (PluginInfo info : registry.plugins(suite.spi())) {
          specs.add(PluginSpec.of(info.name()));
        }
        chosen.put(suite.spi(), specs);
      }
    }
    return chosen;
  }

  /** A word without '=': an SPI, all of whose plugins are meant. */
  private static Spi<?> whole(PluginRegistry registry, String word) {
    String name = word.contains(":") ? word.substring(0, word.indexOf(':')) : word;
    List<String> plugins = new ArrayList<>();
    for (Spi<?> spi : Spi.all()) {
      if (spi.id().equals(word)) {
        return spi;
      }
      registry.plugins(spi).stream()
          .filter(info -> info.name().equals(name))
          .forEach(info -> plugins.add(spi.id() + "=" + word));
    }
    if (plugins.isEmpty()) {
      return PluginRegistry.spi(word, "mm check " + word);
    }
    throw new InputException(
        "'" + word + "' names a plugin, but not of which SPI",
        "mm check " + word,
        String.join(" or ", plugins));
  }

  private int prove(Io io, RuleRunner runner) {
    machine.registry(io);
    boolean text = !output.json() && !output.csv();
    List<ProveMatrix> matrices = new ArrayList<>();
    List<Suite<?>> suites = suitesToProve();
    for (Suite<?> suite : suites) {
      ProveMatrix matrix;
      try (Progress progress = new Progress(io.err(), io.terminal())) {
        progress.at(matrices.size(), suites.size(), "faults of " + suite.spi().id());
        matrix = ProveMatrix.prove(suite, runner, this::isChosen);
      }
      matrices.add(matrix);
      if (text) {
        ProofReport.print(io.out(), matrix);
        io.out().flush();
      }
    }
    if (output.json()) {
      io.out().println(Json.write(ProofReport.json(matrices)));
    } else if (output.csv()) {
      output.print(io, "proof", ProofReport.table(matrices));
      matrices.forEach(matrix -> matrix.problems().forEach(io::warn));
    }
    boolean proved = matrices.stream().allMatch(ProveMatrix::proved);
    return proved ? Main.GOOD : Main.DIFFERENT;
  }

  private boolean isChosen(String rule) {
    return rules.isEmpty() || rules.stream().anyMatch(rule::equalsIgnoreCase);
  }

  /**
   * Those of the SPIs that were named, else all, as far as they have a rule that is to be proved.
   */
  private List<Suite<?>> suitesToProve() {
    Set<Spi<?>> spis = new HashSet<>();
    for (String name : plugins) {
      if (name.contains("=")) {
        throw new InputException(
            "--prove judges the kit's own plugins, not '" + name + "'",
            "mm check --prove",
            "the name of an SPI: " + name.substring(0, name.indexOf('=')));
      }
      Spi<?> spi = PluginRegistry.spi(name, "mm check --prove " + name);
      rulesOf(spi);
      spis.add(spi);
    }
    List<Suite<?>> suites = new ArrayList<>();
    for (Suite<?> suite : TestKit.suites()) {
      if ((spis.isEmpty() || spis.stream().anyMatch(spi -> TestKit.proves(suite, spi)))
          && suite.rules().stream().anyMatch(rule -> isChosen(rule.info().id()))) {
        suites.add(suite);
      }
    }
    if (suites.isEmpty()) {
      throw new InputException(
          "no rule is left to prove", "mm check --prove", "SPIs and rules of theirs");
    }
    return suites;
  }
}
