// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Setting;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The settings {@code vm.*} that the model reads, and the machine as {@link Marks} wants it.
 *
 * @param plan sizes and settings
 * @param nodes how many nodes there are
 * @param boostFactor {@code watermark_boost_factor}
 * @param defragMode {@code defrag_mode}
 */
public record Settings(Marks.Plan plan, int nodes, int boostFactor, boolean defragMode) {
  private static final List<Integer> RATIOS_64 = List.of(256, 256, 32, 0, 0);
  private static final List<Integer> RATIOS_32 = List.of(256, 32, 0, 0);

  private static final String HUGE_PAGES = "transparent_hugepage";

  /** What is read here: whatever {@code Grounds} and {@code Drawn} draw. */
  static final List<Setting> READ =
      List.of(
          Setting.sysctl("min_free_kbytes", "what stays free in all, in KiB"),
          Setting.sysctl("watermark_scale_factor", "between watermarks, in 1/10000 of a zone"),
          Setting.sysctl("watermark_boost_factor", "largest boost, in 1/10000 of the high mark"),
          Setting.sysctl("percpu_pagelist_high_fraction", "0, or a list's share of a zone"),
          Setting.sysctl("defrag_mode", "1: types are mixed as a last resort"),
          new Setting(
              Setting.Kind.SYSCTL,
              "lowmem_reserve_ratio",
              OptionSpec.Type.TEXT,
              "a number for each kind of zone, lowest first"),
          Setting.parameter(HUGE_PAGES, OptionSpec.Type.TEXT, "never: less stays free"));

  /**
   * A machine with these settings. They are the machine's as a recording's are: a plugin that does
   * not read one of them is not wrong for that.
   */
  public static MachineConfig machine(Map<String, String> vm) {
    MachineConfig config = new MachineConfig();
    vm.forEach(
        (name, value) -> {
          if (name.equals(HUGE_PAGES)) {
            config.commandLine(name + '=' + value);
          } else {
            config.recordedSysctl(name, value);
          }
        });
    return config;
  }

  /** Of what a plugin is given. */
  static Settings of(Floors floors) {
    Map<String, String> vm = floors.sysctls();
    List<Zone> zones = floors.zones().stream().map(z -> z.zone()).toList();
    boolean wide = zones.stream().noneMatch(Settings::isNarrow);
    List<Node> nodes = floors.memory().nodes();
    List<Integer> cpus = new ArrayList<>();
    for (Node node : nodes) {
      cpus.add((int) floors.cpus().all().stream().filter(c -> c.nodeId() == node.id()).count());
    }
    Marks.Plan plan =
        new Marks.Plan(
            wide ? Marks.KINDS_64 : Marks.KINDS_32,
            zones.stream()
                .map(z -> new Marks.Size(z.nodeId(), z.type(), z.managedPages()))
                .toList(),
            cpus,
            number(vm, "min_free_kbytes", -1),
            wide && !"never".equals(vm.get(HUGE_PAGES)),
            number(vm, "watermark_scale_factor", 10),
            ratios(vm, wide ? RATIOS_64 : RATIOS_32),
            number(vm, "percpu_pagelist_high_fraction", 0));
    return new Settings(
        plan,
        nodes.size(),
        number(vm, "watermark_boost_factor", 15_000),
        number(vm, "defrag_mode", 0) != 0);
  }

  /** Zones as only a 32-bit kernel has them: on x86-64, Normal begins above 4 GiB. */
  private static boolean isNarrow(Zone zone) {
    return zone.type() == ZoneType.HIGHMEM
        || (zone.type() == ZoneType.NORMAL && zone.startPfn() < 1 << 20);
  }

  private static int number(Map<String, String> vm, String name, int otherwise) {
    String text = vm.get(name);
    return text == null ? otherwise : Integer.parseInt(text.strip());
  }

  private static List<Integer> ratios(Map<String, String> vm, List<Integer> otherwise) {
    String text = vm.get("lowmem_reserve_ratio");
    return text == null
        ? otherwise
        : Arrays.stream(text.strip().split("\\s+")).map(Integer::valueOf).toList();
  }
}
