// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.InputException;
import io.mm4j.api.process.ProcessFloor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The files under {@code /proc/sys} that can be written while processes live. */
public final class SysctlFiles {
  private static final String ROOT = "/proc/sys/";

  /** Names as sysctl(8) has them. */
  private static final List<String> NAMES =
      List.of(
          "vm.overcommit_memory",
          "vm.overcommit_ratio",
          "vm.overcommit_kbytes",
          "vm.max_map_count",
          "vm.mmap_min_addr",
          "vm.legacy_va_layout",
          "vm.nr_hugepages",
          "vm.nr_overcommit_hugepages",
          "vm.unprivileged_userfaultfd",
          "kernel.shmmax",
          "kernel.shmall",
          "kernel.shmmni",
          "kernel.shm_next_id",
          "kernel.shm_rmid_forced");

  /** Path to the name below its folder. */
  private static final Map<String, String> BY_PATH = new LinkedHashMap<>();

  static {
    for (String name : NAMES) {
      BY_PATH.put(ROOT + name.replace('.', '/'), name.substring(name.indexOf('.') + 1));
    }
  }

  private SysctlFiles() {}

  /** What can be written, as sysctl(8) names it. */
  public static List<String> names() {
    return NAMES;
  }

  /** Their paths. */
  static List<String> paths() {
    return List.copyOf(BY_PATH.keySet());
  }

  static boolean isOne(String path) {
    return BY_PATH.containsKey(path);
  }

  /** Whether this machine's processes look at the file. */
  static boolean isThere(String path, MachineView view) {
    return value(path, view) != null;
  }

  /** The text of one. */
  static String text(String path, MachineView view) {
    String value = value(path, view);
    if (value == null) {
      throw new InputException(
          "nobody on this machine looks at this file",
          path,
          "a machine that can have processes, with the process floor linux");
    }
    return value + "\n";
  }

  private static @Nullable String value(String path, MachineView view) {
    ProcessFloor floor = view.frames().map(FramesView::floor).orElse(null);
    String name = BY_PATH.get(path);
    return floor == null || name == null ? null : floor.readSysctl(name).orElse(null);
  }
}
