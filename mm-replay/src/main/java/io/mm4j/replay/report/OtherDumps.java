// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Free blocks as other tools print them, in the words of {@code /proc/buddyinfo} and {@code
 * zoneinfo}: {@code kmem -f} of crash, the table of drgn's corelens, node_exporter's metrics.
 */
final class OtherDumps {
  private static final String ZONE = "(DMA|DMA32|Normal|HighMem|Movable)";

  /** {@code Node 0 DMA32 6 5 7 4 ...}. */
  private static final Pattern TABLE =
      Pattern.compile("\\s*Node (\\d{1,4})\\s+" + ZONE + "((?:\\s+\\d{1,12}){2,})\\s*");

  private static final Pattern METRIC =
      Pattern.compile(
          "node_buddyinfo_blocks\\{(?=[^}]*\\bnode=\"(\\d{1,4})\")(?=[^}]*\\bsize=\"(\\d{1,2})\")"
              + "(?=[^}]*\\bzone=\""
              + ZONE
              + "\")[^}]*\\}\\s+([0-9.e+]{1,20})\\s*");

  /** Number, name, size, free pages, mem_map, and the first frame's address and number. */
  private static final Pattern CRASH_ZONE =
      Pattern.compile(
          "\\s*\\d+\\s+"
              + ZONE
              + "\\s+(\\d{1,12})\\s+(\\d{1,12})\\s+[0-9a-f]{8,16}\\s+[0-9a-f]{1,16}\\s+(\\d{1,12})\\s*");

  private static final Pattern CRASH_AREA =
      Pattern.compile("\\s*(\\d{1,2})\\s+\\d+k\\s+[0-9a-f]{8,16}\\s+(\\d{1,12})\\s+\\d{1,12}\\s*");

  private final StringBuilder out = new StringBuilder();
  private final Map<Integer, Long> areas = new TreeMap<>();
  private final Map<String, Map<Integer, Long>> metrics = new TreeMap<>();
  private String zone = "";
  private String node = "0";
  private boolean nodeNext;

  private OtherDumps() {}

  /** The text with such lines replaced, all others as they are. */
  static String plain(String text) {
    OtherDumps dumps = new OtherDumps();
    text.lines().forEach(dumps::line);
    dumps.zoneDone();
    dumps.metrics.forEach((zone, orders) -> dumps.blocks(zone, orders));
    return dumps.out.toString();
  }

  private void line(String line) {
    if (nodeNext && line.strip().matches("\\d{1,4}")) {
      node = line.strip();
    }
    nodeNext = line.strip().equals("NODE");
    Matcher matcher = TABLE.matcher(line);
    if (matcher.matches()) {
      add("Node " + matcher.group(1) + ", zone " + matcher.group(2) + matcher.group(3));
      return;
    }
    matcher = METRIC.matcher(line);
    if (matcher.matches()) {
      metric(matcher);
      return;
    }
    matcher = CRASH_ZONE.matcher(line);
    if (matcher.matches()) {
      zoneDone();
      zone = "Node " + node + ", zone " + matcher.group(1);
      add(zone);
      add("  pages free " + matcher.group(3));
      add("        spanned " + matcher.group(2));
      add("        present " + matcher.group(2));
      add("  start_pfn: " + matcher.group(4));
      return;
    }
    matcher = CRASH_AREA.matcher(line);
    if (!zone.isEmpty() && matcher.matches()) {
      areas.merge(Integer.parseInt(matcher.group(1)), Long.parseLong(matcher.group(2)), Long::sum);
      return;
    }
    add(line);
  }

  private void metric(Matcher matcher) {
    String of = "Node " + matcher.group(1) + ", zone " + matcher.group(3);
    try {
      metrics
          .computeIfAbsent(of, z -> new TreeMap<>())
          .put(Integer.parseInt(matcher.group(2)), (long) Double.parseDouble(matcher.group(4)));
    } catch (NumberFormatException e) {
      add(matcher.group()); // no number after all
    }
  }

  private void zoneDone() {
    if (!areas.isEmpty()) {
      blocks(zone, areas);
      areas.clear();
    }
    zone = "";
  }

  private void blocks(String of, Map<Integer, Long> orders) {
    StringBuilder counts = new StringBuilder(of);
    for (int order = 0; order < ReportedZone.ORDERS; order++) {
      counts.append(' ').append(orders.getOrDefault(order, 0L));
    }
    add(counts.toString());
  }

  private void add(String line) {
    out.append(line).append('\n');
  }
}
