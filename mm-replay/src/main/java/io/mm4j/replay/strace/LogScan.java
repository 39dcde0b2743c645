// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.InputException;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.replay.text.KnownText;
import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.ProgramName;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a first reading of the log tells: which line begins the program, where its heap starts, who
 * was made by whom and shares what, which pids are children (their parent gets SIGCHLD when they
 * end, threads end silently) and which of them run another program before they do anything else.
 */
final class LogScan {
  private static final int MAX_PIDS = 1 << 16;
  private static final int MOST_BREAKS = 1 << 18;
  private static final Pattern PATH =
      Pattern.compile("[(, =]\\d{1,7}<(?:/|anon_inode:|socket:|pipe:|TCP|UDP|UNIX)");

  /** As truss of Solaris and of the BSDs prints it, and people in Linux write it. */
  private static final Pattern OTHER_UNIX = Pattern.compile("\\bMAP_ANON(?=$|[|\\s])");

  private static final Pattern CHILD = Pattern.compile("si_pid=(\\d{1,9})[,}]");

  /**
   * A program that began.
   *
   * @param line where its execve is complete; in a log without any, of its first question for the
   *     break
   * @param pid who ran it
   * @param program the path, in quotes as execve names it; empty if no line shows it
   * @param arguments what it was given, as far as the log shows it
   */
  record Exec(long line, long pid, String program, List<String> arguments) {
    /** Whether the line is its execve, and not the first question for its break. */
    boolean named() {
      return !program.isEmpty();
    }

    ProgramName name() {
      String path = program.replace("\"", "");
      return new ProgramName(path.isEmpty() ? "-" : path, arguments);
    }
  }

  /**
   * A process or thread that was made.
   *
   * @param parent who made it
   * @param sharesMemory whether it has the same address space
   * @param sharesFiles whether it has the same descriptors
   * @param thread whether it belongs to the same process
   */
  record Birth(long parent, boolean sharesMemory, boolean sharesFiles, boolean thread) {}

  /** A birth as its line shows it, maybe without flags. */
  private record Born(long parent, @Nullable CloneFlags flags) {}

  /** A question for the break and its answer. */
  private record Break(long line, long uaddr) {}

  private final Set<Long> children = new HashSet<>();
  private final Set<Long> seen = new HashSet<>();
  private final Set<Long> execFirst = new HashSet<>();
  private final List<Exec> execs = new ArrayList<>();
  private final Map<Long, Exec> execByLine = new HashMap<>();
  private final Map<Long, Exec> lastExec = new HashMap<>();

  /** By the line of an execve, that of the next one of its pid. */
  private final Map<Long, Long> nextExec = new HashMap<>();

  private final Map<Long, List<Break>> breaks = new HashMap<>();
  private int breakCount;

  /** What any program's break was. */
  private final Set<Long> knownBreaks = new HashSet<>();

  /** Questions that were answered with a break that no program had: others begin there. */
  private final List<Exec> unnamed = new ArrayList<>();

  private boolean showsExec;
  private boolean newPid;
  private final Map<Long, List<Born>> births = new HashMap<>();
  private final Unfinished unfinished = new Unfinished();
  private final Map<ResourceLimit, Long> limits = new EnumMap<>(ResourceLimit.class);
  private final Set<ResourceLimit> limitsSet = new HashSet<>();
  private final List<String> notes;
  private long firstPid = -1;
  private boolean firstIsExec;
  private boolean showsPaths;
  private boolean namesVmas;
  private int nodes;
  private boolean hidesVmaNames;
  private boolean pageOffsets;
  private boolean threads;
  private boolean inParts;
  private boolean failures;

  /** Reads the log to its end. */
  LogScan(LineSource source) {
    StraceLines lines = new StraceLines(source);
    for (StraceLine line = lines.next(); line != null; line = lines.next()) {
      line(line, lines.where(), lines.number());
    }
    notes = lines.notes();
    if (!showsExec) {
      unnamed.forEach(this::begins);
    }
    if (firstPid < 0) {
      InputException known = KnownText.known(lines.passed(), source.name());
      if (known != null) {
        throw known;
      }
      boolean empty = source.number() == 0;
      throw new InputException(
          empty
              ? "the file is empty"
              : "there is no call in it" + (notes.isEmpty() ? "" : ": " + notes.getFirst()),
          empty ? source.name() : source.name() + ", line " + source.number(),
          "lines as 'strace -f -e trace=memory,execve,openat,close -o FILE' writes them");
    }
  }

  /** How many nodes the log's policies name, 0 for none. */
  int nodes() {
    return nodes;
  }

  /** Whether the kernel gave names to anonymous VMAs. */
  boolean namesVmas() {
    return namesVmas;
  }

  /** Whether the log does not show all names that it gave. */
  boolean hidesVmaNames() {
    return hidesVmaNames;
  }

  private void line(StraceLine line, String where, long number) {
    if (seen.size() > MAX_PIDS || children.size() > MAX_PIDS || births.size() > MAX_PIDS) {
      throw StraceLine.wrong("too many processes", where, 0);
    }
    switch (line.form()) {
      case SIGNAL -> {
        Matcher matcher = CHILD.matcher(line.body());
        if (line.body().startsWith("--- SIGCHLD ") && matcher.find()) {
          children.add(Long.parseLong(matcher.group(1)));
        }
      }
      case UNFINISHED -> {
        appears(line);
        unfinished.begins(line);
      }
      case ENDED -> {
        long _ = unfinished.ended(line);
      }
      case RESUMED -> {
        inParts = true;
        Unfinished.Whole whole = unfinished.completed(line, where);
        if (whole != null && whole.line().form() == StraceLine.Form.CALL) {
          // By the pid that began it: under that one its maker is known already.
          call(whole.line().by(whole.beganBy()), where, number);
        }
      }
      case CALL -> {
        appears(line);
        call(line, where, number);
      }
      default -> {}
    }
  }

  private void appears(StraceLine line) {
    // The body, as an unfinished call's arguments are not taken apart.
    showsPaths |= !showsPaths && PATH.matcher(line.body()).find();
    boolean exec = line.name().equals("execve");
    showsExec |= line.name().startsWith("execve");
    if (firstPid < 0) {
      firstPid = line.pid();
      firstIsExec = exec;
    }
    newPid = seen.add(line.pid());
    if (newPid && exec) {
      execFirst.add(line.pid());
    }
  }

  private void call(StraceLine line, String where, long number) {
    failures |= line.result().startsWith("-1 ");
    if (line.name().equals("mmap")
        && line.args().size() > 3
        && line.args().getFirst().startsWith("0x0")
        && OTHER_UNIX.matcher(line.args().get(3)).find()) {
      throw new InputException(
          "this log is of another system than Linux, as its 0x0 and MAP_ANON show",
          where,
          "a log of Linux, where strace says NULL and MAP_ANONYMOUS");
    }
    if (line.succeeded()) {
      nodes = Math.max(nodes, NodeMask.nodes(line));
    }
    if (Prctl.namesVma(line)) {
      namesVmas |= !line.result().contains("EINVAL"); // without names every such call is refused so
      hidesVmaNames |= line.succeeded() && Prctl.vmaName(line) == null;
    }
    pageOffsets |= line.name().equals("mmap2") && hasOddOffset(line);
    if (line.name().startsWith("execve") && StraceLine.firstWord(line.result()).equals("0")) {
      int at = line.name().equals("execveat") ? 1 : 0;
      String program = line.args().size() > at ? line.args().get(at) : "";
      if (execs.size() < MAX_PIDS) {
        begins(new Exec(number, line.pid(), program, QuotedText.list(line.args(), at + 1)));
      }
    } else if (Calls.isBirth(line.name())) {
      born(line);
    } else if (asksForBreak(line)) {
      Long value = line.number();
      if (value != null && value > 0 && breakCount < MOST_BREAKS) {
        unnamed(line, number, value);
        breakCount++;
        breaks.computeIfAbsent(line.pid(), p -> new ArrayList<>()).add(new Break(number, value));
      }
    } else {
      limits(line);
    }
    Long end = line.name().equals("brk") ? line.number() : null;
    if (end != null && knownBreaks.size() < MOST_BREAKS) {
      knownBreaks.add(end);
    }
  }

  private void begins(Exec exec) {
    execs.add(exec);
    execByLine.put(exec.line(), exec);
    Exec before = lastExec.put(exec.pid(), exec);
    if (before != null) {
      nextExec.put(before.line(), exec.line());
    }
    if (!exec.named() && exec.pid() != firstPid) {
      children.add(exec.pid());
    }
  }

  /** A break is asked for that no call has made: nobody's but a new program's. */
  private void unnamed(StraceLine line, long number, long uaddr) {
    if (!showsExec && !knownBreaks.isEmpty() && !knownBreaks.contains(uaddr)) {
      if (newPid) {
        execFirst.add(line.pid());
      }
      if (unnamed.size() < MAX_PIDS) {
        unnamed.add(new Exec(number, line.pid(), "", List.of()));
      }
    }
  }

  /** How many programs begin in a log that shows no execve. */
  int unnamedPrograms() {
    return showsExec ? 0 : unnamed.size();
  }

  /** A file is mapped from a page on, so an offset that is none counts pages. */
  private static boolean hasOddOffset(StraceLine line) {
    Long offset = line.args().size() == 6 ? Symbols.number(line.args().get(5)) : null;
    return line.succeeded() && offset != null && (offset & 4095) != 0;
  }

  /** Whether the offsets of mmap2 are counted in pages, as strace before 4.6 prints them. */
  boolean pageOffsets() {
    return pageOffsets;
  }

  private void born(StraceLine line) {
    Long child = line.number();
    if (child == null || child <= 0) {
      return;
    }
    CloneFlags flags = CloneFlags.of(line);
    threads |= flags != null && flags.thread();
    births.computeIfAbsent(child, c -> new ArrayList<>()).add(new Born(line.pid(), flags));
  }

  /** What a limit was before anybody set it. */
  private void limits(StraceLine line) {
    LimitText.Limits found = line.succeeded() ? LimitText.of(line) : null;
    if (found == null) {
      return;
    }
    if (found.was() != LimitText.Limits.NONE && !limitsSet.contains(found.resource())) {
      limits.putIfAbsent(found.resource(), found.was());
    }
    if (found.set() != LimitText.Limits.NONE) {
      limitsSet.add(found.resource());
    }
  }

  /** Whether a line asks for the break without moving it. */
  static boolean asksForBreak(StraceLine line) {
    if (!line.name().equals("brk") || line.args().size() != 1) {
      return false;
    }
    String arg = line.args().getFirst();
    return arg.equals("NULL") || arg.equals("0") || arg.equals("0x0");
  }

  /**
   * The execve with which a program began; the first one if none is named so, null if the log shows
   * none.
   *
   * @param program the file's name, or null for any
   */
  @Nullable Exec begin(@Nullable String program) {
    if (execs.isEmpty()) {
      return null;
    }
    if (program != null) {
      String wanted = lastPart(program);
      for (Exec exec : execs) {
        if (lastPart(exec.program().replace("\"", "")).equals(wanted)) {
          return exec;
        }
      }
    }
    return firstIsExec ? execs.getFirst() : null;
  }

  static String lastPart(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  /** Whether descriptors have their paths ({@code strace -y}): one without is not open then. */
  boolean showsPaths() {
    return showsPaths;
  }

  /**
   * Whether calls of threads show only when they were back, as {@code strace -z} prints them: none
   * is resumed, and none has failed.
   */
  boolean hidesBeginnings() {
    return threads && !inParts && !failures;
  }

  /** The pid of the first call. */
  long firstPid() {
    return firstPid;
  }

  /** What this pid's first question for the break after a line was answered with, or 0. */
  long firstBreak(long pid, long afterLine) {
    return firstBreak(pid, afterLine, Long.MAX_VALUE);
  }

  /** Where the heap of a program begins, or 0: what its first question was answered with. */
  long firstBreak(Exec exec) {
    long after = exec.named() ? exec.line() : exec.line() - 1;
    return firstBreak(exec.pid(), after, nextExec.getOrDefault(exec.line(), Long.MAX_VALUE));
  }

  private long firstBreak(long pid, long afterLine, long beforeLine) {
    for (Break asked : breaks.getOrDefault(pid, List.of())) {
      if (asked.line() > afterLine) {
        return asked.line() < beforeLine ? asked.uaddr() : 0;
      }
    }
    return 0;
  }

  /**
   * Who made this pid.
   *
   * @param times how often it was made before; numbers are used again
   * @return null if the log does not say
   */
  @Nullable Birth birth(long pid, int times) {
    List<Born> all = births.get(pid);
    if (all == null || times >= all.size()) {
      return null;
    }
    Born born = all.get(times);
    CloneFlags flags =
        born.flags() == null
            ? CloneFlags.likely(!isChild(pid) && !runsAnotherProgramFirst(pid))
            : born.flags();
    return new Birth(born.parent(), flags.sharesMemory(), flags.sharesFiles(), flags.thread());
  }

  /** The program whose execve is complete in that line, or null. */
  @Nullable Exec execAt(long line) {
    return execByLine.get(line);
  }

  /** Limits that the log shows before it sets them, in bytes. */
  Map<ResourceLimit, Long> limits() {
    return limits;
  }

  /** What was passed over. */
  List<String> notes() {
    return notes;
  }

  boolean isChild(long pid) {
    return children.contains(pid);
  }

  boolean runsAnotherProgramFirst(long pid) {
    return execFirst.contains(pid);
  }
}
