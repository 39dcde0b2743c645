// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.process;

import io.mm4j.api.machine.Machine;
import io.mm4j.replay.CallWatcher;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FreshProcess;
import io.mm4j.replay.OtherMachine;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.RunningProcess;
import io.mm4j.replay.Verdict;
import io.mm4j.replay.strace.MapsSource;
import io.mm4j.replay.strace.StraceReplay;
import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.VmaReplay;
import io.mm4j.replay.vma.VmaSource;
import java.io.InputStream;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** Replays recordings of processes: system calls, touches, page faults. */
public final class ProcessReplay {
  private final Supplier<Machine> machines;
  private final boolean closes;

  /**
   * A replayer on one choice of plugins.
   *
   * @param machines boots a machine without processes, one for each recording; it is closed again
   */
  public ProcessReplay(Supplier<Machine> machines) {
    this(machines, true);
  }

  private ProcessReplay(Supplier<Machine> machines, boolean closes) {
    this.machines = machines;
    this.closes = closes;
  }

  /**
   * A replayer whose processes live on a machine that is there, and goes on to live on it when they
   * were looked at; only {@link #fresh} is of use.
   */
  public static ProcessReplay on(Machine machine) {
    return new ProcessReplay(() -> machine, false);
  }

  /**
   * Replays one recording of kind {@link RecordingKind#VMA} or {@link RecordingKind#STRACE}. Memory
   * is bounded by the largest address space in it, not by its length.
   *
   * @throws io.mm4j.api.InputException if the recording is not well formed; says where
   */
  public Verdict replay(Recording recording) {
    return switch (recording.kind()) {
      case VMA -> VmaReplay.replay(recording.path(), machines);
      case STRACE -> StraceReplay.replay(recording.path(), recording.maps(), machines);
      case MAPS ->
          new Verdict(
              recording.path().toString(),
              RecordingKind.MAPS,
              "-",
              false,
              List.of(CheckResult.skipped("results", "maps alone show no calls")),
              null);
      case KMEM, VMAP ->
          throw new IllegalArgumentException(
              "kind=" + recording.kind().id() + " path=" + recording.path() + ": not a process");
    };
  }

  /** For {@link #look}: after the last call. */
  public static final long AT_END = VmaReplay.AT_END;

  /**
   * Plays a recording and shows the processes that live then.
   *
   * @param other what is different about the machine below
   * @param before the number of the call before which to stop, counted from 1; one more than there
   *     are calls for the end; {@link #AT_END} for the end, but before the last process goes
   * @param notes is told what of the recording was passed over or taken for granted
   * @param reader receives the living processes in the order of their numbers; they are valid until
   *     it returns
   * @throws io.mm4j.api.InputException if the recording is not well formed or has fewer calls
   */
  public void look(
      Recording recording,
      OtherMachine other,
      long before,
      Consumer<String> notes,
      Consumer<List<RunningProcess>> reader) {
    VmaReplay.look(
        VmaReplay.on(other, source(recording)),
        recording.path().toString(),
        machines,
        before,
        notes,
        reader);
  }

  /**
   * Plays a recording and shows calls of it while they are made.
   *
   * @param other what is different about the machine below
   * @param first the number of the first call to be seen, from 1
   * @param last that of the last one, or {@link #AT_END}
   * @param notes is told what of the recording was passed over or taken for granted
   * @throws io.mm4j.api.InputException if the recording is not well formed or has no such call
   */
  public void watch(
      Recording recording,
      OtherMachine other,
      long first,
      long last,
      Consumer<String> notes,
      CallWatcher watcher) {
    VmaReplay.watch(
        VmaReplay.on(other, source(recording)),
        recording.path().toString(),
        machines,
        first,
        last,
        notes,
        watcher);
  }

  private static Supplier<VmaSource> source(Recording recording) {
    return switch (recording.kind()) {
      case VMA -> VmaReplay.source(recording.path());
      case STRACE -> StraceReplay.source(recording.path(), recording.maps());
      case MAPS -> () -> new MapsSource(recording.path());
      case KMEM, VMAP ->
          throw new IllegalArgumentException(
              "kind=" + recording.kind().id() + " path=" + recording.path() + ": not a process");
    };
  }

  /** Shows the process that is there before any workload; it is valid until {@code reader} ends. */
  public void fresh(
      FreshProcess process, OtherMachine other, Consumer<List<RunningProcess>> reader) {
    InputStream text =
        Objects.requireNonNull(
            FreshProcess.class.getResourceAsStream(process.resource()), process.resource());
    var source = VmaReplay.source(new LineSource(process.resource(), text), process);
    if (!closes) {
      VmaReplay.lookOn(
          VmaReplay.on(other, source),
          process.resource(),
          machines.get(),
          AT_END,
          note -> {},
          reader);
      return;
    }
    VmaReplay.look(
        VmaReplay.on(other, source), process.resource(), machines, AT_END, note -> {}, reader);
  }
}
