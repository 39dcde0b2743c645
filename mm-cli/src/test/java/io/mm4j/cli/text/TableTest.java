// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class TableTest {
  private static Table sample() {
    Table table =
        new Table(
            List.of(
                Table.column("name", "NAME"),
                Table.column("pages", "PAGES"),
                Table.timing("ns_per_op", "NS/OP")));
    table.add("buddy", 1234L, 17.25);
    table.add("a,\"b\"", null, 3.0);
    return table;
  }

  @Test
  void textAlignsNumbersRight() {
    assertEquals(
        """
          NAME   PAGES   NS/OP
          buddy  1,234  17.250
          a,"b"      -   3.000
        """,
        sample().toText("  "));
  }

  @Test
  void csvQuotesAndNamesTheTimingColumn() {
    assertEquals(
        """
        name,pages,timing
        buddy,1234,17.25
        "a,""b""\",,3.0
        """,
        sample().toCsv());
  }

  @Test
  void timingStandsInItsOwnObjectAndCanBeLeftOut() {
    assertEquals(
        "[{name=buddy, pages=1234, timing={ns_per_op=17.25}},"
            + " {name=a,\"b\", pages=null, timing={ns_per_op=3.0}}]",
        sample().toMaps().toString());
    assertFalse(sample().withoutTiming().toCsv().contains("timing"));
    assertFalse(sample().withoutTiming().toMaps().toString().contains("timing"));
  }

  @Test
  void aRowHasAValueForEachColumn() {
    assertThrows(IllegalArgumentException.class, () -> sample().add("short"));
  }
}
