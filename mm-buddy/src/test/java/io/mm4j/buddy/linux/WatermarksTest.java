// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.buddy.linux.ZoneMarks.NodeSize;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Watermarks against {@code /proc/zoneinfo} of a 24 GiB machine with two CPUs, as it was with three
 * values of percpu_pagelist_high_fraction, and against figures of other machines.
 */
class WatermarksTest {
  private static final List<Long> RECORDED = List.of(3840L, 772_918L, 5_394_266L, 0L, 0L);

  /** What zoneinfo says of a zone, in the words that it uses. */
  private static String asRecorded(ZoneMarks m) {
    return String.format(
        "%s min %d low %d high %d promo %d managed %d protection: %s",
        m.type().procName(),
        m.min(),
        m.low(),
        m.high(),
        m.promo(),
        m.managed(),
        m.protection().toString().replace('[', '(').replace(']', ')'));
  }

  private static String lists(ZoneMarks m) {
    return String.format(
        "%s batch %d high_min %d high_max %d threshold %d",
        m.type().procName(), m.batch(), m.highMin(), m.highMax(), m.statThreshold());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1000, 1500})
  void everyZoneEqualsTheRecordedOne(int fraction) throws IOException {
    List<String> zones = new ArrayList<>();
    List<String> lists = new ArrayList<>();
    read("zoneinfo.fraction" + fraction + ".txt", zones, lists);

    Sysctls sysctls = Sysctls.of(Map.of("percpu_pagelist_high_fraction", "" + fraction));
    List<ZoneMarks> marks =
        ZoneMarks.of(ZoneMarks.X86_64, List.of(new NodeSize(0, RECORDED, 2)), sysctls);

    assertEquals(zones, marks.stream().map(WatermarksTest::asRecorded).toList());
    List<String> expected = new ArrayList<>();
    for (ZoneMarks m : marks.subList(0, 3)) {
      expected.add(lists(m));
      expected.add(lists(m));
    }
    assertEquals(lists, expected);
  }

  /** The size rule alone would give 19,873 KiB here; huge pages ask for 11 pageblocks a zone. */
  @Test
  void minFreeKbytesIsWhatTheRecordedMachineComputed() {
    List<NodeSize> nodes = List.of(new NodeSize(0, RECORDED, 2));
    assertEquals(67_584, ZoneMarks.bootMinFreeKbytes(ZoneMarks.X86_64, nodes, Sysctls.DEFAULTS));
    Sysctls never = Sysctls.of(Map.of("transparent_hugepage", "never"));
    // Computed twice, the second time for the 6,153,719 pages above the high marks of the first.
    assertEquals(19_845, ZoneMarks.bootMinFreeKbytes(ZoneMarks.X86_64, nodes, never));
  }

  /** A public sample of a large machine. */
  @Test
  void theStepIsTheScaleFactorsPartOfALargeZone() {
    long step = Watermarks.step(33_027_391, 7058, 10);
    assertEquals(40_085, 7058 + step);
    assertEquals(73_112, 7058 + 2 * step);
  }

  @Test
  void theStepIsAQuarterOfTheShareOfASmallZone() {
    assertEquals(2500, Watermarks.step(100_000, 10_000, 10));
    assertEquals(5000, Watermarks.step(100_000, 10_000, 500));
  }

  @Test
  void zonesOfUserPagesKeepASmallMinimumOfTheirOwn() {
    assertEquals(32, Watermarks.min(ZoneType.MOVABLE, 0, 0));
    assertEquals(97, Watermarks.min(ZoneType.HIGHMEM, 100_000, 777));
    assertEquals(128, Watermarks.min(ZoneType.HIGHMEM, 1_000_000, 777));
    assertEquals(777, Watermarks.min(ZoneType.NORMAL, 1_000_000, 777));
  }

  /** A 2 GiB 32-bit machine: HighMem has no part in the minimum, and protects what is below. */
  @Test
  void highMemoryOfA32BitMachine() {
    List<Long> managed = List.of(3976L, 219_000L, 290_000L, 0L);
    Sysctls sysctls = Sysctls.of(Map.of("min_free_kbytes", "3500"));
    List<ZoneMarks> marks =
        ZoneMarks.of(ZoneMarks.X86_32, List.of(new NodeSize(0, managed, 1)), sysctls);
    assertEquals(875L * 3976 / 222_976, marks.get(0).min());
    assertEquals(875L * 219_000 / 222_976, marks.get(1).min());
    assertEquals(128, marks.get(2).min());
    assertEquals(128 + Math.max(875L * 290_000 / 222_976 / 4, 290), marks.get(2).low());
    assertEquals(List.of(0L, 855L, 1988L, 1988L), marks.get(0).protection());
    assertEquals(List.of(0L, 0L, 290_000L / 32, 290_000L / 32), marks.get(1).protection());
  }

  @Test
  void aRatioOfZeroSwitchesProtectionOff() {
    Sysctls sysctls = Sysctls.of(Map.of("lowmem_reserve_ratio", "256\t0\t32\t0\t0"));
    List<ZoneMarks> marks =
        ZoneMarks.of(ZoneMarks.X86_64, List.of(new NodeSize(0, RECORDED, 2)), sysctls);
    assertEquals(List.of(0L, 0L, 0L, 0L, 0L), marks.get(1).protection());
    assertEquals(3019L, marks.get(0).protection().get(1));
  }

  /** Two nodes: lists are divided among the node's own CPUs, or all if it has none. */
  @Test
  void listsAreDividedAmongTheCpusOfTheNode() {
    List<Long> managed = List.of(0L, 0L, 8_000_000L, 0L, 0L);
    Sysctls sysctls = Sysctls.of(Map.of("min_free_kbytes", "65536"));
    List<ZoneMarks> marks =
        ZoneMarks.of(
            ZoneMarks.X86_64,
            List.of(new NodeSize(0, managed, 16), new NodeSize(1, managed, 0)),
            sysctls);
    assertEquals(8192, marks.get(2).min());
    assertEquals(16_192 / 16, marks.get(2).highMin());
    assertEquals(8_000_000 / 8 / 16, marks.get(2).highMax());
    assertEquals(16_192 / 16, marks.get(7).highMin());
  }

  @Test
  void batchesAreOneLessThanAPowerOfTwo() {
    assertEquals(1, Watermarks.batch(3840));
    assertEquals(1, Watermarks.batch(0));
    assertEquals(15, Watermarks.batch(60_000));
    assertEquals(31, Watermarks.batch(130_000));
    assertEquals(63, Watermarks.batch(1L << 40));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "watermark_scale_factor=0",
        "watermark_scale_factor=3001",
        "percpu_pagelist_high_fraction=7",
        "min_free_kbytes=-5",
        "min_free_kbytes=12Q",
        "defrag_mode=2",
        "lowmem_reserve_ratio=256 x"
      })
  void wrongValuesSayWhatIsAllowed(String setting) {
    String[] parts = setting.split("=", 2);
    var error = assertThrows(InputException.class, () -> Sysctls.of(Map.of(parts[0], parts[1])));
    assertEquals("vm." + parts[0], error.where());
  }

  private static void read(String name, List<String> zones, List<String> lists) throws IOException {
    try (InputStream in = WatermarksTest.class.getResourceAsStream(name)) {
      String text = new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
      String zone = "";
      String line = "";
      String list = "";
      for (String raw : text.lines().toList()) {
        String[] words = raw.strip().split("\\s+", 2);
        switch (words[0]) {
          case "Node" -> {
            zone = words[1].substring(words[1].lastIndexOf(' ') + 1);
            line = zone;
          }
          case "min", "low", "high", "promo", "managed" -> line += " " + words[0] + " " + words[1];
          case "protection:" -> zones.add(line + " " + raw.strip());
          case "batch:" -> list = zone + " batch " + words[1];
          case "high_min:" -> list += " high_min " + words[1];
          case "high_max:" -> list += " high_max " + words[1];
          case "vm" -> lists.add(list + " threshold " + raw.substring(raw.lastIndexOf(' ') + 1));
          default -> {}
        }
      }
    }
  }
}
