// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.InputException;
import io.mm4j.api.MmException;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.cli.face.Contender;
import io.mm4j.cli.text.Progress;
import java.lang.management.ManagementFactory;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The turns of a tournament: each plugin plays each recording.
 *
 * <p>So that the order of the plugins does not matter, each first plays every recording unmeasured;
 * then there are rounds in which the turns rotate, and the least CPU time of each plugin and
 * recording counts.
 */
final class Turns {
  private static final int ROUNDS = 3;

  /** What one plugin came to. */
  static class Standing {
    final PluginSpec plugin;

    /** What was done in all recordings, by which speed is told. */
    long operations;

    /** What it threw; it plays no more then. */
    @Nullable String threw;

    private final long[] bestNs;

    Standing(PluginSpec plugin, int recordings) {
      this.plugin = plugin;
      this.bestNs = new long[recordings];
    }

    String name() {
      return Contender.name(plugin);
    }

    long perSecond() {
      long ns = 0;
      for (long best : bestNs) {
        ns += best;
      }
      return threw != null || ns == 0 ? 0 : Math.round(operations * 1e9 / ns);
    }
  }

  /** Plays one recording. */
  interface Player<S extends Standing> {
    /** {@code counts}: what it comes to is added to the standing. */
    void play(S standing, int recording, boolean counts);
  }

  private final Io io;
  private final Spi<?> spi;
  private final List<String> recordings;

  /** Of plugins of one SPI, with the names of the recordings. */
  Turns(Io io, Spi<?> spi, List<String> recordings) {
    this.io = io;
    this.spi = spi;
    this.recordings = List.copyOf(recordings);
  }

  /** Plays everything; once only if nobody wants the times. */
  <S extends Standing> void play(List<S> standings, boolean timing, Player<S> player) {
    int rounds = timing ? ROUNDS + 1 : 1;
    try (Progress progress = new Progress(io.err(), io.terminal())) {
      int all = rounds * standings.size() * recordings.size();
      int done = 0;
      for (int round = 0; round < rounds; round++) {
        boolean warmUp = rounds > 1 && round == 0;
        for (int r = 0; r < recordings.size(); r++) {
          for (int turn = 0; turn < standings.size(); turn++) {
            S standing = standings.get((turn + r + round) % standings.size());
            progress.at(done++, all, spi + "=" + standing.name());
            if (standing.threw == null) {
              turn(standing, r, round == rounds - 1, warmUp, player);
            }
          }
        }
      }
    }
  }

  private <S extends Standing> void turn(
      S standing, int at, boolean counts, boolean warmUp, Player<S> player) {
    try {
      long start = cpuNs();
      player.play(standing, at, counts);
      long ns = cpuNs() - start;
      if (!warmUp) {
        long[] best = ((Standing) standing).bestNs;
        best[at] = best[at] == 0 ? ns : Math.min(best[at], ns);
      }
    } catch (InputException e) {
      throw e;
    } catch (MmException | CorruptStateError | UnsupportedOperationException e) {
      standing.threw = recordings.get(at) + ": " + e.getMessage();
    }
  }

  /** CPU time of this thread: what else runs on the machine is not in it. */
  private static long cpuNs() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  /** Says below the table how its rows are ranked, and who threw what. */
  void explain(List<? extends Standing> standings, String ranked) {
    io.out().println();
    io.out().println("Ranked by " + ranked + ".");
    standings.stream()
        .filter(standing -> standing.threw != null)
        .forEach(s -> io.out().println(s.name() + " threw: " + s.threw));
  }

  /** From the best to the worst by what follows from answers alone: who threw is last. */
  static <S extends Standing> List<S> ranked(List<S> standings, Comparator<S> order) {
    return standings.stream()
        .sorted(
            Comparator.<S>comparingInt(s -> s.threw == null ? 0 : 1)
                .thenComparing(order)
                .thenComparing(Standing::name))
        .toList();
  }

  /** From the fastest to the slowest. */
  static <S extends Standing> List<S> fastest(List<S> standings) {
    return standings.stream()
        .sorted(Comparator.<S>comparingLong(Standing::perSecond).reversed())
        .toList();
  }
}
