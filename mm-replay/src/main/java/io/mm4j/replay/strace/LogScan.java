// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.text.Cursor;
import io.mm4j.replay.text.LineSource;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a first reading of the log tells: the pid of the program, where its heap starts, which pids
 * are children (their parent gets SIGCHLD when they end, threads end silently) and which of them
 * run another program before they do anything else.
 */
final class LogScan {
  private static final int MAX_PIDS = 1 << 16;
  private static final Pattern CHILD = Pattern.compile("si_pid=(\\d{1,9})[,}]");

  private final Set<Long> children = new HashSet<>();
  private final Set<Long> seen = new HashSet<>();
  private final Set<Long> execFirst = new HashSet<>();
  private long mainPid = -1;
  private boolean startsWithExec;
  private long firstBreak;
  private String program = "";

  /** Reads the log to its end. */
  LogScan(LineSource source) {
    Cursor at = new Cursor(source);
    while (source.next()) {
      at.startLine();
      if (!at.atEnd()) {
        String where = source.name() + ", line " + source.number();
        line(StraceLine.parse(at.wholeLine(), where), where);
      }
    }
    if (mainPid < 0) {
      at.startLine();
      throw at.error(
          "there is no call in it", "lines as 'strace -f -y -e trace=memory,execve' writes them");
    }
  }

  private void line(StraceLine line, String where) {
    if (seen.size() > MAX_PIDS || children.size() > MAX_PIDS) {
      throw StraceLine.wrong("too many processes", where, 0);
    }
    switch (line.form()) {
      case SIGNAL -> {
        Matcher matcher = CHILD.matcher(line.body());
        if (line.body().startsWith("--- SIGCHLD ") && matcher.find()) {
          children.add(Long.parseLong(matcher.group(1)));
        }
      }
      case CALL, UNFINISHED -> {
        boolean exec = line.name().equals("execve");
        if (mainPid < 0) {
          mainPid = line.pid();
          startsWithExec = exec;
          program = exec && !line.args().isEmpty() ? line.args().getFirst() : "";
        }
        if (seen.add(line.pid()) && exec) {
          execFirst.add(line.pid());
        }
        if (firstBreak == 0 && line.pid() == mainPid && asksForBreak(line)) {
          Long value = Symbols.number(StraceSource.firstWord(line.result()));
          firstBreak = value == null ? 0 : value;
        }
      }
      default -> {}
    }
  }

  /** Whether a line asks for the break without moving it. */
  static boolean asksForBreak(StraceLine line) {
    return line.name().equals("brk")
        && line.args().size() == 1
        && (line.args().getFirst().equals("NULL") || line.args().getFirst().equals("0"));
  }

  long mainPid() {
    return mainPid;
  }

  /** Whether the log begins with the program's own execve. */
  boolean startsWithExec() {
    return startsWithExec;
  }

  /** What the first question for the break was answered with, 0 if there is none. */
  long firstBreak() {
    return firstBreak;
  }

  /** The program that the log begins with, as its execve names it in quotes; empty if none. */
  String program() {
    return program;
  }

  boolean isChild(long pid) {
    return children.contains(pid);
  }

  boolean runsAnotherProgramFirst(long pid) {
    return pid != mainPid && execFirst.contains(pid);
  }
}
