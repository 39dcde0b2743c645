// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migrator;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.page.Reclaimer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;

/** The smallest floor above a page allocator: it can give pages up, and move them. */
public final class Toys {
  private Toys() {}

  /** Holds pages and frees one each time it is asked; may allocate while it does. */
  public static final class ToyReclaimer implements Reclaimer {
    /** Its own allocation is large, so that there is none when memory is short. */
    private static final int OWN_ORDER = 9;

    private final PageAllocator pages;
    private final boolean allocates;
    private final Deque<Long> held = new ArrayDeque<>();
    private int asked;
    private int depth;
    private int deepest;

    /**
     * Creates it.
     *
     * @param allocates whether it allocates a block of its own while it reclaims
     */
    public ToyReclaimer(PageAllocator pages, boolean allocates) {
      this.pages = pages;
      this.allocates = allocates;
    }

    /** Gives it a page of order 0. */
    public void hold(long pfn) {
      held.add(pfn);
    }

    /** How many pages it still has. */
    public int left() {
      return held.size();
    }

    /** How often it was asked. */
    public int asked() {
      return asked;
    }

    /** How deep calls were nested; 1 if never. */
    public int deepest() {
      return deepest;
    }

    @Override
    public long reclaim(ReclaimRequest request) {
      asked++;
      depth++;
      deepest = Math.max(deepest, depth);
      try {
        if (allocates && depth < 4) {
          long own = pages.allocPages(request.cpu(), Gfp.GFP_KERNEL, OWN_ORDER);
          if (own != PageAllocator.NO_PAGE) {
            pages.freePages(request.cpu(), own, OWN_ORDER);
          }
        }
        if (held.isEmpty()) {
          return 0;
        }
        pages.freePages(request.cpu(), held.remove(), 0);
        return 1;
      } finally {
        depth--;
      }
    }
  }

  /** Moves blocks of owner ANON and remembers where they went. */
  public static final class ToyMigrator implements Migrator {
    private final PhysicalMemory memory;
    private final Map<Long, Long> moved = new TreeMap<>();

    /** Creates it. */
    public ToyMigrator(PhysicalMemory memory) {
      this.memory = memory;
    }

    /** Where a block went; itself if it was not moved. */
    public long now(long pfn) {
      return moved.getOrDefault(pfn, pfn);
    }

    @Override
    public boolean migrate(Cpu cpu, long sourcePfn, long destinationPfn, int order) {
      MemMap map = memory.memMap();
      if (map.owner(sourcePfn) != FrameOwner.ANON || map.order(sourcePfn) != order) {
        return false;
      }
      for (long i = 0; i < 1L << order; i++) {
        memory.copyPage(destinationPfn + i, sourcePfn + i);
      }
      map.move(destinationPfn, sourcePfn, order);
      moved.put(sourcePfn, destinationPfn);
      return true;
    }
  }
}
