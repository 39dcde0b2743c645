// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.InputException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the inferred lines of a recording allow at a read of buddyinfo.
 *
 * <p>Some blocks left or entered the kernel's free lists without an event. The recorder could only
 * infer that, and put a line {@code Z} or {@code D} where a later event or the last snapshot proves
 * it. So at a read in between, the kernel may have been without frames that the trace still counts
 * as free. How far a replay may be off follows from the recording alone:
 *
 * <ul>
 *   <li>A frame is <i>pending</i> at a read if the next core operation on it is a {@code Z} (it is
 *       free here, and was perhaps not free there) or a {@code D} (the other way round).
 *   <li>At the read before the first snapshot of the free frames, a frame that has had no event yet
 *       is not pending: the snapshot, which came later, saw it free.
 *   <li>The kernel's free blocks at the read must be ours with some of the pending frames removed
 *       or added. Frames that form an aligned block went together.
 * </ul>
 *
 * <p>From that, per zone: each order's count may differ within an interval, the pages by no more
 * than are pending, and L1 by no more than the sum over the free blocks with pending frames. With
 * nothing pending the tolerance is 0.
 *
 * <p>A second pass over the trace, made only if a read is off and there are inferred lines. Memory:
 * bits per frame for each such read.
 */
final class InferredLines {
  /** What a read may be off, and why it is not allowed to be as far off as it is. */
  static final class Tolerance {
    private final int zones;
    private final long[][] low;
    private final long[][] high;
    private final long[] removed;
    private final long[] added;
    private long l1;

    Tolerance(int zones) {
      this.zones = zones;
      this.low = new long[zones][Counts.ORDERS];
      this.high = new long[zones][Counts.ORDERS];
      this.removed = new long[zones];
      this.added = new long[zones];
    }

    /** The largest distance that can be explained. */
    long l1() {
      return l1;
    }

    /** Frames that are pending, in all zones. */
    long pendingPages() {
      long sum = 0;
      for (int z = 0; z < zones; z++) {
        sum += removed[z] + added[z];
      }
      return sum;
    }

    /** Whether the pending frames can explain the read. */
    boolean explains(BuddyinfoReads.Read read) {
      if (read.l1 > l1) {
        return false;
      }
      for (int z = 0; z < zones; z++) {
        long pages = 0;
        for (int o = 0; o < Counts.ORDERS; o++) {
          long off = read.recorded[z][o] - read.ours[z][o];
          if (off < low[z][o] || off > high[z][o]) {
            return false;
          }
          pages += off << o;
        }
        if (pages < -removed[z] || pages > added[z]) {
          return false;
        }
      }
      return true;
    }
  }

  /** What is followed for one read. */
  private static final class Pending {
    final BuddyinfoReads.Read read;
    final FreePages removed;
    final FreePages added;
    final FreePages touched;
    @Nullable FreePages free;

    Pending(BuddyinfoReads.Read read, RecordedZones zones) {
      this.read = read;
      this.removed = new FreePages(zones);
      this.added = new FreePages(zones);
      this.touched = new FreePages(zones);
    }
  }

  private final RecordedZones zones;
  private final List<Pending> pendings = new ArrayList<>();

  private InferredLines(RecordedZones zones) {
    this.zones = zones;
  }

  /**
   * Works out the tolerance of every given read.
   *
   * @param reads reads that were replayed and are off
   * @return in the same order
   */
  static List<Tolerance> tolerances(
      KmemSource source, RecordedZones zones, List<BuddyinfoReads.Read> reads) {
    InferredLines lines = new InferredLines(zones);
    for (BuddyinfoReads.Read read : reads) {
      lines.pendings.add(new Pending(read, zones));
    }
    lines.follow(source);
    return lines.pendings.stream().map(lines::tolerance).toList();
  }

  private void follow(KmemSource source) {
    FreePages free = FreePages.before(source, zones);
    FreePages sinceStart = new FreePages(zones);
    try (TraceReader event = new TraceReader(source, zones)) {
      while (event.next()) {
        int op = event.op();
        boolean in = TraceReader.inserts(op);
        if ((in || TraceReader.removes(op))
            && zones.holdsBlock(event.zone(), event.pfn(), event.order())) {
          for (Pending pending : pendings) {
            if (pending.free != null) {
              note(pending, pending.free, event, sinceStart);
            }
          }
          free.set(event.pfn(), event.order(), in);
          if (pendings.getFirst().free == null) {
            sinceStart.set(event.pfn(), event.order(), true);
          }
        }
        for (Pending pending : pendings) {
          if (pending.read.line == event.line()) {
            pending.free = free.copy();
          }
        }
      }
    }
  }

  /** The first operation on a frame after the read tells whether it was pending. */
  private static void note(
      Pending pending, FreePages then, TraceReader event, FreePages sinceStart) {
    long end = event.pfn() + (1L << event.order());
    for (long pfn = event.pfn(); pfn < end; pfn++) {
      if (pending.touched.get(pfn)) {
        continue;
      }
      pending.touched.set(pfn, 0, true);
      if (event.op() == 'Z' && then.get(pfn)) {
        if (pending.read.index > 0 || sinceStart.get(pfn)) {
          pending.removed.set(pfn, 0, true);
        }
      } else if (event.op() == 'D' && !then.get(pfn)) {
        pending.added.set(pfn, 0, true);
      }
    }
  }

  private Tolerance tolerance(Pending pending) {
    Tolerance tolerance = new Tolerance(zones.count());
    FreePages free = pending.free;
    if (free == null) {
      throw new InputException(
          "the trace changed while it was read", KmemSource.PAGES, "a file at rest");
    }
    // The blocks that there would be with every added frame: whatever happened, happened in them.
    FreePages most = free.copy();
    FreePages either = pending.removed.copy();
    pending.removed.forEach(pfn -> tolerance.removed[zones.indexOf(pfn)]++);
    pending.added.forEach(
        pfn -> {
          tolerance.added[zones.indexOf(pfn)]++;
          most.set(pfn, 0, true);
          either.set(pfn, 0, true);
        });
    long[] end = {0};
    either.forEach(
        pfn -> {
          if (pfn >= end[0]) {
            int order = most.blockOrder(pfn);
            long head = pfn & -(1L << order);
            end[0] = head + (1L << order);
            block(tolerance, head, order, free, either);
          }
        });
    return tolerance;
  }

  /** Adds what one block with pending frames may contribute. */
  private void block(Tolerance tolerance, long head, int order, FreePages free, FreePages either) {
    int zone = zones.indexOf(head);
    long[] ours = new long[Counts.ORDERS];
    for (long pfn = head; pfn < head + (1L << order); ) {
      int own = free.blockOrder(pfn);
      if (own >= 0) {
        ours[Math.min(own, order)]++;
      }
      pfn += 1L << Math.clamp(own, 0, order);
    }
    long[] most = new long[Counts.ORDERS];
    most[order] = 1;
    long pieces = split(head, order, either, most);
    long blocks = 0;
    for (int o = 0; o <= order; o++) {
      tolerance.low[zone][o] -= ours[o];
      tolerance.high[zone][o] += most[o] - ours[o];
      blocks += ours[o];
    }
    boolean whole = ours[order] == 1;
    tolerance.l1 += whole ? 1 + pieces : Math.max(1, pieces) + blocks;
  }

  /**
   * The most free blocks that can be left of a block when some of its pending frames are gone; adds
   * to {@code most} how many of each order there can be.
   */
  private static long split(long head, int order, FreePages either, long[] most) {
    int pending = either.count(head, order);
    if (pending == 0 || pending == 1 << order) {
      return 0;
    }
    int half = order - 1;
    long right = head + (1L << half);
    most[half]++;
    long ofLeft = split(head, half, either, most);
    long ofRight = split(right, half, either, most);
    long best = 0;
    boolean leftHit = either.count(head, half) > 0;
    boolean rightHit = either.count(right, half) > 0;
    if (leftHit) {
      best = Math.max(best, ofLeft + 1);
    }
    if (rightHit) {
      best = Math.max(best, ofRight + 1);
    }
    if (leftHit && rightHit) {
      best = Math.max(best, ofLeft + ofRight);
    }
    return best;
  }
}
