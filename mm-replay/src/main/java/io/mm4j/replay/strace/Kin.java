// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which process of the replay each pid of a log is, if it is followed. */
final class Kin {
  /** A pid whose address space nobody knows. */
  static final int NOT_FOLLOWED = -1;

  /**
   * A pid that appeared.
   *
   * @param process which process it is
   * @param forkedFrom the process that it is a copy of, or {@link #NOT_FOLLOWED} if it is none
   * @param birth the call that made it, or null if no line shows it
   */
  record Arrival(int process, int forkedFrom, LogScan.@Nullable Birth birth) {}

  private final LogScan scan;
  private final long mainPid;
  private final Map<Long, Integer> processes = new HashMap<>();

  /** By pid, the pid of the process whose thread it is. */
  private final Map<Long, Long> groups = new HashMap<>();

  /** How often each pid was made. */
  private final Map<Long, Integer> births = new HashMap<>();

  private boolean began;
  private int last;

  /**
   * The family of a program.
   *
   * @param mainPid who runs it
   * @param running whether it already runs where the log begins
   */
  Kin(LogScan scan, long mainPid, boolean running) {
    this.scan = scan;
    this.mainPid = mainPid;
    if (running) {
      begin(mainPid);
    }
  }

  /** The program begins. */
  void begin(long pid) {
    processes.put(pid, 0);
    groups.put(pid, pid);
    began = true;
  }

  boolean began() {
    return began;
  }

  long mainPid() {
    return mainPid;
  }

  int size() {
    return processes.size();
  }

  boolean knows(long pid) {
    return processes.containsKey(pid);
  }

  /** The process of a pid that is known. */
  int process(long pid) {
    return processes.getOrDefault(pid, NOT_FOLLOWED);
  }

  /** Takes in a pid that is not known. */
  Arrival arrive(long pid) {
    LogScan.Birth birth = scan.birth(pid, births.merge(pid, 1, Integer::sum) - 1);
    int parent = process(birth == null ? mainPid : birth.parent());
    int process = parent;
    int forkedFrom = NOT_FOLLOWED;
    boolean apart =
        birth == null
            ? scan.isChild(pid) || scan.runsAnotherProgramFirst(pid)
            : !birth.sharesMemory();
    if (!began || parent == NOT_FOLLOWED) {
      process = NOT_FOLLOWED;
    } else if (birth == null && scan.runsAnotherProgramFirst(pid)) {
      process = NOT_FOLLOWED;
    } else if (apart) {
      process = ++last;
      forkedFrom = parent;
    }
    processes.put(pid, process);
    boolean thread = birth == null ? !apart : birth.thread();
    long maker = birth == null ? mainPid : birth.parent();
    groups.put(pid, thread ? groups.getOrDefault(maker, maker) : pid);
    return new Arrival(process, forkedFrom, birth);
  }

  /**
   * A pid ended.
   *
   * @return the process that nobody is any more, or {@link #NOT_FOLLOWED}
   */
  int ended(long pid) {
    Integer process = processes.remove(pid);
    groups.remove(pid);
    return process == null || processes.containsValue(process) ? NOT_FOLLOWED : process;
  }

  /**
   * Another program.
   *
   * @param process the process that runs it
   * @param from the process that its pid was, or {@link #NOT_FOLLOWED}; the same if nobody else was
   *     it
   */
  record Begun(int process, int from) {}

  /** A pid runs another program; all other threads of its process are no more. */
  Begun executed(long pid) {
    int from = process(pid);
    Long group = groups.get(pid);
    List<Long> threads = new ArrayList<>();
    groups.forEach(
        (other, own) -> {
          if (own.equals(group)) {
            threads.add(other);
          }
        });
    threads.forEach(thread -> processes.put(thread, NOT_FOLLOWED));
    processes.put(pid, NOT_FOLLOWED);
    boolean left = from == NOT_FOLLOWED || processes.containsValue(from);
    int process = left ? ++last : from;
    processes.put(pid, process);
    groups.put(pid, pid);
    return new Begun(process, from);
  }
}
