// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.face;

import io.mm4j.cli.text.Table;
import io.mm4j.replay.kmem.RequestRun;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What a machine of the user's own made of a trace's requests, with one plugin or another. */
public final class RequestFace {
  private final String workload;
  private final String machine;
  private final Map<String, RequestRun> runs;
  private final RequestRun first;

  /**
   * The view.
   *
   * @param workload what was played
   * @param machine the machine in words
   * @param runs one for each plugin by its name, at least one
   */
  public RequestFace(String workload, String machine, Map<String, RequestRun> runs) {
    this.workload = workload;
    this.machine = machine;
    this.runs = new LinkedHashMap<>(runs);
    this.first = this.runs.values().iterator().next();
  }

  /** As text. */
  public void print(PrintStream out) {
    out.println("machine   " + machine);
    out.println("workload  the requests of " + workload);
    out.println(
        "          What was asked for there is asked for here. The machine has just booted;");
    out.println("          frees of what no request got are left out, and nothing is reclaimed.");
    out.println();
    out.print(table().toText(""));
    runs.forEach(
        (name, run) -> {
          if (run.failures() > 0) {
            out.println();
            out.println(name + ": " + failures(run));
            out.println("  first: " + run.firstFailure());
          }
        });
    out.println();
    out.println(
        "free blocks by order, 0 to 10, at the end (" + runs.keySet().iterator().next() + ")");
    first.buddyinfo().forEach(line -> out.println("  " + line));
    if (first.recordedFailures() > 0) {
      out.printf(
          Locale.ROOT,
          "%,d failed where they were recorded, and are not asked for here%n",
          first.recordedFailures());
    }
  }

  private static String failures(RequestRun run) {
    List<String> parts = new ArrayList<>();
    for (int order = 0; order < run.failuresByOrder().size(); order++) {
      long count = run.failuresByOrder().get(order);
      if (count > 0) {
        parts.add(String.format(Locale.ROOT, "%,d of order %d", count, order));
      }
    }
    return "failed: " + String.join(", ", parts);
  }

  /** A row for each plugin. */
  public Table table() {
    Table table =
        new Table(
            List.of(
                Table.column("plugin", "PLUGIN"),
                Table.column("requests", "REQUESTS"),
                Table.column("requested_pages", "PAGES"),
                Table.column("failures", "FAILURES"),
                Table.column("frees", "FREES"),
                Table.column("frees_left_out", "LEFT OUT"),
                Table.column("start_free_pages", "FREE AT START"),
                Table.column("lowest_free_pages", "LOWEST"),
                Table.column("end_free_pages", "AT END"),
                Table.column("pcp_pages", "PER-CPU")));
    runs.forEach(
        (name, run) ->
            table.add(
                name,
                run.requests(),
                run.requestedPages(),
                run.failures(),
                run.frees(),
                run.freesLeftOut(),
                run.startFreePages(),
                run.lowestFreePages(),
                run.endFreePages(),
                run.endPcpPages()));
    return table;
  }

  /** As data. */
  public Map<String, Object> json() {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("workload", workload);
    object.put("machine", machine);
    object.put("plugins", table().toMaps());
    Map<String, Object> failures = new LinkedHashMap<>();
    runs.forEach((name, run) -> failures.put(name, run.failuresByOrder()));
    object.put("failures_by_order", failures);
    object.put("recorded_failures", first.recordedFailures());
    object.put("buddyinfo", first.buddyinfo());
    return object;
  }
}
