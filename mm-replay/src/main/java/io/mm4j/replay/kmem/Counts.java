// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Pages;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Readers of the kernel's tables of free blocks. */
final class Counts {
  /** Orders that a table has. */
  static final int ORDERS = Pages.MAX_PAGE_ORDER + 1;

  private Counts() {}

  /** A copy of {@code /proc/buddyinfo}: free blocks by zone and order. */
  static long[][] buddyinfo(KmemSource source, String file, RecordedZones zones) {
    List<String> lines = source.lines(file);
    if (lines == null) {
      throw new InputException(
          "the file is missing", source.where(file), "a copy of /proc/buddyinfo");
    }
    long[][] counts = new long[zones.count()][];
    for (int i = 0; i < lines.size(); i++) {
      String where = source.where(file) + ":" + (i + 1);
      String[] words = lines.get(i).strip().split("[ ,]+", -1);
      if (words.length != 4 + ORDERS || !words[0].equals("Node") || !words[2].equals("zone")) {
        throw new InputException(
            "no line of /proc/buddyinfo: '" + lines.get(i) + "'",
            where,
            "Node N, zone NAME and " + ORDERS + " counts");
      }
      counts[zone(zones, words[1], words[3], where)] = numbers(words, 4, where);
    }
    for (int z = 0; z < counts.length; z++) {
      if (counts[z] == null) {
        throw new InputException(
            zones.list().get(z) + " is missing",
            source.where(file),
            "a line for each zone of " + RecordedZones.FILE);
      }
    }
    return counts;
  }

  /**
   * A copy of {@code /proc/pagetypeinfo}: free blocks by zone, migratetype and order.
   *
   * @return null if the recording has none
   */
  static long @Nullable [][][] pagetypeinfo(
      KmemSource source, String file, RecordedZones zones, int types) {
    List<String> lines = source.lines(file);
    if (lines == null) {
      return null;
    }
    long[][][] counts = new long[zones.count()][types][ORDERS];
    for (int i = 0; i < lines.size(); i++) {
      String[] words = lines.get(i).strip().split("[ ,]+", -1);
      if (words.length != 6 + ORDERS || !words[0].equals("Node") || !words[4].equals("type")) {
        continue;
      }
      String where = source.where(file) + ":" + (i + 1);
      for (int t = 0; t < types; t++) {
        if (io.mm4j.api.page.Migratetype.name(t).equals(words[5])) {
          counts[zone(zones, words[1], words[3], where)][t] = numbers(words, 6, where);
        }
      }
    }
    return counts;
  }

  private static int zone(RecordedZones zones, String node, String name, String where) {
    int zone = zones.indexOf((int) number(node, where), name);
    if (zone < 0) {
      throw new InputException(
          "Node " + node + ", zone " + name + " is not in the recording",
          where,
          "the zones of " + RecordedZones.FILE);
    }
    return zone;
  }

  private static long[] numbers(String[] words, int from, String where) {
    long[] row = new long[ORDERS];
    for (int o = 0; o < ORDERS; o++) {
      row[o] = number(words[from + o], where);
    }
    return row;
  }

  private static long number(String word, String where) {
    // A count that was cut off reads ">100000".
    if (word.isEmpty() || word.length() > 9 || !word.chars().allMatch(c -> c >= '0' && c <= '9')) {
      throw new InputException("'" + word + "' is no count", where, "a decimal number");
    }
    return Long.parseLong(word);
  }

  /** Sum of the absolute differences. */
  static long l1(long[] a, long[] b) {
    long sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += Math.abs(a[i] - b[i]);
    }
    return sum;
  }
}
