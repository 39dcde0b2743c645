// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.verdict;

import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Verdict;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Verdicts as one JSON object: {@code recordings}, each with {@code path}, {@code kind}, {@code
 * class}, {@code exact}, {@code checks} and {@code first_difference}, and {@code notes} if there
 * are any, then {@code total} and {@code exact}. A check is {@code {"total", "equal", ...}} or
 * {@code {"skipped": reason}}.
 */
public final class VerdictJson {
  private VerdictJson() {}

  /** The object, for {@link io.mm4j.cli.text.Json}. */
  public static Map<String, Object> of(List<Verdict> verdicts) {
    List<Map<String, @Nullable Object>> recordings = new ArrayList<>();
    for (Verdict verdict : verdicts) {
      recordings.add(of(verdict));
    }
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("recordings", recordings);
    object.put("total", verdicts.size());
    object.put("exact", verdicts.stream().filter(Verdict::exact).count());
    return object;
  }

  /** One recording. */
  public static Map<String, @Nullable Object> of(Verdict verdict) {
    Map<String, Object> checks = new LinkedHashMap<>();
    for (CheckResult check : verdict.checks()) {
      checks.put(check.name(), of(check));
    }
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    object.put("path", verdict.path());
    object.put("kind", verdict.kind().id());
    object.put("class", verdict.recordingClass());
    object.put("exact", verdict.exact());
    object.put("checks", checks);
    FirstDifference first = verdict.firstDifference();
    object.put("first_difference", first == null ? null : of(first));
    if (!verdict.notes().isEmpty()) {
      object.put("notes", verdict.notes());
    }
    return object;
  }

  private static Map<String, Object> of(CheckResult check) {
    Map<String, Object> object = new LinkedHashMap<>();
    String skipped = check.skipped();
    if (skipped != null) {
      object.put("skipped", skipped);
      return object;
    }
    object.put("total", check.total());
    object.put("equal", check.equal());
    object.putAll(check.extra());
    return object;
  }

  private static Map<String, Object> of(FirstDifference first) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("check", first.check());
    object.put("line", first.line());
    object.put("call", first.call());
    object.put("what", first.what());
    object.put("evidence", first.evidence());
    return object;
  }
}
