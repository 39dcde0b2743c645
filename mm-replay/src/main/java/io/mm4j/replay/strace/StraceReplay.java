// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Verdict;
import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.VmaReplay;
import io.mm4j.replay.vma.VmaSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Replays strace text; judges the result of every memory call. */
public final class StraceReplay {
  private StraceReplay() {}

  /**
   * Replays a log with the initial maps beside it.
   *
   * @throws io.mm4j.api.InputException if the log or the maps are missing or not well formed
   */
  public static Verdict replay(Path log, Supplier<Machine> machines) {
    long[] notFollowed = new long[1];
    List<String> doubts = new ArrayList<>();
    VmaReplay.Replayed replayed =
        VmaReplay.replay(
            source(log),
            source -> {
              if (source instanceof StraceSource strace) {
                notFollowed[0] = strace.notFollowed();
                String doubt = strace.doubt();
                if (doubt != null) {
                  doubts.add("  note: " + doubt);
                }
              }
            },
            machines,
            VmaReplay.RESULTS_ONLY);
    List<CheckResult> checks = new ArrayList<>();
    for (CheckResult check : replayed.checks()) {
      if (check.skipped() == null && notFollowed[0] > 0) {
        checks.add(check.with("not_followed", List.of(notFollowed[0])));
      } else if (check.skipped() == null) {
        checks.add(check);
      }
    }
    return new Verdict(
        log.toString(),
        RecordingKind.STRACE,
        "-",
        replayed.exact(),
        checks,
        doubted(replayed.first(), doubts));
  }

  private static @Nullable FirstDifference doubted(
      @Nullable FirstDifference first, List<String> doubts) {
    if (first == null || doubts.isEmpty()) {
      return first;
    }
    doubts.addAll(first.evidence());
    return new FirstDifference(first.check(), first.line(), first.call(), first.what(), doubts);
  }

  /** Opens a log with the initial maps beside it. */
  public static Supplier<VmaSource> source(Path log) {
    Path maps = mapsOf(log);
    return () -> new StraceSource(() -> openMaps(maps, log), () -> LineSource.open(log));
  }

  private static LineSource openMaps(Path maps, Path log) {
    if (!Files.isRegularFile(maps)) {
      throw new InputException(
          "the initial maps of " + log.getFileName() + " are missing",
          maps.toString(),
          "the text of /proc/PID/maps at the program's start, in a file of that name");
    }
    return LineSource.open(maps);
  }

  /** {@code NAME.maps} of {@code NAME.strace}, {@code NAME.strace.gz} or any other name. */
  static Path mapsOf(Path log) {
    String name = String.valueOf(log.getFileName());
    String plain = name.endsWith(".gz") ? name.substring(0, name.length() - 3) : name;
    int dot = plain.lastIndexOf('.');
    return log.resolveSibling((dot > 0 ? plain.substring(0, dot) : plain) + ".maps");
  }
}
