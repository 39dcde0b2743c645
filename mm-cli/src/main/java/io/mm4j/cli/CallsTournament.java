// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.InputException;
import io.mm4j.api.MmException;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.cli.face.Contender;
import io.mm4j.cli.text.Progress;
import io.mm4j.cli.text.Table;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Recordings;
import io.mm4j.replay.Verdict;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Several VMA indexes under all recorded calls of a folder, ranked in one table: who threw is last,
 * then the fewest recordings with a difference. Speed has a column and a rank of its own; it is
 * that of whole replays, of which the index is a part. Turns and rounds are those of {@link
 * Tournament}.
 */
final class CallsTournament {
  private static final int ROUNDS = 3;

  private static final class Standing {
    final PluginSpec plugin;
    final long[] bestNs;
    long comparisons;
    long equal;
    int differing;
    @Nullable String threw;

    Standing(PluginSpec plugin, int recordings) {
      this.plugin = plugin;
      this.bestNs = new long[recordings];
    }

    long comparisonsPerSecond() {
      long ns = 0;
      for (long best : bestNs) {
        ns += best;
      }
      return threw != null || ns == 0 ? 0 : Math.round(comparisons * 1e9 / ns);
    }
  }

  private final Io io;
  private final PluginRegistry registry;
  private final Map<Spi<?>, PluginSpec> choices;
  private final List<Recording> recordings;

  CallsTournament(
      Io io, PluginRegistry registry, Map<Spi<?>, PluginSpec> choices, Path recordings) {
    this.io = io;
    this.registry = registry;
    this.choices = Map.copyOf(choices);
    this.recordings =
        Recordings.find(List.of(recordings)).stream()
            .filter(r -> r.kind() == RecordingKind.VMA || r.kind() == RecordingKind.STRACE)
            .sorted(Comparator.comparing(Recording::path))
            .toList();
    if (this.recordings.isEmpty()) {
      throw new InputException(
          "no recording of calls is here", recordings.toString(), "*.vma, *.vma.gz, strace text");
    }
  }

  /** Plays everything and prints the table; returns the exit code. */
  int run(List<PluginSpec> plugins, OutputOptions output) {
    List<Standing> standings =
        plugins.stream().map(p -> new Standing(p, recordings.size())).toList();
    int rounds = output.timing() ? ROUNDS + 1 : 1;
    try (Progress progress = new Progress(io.err(), io.terminal())) {
      int all = rounds * standings.size() * recordings.size();
      int done = 0;
      for (int round = 0; round < rounds; round++) {
        for (int r = 0; r < recordings.size(); r++) {
          for (int turn = 0; turn < standings.size(); turn++) {
            Standing standing = standings.get((turn + r + round) % standings.size());
            progress.at(done++, all, Spi.VMA_INDEX + "=" + Contender.name(standing.plugin));
            play(standing, r, round == rounds - 1, rounds > 1 && round == 0);
          }
        }
      }
    }
    output.print(io, "tournament", table(standings));
    if (!output.json() && !output.csv()) {
      io.out().println();
      io.out().println("Ranked by recordings with a difference, then by comparisons that differ.");
      standings.stream()
          .filter(standing -> standing.threw != null)
          .forEach(s -> io.out().println(Contender.name(s.plugin) + " threw: " + s.threw));
    }
    boolean worse = standings.stream().anyMatch(s -> s.threw != null);
    // What every index gets wrong is not the index's fault.
    int least = standings.stream().mapToInt(s -> s.differing).min().orElse(0);
    worse |= standings.stream().anyMatch(s -> s.differing > least);
    return worse ? Main.DIFFERENT : Main.GOOD;
  }

  private void play(Standing standing, int at, boolean counts, boolean warmUp) {
    if (standing.threw != null) {
      return;
    }
    Map<Spi<?>, PluginSpec> own = new HashMap<>(choices);
    own.put(Spi.VMA_INDEX, standing.plugin);
    try {
      long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
      Verdict verdict = new Judge(registry, own).judge(recordings.get(at));
      long ns = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start;
      if (!warmUp) {
        long best = standing.bestNs[at];
        standing.bestNs[at] = best == 0 ? ns : Math.min(best, ns);
      }
      if (counts) {
        standing.comparisons += verdict.checks().stream().mapToLong(c -> c.total()).sum();
        standing.equal += verdict.checks().stream().mapToLong(c -> c.equal()).sum();
        standing.differing += verdict.differs() ? 1 : 0;
      }
    } catch (InputException e) {
      throw e;
    } catch (MmException | CorruptStateError | UnsupportedOperationException e) {
      standing.threw = recordings.get(at).path() + ": " + e.getMessage();
    }
  }

  private Table table(List<Standing> standings) {
    Table table =
        new Table(
            List.of(
                Table.column("rank", "RANK"),
                Table.column("plugin", Spi.VMA_INDEX.id().toUpperCase(Locale.ROOT)),
                Table.column("recordings", "RECORDINGS"),
                Table.column("comparisons", "COMPARISONS"),
                Table.column("equal", "EQUAL"),
                Table.column("differ", "DIFFER"),
                Table.timing("comparisons_per_second", "COMPARISONS/S"),
                Table.timing("rank_by_speed", "BY SPEED")));
    List<Standing> ranked = new ArrayList<>(standings);
    ranked.sort(
        Comparator.<Standing>comparingInt(s -> s.threw == null ? 0 : 1)
            .thenComparingInt(s -> s.differing)
            .thenComparingLong(s -> s.comparisons - s.equal)
            .thenComparing(s -> Contender.name(s.plugin)));
    List<Standing> fastest = new ArrayList<>(standings);
    fastest.sort(Comparator.comparingLong(Standing::comparisonsPerSecond).reversed());
    for (int i = 0; i < ranked.size(); i++) {
      Standing standing = ranked.get(i);
      table.add(
          i + 1,
          Contender.name(standing.plugin),
          standing.threw == null ? recordings.size() : 0,
          standing.comparisons,
          standing.equal,
          standing.differing,
          standing.comparisonsPerSecond(),
          fastest.indexOf(standing) + 1);
    }
    return table;
  }
}
