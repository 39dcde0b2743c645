// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.cli.proc.MachineView;
import io.mm4j.cli.proc.Scene;
import io.mm4j.replay.CallWatcher;
import io.mm4j.replay.OtherMachine;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.RunningProcess;
import io.mm4j.replay.kmem.KmemReplay;
import io.mm4j.replay.process.ProcessReplay;
import io.mm4j.replay.report.ReportMachine;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * When to look at a machine and its processes: as they begin, or after a workload. Shows them to
 * somebody while they are there.
 */
final class SceneOptions {
  private static final String WITH_STATISTICS = "linux";

  @Option(
      names = "--after",
      paramLabel = "WORKLOAD",
      order = 10,
      description =
          "Runs a recording first: a page trace on the recorded machine, or system calls (up to"
              + " the exit of the last process).")
  private @Nullable String after;

  @Option(
      names = "--at",
      paramLabel = "N",
      order = 11,
      description = "With recorded system calls: stops before call N.")
  private @Nullable String at;

  @Option(
      names = "--maps",
      paramLabel = "FILE",
      order = 12,
      description =
          "A dump of /proc/PID/maps: the process to look at, or with --after the initial maps of a"
              + " strace text.")
  private @Nullable String maps;

  @Option(
      names = "--rlimit",
      paramLabel = "NAME=SIZE",
      split = ",",
      order = 12,
      description = "A soft limit of the processes: AS, DATA, STACK or MEMLOCK; repeatable.")
  private List<String> rlimits = new ArrayList<>();

  private @Nullable Machine machine;
  private Steps steps = Steps.NONE;
  private boolean onMachine;

  /** What is made on a machine that has just booted, before it is looked at. */
  void steps(Steps first) {
    steps = first;
  }

  /**
   * Whether the process of a machine without a workload lives on the frames that are looked at; it
   * else lives on a machine of its own, so that the machine is as boot left it.
   */
  void onMachine(boolean lives) {
    onMachine = lives;
  }

  /** The workload in words, or null if there is none. */
  @Nullable String workload() {
    String name = after == null ? maps : after;
    return name == null ? null : at == null ? name : name + " before call " + at;
  }

  /** Whether options say which process, or in which state. */
  boolean given() {
    return after != null || at != null || maps != null || !rlimits.isEmpty();
  }

  /** For what no process does. */
  void refuseLimits(String why) {
    if (!rlimits.isEmpty()) {
      throw new InputException(
          "--rlimit has no effect here: " + why,
          "--rlimit " + rlimits.getFirst(),
          "no such option");
    }
  }

  /** Whether recorded calls are played, which a limit could stop. */
  boolean plays() {
    return after != null && find() instanceof Workload.Calls;
  }

  /** What {@code --after} and {@code --maps} name; null for a machine that has just booted. */
  @Nullable Workload find() {
    if (maps == null) {
      return after == null ? null : Workload.find(after);
    }
    Path file = Texts.path(maps, "--maps");
    if (!Files.isRegularFile(file)) {
      String what =
          Files.isDirectory(file)
              ? "this is a folder: '"
              : Files.exists(file) ? "this is no regular file: '" : "there is no file '";
      throw new InputException(what + maps + "'", "--maps", "a dump of maps");
    }
    if (after == null) {
      return new Workload.Calls(new Recording(file, RecordingKind.MAPS));
    }
    if (Workload.find(after) instanceof Workload.Calls calls
        && calls.recording().kind() == RecordingKind.STRACE) {
      return new Workload.Calls(calls.recording().withMaps(file));
    }
    throw new InputException(
        "--maps has no effect beside this recording, which brings its own start",
        "--maps " + maps,
        "with a strace text, or without --after");
  }

  /** The limits by name. */
  private Map<String, Long> limits() {
    Map<String, Long> limits = new HashMap<>();
    for (String text : rlimits) {
      int eq = text.indexOf('=');
      String name = (eq < 0 ? text : text.substring(0, eq)).replaceFirst("^RLIMIT_", "");
      String where = "--rlimit " + text;
      List<String> names = Arrays.stream(ResourceLimit.values()).map(Enum::name).toList();
      if (eq < 0 || !names.contains(name)) {
        throw new InputException(
            "'" + text + "' is no limit", where, String.join("=SIZE, ", names) + "=SIZE");
      }
      String value = text.substring(eq + 1);
      boolean none = List.of("inf", "unlimited", "RLIM_INFINITY").contains(value);
      limits.put(
          name,
          none
              ? Long.valueOf(ResourceLimit.INFINITY)
              : value.matches("0+") ? Long.valueOf(0) : (Long) Sizes.parseSize(value, where));
    }
    return limits;
  }

  /**
   * Shows what there is.
   *
   * @param machineWanted whether the machine is looked at; if not, it may be left out
   * @param privileged whether the process of a machine without a workload is
   * @param reader receives it; nothing of it may be kept
   */
  void show(
      Io io,
      MachineOptions options,
      boolean machineWanted,
      boolean privileged,
      Consumer<Scene> reader) {
    PluginRegistry registry = options.registry(io);
    Workload workload = find();
    if (!steps.isEmpty() && workload != null) {
      throw new InputException(
          "steps are made on a machine that has just booted",
          "--steps",
          "without --after and --maps");
    }
    MachineConfig config =
        workload != null
            ? options.config(registry)
            : steps.isEmpty()
                ? options.config(io, registry)
                : options.withKernelBytes(io, registry);
    Map<Spi<?>, PluginSpec> choices = options.choices(registry);
    Judge judge = new Judge(registry, choices);
    if (workload instanceof Workload.Script script) {
      throw new InputException(
          "a script looks at its machine itself",
          "--after " + script.file(),
          "`cat FILE` as its last line, and `mm run` for it");
    }
    if (workload instanceof Workload.Requests) {
      throw new InputException(
          "requests for pages leave no state of a machine to look at",
          "--after " + after,
          "`mm run` for such a text; a recording of system calls or of a page trace here");
    }
    if (workload instanceof Workload.Calls calls) {
      options.given().refuseForProcesses();
      OtherMachine other = options.otherMachine(() -> bootedRamKb(config), limits());
      if (!other.isNone() && calls.recording().kind() != RecordingKind.MAPS) {
        io.warn("the recording is played on another machine than its own, so answers may differ");
      }
      if (machineWanted) {
        withStatistics(registry, choices, config);
        config.contents(Contents.ALL);
      }
      Machine[] below = new Machine[1];
      ProcessReplay replay =
          machineWanted ? new ProcessReplay(() -> below[0] = config.boot()) : judge.processes();
      replay.look(
          calls.recording(),
          other,
          before(),
          io::warn,
          living -> reader.accept(new Scene(below(below[0], options), living)));
      return;
    }
    if (workload instanceof Workload.Pages || workload instanceof Workload.Report) {
      options.given().refuseForRecordedZones();
    }
    options.given().refuseSeed();
    if (at != null) {
      throw new InputException(
          "there are no recorded system calls to stop before",
          "--at " + at,
          "with --after and a recording of system calls (*.vma.gz, *.strace)");
    }
    boolean livesThere =
        (onMachine || options.parameters().fillHugePools())
            && workload == null
            && options.keepsBytes();
    if (livesThere && !options.saysContents()) {
      config.contents(Contents.ALL);
    }
    Consumer<Machine> look =
        machine ->
            (livesThere ? ProcessReplay.on(machine) : judge.processes(options.architecture()))
                .fresh(
                    options.process(ramKb(machine), privileged),
                    new OtherMachine(null, Map.of(), null, limits()),
                    living ->
                        shown(
                            machine,
                            () ->
                                reader.accept(
                                    scene(
                                        machine,
                                        options,
                                        machineWanted,
                                        workload != null,
                                        living))));
    if (workload instanceof Workload.Pages pages) {
      withStatistics(registry, choices, config);
      boolean[] shown = new boolean[1];
      KmemReplay.run(
          pages.source(),
          config,
          0,
          machine -> {
            shown[0] = true;
            look.accept(machine);
          });
      if (!shown[0]) {
        throw new InputException(
            "this frame allocator cannot replay the trace exactly",
            "--plugin frame-allocator=...",
            "a plugin that can take exactly a given block; `mm plugins` says which");
      }
      return;
    }
    withStatistics(registry, choices, config);
    if (workload instanceof Workload.Report report) {
      // Every block is to be seen: those of CMA and of the atomic reserve, too.
      int all = Gfp.GFP_HIGHUSER_MOVABLE | Gfp.__GFP_HIGH;
      ReportMachine made = new ReportMachine(report.report(), all);
      try (Machine machine = made.boot(config)) {
        made.notes().forEach(io::warn);
        look.accept(machine);
      }
      return;
    }
    try (Machine machine = config.boot()) {
      if (!steps.isEmpty()) {
        var _ = steps.make(io, machine);
      }
      look.accept(machine);
    }
  }

  /**
   * Plays a recording of system calls and shows calls of it.
   *
   * @param last the number of the last one, {@link ProcessReplay#AT_END} for the last of all
   */
  void watch(Io io, MachineOptions options, long first, long last, CallWatcher watcher) {
    PluginRegistry registry = options.registry(io);
    if (at != null || !(find() instanceof Workload.Calls calls)) {
      throw new InputException(
          at != null ? "--calls and --at both say where to look" : "there are no recorded calls",
          "--calls",
          "--calls with --after and a recording of system calls (*.vma.gz, *.strace)");
    }
    MachineConfig config = options.config(registry);
    options.given().refuseForProcesses();
    OtherMachine other = options.otherMachine(() -> bootedRamKb(config), limits());
    if (!other.isNone() && calls.recording().kind() != RecordingKind.MAPS) {
      io.warn("the recording is played on another machine than its own, so answers may differ");
    }
    new Judge(registry, options.choices(registry))
        .processes()
        .watch(calls.recording(), other, first, last, io::warn, watcher);
  }

  /** Most files need the statistics of {@code linux}: taken if nothing else was chosen. */
  private static void withStatistics(
      PluginRegistry registry, Map<Spi<?>, PluginSpec> choices, MachineConfig config) {
    boolean there =
        registry.plugins(Spi.PAGE_ALLOCATOR).stream()
            .anyMatch(p -> p.name().equals(WITH_STATISTICS));
    if (there && !choices.containsKey(Spi.PAGE_ALLOCATOR)) {
      config.plugin(Spi.PAGE_ALLOCATOR, PluginSpec.of(WITH_STATISTICS));
    }
  }

  /**
   * Shows a machine alone, for requests that change it.
   *
   * @param gfp what the first request asks for, which says what of a report may serve it
   * @param reader receives it; nothing of it may be kept
   */
  void showMachine(Io io, MachineOptions options, int gfp, Consumer<Machine> reader) {
    PluginRegistry registry = options.registry(io);
    Workload workload = find();
    if (at != null) {
      throw new InputException(
          "there are no recorded system calls to stop before",
          "--at " + at,
          "without --at for pages: their state is that at the end");
    }
    options.given().refuseSeed();
    switch (workload) {
      case null -> {
        try (Machine machine = options.config(io, registry).boot()) {
          reader.accept(machine);
        }
      }
      case Workload.Report report -> {
        options.given().refuseForRecordedZones();
        ReportMachine made = new ReportMachine(report.report(), gfp);
        try (Machine machine = made.boot(options.config(registry))) {
          made.notes().forEach(io::warn);
          reader.accept(machine);
        }
      }
      case Workload.Pages pages -> {
        options.given().refuseForRecordedZones();
        KmemReplay.run(pages.source(), options.config(registry), 0, reader);
      }
      default ->
          throw new InputException(
              "this leaves no machine whose pages could be asked for",
              "--after " + after,
              "a page trace (a bundled one or a kmem folder), a buddyinfo, pagetypeinfo or zoneinfo"
                  + " dump, or an OOM or page allocation failure report");
    }
  }

  private static Scene scene(
      Machine machine,
      MachineOptions options,
      boolean wanted,
      boolean recorded,
      List<RunningProcess> living) {
    if (!wanted) {
      return new Scene(null, living);
    }
    MachineView view = MachineView.of(machine, options.settings());
    return new Scene(recorded ? view.withoutBoot() : view, living);
  }

  /** The machine that is being shown, or null if there is none. */
  @Nullable Machine machine() {
    return machine;
  }

  private static @Nullable MachineView below(@Nullable Machine machine, MachineOptions options) {
    return machine == null ? null : MachineView.of(machine, options.settings()).withoutBoot();
  }

  private void shown(Machine one, Runnable look) {
    machine = one;
    try {
      look.run();
    } finally {
      machine = null;
    }
  }

  private static long bootedRamKb(MachineConfig config) {
    try (Machine machine = config.contents(false).boot()) {
      return ramKb(machine);
    }
  }

  private static long ramKb(Machine machine) {
    long pages = machine.zones().stream().mapToLong(z -> z.zone().managedPages()).sum();
    return pages << (Pages.PAGE_SHIFT - 10);
  }

  private long before() {
    if (at == null) {
      return ProcessReplay.AT_END;
    }
    long number = Sizes.parseNumber(at.strip(), "--at " + at.strip());
    if (number < 1) {
      throw new InputException("there is no call " + at, "--at", "numbers from 1");
    }
    return number;
  }
}
