// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.InputException;
import io.mm4j.api.page.ManagedZone;
import java.util.List;

/**
 * The four reads of {@code /proc/buddyinfo} that a recording contains. A read happened at some
 * moment between two markers, so it is compared with the free blocks after every event between
 * them; the smallest distance counts. The distance is L1: the sum, over zones and orders, of the
 * absolute differences.
 *
 * <p>Work is done only between the markers, and then only for the zone that an event changed.
 */
final class BuddyinfoReads {
  /** The reads in the order of time. */
  static final List<String> FILES =
      List.of(
          "snap/buddyinfo.before",
          "snap/buddyinfo2.before",
          "snap/buddyinfo.after",
          "snap/buddyinfo2.after");

  /** One read and the best match so far. */
  static final class Read {
    final int index;
    final long[][] recorded;
    final long[][] ours;
    long l1 = -1;
    long line;

    Read(int index, long[][] recorded) {
      this.index = index;
      this.recorded = recorded;
      this.ours = new long[recorded.length][Counts.ORDERS];
    }

    String file() {
      return FILES.get(index);
    }
  }

  private final List<ManagedZone> zones;
  private final List<Read> reads;
  private final long[] zoneL1;
  private final long[] row = new long[Counts.ORDERS];
  private int snapshot = -1;
  private int open = -1;

  /**
   * Loads the recorded counts.
   *
   * @param zones in the order of {@code recorded}
   */
  BuddyinfoReads(KmemSource source, RecordedZones recorded, List<ManagedZone> zones) {
    this.zones = zones;
    this.zoneL1 = new long[zones.size()];
    this.reads = new java.util.ArrayList<>();
    for (int i = 0; i < FILES.size(); i++) {
      reads.add(new Read(i, Counts.buddyinfo(source, FILES.get(i), recorded)));
    }
  }

  List<Read> reads() {
    return reads;
  }

  /** Follows the markers; anything but snapshots and their reads is none of its business. */
  void marker(TraceReader event) {
    switch (event.marker()) {
      case "B0" -> open(0, event);
      case "B1" -> close(0, event);
      case "B2" -> open(1, event);
      case "B3" -> close(1, event);
      default -> {
        if (event.marker().startsWith("SNAP0 begin")) {
          begin(0, event);
        } else if (event.marker().startsWith("SNAP1 begin")) {
          begin(1, event);
        } else if (event.marker().startsWith("SNAP0 end")
            || event.marker().startsWith("SNAP1 end")) {
          snapshot = -1;
        }
      }
    }
  }

  /** A snapshot that the recorder tried again counts from its last beginning. */
  private void begin(int which, TraceReader event) {
    if (open >= 0) {
      throw event.error("a snapshot begins within a read", "B1 or B3 first");
    }
    snapshot = which;
    reads.get(2 * which).l1 = -1;
    reads.get(2 * which + 1).l1 = -1;
  }

  private void open(int which, TraceReader event) {
    if (snapshot < 0 || open >= 0) {
      throw event.error(
          "a read begins outside a snapshot or within a read", "SNAPi begin, B0, B1, B2, B3");
    }
    open = 2 * snapshot + which;
    for (int z = 0; z < zones.size(); z++) {
      measure(z);
    }
    compare(event.line());
  }

  private void close(int which, TraceReader event) {
    if (open != 2 * snapshot + which) {
      throw event.error("a read ends that did not begin", "SNAPi begin, B0, B1, B2, B3");
    }
    open = -1;
  }

  /** A core operation changed this zone. */
  void changed(int zone, long line) {
    if (open >= 0) {
      measure(zone);
      compare(line);
    }
  }

  private void measure(int zone) {
    count(zone, row);
    zoneL1[zone] = Counts.l1(row, reads.get(open).recorded[zone]);
  }

  private void count(int zone, long[] into) {
    for (int o = 0; o < Counts.ORDERS; o++) {
      into[o] = zones.get(zone).frames().freeBlocks(o);
    }
  }

  private void compare(long line) {
    long sum = 0;
    for (long l1 : zoneL1) {
      sum += l1;
    }
    Read read = reads.get(open);
    if (read.l1 >= 0 && read.l1 <= sum) {
      return;
    }
    read.l1 = sum;
    read.line = line;
    for (int z = 0; z < zones.size(); z++) {
      count(z, read.ours[z]);
    }
  }

  /** At the end of the trace: every read must have happened. */
  void finish(KmemSource source) {
    for (Read read : reads) {
      if (read.l1 < 0 || open >= 0) {
        throw new InputException(
            "the trace ends without the markers around the read of " + read.file(),
            source.where(KmemSource.PAGES),
            "a whole trace, from SNAP0 begin to SNAP1 end");
      }
    }
  }
}
