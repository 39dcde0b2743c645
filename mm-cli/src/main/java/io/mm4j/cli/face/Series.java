// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.face;

import io.mm4j.cli.text.Table;
import io.mm4j.cli.text.Table.Column;
import io.mm4j.replay.kmem.Fragmentation;
import io.mm4j.replay.kmem.KmemRun;
import io.mm4j.replay.kmem.RecordedZones;
import io.mm4j.replay.kmem.RecordedZones.RecordedZone;
import io.mm4j.replay.kmem.Sample;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The free blocks of contenders over recorded time: fragmentation per zone and order. */
final class Series {
  private static final int ORDERS = 11;

  private Series() {}

  /** The unusable index of one zone at every sample, 0 to 1. */
  static double[] unusable(KmemRun run, int zone, int order) {
    return run.samples().stream().mapToDouble(s -> s.unusableIndex(zone, order) / 1000.0).toArray();
  }

  /** The free pages of all zones at every sample. */
  static double[] freePages(KmemRun run) {
    return run.samples().stream().mapToDouble(Sample::freePages).toArray();
  }

  /** A row for each plugin, sample and zone. */
  static Table table(List<Contender> contenders) {
    Table table = columns();
    for (Contender contender : contenders) {
      KmemRun run = contender.run();
      if (run != null) {
        add(table, contender.name(), run.zones(), run.samples());
      }
    }
    return table;
  }

  /** A row for each name, sample and zone. */
  static Table table(RecordedZones zones, Map<String, List<Sample>> series) {
    Table table = columns();
    series.forEach((name, samples) -> add(table, name, zones, samples));
    return table;
  }

  private static Table columns() {
    List<Column> columns = new ArrayList<>();
    for (String name :
        List.of("plugin", "t_ns", "node", "zone", "free_pages", "pcp_pages", "failures")) {
      columns.add(Table.column(name, name));
    }
    for (int order = 0; order < ORDERS; order++) {
      columns.add(Table.column("unusable_" + order, "unusable_" + order));
    }
    return new Table(columns);
  }

  private static void add(
      Table table, String plugin, RecordedZones recorded, List<Sample> samples) {
    List<RecordedZone> zones = recorded.list();
    for (Sample sample : samples) {
      for (int z = 0; z < zones.size(); z++) {
        @Nullable Object[] row = new @Nullable Object[7 + ORDERS];
        row[0] = plugin;
        row[1] = sample.timeNs();
        row[2] = zones.get(z).nodeId();
        row[3] = zones.get(z).type().procName();
        row[4] = Fragmentation.freePages(sample.zones().get(z));
        row[5] = sample.pcpPages();
        row[6] = sample.failures();
        for (int order = 0; order < ORDERS; order++) {
          row[7 + order] = sample.unusableIndex(z, order) / 1000.0;
        }
        table.add(row);
      }
    }
  }
}
