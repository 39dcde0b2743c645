// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.text;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Rows under named columns, to be printed as text, CSV or JSON from the same values. Columns that
 * were measured in real time are one JSON object or one CSV column named {@code timing}, which
 * {@link #withoutTiming} leaves out.
 */
public final class Table {
  /** The name under which everything measured in real time stands. */
  public static final String TIMING = "timing";

  /**
   * A column.
   *
   * @param key its name in JSON and CSV
   * @param header its name in text
   * @param timing whether it was measured in real time
   */
  public record Column(String key, String header, boolean timing) {}

  private final List<Column> columns;
  private final List<List<@Nullable Object>> rows = new ArrayList<>();

  /** A table without rows. */
  public Table(List<Column> columns) {
    this.columns = List.copyOf(columns);
  }

  /** A column of data. */
  public static Column column(String key, String header) {
    return new Column(key, header, false);
  }

  /** A column that was measured in real time. */
  public static Column timing(String key, String header) {
    return new Column(key, header, true);
  }

  /** Adds a row: text, numbers, truth values or null, one for each column. */
  public void add(@Nullable Object... values) {
    if (values.length != columns.size()) {
      throw new IllegalArgumentException("values=" + values.length + " columns=" + columns.size());
    }
    List<@Nullable Object> row = new ArrayList<>();
    Collections.addAll(row, values);
    rows.add(row);
  }

  /** This table, without its timing columns unless they are wanted. */
  public Table shown(boolean timing) {
    return timing ? this : withoutTiming();
  }

  /** This table without its timing columns. */
  public Table withoutTiming() {
    Table table = new Table(columns.stream().filter(c -> !c.timing()).toList());
    for (List<@Nullable Object> row : rows) {
      List<@Nullable Object> kept = new ArrayList<>();
      for (int i = 0; i < columns.size(); i++) {
        if (!columns.get(i).timing()) {
          kept.add(row.get(i));
        }
      }
      table.rows.add(kept);
    }
    return table;
  }

  /** One map for each row, for {@link Json}; timing values stand in a map of their own. */
  public List<Map<String, @Nullable Object>> toMaps() {
    List<Map<String, @Nullable Object>> maps = new ArrayList<>();
    for (List<@Nullable Object> row : rows) {
      Map<String, @Nullable Object> map = new LinkedHashMap<>();
      Map<String, @Nullable Object> times = new LinkedHashMap<>();
      for (int i = 0; i < columns.size(); i++) {
        (columns.get(i).timing() ? times : map).put(columns.get(i).key(), row.get(i));
      }
      if (!times.isEmpty()) {
        map.put(TIMING, times);
      }
      maps.add(map);
    }
    return maps;
  }

  /** The table as CSV (RFC 4180, LF): a header line, then the rows. */
  public String toCsv() {
    StringBuilder out = new StringBuilder();
    List<String> header = new ArrayList<>();
    for (Column column : columns) {
      header.add(column.timing() ? TIMING : column.key());
    }
    csvLine(out, header);
    for (List<@Nullable Object> row : rows) {
      csvLine(out, row);
    }
    return out.toString();
  }

  private static void csvLine(StringBuilder out, List<? extends @Nullable Object> cells) {
    for (int i = 0; i < cells.size(); i++) {
      Object cell = cells.get(i);
      String text = cell == null ? "" : cell.toString();
      if (text.contains(",") || text.contains("\"") || text.contains("\n")) {
        text = '"' + text.replace("\"", "\"\"") + '"';
      }
      out.append(i == 0 ? "" : ",").append(text);
    }
    out.append('\n');
  }

  /** The table as aligned text, numbers to the right; each line begins with {@code indent}. */
  public String toText(String indent) {
    int[] width = new int[columns.size()];
    boolean[] right = new boolean[columns.size()];
    List<List<String>> cells = new ArrayList<>();
    for (List<@Nullable Object> row : rows) {
      List<String> line = new ArrayList<>();
      for (Object value : row) {
        line.add(cell(value));
      }
      cells.add(line);
    }
    for (int i = 0; i < width.length; i++) {
      width[i] = columns.get(i).header().length();
      right[i] = !rows.isEmpty();
      for (int r = 0; r < rows.size(); r++) {
        width[i] = Math.max(width[i], cells.get(r).get(i).length());
        Object value = rows.get(r).get(i);
        right[i] &= value == null || value instanceof Number;
      }
    }
    StringBuilder out = new StringBuilder();
    textLine(out, indent, columns.stream().map(Column::header).toList(), width, right);
    for (List<String> line : cells) {
      textLine(out, indent, line, width, right);
    }
    return out.toString();
  }

  private static void textLine(
      StringBuilder out, String indent, List<String> cells, int[] width, boolean[] right) {
    StringBuilder line = new StringBuilder(indent);
    for (int i = 0; i < width.length; i++) {
      String pad = " ".repeat(width[i] - cells.get(i).length());
      line.append(i == 0 ? "" : "  ");
      line.append(right[i] ? pad + cells.get(i) : cells.get(i) + pad);
    }
    out.append(line.toString().stripTrailing()).append('\n');
  }

  private static String cell(@Nullable Object value) {
    // A switch over types would be linked at the first call, which a start would pay for.
    if (value instanceof Boolean truth) {
      return truth ? "yes" : "no";
    }
    if (value instanceof Double number) {
      return String.format(Locale.ROOT, "%.3f", number);
    }
    if (value instanceof Long || value instanceof Integer) {
      return String.format(Locale.ROOT, "%,d", ((Number) value).longValue());
    }
    return value == null ? "-" : value.toString();
  }
}
