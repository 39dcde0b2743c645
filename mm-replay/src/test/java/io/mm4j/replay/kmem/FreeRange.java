// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.page.Migratetype;

/**
 * How many pages of each zone were free since each CPU's last request or free: the decision about
 * its next request was made somewhere in between.
 */
final class FreeRange {
  private final RecordedZones zones;
  private final long[] now;
  private final long[][] least;
  private final long[][] most;

  FreeRange(RecordedZones zones, TypedBlocks blocks) {
    this.zones = zones;
    now = new long[zones.count()];
    for (int z = 0; z < now.length; z++) {
      blocks.ask(z);
      for (int t = 0; t < Migratetype.TYPES; t++) {
        for (int o = 0; o < Counts.ORDERS; o++) {
          now[z] += blocks.freeBlocks(o, t) << o;
        }
      }
    }
    least = new long[zones.cpus()][];
    most = new long[zones.cpus()][];
    for (int cpu = 0; cpu < zones.cpus(); cpu++) {
      least[cpu] = now.clone();
      most[cpu] = now.clone();
    }
  }

  /** To be called with every event, for a request after it was judged. */
  void apply(TraceReader event) {
    int op = event.op();
    if (TraceReader.removes(op) || TraceReader.inserts(op)) {
      int zone = event.zone();
      if (zones.holdsBlock(zone, event.pfn(), event.order())) {
        now[zone] += (TraceReader.inserts(op) ? 1L : -1L) << event.order();
        for (int cpu = 0; cpu < least.length; cpu++) {
          least[cpu][zone] = Math.min(least[cpu][zone], now[zone]);
          most[cpu][zone] = Math.max(most[cpu][zone], now[zone]);
        }
      }
    } else if (op == 'a' || op == 'f' || op == 'g') {
      least[event.cpu()] = now.clone();
      most[event.cpu()] = now.clone();
    }
  }

  long least(int cpu, int zone) {
    return least[cpu][zone];
  }

  long most(int cpu, int zone) {
    return most[cpu][zone];
  }
}
