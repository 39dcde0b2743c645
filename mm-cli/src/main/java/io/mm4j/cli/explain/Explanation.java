// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One operation that was done, with its reasons.
 *
 * @param call the operation with its arguments, as people read it
 * @param arguments the same as data, by name
 * @param steps each decision in order
 * @param result what it came to: {@code 0x7ffff7c00000}, {@code -1 ENOMEM (...)}, {@code pfn 7}
 * @param errno the error's name, or null
 * @param changes what is different afterwards
 */
public record Explanation(
    String call,
    Map<String, String> arguments,
    List<Step> steps,
    String result,
    @Nullable String errno,
    List<Change> changes) {
  /**
   * One decision.
   *
   * @param topic the rule that decided, one word
   * @param text the reason
   */
  public record Step(String topic, String text) {}

  /**
   * A part of the state that changed.
   *
   * @param what which part: {@code maps}, {@code mm_struct}, {@code free blocks}
   * @param key the same for JSON
   * @param removed lines as they were
   * @param added lines as they are now
   */
  public record Change(String what, String key, List<String> removed, List<String> added) {
    /** Copies the lists. */
    public Change {
      removed = List.copyOf(removed);
      added = List.copyOf(added);
    }
  }

  /** Characters of a line of text. */
  private static final int LINE = 100;

  /** Copies the collections. */
  public Explanation {
    arguments = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(arguments));
    steps = List.copyOf(steps);
    changes = List.copyOf(changes);
  }

  /** As text: the operation, its steps, {@code = RESULT}, the differences. */
  public String toText() {
    StringBuilder out = new StringBuilder(call).append('\n');
    int width = steps.stream().mapToInt(s -> s.topic().length()).max().orElse(0);
    for (Step step : steps) {
      String topic = step.topic() + " ".repeat(width - step.topic().length());
      wrap(out, "  " + topic + "  ", step.text());
    }
    out.append("  = ").append(result).append('\n');
    for (Change change : changes) {
      out.append("  ").append(change.what()).append('\n');
      change
          .removed()
          .forEach(line -> out.append("  - ").append(line.stripTrailing()).append('\n'));
      change.added().forEach(line -> out.append("  + ").append(line.stripTrailing()).append('\n'));
    }
    return out.toString();
  }

  /** A reason, broken between words; what follows the first line stands under its text. */
  private static void wrap(StringBuilder out, String head, String text) {
    int room = LINE - head.length();
    String begin = head;
    String rest = text;
    while (rest.length() > room) {
      int space = rest.lastIndexOf(' ', room);
      if (space <= 0) {
        break;
      }
      out.append(begin).append(rest, 0, space).append('\n');
      rest = rest.substring(space + 1);
      begin = " ".repeat(head.length());
    }
    out.append(begin).append(rest).append('\n');
  }

  /** As a tree for JSON. */
  public Map<String, @Nullable Object> toMap() {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    map.put("call", call);
    map.put("arguments", arguments);
    List<Map<String, Object>> list = new ArrayList<>();
    for (Step step : steps) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("topic", step.topic());
      one.put("reason", step.text());
      list.add(one);
    }
    map.put("steps", list);
    map.put("result", result);
    map.put("errno", errno);
    for (Change change : changes) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("removed", change.removed());
      one.put("added", change.added());
      map.put(change.key(), one);
    }
    return map;
  }
}
