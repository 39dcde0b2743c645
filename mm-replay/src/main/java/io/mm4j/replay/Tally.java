// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Counts checks while a recording is replayed and keeps the first difference of each, so that a
 * verdict can be given at the end. Checks keep the order in which they were named at the start. One
 * thread.
 */
public final class Tally {
  private static final class Count {
    long total;
    long equal;
    @Nullable String skipped;
    @Nullable FirstDifference first;
    long firstRank;
    final Map<String, Long> extra = new LinkedHashMap<>();
  }

  private final Map<String, Count> counts = new LinkedHashMap<>();
  private long differences;

  /** Starts with these checks, none of them made. */
  public Tally(List<String> checks) {
    checks.forEach(check -> counts.put(check, new Count()));
  }

  /** One comparison of this check came out equal. */
  public void equal(String check) {
    Count count = count(check);
    count.total++;
    count.equal++;
  }

  /**
   * One comparison of this check failed.
   *
   * @return whether it is the check's first failure, so that evidence should follow with {@link
   *     #evidence}
   */
  public boolean differs(String check) {
    Count count = count(check);
    count.total++;
    return count.total - count.equal == 1;
  }

  /** Keeps what the first failure of its check looked like. */
  public void evidence(FirstDifference difference) {
    Count count = count(difference.check());
    if (count.first == null) {
      count.first = difference;
      count.firstRank = differences++;
    }
  }

  /** So many more of something that this check could not compare. */
  public void more(String check, String what, long number) {
    if (number > 0) {
      count(check).extra.merge(what, number, Long::sum);
    }
  }

  /** This check cannot be judged; what was counted for it is dropped. */
  public void skip(String check, String reason) {
    count(check).skipped = reason;
  }

  /** Whether a check is skipped. */
  public boolean skipped(String check) {
    return count(check).skipped != null;
  }

  /** The first difference of one check, or null. */
  public @Nullable FirstDifference first(String check) {
    Count count = count(check);
    return count.skipped == null ? count.first : null;
  }

  /** The earliest of the first differences of these checks, or null. */
  public @Nullable FirstDifference earliest(List<String> checks) {
    Count best = null;
    for (String check : checks) {
      Count count = count(check);
      if (count.skipped == null
          && count.first != null
          && (best == null || count.firstRank < best.firstRank)) {
        best = count;
      }
    }
    return best == null ? null : best.first;
  }

  /** All checks as they stand, in order. */
  public List<CheckResult> results() {
    List<CheckResult> results = new ArrayList<>();
    counts.forEach(
        (check, count) -> {
          String reason = count.skipped;
          CheckResult result =
              reason != null
                  ? CheckResult.skipped(check, reason)
                  : CheckResult.judged(check, count.total, count.equal);
          for (Map.Entry<String, Long> extra : count.extra.entrySet()) {
            result = result.with(extra.getKey(), List.of(extra.getValue()));
          }
          results.add(result);
        });
    return results;
  }

  /** Whether every one of these checks was made, or had nothing to compare, and held. */
  public boolean allHold(List<String> checks) {
    return checks.stream()
        .map(this::count)
        .allMatch(count -> count.skipped == null && count.equal == count.total);
  }

  private Count count(String check) {
    Count count = counts.get(check);
    if (count == null) {
      throw new IllegalArgumentException("check=" + check + " is none of " + counts.keySet());
    }
    return count;
  }
}
