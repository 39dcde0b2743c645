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
   * @param times how often it was taken, one after the other
   */
  public record Step(String topic, String text, int times) {
    /** A decision that was taken once. */
    public Step(String topic, String text) {
      this(topic, text, 1);
    }

    /** Whether it is this decision. */
    boolean is(String otherTopic, String otherText) {
      return topic.equals(otherTopic) && text.equals(otherText);
    }

    /** The same once more. */
    Step again() {
      return new Step(topic, text, times + 1);
    }

    /** The reason, and how often. */
    String shown() {
      return times == 1 ? text : text + " (" + times + " times)";
    }
  }

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

  /** Characters of a line of text, unless somebody says otherwise. */
  public static final int LINE = 100;

  /** The longest row of steps that is recognized when it comes again. */
  private static final int MOST_ROW = 64;

  /** Copies the collections. */
  public Explanation {
    arguments = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(arguments));
    steps = folded(steps);
    changes = List.copyOf(changes);
  }

  /** The same with more reasons at the end. */
  public Explanation because(List<String> reasons) {
    List<Step> all = new ArrayList<>(steps);
    reasons.forEach(reason -> all.add(new Step("why", reason)));
    return new Explanation(call, arguments, all, result, errno, changes);
  }

  private static List<Step> folded(List<Step> steps) {
    List<Step> list = new ArrayList<>();
    for (Step step : steps) {
      if (!list.isEmpty() && step.times() == 1 && list.getLast().is(step.topic(), step.text())) {
        list.set(list.size() - 1, list.getLast().again());
      } else {
        list.add(step);
      }
    }
    return List.copyOf(rowsFolded(list));
  }

  /** Rows of steps that come twice, one behind the other, are told once. */
  private static List<Step> rowsFolded(List<Step> steps) {
    List<Step> list = new ArrayList<>();
    int at = 0;
    while (at < steps.size()) {
      int length = 0;
      for (int k = 2; k <= MOST_ROW && length == 0; k++) {
        boolean again = list.size() >= k && at + k <= steps.size();
        for (int i = 0; again && i < k; i++) {
          again = list.get(list.size() - k + i).equals(steps.get(at + i));
        }
        length = again ? k : 0;
      }
      if (length > 0) {
        list.add(
            new Step("again", "the last " + length + " steps once more, with the same outcome"));
        at += length;
      } else {
        list.add(steps.get(at++));
      }
    }
    return list;
  }

  /**
   * As text: the operation, its steps, {@code = RESULT}, the differences.
   *
   * @param columns how wide lines may be
   */
  public String toText(int columns) {
    StringBuilder out = new StringBuilder(call).append('\n');
    int width = steps.stream().mapToInt(s -> s.topic().length()).max().orElse(0);
    for (Step step : steps) {
      String topic = step.topic() + " ".repeat(width - step.topic().length());
      wrap(out, "  " + topic + "  ", step.shown(), columns);
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
  private static void wrap(StringBuilder out, String head, String text, int columns) {
    int room = Math.max(20, columns - head.length());
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

  /** As Markdown: a heading, a list of steps, the result, and the differences as a diff. */
  public String toMarkdown(String number) {
    StringBuilder out = new StringBuilder("### ").append(number).append('`').append(call);
    out.append("`\n\n");
    for (int i = 0; i < steps.size(); i++) {
      Step step = steps.get(i);
      out.append(i + 1).append(". **").append(step.topic()).append("**: ");
      out.append(marked(step.shown())).append('\n');
    }
    out.append(steps.isEmpty() ? "" : "\n").append("Result: `").append(result).append("`\n");
    for (Change change : changes) {
      out.append('\n').append(change.what()).append(":\n\n```diff\n");
      change.removed().forEach(line -> out.append("- ").append(line.stripTrailing()).append('\n'));
      change.added().forEach(line -> out.append("+ ").append(line.stripTrailing()).append('\n'));
      out.append("```\n");
    }
    return out.toString();
  }

  private static String marked(String text) {
    return text.replaceAll("([\\\\`*<|]|__)", "\\\\$1");
  }

  /** As a part of an HTML page. */
  public String toHtml(String number) {
    StringBuilder out = new StringBuilder("<section>\n<h3>").append(escaped(number));
    out.append("<code>").append(escaped(call)).append("</code></h3>\n<ol>\n");
    for (Step step : steps) {
      out.append("<li><b>").append(escaped(step.topic())).append("</b>: ");
      out.append(escaped(step.shown())).append("</li>\n");
    }
    out.append("</ol>\n<p>Result: <code>").append(escaped(result)).append("</code></p>\n");
    for (Change change : changes) {
      out.append("<p>").append(escaped(change.what())).append("</p>\n<pre>");
      for (String line : change.removed()) {
        out.append("<del>- ").append(escaped(line.stripTrailing())).append("</del>\n");
      }
      for (String line : change.added()) {
        out.append("<ins>+ ").append(escaped(line.stripTrailing())).append("</ins>\n");
      }
      out.append("</pre>\n");
    }
    return out.append("</section>\n").toString();
  }

  /** Text within HTML. */
  public static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
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
      if (step.times() > 1) {
        one.put("times", step.times());
      }
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
