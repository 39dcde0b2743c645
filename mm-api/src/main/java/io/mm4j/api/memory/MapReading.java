// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One reading of a memory map from text: line by line, then what all of them make. */
final class MapReading {
  private static final String ALLOWED =
      "lines such as 'BIOS-e820: [mem 0x0-0x9fbff] usable' or '0x100000-0x1fffffff usable'";
  private static final Pattern LABELLED =
      Pattern.compile(
          "(?:^|.*[\\s>\\]:])(BIOS-[0-9a-zA-Z]{2,4}|user|modified|reserve"
              + " setup_data|extended|Xen|memblock|lsmem|efi map):\\s+(.+)");
  private static final Pattern NEW =
      Pattern.compile(
          "\\[mem " + MapWords.HEX + "-" + MapWords.HEX + "(?: flags [0-9a-fx]+)?\\]\\s+(.+)");
  private static final Pattern CHANGE =
      Pattern.compile(
          ".*e820: (update|remove) \\[mem "
              + MapWords.HEX
              + "-"
              + MapWords.HEX
              + "\\] ([a-zA-Z ]+?)(?: ==> ([a-zA-Z ]+))?\\s*");
  private static final Pattern IOMEM =
      Pattern.compile("(\\s*)([0-9a-f]{8,16})-([0-9a-f]{8,16}) : (.*)");
  private static final Pattern PLAIN =
      Pattern.compile(
          MapWords.HEX + "(?:\\s*-\\s*|\\s+(?=0x))" + MapWords.HEX + "\\s*:?\\s+\\(?([^()]+)\\)?");
  private static final Pattern OLD =
      Pattern.compile(MapWords.HEX + " - " + MapWords.HEX + " \\(?([^()]+)\\)?");
  private static final Pattern COMMAND = Pattern.compile(".*(?:Kernel c|C)ommand line: (.*)");

  /**
   * A line that changes the map which was printed before it.
   *
   * @param start the first address as printed
   * @param last the last address as printed
   * @param was the type that it had
   * @param becomes its new type, or null if it is removed
   * @param place where the line stands
   */
  private record Change(
      String start, String last, String was, @Nullable String becomes, String place) {}

  private final String where;
  private final List<String> notes = new ArrayList<>();
  private List<MemoryMap.Range> ranges = new ArrayList<>();
  private final List<Change> changes = new ArrayList<>();
  private final NodeLines nodes = new NodeLines();
  private List<MemoryMap.Range> earlyRanges = new ArrayList<>();
  private String label = "";
  private String line = "";
  private int number;
  private int mapLine;
  private int boots = 1;
  private String command = "";

  MapReading(String where) {
    this.where = where;
  }

  private String place() {
    return where + ":" + number;
  }

  MemoryMapText.Found read(String text) {
    List<String> lines = text.lines().toList();
    boolean log = lines.stream().anyMatch(l -> LABELLED.matcher(l).matches());
    if (!log) {
      lines = lines.stream().map(MapLines::plain).toList();
      log =
          lines.stream().anyMatch(l -> LABELLED.matcher(l).matches())
              || (lines.stream().anyMatch(l -> NodeLines.EARLY.matcher(l).matches())
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
    return new MemoryMapText.Found(map, nodes.topology(map, notes::add), notes);
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
          new Change(
              matcher.group(2), matcher.group(3), matcher.group(4), matcher.group(5), place()));
      return;
    }
    if (nodes.srat(line, place())) {
      return;
    }
    matcher = NodeLines.EARLY.matcher(line);
    if (matcher.matches()) {
      nodes.early(matcher, line, place());
      earlyRanges.add(range(matcher.group(2), matcher.group(3), true, "usable"));
      return;
    }
    matcher = COMMAND.matcher(line);
    if (matcher.matches()) {
      command = matcher.group(1).strip();
    }
    nodes.other(line, number);
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
    MemoryMap.Range range = range(matcher.group(1), matcher.group(2), inclusive, matcher.group(3));
    boolean again =
        !ranges.isEmpty() && range.start() <= ranges.getLast().start() && name.equals(label);
    boolean back = !label.isEmpty() && !label.startsWith("BIOS") && name.startsWith("BIOS");
    if (!name.equals(label) || again) {
      if ((again && name.startsWith("BIOS")) || back) {
        boots++;
        nodes.clear();
        earlyRanges = new ArrayList<>();
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
    MemoryMap.Type type = MapWords.type(matcher.group(3));
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
          case "reserved", "system ram", "soft reserved" -> MapWords.type(what);
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
    return type == null ? "reserved" : MapWords.name(type);
  }

  private MemoryMap.Range range(String from, String to, boolean inclusive, String kind) {
    long start = MapWords.hex(from, place());
    long end = MapWords.hex(to, place()) + (inclusive ? 1 : 0);
    if (end <= start) {
      throw new InputException(
          "'" + line.strip() + "' ends before it begins", place(), "start-end");
    }
    MemoryMap.Type type = MapWords.type(kind);
    if (type == null) {
      notes.add("line " + number + ": '" + kind.strip() + "' is taken as reserved");
      type = MemoryMap.Type.RESERVED;
    }
    return new MemoryMap.Range(start, end, type);
  }

  /** The map with what was changed after it was printed. */
  private MemoryMap changed(MemoryMap map) {
    MemoryMap result = map;
    for (Change change : changes) {
      long start = MapWords.hex(change.start(), change.place());
      long end = MapWords.hex(change.last(), change.place()) + 1;
      MemoryMap.Type was = MapWords.type(change.was());
      String becomes = change.becomes();
      if (end > start && was != null) {
        result = result.retyped(start, end, was, becomes == null ? null : MapWords.type(becomes));
      }
    }
    return result;
  }
}
