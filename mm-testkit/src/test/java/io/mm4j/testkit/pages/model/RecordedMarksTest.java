// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.memory.ZoneType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@link Marks} gives the numbers that a real machine showed, by three settings. */
class RecordedMarksTest {
  /** One zone of the recording. */
  private static final class Recorded {
    final ZoneType type;
    final List<String> lines = new ArrayList<>();

    Recorded(ZoneType type) {
      this.type = type;
    }

    long value(String name) {
      return lines.stream()
          .filter(l -> l.startsWith(name))
          .mapToLong(l -> Long.parseLong(l.substring(name.length()).strip()))
          .findFirst()
          .orElseThrow();
    }

    List<Long> protection() {
      String line = lines.stream().filter(l -> l.startsWith("prot")).findFirst().orElseThrow();
      String inner = line.substring(line.indexOf('(') + 1, line.indexOf(')'));
      return Arrays.stream(inner.split(", ", -1)).map(Long::valueOf).toList();
    }
  }

  @ParameterizedTest
  @CsvSource({"frag_pipe,0", "frag_mix,1000", "frag_sock,1500"})
  void zoneinfo(String recording, int fraction) throws IOException {
    List<Recorded> zones = read(recording);
    List<Marks.Size> sizes =
        zones.stream()
            .filter(z -> z.value("spanned ") > 0)
            .map(z -> new Marks.Size(0, z.type, z.value("managed ")))
            .toList();
    Marks marks =
        new Marks(
            new Marks.Plan(
                Marks.KINDS_64,
                sizes,
                List.of(2),
                -1,
                true,
                10,
                List.of(256, 256, 32, 0, 0),
                fraction));
    assertEquals(67584, marks.minFreeKbytes());
    for (Recorded zone : zones) {
      Marks.Numbers n = marks.of(new Marks.Size(0, zone.type, zone.value("managed ")));
      assertEquals(zone.value("min "), n.min());
      assertEquals(zone.value("low "), n.low());
      assertEquals(zone.value("high "), n.high());
      assertEquals(zone.value("promo "), n.promo());
      assertEquals(zone.protection(), n.protection());
      if (zone.value("spanned ") > 0) {
        assertEquals(zone.value("batch:"), n.batch());
        assertEquals(zone.value("high_min:"), n.highMin());
        assertEquals(zone.value("high_max:"), n.highMax());
        assertEquals(zone.value("vm stats threshold:"), n.statThreshold());
      }
    }
  }

  private static List<Recorded> read(String recording) throws IOException {
    String path = "/zoneinfo/" + recording + ".txt";
    List<Recorded> zones = new ArrayList<>();
    try (InputStream in = RecordedMarksTest.class.getResourceAsStream(path)) {
      String text =
          new String(Objects.requireNonNull(in, path).readAllBytes(), StandardCharsets.UTF_8);
      for (String line : text.lines().toList()) {
        if (line.startsWith("Node")) {
          String name = line.substring(line.lastIndexOf(' ') + 1);
          zones.add(new Recorded(Objects.requireNonNull(ZoneType.ofProcName(name), name)));
        } else {
          zones.getLast().lines.add(line.strip());
        }
      }
    }
    return zones;
  }
}
