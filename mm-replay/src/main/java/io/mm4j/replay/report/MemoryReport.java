// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The state of a machine's free pages, as somebody has it as text: a copy of {@code
 * /proc/buddyinfo}, {@code pagetypeinfo} or {@code zoneinfo}, one behind the other or alone, or the
 * Mem-Info of an {@code invoked oom-killer} or {@code page allocation failure} report with the
 * request that failed. Any other lines around them are passed over.
 */
public final class MemoryReport {
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
  private static final Pattern CGROUP =
      Pattern.compile(
          ".*(?:\\bmemory: usage (\\d+kB), limit (\\d+kB)|constraint=CONSTRAINT_MEMCG|Memory cgroup"
              + " out of memory).*");
  private static final Pattern PAGE_TYPE =
      Pattern.compile(".*Node +(\\d{1,4}), +zone +(\\w+), +type +(\\w+) +(.*)");
  private static final Pattern SHARES = Pattern.compile("\\s+-?[01]\\.\\d{3}\\b");
  private static final Pattern SPEC_ZONE =
      Pattern.compile("zone (\\d+) (\\w+) (\\d+) (\\d+) (\\d+) (\\d+)");
  private static final Pattern SPEC_REQUEST = Pattern.compile("request (\\d+) ([0-9a-f]+)(?: .*)?");
  private static final Pattern SPEC_SYSCTL = Pattern.compile("sysctl vm\\.([a-z_]+)=(.*)");

  private final String where;
  private final Map<String, ReportedZone> zones = new LinkedHashMap<>();
  private final List<String> notes = new ArrayList<>();
  private final Map<String, String> sysctls = new LinkedHashMap<>();
  private final NodeBounds bounds = new NodeBounds();
  private @Nullable KernelVersion version;
  private @Nullable ReportedZone current;
  private int number;
  private long pageKb = PageSize.X86_KB;
  private int order = -1;
  private String mode = "";
  private int requests;
  private boolean done;
  private boolean guessed;
  private boolean named;
  private String cgroup = "";

  private MemoryReport(String where) {
    this.where = where;
  }

  /** Whether a text has something of this in it. */
  public static boolean looksLike(String start) {
    return ReportLines.of(start).stream()
        .map(ReportLines.Line::text)
        .anyMatch(
            line ->
                (ZONE.matcher(line).matches() && !line.contains("per-node"))
                    || MEM_INFO.matcher(line).matches()
                    || FailedRequest.in(line) != null
                    || SPEC_ZONE.matcher(line).matches());
  }

  /**
   * Reads a text.
   *
   * @param where the file, for messages
   * @throws InputException if there is no zone in it
   */
  public static MemoryReport read(String text, String where) {
    MemoryReport report = new MemoryReport(where);
    List<ReportLines.Line> lines = ReportLines.of(text);
    report.pageKb = PageSize.kb(lines);
    if (report.pageKb != PageSize.X86_KB) {
      report.notes.add(PageSize.note(report.pageKb));
    }
    lines.forEach(report::line);
    if (report.zones.isEmpty()) {
      String request =
          report.order < 0
              ? "there is no zone in it"
              : "it names a request (order " + report.order + ", " + report.mode + ") and no zone";
      throw new InputException(
          report.cgroup.isEmpty()
              ? request
              : "a memory cgroup was at its limit"
                  + report.cgroup
                  + ": no zone refused a page, and the report shows none",
          where,
          "the text of /proc/buddyinfo, pagetypeinfo or zoneinfo, or the Mem-Info of an OOM or page"
              + " allocation failure report");
    }
    if (report.done) {
      report.notes.add("there are " + report.requests + " reports in it: the first counts");
    }
    report.guessVersion();
    return report;
  }

  /** Since 4.6 flags are printed with their names. */
  private void guessVersion() {
    if (version == null && named && mode.matches("0x[0-9a-f]{1,8}")) {
      version = Long.decode(mode) >= 0x40_0000 ? new KernelVersion(4, 4) : new KernelVersion(2, 6);
      guessed = true;
      notes.add(
          "no kernel is named in it; flags without names are older than 4.6, and are read as those"
              + (version.atLeast(4, 4) ? " of 4.4 and 4.5" : " of 2.6 to 4.3"));
    }
  }

  private void line(ReportLines.Line numbered) {
    number = numbered.number();
    String line = numbered.text();
    FailedRequest failed = FailedRequest.in(line);
    boolean header = failed != null;
    named |= header;
    done |= header && !zones.isEmpty(); // another report begins
    if (done) {
      requests += header ? 1 : 0;
      return;
    }
    bounds.line(line);
    KernelVersion named = KernelVersion.in(line);
    version = named == null ? version : named;
    if (failed != null) {
      if (failed.order() < 0 && requests == 0) {
        notes.add("line " + number + " does not say the order of the request: taken as 0");
      }
      request(Math.max(0, failed.order()), failed.mode());
      return;
    }
    Matcher matcher = CGROUP.matcher(line);
    if (matcher.matches()) {
      String usage = matcher.group(1);
      cgroup =
          usage == null
              ? cgroup.isEmpty() ? " (memory.max)" : cgroup
              : " (usage " + usage + ", limit " + matcher.group(2) + ")";
    }
    matcher = PAGE_TYPE.matcher(line);
    if (matcher.matches()) {
      pageType(matcher);
      return;
    }
    matcher = ZONE.matcher(line);
    if (matcher.matches()) {
      current = zone(matcher.group(1), matcher.group(2));
      counts(matcher.group(3));
      return;
    }
    matcher = MEM_INFO.matcher(line);
    if (matcher.matches()) {
      memInfo(matcher);
      return;
    }
    matcher = BLOCKS.matcher(line);
    if (matcher.matches()) {
      current = zone(matcher.group(1), matcher.group(2));
      blocks(matcher.group(3));
      return;
    }
    matcher = RESERVE.matcher(line);
    if (matcher.matches() && current != null) {
      numbers(matcher.group(1)).forEach(current.protection::add);
      return;
    }
    if (!spec(line) && current != null) {
      zoneinfo(line.strip());
    }
  }

  private InputException wrong(String what, String allowed) {
    return new InputException(what, where + ":" + number, allowed);
  }

  private void request(int failedOrder, String modeText) {
    if (requests++ == 0) {
      order = failedOrder;
      mode = modeText;
    }
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
      notes.add("line " + number + " is cut: of larger blocks it is taken to have none");
    }
    if (counts.size() > ReportedZone.ORDERS) {
      notes.add("line " + number + ": blocks above order 10 count as blocks of order 10");
    }
    if (zone.listed) {
      String note = "free blocks are listed more than once: the last list counts";
      if (!notes.contains(note)) {
        notes.add(note);
      }
    }
    zone.listed = true;
    zone.blocksKnown = true;
    long[] row = zone.blocks[ReportedZone.ANY_TYPE];
    java.util.Arrays.fill(row, 0);
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
      java.util.Arrays.fill(zone.blocks[ReportedZone.ANY_TYPE], 0);
    }
    zone.blocksKnown = true;
    for (int o = 0; o < words.length && o < ReportedZone.ORDERS; o++) {
      // Long lists are cut: >100000
      boolean more = words[o].startsWith(">");
      if (!words[o].matches(">?[0-9]{1,12}")) {
        throw wrong("'" + words[o] + "' is no count", "a number of free blocks for each order");
      }
      if (more) {
        notes.add("line " + number + ": " + words[o] + " is taken as that many");
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

  /** A line below a zone of zoneinfo. */
  private void zoneinfo(String line) {
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

  /**
   * A line of a hand-written summary: {@code zone}, {@code free}, {@code request}, {@code sysctl}.
   */
  private boolean spec(String line) {
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
    matcher = SPEC_REQUEST.matcher(line);
    if (matcher.matches()) {
      request(Integer.parseInt(matcher.group(1)), "0x" + matcher.group(2));
      return true;
    }
    matcher = SPEC_SYSCTL.matcher(line);
    if (matcher.matches()) {
      sysctls.put(matcher.group(1), matcher.group(2).strip());
      return true;
    }
    return false;
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

  /** The zones. */
  List<ReportedZone> zones() {
    return List.copyOf(zones.values());
  }

  /** What was taken for granted, in words. */
  public List<String> notes() {
    return notes;
  }

  /** Values of {@code vm.*} that the text gives, by name without the prefix. */
  Map<String, String> sysctls() {
    return sysctls;
  }

  /** The kernel that printed it, or null if it does not say. */
  public @Nullable KernelVersion version() {
    return version;
  }

  /** The same in words, empty if nothing tells. */
  public String release() {
    KernelVersion kernel = version;
    if (kernel == null) {
      return "";
    }
    return guessed ? "a kernel before 4.6" : "Linux " + kernel;
  }

  /** The order of the request that failed, -1 if the text is no report of a failure. */
  public int order() {
    return order;
  }

  /** The flags of that request as printed. */
  public String mode() {
    return mode;
  }

  /**
   * Why the kernel of the report may have refused its request though today's serves it from the
   * free pages that are shown.
   *
   * @param gfp the request's flags
   */
  public List<String> whyRefused(int gfp) {
    KernelVersion kernel = version;
    List<String> older =
        kernel == null || kernel.atLeast(4, 4) || order < 1
            ? List.of()
            : OlderRule.refusals(zones(), order, gfp);
    if (!older.isEmpty()) {
      List<String> why = new ArrayList<>();
      why.add(
          release()
              + " refused it: before 4.4, pages in blocks smaller than the request did not count,"
              + " and of the watermark half had to stay for each order");
      older.forEach(zone -> why.add("so for " + zone));
      return why;
    }
    return List.of(
        "the kernel of the report refused it: what is printed is how things stood a moment later,"
            + " so blocks may have been freed since; or the request was bound to a cpuset or a"
            + " memory policy (nodemask and cpuset in the report), or only to another node");
  }

  /**
   * The nodes that may serve the report's request.
   *
   * @param gfp the request's flags
   * @return null if it is bound to none, or none of the zones is left out by that
   */
  public @Nullable NodeMask nodes(int gfp) {
    NodeMask nodes = bounds.of(gfp);
    boolean all = nodes == null || zones.values().stream().allMatch(z -> nodes.contains(z.node));
    return all ? null : nodes;
  }

  /**
   * The flags of the report's request on the zones that its kernel has: where there is none as low
   * as the one asked for, the kernel was built without it, and its lowest zone serves ({@code
   * GFP_ZONE_TABLE}, include/linux/gfp.h).
   */
  public int onItsZones(int gfp) {
    ZoneType highest = Gfp.highestZone(gfp);
    if (zones.values().stream().anyMatch(zone -> zone.type.compareTo(highest) <= 0)) {
      return gfp;
    }
    return gfp & ~(Gfp.__GFP_DMA | Gfp.__GFP_DMA32);
  }

  /** How many failures are reported; the first counts. */
  public int requests() {
    return requests;
  }
}
