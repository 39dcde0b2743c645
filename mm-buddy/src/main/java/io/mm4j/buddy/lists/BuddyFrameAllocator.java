// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.lists;

import static io.mm4j.buddy.lists.BlockTable.NIL;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Migratetype;

/**
 * The buddy allocator of one zone.
 *
 * <p><b>Vocabulary.</b> The <i>buddy</i> of a block is the other half of the block of twice its
 * size. To <i>expand</i> a block is to halve it until it has the wanted order, each upper half
 * going to the lists. The <i>holder</i> of a frame is the free block that it lies in.
 *
 * <p><b>Steps.</b> Allocation takes the head of the shortest sufficient list and expands it.
 * Freeing joins the block with its buddy as long as that is free as a whole, then lists the result:
 * at the head, or at the tail if the next joining looks near, so that the block may rest until its
 * neighbour is freed.
 *
 * <p>Models {@code __rmqueue_smallest()}, {@code expand()}, {@code __free_one_page()}, {@code
 * buddy_merge_likely()} and {@code __move_freepages_block()} of mm/page_alloc.c (Linux 6.18).
 * Differences: a block may be freed of which the lists do not know where it came from; {@link
 * #take} has no counterpart but {@code break_down_buddy_pages()}.
 *
 * <p>Complexity: every call O(orders), except those that count or walk.
 */
final class BuddyFrameAllocator implements FrameAllocator {
  private final Zone zone;
  private final Pageblocks pageblocks;
  private final int maxOrder;
  private final BlockTable table;
  private final FreeLists lists;
  private final long base;
  private long freePages;

  BuddyFrameAllocator(Zone zone, int maxOrder) {
    this.zone = zone;
    this.pageblocks = zone.pageblocks();
    this.maxOrder = maxOrder;
    this.table = new BlockTable(zone.startPfn(), zone.endPfn(), maxOrder);
    this.lists = new FreeLists(table);
    this.base = table.base;
  }

  @Override
  public long allocate(int order, int migratetype) {
    int orders = lists.orders(migratetype) >>> order;
    if (orders == 0) {
      return NONE;
    }
    int from = order + Integer.numberOfTrailingZeros(orders);
    return allocateFrom(from, migratetype, order, migratetype);
  }

  @Override
  public long allocateFrom(int fromOrder, int fromMigratetype, int order, int restMigratetype) {
    if (fromOrder > maxOrder || order > fromOrder) {
      return NONE;
    }
    int index = lists.head(fromOrder, fromMigratetype);
    if (index == NIL) {
      return NONE;
    }
    lists.remove(index, fromOrder, fromMigratetype);
    for (int high = fromOrder - 1; high >= order; high--) {
      lists.push(index + (1 << high), high, restMigratetype);
    }
    freePages -= 1L << order;
    return pfn(index);
  }

  @Override
  public void free(long pfn, int order, int migratetype) {
    free(pfn, order, migratetype, false);
  }

  @Override
  public void freeToTail(long pfn, int order, int migratetype) {
    free(pfn, order, migratetype, true);
  }

  private void free(long pfn, int order, int migratetype, boolean toTail) {
    int index = index(pfn, order);
    if (table.holder(index) != NIL) {
      throw freeAlready(pfn, order);
    }
    freePages += 1L << order;
    int at = order;
    while (at < maxOrder) {
      int buddy = index ^ 1 << at;
      int state = table.state(buddy, at);
      if ((state & 15) != at + 1 || !joins(buddy, at, migratetype)) {
        break;
      }
      lists.remove(buddy, at, BlockTable.migratetypeOf(state));
      index &= buddy;
      at++;
    }
    if (toTail || mergeLikely(index, at)) {
      lists.append(index, at, migratetype);
    } else {
      lists.push(index, at, migratetype);
    }
  }

  /**
   * Whether a free buddy may be joined with a block of this migratetype. Within a pageblock always;
   * pageblocks of the reserve and isolated ones stay apart from others. A buddy that joins takes
   * the type.
   */
  private boolean joins(int buddy, int order, int migratetype) {
    if (order < Pages.PAGEBLOCK_ORDER) {
      return true;
    }
    long pfn = pfn(buddy);
    int type = pageblocks.get(pfn);
    if (type != migratetype) {
      if (type >= Migratetype.PCPTYPES || migratetype >= Migratetype.PCPTYPES) {
        return false;
      }
      pageblocks.setRange(pfn, order, migratetype);
    }
    return true;
  }

  /**
   * {@code buddy_merge_likely()}: the next larger buddy is free, only this one's own is missing.
   */
  private boolean mergeLikely(int index, int order) {
    if (order >= maxOrder - 1) {
      return false;
    }
    int above = (index & -(2 << order)) ^ 2 << order;
    return (table.state(above, order + 1) & 15) == order + 2;
  }

  @Override
  public boolean take(long pfn, int order) {
    int index = index(pfn, order);
    int head = table.holder(index);
    if (head == NIL) {
      return false;
    }
    int state = table.state(head);
    int at = BlockTable.orderOf(state);
    if (at < order) {
      return takePieces(pfn, order);
    }
    int type = BlockTable.migratetypeOf(state);
    lists.remove(head, at, type);
    while (at > order) {
      at--;
      int upper = head + (1 << at);
      if ((index & 1 << at) != 0) {
        lists.push(head, at, type);
        head = upper;
      } else {
        lists.push(upper, at, type);
      }
    }
    freePages -= 1L << order;
    return true;
  }

  /** A block that is free as a whole, but in pieces that do not join. */
  private boolean takePieces(long pfn, int order) {
    if (freePagesIn(pfn, order) != 1 << order) {
      return false;
    }
    long end = pfn + (1L << order);
    for (long p = pfn; p < end; ) {
      int piece = freeOrderAt(p);
      take(p, piece);
      p += 1L << piece;
    }
    return true;
  }

  @Override
  public int freePagesIn(long pfn, int order) {
    int index = index(pfn, order);
    int head = table.holder(index);
    if (head != NIL && BlockTable.orderOf(table.state(head)) >= order) {
      return 1 << order;
    }
    if (table.isUnsplit(index)) {
      return 0;
    }
    int free = 0;
    for (int i = 0; i < 1 << order; ) {
      int state = table.innerState(index + i);
      int pages = state == 0 ? 1 : 1 << BlockTable.orderOf(state);
      free += state == 0 ? 0 : pages;
      i += pages;
    }
    return free;
  }

  @Override
  public int freeOrderAt(long pfn) {
    return zone.contains(pfn) ? BlockTable.orderOf(table.state((int) (pfn - base))) : -1;
  }

  @Override
  public long head(int order, int migratetype) {
    int index = order > maxOrder ? NIL : lists.head(order, migratetype);
    return index == NIL ? NONE : pfn(index);
  }

  @Override
  public int movePageblock(long pfn, int migratetype) {
    long first = pfn & -(long) Pages.PAGEBLOCK_NR_PAGES;
    int index = (int) (first - base);
    int head = table.holder(index);
    if (head != NIL && BlockTable.orderOf(table.state(head)) >= Pages.PAGEBLOCK_ORDER) {
      return moveWhole(head, migratetype);
    }
    pageblocks.set(first, migratetype);
    int moved = 0;
    for (int i = 0; i < Pages.PAGEBLOCK_NR_PAGES; ) {
      int state = table.state(index + i);
      if (state == 0) {
        i++;
        continue;
      }
      int order = BlockTable.orderOf(state);
      lists.remove(index + i, order, BlockTable.migratetypeOf(state));
      lists.append(index + i, order, migratetype);
      moved += 1 << order;
      i += 1 << order;
    }
    return moved;
  }

  private int moveWhole(int head, int migratetype) {
    int state = table.state(head);
    int order = BlockTable.orderOf(state);
    lists.remove(head, order, BlockTable.migratetypeOf(state));
    pageblocks.setRange(pfn(head), order, migratetype);
    freePages -= 1L << order;
    free(pfn(head), order, migratetype, true);
    return 1 << order;
  }

  @Override
  public long freePages() {
    return freePages;
  }

  @Override
  public long freeBlocks(int order) {
    long blocks = 0;
    for (int type = 0; type < Migratetype.TYPES; type++) {
      blocks += lists.count(order, type);
    }
    return blocks;
  }

  @Override
  public long freeBlocks(int order, int migratetype) {
    return lists.count(order, migratetype);
  }

  @Override
  public void forEachFree(FreeBlockVisitor visitor) {
    long span = table.span();
    long top = 1L << maxOrder;
    for (long i = 0; i < span; i += top) {
      int state = table.topState((int) i);
      if (state != 0) {
        visitor.block(base + i, maxOrder, BlockTable.migratetypeOf(state));
      } else if (maxOrder > 0 && !table.isUnsplit((int) i)) {
        visitInside((int) i, visitor);
      }
    }
  }

  private void visitInside(int top, FreeBlockVisitor visitor) {
    for (int i = 0; i < 1 << maxOrder; ) {
      int state = table.innerState(top + i);
      if (state == 0) {
        i++;
      } else {
        int order = BlockTable.orderOf(state);
        visitor.block(pfn(top + i), order, BlockTable.migratetypeOf(state));
        i += 1 << order;
      }
    }
  }

  @Override
  public void validate() {
    long pages = lists.validate(zone.toString());
    if (pages != freePages) {
      throw new CorruptStateError(zone + ": freePages=" + freePages + " walked=" + pages);
    }
    long[] end = {zone.startPfn()};
    forEachFree(
        (pfn, order, type) -> {
          boolean aligned = (pfn & ((1L << order) - 1)) == 0;
          long after = pfn + (1L << order);
          if (!aligned || pfn < end[0] || after > zone.endPfn()) {
            throw new CorruptStateError(
                String.format(
                    "%s: block pfn=%d order=%d overlaps, is not aligned or leaves the zone;"
                        + " previousEnd=%d zoneEnd=%d",
                    zone, pfn, order, end[0], zone.endPfn()));
          }
          end[0] = after;
          checkMerged(pfn, order, type);
        });
  }

  private void checkMerged(long pfn, int order, int type) {
    if (order == maxOrder) {
      return;
    }
    long buddy = pfn ^ 1L << order;
    if (freeOrderAt(buddy) != order) {
      return;
    }
    int other = pageblocks.get(buddy);
    boolean apart =
        order >= Pages.PAGEBLOCK_ORDER
            && type != other
            && (type >= Migratetype.PCPTYPES || other >= Migratetype.PCPTYPES);
    if (!apart) {
      throw new CorruptStateError(
          String.format("%s: buddies pfn=%d and pfn=%d order=%d", zone, pfn, buddy, order)
              + " are both free and were not joined");
    }
  }

  private long pfn(int index) {
    return base + Integer.toUnsignedLong(index);
  }

  private int index(long pfn, int order) {
    if (order < 0
        || order > maxOrder
        || (pfn & ((1L << order) - 1)) != 0
        || pfn < zone.startPfn()
        || pfn + (1L << order) > zone.endPfn()) {
      throw new MisuseException(
          String.format(
              "not a block of %s: pfn=%d order=%d; zone startPfn=%d endPfn=%d maxOrder=%d",
              zone, pfn, order, zone.startPfn(), zone.endPfn(), maxOrder));
    }
    return (int) (pfn - base);
  }

  private MisuseException freeAlready(long pfn, int order) {
    int head = table.holder((int) (pfn - base));
    return new MisuseException(
        String.format(
            "%s: freed although free already: pfn=%d order=%d lies in free block pfn=%d order=%d",
            zone, pfn, order, pfn(head), BlockTable.orderOf(table.state(head))));
  }
}
