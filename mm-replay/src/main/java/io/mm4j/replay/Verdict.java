// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the replay of one recording came to.
 *
 * @param path the recording as it was named or found
 * @param kind its kind
 * @param recordingClass the class that the recording gives itself ({@code basic}, {@code real},
 *     {@code frag}...), or {@code -}
 * @param exact whether every check that its kind demands was made and held; a skipped check is not
 *     counted among the held ones, each kind says what it demands
 * @param checks every check of the kind, in the documented order, skipped ones included
 * @param firstDifference the first failure that stands against {@code exact}, or null if none
 * @param notes what of the recording was passed over or taken for granted, in words
 */
public record Verdict(
    String path,
    RecordingKind kind,
    String recordingClass,
    boolean exact,
    List<CheckResult> checks,
    @Nullable FirstDifference firstDifference,
    List<String> notes) {

  /** Copies the checks; an exact recording cannot carry a difference. */
  public Verdict {
    checks = List.copyOf(checks);
    notes = List.copyOf(notes);
    if (exact && firstDifference != null) {
      throw new IllegalArgumentException(
          "path=" + path + " exact=true with a difference at " + firstDifference.where());
    }
  }

  /** A verdict without notes. */
  public Verdict(
      String path,
      RecordingKind kind,
      String recordingClass,
      boolean exact,
      List<CheckResult> checks,
      @Nullable FirstDifference firstDifference) {
    this(path, kind, recordingClass, exact, checks, firstDifference, List.of());
  }

  /** The check of that name, if this kind of recording has it. */
  public Optional<CheckResult> check(String name) {
    return checks.stream().filter(c -> c.name().equals(name)).findFirst();
  }

  /** Whether a check that was made failed: the recording is a witness against the machine. */
  public boolean differs() {
    return firstDifference != null;
  }
}
