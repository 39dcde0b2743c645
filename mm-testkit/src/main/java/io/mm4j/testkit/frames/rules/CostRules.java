// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.HeapUse;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Rules about size and cost: how much a plugin holds, how large a zone may be, many calls. */
public final class CostRules {
  private static final String UNTOLD = "the plugin does not tell metadataBytes()";
  private static final long START = 32768 + 1024;

  private CostRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        new PlainRule(
            new RuleInfo(
                "FA-58",
                "no-objects",
                "Calls on memory that was touched before allocate no Java objects. Judged where the"
                    + " plugin tells metadataBytes().",
                "A garbage collection in the middle of a page fault.",
                "mm4j's contract of FrameAllocator",
                "a lambda, an iterator or a boxed number in a hot call"),
            CostRules::tellsItsSize,
            CostRules::noObjects),
        new PlainRule(
            new RuleInfo(
                "FA-59",
                "metadata-bytes-tell-all",
                "metadataBytes(), where the plugin tells it, is what creation and first splits"
                    + " allocate: no more than that, and no less but for a 256th and 4 KiB.",
                "What a machine of a tebibyte costs is said by this number.",
                "mm4j's contract of FrameAllocator",
                "one of the tables is forgotten, or counted in the wrong unit"),
            CostRules::tellsItsSize,
            CostRules::metadataBytes),
        new PlainRule(
            new RuleInfo(
                "FA-60",
                "largest-zone",
                "A zone of maxZonePages frames works - or of as many of them as 64 MiB of tables"
                    + " allow -, at both ends and in the middle; of one whose tables no heap here"
                    + " holds, creation fails for want of memory and for no other reason.",
                "A claim that is not true ends in a crash at boot.",
                "include/linux/mmzone.h spanned_pages",
                "an index of 32 bits is signed, or overflows on the way"),
            (provider, options) -> null,
            CostRules::largestZone),
        new PlainRule(
            new RuleInfo(
                "FA-61",
                "many-frees",
                "Every page of a zone - a 1024th of the largest, 2 GiB at most - can be had singly"
                    + " and given back in scattered order, three times, and the zone is whole"
                    + " again.",
                "Counters of 16 bits and searches through a whole list show only then.",
                "mm/page_alloc.c; kernel page allocator stress",
                "a counter overflows, or every free looks through all blocks"),
            (provider, options) -> null,
            CostRules::manyFrees));
  }

  private static @Nullable String tellsItsSize(FrameAllocatorProvider provider, Options options) {
    return provider.create(zone(64, 1024), options).metadataBytes() < 0 ? UNTOLD : null;
  }

  private static Zone zone(long start, long frames) {
    return new Zone(ZoneType.NORMAL, 0, start, start + frames, frames, frames, Migratetype.MOVABLE);
  }

  private static FrameAllocatorProvider.Capabilities can(
      FrameAllocatorProvider provider, Options options) {
    return provider.capabilities(options);
  }

  private static void noObjects(FrameAllocatorProvider provider, Options options) {
    var can = can(provider, options);
    Zone zone = zone(START, 4096);
    FrameAllocator frames = provider.create(zone, options);
    frames.freeRange(START, zone.endPfn(), Migratetype.MOVABLE, can.maxOrder());
    long least = Long.MAX_VALUE;
    for (int window = 0; window < 30 && least > 0; window++) {
      long before = HeapUse.ofThisThread();
      int failed = 0;
      for (int i = 0; i < 20; i++) {
        failed += hotCalls(frames, can.maxOrder(), can.takesExactly(), i);
      }
      least = Math.min(least, HeapUse.ofThisThread() - before);
      checkEqual(0, failed, "hot calls that gave nothing");
    }
    checkEqual(0, least, "bytes that 20 rounds of hot calls allocate at least");
    frames.validate();
  }

  private static int hotCalls(FrameAllocator frames, int maxOrder, boolean takes, int round) {
    int failed = 0;
    for (int order = 0; order <= Math.min(maxOrder, 8); order++) {
      int type = frames.head(maxOrder, Migratetype.MOVABLE) < 0 ? -1 : Migratetype.MOVABLE;
      long pfn = frames.allocate(order, Migratetype.MOVABLE);
      long from = frames.allocateFrom(maxOrder, Migratetype.MOVABLE, order, Migratetype.MOVABLE);
      if (pfn < 0 || (type >= 0 && from < 0)) {
        return failed + 1;
      }
      failed += frames.freePagesIn(pfn, order) == 0 && frames.freeOrderAt(pfn) < 0 ? 0 : 1;
      if (from >= 0) {
        frames.freeToTail(from, order, Migratetype.MOVABLE);
      }
      frames.free(pfn, order, Migratetype.MOVABLE);
      if (takes) {
        failed += frames.take(pfn, order) && !frames.take(pfn, order) ? 0 : 1;
        frames.freeRange(pfn, pfn + (1L << order), Migratetype.MOVABLE, maxOrder);
      }
      failed += frames.freePages() > 0 && frames.freeBlocks(order) >= 0 ? 0 : 1;
    }
    int type = round % 2 == 0 ? Migratetype.MOVABLE : Migratetype.UNMOVABLE;
    frames.movePageblock(START + 2048, type);
    frames.movePageblock(START + 2048, Migratetype.MOVABLE);
    return failed;
  }

  private static void metadataBytes(FrameAllocatorProvider provider, Options options) {
    long before = HeapUse.ofThisThread();
    Object[] references = new Object[1000];
    if (HeapUse.ofThisThread() - before > 6L * references.length) {
      return; // references of 8 bytes: what tables of them take is not in the contract
    }
    long most = can(provider, options).maxZonePages();
    splitSome(provider, options, Math.min(1 << 28, most >>> 4), 16); // tables of untouched memory
    splitSome(provider, options, Math.min(1 << 19, most), 1 << 10); // and of touched
  }

  /** Compares the bytes of a zone as it is made and when a block in each of some parts is split. */
  private static void splitSome(
      FrameAllocatorProvider provider, Options options, long pages, int parts) {
    var can = can(provider, options);
    Zone zone = zone(START, pages);
    long allocated = creationBytes(provider, options, zone);
    FrameAllocator frames = provider.create(zone, options);
    tells(allocated, frames.metadataBytes(), "creation");
    long size = 1L << can.maxOrder();
    for (int i = 0; i < parts; i++) {
      long pfn = (START + zone.spannedPages() / parts * i + size - 1) & -size;
      if (pfn + size > zone.endPfn() || frames.freePagesIn(pfn, can.maxOrder()) > 0) {
        continue;
      }
      long before = HeapUse.ofThisThread();
      frames.free(pfn, can.maxOrder(), Migratetype.MOVABLE);
      boolean page =
          can.takesExactly() ? frames.take(pfn, 0) : frames.allocate(0, Migratetype.MOVABLE) >= 0;
      allocated += HeapUse.ofThisThread() - before;
      check(page, "a page of the block that was freed", "none");
    }
    tells(allocated, frames.metadataBytes(), "creation and first splits");
  }

  /** What creation allocates; the first one loads classes, too, so it is the least of some. */
  private static long creationBytes(FrameAllocatorProvider provider, Options options, Zone zone) {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 4; i++) {
      long before = HeapUse.ofThisThread();
      long _ = provider.create(zone, options).freePages();
      least = Math.min(least, HeapUse.ofThisThread() - before);
    }
    return least;
  }

  private static void tells(long allocated, long told, String when) {
    long least = allocated - allocated / 256 - 4096;
    check(told >= least, "metadataBytes() of " + least + " or more after " + when, "" + told);
    check(
        told <= allocated, "metadataBytes() of at most " + allocated + " after " + when, "" + told);
  }

  /** A table whose length is an int, or is counted by one, fails in another way. */
  private static void beyondTheHeap(FrameAllocatorProvider provider, Options options, long pages) {
    try {
      checkEqual(0, provider.create(zone(START, pages), options).freePages(), "freePages()");
    } catch (OutOfMemoryError e) {
      // as it should be
    }
  }

  private static void largestZone(FrameAllocatorProvider provider, Options options) {
    var can = can(provider, options);
    long probe = Math.min(1 << 20, can.maxZonePages());
    double bytesOfPage =
        creationBytes(provider, options, zone(START, probe)) / (double) probe
            + 1.0 / Pages.PAGEBLOCK_NR_PAGES;
    long pages = can.maxZonePages();
    if (pages > Integer.MAX_VALUE && pages * bytesOfPage > Runtime.getRuntime().maxMemory()) {
      beyondTheHeap(provider, options, Math.min(pages, 1L << 36));
    }
    while (pages > probe && pages * bytesOfPage > 64 << 20) {
      pages /= 2;
    }
    Zone zone = zone(START, pages);
    FrameAllocator frames = provider.create(zone, options);
    int order = can.maxOrder();
    long size = 1L << order;
    long[] blocks = {
      0, pages / 2, (1L << 31) - START - size, (1L << 31) - START, (1L << 31), pages - size
    };
    long freed = 0;
    for (long offset : blocks) {
      long pfn = (START + Math.max(0, offset) + size - 1) & -size;
      pfn = pfn + size > zone.endPfn() ? pfn - size : pfn;
      if (offset >= 0 && offset < pages && frames.freeOrderAt(pfn) < 0) {
        frames.free(pfn, order, Migratetype.MOVABLE);
        freed++;
        checkEqual(order, frames.freeOrderAt(pfn), String.format(Locale.ROOT, "order at %d", pfn));
      }
    }
    checkEqual(freed << order, frames.freePages(), "freePages()");
    for (long got = 0; got < freed; got++) {
      long pfn = frames.allocate(0, Migratetype.MOVABLE);
      check(zone.contains(pfn), "a page of the zone", "" + pfn);
      checkEqual(
          size - 1,
          frames.freePagesIn(pfn & -size, order),
          String.format(Locale.ROOT, "freePagesIn(0x%x, %d)", pfn & -size, order));
      for (long p = pfn & -size; p < (pfn & -size) + size; p++) {
        if (p != pfn && can.takesExactly()) {
          check(frames.take(p, 0), "page " + p + " taken", "refused");
        }
      }
      if (!can.takesExactly()) {
        return;
      }
    }
    checkEqual(0, frames.freePages(), "freePages() when all was taken");
  }

  private static void manyFrees(FrameAllocatorProvider provider, Options options) {
    var can = can(provider, options);
    int size = (int) Math.min(1 << 19, can.maxZonePages() >>> 10);
    Zone zone = zone(START, size);
    FrameAllocator frames = provider.create(zone, options);
    frames.freeRange(START, zone.endPfn(), Migratetype.MOVABLE, can.maxOrder());
    int rounds = size < 1 << 16 ? 40 : 3;
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < size; i++) {
        if (frames.allocate(0, Migratetype.MOVABLE) < 0) {
          throw new RuleViolation("page " + i + " of " + size, "none");
        }
      }
      checkEqual(0, frames.freePages(), "freePages() when all is held");
      for (int i = 0; i < size; i++) {
        // an odd multiplier below a power of two meets every number once
        frames.free(START + (i * 40503L + round) % size, 0, Migratetype.MOVABLE);
      }
      checkEqual(size, frames.freePages(), "freePages() when all is back");
    }
    long[] walked = {0};
    frames.forEachFree((pfn, order, type) -> walked[0] += 1L << order);
    checkEqual(size, walked[0], "frames in free blocks");
    frames.validate();
    Pageblocks types = zone.pageblocks();
    checkEqual(Migratetype.MOVABLE, types.get(zone.endPfn() - 1), "type of the last pageblock");
  }
}
