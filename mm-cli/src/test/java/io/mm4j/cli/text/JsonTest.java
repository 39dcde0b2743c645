// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class JsonTest {
  @Test
  void emptyCollectionsStandOnOneLine() {
    assertEquals("[]", Json.write(List.of()));
    assertEquals("{}", Json.write(Map.of()));
  }

  @Test
  void plainListsStandOnOneLineAndOthersDoNot() {
    assertEquals("[1, 2]", Json.write(List.of(1, 2L)));
    assertEquals(
        "[\n  [1],\n  {\n    \"a\": 2\n  }\n]", Json.write(List.of(List.of(1), Map.of("a", 2))));
  }

  @Test
  void textIsEscaped() {
    assertEquals("\"\\\"\\\\\\n\\t\\r\\u0001\\u00e9\"", Json.write("\"\\\n\t\r\u0001é"));
  }

  @Test
  void numbersWithoutAFormAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> Json.write(Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> Json.write(Double.POSITIVE_INFINITY));
    assertThrows(IllegalArgumentException.class, () -> Json.write(new Object()));
  }

  @Test
  void whatIsWrittenIsReadBack() {
    for (int seed = 0; seed < 500; seed++) {
      Object value = tree(new Random(seed), 4);
      assertEquals(value, JsonReader.read(Json.write(value)), "seed=" + seed);
    }
  }

  private static @Nullable Object tree(Random random, int depth) {
    return switch (random.nextInt(depth == 0 ? 5 : 7)) {
      case 0 -> null;
      case 1 -> random.nextBoolean();
      case 2 -> random.nextLong();
      case 3 -> random.nextGaussian() * Math.pow(10, random.nextInt(-20, 20));
      case 4 -> text(random);
      case 5 -> {
        List<@Nullable Object> list = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
          list.add(tree(random, depth - 1));
        }
        yield list;
      }
      default -> {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        for (int i = random.nextInt(4); i > 0; i--) {
          map.put("k" + random.nextInt(), tree(random, depth - 1));
        }
        yield map;
      }
    };
  }

  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(8); i > 0; i--) {
      text.append((char) random.nextInt(random.nextBoolean() ? 0x80 : 0x1_0000));
    }
    return text.toString();
  }
}
