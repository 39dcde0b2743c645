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
import io.mm4j.testkit.Findings;
import io.mm4j.testkit.ProveMatrix;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleResult;
import io.mm4j.testkit.RuleResult.Outcome;
import io.mm4j.testkit.RuleRunner;
import io.mm4j.testkit.ShellWord;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.suites.TestKit;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
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
      "  mm check page-allocator=linux --plugin frame-allocator=mine --plugins-path"
          + " my-plugin/target",
      "  mm check --all                       (before a release)",
      "  mm check --prove",
      "  mm check --prove vma-index --rule VI-03",
    })
final class CheckCommand extends MmCommand {
  /** After so many rules that did not come to an end the patience is a sixth. */
  private static final int MANY_STUCK = 3;

  /** Seeds for each rule with --all, if nothing else is said. */
  private static final int ALL_TRIES = 200;

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
  private @Nullable String tries;

  @Option(
      names = "--all",
      description =
          "Every plugin, "
              + ALL_TRIES
              + " seeds a rule, and page allocators over every frame allocator.")
  private boolean all;

  @Option(
      names = "--patience",
      paramLabel = "SECONDS",
      description =
          "A plugin that takes longer over one step has failed that rule, 60 by default; once"
              + " it has done so with "
              + MANY_STUCK
              + " rules, a sixth of that.")
  private String patience = DEFAULT_PATIENCE;

  @Option(names = "--prove", description = "Runs the rules on plugins that are wrong on purpose.")
  private boolean prove;

  @Mixin private MachineOptions machine = new MachineOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Override
  int run(Io io) {
    String wanted = tries == null ? "" + (all ? ALL_TRIES : RuleRunner.DEFAULT_TRIES) : tries;
    long count = Sizes.parseNumber(wanted, "--tries");
    if (all && (prove || !plugins.isEmpty())) {
      throw new InputException(
          "--all is every plugin",
          prove ? "--all --prove" : "--all " + String.join(" ", plugins),
          "--all by itself, or with --rule, --tries, --plugins-path");
    }
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
            .reproduceBy((plugin, rule, seed) -> again(plugin, rule, seed, null));
    rules.forEach(id -> TestKit.rule(id, "--rule"));
    machine
        .given()
        .refuse(
            "a rule draws its machines itself, from --seed",
            "--machine",
            "--memory",
            "--cpus",
            "--nodes",
            "--cpu-nodes",
            "--cmdline",
            "--contents");
    if (prove || all) {
      machine
          .given()
          .refuse(
              prove ? "the kit's own plugins are judged" : "every plugin is judged", "--plugin");
    }
    return prove ? prove(io, runner) : check(io, runner);
  }

  /** One line for a shell: finds the plugin where it was found now. */
  private String again(String plugin, String ruleId, long seed, @Nullable PluginSpec frames) {
    Path folder = machine.pluginsPath();
    return Commands.typed()
        + " check "
        + ShellWord.of(plugin)
        + (frames == null ? "" : " --plugin " + text(Spi.FRAME_ALLOCATOR, frames))
        + " --rule "
        + ruleId
        + " --seed "
        + seed
        + (patience.equals(DEFAULT_PATIENCE) ? "" : " --patience " + patience)
        + (machine.checksLocks() ? " --check-locks" : "")
        + (folder == null ? "" : " --plugins-path " + ShellWord.of(folder.toString()));
  }

  private static String text(Spi<?> spi, PluginSpec spec) {
    return spi.id() + "=" + spec;
  }

  private int check(Io io, RuleRunner runner) {
    PluginRegistry registry = machine.registry(io);
    PluginSpec floor = floor(registry);
    List<Task<?>> tasks = new ArrayList<>();
    if (floor == null) {
      tasks.addAll(tasks(registry, null));
    }
    for (PluginSpec frames : floor == null ? framesOfAll(registry) : List.of(floor)) {
      tasks.addAll(tasks(registry, frames));
    }
    if (plugins.isEmpty() && rules.isEmpty()) {
      io.warn(extent(tasks));
    }
    boolean lines = !output.json() && !output.csv();
    List<RuleResult> results = new ArrayList<>();
    Map<String, Integer> stuck = new HashMap<>();
    try (Progress progress = new Progress(io.err(), io.terminal())) {
      for (Task<?> task : tasks) {
        progress.at(results.size(), tasks.size(), task.toString());
        boolean hangs = stuck.getOrDefault(task.plugin(), 0) >= MANY_STUCK;
        RuleResult result = task.run(hangs ? shorter(runner) : runner, registry, this);
        if (result.stuck()) {
          stuck.merge(task.plugin(), 1, Integer::sum);
        }
        results.add(result);
        if (lines) {
          progress.hide();
          CheckReport.line(io.out(), result, io.terminal());
          io.out().flush();
        }
      }
    }
    List<Findings.Finding> findings = Findings.of(results);
    if (output.json()) {
      io.out().println(Json.write(CheckReport.json(results)));
    } else if (output.csv()) {
      output.print(io, "results", CheckReport.table(results));
    } else {
      CheckReport.findings(io.out(), findings, io.terminal());
      io.out().println();
      io.out()
          .println(
              CheckReport.summary(results)
                  + (machine.given().has("--seed") ? ", seed " + machine.seed() : ""));
      CheckReport.skipped(io.out(), results);
      if (!findings.isEmpty()) {
        io.out().println(Findings.summary(findings));
      }
    }
    if (!patience.equals(DEFAULT_PATIENCE) && results.stream().noneMatch(RuleResult::stuck)) {
      io.warn("note: --patience " + patience + ": every rule came to an end before");
    }
    boolean failed = results.stream().anyMatch(r -> r.outcome() == Outcome.FAILED);
    return failed ? Main.DIFFERENT : Main.GOOD;
  }

  /** What is to be expected of a check of everything, which takes its time. */
  private String extent(List<Task<?>> tasks) {
    long judged = tasks.stream().map(Task::plugin).distinct().count();
    String seeds = tries == null ? "" + (all ? ALL_TRIES : RuleRunner.DEFAULT_TRIES) : tries;
    return String.format(
        Locale.ROOT,
        "note: %d rules on %d plugins, up to %s seeds each, a line for each: this takes %s;"
            + " SPI, SPI=NAME, --rule ID or --tries N makes it less",
        tasks.size(),
        judged,
        seeds,
        all ? "an hour or more" : "many minutes");
  }

  private RuleRunner shorter(RuleRunner runner) {
    long ms = Sizes.parseNumber(patience, "--patience") * 1000 / 6;
    return runner.patience(Duration.ofMillis(Math.max(500, ms)));
  }

  /** The frame allocator that rules of page allocators are to stand on; null for the kit's own. */
  private @Nullable PluginSpec floor(PluginRegistry registry) {
    Map<Spi<?>, PluginSpec> choices = machine.choices(registry);
    for (Map.Entry<Spi<?>, PluginSpec> choice : choices.entrySet()) {
      if (choice.getKey() != Spi.FRAME_ALLOCATOR) {
        throw new InputException(
            "the rules make this floor themselves: " + choice.getKey(),
            "--plugin " + text(choice.getKey(), choice.getValue()),
            "--plugin frame-allocator=NAME, for rules of page-allocator");
      }
    }
    PluginSpec frames = choices.get(Spi.FRAME_ALLOCATOR);
    if (frames != null
        && (plugins.isEmpty()
            || !plugins.stream().allMatch(p -> p.startsWith(Spi.PAGE_ALLOCATOR.id())))) {
      throw new InputException(
          "only machines of page allocators take a frame allocator",
          "--plugin " + text(Spi.FRAME_ALLOCATOR, frames),
          "mm check page-allocator=NAME --plugin frame-allocator=NAME");
    }
    return frames;
  }

  /** With --all every frame allocator there is, else none. */
  private List<PluginSpec> framesOfAll(PluginRegistry registry) {
    return all
        ? registry.plugins(Spi.FRAME_ALLOCATOR).stream()
            .map(info -> PluginSpec.of(info.name()))
            .toList()
        : List.of();
  }

  /** One rule on one plugin, over the kit's own floors or a frame allocator. */
  private record Task<P extends PluginProvider>(
      Rule<P> rule, P provider, Map<String, String> options, @Nullable PluginSpec frames) {
    RuleResult run(RuleRunner runner, PluginRegistry registry, CheckCommand command) {
      if (frames == null) {
        return runner.run(rule, provider, options);
      }
      var floor = registry.provider(Spi.FRAME_ALLOCATOR, frames.name(), "--plugin");
      RuleRunner over =
          runner
              .over(Spi.FRAME_ALLOCATOR, floor, frames)
              .reproduceBy((plugin, id, seed) -> command.again(plugin, id, seed, frames));
      RuleResult result = over.run(rule, provider, options);
      return result.named(result.plugin() + " over " + text(Spi.FRAME_ALLOCATOR, frames));
    }

    String plugin() {
      return rule.spi().id() + "=" + provider.name() + options + frames;
    }

    @Override
    public String toString() {
      return rule.info().id() + " " + provider.name();
    }
  }

  /** What is to be run; over a frame allocator only what has machines that stand on one. */
  private List<Task<?>> tasks(PluginRegistry registry, @Nullable PluginSpec frames) {
    List<Task<?>> tasks = new ArrayList<>();
    for (Map.Entry<Spi<?>, List<PluginSpec>> entry : chosen(registry).entrySet()) {
      for (PluginSpec spec : entry.getValue()) {
        if (frames == null || entry.getKey() == Spi.PAGE_ALLOCATOR) {
          add(tasks, registry, entry.getKey(), spec, frames);
        }
      }
    }
    if (all && frames != null) {
      tasks.removeIf(task -> !task.rule.takesFloors());
      return tasks;
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
      List<Task<?>> tasks,
      PluginRegistry registry,
      Spi<P> spi,
      PluginSpec spec,
      @Nullable PluginSpec frames) {
    P provider = registry.provider(spi, spec.name(), spi.id() + "=" + spec.name());
    for (Rule<P> rule : rulesOf(spi)) {
      if (isChosen(rule.info().id())) {
        tasks.add(new Task<>(rule, provider, spec.options(), frames));
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
