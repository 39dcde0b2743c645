// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.replay.RunningProcess;
import java.util.Locale;

/** {@code /proc/PID/stat} and {@code comm}: fs/proc/array.c of Linux 6.18. */
final class TaskFiles {
  private static final int COMM_BYTES = 15;

  private TaskFiles() {}

  /** The last part of what it runs. */
  static String comm(RunningProcess process) {
    String name = process.command().substring(process.command().lastIndexOf('/') + 1);
    return name.length() > COMM_BYTES ? name.substring(0, COMM_BYTES) : name;
  }

  /** What it was given, each ended by a zero. */
  static String cmdline(RunningProcess process) {
    return String.join("\0", process.arguments()) + "\0";
  }

  /**
   * 52 fields ({@code do_task_stat}). What is about memory is as it is; the process runs as a
   * session of its own and has used no time.
   */
  static String stat(RunningProcess process) {
    MmFields fields = process.mm().fields();
    MmFields.Places places = fields.places();
    String limit =
        process.mm().softLimit(ResourceLimit.AS) == ResourceLimit.INFINITY
            ? "18446744073709551615"
            : Long.toUnsignedString(process.mm().softLimit(ResourceLimit.AS));
    return String.format(
            Locale.ROOT,
            "%d (%s) R %d %d %d 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 0 %d %d %s %d %d %d 0 0",
            process.pid(),
            comm(process),
            process.ppid(),
            process.pid(),
            process.pid(),
            fields.totalVmPages() << 12,
            fields.rssPages(),
            limit,
            places.startCode(),
            places.endCode(),
            places.startStack())
        + String.format(
            Locale.ROOT,
            " 0 0 0 0 0 0 0 17 0 0 0 0 0 0 %d %d %d %d %d %d %d 0\n",
            places.startData(),
            places.endData(),
            places.startBrk(),
            places.argStart(),
            places.argEnd(),
            places.envStart(),
            places.envEnd());
  }
}
