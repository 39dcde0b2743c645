// SPDX-License-Identifier: Apache-2.0

package io.mm4j.stress;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageStats;
import io.mm4j.api.page.ZoneStats;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * A small machine with two CPUs that tests borrow one after the other, and the check that nothing
 * is wrong with it. A machine that failed the check is not lent again.
 */
final class Box {
  /** The verdict on a machine with nothing wrong. */
  static final String WHOLE = "whole";

  /** What sort of machine; each has its own idle ones. */
  enum Kind {
    /** Per-cpu lists above buddy lists. */
    BUDDY("buddy", 64, false),
    /** Without per-cpu lists. */
    LLFREE("llfree", 64, false),
    BITMAP("bitmap", 64, false),
    /** The page allocator without lists, watermarks and counters. */
    DIRECT("buddy", 64, false),
    /** Large enough for an atomic reserve, and nearly exhausted. */
    SHORT("buddy", 256, true);

    private final String frames;
    private final long mib;
    private final boolean exhausted;

    Kind(String frames, long mib, boolean exhausted) {
      this.frames = frames;
      this.mib = mib;
      this.exhausted = exhausted;
    }
  }

  private static final Map<Kind, Queue<Box>> IDLE = new EnumMap<>(Kind.class);

  static {
    for (Kind kind : Kind.values()) {
      IDLE.put(kind, new ConcurrentLinkedQueue<>());
    }
  }

  private final Kind kind;
  private final Queue<Box> idle;
  final Machine machine;
  final PageAllocator pages;

  /** Frames that are free when nobody holds any. */
  private final long total;

  private final long largest;

  /** What the allocator must have counted so far. */
  private long allocated;

  private long freed;

  /** Whether the allocator itself allocates pages, and gives them back, to migrate to. */
  private boolean mayMigrate;

  private Box(Kind kind) {
    this.kind = kind;
    this.idle = idle(kind);
    MachineConfig config =
        new MachineConfig()
            .memory(kind.mib << 20)
            .cpus(2)
            .contents(false)
            .plugin("frame-allocator=" + kind.frames)
            .plugin("page-allocator=" + (kind == Kind.DIRECT ? "direct" : "linux"));
    if (kind != Kind.DIRECT) {
      config.sysctl("min_free_kbytes", "1024");
    }
    machine = config.boot();
    pages = machine.pages();
    if (kind.exhausted) {
      exhaust();
    }
    pages.drainAllPages(cpu(0));
    total = pages.freePages();
    largest = freeBlocks(Pages.MAX_PAGE_ORDER);
    allocated = counted("pgalloc_");
    freed = counted("pgfree");
  }

  private void exhaust() {
    for (int order : new int[] {Pages.PAGEBLOCK_ORDER, 0}) {
      long pfn = 0;
      while (pfn != PageAllocator.NO_PAGE) {
        pfn = pages.allocPages(cpu(0), Gfp.GFP_NOWAIT, order);
      }
    }
  }

  private static Queue<Box> idle(Kind kind) {
    return Objects.requireNonNull(IDLE.get(kind));
  }

  /** A machine that nobody else has. */
  static Box borrow(Kind kind) {
    Box box = idle(kind).poll();
    return box == null ? new Box(kind) : box;
  }

  /** From now on the allocator may have counted pages that it took for itself and gave back. */
  Box migrating() {
    mayMigrate = true;
    return this;
  }

  Cpu cpu(int id) {
    return machine.cpus().get(id);
  }

  /** The free blocks of the largest zone. */
  ManagedZone largestZone() {
    ManagedZone largest = machine.zones().getFirst();
    for (ManagedZone zone : machine.zones()) {
      largest = zone.zone().spannedPages() > largest.zone().spannedPages() ? zone : largest;
    }
    return largest;
  }

  private long freeBlocks(int order) {
    return machine.zones().stream().mapToLong(z -> z.frames().freeBlocks(order)).sum();
  }

  private long counted(String prefix) {
    long sum = 0;
    Map<String, Long> events = pages.stats().map(PageStats::vmEvents).orElse(Map.of());
    for (Map.Entry<String, Long> event : events.entrySet()) {
      sum += event.getKey().startsWith(prefix) ? event.getValue() : 0;
    }
    return sum;
  }

  /**
   * Looks at everything after both threads are done, takes back what they hold, and gives the
   * machine to the next test if all is well.
   *
   * @return {@link #WHOLE}, or what is wrong
   */
  String check(Worker... workers) {
    String wrong;
    try {
      wrong = look(workers);
    } catch (RuntimeException | Error e) {
      wrong = e.toString();
    }
    if (wrong != null) {
      return wrong;
    }
    idle.add(this);
    return WHOLE;
  }

  private @Nullable String look(Worker... workers) {
    BitSet held = new BitSet();
    int sum = 0;
    List<String> failures = new ArrayList<>();
    for (Worker worker : workers) {
      sum += worker.markHeld(held);
      if (worker.failure() != null) {
        failures.add(worker.failure());
      }
    }
    if (!failures.isEmpty()) {
      return "threw " + failures;
    }
    if (held.cardinality() != sum) {
      return "two hold one frame";
    }
    long known = pages.freePages() + pages.pcpPages() + sum;
    if (known != total) {
      return (known < total ? "lost " : "invented ") + Math.abs(known - total) + " frames";
    }
    for (Worker worker : workers) {
      worker.giveAll();
      allocated += worker.allocated;
      freed += worker.freed;
    }
    pages.drainAllPages(cpu(0));
    if (pages.pcpPages() != 0 || pages.freePages() != total) {
      return "drained, but " + pages.pcpPages() + " on lists and " + pages.freePages() + " free";
    }
    if (!kind.exhausted && freeBlocks(Pages.MAX_PAGE_ORDER) != largest) {
      return "not merged to what it was";
    }
    long moreAllocated = counted("pgalloc_") - allocated;
    long moreFreed = counted("pgfree") - freed;
    if (kind != Kind.DIRECT && (moreAllocated != moreFreed || (moreFreed != 0 && !mayMigrate))) {
      return "miscounted: pgalloc " + moreAllocated + ", pgfree " + moreFreed;
    }
    allocated += moreAllocated;
    freed += moreFreed;
    machine.validate();
    return reserve();
  }

  /** The atomic reserve is counted as the pageblocks say. */
  private @Nullable String reserve() {
    long pageblocks = 0;
    for (ManagedZone zone : machine.zones()) {
      for (long pfn = Pages.alignUp(zone.zone().startPfn(), Pages.PAGEBLOCK_NR_PAGES);
          pfn < zone.zone().endPfn();
          pfn += Pages.PAGEBLOCK_NR_PAGES) {
        pageblocks += zone.zone().pageblocks().get(pfn) == Migratetype.HIGHATOMIC ? 1 : 0;
      }
    }
    long reserved =
        pages.stats().map(PageStats::zones).orElse(List.of()).stream()
            .mapToLong(ZoneStats::highatomic)
            .sum();
    return reserved == pageblocks * Pages.PAGEBLOCK_NR_PAGES
        ? null
        : "reserve counted " + reserved + ", pageblocks " + pageblocks;
  }
}
