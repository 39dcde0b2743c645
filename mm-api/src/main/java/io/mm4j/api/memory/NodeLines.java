// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What the lines of a boot log say of nodes. */
final class NodeLines {
  private static final Pattern SRAT =
      Pattern.compile(
          ".*SRAT: Node ([0-9]{1,4}) PXM [0-9]{1,6} (?:\\[mem "
              + MapWords.HEX
              + "-"
              + MapWords.HEX
              + "\\]|"
              + MapWords.HEX
              + "-"
              + MapWords.HEX
              + ").*");

  /** {@code node 0: [mem ...]}: a node, its first and its last byte. */
  static final Pattern EARLY =
      Pattern.compile(
          ".*\\bnode +([0-9]{1,4}): \\[mem " + MapWords.HEX + "-" + MapWords.HEX + "\\].*");

  private static final Pattern NO_NODES =
      Pattern.compile(
          ".*(?:No NUMA configuration found|NUMA turned off|Faking a node at |NUMA: nodes only"
              + " cover ).*");
  private static final Pattern NODES_SET =
      Pattern.compile(".*(?:NODE_DATA\\(|Zone ranges:|Initmem setup node |Early memory node).*");
  private static final int MAX_NODES = 1024;

  private final Map<Integer, long[]> srat = new TreeMap<>();
  private final Map<Integer, long[]> early = new TreeMap<>();

  /** The line that says that Linux uses no nodes, else 0. */
  private int noNodes;

  /** Whether the log goes on behind the lines of the SRAT. */
  private boolean wentOn;

  /** Forgets all: another boot begins. */
  void clear() {
    srat.clear();
    early.clear();
    noNodes = 0;
    wentOn = false;
  }

  /** Reads a line of the SRAT; false if it is none. */
  boolean srat(String line, String place) {
    Matcher matcher = SRAT.matcher(line);
    if (!matcher.matches()) {
      return false;
    }
    boolean inclusive = matcher.group(2) != null;
    node(
        srat,
        matcher.group(1),
        matcher.group(inclusive ? 2 : 4),
        matcher.group(inclusive ? 3 : 5),
        inclusive,
        line,
        place);
    return true;
  }

  /** Reads a line that {@link #EARLY} matches. */
  void early(Matcher matcher, String line, String place) {
    node(early, matcher.group(1), matcher.group(2), matcher.group(3), true, line, place);
  }

  /** Looks at a line that names no range: does Linux use nodes, and does the log go on? */
  void other(String line, int number) {
    noNodes = NO_NODES.matcher(line).matches() ? number : noNodes;
    wentOn |= NODES_SET.matcher(line).matches();
  }

  private static void node(
      Map<Integer, long[]> nodes,
      String id,
      String from,
      String to,
      boolean inclusive,
      String line,
      String place) {
    int node = Integer.parseInt(id);
    long start = MapWords.hex(from, place);
    long end = MapWords.hex(to, place) + (inclusive ? 1 : 0);
    if (node >= MAX_NODES || end <= start) {
      throw new InputException(
          "'" + line.strip() + "' is no range of a node", place, "nodes 0 to 1023, start-end");
    }
    long[] span = nodes.computeIfAbsent(node, n -> new long[] {start, end});
    span[0] = Math.min(span[0], start);
    span[1] = Math.max(span[1], end);
  }

  /**
   * Each node from its first to its last memory, if these ranges do not meet. The SRAT says what
   * the firmware wants; {@code node 0: [mem ...]} is what Linux made of it.
   *
   * @param notes hears what was left out or decided
   * @return null if there is one node
   */
  @Nullable NumaTopology topology(MemoryMap map, Consumer<String> notes) {
    Map<Integer, long[]> nodes = early.isEmpty() ? srat : early;
    if (noNodes > 0 && early.size() < 2) {
      notes.accept("line " + noNodes + " says that Linux used no nodes: there is one");
      return null;
    }
    List<NumaTopology.Span> spans = new ArrayList<>();
    List<Integer> without = new ArrayList<>();
    for (Map.Entry<Integer, long[]> node : nodes.entrySet()) {
      long[] bytes = node.getValue();
      long first = bytes[0] >>> Pages.PAGE_SHIFT;
      long end = Math.min(bytes[1], map.endOfRam()) >>> Pages.PAGE_SHIFT;
      if (first >= end || map.usablePages(first, end) == 0) {
        without.add(node.getKey());
        continue;
      }
      if (!spans.isEmpty() && first < spans.getLast().endPfn()) {
        notes.accept(
            "memory of node "
                + node.getKey()
                + " lies between that of others: nodes in pieces are not modelled, so there is"
                + " one node");
        return null;
      }
      spans.add(new NumaTopology.Span(first, end));
    }
    if (!without.isEmpty()) {
      notes.accept("nodes " + without + " have no memory in this map and are left out");
    }
    if (spans.isEmpty()) {
      return null;
    }
    List<NumaTopology.Span> covered = covered(map, spans, notes);
    return covered.isEmpty() ? null : NumaTopology.of(covered, NumaTopology.REMOTE);
  }

  /**
   * Memory that no line gives to a node goes to the one before it if the log was cut. If it was
   * not, Linux uses no nodes when they leave out a megabyte ({@code numa_memblks_cover_memory()},
   * mm/numa_memblks.c): then the list is empty.
   */
  private List<NumaTopology.Span> covered(
      MemoryMap map, List<NumaTopology.Span> spans, Consumer<String> notes) {
    long end = map.endOfRam() >>> Pages.PAGE_SHIFT;
    long inside = spans.stream().mapToLong(s -> map.usablePages(s.startPfn(), s.endPfn())).sum();
    long missing = map.usablePages(0, end) - inside;
    if (missing <= 0) {
      return spans;
    }
    boolean cut = !early.isEmpty() || !wentOn;
    if (missing >= 256) {
      notes.accept(
          String.format(
              Locale.ROOT,
              "the lines about nodes leave out %,d pages of memory; "
                  + (cut
                      ? "they go to the node before them, as the log seems to be cut there"
                      : "as Linux does then, there is one node"),
              missing));
      if (!cut) {
        return List.of();
      }
    }
    List<NumaTopology.Span> whole = new ArrayList<>();
    for (int i = 0; i < spans.size(); i++) {
      long from = i == 0 ? 0 : spans.get(i).startPfn();
      long to = i + 1 < spans.size() ? spans.get(i + 1).startPfn() : end;
      whole.add(new NumaTopology.Span(from, Math.max(to, spans.get(i).endPfn())));
    }
    return whole;
  }
}
