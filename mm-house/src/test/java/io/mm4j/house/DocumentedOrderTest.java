// SPDX-License-Identifier: Apache-2.0

package io.mm4j.house;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.LockClass;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** docs/architecture.md says the order of locks once, as the code has it. */
class DocumentedOrderTest {
  @Test
  void locks() throws IOException {
    String order =
        Arrays.stream(LockClass.values()).map(Enum::name).collect(Collectors.joining(", "));
    long lines =
        Files.readAllLines(Path.of("../docs/architecture.md")).stream()
            .filter(line -> line.strip().equals(order))
            .count();
    assertEquals(1, lines, order);
  }
}
