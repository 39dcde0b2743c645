// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

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
  private static final String RESULTS = "results";

  private StraceReplay() {}

  /**
   * Replays a log.
   *
   * @param maps the initial maps, or null for {@code NAME.maps} beside the log; without these they
   *     are inferred from the log
   * @throws io.mm4j.api.InputException if the log or the maps are not well formed
   */
  public static Verdict replay(Path log, @Nullable Path maps, Supplier<Machine> machines) {
    long[] notFollowed = new long[1];
    List<String> doubts = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    VmaReplay.Replayed replayed =
        VmaReplay.replay(
            source(log, maps),
            source -> {
              if (source instanceof StraceSource strace) {
                notFollowed[0] = strace.notFollowed();
                notes.addAll(strace.notes());
                String doubt = strace.doubt();
                if (doubt != null) {
                  doubts.add("  note: " + doubt);
                }
              }
            },
            machines,
            VmaReplay.OF_LOGS);
    List<CheckResult> checks = new ArrayList<>();
    for (CheckResult check : replayed.checks()) {
      boolean empty = check.total() == 0;
      if (check.skipped() != null || (empty && !check.name().equals(RESULTS))) {
        continue;
      }
      CheckResult shown =
          empty ? CheckResult.skipped(check.name(), "no line of the log can be judged") : check;
      boolean left = check.name().equals(RESULTS) && notFollowed[0] > 0;
      checks.add(left ? shown.with("not_followed", List.of(notFollowed[0])) : shown);
    }
    replayed.checks().stream()
        .flatMap(check -> check.extra().getOrDefault("by_faults", List.of()).stream())
        .forEach(
            places ->
                notes.add(
                    places
                        + (places == 1 ? " time" : " times")
                        + " two VMAs were read where one is here, and nothing in maps tells them"
                        + " apart: in Linux pages that they got or were moved with keep them apart,"
                        + " which no call of a log shows"));
    FirstDifference first = replayed.first();
    String unknown = first == null ? null : LikelyUnknown.of(first);
    if (unknown != null) {
      doubts.add("  note: " + unknown);
    }
    boolean judged = checks.stream().anyMatch(check -> check.skipped() == null);
    return new Verdict(
        log.toString(),
        RecordingKind.STRACE,
        "-",
        replayed.exact() && judged,
        checks,
        doubted(first, doubts),
        notes);
  }

  private static @Nullable FirstDifference doubted(
      @Nullable FirstDifference first, List<String> doubts) {
    if (first == null || doubts.isEmpty()) {
      return first;
    }
    doubts.addAll(first.evidence());
    return new FirstDifference(first.check(), first.line(), first.call(), first.what(), doubts);
  }

  /**
   * Opens a log.
   *
   * @param given the initial maps, or null for {@code NAME.maps} beside the log, if it is there
   */
  public static Supplier<VmaSource> source(Path log, @Nullable Path given) {
    Path beside = mapsOf(log);
    Path maps = given != null ? given : Files.isRegularFile(beside) ? beside : null;
    return () -> {
      StraceSource source =
          new StraceSource(
              maps == null ? null : () -> LineSource.open(maps), () -> LineSource.open(log));
      String another = source.another();
      if (given != null || another == null) {
        return source;
      }
      source.close();
      StraceSource alone = new StraceSource(null, () -> LineSource.open(log));
      alone.noteFirst(
          beside + " is of " + another + ", not of this log, and is not used (--maps takes it)");
      return alone;
    };
  }

  /** {@code NAME.maps} of {@code NAME.strace}, {@code NAME.strace.gz} or any other name. */
  static Path mapsOf(Path log) {
    String name = String.valueOf(log.getFileName());
    String plain = name.endsWith(".gz") ? name.substring(0, name.length() - 3) : name;
    int dot = plain.lastIndexOf('.');
    return log.resolveSibling((dot > 0 ? plain.substring(0, dot) : plain) + ".maps");
  }
}
