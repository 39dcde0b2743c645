// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.cli.proc.MachineView;
import io.mm4j.cli.proc.Scene;
import io.mm4j.replay.OtherMachine;
import io.mm4j.replay.RunningProcess;
import io.mm4j.replay.kmem.KmemReplay;
import io.mm4j.replay.process.ProcessReplay;
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
          "Runs a recording first: a page trace on the recorded machine, or system calls.")
  private @Nullable String after;

  @Option(
      names = "--at",
      paramLabel = "N",
      order = 11,
      description = "With recorded system calls: stops before call N.")
  private @Nullable String at;

  /** The workload in words, or null if there is none. */
  @Nullable String workload() {
    return after == null ? null : at == null ? after : after + " before call " + at;
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
    Workload workload = after == null ? null : Workload.find(after);
    MachineConfig config =
        workload == null ? options.config(io, registry) : options.config(registry);
    Map<Spi<?>, PluginSpec> choices = options.choices(registry);
    Judge judge = new Judge(registry, choices);
    if (workload instanceof Workload.Requests) {
      throw new InputException(
          "requests for pages leave no state of a machine to look at",
          "--after " + after,
          "`mm run` for such a text; a recording of system calls or of a page trace here");
    }
    if (workload instanceof Workload.Calls calls) {
      options.refuseForProcesses();
      OtherMachine other = options.otherMachine(() -> bootedRamKb(config));
      if (!other.isNone()) {
        io.warn(
            "the recording is played on another machine than its own, so answers may differ");
      }
      judge
          .processes()
          .look(
              calls.recording(), other, before(), living -> reader.accept(new Scene(null, living)));
      return;
    }
    if (workload instanceof Workload.Pages) {
      options.refuseForRecordedZones();
    }
    options.refuseSeed();
    if (at != null) {
      throw new InputException(
          "there are no recorded system calls to stop before",
          "--at " + at,
          "with --after and a recording of system calls (*.vma.gz, *.strace)");
    }
    Consumer<Machine> look =
        machine ->
            judge
                .processes(options.architectureOrDefault())
                .fresh(
                    options.process(ramKb(machine), privileged),
                    living ->
                        reader.accept(
                            scene(machine, options, machineWanted, workload != null, living)));
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
    try (Machine machine = config.boot()) {
      look.accept(machine);
    }
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
