// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.replay.CheckResult;
import io.mm4j.replay.FirstDifference;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The verdict on the four reads of buddyinfo: equal, or off by no more than the recording's own
 * inferred lines explain.
 *
 * @param result the check
 * @param firstDifference the first read that is neither, or null
 */
record JudgedReads(CheckResult result, @Nullable FirstDifference firstDifference) {

  static JudgedReads judge(KmemSource source, RecordedZones zones, ExactReplay replay) {
    List<BuddyinfoReads.Read> reads = replay.reads().reads();
    List<BuddyinfoReads.Read> off = reads.stream().filter(read -> read.l1 != 0).toList();
    List<InferredLines.Tolerance> tolerances =
        off.isEmpty() || replay.inferred() == 0
            ? List.of()
            : InferredLines.tolerances(source, zones, off);

    int equal = reads.size() - off.size();
    FirstDifference first = null;
    List<Long> allowed = new ArrayList<>();
    reads.forEach(read -> allowed.add(0L));
    for (int i = 0; i < off.size(); i++) {
      BuddyinfoReads.Read read = off.get(i);
      InferredLines.Tolerance tolerance = tolerances.isEmpty() ? null : tolerances.get(i);
      if (tolerance != null) {
        allowed.set(read.index, tolerance.l1());
      }
      if (tolerance != null && tolerance.explains(read)) {
        equal++;
      } else if (first == null) {
        first = difference(zones, read, tolerance);
      }
    }
    CheckResult result =
        CheckResult.judged(KmemChecks.BUDDYINFO, reads.size(), equal)
            .with("l1", reads.stream().map(read -> read.l1).toList());
    if (replay.inferred() > 0) {
      result = result.with("explained_l1", allowed);
    }
    return new JudgedReads(result, first);
  }

  private static FirstDifference difference(
      RecordedZones zones, BuddyinfoReads.Read read, InferredLines.@Nullable Tolerance tolerance) {
    List<String> evidence = new ArrayList<>();
    evidence.add(
        "nearest state within the read's bracket: after line " + read.line + ", L1 " + read.l1);
    String firstCount = "";
    for (int z = 0; z < read.recorded.length; z++) {
      for (int o = 0; o < Counts.ORDERS; o++) {
        long theirs = read.recorded[z][o];
        long ours = read.ours[z][o];
        if (theirs != ours) {
          String count =
              zones.list().get(z) + ", order " + o + ": recorded " + theirs + ", replay " + ours;
          firstCount = firstCount.isEmpty() ? count : firstCount;
          evidence.add(count);
        }
      }
    }
    evidence.add(
        tolerance == null
            ? "the recording has no inferred line that could explain it"
            : "inferred lines that stand after it explain an L1 of up to "
                + tolerance.l1()
                + " ("
                + tolerance.pendingPages()
                + " pages)");
    return new FirstDifference(
        KmemChecks.BUDDYINFO, read.line, 0, read.file() + ": " + firstCount, evidence);
  }
}
