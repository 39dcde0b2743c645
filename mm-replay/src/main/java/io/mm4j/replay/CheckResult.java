// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How one check of one recording came out: so many comparisons made, so many of them equal; or not
 * judged at all, with the reason.
 *
 * @param name the check, as documented for its kind of recording: {@code results}, {@code maps}...
 * @param total comparisons made; 0 when skipped, or when the recording held nothing to compare
 * @param equal comparisons that came out equal, at most {@code total}
 * @param extra further numbers by name, such as {@code l1}, in insertion order; often empty
 * @param skipped why the check was not judged, or null when it was
 */
public record CheckResult(
    String name, long total, long equal, Map<String, List<Long>> extra, @Nullable String skipped) {

  /** Checks the numbers and copies {@code extra}. */
  public CheckResult {
    if (equal < 0 || equal > total) {
      throw new IllegalArgumentException(
          "check=" + name + " equal=" + equal + " total=" + total + ": need 0 <= equal <= total");
    }
    if (skipped != null && total != 0) {
      throw new IllegalArgumentException(
          "check=" + name + " total=" + total + ": a skipped check has no comparisons");
    }
    LinkedHashMap<String, List<Long>> copy = new LinkedHashMap<>();
    extra.forEach((key, values) -> copy.put(key, List.copyOf(values)));
    extra = Collections.unmodifiableMap(copy);
  }

  /** A check that was made {@code total} times and held {@code equal} times. */
  public static CheckResult judged(String name, long total, long equal) {
    return new CheckResult(name, total, equal, Map.of(), null);
  }

  /** A check that could not be made; it is never counted, and never taken for equal. */
  public static CheckResult skipped(String name, String reason) {
    return new CheckResult(name, 0, 0, Map.of(), reason);
  }

  /** This result with one more list of numbers, for example the distances of four snapshots. */
  public CheckResult with(String key, List<Long> values) {
    LinkedHashMap<String, List<Long>> more = new LinkedHashMap<>(extra);
    more.put(key, values);
    return new CheckResult(name, total, equal, more, skipped);
  }

  /** Whether the check was made and never failed. */
  public boolean holds() {
    return skipped == null && equal == total;
  }

  /** Whether the check was made and failed at least once. */
  public boolean differs() {
    return equal < total;
  }
}
