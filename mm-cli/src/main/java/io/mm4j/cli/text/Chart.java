// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Lines in a terminal. Each series is a row of equally spaced values, resampled to the width by the
 * mean of what falls into a column.
 */
public final class Chart {
  private static final String BLOCKS = "▁▂▃▄▅▆▇█";
  private static final String PLAIN = "_.-=*#";

  private Chart() {}

  /** The glyphs that the finer charts need, to ask whether a stream can show them. */
  public static String glyphs() {
    return BLOCKS;
  }

  /**
   * One line of text, as high as its glyphs: {@code ▁▁▂▅█}.
   *
   * @param min the value at the bottom
   * @param max the value at the top
   */
  public static String spark(double[] values, int width, double min, double max, boolean unicode) {
    String glyphs = unicode ? BLOCKS : PLAIN;
    StringBuilder out = new StringBuilder();
    for (double value : resample(values, width)) {
      double part = max > min ? (value - min) / (max - min) : 0;
      int level = (int) Math.floor(Math.clamp(part, 0, 0.999999) * glyphs.length());
      out.append(glyphs.charAt(level));
    }
    return out.toString();
  }

  /**
   * Named lines of text under each other, on one scale, each between its first and last value.
   * Series without values are left out.
   */
  public static List<String> sparks(Map<String, double[]> series, int width, boolean unicode) {
    double[] range = range(series.values().stream().flatMapToDouble(Arrays::stream).toArray());
    int names = series.keySet().stream().mapToInt(String::length).max().orElse(0);
    int room = Math.max(8, width - Math.max(12, names) - 18);
    List<String> lines = new ArrayList<>();
    series.forEach(
        (name, values) -> {
          if (values.length > 0) {
            lines.add(
                String.format(
                    Locale.ROOT,
                    "  %-" + Math.max(12, names) + "s %.3f %s %.3f",
                    name,
                    values[0],
                    spark(values, room, range[0], range[1], unicode),
                    values[values.length - 1]));
          }
        });
    return lines;
  }

  /** A range with two round ends around the values, at least a fiftieth wide. */
  public static double[] range(double[] values) {
    double min = Arrays.stream(values).min().orElse(0);
    double max = Arrays.stream(values).max().orElse(1);
    double low = Math.floor(min * 50) / 50;
    double high = Math.ceil(max * 50) / 50;
    return new double[] {low, high > low ? high : low + 0.02};
  }

  /**
   * A filled chart of several lines: the scale at the left, one column for each sample.
   *
   * @param height lines, at least 2
   * @param min the value at the bottom
   * @param max the value at the top
   * @return the lines, top first
   */
  public static List<String> area(
      double[] values, int width, int height, double min, double max, boolean unicode) {
    double[] samples = resample(values, width);
    int steps = unicode ? BLOCKS.length() : 2;
    List<String> lines = new ArrayList<>();
    for (int row = height - 1; row >= 0; row--) {
      StringBuilder line = new StringBuilder();
      if (row == height - 1 || row == 0) {
        line.append(String.format(Locale.ROOT, "%5.2f ", row == 0 ? min : max));
      } else {
        line.append("      ");
      }
      line.append(unicode ? '┤' : '|');
      for (double sample : samples) {
        double part = max > min ? Math.clamp((sample - min) / (max - min), 0, 1) : 0;
        long eighths = Math.round(part * height * steps) - (long) row * steps;
        line.append(glyph(eighths, row, unicode));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }

  private static char glyph(long filled, int row, boolean unicode) {
    if (filled <= 0) {
      return row == 0 ? (unicode ? '▁' : '_') : ' ';
    }
    if (unicode) {
      return BLOCKS.charAt((int) Math.min(filled, BLOCKS.length()) - 1);
    }
    return filled >= 2 ? '#' : '.';
  }

  /**
   * The means of {@code width} equal slices; fewer values than that are repeated.
   *
   * @return {@code width} values, all 0 if there were none
   */
  public static double[] resample(double[] values, int width) {
    double[] result = new double[width];
    if (values.length == 0) {
      return result;
    }
    for (int i = 0; i < width; i++) {
      int from = (int) ((long) i * values.length / width);
      int to = Math.max(from + 1, (int) ((long) (i + 1) * values.length / width));
      result[i] = Arrays.stream(values, from, to).average().orElse(0);
    }
    return result;
  }
}
