// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.text;

import java.util.Collection;
import java.util.Iterator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes trees of maps, collections, text, numbers, truth values and null as JSON (RFC 8259), in
 * the order in which the collections iterate. Collections of plain values stand on one line.
 */
public final class Json {
  private static final String INDENT = "  ";

  private final StringBuilder out = new StringBuilder();

  private Json() {}

  /**
   * The text of a value, without a line end.
   *
   * @throws IllegalArgumentException for a type that JSON has no form for, or a number that is
   *     infinite or none
   */
  public static String write(@Nullable Object value) {
    Json json = new Json();
    json.value(value, "");
    return json.out.toString();
  }

  private void value(@Nullable Object value, String indent) {
    switch (value) {
      case null -> out.append("null");
      case Map<?, ?> map -> object(map, indent);
      case Collection<?> list -> array(list, indent);
      case CharSequence text -> string(text);
      case Boolean truth -> out.append(truth.booleanValue());
      case Double number -> number(number);
      case Integer number -> out.append(number.intValue());
      case Long number -> out.append(number.longValue());
      default ->
          throw new IllegalArgumentException(
              "JSON has no form for type=" + value.getClass().getName());
    }
  }

  private void number(double number) {
    if (Double.isNaN(number) || Double.isInfinite(number)) {
      throw new IllegalArgumentException("JSON has no form for number=" + number);
    }
    out.append(number);
  }

  private void object(Map<?, ?> map, String indent) {
    if (map.isEmpty()) {
      out.append("{}");
      return;
    }
    String inner = indent + INDENT;
    String separator = "{\n";
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      out.append(separator).append(inner);
      string(String.valueOf(entry.getKey()));
      out.append(": ");
      value(entry.getValue(), inner);
      separator = ",\n";
    }
    out.append('\n').append(indent).append('}');
  }

  private void array(Collection<?> list, String indent) {
    boolean plain = list.stream().noneMatch(v -> v instanceof Map || v instanceof Collection);
    String inner = indent + INDENT;
    out.append('[');
    for (Iterator<?> values = list.iterator(); values.hasNext(); ) {
      if (!plain) {
        out.append('\n').append(inner);
      }
      value(values.next(), inner);
      if (values.hasNext()) {
        out.append(plain ? ", " : ",");
      }
    }
    if (!plain) {
      out.append('\n').append(indent);
    }
    out.append(']');
  }

  private void string(CharSequence text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (c < 0x20 || c > 0x7e) {
            out.append(String.format("\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
