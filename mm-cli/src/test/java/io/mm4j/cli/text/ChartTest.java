// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ChartTest {
  @Test
  void sparkGoesFromTheLowestGlyphToTheHighest() {
    double[] ramp = {0, 1, 2, 3, 4, 5, 6, 7};
    assertEquals("▁▂▃▄▅▆▇█", Chart.spark(ramp, 8, 0, 8, true));
    assertEquals("__.-=*##", Chart.spark(ramp, 8, 0, 7, false));
    assertEquals("▁▁▁", Chart.spark(ramp, 3, 5, 5, true));
  }

  @Test
  void areaHasTheScaleAtTheLeft() {
    assertEquals(
        List.of(" 1.00 |    .###", "      |   .####", " 0.00 |_.######"),
        Chart.area(new double[] {0, 0.17, 0.34, 0.5, 0.75, 1, 1, 1}, 8, 3, 0, 1, false));
  }

  @Test
  void samplesAreTheMeansOfTheirSlices() {
    assertArrayEquals(new double[] {1.5, 3.5}, Chart.resample(new double[] {1, 2, 3, 4}, 2));
    assertArrayEquals(new double[] {1, 1, 2, 2}, Chart.resample(new double[] {1, 2}, 4));
    assertArrayEquals(new double[] {0, 0}, Chart.resample(new double[0], 2));
  }

  @Test
  void namedLinesShareOneScaleAndStandUnderEachOther() {
    Map<String, double[]> series = new LinkedHashMap<>();
    series.put("flat", new double[] {0.2, 0.2});
    series.put("a-rather-long-name", new double[] {0.1, 0.4});
    series.put("empty", new double[0]);
    List<String> lines = Chart.sparks(series, 60, false);
    assertEquals(2, lines.size());
    assertEquals(lines.get(0).length(), lines.get(1).length());
    assertTrue(lines.get(0).startsWith("  flat               0.200 "), lines.get(0));
    assertTrue(lines.get(1).endsWith("# 0.400"), lines.get(1));
  }
}
