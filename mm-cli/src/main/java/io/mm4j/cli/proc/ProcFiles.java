// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.replay.RunningProcess;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The files that a machine and its processes are shown in, by path. */
public final class ProcFiles {
  private static final Map<String, Function<MachineView, String>> FILES = new LinkedHashMap<>();
  private static final String VMALLOCINFO = "/proc/vmallocinfo";
  private static final Pattern OF_PROCESS = Pattern.compile("/proc/([0-9]{1,9})/([a-z_/]+)");

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
    FILES.put(VMALLOCINFO, StatFiles::vmallocinfo);
    FILES.put(SlabFiles.SLABINFO, SlabFiles::slabinfo);
    FILES.put(MemblockFiles.MEMORY, MemblockFiles::memory);
    FILES.put(MemblockFiles.RESERVED, MemblockFiles::reserved);
    FILES.put("/sys/kernel/debug/extfrag/unusable_index", ZoneFiles::unusableIndex);
    FILES.put("/sys/kernel/debug/extfrag/extfrag_index", ZoneFiles::extfragIndex);
  }

  private ProcFiles() {}

  /** Every path of a machine. */
  public static List<String> machinePaths() {
    List<String> paths = new ArrayList<>(FILES.keySet());
    paths.add(BinaryFiles.KPAGEFLAGS);
    paths.add(BinaryFiles.KPAGECOUNT);
    paths.addAll(SysctlFiles.paths());
    return paths;
  }

  /** Every path of this machine. */
  public static List<String> paths(MachineView view) {
    return machinePaths().stream()
        .filter(path -> view.frames().isPresent() || !BinaryFiles.isOfFrames(path))
        .filter(path -> view.boot() != null || !MemblockFiles.isOne(path))
        .filter(path -> !SysctlFiles.isOne(path) || SysctlFiles.isThere(path, view))
        .filter(path -> view.slabs().isPresent() || !path.equals(SlabFiles.SLABINFO))
        .toList();
  }

  /** Every path of these processes. */
  public static List<String> processPaths(Scene scene) {
    List<String> paths = new ArrayList<>();
    for (RunningProcess process : scene.processes()) {
      ProcessFiles.FILES.keySet().forEach(f -> paths.add("/proc/" + process.pid() + "/" + f));
      paths.add("/proc/" + process.pid() + "/pagemap");
    }
    return paths;
  }

  /** What can be named, for help and messages. */
  public static String allowed() {
    return String.join(", ", machinePaths())
        + ", "
        + SlabFiles.allowed()
        + ", "
        + HugepageFiles.allowed()
        + ", /proc/PID/{"
        + String.join(",", ProcessFiles.FILES.keySet())
        + ",pagemap}";
  }

  /** Whether this path is about a process, not about the machine. */
  public static boolean isOfProcess(String path) {
    return OF_PROCESS.matcher(path).matches(); // a pagemap, too
  }

  /**
   * The text of a file that is text: {@link BinaryFiles} has the others.
   *
   * @throws InputException if there is no such file
   */
  public static String read(String path, Scene scene) {
    Matcher matcher = OF_PROCESS.matcher(path);
    if (matcher.matches()) {
      var file = ProcessFiles.FILES.get(matcher.group(2));
      if (file == null) {
        throw missing(path);
      }
      return file.apply(scene, scene.process(Long.parseLong(matcher.group(1)), path));
    }
    if (SlabFiles.isAttribute(path)) {
      return SlabFiles.attribute(path, scene.requireMachine());
    }
    if (HugepageFiles.isAttribute(path)) {
      return HugepageFiles.attribute(path, scene.requireMachine());
    }
    if (SysctlFiles.isOne(path)) {
      return SysctlFiles.text(path, scene.requireMachine());
    }
    Function<MachineView, String> file = FILES.get(path);
    if (file == null) {
      throw missing(path);
    }
    return file.apply(scene.requireMachine());
  }

  /** Throws if there is no such file; whether the process lives is seen later. */
  public static void check(String path) {
    if (BinaryFiles.isOne(path)) {
      return;
    }
    Matcher matcher = OF_PROCESS.matcher(path);
    boolean known =
        matcher.matches()
            ? ProcessFiles.FILES.containsKey(matcher.group(2))
            : FILES.containsKey(path)
                || SysctlFiles.isOne(path)
                || SlabFiles.isAttribute(path)
                || HugepageFiles.isAttribute(path);
    if (!known) {
      throw missing(path);
    }
  }

  private static InputException missing(String path) {
    List<String> names = new ArrayList<>(machinePaths());
    names.add("/proc/1/pagemap");
    ProcessFiles.FILES.keySet().forEach(f -> names.add("/proc/1/" + f));
    return new InputException(
        "this machine has no file '" + path + "'" + Nearest.hint(path, names), "FILE", allowed());
  }
}
