// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import java.util.Arrays;
import java.util.List;

/**
 * The free blocks at one moment of recorded time.
 *
 * @param timeNs nanoseconds since the workload's start; negative before it
 * @param line the line of the trace that was replayed last
 * @param zones free blocks by zone and order, zones in the order of their frames
 * @param pcpPages frames on per-cpu lists; 0 where the replay has none
 * @param failures requests that got nothing so far; 0 where the replay makes none
 */
public record Sample(long timeNs, long line, List<long[]> zones, long pcpPages, long failures) {
  /** Copies the list; the arrays are the sample's own. */
  public Sample {
    zones = List.copyOf(zones);
  }

  /** Free blocks by order in all zones. */
  public long[] blocks() {
    long[] sum = new long[Counts.ORDERS];
    for (long[] zone : zones) {
      for (int o = 0; o < sum.length; o++) {
        sum[o] += zone[o];
      }
    }
    return sum;
  }

  /** Free pages in all zones. */
  public long freePages() {
    return Fragmentation.freePages(blocks());
  }

  /** The unusable index of one zone in thousandths, see {@link Fragmentation#unusableIndex}. */
  public int unusableIndex(int zone, int order) {
    return Fragmentation.unusableIndex(zones.get(zone), order);
  }

  /** The fragmentation index of one zone, see {@link Fragmentation#extfragIndex}. */
  public int extfragIndex(int zone, int order) {
    return Fragmentation.extfragIndex(zones.get(zone), order);
  }

  @Override
  public String toString() {
    return "t=" + timeNs + " " + Arrays.deepToString(zones.toArray());
  }
}
