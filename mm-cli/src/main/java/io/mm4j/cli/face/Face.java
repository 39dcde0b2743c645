// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.face;

import io.mm4j.api.memory.Pages;
import io.mm4j.cli.text.Chart;
import io.mm4j.cli.text.Table;
import io.mm4j.cli.text.Terminal;
import io.mm4j.cli.verdict.VerdictJson;
import io.mm4j.cli.verdict.VerdictText;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Verdict;
import io.mm4j.replay.kmem.KmemChecks;
import io.mm4j.replay.kmem.KmemRun;
import io.mm4j.replay.kmem.KmemSource;
import io.mm4j.replay.kmem.Sample;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * One recording on several plugins, as one screen of 80 by 24 (with up to five plugins): the
 * machine, the workload, what Linux did, what this machine did, plugins side by side, fragmentation
 * over time, what to type next.
 */
public final class Face {
  /** How many samples to ask a replay for. */
  public static final int POINTS = 120;

  private static final int LABEL = 10;

  /** Height of the charts; each plugin beyond the third takes a line of it, down to two. */
  private static final int CHART_LINES = 4;

  private static final int LEAST_CHART_LINES = 2;
  private static final int PLUGINS_THAT_FIT = 3;

  private final KmemSource source;
  private final List<Contender> contenders;
  private final KmemRun first;
  private final RecordedMachine machine;
  private final boolean timing;

  /**
   * The view of a comparison.
   *
   * @param first the run that is told about; with samples
   * @param timing whether real time is shown
   */
  public Face(KmemSource source, KmemRun first, List<Contender> contenders, boolean timing) {
    this.source = source;
    this.contenders = List.copyOf(contenders);
    this.first = first;
    this.machine = new RecordedMachine(source, first);
    this.timing = timing;
  }

  /** The index of the largest zone, whose fragmentation is shown. */
  public int zone() {
    return machine.largestZone();
  }

  /** The screen. */
  public void print(PrintStream out, Terminal terminal, boolean unicode) {
    int width = terminal.columns();
    out.println(
        terminal.bold("mm4j: a Linux memory manager to take apart, judged by a real kernel"));
    out.println();
    put(out, terminal, "machine", machine.line());
    put(out, terminal, "workload", shorten(first.recording() + ": " + command(), width - LABEL));
    linux(out, terminal);
    here(out, terminal);
    out.println();
    out.print(plugins().toText(""));
    out.println();
    chart(out, terminal, unicode, width);
  }

  private static void put(PrintStream out, Terminal terminal, String label, String text) {
    String padded = String.format("%-" + LABEL + "s", label);
    out.println((label.isEmpty() ? padded : terminal.bold(padded)) + text);
  }

  private String command() {
    String command = first.command().isEmpty() ? "(unknown)" : first.command();
    return command.replaceFirst("^cd [^;]*; *", "");
  }

  private static String shorten(String text, int width) {
    return text.length() <= width ? text : text.substring(0, width - 3) + "...";
  }

  private void linux(PrintStream out, Terminal terminal) {
    List<Sample> samples = first.samples();
    Sample start = samples.getFirst();
    Sample end = samples.getLast();
    put(
        out,
        terminal,
        "Linux",
        String.format(
            Locale.ROOT,
            "%s, %.1f s: %,d page events, in which a block left or",
            machine.kernel().replaceFirst("^Linux ", ""),
            (end.timeNs() - start.timeNs()) / 1e9,
            first.events()));
    put(
        out,
        terminal,
        "",
        String.format(
            Locale.ROOT,
            "joined the free lists %,d times; free memory from %s to %s",
            first.operations(),
            RecordedMachine.bytes(start.freePages() << Pages.PAGE_SHIFT),
            RecordedMachine.bytes(end.freePages() << Pages.PAGE_SHIFT)));
  }

  private void here(PrintStream out, Terminal terminal) {
    Verdict verdict = first.verdict();
    if (verdict.exact()) {
      put(
          out,
          terminal,
          "here",
          terminal.good("exactly the same")
              + String.format(
                  Locale.ROOT,
                  ": all %,d operations possible, /proc/buddyinfo",
                  equal(KmemChecks.CORE_OPS)));
      put(
          out,
          terminal,
          "",
          String.format(
              Locale.ROOT,
              "equal at %d of %d reads, at the end the kernel's own %,d free blocks",
              equal(KmemChecks.BUDDYINFO),
              total(KmemChecks.BUDDYINFO),
              equal(KmemChecks.FINAL_BLOCKS)));
      return;
    }
    FirstDifference difference = verdict.firstDifference();
    if (difference == null) {
      put(out, terminal, "here", "not judged: " + contenders.getFirst().exactness());
      return;
    }
    put(
        out,
        terminal,
        "here",
        terminal.bad("not the same") + ": " + difference.check() + ", " + difference.where());
    put(out, terminal, "", difference.what());
  }

  private long equal(String check) {
    return first.verdict().check(check).map(CheckResult::equal).orElse(0L);
  }

  private long total(String check) {
    return first.verdict().check(check).map(CheckResult::total).orElse(0L);
  }

  private Table plugins() {
    Table table =
        new Table(
            List.of(
                Table.column("frame_allocator", "FRAME ALLOCATOR"),
                Table.column("verdict", "VERDICT"),
                Table.column("operations", "OPERATIONS"),
                Table.column("tables_kib", "TABLES (KIB)"),
                Table.timing("replay_ms", "MS"),
                Table.timing("operations_per_s", "OPERATIONS/S (READING INCLUDED)")));
    for (Contender contender : contenders) {
      KmemRun run = contender.run();
      table.add(
          contender.name(),
          contender.exactness(),
          run == null ? 0 : run.operations(),
          run == null || run.metadataBytes() < 0 ? "-" : (run.metadataBytes() + 1023) >>> 10,
          contender.replayNs() / 1_000_000,
          contender.operationsPerSecond());
    }
    return table.shown(timing);
  }

  /** Two charts side by side. */
  private void chart(PrintStream out, Terminal terminal, boolean unicode, int width) {
    int zone = machine.largestZone();
    int half = (width - 4) / 2;
    out.println(
        "Fragmentation of zone "
            + machine.zoneName(zone)
            + " over time: the part of free memory useless for");
    int height =
        Math.clamp(
            CHART_LINES - (contenders.size() - (long) PLUGINS_THAT_FIT),
            LEAST_CHART_LINES,
            CHART_LINES);
    List<List<String>> charts = new ArrayList<>();
    StringBuilder titles = new StringBuilder();
    for (int order : new int[] {4, 9}) {
      double[] values = Series.unusable(first, zone, order);
      double[] range = Chart.range(values);
      charts.add(Chart.area(values, half - 7, height, range[0], range[1], unicode));
      String title = order == 4 ? "a request of 64 KiB (order 4)" : "a huge page, 2 MiB (order 9)";
      titles.append(String.format("%-" + (half + 4) + "s", "      " + title));
    }
    out.println(terminal.dim(titles.toString().stripTrailing()));
    for (int i = 0; i < height; i++) {
      String left = String.format("%-" + (half + 4) + "s", charts.get(0).get(i));
      out.println((left + charts.get(1).get(i)).stripTrailing());
    }
  }

  /** A table of the plugins with a line of fragmentation for each. */
  public void printComparison(PrintStream out, boolean unicode, int width) {
    out.print(plugins().toText(""));
    out.println();
    int zone = machine.largestZone();
    out.println("Unusable free memory of zone " + machine.zoneName(zone) + " over time, order 9:");
    Map<String, double[]> lines = new LinkedHashMap<>();
    for (Contender contender : contenders) {
      KmemRun run = contender.run();
      lines.put(contender.name(), run == null ? new double[0] : Series.unusable(run, zone, 9));
    }
    Chart.sparks(lines, width, unicode).forEach(out::println);
  }

  /** A row for each plugin, sample and zone. */
  public String csv() {
    return Series.table(contenders).toCsv();
  }

  /** Everything as data. */
  public Map<String, Object> json() {
    Map<String, Object> workload = new LinkedHashMap<>();
    workload.put("name", first.recording());
    workload.put("path", source.label());
    workload.put("command", first.command());
    workload.put("events", first.events());
    workload.put("operations", first.operations());
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("machine", machine.json());
    object.put("workload", workload);
    object.put("verdict", VerdictJson.of(first.verdict()));
    object.put("plugins", plugins().toMaps());
    object.put("fragmentation", Series.table(contenders).toMaps());
    return object;
  }

  /** Evidence of the first difference, if there is one. */
  public void printEvidence(PrintStream out, Terminal terminal) {
    VerdictText.evidence(out, first.verdict(), terminal);
  }
}
