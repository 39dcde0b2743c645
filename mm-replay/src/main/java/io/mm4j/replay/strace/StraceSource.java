// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.text.Cursor;
import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.Answer;
import io.mm4j.replay.vma.CallName;
import io.mm4j.replay.vma.HeaderReader;
import io.mm4j.replay.vma.VmaEvent;
import io.mm4j.replay.vma.VmaHeader;
import io.mm4j.replay.vma.VmaSource;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * strace text as a recording. A call that strace shows in two parts is made where it is completed.
 * The program that the initial maps belong to, its threads and its forked children are followed; a
 * process that runs another program is followed no longer, since nobody gave its maps.
 */
public final class StraceSource implements VmaSource {
  private static final int NOT_FOLLOWED = -1;
  private static final int MAX_PIDS = 1 << 16;

  private final LineSource source;
  private final Cursor at;
  private final LogScan scan;
  private final VmaHeader header;
  private final VmaEvent.State start;
  private final ArgumentReader arguments;
  private final Map<Long, Integer> processes = new HashMap<>();
  private final Map<Long, StraceLine> unfinished = new HashMap<>();
  private final ArrayDeque<VmaEvent> pending = new ArrayDeque<>();
  private final @Nullable String doubt;
  private boolean started;
  private boolean breakTaken;
  private int lastProcess;
  private long calls;
  private long notFollowed;

  /**
   * Reads the initial maps, and the log twice: once for what only later lines tell (who is a child,
   * where the heap starts), then call by call.
   *
   * @param maps opens the initial maps
   * @param log opens the log
   */
  public StraceSource(Supplier<LineSource> maps, Supplier<LineSource> log) {
    InitialMaps initial;
    try (LineSource reading = log.get()) {
      scan = new LogScan(reading);
    }
    try (LineSource reading = maps.get()) {
      initial = new InitialMaps(reading);
    }
    breakTaken = initial.startBrkGiven();
    doubt = initial.doubt(scan);
    initial.startBrk(scan.firstBreak());
    HeaderReader reader = initial.header();
    source = log.get();
    at = new Cursor(source);
    try {
      header = reader.finish(at);
    } catch (RuntimeException e) {
      source.close();
      throw e;
    }
    start = new VmaEvent.State(0, 0, "start", initial.lines(), 0, Map.of());
    arguments = new ArgumentReader(initial.writable());
    processes.put(scan.mainPid(), 0);
    started = !scan.startsWithExec();
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

  /** What speaks against log and maps being of one program, or null. */
  public @Nullable String doubt() {
    return doubt;
  }

  /** Calls that were not made: of programs without maps, or without a result. */
  public long notFollowed() {
    return notFollowed;
  }

  @Override
  public @Nullable VmaEvent next() {
    while (pending.isEmpty()) {
      if (!source.next()) {
        return null;
      }
      at.startLine();
      if (!at.atEnd()) {
        line(StraceLine.parse(at.wholeLine(), where()));
      }
    }
    return pending.poll();
  }

  private String where() {
    return source.name() + ", line " + source.number();
  }

  private void line(StraceLine line) {
    switch (line.form()) {
      case NOTE, SIGNAL -> {}
      case ENDED -> ended(line.pid());
      case UNFINISHED -> {
        if (unfinished.size() >= MAX_PIDS) {
          throw StraceLine.wrong("too many unfinished calls", where(), 0);
        }
        unfinished.put(line.pid(), line);
        if (started) {
          process(line.pid()); // a child exists from its first line on
        }
      }
      case RESUMED -> {
        StraceLine first = unfinished.remove(line.pid());
        if (first == null || !first.name().equals(line.name())) {
          throw StraceLine.wrong(
              "pid " + line.pid() + " has no unfinished " + line.name(), where(), 0);
        }
        call(StraceLine.call(line.pid(), first.body() + line.body(), where(), 0));
      }
      case CALL -> call(line);
    }
  }

  private void ended(long pid) {
    unfinished.remove(pid);
    Integer process = processes.remove(pid);
    if (process != null && process != NOT_FOLLOWED && !processes.containsValue(process)) {
      pending.add(new VmaEvent.Gone(source.number(), process));
    }
  }

  private void call(StraceLine line) {
    String result = line.result();
    if (!started) {
      started = line.name().equals("execve") && result.equals("0");
      return;
    }
    int process = process(line.pid());
    if (process == NOT_FOLLOWED) {
      notFollowed++;
      return;
    }
    switch (line.name()) {
      case "execve", "execveat" -> {
        if (result.equals("0")) {
          processes.put(line.pid(), NOT_FOLLOWED);
          if (!processes.containsValue(process)) {
            pending.add(new VmaEvent.Gone(source.number(), process));
          }
        }
      }
      case "clone", "clone3", "fork", "vfork" -> born(line, process);
      default -> {
        if (!breakTaken && process == 0 && LogScan.asksForBreak(line)) {
          breakTaken = true;
          return;
        }
        memoryCall(line, process);
      }
    }
  }

  /**
   * The process of a pid; one that appears for the first time is a thread or a child of the first.
   */
  private int process(long pid) {
    Integer known = processes.get(pid);
    if (known != null) {
      return known;
    }
    if (processes.size() >= MAX_PIDS) {
      throw StraceLine.wrong("too many processes", where(), 0);
    }
    int parent = processes.getOrDefault(scan.mainPid(), NOT_FOLLOWED);
    int process = parent;
    if (scan.runsAnotherProgramFirst(pid)) {
      process = NOT_FOLLOWED;
    } else if (scan.isChild(pid) && parent != NOT_FOLLOWED) {
      process = ++lastProcess;
      pending.add(new VmaEvent.Forked(source.number(), parent, process));
    }
    processes.put(pid, process);
    return process;
  }

  private void born(StraceLine line, int process) {
    Long child = Symbols.number(firstWord(line.result()));
    if (child == null || child <= 0 || processes.containsKey(child)) {
      return;
    }
    if (processes.size() >= MAX_PIDS) {
      throw StraceLine.wrong("too many processes", where(), 0);
    }
    boolean shares = line.name().equals("vfork") || line.body().contains("CLONE_VM");
    if (shares) {
      processes.put(child, process);
    } else {
      processes.put(child, ++lastProcess);
      pending.add(new VmaEvent.Forked(source.number(), process, lastProcess));
    }
  }

  private void memoryCall(StraceLine line, int process) {
    CallName name = ArgumentReader.name(line.name());
    if (name == null) {
      arguments.noteFiles(process, line);
      return;
    }
    Answer answer = answer(line, name);
    if (answer == null) {
      notFollowed++;
      return;
    }
    ArgumentReader.Read read = arguments.read(line, name, process, source.number(), where());
    pending.addAll(read.news());
    pending.add(
        new VmaEvent.Call(
            source.number(),
            ++calls,
            process,
            name,
            read.args(),
            read.open(),
            answer,
            -1,
            "",
            List.of(),
            List.of(),
            line.body()));
  }

  /** The result as a recorded answer; null if the log does not tell it. */
  private @Nullable Answer answer(StraceLine line, CallName name) {
    String word = firstWord(line.result());
    if (word.equals("?")) {
      return null;
    }
    if (word.equals("-1") && line.result().startsWith("-1 E")) {
      return new Answer.Failure(firstWord(line.result().substring(3)));
    }
    Long value = Symbols.number(word);
    if (value == null) {
      throw StraceLine.wrong("the result '" + word + "' is no number", where(), 0);
    }
    return new Answer.Value(value, name.gives() == CallName.Gives.ADDRESS);
  }

  static String firstWord(String text) {
    int end = 0;
    while (end < text.length() && text.charAt(end) != ' ' && text.charAt(end) != '<') {
      end++;
    }
    return text.substring(0, end);
  }

  @Override
  public void close() {
    source.close();
  }
}
