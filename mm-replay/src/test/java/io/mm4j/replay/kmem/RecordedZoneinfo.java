// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.memory.ZoneType;
import io.mm4j.testkit.pages.model.Marks;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** The figures of {@code /proc/zoneinfo} as recorded, for the zones that have memory. */
final class RecordedZoneinfo {
  /**
   * One CPU's lists.
   *
   * @param count pages on them
   * @param high where they are drained, as tuned then
   */
  record Pcp(int count, int high, int batch, int highMin, int highMax) {}

  /** One zone; {@code numbers} by the names of the file. */
  record ZoneFigures(
      int nodeId, ZoneType type, Map<String, Long> numbers, List<Long> protection, List<Pcp> pcps) {
    long number(String name) {
      return Objects.requireNonNull(numbers.get(name), name);
    }

    Marks.Size size() {
      return new Marks.Size(nodeId, type, number("managed"));
    }
  }

  private final List<ZoneFigures> zones = new ArrayList<>();
  private final Map<String, String> sysctls = new HashMap<>();

  RecordedZoneinfo(KmemSource source) {
    ZoneFigures zone = null;
    int[] pcp = new int[5];
    for (String line : Objects.requireNonNull(source.lines(RecordedZones.FILE))) {
      String[] words = line.strip().split("[ :,()]+", -1);
      if (words[0].equals("Node") && words.length == 4) {
        zone =
            new ZoneFigures(
                Integer.parseInt(words[1]),
                Objects.requireNonNull(ZoneType.ofProcName(words[3])),
                new HashMap<>(),
                new ArrayList<>(),
                new ArrayList<>());
        zones.add(zone);
        continue;
      }
      Objects.requireNonNull(zone);
      switch (words[0]) {
        case "protection" ->
            Arrays.stream(words)
                .skip(1)
                .filter(word -> !word.isEmpty())
                .forEach(word -> figures(zones.getLast()).add(Long.parseLong(word)));
        case "count" -> pcp[0] = Integer.parseInt(words[1]);
        case "batch" -> pcp[2] = Integer.parseInt(words[1]);
        case "high_min" -> pcp[3] = Integer.parseInt(words[1]);
        case "high_max" -> {
          pcp[4] = Integer.parseInt(words[1]);
          zone.pcps().add(new Pcp(pcp[0], pcp[1], pcp[2], pcp[3], pcp[4]));
        }
        case "high" -> {
          if (zone.numbers().containsKey("high")) {
            pcp[1] = Integer.parseInt(words[1]);
          } else {
            zone.numbers().put("high", Long.parseLong(words[1]));
          }
        }
        case "vm" -> zone.numbers().put("threshold", Long.parseLong(words[3]));
        case "boost", "min", "low", "promo", "managed" ->
            zone.numbers().put(words[0], Long.parseLong(words[1]));
        default -> {
          // not needed here
        }
      }
    }
    zones.removeIf(z -> z.number("managed") == 0);
    readSysctls(source);
  }

  private static List<Long> figures(ZoneFigures zone) {
    return zone.protection();
  }

  private void readSysctls(KmemSource source) {
    for (String line : Objects.requireNonNull(source.machineLines("sysctl_vm.txt"))) {
      String[] words = line.split(" = ", -1);
      sysctls.put(words[0].replace("vm.", ""), words[1]);
    }
    for (String word : Meta.read(source).get("sysctl").split(" ", -1)) {
      if (!word.isEmpty()) {
        sysctls.put(word.split("=", -1)[0], word.split("=", -1)[1]);
      }
    }
  }

  /** Lowest first. */
  List<ZoneFigures> zones() {
    return Collections.unmodifiableList(zones);
  }

  /** A setting of {@code vm}, as it was for this recording. */
  int sysctl(String name) {
    return Integer.parseInt(Objects.requireNonNull(sysctls.get(name), name));
  }

  /** The machine as the model is told: sizes and settings, and nothing that follows from them. */
  Marks.Plan plan() {
    List<Integer> ratios =
        Arrays.stream(Objects.requireNonNull(sysctls.get("lowmem_reserve_ratio")).split("\\s+"))
            .map(Integer::parseInt)
            .toList();
    return new Marks.Plan(
        Marks.KINDS_64,
        zones.stream().map(ZoneFigures::size).toList(),
        List.of(zones.getFirst().pcps().size()),
        -1,
        true,
        sysctl("watermark_scale_factor"),
        ratios,
        sysctl("percpu_pagelist_high_fraction"));
  }
}
