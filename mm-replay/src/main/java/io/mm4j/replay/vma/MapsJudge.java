// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Tally;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Judges the changes of maps that calls make, and whole maps.
 *
 * <p>What faults of a real program change is compared after the last of them before something else
 * ({@link PendingFaults}): the maps of such a program were read at its calls only.
 */
final class MapsJudge {
  private final Tally tally;
  private final boolean atCallsOnly;
  private final PendingFaults faults = new PendingFaults();
  private boolean deltas = true;

  /**
   * A judge for one recording.
   *
   * @param atCallsOnly whether maps were read at calls only, not after each fault
   */
  MapsJudge(Tally tally, boolean atCallsOnly) {
    this.tally = tally;
    this.atCallsOnly = atCallsOnly;
  }

  /** From here on changes of maps are recorded, or are not. */
  void deltas(boolean on) {
    faults();
    deltas = on;
  }

  /** The kernel's maps as far as they are recorded. */
  NavigableMap<Long, MapsLine> theirs(ReplayedProcess process) {
    return deltas ? process.theirs() : new TreeMap<>();
  }

  /** A call comes: the faults before it are compared, unless it is one more of them. */
  void comes(VmaEvent.Call made, ReplayedProcess process) {
    if (made.name() != CallName.FAULT || faults.process() != process) {
      faults();
    }
  }

  /** To be called before each fault is made. */
  void beforeFault(ReplayedProcess process) {
    faults.before(process);
  }

  /** A call was made: compares what it changed near these ranges, or later what faults have. */
  void made(VmaEvent.Call made, ReplayedProcess process, long... ranges) {
    if (atCallsOnly && made.name() == CallName.FAULT) {
      if (faults.add(made, process)) {
        faults();
      }
    } else {
      judge(made, process, ranges);
    }
  }

  /** Compares what a call changed near these ranges. */
  void judge(VmaEvent.Call made, ReplayedProcess process, long... ranges) {
    judge(made, made, 1, process, process.ours().changeNear(ranges));
  }

  /** Compares what the faults since the maps were read last have changed together. */
  void faults() {
    VmaEvent.Call last = faults.last();
    VmaEvent.Call shown = faults.toExplain();
    ReplayedProcess process = faults.process();
    if (last != null && shown != null && process != null) {
      judge(last, shown, faults.count(), process, process.ours().changeNear(0, -1));
    }
    faults.clear();
  }

  /**
   * Compares a change of maps.
   *
   * @param made has the recorded change
   * @param shown is named if it differs
   * @param times how many calls or faults share this change; each counts
   */
  private void judge(
      VmaEvent.Call made,
      VmaEvent.Call shown,
      long times,
      ReplayedProcess process,
      MapsView.Change ours) {
    if (!deltas) {
      return;
    }
    boolean alike =
        ReplayedProcess.alike(made.removed(), ours.removed())
            && ReplayedProcess.alike(made.added(), ours.added());
    process.applyTheirs(made);
    boolean first = false;
    for (long i = 0; i < times; i++) {
      if (alike) {
        tally.equal(VmaChecks.MAPS);
      } else {
        first |= tally.differs(VmaChecks.MAPS);
      }
    }
    if (first) {
      Evidence evidence = new Evidence().line("  " + shown.text());
      if (times > 1) {
        evidence.line("  (one of " + times + " faults after which the maps were read)");
      }
      evidence
          .change("kernel", made.removed(), made.added())
          .change("mm4j", ours.removed(), ours.added());
      long low = lowest(made.removed(), made.added(), ours.removed(), ours.added());
      evidence.around("maps after the call", process.theirs(), process.ours().lines(), low, low);
      tally.evidence(
          new FirstDifference(
              VmaChecks.MAPS,
              shown.line(),
              shown.number(),
              "maps changed differently in: " + shown.text(),
              evidence.lines()));
    }
  }

  @SafeVarargs
  private static long lowest(List<MapsLine>... lists) {
    long low = -1;
    for (List<MapsLine> list : lists) {
      for (MapsLine line : list) {
        low = Long.compareUnsigned(line.start(), low) < 0 ? line.start() : low;
      }
    }
    return low;
  }

  /**
   * Compares whole maps.
   *
   * @param line where they stand in the recording
   * @param number of the process
   * @param when they were read, in words
   * @param call the number of the last call, for evidence
   */
  void whole(
      long line,
      int number,
      ReplayedProcess process,
      String when,
      List<MapsLine> kernel,
      long call) {
    faults();
    List<MapsLine> ours = new ArrayList<>(process.ours().readAll());
    process.setTheirs(kernel);
    if (kernel.equals(ours)) {
      tally.equal(VmaChecks.SNAPSHOTS);
    } else if (tally.differs(VmaChecks.SNAPSHOTS)) {
      tally.evidence(
          new FirstDifference(
              VmaChecks.SNAPSHOTS,
              line,
              call,
              "p"
                  + number
                  + "'s whole maps ("
                  + when
                  + ") differ: "
                  + kernel.size()
                  + " lines in Linux, "
                  + ours.size()
                  + " here",
              new Evidence().wholeMaps(kernel, ours).lines()));
    }
  }
}
