// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.llfree;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Migratetype;

/**
 * LLFree: no lists and no merging, but counters over bit fields, and reservations instead of
 * per-cpu lists.
 *
 * <p><b>Vocabulary.</b> A <i>frame</i> here is a frame number relative to the zone's base, which is
 * a multiple of a tree. A <i>child</i> is 512 frames with a bit field and a counter ({@link
 * Children}), a <i>tree</i> 32 children with a counter and a reservation ({@link Trees}).
 *
 * <p><b>Steps.</b> An allocation looks through the reserved tree of its migratetype: for order 9
 * and 10 for children that are free as a whole, below for a child that is split already, then for
 * any. If there is none another tree is reserved. Freeing sets bits and counters.
 *
 * <p><b>Differences from the paper.</b> Reservations are by migratetype and not by CPU, since the
 * caller holds the zone's lock; for the same reason nothing is atomic. Counters of the free blocks
 * by order are kept as in {@code bitmap}, because watermarks ask for them. Migratetypes are wishes:
 * all blocks count as Movable.
 *
 * <p>Complexity: O(children of a tree) while the reserved tree serves, else O(trees).
 */
final class LlfreeFrameAllocator implements FrameAllocator {
  static final long MAX_ZONE_PAGES = 1L << 36;

  private static final int MAX = Pages.MAX_PAGE_ORDER;
  private static final Trees.Kind[] KINDS = Trees.Kind.values();

  private final Zone zone;
  private final long base;
  private final Trees trees;
  private final Children children;

  /** How many aligned blocks of each order are free as a whole, within larger ones too. */
  private final long[] full = new long[MAX + 2];

  LlfreeFrameAllocator(Zone zone) {
    this.zone = zone;
    this.base = zone.startPfn() & -(long) Trees.FRAMES;
    int count = Math.toIntExact((zone.endPfn() - base + Trees.FRAMES - 1) >>> Children.TREE_SHIFT);
    this.trees = new Trees(count);
    this.children = new Children(count);
  }

  @Override
  public long allocate(int order, int migratetype) {
    if (order > MAX || full[order] == 0) {
      return NONE;
    }
    int reserved = trees.reservedBy(migratetype);
    long frame = reserved < 0 ? NONE : search(reserved, order);
    if (frame == NONE) { // some other tree has one: full blocks are counted
      frame = searchOthers(Math.max(0, reserved), order, migratetype);
    }
    clear(frame, order);
    return base + frame;
  }

  private long searchOthers(int from, int order, int migratetype) {
    for (Trees.Kind kind : KINDS) {
      for (int i = 0; i < trees.count(); i++) {
        int tree = from + i < trees.count() ? from + i : from + i - trees.count();
        if (trees.free(tree) >= 1 << order && trees.isKind(tree, kind)) {
          long frame = search(tree, order);
          if (frame != NONE) {
            trees.reserve(tree, migratetype);
            return frame;
          }
        }
      }
    }
    return NONE;
  }

  private long search(int tree, int order) {
    if (trees.free(tree) < 1 << order) {
      return NONE;
    }
    int first = tree * Children.PER_TREE;
    if (order >= Children.ORDER) {
      return searchWhole(first, 1 << (order - Children.ORDER));
    }
    int whole = -1;
    for (int child = first; child < first + Children.PER_TREE; child++) {
      if (children.free(child) == Children.FRAMES) {
        whole = whole < 0 ? child : whole;
      } else {
        int at = children.find(child, order);
        if (at >= 0) {
          return ((long) child << Children.ORDER) + at;
        }
      }
    }
    return whole < 0 ? NONE : (long) whole << Children.ORDER;
  }

  private long searchWhole(int first, int length) {
    for (int child = first; child < first + Children.PER_TREE; child += length) {
      if (children.free(child) == Children.FRAMES
          && children.free(child + length - 1) == Children.FRAMES) {
        return (long) child << Children.ORDER;
      }
    }
    return NONE;
  }

  @Override
  public long allocateFrom(int fromOrder, int fromMigratetype, int order, int restMigratetype) {
    long pfn = order > fromOrder ? NONE : head(fromOrder, fromMigratetype);
    if (pfn != NONE) {
      clear(pfn - base, order);
    }
    return pfn;
  }

  @Override
  public void free(long pfn, int order, int migratetype) {
    long frame = frame(pfn, order);
    int free = children.count(frame, order);
    if (free != 0) {
      throw new MisuseException(
          String.format(
              "%s: freed although free already: pfn=%d order=%d freePages=%d",
              zone, pfn, order, free));
    }
    children.set(frame, order, true);
    int tree = tree(frame);
    trees.add(tree, 1 << order);
    trees.freed(tree, migratetype);
    count(frame, order, 1);
  }

  private void clear(long frame, int order) {
    count(frame, order, -1);
    trees.add(tree(frame), -(1 << order));
    children.set(frame, order, false);
  }

  private static int tree(long frame) {
    return (int) (frame >>> Children.TREE_SHIFT);
  }

  /** Counts a full block, and every full block around it, in or out. */
  private void count(long frame, int order, int sign) {
    for (int o = 0; o <= order; o++) {
      full[o] += sign * (1L << (order - o));
    }
    for (int o = order; o < MAX && children.isFull(buddy(frame, o), o); o++) {
      full[o + 1] += sign;
    }
  }

  /** The buddy of the aligned block of this order that holds the frame. */
  private static long buddy(long frame, int order) {
    return (frame & -(1L << order)) ^ (1L << order);
  }

  @Override
  public boolean take(long pfn, int order) {
    long frame = frame(pfn, order);
    if (!children.isFull(frame, order)) {
      return false;
    }
    clear(frame, order);
    return true;
  }

  @Override
  public int freePagesIn(long pfn, int order) {
    return children.count(frame(pfn, order), order);
  }

  @Override
  public int freeOrderAt(long pfn) {
    return zone.contains(pfn) ? orderAt(pfn - base) : -1;
  }

  /** The order of the largest full block around this frame if that begins here, else -1. */
  private int orderAt(long frame) {
    if (!children.isFull(frame, 0)) {
      return -1;
    }
    int order = 0;
    while (order < MAX && children.isFull(buddy(frame, order), order)) {
      order++;
    }
    return (frame & ((1L << order) - 1)) == 0 ? order : -1;
  }

  @Override
  public long head(int order, int migratetype) {
    if (order > MAX) {
      return NONE;
    }
    if (freeBlocks(order, migratetype) == 0) {
      return NONE;
    }
    for (long frame = 0; ; ) {
      frame = nextFree(frame);
      int at = orderAt(frame);
      if (at == order) {
        return base + frame;
      }
      frame += 1L << at;
    }
  }

  /** The first free frame at or after this one, or the end of the last tree. */
  private long nextFree(long from) {
    long end = (long) children.count() << Children.ORDER;
    for (long frame = from; frame < end; ) {
      if (children.free((int) (frame >>> Children.ORDER)) == 0) {
        frame = (frame | (Children.FRAMES - 1)) + 1;
      } else if (children.isFull(frame, 0)) {
        return frame;
      } else {
        frame++;
      }
    }
    return end;
  }

  @Override
  public int movePageblock(long pfn, int migratetype) {
    zone.pageblocks().set(pfn, migratetype);
    long first = Math.max(zone.pageblocks().start(pfn), base);
    long end = Math.min(zone.pageblocks().start(pfn) + zone.pageblocks().pages(), zone.endPfn());
    int moved = 0;
    for (long p = first; p < end; p += 1L << Children.ORDER) {
      moved += children.free((int) ((p - base) >>> Children.ORDER));
    }
    return moved;
  }

  @Override
  public long freePages() {
    return full[0];
  }

  @Override
  public long freeBlocks(int order) {
    return full[order] - 2 * full[order + 1];
  }

  @Override
  public long freeBlocks(int order, int migratetype) {
    return migratetype == Migratetype.MOVABLE ? freeBlocks(order) : 0;
  }

  @Override
  public void forEachFree(FreeBlockVisitor visitor) {
    long end = (long) children.count() << Children.ORDER;
    for (long frame = nextFree(0); frame < end; ) {
      int order = orderAt(frame);
      visitor.block(base + frame, order, Migratetype.MOVABLE);
      frame = nextFree(frame + (1L << order));
    }
  }

  @Override
  public long metadataBytes() {
    return trees.bytes() + children.bytes() + 8L * full.length;
  }

  @Override
  public void validate() {
    long[] walked = new long[MAX + 1];
    forEachFree(
        (pfn, order, type) -> {
          if (pfn < zone.startPfn() || pfn + (1L << order) > zone.endPfn()) {
            throw new CorruptStateError(
                zone + ": free outside the zone: pfn=" + pfn + " order=" + order);
          }
          walked[order]++;
        });
    for (int order = 0; order <= MAX; order++) {
      if (walked[order] != freeBlocks(order)) {
        throw new CorruptStateError(
            String.format(
                "%s: order=%d counted=%d walked=%d",
                zone, order, freeBlocks(order), walked[order]));
      }
    }
    for (int tree = 0; tree < trees.count(); tree++) {
      int inChildren = 0;
      for (int c = tree * Children.PER_TREE; c < (tree + 1) * Children.PER_TREE; c++) {
        inChildren += children.free(c);
      }
      if (inChildren != trees.free(tree)) {
        throw new CorruptStateError(
            String.format(
                "%s: tree=%d counted=%d children=%d", zone, tree, trees.free(tree), inChildren));
      }
    }
  }

  private long frame(long pfn, int order) {
    if (order < 0
        || order > MAX
        || (pfn & ((1L << order) - 1)) != 0
        || pfn < zone.startPfn()
        || pfn + (1L << order) > zone.endPfn()) {
      throw new MisuseException(
          String.format(
              "not a block of %s: pfn=%d order=%d; zone startPfn=%d endPfn=%d maxOrder=%d",
              zone, pfn, order, zone.startPfn(), zone.endPfn(), MAX));
    }
    return pfn - base;
  }
}
