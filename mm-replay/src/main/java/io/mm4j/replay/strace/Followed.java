// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.MmLayout;
import io.mm4j.replay.vma.VmaEvent;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * The processes of a log that are followed: the first program's, its threads and children, and all
 * that begin later; with what is known of the address space of each.
 */
final class Followed {
  /** How many there may be. */
  static final int MAX_PIDS = 1 << 16;

  private final LogStart start;
  private final StraceLines lines;
  private final Descriptors descriptors;
  private final Kin kin;
  private final Runnable callsBefore;
  private final Consumer<VmaEvent> events;
  private final Map<Integer, Space> spaces = new HashMap<>();

  /**
   * The first process.
   *
   * @param lines says which line is read
   * @param descriptors learns who has whose files
   * @param callsBefore makes the calls that wait, before a process comes or goes
   * @param events takes what comes and goes
   */
  Followed(
      LogScan scan,
      LogStart start,
      StraceLines lines,
      Descriptors descriptors,
      Runnable callsBefore,
      Consumer<VmaEvent> events) {
    this.start = start;
    this.lines = lines;
    this.descriptors = descriptors;
    this.callsBefore = callsBefore;
    this.events = events;
    kin = new Kin(scan, start.mainPid(), start.begin() == null);
    spaces.put(0, start.space());
  }

  /** Whether the first program has begun. */
  boolean began() {
    return kin.began();
  }

  /** The process of a pid as far as the log has named it. */
  int ofNamed(long pid) {
    return kin.process(pid);
  }

  /**
   * The process of a pid; one that is new may be a child.
   *
   * @return {@link Kin#NOT_FOLLOWED} if nobody knows its address space
   */
  int of(long pid) {
    if (!kin.knows(pid)) {
      if (kin.size() >= MAX_PIDS) {
        throw StraceLine.wrong("too many processes", lines.where(), 0);
      }
      Kin.Arrival arrival = kin.arrive(pid);
      LogScan.Birth birth = arrival.birth();
      if (birth != null) {
        descriptors.born(birth.parent(), pid, birth.sharesFiles() || birth.thread());
      } else if (arrival.process() != Kin.NOT_FOLLOWED) {
        descriptors.born(kin.mainPid(), pid, arrival.forkedFrom() == Kin.NOT_FOLLOWED);
      }
      if (arrival.forkedFrom() != Kin.NOT_FOLLOWED) {
        callsBefore.run();
        spaces.put(arrival.process(), space(arrival.forkedFrom()).fork());
        events.accept(new VmaEvent.Forked(lines.number(), arrival.forkedFrom(), arrival.process()));
      }
    }
    return kin.process(pid);
  }

  /** What is known of the address space of a process that is followed. */
  Space space(int process) {
    return Objects.requireNonNull(spaces.get(process));
  }

  /** The same of all that are followed, by process. */
  Map<Integer, Space> spaces() {
    return Collections.unmodifiableMap(spaces);
  }

  /**
   * An exec has succeeded.
   *
   * @return whether another program begins, whose place was inferred
   */
  boolean executed(StraceLine line) {
    int _ = of(line.pid());
    descriptors.executed(line.pid());
    LogScan.Exec begin = start.begin();
    if (begin != null && lines.number() == begin.line()) {
      kin.begin(line.pid());
      return false;
    }
    InferredMaps maps = start.programs().at(lines.number());
    if (maps == null) {
      return false; // before the first program that is followed
    }
    InitialMaps initial = maps.read();
    initial.startBrk(maps.heap());
    MmLayout layout = initial.finished().layout();
    callsBefore.run();
    Kin.Begun begun = kin.executed(line.pid());
    spaces.put(
        begun.process(), new Space(layout.topDown(), initial.writable(), maps.inputLine(), false));
    events.accept(
        new VmaEvent.Began(
            lines.number(),
            begun.process(),
            begun.from(),
            maps.program(),
            layout,
            initial.lines()));
    return true;
  }

  /** A pid ended. */
  void ended(long pid) {
    descriptors.ended(pid);
    int process = kin.ended(pid);
    if (process != Kin.NOT_FOLLOWED) {
      callsBefore.run();
      spaces.remove(process);
      events.accept(new VmaEvent.Gone(lines.number(), process));
    }
  }
}
