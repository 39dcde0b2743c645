// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.replay.text.Cursor;
import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.Answer;
import io.mm4j.replay.vma.CallName;
import io.mm4j.replay.vma.ProgramName;
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
 * initial maps belong to, its threads and its children are followed, and every program that begins
 * after it: how it was laid out is inferred from what the log shows of it ({@link InferredMaps}).
 */
public final class StraceSource implements VmaSource {
  private static final int MAX_PIDS = 1 << 16;
  private static final int MOST_NOTES = 20;

  /** In the order in which recordings number them. */
  private static final List<ResourceLimit> RESOURCES = List.of(ResourceLimit.values());

  private final StraceLines lines;
  private final LogScan scan;
  private final VmaHeader header;
  private final VmaEvent.State start;
  private final Descriptors descriptors;
  private final ArgumentReader arguments;
  private final Kin kin;
  private final Programs programs;
  private final Map<Integer, Space> spaces = new HashMap<>();
  private final PrintedMaps printed = new PrintedMaps();
  private final Unfinished unfinished = new Unfinished();
  private final Map<Long, Long> began = new HashMap<>();
  private final ArrayDeque<VmaEvent> pending = new ArrayDeque<>();
  private final CallQueue queue = new CallQueue(process -> space(process).topDown(), pending::add);
  private final SharedSegments segments = new SharedSegments();
  private final Map<String, Long> notModelled = new TreeMap<>();
  private final List<String> extraNotes = new ArrayList<>();
  private final @Nullable String doubt;
  private final @Nullable String another;
  private final LogScan.@Nullable Exec begin;
  private final boolean startIsWhole;
  private final @Nullable String givenProgram;
  private long inferredLater;
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
    startIsWhole = maps != null;
    String program = null;
    InitialMaps given = null;
    if (maps != null) {
      try (LineSource reading = maps.get()) {
        given = new InitialMaps(reading);
      }
      program = given.program();
    }
    givenProgram = program;
    begin = scan.begin(program);
    programs = new Programs(scan, begin, log);
    InferredMaps inferred = programs.first();
    InitialMaps initial;
    if (given == null) {
      extraNotes.add(inferred.note());
      initial = initial(inferred);
    } else {
      initial = given;
    }
    extraNotes.addAll(initial.notes());
    long mainPid = begin == null ? scan.firstPid() : begin.pid();
    doubt = given == null ? null : given.doubt(begin, inferred.heap());
    another = given == null ? null : given.another(begin, inferred.heap());
    boolean breakGiven = initial.startBrkGiven();
    initial.startBrk(inferred.heap());
    scan.limits().forEach(initial::limit);
    VmaHeader read = finished(initial);
    header = scan.namesVmas() ? read.withOption("anon-vma-name", "true") : read;
    start = new VmaEvent.State(0, 0, "start", initial.lines(), 0, Map.of());
    arguments = new ArgumentReader(descriptors, scan.pageOffsets());
    kin = new Kin(scan, mainPid, begin == null);
    long inputLine = given == null ? inferred.inputLine() : 0;
    spaces.put(0, new Space(header.layout().topDown(), initial.writable(), inputLine, breakGiven));
    pending.add(new VmaEvent.Deltas(0, false));
    lines = new StraceLines(log.get());
  }

  private static InitialMaps initial(InferredMaps inferred) {
    try (LineSource reading = inferred.open()) {
      return new InitialMaps(reading);
    }
  }

  private static VmaHeader finished(InitialMaps maps) {
    try (LineSource empty = new LineSource(maps.name(), new ByteArrayInputStream(new byte[0]))) {
      return maps.header().finish(new Cursor(empty));
    }
  }

  @Override
  public VmaHeader header() {
    return header;
  }

  @Override
  public VmaEvent.State start() {
    return start;
  }

  @Override
  public ProgramName program() {
    return begin != null
        ? begin.name()
        : new ProgramName(givenProgram == null ? "-" : givenProgram, List.of());
  }

  @Override
  public boolean startIsWhole() {
    return startIsWhole;
  }

  @Override
  public boolean knowsPaths() {
    return scan.showsPaths();
  }

  @Override
  public boolean knowsVmaNames() {
    return scan.namesVmas() && !scan.hidesVmaNames();
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
    if (inferredLater > 0) {
      notes.add(
          inferredLater
              + (inferredLater == 1 ? " program begins" : " programs begin")
              + " later (execve): where each lies was inferred from what the log shows of it, and"
              + " the place of its first mapping is not judged");
    }
    if (printed.firstCut() > 0) {
      notes.add(
          "maps were read in line "
              + printed.firstCut()
              + " and are shown in part: with strace -s 65536 they are compared");
    }
    if (scan.unnamedPrograms() > 0) {
      notes.add(
          "the log shows no execve: a program is taken to begin where the break is one that no call"
              + " has made (strace -e trace=memory,execve,openat,close shows more)");
    }
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
        if (queue.isEmpty()) {
          return null;
        }
        queue.flush();
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
        unfinished.begins(line);
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
    Unfinished.Whole whole = unfinished.completed(line, where());
    if (whole == null) {
      if (Calls.isMemoryCall(line.name())) {
        notFollowed++;
        note("line " + lines.number() + " completes a call of which no line shows the beginning");
      }
      return;
    }
    if (whole.beganBy() != line.pid()) {
      began.put(line.pid(), began.getOrDefault(whole.beganBy(), lines.number()));
    }
    if (whole.line().form() == StraceLine.Form.CALL) {
      call(whole.line());
    } else if (Calls.isMemoryCall(line.name())) {
      throw StraceLine.cut(whole.line(), where());
    }
  }

  private void ended(StraceLine line) {
    long pid = unfinished.ended(line);
    flushUnlessBusy();
    began.remove(pid);
    descriptors.ended(pid);
    gone(kin.ended(pid));
  }

  private void gone(int process) {
    if (process != Kin.NOT_FOLLOWED) {
      queue.flush();
      spaces.remove(process);
      pending.add(new VmaEvent.Gone(lines.number(), process));
    }
  }

  private void call(StraceLine line) {
    if (line.name().startsWith("execve")) {
      if (StraceLine.firstWord(line.result()).equals("0")) {
        executed(line);
      }
      return;
    }
    LogScan.Exec unnamed = scan.execAt(lines.number());
    if (unnamed != null && !unnamed.named()) {
      executed(line);
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
    if (!space(process).takesBreak(line)) {
      memoryCall(line, process);
    }
  }

  private Space space(int process) {
    return Objects.requireNonNull(spaces.get(process));
  }

  private void executed(StraceLine line) {
    process(line.pid());
    descriptors.executed(line.pid());
    if (begin != null && lines.number() == begin.line()) {
      kin.begin(line.pid());
      return;
    }
    InferredMaps maps = programs.at(lines.number());
    if (maps == null) {
      return; // before the first program that is followed
    }
    InitialMaps initial = initial(maps);
    initial.startBrk(maps.heap());
    MmLayout layout = finished(initial).layout();
    queue.flush();
    Kin.Begun begun = kin.executed(line.pid());
    spaces.put(
        begun.process(), new Space(layout.topDown(), initial.writable(), maps.inputLine(), false));
    inferredLater++;
    pending.add(
        new VmaEvent.Began(
            lines.number(),
            begun.process(),
            begun.from(),
            maps.program(),
            layout,
            initial.lines()));
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
        queue.flush();
        spaces.put(arrival.process(), space(arrival.forkedFrom()).fork());
        pending.add(new VmaEvent.Forked(lines.number(), arrival.forkedFrom(), arrival.process()));
      }
    }
    return kin.process(pid);
  }

  private void memoryCall(StraceLine line, int process) {
    CallName name = Calls.name(line.name());
    if (name == null) {
      if (!printedMaps(line)) {
        otherCall(line, process);
      }
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
    ArgumentReader.Read read =
        arguments.read(line, name, space(process).writable(), lines.number(), where());
    pending.addAll(read.news());
    // A place that was taken from this line says nothing.
    boolean input = space(process).isInput(lines.number());
    done(line, process, name, read.args(), read.open(), input ? Answer.Unknown.IT : answer);
  }

  private void done(
      StraceLine line,
      int process,
      CallName name,
      List<Long> args,
      @Nullable String open,
      Answer answer) {
    queue.add(
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
    return unfinished.all().stream()
        .anyMatch(
            line ->
                Calls.name(line.name()) != null
                    && kin.knows(line.pid())
                    && kin.process(line.pid()) != Kin.NOT_FOLLOWED);
  }

  private void flushUnlessBusy() {
    if (queue.isFull() || !busy()) {
      queue.flush();
    }
  }

  /** Whether the call is one on open maps of a process. */
  private boolean printedMaps(StraceLine line) {
    String first = line.args().isEmpty() ? "" : line.args().getFirst();
    Descriptors.Open file = descriptors.known(line.pid(), first);
    if (!printed.isOne(file)) {
      return false;
    }
    descriptors.note(line);
    VmaEvent shown = printed.call(line, file, spaces, where(), lines.number());
    if (shown != null) {
      queue.flush();
      pending.add(shown);
    }
    return true;
  }

  /** Whoever opens maps reads those of the address space that their owner has then. */
  private void opened(StraceLine line, int process) {
    Descriptors.Open file = descriptors.known(line.pid(), line.result());
    Long owner = file == null ? null : PrintedMaps.owner(file.path());
    if (file == null || owner == null) {
      return;
    }
    int whose = owner == 0 ? process : kin.knows(owner) ? kin.process(owner) : Kin.NOT_FOLLOWED;
    Space space = spaces.get(whose);
    if (space != null) {
      printed.opened(file, whose, space);
    }
  }

  private void otherCall(StraceLine line, int process) {
    descriptors.note(line);
    List<Long> scan = ScanText.args(line);
    Answer found = scan == null ? null : answer(line, CallName.PAGEMAP_SCAN);
    if (scan != null && found != null) {
      done(line, process, CallName.PAGEMAP_SCAN, scan, null, ScanText.judged(found));
      return;
    }
    if (line.name().equals("prctl")) {
      prctl(line, process);
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
      case "open", "openat", "openat2" -> opened(line, process);
      case "shmget", "shmat", "shmdt", "shmctl" -> sharedSegment(line, process);
      default -> notModelled(line);
    }
  }

  private void prctl(StraceLine line, int process) {
    List<Long> args = Prctl.args(line);
    String name = Prctl.vmaName(line);
    Answer answer = answer(line, CallName.PRCTL);
    if (answer != null && name != null) {
      done(line, process, CallName.SET_VMA_NAME, Prctl.range(line), name, answer);
    } else if (answer != null && !args.isEmpty()) {
      done(line, process, CallName.PRCTL, args, null, answer);
    } else if (line.succeeded()) {
      notModelled(line);
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
    boolean input = space(process).isInput(lines.number());
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
