// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.page.ManagedZone;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes samples at even steps of recorded time without knowing how long the recording is: when
 * there are twice as many as wanted, every second one is dropped and the step doubled. So it keeps
 * between {@code points} and twice as many, and two replays of one recording are sampled at the
 * same events.
 */
final class Sampler {
  private static final long FIRST_STEP_NS = 1_000_000;

  private final int points;
  private final List<ManagedZone> zones;
  private final List<Sample> samples = new ArrayList<>();
  private long startNs;
  private long stepNs = FIRST_STEP_NS;
  private long dueNs;
  private boolean started;

  /**
   * A sampler of these zones.
   *
   * @param points 0 for no samples at all
   */
  Sampler(int points, List<ManagedZone> zones) {
    this.points = points;
    this.zones = zones;
    this.dueNs = points == 0 ? Long.MAX_VALUE : Long.MIN_VALUE;
  }

  /** Whether a sample is due before the event of this time; cheap. */
  boolean due(long timeNs) {
    return timeNs >= dueNs;
  }

  /** Takes a sample: the state after {@code line}, at the time of the event behind it. */
  void take(long timeNs, long line, long pcpPages, long failures) {
    if (!started) {
      started = true;
      startNs = timeNs;
    }
    samples.add(sample(timeNs, line, pcpPages, failures));
    if (samples.size() >= 2 * points) {
      stepNs = Math.min(stepNs * 2, 1L << 60);
      thin();
    }
    dueNs = startNs + ((timeNs - startNs) / stepNs + 1) * stepNs;
  }

  /** Keeps the first sample of every step. */
  private void thin() {
    long step = -1;
    List<Sample> kept = new ArrayList<>();
    for (Sample sample : samples) {
      long own = (sample.timeNs() - startNs) / stepNs;
      if (own > step) {
        kept.add(sample);
        step = own;
      }
    }
    if (kept.size() == samples.size()) {
      // Far apart already: the steps grow until they meet.
      return;
    }
    samples.clear();
    samples.addAll(kept);
  }

  private Sample sample(long timeNs, long line, long pcpPages, long failures) {
    List<long[]> counts = new ArrayList<>();
    for (ManagedZone zone : zones) {
      long[] row = new long[Counts.ORDERS];
      for (int o = 0; o < row.length; o++) {
        row[o] = zone.frames().freeBlocks(o);
      }
      counts.add(row);
    }
    return new Sample(timeNs, line, counts, pcpPages, failures);
  }

  /** The samples so far and one of the end. */
  List<Sample> finish(long timeNs, long line, long pcpPages, long failures) {
    if (points > 0) {
      samples.add(sample(timeNs, line, pcpPages, failures));
    }
    return List.copyOf(samples);
  }
}
