// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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
  private static final Pattern SPEC_SYSCTL = Pattern.compile("sysctl vm\\.([a-z_]+)=(.*)");

  private final List<String> notes = new ArrayList<>();
  private final RequestLines requests = new RequestLines(notes::add);
  private final ZoneLines zones;
  private final Map<String, String> sysctls = new LinkedHashMap<>();
  private final NodeBounds bounds = new NodeBounds();
  private @Nullable KernelVersion version;
  private boolean guessed;

  private MemoryReport(String where, long pageKb) {
    zones = new ZoneLines(where, pageKb, notes::add);
  }

  /** Whether a text has something of this in it. */
  public static boolean looksLike(String start) {
    return ReportLines.of(start).stream()
        .map(ReportLines.Line::text)
        .anyMatch(line -> ZoneLines.begins(line) || RequestLines.begins(line));
  }

  /**
   * Reads a text.
   *
   * @param where the file, for messages
   * @throws InputException if there is no zone in it
   */
  public static MemoryReport read(String text, String where) {
    List<ReportLines.Line> lines = ReportLines.of(text);
    long pageKb = PageSize.kb(lines);
    MemoryReport report = new MemoryReport(where, pageKb);
    if (pageKb != PageSize.X86_KB) {
      report.notes.add(PageSize.note(pageKb));
    }
    lines.forEach(report::line);
    if (report.zones.isEmpty()) {
      throw report.withoutZones(where);
    }
    if (report.requests.moreReports()) {
      report.notes.add("there are " + report.requests.count() + " reports in it: the first counts");
    }
    report.guessVersion();
    return report;
  }

  private InputException withoutZones(String where) {
    String request =
        order() < 0
            ? "there is no zone in it"
            : "it names a request (order " + order() + ", " + mode() + ") and no zone";
    String cgroup = requests.cgroup();
    return new InputException(
        cgroup.isEmpty()
            ? request
            : "a memory cgroup was at its limit"
                + cgroup
                + ": no zone refused a page, and the report shows none",
        where,
        "the text of /proc/buddyinfo, pagetypeinfo or zoneinfo, or the Mem-Info of an OOM or page"
            + " allocation failure report");
  }

  /** Since 4.6 flags are printed with their names. */
  private void guessVersion() {
    if (version == null && requests.named() && mode().matches("0x[0-9a-f]{1,8}")) {
      version =
          Long.decode(mode()) >= 0x40_0000 ? new KernelVersion(4, 4) : new KernelVersion(2, 6);
      guessed = true;
      notes.add(
          "no kernel is named in it; flags without names are older than 4.6, and are read as those"
              + (version.atLeast(4, 4) ? " of 4.4 and 4.5" : " of 2.6 to 4.3"));
    }
  }

  private void line(ReportLines.Line numbered) {
    int number = numbered.number();
    String line = numbered.text();
    if (requests.isOfLater(line, !zones.isEmpty())) {
      return;
    }
    bounds.line(line);
    KernelVersion named = KernelVersion.in(line);
    version = named == null ? version : named;
    boolean read =
        requests.read(line, number)
            || zones.read(line, number)
            || requests.summary(line)
            || sysctl(line);
    if (!read) {
      zones.zoneinfo(line.strip());
    }
  }

  /** A line of a hand-written summary: {@code sysctl}. */
  private boolean sysctl(String line) {
    Matcher matcher = SPEC_SYSCTL.matcher(line);
    if (matcher.matches()) {
      sysctls.put(matcher.group(1), matcher.group(2).strip());
    }
    return matcher.matches();
  }

  /** The zones. */
  List<ReportedZone> zones() {
    return zones.all();
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
    return requests.order();
  }

  /** The flags of that request as printed. */
  public String mode() {
    return requests.mode();
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
        kernel == null || kernel.atLeast(4, 4) || order() < 1
            ? List.of()
            : OlderRule.refusals(zones(), order(), gfp);
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
    boolean all = nodes == null || zones().stream().allMatch(zone -> nodes.contains(zone.node));
    return all ? null : nodes;
  }

  /**
   * The flags of the report's request on the zones that its kernel has: where there is none as low
   * as the one asked for, the kernel was built without it, and its lowest zone serves ({@code
   * GFP_ZONE_TABLE}, include/linux/gfp.h).
   */
  public int onItsZones(int gfp) {
    ZoneType highest = Gfp.highestZone(gfp);
    if (zones().stream().anyMatch(zone -> zone.type.compareTo(highest) <= 0)) {
      return gfp;
    }
    return gfp & ~(Gfp.__GFP_DMA | Gfp.__GFP_DMA32);
  }

  /** How many failures are reported; the first counts. */
  public int requests() {
    return requests.count();
  }
}
