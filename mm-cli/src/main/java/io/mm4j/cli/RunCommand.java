// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static java.util.stream.Collectors.joining;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.InputException;
import io.mm4j.api.MmException;
import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.cli.face.Contender;
import io.mm4j.cli.face.Face;
import io.mm4j.cli.face.PolicyFace;
import io.mm4j.cli.text.Json;
import io.mm4j.cli.text.Progress;
import io.mm4j.cli.text.Table;
import io.mm4j.cli.verdict.VerdictJson;
import io.mm4j.cli.verdict.VerdictText;
import io.mm4j.replay.Recording;
import io.mm4j.replay.Verdict;
import io.mm4j.replay.kmem.FtraceRequests;
import io.mm4j.replay.kmem.KmemRun;
import io.mm4j.replay.kmem.KmemSource;
import io.mm4j.replay.kmem.RecordedRequests;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mm run}: the main job. */
@Command(
    sortOptions = false,
    description =
        "Boots a machine, runs a workload on the chosen plugins, and prints what happened beside"
            + " what Linux did. Without a WORKLOAD: a recording of a real kernel that comes with"
            + " mm4j. With options that describe a machine, the recording's requests are made on"
            + " that machine instead of the recorded one, as are those of a text of ftrace or perf"
            + " script.",
    footer = {
      "",
      "Examples:",
      "  mm run",
      "  mm run --list",
      "  mm run frag_mix",
      "  mm run tar_gzip --compare frame-allocator=buddy,bitmap",
      "  mm run tar_gzip --compare page-allocator=linux,direct",
      "  mm run --all --compare slab=slub,slab,slob",
      "  mm run mm-replay/src/test/corpus/vma/dev --all --compare vma-index=maple,rbtree",
      "  mm run tar_gzip --csv > fragmentation.csv",
      "  mm run tar_gzip --memory 512M      (its requests, on a machine of your own)",
      "  mm run TRACE.txt --memory 8G       (the page events of ftrace or perf script)",
      "  mm run WORKLOAD.mm --memory 64M    (lines as `mm shell` takes them)",
    })
final class RunCommand extends MmCommand {
  @Parameters(
      arity = "0..1",
      paramLabel = "WORKLOAD",
      description =
          "A bundled name (see --list), a recording, text of ftrace or perf, or a script *.mm.")
  private @Nullable String workload;

  @Option(names = "--list", description = "Lists the bundled workloads.")
  private boolean list;

  @Option(
      names = "--compare",
      paramLabel = "SPI=A,B,..",
      description = "Runs it once for each of these plugins and prints one table.")
  private @Nullable String compare;

  @Option(
      names = "--all",
      description =
          "With --compare: on all bundled recordings, or with vma-index= on all recordings of calls"
              + " in the folder WORKLOAD; ranked in one table, warmed up, and in turns, so that the"
              + " order of the plugins does not matter.")
  private boolean all;

  @Mixin private MachineOptions machine = new MachineOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Override
  int run(Io io) {
    if (list) {
      machine.given().refuseAll("only names are listed");
      if (compare != null || workload != null) {
        throw new InputException(
            "only names are listed",
            compare != null ? "--compare " + compare : "WORKLOAD " + workload,
            "--list alone");
      }
      Table table =
          new Table(
              List.of(
                  Table.column("name", "NAME"),
                  Table.column("kind", "KIND"),
                  Table.column("about", "WHAT IT DOES")));
      KmemSource.bundledNames().forEach(n -> table.add(n, "kmem", KmemSource.bundledAbout(n)));
      output.print(io, "workloads", table);
      if (!output.json() && !output.csv()) {
        hints(
            io,
            "\ntry",
            new String[][] {
              {"run frag_mix", "one of them, on every frame allocator"},
              {"run frag_pipe --memory 2G", "its requests on a machine of your own"},
              {"replay frag_sock", "its verdict, check by check"},
              {"explain alloc_pages GFP_KERNEL 4 --after frag_mix", "a request in what it left"},
              {"cat /proc/pagetypeinfo --after frag_inode", "its free blocks by type"},
            });
      }
      return Main.GOOD;
    }
    if (all) {
      return tournament(io);
    }
    Workload found = workload == null ? Workload.bundled() : Workload.find(workload);
    if (found instanceof Workload.Script script) {
      return script(io, script);
    }
    PluginRegistry registry = machine.registry(io);
    Map<Spi<?>, PluginSpec> choices = machine.choices(registry);
    return switch (found) {
      case Workload.Pages pages when machine.given().describeMachine() ->
          new RequestComparison(io, machine, output)
              .run(
                  registry,
                  pages.source().name(),
                  () -> RecordedRequests.open(pages.source()),
                  compare);
      case Workload.Requests requests ->
          new RequestComparison(io, machine, output)
              .run(
                  registry,
                  requests.file().toString(),
                  () -> FtraceRequests.open(requests.file()),
                  compare);
      case Workload.Pages pages -> {
        machine.given().refuseForRecordedZones();
        yield pages(io, registry, choices, pages.source());
      }
      case Workload.Script script -> script(io, script);
      case Workload.Report report ->
          throw new InputException(
              "a report shows a state and no requests that could be run",
              report.file().toString(),
              "`mm explain alloc_pages GFP ORDER --after " + report.file() + "`");
      case Workload.Calls calls -> {
        machine
            .given()
            .refuse("the machine is the recorded process's own", "--memory", "--cmdline");
        machine.given().refuseForProcesses();
        yield calls(io, registry, choices, calls.recording());
      }
    };
  }

  private int tournament(Io io) {
    if (compare == null) {
      throw new InputException(
          "nothing is compared",
          "--all" + (workload == null ? "" : " " + workload),
          "--all --compare SPI=A,B,..");
    }
    PluginRegistry registry = machine.registry(io);
    machine
        .given()
        .refuse("zones, nodes and CPUs are those of each recording", "--cpus", "--cmdline");
    machine.given().refuseForRecordedZones();
    Map<Spi<?>, PluginSpec> choices = machine.choices(registry);
    if (compare.startsWith(Spi.VMA_INDEX.id() + "=")) {
      if (workload == null) {
        throw new InputException(
            "no recordings of calls are bundled",
            "--all --compare " + compare,
            "FOLDER --all --compare vma-index=A,B,..");
      }
      Compared compared = Compared.read(registry, compare, Spi.VMA_INDEX);
      refuseBoth(choices, Spi.VMA_INDEX);
      refuseOthers(choices, Spi.PROCESS);
      return new CallsTournament(io, registry, choices, Path.of(workload))
          .run(compared.plugins(), output);
    }
    if (workload != null) {
      throw new InputException(
          "--all plays every bundled recording",
          "--all " + workload,
          "--all --compare SPI=A,B,.. without WORKLOAD, or FOLDER --all --compare"
              + " vma-index=A,B,..");
    }
    Compared compared =
        Compared.read(registry, compare, Spi.FRAME_ALLOCATOR, Spi.PAGE_ALLOCATOR, Spi.SLAB);
    refuseBoth(choices, compared.spi());
    refuseOthers(choices, Spi.FRAME_ALLOCATOR, Spi.PAGE_ALLOCATOR, Spi.PHYSICAL_MEMORY);
    return new Tournament(io, registry, choices).run(compared, output);
  }

  private int script(Io io, Workload.Script script) {
    if (compare != null || output.json() || output.csv()) {
      throw new InputException(
          "a script prints what its lines print",
          compare != null ? "--compare " + compare : output.json() ? "--json" : "--csv",
          "no such option; --plugin chooses what it runs on");
    }
    String name = script.file().toString();
    return Script.run(io, machine, name, Texts.all(name, "WORKLOAD"));
  }

  private int pages(
      Io io, PluginRegistry registry, Map<Spi<?>, PluginSpec> choices, KmemSource source) {
    if (compare != null && compare.startsWith(Spi.SLAB.id() + "=")) {
      refuseOthers(choices, Spi.FRAME_ALLOCATOR, Spi.PAGE_ALLOCATOR, Spi.PHYSICAL_MEMORY);
      List<PluginSpec> slabs = Compared.read(registry, compare, Spi.SLAB).plugins();
      return new SlabComparison(io, registry, choices, source).run(slabs, output);
    }
    refuseOthers(choices, Spi.FRAME_ALLOCATOR, Spi.PAGE_ALLOCATOR, Spi.PHYSICAL_MEMORY);
    // A plugin that was chosen is the one that is run; without a choice all are.
    List<PluginSpec> specs =
        choices.containsKey(Spi.FRAME_ALLOCATOR)
            ? List.of(choices.get(Spi.FRAME_ALLOCATOR))
            : everyFrameAllocator(registry, choices);
    Spi<?> spi = Spi.FRAME_ALLOCATOR;
    List<PluginSpec> rivals = List.of();
    if (compare != null) {
      Compared read =
          Compared.read(registry, compare, Spi.FRAME_ALLOCATOR, Spi.PAGE_ALLOCATOR, Spi.SLAB);
      spi = read.spi();
      rivals = read.plugins();
      refuseBoth(choices, spi);
      // Page allocators are compared by their answers; the exact replay is of frame allocators.
      specs = spi == Spi.FRAME_ALLOCATOR ? rivals : specs.subList(0, 1);
    }
    List<Contender> contenders = new ArrayList<>();
    KmemSource kept = source.keeping();
    try (Progress progress = new Progress(io.err(), io.terminal())) {
      for (PluginSpec spec : specs) {
        progress.at(contenders.size(), specs.size(), "frame-allocator=" + spec.name());
        Map<Spi<?>, PluginSpec> own = new HashMap<>(choices);
        own.put(Spi.FRAME_ALLOCATOR, spec);
        contenders.add(contend(new Judge(registry, own), spec, kept));
      }
    }
    KmemRun first = contenders.getFirst().run();
    if (first == null) {
      throw new InputException(
          "the plugin threw " + contenders.getFirst().failure(),
          "frame-allocator=" + contenders.getFirst().name(),
          "a plugin that passes `mm check`");
    }
    Face face = new Face(source, first, contenders, output.timing());
    PolicyComparison comparison = new PolicyComparison(io, registry, choices, source);
    PolicyFace policy =
        rivals.isEmpty() ? null : comparison.run(spi, rivals, contenders, face.zone());
    if (output.json()) {
      Map<String, Object> json = new LinkedHashMap<>(face.json());
      if (policy != null) {
        json.put("policy", policy.json());
      }
      io.out().println(Json.write(json));
    } else if (output.csv()) {
      io.out().print(policy == null ? face.csv() : policy.series().toCsv());
    } else if (compare != null || first.samples().isEmpty()) {
      if (spi == Spi.FRAME_ALLOCATOR) {
        face.printComparison(io.out(), io.unicode(), io.terminal().columns());
      }
      if (policy != null) {
        if (spi == Spi.FRAME_ALLOCATOR) {
          io.out().println();
        }
        policy.print(io.out(), io.unicode(), io.terminal().columns());
      }
    } else {
      face.print(io.out(), io.terminal(), io.unicode());
      next(io, source);
      face.printEvidence(io.out(), io.terminal());
    }
    boolean differs =
        comparison.threw()
            || contenders.stream().anyMatch(c -> c.run() == null || c.run().verdict().differs());
    return differs ? Main.DIFFERENT : Main.GOOD;
  }

  /** Plugins on which the workload does not depend. */
  private static void refuseOthers(Map<Spi<?>, PluginSpec> choices, Spi<?>... possible) {
    for (Map.Entry<Spi<?>, PluginSpec> choice : choices.entrySet()) {
      if (Stream.of(possible).noneMatch(spi -> spi == choice.getKey())) {
        throw new InputException(
            "this workload does not depend on the " + choice.getKey() + " plugin",
            "--plugin " + choice.getKey() + "=" + choice.getValue().name(),
            Stream.of(possible).map(Spi::id).collect(joining(", ", "plugins of ", "")));
      }
    }
  }

  private void refuseBoth(Map<Spi<?>, PluginSpec> choices, Spi<?> spi) {
    if (choices.containsKey(spi)) {
      throw new InputException(
          "--plugin and --compare both choose the " + spi, "--compare " + compare, "one of them");
    }
  }

  private static void next(Io io, KmemSource source) {
    String run = "run " + source.name();
    hints(
        io,
        "\nnext",
        new String[][] {
          {"explain alloc_pages GFP_KERNEL 3", "one allocation, step by step"},
          {run + " --memory 1G", "its requests on another machine"},
          {"run --list", "the other recordings"},
        });
  }

  /** Commands to go on with, as they are typed here. */
  private static void hints(Io io, String title, String[][] lines) {
    String mm = Commands.typed();
    int width = 37;
    for (String[] line : lines) {
      width = Math.max(width, mm.length() + 1 + line[0].length());
    }
    String label = title;
    for (String[] line : lines) {
      String command = String.format("%-" + width + "s", mm + " " + line[0]);
      String head = label.startsWith("\n") ? String.format("%n%-10s", label.strip()) : label;
      io.out().printf("%s%s %s%n", head, command, io.terminal().dim(line[1]));
      label = " ".repeat(10);
    }
  }

  /** The chosen one first, then all others. */
  private static List<PluginSpec> everyFrameAllocator(
      PluginRegistry registry, Map<Spi<?>, PluginSpec> choices) {
    Spi<?> spi = Spi.FRAME_ALLOCATOR;
    PluginSpec chosen = choices.getOrDefault(spi, PluginSpec.of(spi.reference()));
    List<PluginSpec> specs = new ArrayList<>();
    specs.add(chosen);
    for (PluginInfo info : registry.plugins(spi)) {
      if (!info.name().equals(chosen.name())) {
        specs.add(PluginSpec.of(info.name()));
      }
    }
    return specs;
  }

  /** Replays once for the verdict; its operations once more, warm, for the time. */
  private Contender contend(Judge judge, PluginSpec spec, KmemSource source) {
    try {
      KmemRun run = judge.run(source, Face.POINTS);
      long replayNs = 0;
      if (output.timing() && run.operations() > 0) {
        long start = System.nanoTime();
        judge.play(source);
        replayNs = System.nanoTime() - start;
      }
      return new Contender(spec, run, "", replayNs);
    } catch (InputException e) {
      throw e;
    } catch (MmException | CorruptStateError | UnsupportedOperationException e) {
      return new Contender(spec, null, String.valueOf(e.getMessage()), 0);
    }
  }

  private int calls(
      Io io, PluginRegistry registry, Map<Spi<?>, PluginSpec> choices, Recording recording) {
    refuseOthers(choices, Spi.VMA_INDEX, Spi.PROCESS);
    if (compare != null) {
      refuseBoth(choices, Spi.VMA_INDEX);
    }
    List<PluginSpec> specs =
        compare == null
            ? List.of(choices.getOrDefault(Spi.VMA_INDEX, PluginSpec.of(Spi.VMA_INDEX.reference())))
            : Compared.read(registry, compare, Spi.VMA_INDEX).plugins();
    List<Verdict> verdicts = new ArrayList<>();
    Table table =
        new Table(
            List.of(
                Table.column("vma_index", "VMA INDEX"),
                Table.column("verdict", "VERDICT"),
                Table.column("comparisons", "COMPARISONS"),
                Table.column("equal", "EQUAL"),
                Table.timing("replay_ms", "MS")));
    for (PluginSpec spec : specs) {
      Map<Spi<?>, PluginSpec> own = new HashMap<>(choices);
      own.put(Spi.VMA_INDEX, spec);
      Judge judge = new Judge(registry, own);
      Verdict verdict = judge.judge(recording);
      // Once more, warm, for the time: the first one pays for the start of the JIT compiler.
      long start = System.nanoTime();
      if (output.timing()) {
        var _ = judge.judge(recording);
      }
      verdicts.add(verdict);
      table.add(
          spec.name(),
          VerdictText.word(verdict),
          verdict.checks().stream().mapToLong(c -> c.total()).sum(),
          verdict.checks().stream().mapToLong(c -> c.equal()).sum(),
          (System.nanoTime() - start) / 1_000_000);
    }
    Verdict first = verdicts.getFirst();
    if (output.json()) {
      Table shown = table.shown(output.timing());
      io.out()
          .println(Json.write(Map.of("verdict", VerdictJson.of(first), "plugins", shown.toMaps())));
    } else if (output.csv()) {
      output.print(io, "plugins", table);
    } else {
      io.out().println(VerdictText.line(first, io.terminal()));
      first.notes().forEach(note -> io.out().println("  note: " + note));
      output.print(io, "plugins", table);
      VerdictText.evidence(io.out(), first, io.terminal());
    }
    return verdicts.stream().anyMatch(Verdict::differs) ? Main.DIFFERENT : Main.GOOD;
  }
}
