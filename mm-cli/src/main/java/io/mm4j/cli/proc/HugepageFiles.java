// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.InputException;
import io.mm4j.api.process.ProcessFloor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
  private static final Pattern PATH =
      Pattern.compile(SYSFS + "hugepages-([1-9][0-9]{0,9})kB/([a-z_]+)");

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
    return SYSFS + "hugepages-{2048,1048576}kB/{" + String.join(",", ATTRIBUTES.keySet()) + "}";
  }

  /** Whether there is such an attribute; whether the machine has the size is seen later. */
  static boolean isAttribute(String path) {
    Matcher matcher = PATH.matcher(path);
    return matcher.matches() && ATTRIBUTES.containsKey(matcher.group(2));
  }

  /** The text of an attribute. */
  static String attribute(String path, MachineView view) {
    Matcher matcher = PATH.matcher(path);
    ProcessFloor floor = view.frames().map(FramesView::floor).orElse(null);
    List<ProcessFloor.HugePages> pools = floor == null ? List.of() : floor.hugePools();
    for (ProcessFloor.HugePages pool : pools) {
      if (matcher.matches() && pool.pageBytes() >> 10 == Long.parseLong(matcher.group(1))) {
        return Objects.requireNonNull(ATTRIBUTES.get(matcher.group(2))).applyAsLong(pool) + "\n";
      }
    }
    String sizes =
        pools.stream()
            .map(pool -> "hugepages-" + (pool.pageBytes() >> 10) + "kB")
            .collect(Collectors.joining(", "));
    throw new InputException(
        "this machine has no huge pages of that size", path, sizes.isEmpty() ? "none" : sizes);
  }
}
