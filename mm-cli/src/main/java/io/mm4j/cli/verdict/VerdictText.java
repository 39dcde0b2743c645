// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.verdict;

import static java.util.stream.Collectors.joining;

import io.mm4j.cli.text.Table;
import io.mm4j.cli.text.Terminal;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Verdict;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Verdicts for people: a line for each recording, evidence, and tables. */
public final class VerdictText {
  private static final int MAX_EVIDENCE = 40;

  private VerdictText() {}

  /** One word for how it came out. */
  public static String word(Verdict verdict) {
    return verdict.exact() ? "exact" : verdict.differs() ? "DIFFERS" : "unjudged";
  }

  /**
   * A line: the verdict, the recording, its checks - one number where all comparisons are equal,
   * {@code equal/total} where not, {@code -} where skipped.
   */
  public static String line(Verdict verdict, Terminal terminal) {
    String padded = String.format("%-8s", word(verdict));
    String word =
        verdict.exact()
            ? terminal.good(padded)
            : verdict.differs() ? terminal.bad(padded) : terminal.dim(padded);
    StringBuilder line = new StringBuilder(word).append("  ").append(verdict.path()).append("  ");
    for (CheckResult check : verdict.checks()) {
      line.append(' ').append(check.name()).append(' ').append(counts(check));
    }
    return line.toString();
  }

  /** The numbers of a check. */
  public static String counts(CheckResult check) {
    if (check.skipped() != null) {
      return "-";
    }
    StringBuilder text = new StringBuilder();
    text.append(String.format(Locale.ROOT, "%d", check.equal()));
    if (check.differs()) {
      text.append(String.format(Locale.ROOT, "/%d", check.total()));
    }
    for (Map.Entry<String, List<Long>> extra : check.extra().entrySet()) {
      if (extra.getValue().stream().anyMatch(v -> v != 0)) {
        String values = extra.getValue().stream().map(String::valueOf).collect(joining("/"));
        text.append(" (").append(extra.getKey()).append(' ').append(values).append(')');
      }
    }
    return text.toString();
  }

  /** Shows the first difference with the state around it. */
  public static void evidence(PrintStream out, Verdict verdict, Terminal terminal) {
    FirstDifference first = verdict.firstDifference();
    if (first == null) {
      return;
    }
    out.println();
    out.println(
        terminal.bold(
            verdict.path() + ": first difference, " + first.check() + ", " + first.where()));
    out.println("  " + first.what());
    List<String> evidence = first.evidence();
    for (String line : evidence.subList(0, Math.min(MAX_EVIDENCE, evidence.size()))) {
      out.println("    " + line);
    }
    if (evidence.size() > MAX_EVIDENCE) {
      out.println("    ... " + (evidence.size() - MAX_EVIDENCE) + " more lines with --json");
    }
  }

  /** Every check of every recording as a row. */
  public static Table table(List<Verdict> verdicts) {
    Table table =
        new Table(
            List.of(
                Table.column("path", "PATH"),
                Table.column("kind", "KIND"),
                Table.column("class", "CLASS"),
                Table.column("exact", "EXACT"),
                Table.column("check", "CHECK"),
                Table.column("total", "TOTAL"),
                Table.column("equal", "EQUAL"),
                Table.column("skipped", "SKIPPED")));
    for (Verdict v : verdicts) {
      for (CheckResult c : v.checks()) {
        boolean skipped = c.skipped() != null;
        table.add(
            v.path(),
            v.kind().id(),
            v.recordingClass(),
            v.exact(),
            c.name(),
            skipped ? null : c.total(),
            skipped ? null : c.equal(),
            c.skipped());
      }
    }
    return table;
  }

  /** The checks of each class of recordings, summed. */
  public static Table byClass(List<Verdict> verdicts) {
    Map<String, Map<String, long[]>> sums = new TreeMap<>();
    for (Verdict v : verdicts) {
      Map<String, long[]> ofClass =
          sums.computeIfAbsent(
              v.kind().id() + " " + v.recordingClass(), k -> new java.util.LinkedHashMap<>());
      for (CheckResult c : v.checks()) {
        long[] sum = ofClass.computeIfAbsent(c.name(), k -> new long[5]);
        sum[0]++;
        sum[1] += c.holds() ? 1 : 0;
        sum[2] += c.total();
        sum[3] += c.equal();
        sum[4] += c.skipped() == null ? 0 : 1;
      }
    }
    Table table =
        new Table(
            List.of(
                Table.column("class", "CLASS"),
                Table.column("check", "CHECK"),
                Table.column("recordings", "RECORDINGS"),
                Table.column("holds", "HOLDS"),
                Table.column("skipped", "SKIPPED"),
                Table.column("total", "COMPARISONS"),
                Table.column("equal", "EQUAL")));
    sums.forEach(
        (name, checks) ->
            checks.forEach((c, s) -> table.add(name, c, s[0], s[1], s[4], s[2], s[3])));
    return table;
  }
}
