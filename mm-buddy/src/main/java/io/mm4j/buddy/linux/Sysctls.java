// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Sizes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The {@code vm.*} values that the page allocator reads, with Linux 6.18's defaults.
 *
 * @param minFreeKbytes what shall stay free in all, in KiB, or -1 to compute it as boot does
 * @param watermarkScaleFactor distance between the watermarks, in 1/10000 of a zone
 * @param watermarkBoostFactor largest boost after a fragmentation event, in 1/10000 of the high
 *     watermark; 0 switches boosting off
 * @param highFraction {@code percpu_pagelist_high_fraction}: 0, or a per-cpu list's share of a zone
 * @param defragMode whether types are never mixed before reclaim and compaction have been tried
 * @param hugePages whether transparent huge pages are enabled, which raises what stays free
 * @param reserveRatios {@code lowmem_reserve_ratio}, one for each kind of zone, lowest first; empty
 *     for the defaults
 * @param recorded watermarks that a report shows, instead of those worked out
 */
record Sysctls(
    long minFreeKbytes,
    int watermarkScaleFactor,
    int watermarkBoostFactor,
    int highFraction,
    boolean defragMode,
    boolean hugePages,
    List<Integer> reserveRatios,
    RecordedMarks recorded) {
  Sysctls {
    reserveRatios = List.copyOf(reserveRatios);
  }

  static final Sysctls DEFAULTS = of(Map.of());

  /**
   * Reads the values that are given, by name without {@code vm.}; unknown names are other floors'.
   *
   * @throws InputException for a value outside what the kernel allows
   */
  static Sysctls of(Map<String, String> given) {
    return new Sysctls(
        given.containsKey("min_free_kbytes")
            ? number(given, "min_free_kbytes", 0, 0, Integer.MAX_VALUE)
            : -1,
        (int) number(given, "watermark_scale_factor", 10, 1, 3000),
        (int) number(given, "watermark_boost_factor", 15000, 0, Integer.MAX_VALUE),
        highFraction(given),
        number(given, "defrag_mode", 0, 0, 1) == 1,
        !"never".equals(given.get("transparent_hugepage")),
        ratios(given.get("lowmem_reserve_ratio")),
        RecordedMarks.of(given));
  }

  private static int highFraction(Map<String, String> given) {
    long value = number(given, "percpu_pagelist_high_fraction", 0, 0, Integer.MAX_VALUE);
    if (value != 0 && value < Watermarks.MIN_HIGH_FRACTION) {
      throw new InputException(
          "percpu_pagelist_high_fraction=" + value,
          "vm.percpu_pagelist_high_fraction",
          "0, or at least " + Watermarks.MIN_HIGH_FRACTION);
    }
    return (int) value;
  }

  private static long number(
      Map<String, String> given, String name, long byDefault, long least, long most) {
    String text = given.get(name);
    if (text == null) {
      return byDefault;
    }
    long value = Sizes.parseNumber(text.strip(), "vm." + name);
    if (value < least || value > most) {
      throw new InputException(name + "=" + value, "vm." + name, least + " to " + most);
    }
    return value;
  }

  private static List<Integer> ratios(@Nullable String text) {
    if (text == null || text.isBlank()) {
      return List.of();
    }
    String[] parts = text.strip().split("[\\s,]+", -1);
    List<Integer> ratios = new ArrayList<>();
    for (String part : parts) {
      long value = Sizes.parseNumber(part, "vm.lowmem_reserve_ratio");
      if (value < 0 || value > Integer.MAX_VALUE) {
        throw new InputException(
            "lowmem_reserve_ratio=" + value, "vm.lowmem_reserve_ratio", "0 to 2147483647 each");
      }
      ratios.add((int) value);
    }
    return ratios;
  }
}
