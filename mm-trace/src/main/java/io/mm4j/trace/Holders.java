// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Who holds how much, by what it is and by the stack that allocated it. */
final class Holders {
  private static final int FRAMES = 16;

  /** What was held by one stack: how much, and in how many pieces. */
  private record Held(String kind, String stack) {}

  private final Map<Held, long[]> sums = new LinkedHashMap<>();

  /**
   * One more piece.
   *
   * @param kind what comes behind the numbers, with %d for the amount and for the pieces
   */
  void add(String kind, String stack, long amount) {
    long[] sum = sums.computeIfAbsent(new Held(kind, stack), held -> new long[2]);
    sum[0] += amount;
    sum[1]++;
  }

  /** In words, the most first. */
  List<String> most() {
    List<Map.Entry<Held, long[]>> sorted = new ArrayList<>(sums.entrySet());
    sorted.sort((a, b) -> Long.compare(b.getValue()[0], a.getValue()[0]));
    return sorted.stream()
        .map(
            e ->
                String.format(e.getKey().kind, e.getValue()[0], e.getValue()[1])
                    + ", allocated at\n"
                    + e.getKey().stack)
        .toList();
  }

  /** Who calls, without the wrappers. */
  static String stack() {
    return Arrays.stream(new Throwable().getStackTrace())
        .filter(f -> !f.getClassName().startsWith("io.mm4j.trace."))
        .filter(f -> !f.getClassName().startsWith("java."))
        .filter(f -> !f.getClassName().startsWith("jdk."))
        .limit(FRAMES)
        .map(f -> "   " + f)
        .collect(Collectors.joining("\n"));
  }
}
