// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.process.MmFields;
import io.mm4j.cli.explain.Explanation.Change;
import io.mm4j.cli.proc.MapsFile;
import io.mm4j.replay.RunningProcess;
import java.util.ArrayList;
import java.util.List;

/** What of a process a call has changed, and what errors mean. */
final class StateChange {
  private StateChange() {}

  /** What a call has changed of maps and counters. */
  static List<Change> since(
      MapsFile maps, RunningProcess process, List<String> before, MmFields old) {
    List<Change> changes = new ArrayList<>();
    List<String> after = maps.lines(process);
    List<String> removed = new ArrayList<>();
    List<String> added = new ArrayList<>();
    difference(before, after, removed, added);
    if (!removed.isEmpty() || !added.isEmpty()) {
      changes.add(new Change("maps", "maps", removed, added));
    }
    MmFields now = process.mm().fields();
    List<String> was = new ArrayList<>();
    List<String> is = new ArrayList<>();
    field("map_count", old.mapCount(), now.mapCount(), was, is);
    field("total_vm", old.totalVmPages(), now.totalVmPages(), was, is);
    field("data_vm", old.dataVmPages(), now.dataVmPages(), was, is);
    field("stack_vm", old.stackVmPages(), now.stackVmPages(), was, is);
    field("exec_vm", old.execVmPages(), now.execVmPages(), was, is);
    field("locked_vm", old.lockedVmPages(), now.lockedVmPages(), was, is);
    field("committed", old.committedPages(), now.committedPages(), was, is);
    field("rss", old.rssPages(), now.rssPages(), was, is);
    if (old.brk() != now.brk()) {
      was.add("brk=0x" + Long.toHexString(old.brk()));
      is.add("brk=0x" + Long.toHexString(now.brk()));
    }
    if (!was.isEmpty()) {
      changes.add(
          new Change(
              "mm_struct (pages)",
              "mm_struct",
              List.of(String.join(" ", was)),
              List.of(String.join(" ", is))));
    }
    return changes;
  }

  private static void field(String name, long old, long now, List<String> was, List<String> is) {
    if (old != now) {
      was.add(name + "=" + old);
      is.add(name + "=" + now);
    }
  }

  /** Lines of maps that only one side has; both are in the order of addresses. */
  private static void difference(
      List<String> before, List<String> after, List<String> removed, List<String> added) {
    int b = 0;
    int a = 0;
    while (b < before.size() || a < after.size()) {
      if (b < before.size() && a < after.size() && before.get(b).equals(after.get(a))) {
        b++;
        a++;
        continue;
      }
      int order =
          b == before.size()
              ? 1
              : a == after.size()
                  ? -1
                  : Long.compareUnsigned(
                      MapsFile.start(before.get(b)), MapsFile.start(after.get(a)));
      if (order <= 0) {
        removed.add(before.get(b++));
      }
      if (order >= 0) {
        added.add(after.get(a++));
      }
    }
  }

  /** What libc says of the errors that memory calls give. */
  static String meaning(String errno) {
    String text =
        switch (errno) {
          case "EPERM" -> "Operation not permitted";
          case "ENOMEM" -> "Cannot allocate memory";
          case "EINVAL" -> "Invalid argument";
          case "EAGAIN" -> "Resource temporarily unavailable";
          case "EACCES" -> "Permission denied";
          case "EFAULT" -> "Bad address";
          case "ENOENT" -> "No such file or directory";
          case "ESRCH" -> "No such process";
          case "ENOSPC" -> "No space left on device";
          case "ENOTTY" -> "Inappropriate ioctl for device";
          case "EPIPE" -> "Broken pipe";
          case "EFBIG" -> "File too large";
          case "EBADF" -> "Bad file descriptor";
          case "EEXIST" -> "File exists";
          case "EBUSY" -> "Device or resource busy";
          case "ENODEV" -> "No such device";
          case "EOVERFLOW" -> "Value too large for defined data type";
          case "EOPNOTSUPP" -> "Operation not supported";
          default -> "";
        };
    return text.isEmpty() ? "" : " (" + text + ")";
  }
}
