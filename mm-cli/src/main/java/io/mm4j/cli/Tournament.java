// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.InputException;
import io.mm4j.api.MmException;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.cli.face.Contender;
import io.mm4j.cli.face.Face;
import io.mm4j.cli.text.Progress;
import io.mm4j.cli.text.Table;
import io.mm4j.replay.kmem.KmemSource;
import io.mm4j.replay.kmem.PolicyRun;
import io.mm4j.replay.kmem.Sample;
import io.mm4j.replay.kmem.SlabReplay;
import io.mm4j.replay.kmem.SlabRun;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Several plugins of one SPI on all bundled recordings, ranked in one table. The rank follows from
 * answers alone, so it is the same in every run: who threw is last; then the fewest failures, then
 * the least waste. Speed has a column and a rank of its own.
 *
 * <p>So that the order of the plugins does not matter, each first plays every recording unmeasured;
 * then there are rounds in which the turns rotate, and the least CPU time of each plugin and
 * recording counts.
 */
final class Tournament {
  private static final int ROUNDS = 3;

  /** What one plugin came to. */
  private static final class Standing {
    final PluginSpec plugin;
    final long[] bestNs;
    long operations;
    long failures;
    long peakPages;
    double unusable4;
    double unusable9;
    double waste;
    @Nullable String threw;

    Standing(PluginSpec plugin, int recordings) {
      this.plugin = plugin;
      this.bestNs = new long[recordings];
    }

    long operationsPerSecond() {
      long ns = 0;
      for (long best : bestNs) {
        ns += best;
      }
      return threw != null || ns == 0 ? 0 : Math.round(operations * 1e9 / ns);
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
    int rounds = output.timing() ? ROUNDS + 1 : 1;
    try (Progress progress = new Progress(io.err(), io.terminal())) {
      int all = rounds * standings.size() * recordings.size();
      int done = 0;
      for (int round = 0; round < rounds; round++) {
        // The first of several rounds warms up.
        for (int r = 0; r < recordings.size(); r++) {
          for (int turn = 0; turn < standings.size(); turn++) {
            Standing standing = standings.get((turn + r + round) % standings.size());
            progress.at(done++, all, compared.spi() + "=" + Contender.name(standing.plugin));
            boolean counts = round == rounds - 1;
            play(compared.spi(), standing, r, counts, rounds > 1 && round == 0);
          }
        }
      }
    }
    boolean slab = compared.spi() == Spi.SLAB;
    output.print(io, "tournament", table(compared.spi(), standings, slab));
    if (!output.json() && !output.csv()) {
      io.out().println();
      io.out()
          .println(
              "Ranked by failures, then by "
                  + (slab
                      ? "the most pages held at once"
                      : "unusable free memory at the end of each recording, the mean of orders 4"
                          + " and 9")
                  + ".");
      standings.stream()
          .filter(standing -> standing.threw != null)
          .forEach(s -> io.out().println(Contender.name(s.plugin) + " threw: " + s.threw));
    }
    return standings.stream().anyMatch(s -> s.threw != null) ? Main.DIFFERENT : Main.GOOD;
  }

  private void play(Spi<?> spi, Standing standing, int at, boolean counts, boolean warmUp) {
    if (standing.threw != null) {
      return;
    }
    Map<Spi<?>, PluginSpec> own = new HashMap<>(choices);
    own.put(spi, standing.plugin);
    try {
      long start = cpuNs();
      if (spi == Spi.SLAB) {
        MachineConfig config = new MachineConfig().registry(registry);
        own.forEach(config::plugin);
        SlabRun run = SlabReplay.run(recordings.get(at), config);
        took(standing, at, cpuNs() - start, warmUp);
        if (counts) {
          standing.operations += 2 * run.allocations();
          standing.failures += run.failures();
          standing.peakPages += run.peakPages();
          standing.waste += run.peakPages();
        }
        return;
      }
      PolicyRun run = new Judge(registry, own).policy(recordings.get(at), counts ? Face.POINTS : 0);
      took(standing, at, cpuNs() - start, warmUp);
      if (counts) {
        count(standing, run);
      }
    } catch (InputException e) {
      throw e;
    } catch (MmException | CorruptStateError | UnsupportedOperationException e) {
      standing.threw = recordings.get(at).name() + ": " + e.getMessage();
    }
  }

  /** CPU time of this thread: what else runs on the machine is not in it. */
  private static long cpuNs() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  private static void took(Standing standing, int at, long ns, boolean warmUp) {
    if (!warmUp) {
      standing.bestNs[at] = standing.bestNs[at] == 0 ? ns : Math.min(standing.bestNs[at], ns);
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
    columns.add(Table.column("plugin", spi.id().toUpperCase(java.util.Locale.ROOT)));
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
        Comparator.<Standing>comparingInt(s -> s.threw == null ? 0 : 1)
            .thenComparingLong(s -> s.failures)
            .thenComparingDouble(s -> s.waste)
            .thenComparing(s -> Contender.name(s.plugin));
    List<Standing> ranked = standings.stream().sorted(order).toList();
    List<Standing> fastest =
        standings.stream()
            .sorted(Comparator.comparingLong(Standing::operationsPerSecond).reversed())
            .toList();
    for (int i = 0; i < ranked.size(); i++) {
      Standing standing = ranked.get(i);
      List<@Nullable Object> row = new ArrayList<>();
      row.add(i + 1);
      row.add(Contender.name(standing.plugin));
      row.add(standing.threw == null ? recordings.size() : 0);
      row.add(standing.operations);
      row.add(standing.failures);
      if (slab) {
        row.add(standing.peakPages);
      } else {
        row.add(Math.round(standing.unusable4 * 1000) / 1000.0);
        row.add(Math.round(standing.unusable9 * 1000) / 1000.0);
      }
      row.add(standing.operationsPerSecond());
      row.add(fastest.indexOf(standing) + 1);
      table.add(row.toArray());
    }
    return table;
  }
}
