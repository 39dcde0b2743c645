// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.cli.face.Contender;
import io.mm4j.cli.text.Progress;
import io.mm4j.cli.text.Table;
import io.mm4j.replay.kmem.KmemSource;
import io.mm4j.replay.kmem.SlabReplay;
import io.mm4j.replay.kmem.SlabRun;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The slab stream of a recording on each of several slab allocators, side by side. */
final class SlabComparison {
  private final Io io;
  private final PluginRegistry registry;
  private final Map<Spi<?>, PluginSpec> choices;
  private final KmemSource source;

  SlabComparison(
      Io io, PluginRegistry registry, Map<Spi<?>, PluginSpec> choices, KmemSource source) {
    this.io = io;
    this.registry = registry;
    this.choices = Map.copyOf(choices);
    this.source = source;
  }

  /** Runs it once for each plugin and prints a row of each. */
  int run(List<PluginSpec> plugins, OutputOptions output) {
    List<SlabRun> runs = new ArrayList<>();
    try (Progress progress = new Progress(io.err(), io.terminal())) {
      for (PluginSpec plugin : plugins) {
        progress.at(runs.size(), plugins.size(), "slab=" + Contender.name(plugin));
        MachineConfig config = new MachineConfig().registry(registry);
        choices.forEach(config::plugin);
        runs.add(SlabReplay.run(source, config.plugin(Spi.SLAB, plugin)));
      }
    }
    List<Table.Column> columns = new ArrayList<>();
    columns.add(Table.column("slab", "SLAB"));
    columns.add(Table.column("allocations", "ALLOCS"));
    columns.add(Table.column("failures", "FAILED"));
    columns.add(Table.column("remote_frees", "REMOTE_FREES"));
    columns.add(Table.column("pages_taken", "PAGES_TAKEN"));
    columns.add(Table.column("pages_back", "PAGES_BACK"));
    columns.add(Table.column("peak_pages", "PEAK_PAGES"));
    columns.add(Table.column("end_pages", "END_PAGES"));
    columns.add(Table.column("slack_permille", "SLACK_PERMILLE"));
    List<String> caches = List.copyOf(runs.getFirst().growth().keySet());
    caches.forEach(name -> columns.add(Table.column(name + "_pages", name)));
    Table table = new Table(columns);
    Object[] kernel = new Object[columns.size()];
    kernel[0] = "kernel";
    for (int i = 0; i < caches.size(); i++) {
      kernel[9 + i] = growth(runs.getFirst(), caches.get(i)).recorded();
    }
    for (int k = 0; k < runs.size(); k++) {
      SlabRun run = runs.get(k);
      List<Object> row = new ArrayList<>();
      row.add(Contender.name(plugins.get(k)));
      row.addAll(
          List.of(
              run.allocations(),
              run.failures(),
              run.remoteFrees(),
              run.pagesTaken(),
              run.pagesBack(),
              run.peakPages(),
              run.endPages(),
              run.slackPermille()));
      caches.forEach(name -> row.add(growth(run, name).ours()));
      table.add(row.toArray());
    }
    table.add(kernel);
    output.print(io, "slabs", table);
    if (!output.json() && !output.csv()) {
      io.out().println();
      io.out()
          .println(
              "Pages of caches: at the end of the stream, which begins with no slab; of the kernel:"
                  + " slabinfo after less before.");
    }
    return Main.GOOD;
  }

  private static SlabRun.Growth growth(SlabRun run, String name) {
    return run.growth().getOrDefault(name, new SlabRun.Growth(0, 0));
  }
}
