// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How many CPUs a recorded machine has, as {@code calculate_order()} of mm/slub.c counts them:
 * those that are present, or if that is one only, {@code nr_cpu_ids}. By {@code machine/cpus.txt},
 * which has a line {@code nr_cpu_ids=N} and a list such as {@code 0-3}; else those that zoneinfo
 * names.
 */
final class RecordedCpus {
  private static final String FILE = "cpus.txt";
  private static final Pattern IDS = Pattern.compile("nr_cpu_ids=([0-9]{1,4})");
  private static final Pattern LIST = Pattern.compile("[0-9]{1,4}(-[0-9]{1,4})?(,[0-9-]+)*");
  private static final int MOST = 4096;

  private RecordedCpus() {}

  static int of(KmemSource source) {
    int present = RecordedZones.read(source).cpus();
    int ids = 0;
    List<String> lines = source.machineLines(FILE);
    for (String line : lines == null ? List.<String>of() : lines) {
      Matcher named = IDS.matcher(line.strip());
      if (named.matches()) {
        ids = Integer.parseInt(named.group(1));
      } else if (LIST.matcher(line.strip()).matches()) {
        present = Math.max(present, count(line.strip()));
      }
    }
    return Math.clamp(present > 1 ? present : Math.max(present, ids), 1, MOST);
  }

  private static int count(String list) {
    int count = 0;
    for (String part : list.split(",", -1)) {
      String[] ends = part.split("-", -1);
      boolean range = ends.length == 2 && !ends[0].isEmpty() && !ends[1].isEmpty();
      count += range ? Math.max(0, number(ends[1]) - number(ends[0]) + 1) : 1;
    }
    return count;
  }

  private static int number(String digits) {
    return digits.length() > 4 ? MOST : Integer.parseInt(digits);
  }
}
