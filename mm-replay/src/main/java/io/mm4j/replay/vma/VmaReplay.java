// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.replay.CallWatcher;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.FreshProcess;
import io.mm4j.replay.OtherMachine;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.RunningProcess;
import io.mm4j.replay.Tally;
import io.mm4j.replay.Verdict;
import io.mm4j.replay.text.LineSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Replays a recording of system calls and gives its verdict. */
public final class VmaReplay {
  /** What is required of a log: results, and maps that a program of it read. */
  public static final Function<VmaHeader, List<String>> OF_LOGS = header -> VmaChecks.OF_LOGS;

  /** For {@link #look}: after the last call. */
  public static final long AT_END = Long.MAX_VALUE;

  private static final String UNREPEATABLE = "unrepeatable";

  private VmaReplay() {}

  /** What a replay came to. */
  public record Replayed(
      VmaHeader header, List<CheckResult> checks, boolean exact, @Nullable FirstDifference first) {}

  /**
   * Replays a file of the vma format.
   *
   * @param machines boots a machine without processes; it is closed again
   * @throws io.mm4j.api.InputException if the recording is not well formed; says where
   */
  public static Verdict replay(Path file, Supplier<Machine> machines) {
    Replayed replayed =
        replay(
            source(file),
            source -> {},
            machines,
            header ->
                unrepeatable(file, header) ? VmaChecks.REQUIRED_UNREPEATABLE : VmaChecks.REQUIRED);
    VmaHeader header = replayed.header();
    return new Verdict(
        file.toString(),
        RecordingKind.VMA,
        unrepeatable(file, header) && header.real()
            ? "real-" + UNREPEATABLE
            : header.recordingClass(),
        replayed.exact(),
        replayed.checks(),
        replayed.first(),
        notes(replayed.checks()));
  }

  private static List<String> notes(List<CheckResult> checks) {
    return checks.stream()
        .flatMap(
            check -> check.extra().getOrDefault(RecordedBytes.NOT_RECORDED, List.of()).stream())
        .map(
            reads ->
                "values not judged: "
                    + reads
                    + " read where a call had put bytes of the program image, the first stack or"
                    + " the vdso, which nobody recorded")
        .toList();
  }

  /**
   * Replays a recording. If it differs, it is replayed a second time up to the first call that
   * differs, now with the engine's reasons for that call, which end up in the evidence.
   *
   * @param sources opens the recording anew
   * @param atEnd receives the source when it was read to its end
   * @param required which checks an exact recording needs
   */
  public static Replayed replay(
      Supplier<? extends VmaSource> sources,
      Consumer<VmaSource> atEnd,
      Supplier<Machine> machines,
      Function<VmaHeader, List<String>> required) {
    Tally tally = VmaChecks.tally();
    VmaHeader header = run(sources, atEnd, machines, tally);
    List<String> needed = required.apply(header);
    if (needed.equals(VmaChecks.OF_LOGS)) {
      VmaChecks.ALL.stream()
          .filter(check -> !needed.contains(check))
          .forEach(check -> tally.skip(check, "not recorded"));
    }
    FirstDifference first = tally.earliest(needed);
    if (first != null && first.call() > 0) {
      first = explained(first, sources, machines);
    }
    boolean exact = first == null && tally.allHold(needed);
    return new Replayed(header, tally.results(), exact, first);
  }

  /** Replays a recording into a tally. */
  static VmaHeader run(
      Supplier<? extends VmaSource> sources,
      Consumer<VmaSource> atEnd,
      Supplier<Machine> machines,
      Tally tally) {
    try (VmaSource source = sources.get();
        Machine machine = machines.get()) {
      new VmaReplayer(source, machine, tally, 0).run();
      atEnd.accept(source);
      return source.header();
    }
  }

  /** Opens a file of the vma format. */
  public static Supplier<VmaSource> source(Path file) {
    return () -> new VmaReader(LineSource.open(file));
  }

  /** A start state with other settings of the machine and another owner. */
  public static Supplier<VmaSource> source(LineSource text, FreshProcess process) {
    return () -> new SettingsSource(new VmaReader(text), process);
  }

  /** The same recording on a machine that is different. */
  public static Supplier<VmaSource> on(
      OtherMachine other, Supplier<? extends VmaSource> recording) {
    return other.isNone() ? recording::get : () -> new SettingsSource(recording.get(), other);
  }

  /**
   * Plays a recording up to a call and shows the processes.
   *
   * @param label the recording's name in messages
   * @param before the call before which to stop; {@link #AT_END} stops before the last process ends
   * @param notes is told what of the recording was passed over or taken for granted
   */
  public static void look(
      Supplier<? extends VmaSource> sources,
      String label,
      Supplier<Machine> machines,
      long before,
      Consumer<String> notes,
      Consumer<List<RunningProcess>> reader) {
    try (Machine machine = machines.get()) {
      lookOn(sources, label, machine, before, notes, reader);
    }
  }

  /** The same on a machine that is there, and that stays with its processes. */
  public static void lookOn(
      Supplier<? extends VmaSource> sources,
      String label,
      Machine machine,
      long before,
      Consumer<String> notes,
      Consumer<List<RunningProcess>> reader) {
    try (VmaSource source = sources.get()) {
      VmaReplayer replayer = new VmaReplayer(source, machine, VmaChecks.tally(), 0);
      long next = replayer.runUntil(before);
      if (before != AT_END && next < before) {
        throw new InputException("there is no call " + before, label, "1 to " + next + ", the end");
      }
      source.notes().forEach(notes);
      reader.accept(replayer.living());
    }
  }

  /**
   * Plays a recording to its end and shows calls on the way.
   *
   * @param label the recording's name in messages
   * @param first the first call that somebody wants to see
   */
  public static void watch(
      Supplier<? extends VmaSource> sources,
      String label,
      Supplier<Machine> machines,
      long first,
      long last,
      Consumer<String> notes,
      CallWatcher watcher) {
    try (VmaSource source = sources.get();
        Machine machine = machines.get()) {
      VmaReplayer replayer = new VmaReplayer(source, machine, VmaChecks.tally(), 0);
      long next = replayer.watchedBy(watcher).runUntil(last == AT_END ? last : last + 1);
      if (next <= first) {
        throw new InputException(
            "there is no call " + first,
            label,
            next == 1 ? "a recording with calls" : "1 to " + (next - 1));
      }
      source.notes().forEach(notes);
    }
  }

  /** The difference with the reasons of the call that it came from. */
  static FirstDifference explained(
      FirstDifference difference,
      Supplier<? extends VmaSource> sources,
      Supplier<Machine> machines) {
    List<String> reasons;
    try (VmaSource source = sources.get();
        Machine machine = machines.get()) {
      VmaReplayer replayer = new VmaReplayer(source, machine, VmaChecks.tally(), difference.call());
      replayer.run();
      reasons = replayer.reasons();
    }
    List<String> evidence = new ArrayList<>(difference.evidence());
    evidence.add(
        reasons.isEmpty() ? "  no rule spoke up in that call" : "  rules that decided here:");
    reasons.forEach(reason -> evidence.add("    " + reason));
    return new FirstDifference(
        difference.check(), difference.line(), difference.call(), difference.what(), evidence);
  }

  /** Whether the calls of this recording differ from run to run: its class or folder says so. */
  private static boolean unrepeatable(Path file, VmaHeader header) {
    Path folder = file.toAbsolutePath().getParent();
    return header.recordingClass().contains(UNREPEATABLE)
        || (folder != null && String.valueOf(folder.getFileName()).contains(UNREPEATABLE));
  }
}
