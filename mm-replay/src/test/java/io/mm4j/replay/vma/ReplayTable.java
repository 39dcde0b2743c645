// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.replay.CheckResult;
import io.mm4j.replay.Verdict;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/** Adds verdicts up: checks by class of recording. */
final class ReplayTable {
  /** Sums of one check in one class. */
  static final class Sum {
    long total;
    long equal;
    int skipped;

    /** Parts of a hundred that were equal, 100 for nothing to compare. */
    double percent() {
      return total == 0 ? 100 : 100.0 * equal / total;
    }

    @Override
    public String toString() {
      if (total == 0) {
        return skipped > 0 ? "skipped" : "-";
      }
      return equal == total
          ? "100 (" + total + ")"
          : String.format("%.2f (-%d)", Math.floor(percent() * 100) / 100, total - equal);
    }
  }

  private final Map<String, Map<String, Sum>> classes = new TreeMap<>();
  private final Map<String, int[]> recordings = new TreeMap<>();

  /** Adds one verdict. */
  void add(Verdict verdict) {
    Map<String, Sum> sums =
        classes.computeIfAbsent(verdict.recordingClass(), c -> new LinkedHashMap<>());
    int[] count = recordings.computeIfAbsent(verdict.recordingClass(), c -> new int[3]);
    count[0]++;
    count[1] += verdict.exact() ? 1 : 0;
    count[2] += verdict.differs() ? 1 : 0;
    for (CheckResult check : verdict.checks()) {
      Sum sum = sums.computeIfAbsent(check.name(), c -> new Sum());
      sum.total += check.total();
      sum.equal += check.equal();
      sum.skipped += check.skipped() == null ? 0 : 1;
    }
  }

  /** Sums of a check in a class. */
  Sum sum(String recordingClass, String check) {
    return classes.getOrDefault(recordingClass, Map.of()).getOrDefault(check, new Sum());
  }

  /** Classes that were added, in order. */
  Iterable<String> classes() {
    return classes.keySet();
  }

  /** The table, a class per row; per cent equal, and how many were not. */
  @Override
  public String toString() {
    StringBuilder out =
        new StringBuilder(String.format("%-18s %5s %5s", "class", "files", "exact"));
    VmaChecks.ALL.forEach(check -> out.append(String.format(" %14s", check)));
    out.append('\n');
    classes.forEach(
        (name, sums) -> {
          int[] count = recordings.getOrDefault(name, new int[3]);
          out.append(String.format("%-18s %5d %5d", name, count[0], count[1]));
          sums.values().forEach(sum -> out.append(String.format(" %14s", sum)));
          out.append('\n');
        });
    return out.toString();
  }
}
