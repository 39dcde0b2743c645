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
import io.mm4j.buddy.lists.BlockTable.Section;

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
  private final int pageblockOrder;
  private final int maxOrder;
  private final BlockTable top;
  private final BlockTable frames;
  private final FreeLists lists;
  private final long base;
  private final long span;
  private long freePages;

  /** The largest zone: every index is below {@link BlockTable#NIL}, the base may lie lower. */
  static final long MAX_ZONE_PAGES = (1L << 32) - 2L * Pages.PAGES_PER_SECTION;

  BuddyFrameAllocator(Zone zone, int maxOrder) {
    this.zone = zone;
    this.pageblocks = zone.pageblocks();
    this.pageblockOrder = pageblocks.order();
    this.maxOrder = maxOrder;
    this.base = zone.startPfn() & -(long) Pages.PAGES_PER_SECTION;
    this.span = (zone.endPfn() - base + Pages.PAGES_PER_SECTION - 1) & -Pages.PAGES_PER_SECTION;
    this.top = new BlockTable(span, maxOrder);
    this.frames = new BlockTable(span, 0);
    this.lists = new FreeLists(top, frames, base);
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
    if (order < fromOrder) {
      expand(index, fromOrder, order, restMigratetype);
    }
    freePages -= 1L << order;
    return pfn(index);
  }

  /** {@code expand()}: lists the upper halves of a block that is to have a smaller order. */
  private void expand(int index, int fromOrder, int order, int migratetype) {
    Section section = frames.section(index);
    for (int high = fromOrder - 1; high >= order; high--) {
      lists.push(frames, section, index + (1 << high), high, migratetype);
    }
  }

  @Override
  public void free(long pfn, int order, int migratetype) {
    free(pfn, order, migratetype, false);
  }

  @Override
  public void freeToTail(long pfn, int order, int migratetype) {
    free(pfn, order, migratetype, true);
  }

  /** Where nothing was ever listed, the largest blocks are listed by runs. */
  @Override
  public void freeRange(long startPfn, long endPfn, int migratetype, int unused) {
    long block = 1L << maxOrder;
    long pfn = startPfn;
    while (pfn < endPfn) {
      long runEnd = Math.min(endPfn & -block, top.sectionEnd((int) (pfn - base)) + base);
      if ((pfn & (block - 1)) == 0 && runEnd > pfn && isVirgin(pfn, runEnd)) {
        index(pfn, maxOrder);
        index(runEnd - block, maxOrder);
        lists.appendRun((int) (pfn - base), (int) ((runEnd - pfn) >>> maxOrder), migratetype);
        freePages += runEnd - pfn;
      } else {
        runEnd = Math.min(endPfn, (pfn | (block - 1)) + 1);
        FrameAllocator.super.freeRange(pfn, runEnd, migratetype, maxOrder);
      }
      pfn = runEnd;
    }
  }

  /** Whether no block was ever listed in the range, nor in that section of the largest blocks. */
  private boolean isVirgin(long startPfn, long endPfn) {
    if (top == frames || top.sectionIfAny((int) (startPfn - base)) != null) {
      return false;
    }
    for (long pfn = startPfn; pfn < endPfn; pfn += Pages.PAGES_PER_SECTION) {
      if (frames.sectionIfAny((int) (pfn - base)) != null) {
        return false;
      }
    }
    return frames.sectionIfAny((int) (endPfn - 1 - base)) == null;
  }

  private void free(long pfn, int order, int migratetype, boolean toTail) {
    int index = index(pfn, order);
    if (holder(index) != NIL) {
      throw freeAlready(pfn, order);
    }
    freePages += 1L << order;
    if (order < maxOrder) {
      freeInner(index, order, migratetype, toTail);
    } else {
      list(top, top.section(index), index, order, migratetype, toTail);
    }
  }

  private void freeInner(int index, int order, int migratetype, boolean toTail) {
    Section section = frames.section(index); // that of all its buddies, too
    int at = order;
    do {
      int buddy = index ^ 1 << at;
      int state = section.state[frames.at(buddy)];
      if ((state & 15) != at + 1 || !joins(buddy, at, migratetype)) {
        list(frames, section, index, at, migratetype, toTail || mergeLikely(section, index, at));
        return;
      }
      lists.remove(frames, section, buddy, at, BlockTable.migratetypeOf(state));
      index &= buddy;
      at++;
    } while (at < maxOrder);
    list(top, top.section(index), index, at, migratetype, toTail);
  }

  private void list(
      BlockTable table, Section section, int index, int order, int migratetype, boolean toTail) {
    if (toTail) {
      lists.append(table, section, index, order, migratetype);
    } else {
      lists.push(table, section, index, order, migratetype);
    }
  }

  /**
   * Whether a free buddy may be joined with a block of this migratetype. Within a pageblock always;
   * pageblocks of the reserve and isolated ones stay apart from others. A buddy that joins takes
   * the type.
   */
  private boolean joins(int buddy, int order, int migratetype) {
    if (order < pageblockOrder) {
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
  private boolean mergeLikely(Section section, int index, int order) {
    if (order >= maxOrder - 1) {
      return false;
    }
    int above = (index & -(2 << order)) ^ 2 << order;
    return (section.state[frames.at(above)] & 15) == order + 2;
  }

  /** The state of a frame, whatever the order of the block that begins there. */
  private int state(int index) {
    if ((index & ((1 << maxOrder) - 1)) == 0) {
      int state = top.state(index);
      if (state != 0) {
        return state;
      }
    }
    return frames.state(index);
  }

  /** The first frame of the free block that holds this frame, or {@link BlockTable#NIL}. */
  private int holder(int index) {
    int floor = index & -(1 << maxOrder);
    if (top.state(floor) != 0) {
      return floor;
    }
    Section section = frames.sectionIfAny(index);
    if (section == null) {
      return NIL;
    }
    // A block that holds this frame begins where some of its low bits are cleared.
    int head = index;
    int state = section.state[frames.at(head)];
    while (state == 0) {
      if (head == floor) {
        return NIL;
      }
      head &= head - 1;
      state = section.state[frames.at(head)];
    }
    return index - head < 1 << BlockTable.orderOf(state) ? head : NIL;
  }

  @Override
  public boolean take(long pfn, int order) {
    int index = index(pfn, order);
    int head = holder(index);
    if (head == NIL) {
      return false;
    }
    int state = state(head);
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
    if (order > maxOrder && order <= Pages.MAX_PAGE_ORDER && (pfn & ((1L << order) - 1)) == 0) {
      return freePagesIn(pfn, order - 1) + freePagesIn(pfn + (1L << (order - 1)), order - 1);
    }
    int index = index(pfn, order);
    int head = holder(index);
    if (head != NIL && BlockTable.orderOf(state(head)) >= order) {
      return 1 << order;
    }
    if (frames.sectionIfAny(index) == null) {
      return 0;
    }
    int free = 0;
    for (int i = 0; i < 1 << order; ) {
      int state = frames.state(index + i);
      int pages = state == 0 ? 1 : 1 << BlockTable.orderOf(state);
      free += state == 0 ? 0 : pages;
      i += pages;
    }
    return free;
  }

  @Override
  public int freeOrderAt(long pfn) {
    return zone.contains(pfn) ? BlockTable.orderOf(state((int) (pfn - base))) : -1;
  }

  @Override
  public long head(int order, int migratetype) {
    int index = order > maxOrder ? NIL : lists.head(order, migratetype);
    return index == NIL ? NONE : pfn(index);
  }

  @Override
  public int movePageblock(long pfn, int migratetype) {
    long first = pageblocks.start(pfn);
    int index = (int) (first - base);
    int head = holder(index);
    if (head != NIL && BlockTable.orderOf(state(head)) >= pageblockOrder) {
      return moveWhole(head, migratetype);
    }
    pageblocks.set(first, migratetype);
    int moved = 0;
    for (int i = 0; i < 1 << pageblockOrder; ) {
      int state = state(index + i);
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
    int state = state(head);
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
    for (long i = 0; i < span; i += 1L << maxOrder) {
      int state = top.state((int) i);
      if (state != 0) {
        visitor.block(base + i, maxOrder, BlockTable.migratetypeOf(state));
      } else if (maxOrder > 0 && frames.sectionIfAny((int) i) != null) {
        visitInside((int) i, visitor);
      }
    }
  }

  private void visitInside(int first, FreeBlockVisitor visitor) {
    for (int i = 0; i < 1 << maxOrder; ) {
      int state = frames.state(first + i);
      if (state == 0) {
        i++;
      } else {
        int order = BlockTable.orderOf(state);
        visitor.block(pfn(first + i), order, BlockTable.migratetypeOf(state));
        i += 1 << order;
      }
    }
  }

  @Override
  public long metadataBytes() {
    return top.bytes() + (frames == top ? 0 : frames.bytes()) + FreeLists.BYTES;
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
          checkMerged(pfn, order);
        });
  }

  private void checkMerged(long pfn, int order) {
    if (order == maxOrder) {
      return;
    }
    long buddy = pfn ^ 1L << order;
    if (freeOrderAt(buddy) != order) {
      return;
    }
    int own = pageblocks.get(pfn);
    int other = pageblocks.get(buddy);
    boolean apart =
        order >= pageblockOrder
            && own != other
            && (own >= Migratetype.PCPTYPES || other >= Migratetype.PCPTYPES);
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
    int head = holder((int) (pfn - base));
    return new MisuseException(
        String.format(
            "%s: freed although free already: pfn=%d order=%d lies in free block pfn=%d order=%d",
            zone, pfn, order, pfn(head), BlockTable.orderOf(state(head))));
  }

  @Override
  public String toString() {
    return "buddy free=" + freePages();
  }
}
