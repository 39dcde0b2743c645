// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.replay.FirstDifference;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Plays the core operations of a recording on frame allocators, block for block as the kernel did
 * them: a removal takes exactly the recorded block, an insertion gives it back.
 *
 * <p>Steps: the free blocks before the first event go in; then the events, one after the other,
 * with the reads of buddyinfo compared on the way; then the free blocks are compared with the
 * recorded ones. An operation that is impossible - a block that is not free is removed, one with a
 * free frame is inserted - is counted and left out.
 *
 * <p>One pass; nothing is kept of an event but, of the first impossible one, its evidence. Besides
 * the operations on the allocators it notes what later passes need to know: whether there are
 * inferred lines and fallbacks, and the first migratetype that each pageblock shows.
 */
final class ExactReplay {
  private static final int UNKNOWN = -1;

  private final KmemSource source;
  private final RecordedZones zones;
  private final List<ManagedZone> managed;
  private final FrameAllocator[] frames;
  private final Pageblocks[] pageblocks;
  private final boolean typed;
  private final BuddyinfoReads reads;
  private final Sampler sampler;

  private long events;
  private long operations;
  private long possible;
  private long inferred;
  private long fallbacks;
  private long startBlocks;
  private @Nullable FirstDifference firstImpossible;
  private long @Nullable [] firstImpossibleBlock;
  private @Nullable FinalBlocks finalBlocks;
  private List<Sample> samples = List.of();
  private long lastTimeNs;

  /**
   * Prepares a replay.
   *
   * @param managed allocators with nothing free, one for each of {@code zones} and in their order
   * @param points how many samples to take at least; 0 for none
   */
  ExactReplay(KmemSource source, RecordedZones zones, List<ManagedZone> managed, int points) {
    this.source = source;
    this.zones = zones;
    this.managed = managed;
    this.frames = managed.stream().map(ManagedZone::frames).toArray(FrameAllocator[]::new);
    this.pageblocks = managed.stream().map(m -> m.zone().pageblocks()).toArray(Pageblocks[]::new);
    this.typed = managed.getFirst().capabilities().migratetypes();
    this.reads = new BuddyinfoReads(source, zones, managed);
    this.sampler = new Sampler(points, managed);
  }

  /** Runs it, and compares what is free at the end. */
  void run() {
    play();
    reads.finish(source);
    finalBlocks = FinalBlocks.compare(source, zones, managed);
  }

  /** Makes the operations. */
  void play() {
    load();
    try (TraceReader event = new TraceReader(source, zones)) {
      while (event.next()) {
        if (sampler.due(event.timeNs())) {
          sampler.take(event.timeNs(), event.line() - 1, 0, 0);
        }
        step(event);
      }
      events = event.line() - 2;
      lastTimeNs = event.timeNs();
      samples = sampler.finish(lastTimeNs, event.line(), 0, 0);
    }
  }

  private void load() {
    try (FreeBlocks blocks = new FreeBlocks(source, FreeBlocks.BEFORE, zones)) {
      while (blocks.next()) {
        startBlocks++;
        int zone = blocks.zone();
        free(zone, blocks.pfn(), blocks.order(), pageblocks[zone].get(blocks.pfn()));
      }
    }
  }

  private void step(TraceReader event) {
    switch (event.op()) {
      case 'z' -> {
        noteType(event, event.type());
        remove(event);
      }
      case 'E' -> {
        fallbacks++;
        noteType(event, event.changesOwner() ? event.type() : event.fallbackType());
        remove(event);
      }
      case 'Z' -> {
        inferred++;
        remove(event);
      }
      case 'd' -> {
        noteType(event, event.type());
        insert(event, event.type());
      }
      case 'F' -> insert(event, UNKNOWN);
      case 'D' -> {
        inferred++;
        insert(event, UNKNOWN);
      }
      case 'e' -> fallbacks++;
      case 'm' -> reads.marker(event);
      default -> {
        // a request, or an event about something else
      }
    }
  }

  /** What is removed or drained shows the type that its pageblock has by now. */
  private void noteType(TraceReader event, int type) {
    int zone = event.zone();
    if (typed && pageblocks[zone].get(event.pfn()) != type && type < Migratetype.PCPTYPES) {
      frames[zone].movePageblock(event.pfn(), type);
    }
  }

  private void remove(TraceReader event) {
    operations++;
    int zone = event.zone();
    if (zones.holdsBlock(zone, event.pfn(), event.order())
        && take(zone, event.pfn(), event.order())) {
      possible++;
      reads.changed(zone, event.line());
    } else {
      impossible(event, "removes a block that is not free");
    }
  }

  private void insert(TraceReader event, int type) {
    operations++;
    int zone = event.zone();
    long pfn = event.pfn();
    int order = event.order();
    if (!zones.holdsBlock(zone, pfn, order) || frames[zone].freePagesIn(pfn, order) != 0) {
      impossible(event, "inserts a block that is free already");
      return;
    }
    try {
      free(zone, pfn, order, type == UNKNOWN ? pageblocks[zone].get(pfn) : type);
    } catch (MisuseException e) {
      impossible(event, "inserts a block that the allocator refuses: " + e.getMessage());
      return;
    }
    possible++;
    reads.changed(zone, event.line());
  }

  /** Frees a recorded block, in pieces if the allocator has no blocks of its order. */
  private void free(int zone, long pfn, int order, int type) {
    int piece = Math.min(order, managed.get(zone).capabilities().maxOrder());
    for (long p = pfn; p < pfn + (1L << order); p += 1L << piece) {
      frames[zone].free(p, piece, type);
    }
  }

  /** Takes a recorded block, in pieces if the allocator has no blocks of its order. */
  private boolean take(int zone, long pfn, int order) {
    int piece = Math.min(order, managed.get(zone).capabilities().maxOrder());
    if (piece < order && frames[zone].freePagesIn(pfn, order) != 1 << order) {
      return false;
    }
    boolean taken = true;
    for (long p = pfn; p < pfn + (1L << order); p += 1L << piece) {
      taken &= frames[zone].take(p, piece);
    }
    return taken;
  }

  private void impossible(TraceReader event, String what) {
    if (firstImpossible != null) {
      return;
    }
    long pfn = event.pfn();
    int order = event.order();
    List<String> evidence = new ArrayList<>();
    evidence.add(event.where() + ": " + event.text());
    String problem = what;
    if (!zones.holdsBlock(event.zone(), pfn, order)) {
      problem = "names a block that cannot be";
      evidence.add(
          "a block of order "
              + order
              + " begins at a multiple of "
              + (1L << order)
              + " and lies in one zone; pfn "
              + pfn
              + " is "
              + zones.list().get(event.zone()));
      order = 0;
    }
    int free = frames[event.zone()].freePagesIn(pfn, order);
    evidence.add(
        free
            + " of its "
            + (1L << order)
            + " frames "
            + (free == 1 ? "is" : "are")
            + " free"
            + holder(event.zone(), pfn));
    firstImpossibleBlock = new long[] {pfn, order};
    firstImpossible =
        new FirstDifference(
            KmemChecks.CORE_OPS,
            event.line(),
            operations,
            "'" + event.text() + "' " + problem,
            evidence);
  }

  /** The free block that holds a frame, in words. */
  private String holder(int zone, long pfn) {
    for (int o = 0; o < Counts.ORDERS; o++) {
      long head = pfn & -(1L << o);
      int order = head < zones.startPfn(zone) ? -1 : frames[zone].freeOrderAt(head);
      if (order >= 0 && head + (1L << order) > pfn) {
        return "; pfn " + pfn + " lies in the free block of order " + order + " at pfn " + head;
      }
    }
    return "; pfn " + pfn + " is in no free block";
  }

  /** The first impossible operation, with the last one before it on the same frames, or null. */
  @Nullable FirstDifference firstImpossible() {
    FirstDifference first = firstImpossible;
    if (first == null || firstImpossibleBlock == null) {
      return null;
    }
    List<String> evidence = new ArrayList<>(first.evidence());
    evidence.addAll(History.last(source, zones, List.of(firstImpossibleBlock), first.line()));
    return new FirstDifference(first.check(), first.line(), first.call(), first.what(), evidence);
  }

  BuddyinfoReads reads() {
    return reads;
  }

  /** The comparison at the end. */
  FinalBlocks finalBlocks() {
    FinalBlocks result = finalBlocks;
    if (result == null) {
      throw new IllegalStateException("finalBlocks=null: the replay has not run");
    }
    return result;
  }

  /** Events in the trace. */
  long events() {
    return events;
  }

  /** Core operations. */
  long operations() {
    return operations;
  }

  /** Core operations that were possible. */
  long possible() {
    return possible;
  }

  /** Lines Z and D. */
  long inferred() {
    return inferred;
  }

  /** Lines e and E. */
  long fallbacks() {
    return fallbacks;
  }

  /** Free blocks before the first event. */
  long startBlocks() {
    return startBlocks;
  }

  /** Samples over recorded time. */
  List<Sample> samples() {
    return samples;
  }
}
