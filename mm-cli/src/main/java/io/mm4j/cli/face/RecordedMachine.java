// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.face;

import io.mm4j.api.memory.Pages;
import io.mm4j.replay.kmem.KmemRun;
import io.mm4j.replay.kmem.KmemSource;
import io.mm4j.replay.kmem.RecordedZones.RecordedZone;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The machine of a recording, in words and as data. */
final class RecordedMachine {
  private final KmemSource source;
  private final KmemRun run;

  RecordedMachine(KmemSource source, KmemRun run) {
    this.source = source;
    this.run = run;
  }

  /** {@code Linux 6.18.44}. */
  String kernel() {
    List<String> uname = source.machineLines("uname.txt");
    String[] words = uname == null || uname.isEmpty() ? new String[0] : uname.get(0).split(" ", 4);
    return words.length < 3 ? "Linux" : words[0] + " " + words[2].replaceFirst("-.*", "");
  }

  /** {@code 24.0 GiB of RAM, 2 CPUs; zones DMA 15.5M, ...}. */
  String line() {
    StringBuilder zones = new StringBuilder();
    for (RecordedZone zone : zones()) {
      zones.append(zones.isEmpty() ? "" : ", ").append(zone.type().procName()).append(' ');
      zones.append(bytes(zone.presentPages() << Pages.PAGE_SHIFT));
    }
    long nodes = zones().stream().map(RecordedZone::nodeId).distinct().count();
    return String.format(
        Locale.ROOT,
        "%s of RAM, %d CPU%s, %d node%s; %s",
        bytes(presentBytes()),
        run.zones().cpus(),
        run.zones().cpus() == 1 ? "" : "s",
        nodes,
        nodes == 1 ? "" : "s",
        zones);
  }

  private long presentBytes() {
    return zones().stream().mapToLong(RecordedZone::presentPages).sum() << Pages.PAGE_SHIFT;
  }

  private List<RecordedZone> zones() {
    return run.zones().list();
  }

  /** The index of the zone with the most memory. */
  int largestZone() {
    int largest = 0;
    for (int i = 1; i < zones().size(); i++) {
      if (zones().get(i).managedPages() > zones().get(largest).managedPages()) {
        largest = i;
      }
    }
    return largest;
  }

  /** The name of a zone. */
  String zoneName(int index) {
    return zones().get(index).type().procName();
  }

  Map<String, Object> json() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("kernel", kernel());
    map.put("ram_bytes", presentBytes());
    map.put("cpus", run.zones().cpus());
    map.put(
        "zones",
        zones().stream()
            .map(
                z -> {
                  Map<String, Object> zone = new LinkedHashMap<>();
                  zone.put("node", z.nodeId());
                  zone.put("zone", z.type().procName());
                  zone.put("start_pfn", z.startPfn());
                  zone.put("end_pfn", z.endPfn());
                  zone.put("present_pages", z.presentPages());
                  zone.put("managed_pages", z.managedPages());
                  return zone;
                })
            .toList());
    return map;
  }

  /** Bytes with one decimal and a unit: {@code 15.5M}. */
  static String bytes(long bytes) {
    String units = "KMGTPE";
    double value = bytes / 1024.0;
    int unit = 0;
    while (value >= 1024 && unit < units.length() - 1) {
      value /= 1024;
      unit++;
    }
    return String.format(Locale.ROOT, "%.1f%c", value, units.charAt(unit));
  }
}
