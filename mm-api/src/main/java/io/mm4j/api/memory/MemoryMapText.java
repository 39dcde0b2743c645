// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Reads a memory map from text: the boot log of a kernel ({@code dmesg}), {@code /proc/iomem}, or
 * the same lines without the rest.
 *
 * <pre>
 * [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
 *  BIOS-e820: 0000000000100000 - 000000001fff0000 (usable)
 *  modified: 0000000000100000 - 000000001fff0000 (usable)
 * 00100000-1fffffff : System RAM
 * 0x100000-0x1fffffff usable
 * </pre>
 *
 * <p>The first form and the last two give the last byte, the others, of old kernels, one past it.
 * Of a boot log the map that was printed last counts: that of {@code user:} or {@code modified:}
 * after the firmware's, and of two boots in one log the second; {@code e820: update} and {@code
 * remove} lines behind it change it. Lines about gaps name no memory. Nodes are read from the lines
 * {@code node 0: [mem ...]}, else from {@code SRAT: Node 0 PXM 0 ...}. Other text is skipped if
 * there is a map, and an error otherwise. {@code #} begins a comment.
 */
@API(status = API.Status.MAINTAINED)
public final class MemoryMapText {
  private static final String ALLOWED =
      "lines such as 'BIOS-e820: [mem 0x0-0x9fbff] usable' or '0x100000-0x1fffffff usable'";
  private static final String HEX = "(?:0x)?([0-9a-fA-F]{1,16})";
  private static final Pattern LABELLED =
      Pattern.compile(
          "(?:^|.*[\\s>\\]:])(BIOS-[0-9a-zA-Z]{2,4}|user|modified|reserve"
              + " setup_data|extended|Xen|memblock|lsmem|efi map):\\s+(.+)");
  private static final Pattern NEW =
      Pattern.compile("\\[mem " + HEX + "-" + HEX + "(?: flags [0-9a-fx]+)?\\]\\s+(.+)");
  private static final Pattern OLD = Pattern.compile(HEX + " - " + HEX + " \\(?([^()]+)\\)?");
  private static final Pattern CHANGE =
      Pattern.compile(
          ".*e820: (update|remove) \\[mem "
              + HEX
              + "-"
              + HEX
              + "\\] ([a-zA-Z ]+?)(?: ==> ([a-zA-Z ]+))?\\s*");
  private static final Pattern IOMEM =
      Pattern.compile("(\\s*)([0-9a-f]{8,16})-([0-9a-f]{8,16}) : (.*)");
  private static final Pattern PLAIN =
      Pattern.compile(HEX + "(?:\\s*-\\s*|\\s+(?=0x))" + HEX + "\\s*:?\\s+\\(?([^()]+)\\)?");
  private static final Pattern SRAT =
      Pattern.compile(
          ".*SRAT: Node ([0-9]{1,4}) PXM [0-9]{1,6} (?:\\[mem "
              + HEX
              + "-"
              + HEX
              + "\\]|"
              + HEX
              + "-"
              + HEX
              + ").*");
  private static final Pattern EARLY =
      Pattern.compile(".*\\bnode +([0-9]{1,4}): \\[mem " + HEX + "-" + HEX + "\\].*");
  private static final Pattern NO_NODES =
      Pattern.compile(
          ".*(?:No NUMA configuration found|NUMA turned off|Faking a node at |NUMA: nodes only"
              + " cover ).*");
  private static final Pattern NODES_SET =
      Pattern.compile(".*(?:NODE_DATA\\(|Zone ranges:|Initmem setup node |Early memory node).*");
  private static final Pattern COMMAND = Pattern.compile(".*(?:Kernel c|C)ommand line: (.*)");
  private static final int MAX_NODES = 1024;

  private MemoryMapText() {}

  /**
   * What a text tells.
   *
   * @param map the memory map
   * @param numa the nodes, or null if the text names none
   * @param notes what was passed over or decided, in words
   */
  public record Found(MemoryMap map, @Nullable NumaTopology numa, List<String> notes) {
    /** Copies the list. */
    public Found {
      notes = List.copyOf(notes);
    }
  }

  /**
   * Reads the map.
   *
   * @param text the lines
   * @param where the file, for messages
   */
  public static MemoryMap parse(String text, String where) {
    return read(text, where).map();
  }

  /**
   * Reads the map and what stands beside it.
   *
   * @param text the lines
   * @param where the file, for messages
   */
  public static Found read(String text, String where) {
    return new Reading(where).read(text);
  }

  /** One reading. */
  private static final class Reading {
    private final String where;
    private final List<String> notes = new ArrayList<>();
    private List<MemoryMap.Range> ranges = new ArrayList<>();
    private final List<String[]> changes = new ArrayList<>();
    private Map<Integer, long[]> srat = new TreeMap<>();
    private Map<Integer, long[]> early = new TreeMap<>();
    private List<MemoryMap.Range> earlyRanges = new ArrayList<>();
    private String label = "";
    private String line = "";
    private int number;
    private int mapLine;
    private int boots = 1;
    private String command = "";

    /** The line that says that Linux uses no nodes, else 0. */
    private int noNodes;

    /** Whether the log goes on behind the lines of the SRAT. */
    private boolean wentOn;

    Reading(String where) {
      this.where = where;
    }

    private String place() {
      return where + ":" + number;
    }

    Found read(String text) {
      List<String> lines = text.lines().toList();
      boolean log = lines.stream().anyMatch(l -> LABELLED.matcher(l).matches());
      if (!log) {
        lines = lines.stream().map(MapLines::plain).toList();
        log =
            lines.stream().anyMatch(l -> LABELLED.matcher(l).matches())
                || (lines.stream().anyMatch(l -> EARLY.matcher(l).matches())
                    && lines.stream().noneMatch(l -> PLAIN.matcher(l.strip()).matches()));
      }
      boolean iomem = !log && lines.stream().filter(l -> IOMEM.matcher(l).matches()).count() > 1;
      for (String raw : lines) {
        number++;
        int comment = raw.indexOf('#');
        line = (comment < 0 || log ? raw : raw.substring(0, comment)).stripTrailing();
        if (line.isBlank()) {
          continue;
        }
        if (iomem) {
          iomem();
        } else if (log || isAside()) {
          logLine();
        } else {
          plain();
        }
      }
      if (ranges.isEmpty() && !earlyRanges.isEmpty()) {
        ranges = earlyRanges;
        notes.add(
            "no map of the firmware is in it: the lines 'node N: [mem ..]' are taken for all of its"
                + " RAM");
      }
      if (ranges.isEmpty()) {
        throw new InputException("no memory range", where, ALLOWED);
      }
      finish(log && !label.isEmpty());
      MemoryMap map;
      try {
        map = changed(new MemoryMap(ranges));
      } catch (InputException e) {
        throw new InputException(e.what(), where, e.allowed());
      }
      return new Found(map, topology(map), notes);
    }

    private void finish(boolean log) {
      if (boots > 1) {
        notes.add("there are " + boots + " boots in it: the map of the last, from line " + mapLine);
      }
      if (log && !label.startsWith("BIOS")) {
        notes.add("the map that was printed last counts: '" + label + ":', from line " + mapLine);
      }
      if (command.matches(".*\\b(numa=|kernelcore=|movablecore=|memmap=|mem=).*")) {
        notes.add(
            "the log's command line is not applied, its maps are: --cmdline '"
                + command
                + "' is"
                + " for what they do not show");
      }
    }

    /** Lines of a boot log that may stand among plain ranges. */
    private boolean isAside() {
      return line.matches(".*(SRAT: |e820: |[cC]ommand line: |NUMA: |\\[gap |\\bnode +[0-9]+: ).*");
    }

    private void logLine() {
      Matcher matcher = LABELLED.matcher(line);
      if (matcher.matches()) {
        labelled(matcher.group(1), matcher.group(2).strip());
        return;
      }
      matcher = CHANGE.matcher(line);
      if (matcher.matches()) {
        changes.add(
            new String[] {
              matcher.group(2), matcher.group(3), matcher.group(4), matcher.group(5), place()
            });
        return;
      }
      matcher = SRAT.matcher(line);
      if (matcher.matches()) {
        boolean inclusive = matcher.group(2) != null;
        node(
            srat,
            matcher.group(1),
            matcher.group(inclusive ? 2 : 4),
            matcher.group(inclusive ? 3 : 5),
            inclusive);
        return;
      }
      matcher = EARLY.matcher(line);
      if (matcher.matches()) {
        node(early, matcher.group(1), matcher.group(2), matcher.group(3), true);
        earlyRanges.add(range(matcher.group(2), matcher.group(3), true, "usable"));
        return;
      }
      matcher = COMMAND.matcher(line);
      if (matcher.matches()) {
        command = matcher.group(1).strip();
      }
      noNodes = NO_NODES.matcher(line).matches() ? number : noNodes;
      wentOn |= NODES_SET.matcher(line).matches();
    }

    private void labelled(String name, String text) {
      if (text.startsWith("[gap ")) {
        return;
      }
      boolean inclusive = true;
      Matcher matcher = NEW.matcher(text);
      if (!matcher.matches()) {
        matcher = OLD.matcher(text);
        inclusive = false;
      }
      if (!matcher.matches()) {
        if (name.startsWith("BIOS-")) {
          throw new InputException("'" + line.strip() + "' is no memory range", place(), ALLOWED);
        }
        return; // other text with a colon
      }
      MemoryMap.Range range =
          range(matcher.group(1), matcher.group(2), inclusive, matcher.group(3));
      boolean again =
          !ranges.isEmpty() && range.start() <= ranges.getLast().start() && name.equals(label);
      boolean back = !label.isEmpty() && !label.startsWith("BIOS") && name.startsWith("BIOS");
      if (!name.equals(label) || again) {
        if ((again && name.startsWith("BIOS")) || back) {
          boots++;
          srat = new TreeMap<>();
          early = new TreeMap<>();
          earlyRanges = new ArrayList<>();
          noNodes = 0;
          wentOn = false;
        }
        ranges = new ArrayList<>();
        changes.clear();
        label = name;
        mapLine = number;
      }
      ranges.add(range);
    }

    private void plain() {
      Matcher matcher = PLAIN.matcher(line.strip());
      if (!matcher.matches()) {
        throw new InputException("'" + line.strip() + "' is no memory range", place(), ALLOWED);
      }
      MemoryMap.Type type = type(matcher.group(3));
      if (type == null) {
        throw new InputException(
            "'" + matcher.group(3) + "' is no type of memory",
            place(),
            "usable, reserved, ACPI data, ACPI NVS, unusable");
      }
      ranges.add(range(matcher.group(1), matcher.group(2), true, matcher.group(3)));
    }

    private void iomem() {
      Matcher matcher = IOMEM.matcher(line);
      if (!matcher.matches()) {
        return;
      }
      String what = matcher.group(4).strip();
      boolean outer = matcher.group(1).isEmpty();
      MemoryMap.Type type =
          switch (what.toLowerCase(Locale.ROOT)) {
            case "acpi tables" -> MemoryMap.Type.ACPI_DATA;
            case "acpi non-volatile storage" -> MemoryMap.Type.ACPI_NVS;
            case "unusable memory" -> MemoryMap.Type.UNUSABLE;
            case "reserved", "system ram", "soft reserved" -> type(what);
            default -> null; // a device
          };
      boolean late = what.equals("System RAM (kmem)");
      if ((type != null && outer) || late) {
        if (matcher.group(2).matches("0+") && matcher.group(3).matches("0+")) {
          throw new InputException(
              "all addresses are 0", place(), "/proc/iomem as root sees it (sudo cat /proc/iomem)");
        }
        ranges.add(
            range(matcher.group(2), matcher.group(3), true, late ? "System RAM" : typeName(type)));
      }
    }

    private static String typeName(MemoryMap.@Nullable Type type) {
      return type == null ? "reserved" : MemoryMapText.name(type);
    }

    private MemoryMap.Range range(String from, String to, boolean inclusive, String kind) {
      long start = hex(from, place());
      long end = hex(to, place()) + (inclusive ? 1 : 0);
      if (end <= start) {
        throw new InputException(
            "'" + line.strip() + "' ends before it begins", place(), "start-end");
      }
      MemoryMap.Type type = type(kind);
      if (type == null) {
        notes.add("line " + number + ": '" + kind.strip() + "' is taken as reserved");
        type = MemoryMap.Type.RESERVED;
      }
      return new MemoryMap.Range(start, end, type);
    }

    private void node(
        Map<Integer, long[]> nodes, String id, String from, String to, boolean inclusive) {
      int node = Integer.parseInt(id);
      long start = hex(from, place());
      long end = hex(to, place()) + (inclusive ? 1 : 0);
      if (node >= MAX_NODES || end <= start) {
        throw new InputException(
            "'" + line.strip() + "' is no range of a node", place(), "nodes 0 to 1023, start-end");
      }
      long[] span = nodes.computeIfAbsent(node, n -> new long[] {start, end});
      span[0] = Math.min(span[0], start);
      span[1] = Math.max(span[1], end);
    }

    /** The map with what was changed after it was printed. */
    private MemoryMap changed(MemoryMap map) {
      MemoryMap result = map;
      for (String[] change : changes) {
        long start = hex(change[0], change[4]);
        long end = hex(change[1], change[4]) + 1;
        MemoryMap.Type from = type(change[2]);
        if (end > start && from != null) {
          result = result.retyped(start, end, from, change[3] == null ? null : type(change[3]));
        }
      }
      return result;
    }

    /**
     * Each node from its first to its last memory, if these ranges do not meet. The SRAT says what
     * the firmware wants; {@code node 0: [mem ...]} is what Linux made of it.
     */
    private @Nullable NumaTopology topology(MemoryMap map) {
      Map<Integer, long[]> nodes = early.isEmpty() ? srat : early;
      if (noNodes > 0 && early.size() < 2) {
        notes.add("line " + noNodes + " says that Linux used no nodes: there is one");
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
          notes.add(
              "memory of node "
                  + node.getKey()
                  + " lies between that of others: nodes in pieces are not modelled, so there is"
                  + " one node");
          return null;
        }
        spans.add(new NumaTopology.Span(first, end));
      }
      if (!without.isEmpty()) {
        notes.add("nodes " + without + " have no memory in this map and are left out");
      }
      if (spans.isEmpty()) {
        return null;
      }
      List<NumaTopology.Span> covered = covered(map, spans);
      return covered.isEmpty() ? null : NumaTopology.of(covered, NumaTopology.REMOTE);
    }

    /**
     * Memory that no line gives to a node goes to the one before it if the log was cut. If it was
     * not, Linux uses no nodes when they leave out a megabyte ({@code numa_memblks_cover_memory()},
     * mm/numa_memblks.c): then the list is empty.
     */
    private List<NumaTopology.Span> covered(MemoryMap map, List<NumaTopology.Span> spans) {
      long end = map.endOfRam() >>> Pages.PAGE_SHIFT;
      long inside = spans.stream().mapToLong(s -> map.usablePages(s.startPfn(), s.endPfn())).sum();
      long missing = map.usablePages(0, end) - inside;
      if (missing <= 0) {
        return spans;
      }
      boolean cut = !early.isEmpty() || !wentOn;
      if (missing >= 256) {
        notes.add(
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

  private static long hex(String digits, String where) {
    try {
      long value = Long.parseLong(digits, 16);
      if (value < Long.MAX_VALUE) {
        return value;
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw new InputException("'" + digits + "' is no address", where, "0 to 0x7ffffffffffffffe");
  }

  private static MemoryMap.@Nullable Type type(String text) {
    String t = text.strip().toLowerCase(Locale.ROOT);
    if (t.equals("usable") || t.equals("system ram")) {
      return MemoryMap.Type.USABLE;
    }
    if (t.startsWith("reserved") || t.startsWith("device reserved") || t.startsWith("soft ")) {
      return MemoryMap.Type.RESERVED;
    }
    return switch (t) {
      case "acpi data" -> MemoryMap.Type.ACPI_DATA;
      case "acpi nvs" -> MemoryMap.Type.ACPI_NVS;
      case "unusable" -> MemoryMap.Type.UNUSABLE;
      default ->
          t.startsWith("type ") || t.startsWith("persistent") ? MemoryMap.Type.RESERVED : null;
    };
  }

  private static String name(MemoryMap.Type type) {
    return switch (type) {
      case USABLE -> "usable";
      case RESERVED -> "reserved";
      case ACPI_DATA -> "ACPI data";
      case ACPI_NVS -> "ACPI NVS";
      case UNUSABLE -> "unusable";
    };
  }

  /** Writes a map as a kernel's boot log does, without time stamps. */
  public static String format(MemoryMap map) {
    StringBuilder out = new StringBuilder();
    for (MemoryMap.Range range : map.ranges()) {
      out.append(
          String.format(
              "BIOS-e820: [mem 0x%016x-0x%016x] %s%n",
              range.start(), range.end() - 1, name(range.type())));
    }
    return out.toString();
  }
}
