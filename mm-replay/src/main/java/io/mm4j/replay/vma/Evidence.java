// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeSet;

/** Words for a difference: both answers, and the VMAs around it as the kernel and we have them. */
final class Evidence {
  /** VMAs shown below and above the place. */
  private static final int AROUND = 3;

  /** Lines of one list of differences that are shown. */
  private static final int MOST = 24;

  private final List<String> lines = new ArrayList<>();

  /** One line. */
  Evidence line(String text) {
    lines.add(text);
    return this;
  }

  /** Both answers, one above the other. */
  Evidence answers(Object kernel, Object ours) {
    return line("  kernel: " + kernel).line("  mm4j:   " + ours);
  }

  /** The lines that went away and appeared, on one side. */
  Evidence change(String side, List<MapsLine> removed, List<MapsLine> added) {
    line("  " + side + (removed.isEmpty() && added.isEmpty() ? " changes nothing" : ":"));
    list("    - ", removed);
    list("    + ", added);
    return this;
  }

  private void list(String sign, Collection<?> items) {
    int shown = 0;
    for (Object item : items) {
      if (shown++ == MOST) {
        line("      ... and " + (items.size() - MOST) + " more");
        return;
      }
      line(sign + item);
    }
  }

  /**
   * Both maps near a range, merged: {@code =} a line that both have, {@code k} the kernel's only,
   * {@code m} ours only.
   */
  Evidence around(
      String title,
      NavigableMap<Long, MapsLine> theirs,
      NavigableMap<Long, MapsLine> ours,
      long low,
      long high) {
    TreeSet<Long> starts = new TreeSet<>(Long::compareUnsigned);
    collect(theirs, low, high, starts);
    collect(ours, low, high, starts);
    line("  " + title + " (= both, k kernel, m mm4j):");
    int shown = 0;
    for (Long start : starts) {
      if (shown++ == MOST) {
        line("      ... and " + (starts.size() - MOST) + " more");
        break;
      }
      MapsLine kernel = theirs.get(start);
      MapsLine mine = ours.get(start);
      if (kernel != null && kernel.equals(mine)) {
        line("    = " + kernel);
        continue;
      }
      if (kernel != null) {
        line("    k " + kernel);
      }
      if (mine != null) {
        line("    m " + mine);
      }
    }
    return this;
  }

  private static void collect(
      NavigableMap<Long, MapsLine> maps, long low, long high, Set<Long> starts) {
    Long key = maps.floorKey(low);
    for (int i = 0; key != null && i < AROUND; i++) {
      starts.add(key);
      key = maps.lowerKey(key);
    }
    key = maps.higherKey(low);
    int inside = 0;
    while (key != null && Long.compareUnsigned(key, high) < 0 && inside++ < MOST) {
      starts.add(key);
      key = maps.higherKey(key);
    }
    key = maps.ceilingKey(high);
    for (int i = 0; key != null && i < AROUND; i++) {
      starts.add(key);
      key = maps.higherKey(key);
    }
  }

  /** Two whole maps, only the lines in which they differ. */
  Evidence wholeMaps(Collection<MapsLine> theirs, Collection<MapsLine> ours) {
    List<MapsLine> kernelOnly = new ArrayList<>(theirs);
    kernelOnly.removeAll(new HashSet<>(ours));
    List<MapsLine> oursOnly = new ArrayList<>(ours);
    oursOnly.removeAll(new HashSet<>(theirs));
    line("  only in the kernel's maps:");
    list("    k ", kernelOnly);
    line("  only in ours:");
    list("    m ", oursOnly);
    return this;
  }

  /** All lines so far. */
  List<String> lines() {
    return lines;
  }
}
