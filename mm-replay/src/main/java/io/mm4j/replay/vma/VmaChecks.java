// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.replay.Tally;
import java.util.List;

/** The checks of the vma format, in the order of verdicts. */
final class VmaChecks {
  static final String RESULTS = "results";
  static final String MAPS = "maps";
  static final String SNAPSHOTS = "snapshots";
  static final String SIGNALS = "signals";
  static final String VALUES = "values";
  static final String MINCORE = "mincore";
  static final String SCANS = "scans";
  static final String RSS = "rss";
  static final String ANON = "anon";
  static final String LOCKED = "locked";
  static final String AHP = "ahp";
  static final String FLAGS = "flags";
  static final String PAGES = "pages";
  static final String STATUS = "status";

  /** All of them. */
  static final List<String> ALL =
      List.of(
          RESULTS, MAPS, SNAPSHOTS, SIGNALS, VALUES, MINCORE, SCANS, RSS, ANON, LOCKED, AHP, FLAGS,
          PAGES, STATUS);

  /** What a recording needs to be exact: all, the sizes of page tables among them. */
  static final List<String> REQUIRED = ALL;

  /** What a log shows: results, and sometimes maps. */
  static final List<String> OF_LOGS = List.of(RESULTS, SNAPSHOTS);

  /** What a recording whose calls differ from run to run needs. */
  static final List<String> REQUIRED_UNREPEATABLE = List.of(RESULTS, MAPS, SNAPSHOTS, SIGNALS);

  private VmaChecks() {}

  /** A tally of all checks. */
  static Tally tally() {
    return new Tally(ALL);
  }
}
