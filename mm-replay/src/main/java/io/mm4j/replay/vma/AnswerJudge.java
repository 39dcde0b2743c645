// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.TouchOutcome;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Tally;
import org.jspecify.annotations.Nullable;

/**
 * Judges what calls answer: results and signals, what they tell of pages, and bytes that are read.
 */
final class AnswerJudge {
  private final Tally tally;
  private final CallDriver driver;
  private final RecordedBytes bytes;
  private final MapsJudge maps;

  /**
   * A judge for one recording.
   *
   * @param driver has made the calls
   * @param bytes knows which bytes the recording tells
   * @param maps shows the maps around what differs
   */
  AnswerJudge(Tally tally, CallDriver driver, RecordedBytes bytes, MapsJudge maps) {
    this.tally = tally;
    this.driver = driver;
    this.bytes = bytes;
    this.maps = maps;
  }

  /** Compares an answer, and what it told of pages. */
  void answer(VmaEvent.Call made, ReplayedProcess process, Answer ours, long... ranges) {
    String check = made.name().isTouch() ? VmaChecks.SIGNALS : VmaChecks.RESULTS;
    if (ours.equals(made.answer())) {
      tally.equal(check);
    } else {
      differs(check, made, process, ours.toString(), null, ranges[0], ranges[1]);
    }
    detail(made, process, ours, ranges);
  }

  /** Compares what a call told of pages beside its answer. */
  private void detail(VmaEvent.Call made, ReplayedProcess process, Answer ours, long... ranges) {
    String theirs = made.detail();
    if (!(made.answer() instanceof Answer.Value) || theirs.isEmpty()) {
      return;
    }
    String check = made.name() == CallName.MINCORE ? VmaChecks.MINCORE : VmaChecks.SCANS;
    String detail = driver.detail();
    if (theirs.equals(detail)) {
      tally.equal(check);
    } else {
      String text = detail == null ? ours.toString() : detail;
      differs(check, made, process, text, theirs, ranges[0], ranges[1]);
    }
  }

  /** Compares the byte that a touch found, if the recording tells it. */
  void value(VmaEvent.Call made, ReplayedProcess process, long... ranges) {
    if (made.value() >= 0 && bytes.judged(made.arg(0), process, driver.value())) {
      if (driver.value() == made.value()) {
        tally.equal(VmaChecks.VALUES);
      } else {
        String text =
            driver.value() == TouchOutcome.UNKNOWN
                ? "no value"
                : "0x" + Integer.toHexString(driver.value());
        differs(
            VmaChecks.VALUES,
            made,
            process,
            text,
            "0x" + Integer.toHexString(made.value()),
            ranges[0],
            ranges[1]);
      }
    }
  }

  /**
   * Counts a difference, and keeps the evidence if it is the first.
   *
   * @param kernel what Linux had, or null for the recorded answer
   * @param low the first address that the call is about
   * @param high one past the last
   */
  void differs(
      String check,
      VmaEvent.Call made,
      ReplayedProcess process,
      String ours,
      @Nullable String kernel,
      long low,
      long high) {
    if (!tally.differs(check)) {
      return;
    }
    String theirs = kernel == null ? made.answer().toString() : kernel;
    Evidence evidence = new Evidence().line("  " + made.text()).answers(theirs, ours);
    evidence.around(
        "maps before the call", maps.theirs(process), process.ours().lines(), low, high);
    tally.evidence(
        new FirstDifference(
            check, made.line(), made.number(), made.text() + ", here " + ours, evidence.lines()));
  }
}
