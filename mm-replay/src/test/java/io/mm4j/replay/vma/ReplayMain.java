// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.machine.Machine;
import io.mm4j.replay.Engines;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Recordings;
import io.mm4j.replay.Tally;
import io.mm4j.replay.Verdict;
import io.mm4j.replay.process.ProcessReplay;
import io.mm4j.replay.text.LineSource;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * For work on the engine: replays files and prints the first difference of every check, then the
 * table of checks by class.
 *
 * <pre>
 * ReplayMain [-q] [-c CHECK] [-n MOST] [-i INDEX] PATH...
 *   -q        only one line per difference
 *   -c CHECK  differences of this check only
 *   -i INDEX  maple (default), rbtree, treemap
 *   -n MOST   at most so many differences (default 20)
 * </pre>
 */
public final class ReplayMain {
  private ReplayMain() {}

  /** Runs it. */
  public static void main(String[] args) {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    List<Path> paths = new ArrayList<>();
    boolean quiet = false;
    String only = "";
    int most = 20;
    String index = "maple";
    for (int i = 0; i < args.length; i++) {
      switch (args[i]) {
        case "-q" -> quiet = true;
        case "-c" -> only = args[++i];
        case "-i" -> index = args[++i];
        case "-n" -> most = Integer.parseInt(args[++i]);
        default -> paths.add(Path.of(args[i]));
      }
    }
    Supplier<Machine> machines = Engines.machines(index);
    ReplayTable table = new ReplayTable();
    int shown = 0;
    for (Recording recording : Recordings.find(paths)) {
      if (recording.kind() == RecordingKind.STRACE) {
        Verdict verdict = new ProcessReplay(machines).replay(recording);
        out.println(recording.path().getFileName() + " " + verdict.checks());
        FirstDifference first = verdict.firstDifference();
        if (first != null) {
          out.println(first.where() + ": " + first.what());
          first.evidence().forEach(out::println);
        }
        continue;
      }
      Path file = recording.path();
      Tally tally = VmaChecks.tally();
      try {
        VmaReplay.run(sources(file), source -> {}, machines, tally);
        Verdict verdict = VmaReplay.replay(file, machines);
        table.add(verdict);
      } catch (RuntimeException | StackOverflowError e) {
        out.println("CRASH " + file.getFileName() + ": " + e);
        for (int i = 0; i < Math.min(6, e.getStackTrace().length); i++) {
          out.println("    at " + e.getStackTrace()[i]);
        }
        continue;
      }
      for (String check : VmaChecks.ALL) {
        FirstDifference first = tally.first(check);
        if (first == null || (!only.isEmpty() && !only.equals(check)) || shown++ >= most) {
          continue;
        }
        String head = file.getFileName() + " " + first.check() + " " + first.where() + ": ";
        out.println(head + first.what());
        if (!quiet) {
          FirstDifference why =
              first.call() > 0 ? VmaReplay.explained(first, sources(file), machines) : first;
          why.evidence().forEach(out::println);
        }
      }
    }
    out.print(table);
    out.flush();
  }

  private static Supplier<VmaReader> sources(Path file) {
    return () -> new VmaReader(LineSource.open(file));
  }
}
