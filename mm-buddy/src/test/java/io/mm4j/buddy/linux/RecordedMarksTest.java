// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.buddy.linux.ZoneMarks.NodeSize;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RecordedMarksTest {
  private static final String TEXT = "1000;10;;0 Normal 100 130 160;0 DMA32 7 8 9 0 0 55 55 55";
  private static final List<NodeSize> NODES =
      List.of(new NodeSize(0, List.of(0L, 700_000L, 200_000L, 0L, 0L), 2));

  private static ZoneMarks marks(ZoneType type, Map<String, String> given) {
    return ZoneMarks.of(ZoneMarks.X86_64, NODES, Sysctls.of(given)).stream()
        .filter(marks -> marks.type() == type)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void theyCountAsLongAsTheirSysctlsStand() {
    Map<String, String> given =
        Map.of(
            "min_free_kbytes", "1000", "watermark_scale_factor", "10", "recorded_watermarks", TEXT);
    ZoneMarks normal = marks(ZoneType.NORMAL, given);
    assertEquals(100, normal.min());
    assertEquals(130, normal.low());
    assertEquals(160, normal.high());
    assertEquals(190, normal.promo());
    assertEquals(List.of(0L, 0L, 55L, 55L, 55L), marks(ZoneType.DMA32, given).protection());
    ZoneMarks changed =
        marks(
            ZoneType.NORMAL,
            Map.of(
                "min_free_kbytes",
                "2000",
                "watermark_scale_factor",
                "10",
                "recorded_watermarks",
                TEXT));
    assertEquals(500 * 200_000L / 900_000, changed.min());
  }

  @Test
  void whatIsNoneIsRefused() {
    for (String wrong : List.of("1;2", ";;;0 Nowhere 1 2 3", ";;;0 DMA 1 2", ";;;0 DMA 1 2 x")) {
      assertThrows(
          InputException.class, () -> Sysctls.of(Map.of("recorded_watermarks", wrong)), wrong);
    }
  }
}
