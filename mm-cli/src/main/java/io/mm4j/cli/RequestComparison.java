// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.cli.face.Contender;
import io.mm4j.cli.face.RequestFace;
import io.mm4j.cli.text.Json;
import io.mm4j.cli.text.Progress;
import io.mm4j.replay.kmem.RequestReplay;
import io.mm4j.replay.kmem.RequestRun;
import io.mm4j.replay.kmem.RequestTrace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A trace's requests on the machine that the options describe, once for each plugin. */
final class RequestComparison {
  private final Io io;
  private final MachineOptions options;
  private final OutputOptions output;

  RequestComparison(Io io, MachineOptions options, OutputOptions output) {
    this.io = io;
    this.options = options;
    this.output = output;
  }

  /**
   * Runs and prints.
   *
   * @param workload its name
   * @param open opens the trace, once for each plugin
   * @param compare the text of {@code --compare}, or null
   */
  int run(
      PluginRegistry registry,
      String workload,
      Supplier<RequestTrace> open,
      @Nullable String compare) {
    options.given().refuse("requests need no bytes", "--contents");
    options.given().refuseSeed();
    Spi<?> spi = Spi.FRAME_ALLOCATOR;
    List<PluginSpec> plugins;
    Map<Spi<?>, PluginSpec> choices = options.choices(registry);
    if (compare != null) {
      Compared read = Compared.read(registry, compare, Spi.FRAME_ALLOCATOR, Spi.PAGE_ALLOCATOR);
      spi = read.spi();
      plugins = read.plugins();
      if (choices.containsKey(spi)) {
        throw new InputException(
            "--plugin and --compare both choose the " + spi,
            "--compare " + compare,
            "one of the two");
      }
    } else if (choices.containsKey(spi)) {
      plugins = List.of(choices.get(spi));
    } else {
      plugins = all(registry, spi);
    }
    for (Spi<?> chosen : choices.keySet()) {
      if (chosen != Spi.FRAME_ALLOCATOR
          && chosen != Spi.PAGE_ALLOCATOR
          && chosen != Spi.PHYSICAL_MEMORY) {
        throw new InputException(
            "page requests do not depend on the " + chosen + " plugin",
            "--plugin " + chosen + "=" + choices.get(chosen).name(),
            "plugins of frame-allocator, page-allocator, physical-memory");
      }
    }
    Map<String, RequestRun> runs = new LinkedHashMap<>();
    try (Progress progress = new Progress(io.err(), io.terminal())) {
      for (PluginSpec plugin : plugins) {
        progress.at(runs.size(), plugins.size(), "requests on " + Contender.name(plugin));
        MachineConfig config =
            runs.isEmpty() ? options.config(io, registry) : options.config(registry);
        config.plugin(spi, plugin);
        runs.put(Contender.name(plugin), RequestReplay.run(open.get(), config));
      }
    }
    RequestRun first = runs.values().iterator().next();
    first.notes().forEach(io::warn);
    RequestFace face = new RequestFace(workload, words(first), runs);
    if (output.json()) {
      io.out().println(Json.write(face.json()));
    } else if (output.csv()) {
      output.print(io, "plugins", face.table());
    } else {
      face.print(io.out());
    }
    return Main.GOOD;
  }

  private static List<PluginSpec> all(PluginRegistry registry, Spi<?> spi) {
    List<PluginSpec> specs = new ArrayList<>();
    specs.add(PluginSpec.of(spi.reference()));
    for (PluginInfo info : registry.plugins(spi)) {
      if (!info.name().equals(spi.reference())) {
        specs.add(PluginSpec.of(info.name()));
      }
    }
    return specs;
  }

  /** The machine in one line: {@code x86-64, 2 CPUs, 130,909 pages of RAM (511.4M)}. */
  private String words(RequestRun run) {
    int cpus = options.cpus();
    return String.format(
        Locale.ROOT,
        "%s, %d CPU%s, %,d pages of RAM (%s)",
        options.architecture().id(),
        cpus,
        cpus == 1 ? "" : "s",
        run.managedPages(),
        Sizes.format(run.managedPages() << Pages.PAGE_SHIFT));
  }
}
