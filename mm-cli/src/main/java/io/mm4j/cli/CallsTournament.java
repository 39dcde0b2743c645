// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.cli.text.Table;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Recordings;
import io.mm4j.replay.Verdict;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Several VMA indexes under all recorded calls of a folder, ranked in one table: who threw is last,
 * then the fewest recordings with a difference. Speed has a column and a rank of its own; it is
 * that of whole replays, of which the index is a part.
 */
final class CallsTournament {
  /** Its operations are comparisons. */
  private static final class Standing extends Turns.Standing {
    long equal;
    int differing;

    Standing(PluginSpec plugin, int recordings) {
      super(plugin, recordings);
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
    Turns turns =
        new Turns(io, Spi.VMA_INDEX, recordings.stream().map(r -> r.path().toString()).toList());
    turns.play(standings, output.timing(), this::play);
    output.print(io, "tournament", table(standings));
    if (!output.json() && !output.csv()) {
      turns.explain(standings, "recordings with a difference, then by comparisons that differ");
    }
    // What every index gets wrong is not the index's fault.
    int least = standings.stream().mapToInt(s -> s.differing).min().orElse(0);
    boolean worse = standings.stream().anyMatch(s -> s.threw != null || s.differing > least);
    return worse ? Main.DIFFERENT : Main.GOOD;
  }

  private void play(Standing standing, int at, boolean counts) {
    Map<Spi<?>, PluginSpec> own = new HashMap<>(choices);
    own.put(Spi.VMA_INDEX, standing.plugin);
    Verdict verdict = new Judge(registry, own).judge(recordings.get(at));
    if (counts) {
      standing.operations += verdict.checks().stream().mapToLong(c -> c.total()).sum();
      standing.equal += verdict.checks().stream().mapToLong(c -> c.equal()).sum();
      standing.differing += verdict.differs() ? 1 : 0;
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
    Comparator<Standing> order =
        Comparator.<Standing>comparingInt(s -> s.differing)
            .thenComparingLong(s -> s.operations - s.equal);
    List<Standing> fastest = Turns.fastest(standings);
    int rank = 1;
    for (Standing standing : Turns.ranked(standings, order)) {
      table.add(
          rank++,
          standing.name(),
          standing.threw == null ? recordings.size() : 0,
          standing.operations,
          standing.equal,
          standing.differing,
          standing.perSecond(),
          fastest.indexOf(standing) + 1);
    }
    return table;
  }
}
