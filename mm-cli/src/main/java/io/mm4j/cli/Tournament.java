// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.cli.face.Face;
import io.mm4j.cli.text.Table;
import io.mm4j.replay.kmem.KmemSource;
import io.mm4j.replay.kmem.PolicyRun;
import io.mm4j.replay.kmem.Sample;
import io.mm4j.replay.kmem.SlabReplay;
import io.mm4j.replay.kmem.SlabRun;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Several plugins of one SPI on all bundled recordings, ranked in one table. The rank follows from
 * answers alone, so it is the same in every run: who threw is last; then the fewest failures, then
 * the least waste. Speed has a column and a rank of its own.
 */
final class Tournament {
  /** What one plugin came to. */
  private static final class Standing extends Turns.Standing {
    long failures;
    long peakPages;
    double unusable4;
    double unusable9;
    double waste;

    Standing(PluginSpec plugin, int recordings) {
      super(plugin, recordings);
    }
  }

  private final Io io;
  private final PluginRegistry registry;
  private final Map<Spi<?>, PluginSpec> choices;
  private final List<KmemSource> recordings;

  Tournament(Io io, PluginRegistry registry, Map<Spi<?>, PluginSpec> choices) {
    this.io = io;
    this.registry = registry;
    this.choices = Map.copyOf(choices);
    this.recordings = KmemSource.bundledNames().stream().map(KmemSource::bundled).toList();
  }

  /** Plays everything and prints the table; returns the exit code. */
  int run(Compared compared, OutputOptions output) {
    List<Standing> standings =
        compared.plugins().stream().map(p -> new Standing(p, recordings.size())).toList();
    Turns turns = new Turns(io, compared.spi(), recordings.stream().map(KmemSource::name).toList());
    turns.play(
        standings,
        output.timing(),
        (standing, at, counts) -> play(compared.spi(), standing, at, counts));
    boolean slab = compared.spi() == Spi.SLAB;
    output.print(io, "tournament", table(compared.spi(), standings, slab));
    if (!output.json() && !output.csv()) {
      turns.explain(
          standings,
          "failures, then by "
              + (slab
                  ? "the most pages held at once"
                  : "unusable free memory at the end of each recording, the mean of orders 4 and"
                      + " 9"));
    }
    return standings.stream().anyMatch(s -> s.threw != null) ? Main.DIFFERENT : Main.GOOD;
  }

  private void play(Spi<?> spi, Standing standing, int at, boolean counts) {
    Map<Spi<?>, PluginSpec> own = new HashMap<>(choices);
    own.put(spi, standing.plugin);
    if (spi == Spi.SLAB) {
      MachineConfig config = new MachineConfig().registry(registry);
      own.forEach(config::plugin);
      SlabRun run = SlabReplay.run(recordings.get(at), config);
      if (counts) {
        standing.operations += 2 * run.allocations();
        standing.failures += run.failures();
        standing.peakPages += run.peakPages();
        standing.waste += run.peakPages();
      }
      return;
    }
    PolicyRun run = new Judge(registry, own).policy(recordings.get(at), counts ? Face.POINTS : 0);
    if (counts) {
      count(standing, run);
    }
  }

  private void count(Standing standing, PolicyRun run) {
    standing.operations += run.requests() + run.frees();
    standing.failures += run.failures();
    Sample end = run.samples().getLast();
    int zone = largest(run);
    standing.unusable4 += end.unusableIndex(zone, 4) / 1000.0 / recordings.size();
    standing.unusable9 += end.unusableIndex(zone, 9) / 1000.0 / recordings.size();
    standing.waste = standing.unusable4 + standing.unusable9;
  }

  /** The zone with most free memory at the end, which is the one that requests come to. */
  private static int largest(PolicyRun run) {
    int best = 0;
    long most = -1;
    for (int zone = 0; zone < run.zones().list().size(); zone++) {
      long pages = run.zones().list().get(zone).managedPages();
      if (pages > most) {
        most = pages;
        best = zone;
      }
    }
    return best;
  }

  private Table table(Spi<?> spi, List<Standing> standings, boolean slab) {
    List<Table.Column> columns = new ArrayList<>();
    columns.add(Table.column("rank", "RANK"));
    columns.add(Table.column("plugin", spi.id().toUpperCase(Locale.ROOT)));
    columns.add(Table.column("recordings", "RECORDINGS"));
    columns.add(Table.column("operations", "OPERATIONS"));
    columns.add(Table.column("failures", "FAILURES"));
    if (slab) {
      columns.add(Table.column("peak_pages", "PEAK PAGES"));
    } else {
      columns.add(Table.column("unusable_4", "UNUSABLE O4"));
      columns.add(Table.column("unusable_9", "O9"));
    }
    columns.add(Table.timing("operations_per_second", "OPS/S"));
    columns.add(Table.timing("rank_by_speed", "BY SPEED"));
    Table table = new Table(columns);
    Comparator<Standing> order =
        Comparator.<Standing>comparingLong(s -> s.failures).thenComparingDouble(s -> s.waste);
    List<Standing> fastest = Turns.fastest(standings);
    int rank = 1;
    for (Standing standing : Turns.ranked(standings, order)) {
      List<@Nullable Object> row = new ArrayList<>();
      row.add(rank++);
      row.add(standing.name());
      row.add(standing.threw == null ? recordings.size() : 0);
      row.add(standing.operations);
      row.add(standing.failures);
      if (slab) {
        row.add(standing.peakPages);
      } else {
        row.add(Math.round(standing.unusable4 * 1000) / 1000.0);
        row.add(Math.round(standing.unusable9 * 1000) / 1000.0);
      }
      row.add(standing.perSecond());
      row.add(fastest.indexOf(standing) + 1);
      table.add(row.toArray());
    }
    return table;
  }
}
