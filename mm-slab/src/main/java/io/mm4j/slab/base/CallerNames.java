// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Numbers of methods that called an allocator, as objects have room for a number only. */
public final class CallerNames {
  private static final List<String> OURS =
      List.of(
          "io.mm4j.slab.slub.", "io.mm4j.slab.bonwick.", "io.mm4j.slab.base.", "io.mm4j.api.slab.");

  private final Map<String, Integer> numbers = new HashMap<>();
  private final List<String> names = new ArrayList<>(List.of(""));

  /** {@code _RET_IP_}: the number of the first method on the stack that is not an allocator's. */
  public int numberOfCaller() {
    String caller =
        StackWalker.getInstance()
            .walk(
                frames ->
                    frames
                        .filter(f -> OURS.stream().noneMatch(f.getClassName()::startsWith))
                        .findFirst()
                        .map(
                            f -> {
                              String name = f.getClassName();
                              String simple = name.substring(name.lastIndexOf('.') + 1);
                              return simple + "." + f.getMethodName() + ":" + f.getLineNumber();
                            })
                        .orElse("unknown"));
    synchronized (names) {
      return numbers.computeIfAbsent(
          caller,
          c -> {
            names.add(c);
            return names.size() - 1;
          });
    }
  }

  /** The method with a number, or null. */
  public @Nullable String name(long number) {
    synchronized (names) {
      return number <= 0 || number >= names.size() ? null : names.get((int) number);
    }
  }
}
