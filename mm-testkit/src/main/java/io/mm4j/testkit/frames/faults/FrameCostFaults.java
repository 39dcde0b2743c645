// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.faults;

import static io.mm4j.testkit.frames.faults.FrameFaults.fault;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.frames.naive.ByteFrames;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import java.util.List;

/** Faults in size and cost, and in what threads share. */
final class FrameCostFaults {
  private FrameCostFaults() {}

  static List<Fault<FrameAllocatorProvider>> all() {
    return List.of(
        new Fault<>(
            "an-object-a-call",
            "Every free makes an object.",
            List.of("FA-58"),
            untyped("an-object-a-call", MakesObjects::new)),
        new Fault<>(
            "tells-an-eighth",
            "metadataBytes() tells bytes as if they were bits.",
            List.of("FA-59"),
            untyped("tells-an-eighth", TellsAnEighth::new)),
        new Fault<>(
            "tells-too-much",
            "metadataBytes() counts a quarter more than there is.",
            List.of("FA-59"),
            untyped("tells-too-much", TellsTooMuch::new)),
        new Fault<>(
            "claims-too-large-zones",
            "Zones of 16 TiB are claimed, but frames are numbered by a signed int.",
            List.of("FA-60"),
            new ClaimsTooMuch("claims-too-large-zones", SignedIndex::new, 1L << 32)),
        new Fault<>(
            "claims-more-than-an-array",
            "Zones of 256 TiB are claimed, but one array has a byte for each frame.",
            List.of("FA-60"),
            new ClaimsTooMuch("claims-more-than-an-array", ByteFrames::new, 1L << 36)),
        fault(
            "counter-of-16-bits",
            "After 32768 frees freePages() is one too low.",
            List.of("FA-61"),
            ShortCounter::new),
        fault(
            "searches-on-free",
            "free looks through all blocks for the one that is freed.",
            List.of("FA-67"),
            SearchesOnFree::new),
        fault(
            "static-scratch",
            "head keeps its answer in a static field, and allocateFrom takes that.",
            List.of("FA-62"),
            StaticScratch::new));
  }

  private static NaiveFrames untyped(
      String name, java.util.function.Function<Zone, FrameAllocator> factory) {
    return new NaiveFrames(name, false, FrameAllocatorProvider.Choice.FIRST_FIT, factory);
  }

  private static final class MakesObjects extends ByteFrames {
    private static volatile long[] last = {};

    MakesObjects(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      last = new long[] {pfn, last.length};
      super.free(pfn, order, migratetype);
    }
  }

  private static final class TellsAnEighth extends ByteFrames {
    TellsAnEighth(Zone zone) {
      super(zone);
    }

    @Override
    public long metadataBytes() {
      return super.metadataBytes() >>> 3;
    }
  }

  private static final class TellsTooMuch extends ByteFrames {
    TellsTooMuch(Zone zone) {
      super(zone);
    }

    @Override
    public long metadataBytes() {
      return super.metadataBytes() / 4 * 5;
    }
  }

  private static final class ClaimsTooMuch implements FrameAllocatorProvider {
    private final NaiveFrames naive;
    private final long maxZonePages;

    ClaimsTooMuch(
        String name, java.util.function.Function<Zone, FrameAllocator> factory, long pages) {
      naive = new NaiveFrames(name, factory);
      maxZonePages = pages;
    }

    @Override
    public String name() {
      return naive.name();
    }

    @Override
    public String summary() {
      return naive.summary();
    }

    @Override
    public Capabilities capabilities() {
      return new Capabilities(
          true, true, true, true, false, Pages.MAX_PAGE_ORDER, maxZonePages, Choice.ANY);
    }

    @Override
    public FrameAllocator create(Zone zone, Options options) {
      return naive.create(zone, options);
    }
  }

  private static final class SignedIndex extends DelegatingFrames {
    SignedIndex(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      int index = (int) (pfn - zone.startPfn());
      super.free(zone.startPfn() + index, order, migratetype);
    }
  }

  private static final class ShortCounter extends DelegatingFrames {
    private int frees;

    ShortCounter(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      super.free(pfn, order, migratetype);
      frees++;
    }

    @Override
    public long freePages() {
      return super.freePages() - (frees > Short.MAX_VALUE ? 1 : 0);
    }
  }

  private static final class SearchesOnFree extends DelegatingFrames {
    @SuppressWarnings("UnusedVariable") // it is there to be written
    private long blocks;

    SearchesOnFree(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      forEachFree((head, o, type) -> blocks += head == pfn ? 0 : 1);
      super.free(pfn, order, migratetype);
    }
  }

  private static final class StaticScratch extends DelegatingFrames {
    private static volatile long head = NONE;
    private static volatile int list = -1;

    StaticScratch(Zone zone) {
      super(zone);
    }

    @Override
    public long head(int order, int migratetype) {
      head = super.head(order, migratetype);
      list = order << 3 | migratetype;
      return head;
    }

    @Override
    public long allocateFrom(int fromOrder, int fromType, int order, int restType) {
      boolean known = list == (fromOrder << 3 | fromType) && order <= fromOrder;
      list = -1;
      if (known && head != NONE) {
        return freeOrderAt(head) == fromOrder && take(head, order) ? head : NONE;
      }
      return super.allocateFrom(fromOrder, fromType, order, restType);
    }
  }
}
