// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.face;

import io.mm4j.api.machine.Spi;
import io.mm4j.cli.text.Chart;
import io.mm4j.cli.text.Table;
import io.mm4j.replay.kmem.KmemRun;
import io.mm4j.replay.kmem.PolicyRun;
import io.mm4j.replay.kmem.Sample;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What other allocators make of the recorded requests, beside what the kernel made of them: the
 * exact replay shows the kernel's free blocks at the same moments.
 */
public final class PolicyFace {
  /** What the kernel's own row is called. */
  private static final String KERNEL = "(kernel)";

  private static final int[] ORDERS = {4, 9};

  private final KmemRun kernel;
  private final Spi<?> compared;
  private final Map<String, PolicyRun> runs;
  private final PolicyRun first;
  private final int zone;
  private final String zoneName;

  /**
   * The view of a comparison.
   *
   * @param kernel an exact replay, with as many samples as the others
   * @param compared what differs between the runs: the frame allocator or the page allocator
   * @param runs one for each plugin by its name, at least one
   * @param zone whose fragmentation is shown
   */
  public PolicyFace(KmemRun kernel, Spi<?> compared, Map<String, PolicyRun> runs, int zone) {
    this.kernel = kernel;
    this.compared = compared;
    this.runs = new LinkedHashMap<>(runs);
    this.first = this.runs.values().iterator().next();
    this.zone = zone;
    this.zoneName = kernel.zones().list().get(zone).type().procName();
  }

  /** The table, what was inferred, and a line over time for each. */
  public void print(PrintStream out, boolean unicode, int width) {
    out.println(
        compared == Spi.PAGE_ALLOCATOR
            ? "The recorded requests, answered by each on frame-allocator="
                + first.frameAllocator()
                + ":"
            : "The recorded requests, answered by page-allocator="
                + first.pageAllocator()
                + " on each:");
    out.print(table().toText(""));
    PolicyRun.Inferred inferred = first.inferred();
    out.printf(
        Locale.ROOT,
        "inferred: %,d pages on per-cpu lists at the start, %,d bulk allocations,%n"
            + "types of %,d of %,d pageblocks, %,d frees of blocks from before the start,%n"
            + "%,d frees page by page, %,d pages whose free was left out%n",
        inferred.pcpPagesAtStart(),
        inferred.bulkAllocations(),
        inferred.pageblocksTyped(),
        inferred.pageblocks(),
        inferred.freesOfStart(),
        inferred.freesByPage(),
        inferred.freesLeftOut());
    for (int order : ORDERS) {
      out.println();
      out.println("Unusable free memory of zone " + zoneName + " over time, order " + order + ":");
      lines(out, order, unicode, width);
    }
  }

  private void lines(PrintStream out, int order, boolean unicode, int width) {
    Map<String, double[]> lines = new LinkedHashMap<>();
    lines.put(KERNEL, unusable(kernel.samples(), order));
    runs.forEach((name, run) -> lines.put(name, unusable(run.samples(), order)));
    Chart.sparks(lines, width, unicode).forEach(out::println);
  }

  private double[] unusable(List<Sample> samples, int order) {
    return samples.stream().mapToDouble(s -> s.unusableIndex(zone, order) / 1000.0).toArray();
  }

  /** A row for the kernel and for each plugin. */
  public Table table() {
    Table table =
        new Table(
            List.of(
                Table.column(
                    key(compared), compared.id().replace('-', ' ').toUpperCase(Locale.ROOT)),
                Table.column("requests", "REQUESTS"),
                Table.column("failures", "FAILURES"),
                Table.column("free_pages", "FREE AT END"),
                Table.column("pcp_pages", "PER-CPU"),
                Table.column("unusable_4", "UNUSABLE O4"),
                Table.column("unusable_9", "O9")));
    Sample end = kernel.samples().getLast();
    table.add(
        KERNEL,
        null,
        null,
        end.freePages(),
        null,
        end.unusableIndex(zone, 4) / 1000.0,
        end.unusableIndex(zone, 9) / 1000.0);
    runs.forEach(
        (name, run) -> {
          Sample last = run.samples().getLast();
          table.add(
              name,
              run.requests(),
              run.failures(),
              run.endFreePages(),
              run.endPcpPages(),
              last.unusableIndex(zone, 4) / 1000.0,
              last.unusableIndex(zone, 9) / 1000.0);
        });
    return table;
  }

  /** A row for the kernel and each plugin, sample and zone. */
  public Table series() {
    Map<String, List<Sample>> samples = new LinkedHashMap<>();
    samples.put(KERNEL, kernel.samples());
    runs.forEach((name, run) -> samples.put(name, run.samples()));
    return Series.table(kernel.zones(), samples);
  }

  /** Everything as data. */
  public Map<String, Object> json() {
    List<Map<String, Object>> inferred = new ArrayList<>();
    for (Map.Entry<String, PolicyRun> run : runs.entrySet()) {
      PolicyRun.Inferred i = run.getValue().inferred();
      Map<String, Object> one = new LinkedHashMap<>();
      one.put(key(compared), run.getKey());
      one.put("pcp_pages_at_start", i.pcpPagesAtStart());
      one.put("bulk_allocations", i.bulkAllocations());
      one.put("pageblocks_typed", i.pageblocksTyped());
      one.put("pageblocks", i.pageblocks());
      one.put("frees_of_start", i.freesOfStart());
      one.put("frees_by_page", i.freesByPage());
      one.put("frees_left_out", i.freesLeftOut());
      one.put("lost_frees", i.lostFrees());
      one.put("recorded_failures", i.recordedFailures());
      inferred.add(one);
    }
    Map<String, Object> object = new LinkedHashMap<>();
    // What is the same in all runs.
    if (compared == Spi.PAGE_ALLOCATOR) {
      object.put("frame_allocator", first.frameAllocator());
    } else {
      object.put("page_allocator", first.pageAllocator());
    }
    object.put("plugins", table().toMaps());
    object.put("inferred", inferred);
    object.put("fragmentation", series().toMaps());
    return object;
  }

  private static String key(Spi<?> spi) {
    return spi.id().replace('-', '_');
  }
}
