// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.PageAllocator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Looks whether pages are given out twice or freed twice, and who has those that are left: what
 * page_owner and the checks of mm/page_alloc.c see. Works on requests and frees, so on any page
 * allocator.
 */
final class PageChecks implements TraceSink {
  /** A block that somebody has. */
  private record Block(long end, int order, String stack) {}

  private final TreeMap<Long, Block> held = new TreeMap<>();
  private final Map<Long, String> freedBy = new HashMap<>();
  private final Consumer<? super String> listener;

  PageChecks(Consumer<? super String> listener) {
    this.listener = listener;
  }

  @Override
  public void alloc(Cpu cpu, long pfn, int order, int gfp, int migratetype) {
    if (pfn == PageAllocator.NO_PAGE) {
      return;
    }
    long end = pfn + (1L << order);
    Map.Entry<Long, Block> below = held.lowerEntry(end);
    if (below != null && below.getValue().end > pfn) {
      listener.accept(
          String.format(
              "overlap: block pfn=0x%x order=%d was given out while pfn=0x%x order=%d is held,"
                  + " allocated at%n%s",
              pfn, order, below.getKey(), below.getValue().order, below.getValue().stack));
      cut(below.getKey(), below.getValue(), pfn, end); // the later holder has it from now on
    }
    held.put(pfn, new Block(end, order, Holders.stack()));
    freedBy.remove(pfn);
  }

  @Override
  public void free(Cpu cpu, long pfn, int order) {
    long end = pfn + (1L << order);
    Map.Entry<Long, Block> at = held.floorEntry(pfn);
    if (at == null || at.getValue().end < end) {
      String before = freedBy.get(pfn);
      if (before != null) {
        listener.accept(
            String.format(
                "double free: block pfn=0x%x order=%d is freed at%n%s%n  and was at%n%s",
                pfn, order, Holders.stack(), before));
      }
      return; // a range, or a block from before the checks began
    }
    cut(at.getKey(), at.getValue(), pfn, end); // a block that was split is freed part by part
    freedBy.put(pfn, Holders.stack());
  }

  /** Takes a part out of a block. */
  private void cut(long start, Block block, long pfn, long end) {
    held.remove(start);
    if (start < pfn) {
      held.put(start, new Block(pfn, block.order, block.stack));
    }
    if (end < block.end) {
      held.put(end, new Block(block.end, block.order, block.stack));
    }
  }

  /** Adds what is held. */
  void held(Holders holders) {
    held.forEach(
        (pfn, block) -> holders.add("%d pages in %d blocks", block.stack, block.end - pfn));
  }
}
