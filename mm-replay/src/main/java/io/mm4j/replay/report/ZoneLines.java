// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The zones of a report, as lines tell them one by one: those of buddyinfo, pagetypeinfo and
 * zoneinfo, of a Mem-Info, and of a hand-written summary.
 */
final class ZoneLines {
  private static final Pattern ZONE =
      Pattern.compile(".*?Node +(\\d{1,4}), +zone +([A-Za-z0-9]+)\\b(.*)");
  private static final Pattern MEM_INFO =
      Pattern.compile(
          "(?:.*?\\bNode +(\\d{1,4}) +|.*?(?:^|\\W))(DMA|DMA32|Normal|HighMem|Movable)"
              + " +free:(\\d+)(kB|KB)?(.*)");
  private static final Pattern BLOCKS =
      Pattern.compile(
          "(?:.*?\\bNode +(\\d{1,4}) +|.*?(?:^|\\W))(DMA|DMA32|Normal|HighMem|Movable):((?:"
              + " +\\d+\\*\\d+kB(?: *\\([A-Z]*\\))?)+) *=.*");
  private static final Pattern BLOCK =
      Pattern.compile("(\\d{1,12})\\*(\\d{1,9})kB(?: *\\(([A-Z]*)\\))?");
  private static final Pattern RESERVE =
      Pattern.compile(".*(?:lowmem_reserve|protections)\\[\\]:((?: +\\d+)+).*");
  private static final Pattern FIELD = Pattern.compile("\\b([a-z_]+):(\\d+)(?:kB|KB)");
  private static final Pattern PAGE_TYPE =
      Pattern.compile(".*Node +(\\d{1,4}), +zone +(\\w+), +type +(\\w+) +(.*)");
  private static final Pattern SHARES = Pattern.compile("\\s+-?[01]\\.\\d{3}\\b");
  private static final Pattern SPEC_ZONE =
      Pattern.compile("zone (\\d+) (\\w+) (\\d+) (\\d+) (\\d+) (\\d+)");

  private final String where;
  private final long pageKb;
  private final Consumer<String> notes;
  private final Map<String, ReportedZone> zones = new LinkedHashMap<>();
  private @Nullable ReportedZone current;
  private int number;
  private boolean listedTwice;

  /**
   * No zones yet.
   *
   * @param where the file, for messages
   * @param pageKb how large a page of the machine is
   * @param notes hears what is taken for granted
   */
  ZoneLines(String where, long pageKb, Consumer<String> notes) {
    this.where = where;
    this.pageKb = pageKb;
    this.notes = notes;
  }

  /** Whether a line begins what is known of a zone. */
  static boolean begins(String line) {
    return (ZONE.matcher(line).matches() && !line.contains("per-node"))
        || MEM_INFO.matcher(line).matches()
        || SPEC_ZONE.matcher(line).matches();
  }

  /** Whether no zone was found so far. */
  boolean isEmpty() {
    return zones.isEmpty();
  }

  /** The zones in the order of their first lines. */
  List<ReportedZone> all() {
    return List.copyOf(zones.values());
  }

  /** Reads a line; false if it is none of these, or one below a zone of zoneinfo. */
  boolean read(String line, int lineNumber) {
    number = lineNumber;
    Matcher matcher = PAGE_TYPE.matcher(line);
    if (matcher.matches()) {
      pageType(matcher);
      return true;
    }
    matcher = ZONE.matcher(line);
    if (matcher.matches()) {
      current = zone(matcher.group(1), matcher.group(2));
      counts(matcher.group(3));
      return true;
    }
    matcher = MEM_INFO.matcher(line);
    if (matcher.matches()) {
      memInfo(matcher);
      return true;
    }
    matcher = BLOCKS.matcher(line);
    if (matcher.matches()) {
      current = zone(matcher.group(1), matcher.group(2));
      blocks(matcher.group(3));
      return true;
    }
    matcher = RESERVE.matcher(line);
    if (matcher.matches() && current != null) {
      numbers(matcher.group(1)).forEach(current.protection::add);
      return true;
    }
    return summary(line);
  }

  /** A line of a hand-written summary: {@code zone} or {@code free}. */
  private boolean summary(String line) {
    Matcher matcher = SPEC_ZONE.matcher(line);
    if (matcher.matches()) {
      ReportedZone zone = zone(matcher.group(1), matcher.group(2));
      current = zone;
      if (zone != null) {
        List<Long> values = numbers(line.substring(line.indexOf(matcher.group(2))));
        int skip = values.size() - 4;
        zone.startPfn = values.get(skip);
        zone.spanned = values.get(skip + 1);
        zone.present = values.get(skip + 2);
        zone.managed = values.get(skip + 3);
      }
      return true;
    }
    if (line.startsWith("free ") && line.substring(5).matches("[0-9 ]+")) {
      counts(line.substring(5));
      return true;
    }
    return false;
  }

  private InputException wrong(String what, String allowed) {
    return new InputException(what, where + ":" + number, allowed);
  }

  private @Nullable ReportedZone zone(@Nullable String node, String name) {
    ZoneType type = ZoneType.ofProcName(name);
    if (type == null) {
      return null; // Device, or a heading
    }
    int id = node == null ? 0 : Integer.parseInt(node);
    if (id > 63) {
      throw wrong("node " + id, "nodes 0 to 63");
    }
    return zones.computeIfAbsent(id + name, key -> new ReportedZone(id, type));
  }

  /** The rest of a line of buddyinfo, or of zoneinfo: nothing. */
  private void counts(String rest) {
    if (SHARES.matcher(rest).lookingAt()) {
      throw wrong(
          "these are indices of fragmentation, shares and not numbers of blocks",
          "the text of /proc/buddyinfo");
    }
    List<Long> counts = numbers(rest);
    ReportedZone zone = current;
    if (zone == null || counts.isEmpty() || !rest.strip().matches("[0-9 \\t]+(?:\\.\\.\\.)?")) {
      return;
    }
    if (rest.strip().endsWith("...")) {
      notes.accept("line " + number + " is cut: of larger blocks it is taken to have none");
    }
    if (counts.size() > ReportedZone.ORDERS) {
      notes.accept("line " + number + ": blocks above order 10 count as blocks of order 10");
    }
    if (zone.listed && !listedTwice) {
      listedTwice = true;
      notes.accept("free blocks are listed more than once: the last list counts");
    }
    zone.listed = true;
    zone.blocksKnown = true;
    long[] row = zone.blocks[ReportedZone.ANY_TYPE];
    Arrays.fill(row, 0);
    for (int o = 0; o < counts.size(); o++) {
      int at = Math.min(o, ReportedZone.ORDERS - 1);
      row[at] += counts.get(o) << (o - at);
    }
  }

  private void pageType(Matcher matcher) {
    ReportedZone zone = zone(matcher.group(1), matcher.group(2));
    int type = typeOf(matcher.group(3));
    if (zone == null || type < 0) {
      return;
    }
    String[] words = matcher.group(4).strip().split("\\s+", -1);
    if (!zone.blocksKnown || zone.blockPagesOfTypes() == 0) {
      Arrays.fill(zone.blocks[ReportedZone.ANY_TYPE], 0);
    }
    zone.blocksKnown = true;
    for (int o = 0; o < words.length && o < ReportedZone.ORDERS; o++) {
      // Long lists are cut: >100000
      boolean more = words[o].startsWith(">");
      if (!words[o].matches(">?[0-9]{1,12}")) {
        throw wrong("'" + words[o] + "' is no count", "a number of free blocks for each order");
      }
      if (more) {
        notes.accept("line " + number + ": " + words[o] + " is taken as that many");
      }
      zone.blocks[type][o] = Long.parseLong(words[o].replace(">", ""));
    }
  }

  private static int typeOf(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "unmovable" -> Migratetype.UNMOVABLE;
      case "movable" -> Migratetype.MOVABLE;
      case "reclaimable" -> Migratetype.RECLAIMABLE;
      case "highatomic", "reserve" -> Migratetype.HIGHATOMIC;
      case "isolate" -> Migratetype.ISOLATE;
      case "cma" -> ReportedZone.CMA;
      default -> -1;
    };
  }

  private void memInfo(Matcher matcher) {
    ReportedZone zone = zone(matcher.group(1), matcher.group(2));
    current = zone;
    if (zone == null) {
      return;
    }
    boolean kb = matcher.group(4) != null;
    zone.free = pages(Long.parseLong(matcher.group(3)), kb);
    Matcher fields = FIELD.matcher(matcher.group(5));
    while (fields.find()) {
      long value = fields.group(2).length() > 15 ? 0 : Long.parseLong(fields.group(2)) / pageKb;
      switch (fields.group(1)) {
        case "min" -> zone.min = value;
        case "low" -> zone.low = value;
        case "high" -> zone.high = value;
        case "present" -> zone.present = value;
        case "managed" -> zone.managed = value;
        case "reserved_highatomic" -> zone.highatomic = value;
        case "free_cma" -> zone.freeCma = value;
        default -> {
          // a figure that decides nothing here
        }
      }
    }
    zone.protection.clear();
  }

  private long pages(long value, boolean kb) {
    return kb ? value / pageKb : value;
  }

  private void blocks(String text) {
    ReportedZone zone = current;
    if (zone == null) {
      return;
    }
    zone.blocksKnown = true;
    Matcher matcher = BLOCK.matcher(text);
    while (matcher.find()) {
      long kb = Long.parseLong(matcher.group(2));
      if (kb < pageKb || Long.bitCount(kb) != 1) {
        throw wrong("a block of " + kb + "kB", "4kB, 8kB, ... 4096kB");
      }
      int at = Long.numberOfTrailingZeros(kb / pageKb);
      int o = Math.min(at, ReportedZone.ORDERS - 1);
      long count = Long.parseLong(matcher.group(1)) << (at - o);
      String letters = matcher.group(3) == null ? "" : matcher.group(3);
      zone.letters[o] = letters;
      zone.blocks[ReportedZone.ANY_TYPE][o] += count;
    }
  }

  /** Reads a line that {@link #read} does not know: a figure of zoneinfo, or other text. */
  void zoneinfo(String line) {
    ReportedZone zone = current;
    if (zone == null || line.length() > 400) {
      return;
    }
    String[] words = line.split("[ :,()]+", -1);
    if (words.length < 2) {
      return;
    }
    if (line.startsWith("protection:")) {
      zone.protection.clear();
      numbers(line.substring(11).replaceAll("[(),]", " ")).forEach(zone.protection::add);
      return;
    }
    String value = words[0].equals("pages") && words.length > 2 ? words[2] : words[1];
    if (!value.matches("[0-9]{1,15}")) {
      return;
    }
    long count = Long.parseLong(value);
    switch (words[0]) {
      case "pages" -> zone.free = words[1].equals("free") ? count : zone.free;
      case "min" -> zone.min = count;
      case "low" -> zone.low = count;
      case "high" -> zone.high = zone.high < 0 ? count : zone.high; // per-cpu lists have one, too
      case "spanned" -> zone.spanned = count;
      case "present" -> zone.present = count;
      case "managed" -> zone.managed = count;
      case "start_pfn" -> zone.startPfn = count;
      case "nr_free_cma" -> zone.freeCma = count;
      case "nr_free_highatomic" -> zone.highatomic = count;
      default -> {
        // a figure that decides nothing here
      }
    }
  }

  private static List<Long> numbers(String text) {
    List<Long> numbers = new ArrayList<>();
    for (String word : text.strip().split("\\s+", -1)) {
      if (word.matches("[0-9]{1,15}")) {
        numbers.add(Long.parseLong(word));
      }
    }
    return numbers;
  }
}
