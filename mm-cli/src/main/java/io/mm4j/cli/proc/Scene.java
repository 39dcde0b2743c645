// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.InputException;
import io.mm4j.replay.RunningProcess;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What there is to look at: a machine, as booted or after a page trace, and its processes.
 *
 * @param machine the machine, or null where the workload left none
 * @param processes the living processes in the order of their pids
 */
public record Scene(@Nullable MachineView machine, List<RunningProcess> processes) {
  /** Copies the list. */
  public Scene {
    processes = List.copyOf(processes);
  }

  /**
   * The machine.
   *
   * @throws InputException if there is none
   */
  public MachineView requireMachine() {
    if (machine == null) {
      throw new InputException(
          "there is no machine to look at: its last process has ended",
          "--after",
          "--at N, which looks before call N");
    }
    return machine;
  }

  /**
   * A process.
   *
   * @param where what asked for it, for the message
   * @throws InputException if there is none of this pid
   */
  public RunningProcess process(long pid, String where) {
    for (RunningProcess process : processes) {
      if (process.pid() == pid) {
        return process;
      }
    }
    throw new InputException(
        "no process " + pid + " lives",
        where,
        processes.isEmpty()
            ? "none: all have ended; --at N looks before call N"
            : "pid "
                + String.join(", ", processes.stream().map(p -> Integer.toString(p.pid())).toList())
                + " (p0 of a recording is 1, p1 is 2 ...)");
  }
}
