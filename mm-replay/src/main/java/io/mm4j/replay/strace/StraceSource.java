// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.ResourceLimit;
import io.mm4j.replay.text.Cursor;
import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.Answer;
import io.mm4j.replay.vma.CallName;
import io.mm4j.replay.vma.HeaderReader;
import io.mm4j.replay.vma.VmaEvent;
import io.mm4j.replay.vma.VmaHeader;
import io.mm4j.replay.vma.VmaSource;
import java.io.ByteArrayInputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * strace text as a recording. A call that strace shows in two parts is made where it is completed,
 * or where {@link Overlap} puts it among others that ran at the same time. The program that the
 * initial maps belong to, its threads and its children are followed; a process that runs another
 * program is followed no longer, since nobody gave its maps.
 */
public final class StraceSource implements VmaSource {
  private static final int MAX_PIDS = 1 << 16;
  private static final int MOST_NOTES = 20;

  /** In the order in which recordings number them. */
  private static final List<ResourceLimit> RESOURCES = List.of(ResourceLimit.values());

  private static final int MOST_WAITING = 1 << 12;

  private final StraceLines lines;
  private final LogScan scan;
  private final VmaHeader header;
  private final VmaEvent.State start;
  private final Descriptors descriptors;
  private final ArgumentReader arguments;
  private final Kin kin;
  private final Map<Long, StraceLine> unfinished = new HashMap<>();
  private final Map<Long, Long> began = new HashMap<>();
  private final ArrayDeque<VmaEvent> pending = new ArrayDeque<>();
  private final List<Overlap.Done> waiting = new ArrayList<>();
  private final SharedSegments segments = new SharedSegments();
  private final Map<String, Long> notModelled = new TreeMap<>();
  private final List<String> extraNotes = new ArrayList<>();
  private final @Nullable String doubt;
  private final @Nullable String another;
  private final LogScan.@Nullable Exec begin;
  private final long inputLine;
  private boolean breakTaken;
  private long calls;
  private long notFollowed;
  private long refused;
  private long firstRefused;
  private String lastRefused = "";

  /**
   * Reads the initial maps, and the log twice: once for what only later lines tell (who is a child,
   * where the heap starts), then call by call.
   *
   * @param maps opens the initial maps; null if there are none, then the log has to tell
   * @param log opens the log
   */
  public StraceSource(@Nullable Supplier<LineSource> maps, Supplier<LineSource> log) {
    try (LineSource reading = log.get()) {
      scan = new LogScan(reading);
    }
    descriptors = new Descriptors(scan.showsPaths());
    InferredMaps inferred = maps == null ? new InferredMaps(scan, log) : null;
    InitialMaps initial;
    try (LineSource reading = maps == null ? Objects.requireNonNull(inferred).open() : maps.get()) {
      initial = new InitialMaps(reading);
    }
    inputLine = inferred == null ? 0 : inferred.inputLine();
    if (inferred != null) {
      extraNotes.add(inferred.note());
    }
    extraNotes.addAll(initial.notes());
    breakTaken = initial.startBrkGiven();
    begin = scan.begin(initial.program());
    long mainPid = begin == null ? scan.firstPid() : begin.pid();
    long heap = scan.firstBreak(mainPid, begin == null ? 0 : begin.line());
    doubt = inferred != null ? null : initial.doubt(begin, heap);
    another = inferred != null ? null : initial.another(begin, heap);
    initial.startBrk(heap);
    scan.limits().forEach(initial::limit);
    HeaderReader reader = initial.header();
    lines = new StraceLines(log.get());
    try (LineSource empty = new LineSource(initial.name(), new ByteArrayInputStream(new byte[0]))) {
      VmaHeader read = reader.finish(new Cursor(empty));
      header = scan.namesVmas() ? read.withOption("anon-vma-name", "true") : read;
    } catch (RuntimeException e) {
      lines.close();
      throw e;
    }
    start = new VmaEvent.State(0, 0, "start", initial.lines(), 0, Map.of());
    arguments = new ArgumentReader(initial.writable(), descriptors, scan.pageOffsets());
    kin = new Kin(scan, mainPid, begin == null);
    pending.add(new VmaEvent.Deltas(0, false));
  }

  @Override
  public VmaHeader header() {
    return header;
  }

  @Override
  public VmaEvent.State start() {
    return start;
  }

  /** The program whose maps these surely are, if it is not the log's; else null. */
  @Nullable String another() {
    return another;
  }

  /** Adds what had to be taken for granted before this was opened. */
  void noteFirst(String text) {
    extraNotes.addFirst(text);
  }

  /** What speaks against log and maps being of one program, or null. */
  public @Nullable String doubt() {
    return doubt;
  }

  /** Calls that were not made: of programs without maps, or without a result. */
  public long notFollowed() {
    return notFollowed;
  }

  @Override
  public List<String> notes() {
    List<String> notes = new ArrayList<>(scan.notes());
    notes.addAll(extraNotes);
    notes.addAll(arguments.notes());
    if (scan.pageOffsets()) {
      notes.add("offsets of mmap2 are in pages, as old versions of strace print them");
    }
    notModelled.forEach((what, line) -> notes.add("not modelled, line " + line + ": " + what));
    if (refused > 0) {
      notes.add(
          refused
              + (refused == 1 ? " call was" : " calls were")
              + " refused before memory management saw them (seccomp, a sandbox or strace -e"
              + " inject), and not made; the first in line "
              + firstRefused
              + ": "
              + lastRefused);
    }
    return notes;
  }

  @Override
  public @Nullable VmaEvent next() {
    while (pending.isEmpty()) {
      StraceLine line = lines.next();
      if (line == null) {
        if (waiting.isEmpty()) {
          return null;
        }
        flush();
      } else {
        line(line);
      }
    }
    return pending.poll();
  }

  private void note(String text) {
    if (extraNotes.size() < MOST_NOTES) {
      extraNotes.add(text);
    }
  }

  private String where() {
    return lines.where();
  }

  private void line(StraceLine line) {
    switch (line.form()) {
      case ENDED -> ended(line);
      case UNFINISHED -> {
        if (unfinished.size() >= MAX_PIDS) {
          throw StraceLine.wrong("too many unfinished calls", where(), 0);
        }
        process(line.pid()); // a child exists from its first line on
        unfinished.put(line.pid(), line);
        began.put(line.pid(), lines.number());
      }
      case RESUMED -> resumed(line);
      case CALL -> {
        began.put(line.pid(), lines.number());
        call(line);
      }
      default -> {}
    }
  }

  private void resumed(StraceLine line) {
    StraceLine first = LogScan.begunBy(unfinished, line);
    if (first == null || !first.name().equals(line.name())) {
      if (line.name().startsWith("execve")) {
        // A thread's execve: the new program has the pid of the whole process.
        call(StraceLine.call(line.pid(), line.name() + "(" + line.body(), where()));
      } else if (Calls.isMemoryCall(line.name())) {
        notFollowed++;
        note("line " + lines.number() + " completes a call of which no line shows the beginning");
      }
      return;
    }
    if (first.pid() != line.pid()) {
      began.put(line.pid(), began.getOrDefault(first.pid(), lines.number()));
    }
    StraceLine whole = StraceLine.parseCall(line.pid(), first.body() + line.body(), where(), 0);
    if (whole.form() == StraceLine.Form.CALL) {
      call(whole);
    } else if (Calls.isMemoryCall(line.name())) {
      throw StraceLine.cut(whole, where());
    }
  }

  private void ended(StraceLine line) {
    long pid = line.pid();
    unfinished.remove(pid);
    flushUnlessBusy();
    began.remove(pid);
    descriptors.ended(pid);
    gone(kin.ended(pid));
  }

  private void gone(int process) {
    if (process != Kin.NOT_FOLLOWED) {
      flush();
      pending.add(new VmaEvent.Gone(lines.number(), process));
    }
  }

  private void call(StraceLine line) {
    if (line.name().startsWith("execve")) {
      executed(line);
      return;
    }
    int process = process(line.pid());
    if (Calls.isBirth(line.name())) {
      Long child = line.number();
      if (child != null && child > 0) {
        process(child);
      }
      return;
    }
    if (process == Kin.NOT_FOLLOWED) {
      if (kin.began() && Calls.isMemoryCall(line.name())) {
        notFollowed++;
      }
      descriptors.note(line);
      return;
    }
    if (!breakTaken && process == 0 && LogScan.asksForBreak(line) && line.succeeded()) {
      breakTaken = true;
      return;
    }
    if (lines.number() == inputLine) {
      // Its place was taken from here: it is made, and says nothing.
      memoryCall(line, process, true);
      return;
    }
    memoryCall(line, process, false);
  }

  private void executed(StraceLine line) {
    if (!StraceLine.firstWord(line.result()).equals("0")) {
      return;
    }
    process(line.pid());
    descriptors.executed(line.pid());
    if (begin != null && lines.number() == begin.line()) {
      kin.begin(line.pid());
      return;
    }
    gone(kin.executed(line.pid()));
  }

  /** The process of a pid; one that is new may be a child. */
  private int process(long pid) {
    if (!kin.knows(pid)) {
      if (kin.size() >= MAX_PIDS) {
        throw StraceLine.wrong("too many processes", where(), 0);
      }
      Kin.Arrival arrival = kin.arrive(pid);
      LogScan.Birth birth = arrival.birth();
      if (birth != null) {
        descriptors.born(birth.parent(), pid, birth.sharesFiles() || birth.thread());
      } else if (arrival.process() != Kin.NOT_FOLLOWED) {
        descriptors.born(kin.mainPid(), pid, arrival.forkedFrom() == Kin.NOT_FOLLOWED);
      }
      if (arrival.forkedFrom() != Kin.NOT_FOLLOWED) {
        flush();
        pending.add(new VmaEvent.Forked(lines.number(), arrival.forkedFrom(), arrival.process()));
      }
    }
    return kin.process(pid);
  }

  private void memoryCall(StraceLine line, int process, boolean asInput) {
    CallName name = Calls.name(line.name());
    if (name == null) {
      otherCall(line, process);
      return;
    }
    Answer answer = answer(line, name);
    boolean injected = line.result().contains("(INJECTED)");
    if (answer == null || (injected && !(answer instanceof Answer.Failure))) {
      notFollowed++;
      flushUnlessBusy();
      return;
    }
    if (answer instanceof Answer.Failure failure
        && (name == CallName.BRK || failure.errno().equals("ENOSYS") || injected)) {
      // brk gives the break when it fails; only what stands before the call gives an error, as does
      // strace itself (-e inject).
      firstRefused = refused++ == 0 ? lines.number() : firstRefused;
      lastRefused = refused == 1 ? line.body() : lastRefused;
      flushUnlessBusy();
      return;
    }
    ArgumentReader.Read read = arguments.read(line, name, lines.number(), where());
    pending.addAll(read.news());
    done(line, process, name, read.args(), read.open(), asInput ? Answer.Unknown.IT : answer);
  }

  private void done(
      StraceLine line,
      int process,
      CallName name,
      List<Long> args,
      @Nullable String open,
      Answer answer) {
    waiting.add(
        new Overlap.Done(
            began.getOrDefault(line.pid(), lines.number()),
            lines.number(),
            process,
            name,
            args,
            open,
            answer,
            lines.number(),
            line.body()));
    flushUnlessBusy();
  }

  /** Whether a memory call is under way, so that what is back may have to wait for it. */
  private boolean busy() {
    return unfinished.values().stream()
        .anyMatch(
            line ->
                Calls.name(line.name()) != null
                    && kin.knows(line.pid())
                    && kin.process(line.pid()) != Kin.NOT_FOLLOWED);
  }

  private void flushUnlessBusy() {
    if (waiting.size() >= MOST_WAITING || !busy()) {
      flush();
    }
  }

  private void flush() {
    Map<Integer, List<Overlap.Done>> byProcess = new TreeMap<>();
    waiting.forEach(
        done -> byProcess.computeIfAbsent(done.process(), p -> new ArrayList<>()).add(done));
    waiting.clear();
    byProcess
        .values()
        .forEach(list -> Overlap.ordered(list, header.layout().topDown()).forEach(this::make));
  }

  private void make(Overlap.Done done) {
    pending.add(
        new VmaEvent.Call(
            done.number(),
            ++calls,
            done.process(),
            done.name(),
            done.args(),
            done.open(),
            done.answer(),
            -1,
            "",
            List.of(),
            List.of(),
            done.text()));
  }

  private void otherCall(StraceLine line, int process) {
    descriptors.note(line);
    List<Long> scan = ScanText.args(line);
    Answer found = scan == null ? null : answer(line, CallName.PAGEMAP_SCAN);
    if (scan != null && found != null) {
      done(line, process, CallName.PAGEMAP_SCAN, scan, null, ScanText.judged(found));
      return;
    }
    if (!line.succeeded()) {
      return;
    }
    LimitText.Limits limits = LimitText.of(line);
    if (limits != null) {
      if (limits.set() != LimitText.Limits.NONE) {
        limit(line, process, limits);
      }
      return;
    }
    switch (line.name()) {
      case "shmget", "shmat", "shmdt", "shmctl" -> sharedSegment(line, process);
      case "prctl" -> {
        List<Long> args = Prctl.args(line);
        String name = Prctl.vmaName(line);
        if (name != null) {
          List<Long> range = Prctl.range(line);
          done(line, process, CallName.SET_VMA_NAME, range, name, new Answer.Value(0, false));
        } else if (args.isEmpty()) {
          notModelled(line);
        } else {
          done(line, process, CallName.PRCTL, args, null, new Answer.Value(0, false));
        }
      }
      default -> notModelled(line);
    }
  }

  private void notModelled(StraceLine line) {
    String what = Calls.notModelled(line);
    if (what != null) {
      notModelled.putIfAbsent(line.name() + ": " + what, lines.number());
    }
  }

  private void limit(StraceLine line, int process, LimitText.Limits limits) {
    int whose = process;
    if (limits.pid() != 0 && limits.pid() != line.pid()) {
      whose = kin.knows(limits.pid()) ? kin.process(limits.pid()) : Kin.NOT_FOLLOWED;
    }
    if (whose == Kin.NOT_FOLLOWED) {
      return;
    }
    done(
        line,
        whose,
        CallName.SETRLIMIT,
        List.of((long) RESOURCES.indexOf(limits.resource()), limits.set()),
        null,
        new Answer.Value(0, false));
  }

  /** shmget, shmat, shmdt and shmctl, with numbers of segments as they are here. */
  private void sharedSegment(StraceLine line, int process) {
    List<SharedSegments.Call> made = segments.calls(line);
    if (made.isEmpty() && Calls.isMemoryCall(line.name())) {
      notFollowed++;
      note(
          "line "
              + lines.number()
              + ": "
              + line.name()
              + " is not made: no line tells how large the segment is (shmget)");
      return;
    }
    boolean input = lines.number() == inputLine;
    for (SharedSegments.Call call : made) {
      done(
          line, process, call.name(), call.args(), null, input ? Answer.Unknown.IT : call.answer());
    }
  }

  /** The result as a recorded answer; null if the log does not tell it. */
  private @Nullable Answer answer(StraceLine line, CallName name) {
    String word = StraceLine.firstWord(line.result());
    if (word.equals("?")) {
      return null;
    }
    if (word.equals("-1") && line.result().matches("-1 E[A-Z0-9]+\\b.*")) {
      return new Answer.Failure(line.result().substring(3).replaceFirst("[^A-Z0-9].*", ""));
    }
    if (word.matches("E[A-Z]+")) {
      return new Answer.Failure(word); // perf trace: = -1 ENOMEM without the number
    }
    Long value = Symbols.number(word);
    if (value == null) {
      throw StraceLine.wrong("the result '" + word + "' is no number", where(), 0);
    }
    return new Answer.Value(value, name.gives() == CallName.Gives.ADDRESS);
  }

  @Override
  public void close() {
    lines.close();
  }
}
