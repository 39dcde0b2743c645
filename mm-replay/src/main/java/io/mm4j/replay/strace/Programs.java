// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.text.LineSource;
import io.mm4j.replay.vma.ProgramName;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a log tells of every program in it: a reading of its own, in which each call is taken by the
 * address space on which it was made, and what a forked child works on was its parent's, too. Of a
 * log of n lines O(n), and for each fork O(ranges); as much memory as programs, living children and
 * ranges that they had before the log shows how they got them.
 */
final class Programs {
  private final Map<Long, InferredMaps> byLine = new HashMap<>();
  private final Map<Integer, InferredMaps> living = new HashMap<>();
  private final LogScan scan;
  private final LogScan.@Nullable Exec begin;
  private final Kin kin;
  private final InferredMaps first;
  private final String name;

  /**
   * Reads the log to its end.
   *
   * @param begin the execve with which the first program that is followed begins; null if it runs
   *     already
   */
  Programs(LogScan scan, LogScan.@Nullable Exec begin, Supplier<LineSource> log) {
    this.scan = scan;
    this.begin = begin;
    long mainPid = begin == null ? scan.firstPid() : begin.pid();
    kin = new Kin(scan, mainPid, begin == null);
    try (StraceLines lines = new StraceLines(log.get())) {
      name = lines.name();
      first =
          begin == null
              ? new InferredMaps(name, new ProgramName("-", List.of()), scan.firstBreak(mainPid, 0))
              : at(begin);
      if (begin == null) {
        living.put(0, first);
      }
      Unfinished unfinished = new Unfinished();
      for (StraceLine line = lines.next(); line != null; line = lines.next()) {
        switch (line.form()) {
          case UNFINISHED -> {
            arrives(line.pid());
            unfinished.begins(line);
          }
          case RESUMED -> {
            Unfinished.Whole whole = unfinished.completed(line, lines.where());
            if (whole != null && whole.line().form() == StraceLine.Form.CALL) {
              call(whole.line(), lines.number());
            }
          }
          case CALL -> call(line, lines.number());
          case ENDED -> gone(kin.ended(unfinished.ended(line)));
          default -> {}
        }
      }
    }
    living.values().forEach(InferredMaps::ended);
  }

  private InferredMaps at(LogScan.Exec exec) {
    return new InferredMaps(name, exec.name(), scan.firstBreak(exec));
  }

  private void arrives(long pid) {
    if (!kin.knows(pid)) {
      Kin.Arrival arrival = kin.arrive(pid);
      InferredMaps parent = living.get(arrival.forkedFrom());
      if (parent != null) {
        living.put(arrival.process(), parent.forked());
      }
    }
  }

  private void call(StraceLine line, long number) {
    arrives(line.pid());
    LogScan.Exec exec = scan.execAt(number);
    if (exec != null) {
      executed(exec, line.pid());
      if (exec.named()) {
        return;
      }
    }
    Long child = Calls.isBirth(line.name()) ? line.number() : null;
    if (child != null && child > 0) {
      arrives(child);
    }
    InferredMaps maps = living.get(kin.process(line.pid()));
    if (maps != null) {
      maps.look(line, number);
    }
  }

  private void executed(LogScan.Exec exec, long pid) {
    int process = 0;
    InferredMaps maps = first;
    if (exec.equals(begin)) {
      kin.begin(pid);
    } else if (kin.began()) {
      process = kin.executed(pid).process();
      maps = at(exec);
      byLine.put(exec.line(), maps);
    } else {
      return;
    }
    gone(process);
    living.put(process, maps);
  }

  private void gone(int process) {
    InferredMaps maps = living.remove(process);
    if (maps != null) {
      maps.ended();
    }
  }

  /** The first program that is followed. */
  InferredMaps first() {
    return first;
  }

  /** The program whose execve is complete in that line; null if none is or it is the first one. */
  @Nullable InferredMaps at(long line) {
    return byLine.get(line);
  }
}
