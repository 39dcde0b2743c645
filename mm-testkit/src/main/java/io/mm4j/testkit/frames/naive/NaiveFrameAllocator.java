// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.naive;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.frames.naive.FreeBlocks.Block;

/**
 * The whole contract of a frame allocator on a sorted map of blocks, with lists in the kernel's
 * order. O(free blocks) for much of it.
 */
public class NaiveFrameAllocator implements FrameAllocator {
  private final Zone zone;
  private final int maxOrder;
  private final FreeBlocks blocks;

  /** Creates it with nothing free. */
  public NaiveFrameAllocator(Zone zone, int maxOrder) {
    this(zone, maxOrder, maxOrder);
  }

  /** As above, but blocks are joined only up to an order; less than the largest is a fault. */
  public NaiveFrameAllocator(Zone zone, int maxOrder, int joinOrder) {
    this(zone, maxOrder, joinOrder, true, FreeBlocks.Quirk.NONE);
  }

  /** As above, with or without migratetypes, and a quirk; any but NONE is a fault. */
  public NaiveFrameAllocator(
      Zone zone, int maxOrder, int joinOrder, boolean types, FreeBlocks.Quirk quirk) {
    this.zone = zone;
    this.maxOrder = maxOrder;
    this.blocks = new FreeBlocks(zone.pageblocks(), types, maxOrder, joinOrder, quirk);
  }

  @Override
  public long allocate(int order, int migratetype) {
    int from = blocks.smallest(order, migratetype);
    return from < 0 ? NONE : allocateFrom(from, migratetype, order, migratetype);
  }

  @Override
  public long allocateFrom(int fromOrder, int fromMigratetype, int order, int restMigratetype) {
    Block block = blocks.head(fromOrder, fromMigratetype);
    if (block == null || order > fromOrder) {
      return NONE;
    }
    blocks.carve(block.pfn(), order, restMigratetype);
    return block.pfn();
  }

  @Override
  public void free(long pfn, int order, int migratetype) {
    free(pfn, order, migratetype, false);
  }

  @Override
  public void freeToTail(long pfn, int order, int migratetype) {
    free(pfn, order, migratetype, true);
  }

  private void free(long pfn, int order, int migratetype, boolean tail) {
    check(pfn, order);
    if (blocks.holder(pfn) != null) {
      throw new MisuseException("free already: pfn=" + pfn + " order=" + order);
    }
    blocks.insert(pfn, order, migratetype, tail);
  }

  @Override
  public boolean take(long pfn, int order) {
    check(pfn, order);
    if (blocks.pagesIn(pfn, order) != 1 << order) {
      return false;
    }
    Block holder = blocks.holder(pfn);
    blocks.carve(pfn, order, holder == null ? 0 : holder.type());
    return true;
  }

  @Override
  public int freePagesIn(long pfn, int order) {
    check(pfn, order, Pages.MAX_PAGE_ORDER);
    return blocks.pagesIn(pfn, order);
  }

  @Override
  public int freeOrderAt(long pfn) {
    Block block = blocks.at(pfn);
    return block == null ? -1 : block.order();
  }

  @Override
  public long head(int order, int migratetype) {
    Block block = blocks.head(order, migratetype);
    return block == null ? NONE : block.pfn();
  }

  @Override
  public int movePageblock(long pfn, int migratetype) {
    return blocks.movePageblock(pfn, migratetype);
  }

  @Override
  public long freePages() {
    return blocks.pages();
  }

  @Override
  public long freeBlocks(int order) {
    long count = 0;
    for (int type = 0; type < Migratetype.TYPES; type++) {
      count += blocks.count(order, type);
    }
    return count;
  }

  @Override
  public long freeBlocks(int order, int migratetype) {
    return blocks.count(order, migratetype);
  }

  @Override
  public void forEachFree(FreeBlockVisitor visitor) {
    for (Block block : blocks.all()) {
      visitor.block(block.pfn(), block.order(), block.type());
    }
  }

  @Override
  public void validate() {
    long end = zone.startPfn();
    for (Block block : blocks.all()) {
      CorruptStateError.check(
          block.pfn() >= end && block.end() <= zone.endPfn(), () -> "overlaps or leaves: " + block);
      end = block.end();
    }
  }

  private void check(long pfn, int order) {
    check(pfn, order, maxOrder);
  }

  private void check(long pfn, int order, int largest) {
    if (order < 0
        || order > largest
        || (pfn & ((1L << order) - 1)) != 0
        || pfn < zone.startPfn()
        || pfn + (1L << order) > zone.endPfn()) {
      throw new MisuseException("not a block of " + zone + ": pfn=" + pfn + " order=" + order);
    }
  }
}
