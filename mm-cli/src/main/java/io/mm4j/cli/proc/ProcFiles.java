// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.InputException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The files that a machine's zones are shown in, by path. */
public final class ProcFiles {
  private static final Map<String, Function<MachineView, String>> FILES = new LinkedHashMap<>();

  static {
    FILES.put("/proc/meminfo", StatFiles::meminfo);
    FILES.put("/proc/vmstat", StatFiles::vmstat);
    FILES.put("/proc/zoneinfo", StatFiles::zoneinfo);
    FILES.put("/proc/stat", StatFiles::stat);
    FILES.put("/proc/cpuinfo", StatFiles::cpuinfo);
    FILES.put("/proc/uptime", StatFiles::uptime);
    FILES.put("/proc/loadavg", view -> StatFiles.loadavg());
    FILES.put("/proc/buddyinfo", ZoneFiles::buddyinfo);
    FILES.put("/proc/pagetypeinfo", ZoneFiles::pagetypeinfo);
    FILES.put("/sys/kernel/debug/extfrag/unusable_index", ZoneFiles::unusableIndex);
    FILES.put("/sys/kernel/debug/extfrag/extfrag_index", ZoneFiles::extfragIndex);
  }

  private ProcFiles() {}

  /** Every path. */
  public static List<String> paths() {
    return List.copyOf(FILES.keySet());
  }

  /**
   * The text of a file.
   *
   * @throws InputException if there is no such file
   */
  public static String read(String path, MachineView view) {
    return file(path).apply(view);
  }

  /** Throws if there is no such file. */
  public static void check(String path) {
    file(path);
  }

  private static Function<MachineView, String> file(String path) {
    Function<MachineView, String> file = FILES.get(path);
    if (file == null) {
      throw new InputException(
          "this machine has no file '" + path + "'", "FILE", String.join(", ", FILES.keySet()));
    }
    return file;
  }
}
