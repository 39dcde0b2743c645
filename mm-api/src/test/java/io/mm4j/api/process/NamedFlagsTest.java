// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** {@code Prot.READ} and its like are all of the user's numbers, and each is the kernel's. */
class NamedFlagsTest {
  /** Of the numbers that go to one argument, what is a mask or a shift and no choice. */
  private static final Set<String> NO_CHOICE = Set.of("MAP_TYPE", "MAP_HUGE_SHIFT");

  private static Map<String, Long> constants(Class<?> type, String prefix)
      throws IllegalAccessException {
    Map<String, Long> found = new TreeMap<>();
    for (Field field : type.getFields()) {
      String name = field.getName();
      if (type != Uapi.class) {
        found.put(prefix + (name.equals("LOW_2G") ? "32BIT" : name), field.getLong(null));
      } else if (name.startsWith(prefix) && !NO_CHOICE.contains(name)) {
        found.put(name, field.getLong(null));
      }
    }
    return found;
  }

  @Test
  void eachNameStandsForTheNumberOfTheKernel() throws IllegalAccessException {
    Map<Class<?>, String> prefixes =
        Map.of(
            Prot.class,
            "PROT_",
            MapFlag.class,
            "MAP_",
            Mremap.class,
            "MREMAP_",
            Advice.class,
            "MADV_");
    for (Map.Entry<Class<?>, String> type : prefixes.entrySet()) {
      Map<String, Long> expected = constants(Uapi.class, type.getValue());
      assertTrue(expected.size() >= 3, expected::toString);
      assertEquals(expected, constants(type.getKey(), type.getValue()));
    }
  }

  @Test
  void someNumbersAreWritten() {
    assertEquals(3, Prot.READ | Prot.WRITE);
    assertEquals(0x22, MapFlag.PRIVATE | MapFlag.ANONYMOUS);
    assertEquals(0x40, MapFlag.LOW_2G);
    assertEquals(1, Mremap.MAYMOVE);
    assertEquals(4, Advice.DONTNEED);
  }
}
