// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.plugin.Sizes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Watermarks and reserves as a report of a kernel shows them, to the page. They count as long as
 * the {@code vm.*} that they were recorded with stand; who sets another one wants them worked out
 * anew.
 *
 * @param zones what is recorded, any order
 */
record RecordedMarks(List<Marks> zones) {
  /** Nothing is recorded. */
  static final RecordedMarks NONE = new RecordedMarks(List.of());

  /** What a value may depend on. */
  private static final List<String> BASIS =
      List.of("min_free_kbytes", "watermark_scale_factor", "lowmem_reserve_ratio");

  private static final String WHERE = "vm.recorded_watermarks";

  /**
   * One zone, in pages.
   *
   * @param protection one for each kind of zone; empty to have it worked out
   */
  record Marks(int node, ZoneType type, long min, long low, long high, List<Long> protection) {}

  /**
   * Reads {@code MIN_FREE;SCALE;RATIOS;NODE ZONE MIN LOW HIGH PROTECTION...;...}; the first three
   * are the {@code vm.*} that go with them, empty for none.
   */
  static RecordedMarks of(Map<String, String> given) {
    String text = given.get("recorded_watermarks");
    if (text == null || text.isBlank()) {
      return NONE;
    }
    String[] parts = text.split(";", -1);
    if (parts.length < BASIS.size()) {
      throw wrong(text);
    }
    for (int i = 0; i < BASIS.size(); i++) {
      if (!parts[i].equals(given.getOrDefault(BASIS.get(i), ""))) {
        return NONE;
      }
    }
    List<Marks> zones = new ArrayList<>();
    for (int i = BASIS.size(); i < parts.length; i++) {
      String[] words = parts[i].strip().split(" +", -1);
      ZoneType type = words.length < 5 ? null : ZoneType.ofProcName(words[1]);
      if (type == null) {
        throw wrong(parts[i]);
      }
      List<Long> numbers = new ArrayList<>();
      for (int w = 2; w < words.length; w++) {
        numbers.add(Sizes.parseNumber(words[w], WHERE));
      }
      zones.add(
          new Marks(
              (int) Sizes.parseNumber(words[0], WHERE),
              type,
              numbers.get(0),
              numbers.get(1),
              numbers.get(2),
              numbers.subList(3, numbers.size())));
    }
    return new RecordedMarks(zones);
  }

  private static InputException wrong(String text) {
    return new InputException(
        "'" + text + "' are no watermarks", WHERE, "NODE ZONE MIN LOW HIGH PROTECTION...");
  }

  /** What is recorded of a zone, or null. */
  @Nullable Marks find(int node, ZoneType type) {
    for (Marks marks : zones) {
      if (marks.node() == node && marks.type() == type) {
        return marks;
      }
    }
    return null;
  }
}
