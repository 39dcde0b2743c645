// SPDX-License-Identifier: Apache-2.0

package io.mm4j.house;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The function graph names methods and types of other modules, which it cannot see. */
class KernelNamesTest {
  private static final Pattern NAME = Pattern.compile("\"([A-Z][A-Za-z]+(?:\\.[a-z][A-Za-z]*)?)\"");

  @Test
  void everyMethodAndTypeThatTheGraphNamesIsThere() throws IOException {
    Set<String> there = new HashSet<>();
    for (JavaClass type : Modules.ALL) {
      there.add(type.getSimpleName());
      type.getMethods().forEach(m -> there.add(type.getSimpleName() + "." + m.getName()));
    }
    String source =
        Files.readString(Path.of("../mm-trace/src/main/java/io/mm4j/trace/KernelNames.java"));
    List<String> names = NAME.matcher(source).results().map(KernelNamesTest::name).toList();
    assertTrue(names.size() > 90, () -> "names=" + names.size());
    assertEquals(List.of(), names.stream().filter(name -> !there.contains(name)).toList());
  }

  private static String name(MatchResult found) {
    return found.group(1);
  }
}
