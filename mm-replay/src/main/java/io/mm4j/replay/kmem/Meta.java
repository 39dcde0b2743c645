// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What a recording says about itself: {@code meta.txt}, lines {@code key=value}. May be absent. */
final class Meta {
  private final Map<String, String> values = new HashMap<>();

  private Meta() {}

  static Meta read(KmemSource source) {
    Meta meta = new Meta();
    List<String> lines = source.lines("meta.txt");
    for (String line : lines == null ? List.<String>of() : lines) {
      int eq = line.indexOf('=');
      if (eq > 0) {
        meta.values.putIfAbsent(line.substring(0, eq), line.substring(eq + 1));
      }
    }
    return meta;
  }

  /** The value, or an empty text. */
  String get(String key) {
    return values.getOrDefault(key, "");
  }
}
