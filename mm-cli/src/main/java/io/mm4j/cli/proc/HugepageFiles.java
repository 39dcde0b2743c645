// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.InputException;
import io.mm4j.api.process.ProcessFloor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.ToLongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * {@code /sys/kernel/mm/hugepages}: a directory for each size of huge pages (mm/hugetlb_sysfs.c of
 * Linux 6.18), and {@code /sys/devices/system/node/nodeN/hugepages} with the pages that lie on a
 * node. No page is broken up into smaller ones.
 */
final class HugepageFiles {
  private static final String SYSFS = "/sys/kernel/mm/hugepages/";
  private static final String OF_NODE = "/sys/devices/system/node/node";
  private static final Pattern PATH =
      Pattern.compile(
          "(?:"
              + SYSFS
              + "|"
              + OF_NODE
              + "([0-9]{1,4})/hugepages/)"
              + "hugepages-([1-9][0-9]{0,9})kB/([a-z_]+)");

  /** Those that a node has, too, but {@code surplus_hugepages}, which nobody counts by node. */
  private static final Set<String> OF_NODES = Set.of("free_hugepages", "nr_hugepages");

  private static final Map<String, ToLongFunction<ProcessFloor.HugePages>> ATTRIBUTES =
      new LinkedHashMap<>();

  static {
    ATTRIBUTES.put("free_hugepages", ProcessFloor.HugePages::free);
    ATTRIBUTES.put("nr_hugepages", ProcessFloor.HugePages::total);
    ATTRIBUTES.put("nr_hugepages_mempolicy", ProcessFloor.HugePages::total);
    ATTRIBUTES.put("nr_overcommit_hugepages", ProcessFloor.HugePages::overcommit);
    ATTRIBUTES.put("resv_hugepages", ProcessFloor.HugePages::reserved);
    ATTRIBUTES.put("surplus_hugepages", ProcessFloor.HugePages::surplus);
  }

  private HugepageFiles() {}

  /** What can be named, for help and messages. */
  static String allowed() {
    return SYSFS
        + "hugepages-{2048,1048576}kB/{"
        + String.join(",", ATTRIBUTES.keySet())
        + "}, "
        + OF_NODE
        + "N/hugepages/hugepages-{2048,1048576}kB/{free_hugepages,nr_hugepages}";
  }

  /** Whether there is such an attribute; whether the machine has the size is seen later. */
  static boolean isAttribute(String path) {
    Matcher matcher = PATH.matcher(path);
    return matcher.matches()
        && (matcher.group(1) == null ? ATTRIBUTES.keySet() : OF_NODES).contains(matcher.group(3));
  }

  /** The text of an attribute. */
  static String attribute(String path, MachineView view) {
    Matcher matcher = PATH.matcher(path);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(path + " is no attribute of huge pages");
    }
    ProcessFloor floor = view.frames().map(FramesView::floor).orElse(null);
    List<ProcessFloor.HugePages> pools =
        floor == null
            ? List.of()
            : matcher.group(1) == null
                ? floor.hugePools()
                : floor.hugePoolsOf(node(path, matcher.group(1), view));
    for (ProcessFloor.HugePages pool : pools) {
      if (pool.pageBytes() >> 10 == Long.parseLong(matcher.group(2))) {
        return Objects.requireNonNull(ATTRIBUTES.get(matcher.group(3))).applyAsLong(pool) + "\n";
      }
    }
    String sizes =
        pools.stream()
            .map(pool -> "hugepages-" + (pool.pageBytes() >> 10) + "kB")
            .collect(Collectors.joining(", "));
    throw new InputException(
        "this machine has no huge pages of that size", path, sizes.isEmpty() ? "none" : sizes);
  }

  private static int node(String path, String number, MachineView view) {
    int id = Integer.parseInt(number);
    if (view.zones().stream().noneMatch(managed -> managed.zone().nodeId() == id)) {
      throw new InputException("this machine has no node " + id, path, "a node of its zones");
    }
    return id;
  }
}
