// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.cli.text.Json;
import io.mm4j.cli.text.Progress;
import io.mm4j.cli.verdict.VerdictJson;
import io.mm4j.cli.verdict.VerdictText;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Recordings;
import io.mm4j.replay.Verdict;
import io.mm4j.replay.kmem.KmemChecks;
import io.mm4j.replay.kmem.KmemSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mm replay}. */
@Command(
    sortOptions = false,
    description =
        "Replays recordings of a real kernel and says of each whether this machine does the same:"
            + " exact, DIFFERS (with the first evidence), or unjudged where a check that it needs"
            + " was skipped. Exits with 1 if any differs.",
    footer = {
      "",
      "Examples:",
      "  mm replay frag_pipe frag_mix --plugin frame-allocator=bitmap",
      "  mm replay mm-replay/src/test/corpus/vma/dev --by-class",
      "  mm replay --json mm-replay/src/test/corpus/vma/dev/basic-000.vma.gz",
    })
final class ReplayCommand extends MmCommand {
  @Parameters(
      arity = "0..*",
      paramLabel = "PATH",
      description =
          "Recordings, or folders of them: *.vma.gz, kmem folders, strace text; bundled names.")
  private List<Path> paths = new ArrayList<>();

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "CHECK",
      description = "Judges by these checks alone.")
  private List<String> only = new ArrayList<>();

  @Option(
      names = "--by-class",
      description = "Prints a table of checks by class of recording instead of a line for each.")
  private boolean byClass;

  @Option(
      names = "--maps",
      paramLabel = "FILE",
      description = "The initial maps of a strace text; by default NAME.maps beside it.")
  private @Nullable Path maps;

  @Mixin private MachineOptions machine = new MachineOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Override
  int run(Io io) {
    PluginRegistry registry = machine.registry(io);
    machine
        .given()
        .refuse(
            "a recording is replayed on the machine that it was made on; `mm run --memory 1G` plays"
                + " page requests on another",
            "--machine",
            "--memory",
            "--nodes",
            "--cpu-nodes",
            "--cmdline",
            "--contents");
    machine.given().refuseSeed();
    Judge judge = new Judge(registry, machine.choices(registry), machine.cpusOr(0));
    List<Path> named = new ArrayList<>(paths);
    List<String> bundled = new ArrayList<>();
    for (Path path : paths) {
      if (!Files.exists(path) && KmemSource.bundledNames().contains(path.toString())) {
        bundled.add(path.toString());
        named.remove(path);
      }
    }
    List<Recording> recordings =
        named.isEmpty() && !bundled.isEmpty() ? List.of() : Recordings.find(named);
    if (maps != null) {
      recordings = List.of(withMaps(recordings, maps));
    }
    boolean lines = !output.json() && !output.csv() && !byClass;
    List<Verdict> verdicts = new ArrayList<>();
    int bad = 0;
    long startNs = System.nanoTime();
    for (String name : bundled) {
      Verdict verdict = restrict(judge.run(KmemSource.bundled(name), 0).verdict());
      verdicts.add(verdict);
      if (lines) {
        line(io, verdict);
      }
    }
    try (Progress progress = new Progress(io.err(), io.terminal())) {
      for (Recording recording : recordings) {
        progress.at(
            verdicts.size() + bad, recordings.size() + bundled.size(), recording.path().toString());
        Verdict whole;
        try {
          whole = judge.judge(recording);
        } catch (InputException e) {
          progress.hide();
          Errors.print(io, "mm replay", e.what(), e.where(), e.allowed());
          bad++;
          continue;
        }
        // A check that there is not is said once, not for each recording.
        Verdict verdict = restrict(whole);
        verdicts.add(verdict);
        if (lines) {
          progress.hide();
          line(io, verdict);
        }
      }
    }
    sayWhatWasAsked(io, verdicts);
    double seconds = (System.nanoTime() - startNs) / 1e9;
    print(io, verdicts, recordings.size() + bundled.size(), lines, seconds);
    boolean differs = verdicts.stream().anyMatch(Verdict::differs);
    return bad > 0 ? Main.WRONG_INPUT : differs ? Main.DIFFERENT : Main.GOOD;
  }

  /** A verdict does not show which plugins and CPUs it was reached with. */
  private void sayWhatWasAsked(Io io, List<Verdict> verdicts) {
    machine.given().plugins().forEach(plugin -> io.warn("note: judged with " + plugin));
    boolean caches =
        verdicts.stream()
            .flatMap(v -> v.checks().stream())
            .anyMatch(c -> c.name().equals(KmemChecks.CACHE_GEOMETRY) && c.skipped() == null);
    if (machine.given().has("--cpus") && caches) {
      io.warn("note: caches are judged as those of a machine with " + machine.cpusOr(0) + " CPUs");
    } else if (machine.given().has("--cpus")) {
      io.warn(
          "note: --cpus has no effect: the numbers of kmem_cache depend on it, and none of these"
              + " recordings has them");
    }
  }

  private static void line(Io io, Verdict verdict) {
    io.out().println(VerdictText.line(verdict, io.terminal()));
    verdict.notes().forEach(note -> io.out().println("  note: " + note));
    io.out().flush();
  }

  private void print(Io io, List<Verdict> verdicts, int found, boolean lines, double seconds) {
    if (output.json()) {
      io.out().println(Json.write(VerdictJson.of(verdicts)));
    } else if (byClass) {
      output.print(io, "classes", VerdictText.byClass(verdicts));
    } else if (output.csv()) {
      output.print(io, "checks", VerdictText.table(verdicts));
    }
    if (!lines) {
      return;
    }
    skippedReasons(io, verdicts);
    verdicts.stream()
        .filter(Verdict::differs)
        .findFirst()
        .ifPresent(v -> VerdictText.evidence(io.out(), v, io.terminal()));
    if (found > 1) {
      io.out().println();
      io.out()
          .printf(
              Locale.ROOT,
              "%d recordings, %d exact%s%n",
              found,
              verdicts.stream().filter(Verdict::exact).count(),
              output.timing() ? String.format(Locale.ROOT, "; %.1f s", seconds) : "");
    }
  }

  /** Each reason once, for the {@code -} in the lines. */
  private static void skippedReasons(Io io, List<Verdict> verdicts) {
    verdicts.stream()
        .flatMap(v -> v.checks().stream())
        .filter(c -> c.skipped() != null)
        .map(c -> "  " + c.name() + " skipped: " + c.skipped())
        .distinct()
        .forEach(io.out()::println);
  }

  private static Recording withMaps(List<Recording> recordings, Path maps) {
    if (recordings.size() != 1 || recordings.getFirst().kind() != RecordingKind.STRACE) {
      throw new InputException(
          "--maps belongs to one strace text", "--maps " + maps, "one path, of a strace text");
    }
    return recordings.getFirst().withMaps(maps);
  }

  /** The verdict by the checks that were asked for. */
  private Verdict restrict(Verdict verdict) {
    if (only.isEmpty()) {
      return verdict;
    }
    List<String> names = verdict.checks().stream().map(CheckResult::name).toList();
    for (String name : only) {
      if (!names.contains(name)) {
        throw new InputException(
            "there is no check '" + name + "'",
            "--only, " + verdict.path(),
            String.join(", ", names));
      }
    }
    List<CheckResult> kept =
        verdict.checks().stream().filter(c -> only.contains(c.name())).toList();
    FirstDifference first = verdict.firstDifference();
    if (first == null || !only.contains(first.check())) {
      first =
          kept.stream()
              .filter(CheckResult::differs)
              .findFirst()
              .map(c -> new FirstDifference(c.name(), 0, 0, "not the recording's first", List.of()))
              .orElse(null);
    }
    boolean exact = kept.stream().allMatch(CheckResult::holds);
    return new Verdict(
        verdict.path(),
        verdict.kind(),
        verdict.recordingClass(),
        exact,
        kept,
        first,
        verdict.notes());
  }
}
