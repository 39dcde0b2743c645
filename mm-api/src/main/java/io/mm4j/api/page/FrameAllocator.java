// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import org.apiguardian.api.API;

/**
 * The free blocks of one zone: a structure, not a policy. What Linux decides - which zone, which
 * migratetype to fall back to, how much to keep - stands above it, once, in a {@link
 * PageAllocator}.
 *
 * <p>A block is {@code 1 << order} frames and begins at a multiple of its size. Every free frame
 * lies in exactly one free block; a free block is on the list of one migratetype. A frame that the
 * zone's owner never freed into the allocator is simply not free: boot frees the usable memory
 * block by block.
 *
 * <p><b>The caller</b> holds the zone's lock (or is the only thread), gives blocks that lie inside
 * the zone, and frees each frame once. A block may be freed in parts, and parts may be freed as
 * larger blocks if all of them are held. <b>The plugin</b> merges a freed block with its free
 * buddies as far as it can if its capabilities say {@code mergesAlways}, never gives a frame out
 * twice, and reports misuse that it sees - at least a block whose first frame is free already -
 * with {@link io.mm4j.api.MisuseException}, changing nothing.
 *
 * <p><b>Arguments.</b> Orders are 0 or more, migratetypes 0 to {@link Migratetype#TYPES} - 1; what
 * happens with others is not promised. Of an order above the plugin's largest there simply is
 * nothing: {@link #allocate} and {@link #head} have none, counts are 0, only what names a block
 * refuses it. A call that is refused, or has none to give, changes nothing, not even the order in
 * which blocks are given later.
 *
 * <p>A plugin without the capability {@code migratetypes} serves every migratetype from all blocks
 * and counts these as {@link Migratetype#MOVABLE}; the lists of the other types are empty.
 *
 * <p><b>Cost.</b> A free takes as long whatever else is free: O(orders), or O(frames of the largest
 * block) in a structure without lists. What looks for a block may go through the zone.
 *
 * <p>Models {@code zone->free_area} of mm/page_alloc.c (Linux 6.18). Nothing here allocates Java
 * objects after creation, except metadata of a section at the first split in it.
 */
@API(status = API.Status.MAINTAINED)
public interface FrameAllocator extends FreeCounts {
  /** No block: the documented sentinel of every call that returns a frame number. */
  long NONE = -1;

  /**
   * Takes a block from the lists of one migratetype, splitting a larger one as often as needed; the
   * rest stays with that migratetype. Which block, is the plugin's choice: one with lists takes the
   * head of the shortest order that suffices, as the kernel's {@code __rmqueue_smallest()}; another
   * may take the lowest address.
   *
   * @return the first frame, or {@link #NONE} if these lists have no block of this order or larger
   */
  long allocate(int order, int migratetype);

  /**
   * Takes the block at the {@link #head} of one list and splits it to a smaller order: its lower
   * end is given, the rest goes to the lists of {@code restMigratetype}. The kernel's {@code
   * page_del_and_expand()}.
   *
   * @param fromOrder the list's order
   * @param fromMigratetype the list's migratetype
   * @param order what is wanted, at most {@code fromOrder}
   * @return the first frame, or {@link #NONE} if the list is empty or {@code order} is the larger
   */
  long allocateFrom(int fromOrder, int fromMigratetype, int order, int restMigratetype);

  /**
   * Puts a block back and merges it. The kernel's {@code __free_one_page()}: what came of it is on
   * the list of {@code migratetype}.
   *
   * <p><b>Types of pageblocks.</b> Below the order of a pageblock buddies join whatever their
   * lists. From there on the migratetype of the call is compared with the type of the <i>buddy's
   * pageblock</i> - not with the list that the buddy is on: if they differ and one of them is
   * HIGHATOMIC or ISOLATE, the two stay apart; otherwise the buddy's pageblocks take the
   * migratetype. The pageblocks of the freed block itself keep their types: the caller gives the
   * type of its pageblock, and frees a block whose pageblocks differ pageblock by pageblock, as
   * {@code split_large_buddy()} does.
   *
   * @throws io.mm4j.api.MisuseException if its first frame is free already, or it is no aligned
   *     block of the zone: misaligned, of an order above the largest, not wholly inside the zone
   */
  void free(long pfn, int order, int migratetype);

  /**
   * As {@link #free}, for memory that should be used last: boot, and pages that come back from
   * isolation. A plugin with lists puts what came of the block at the end of its list. The kernel's
   * {@code FPI_TO_TAIL}.
   */
  default void freeToTail(long pfn, int order, int migratetype) {
    free(pfn, order, migratetype);
  }

  /**
   * Frees a range of frames that nobody ever had, as boot does: {@link #freeToTail} for the largest
   * aligned blocks that fit, lowest first. A plugin may do that faster in one step, with the same
   * result; the allocator may have other free blocks already.
   *
   * @param migratetype the type of all pageblocks of the range
   * @param maxOrder the largest order that the plugin serves
   * @throws io.mm4j.api.MisuseException if the first frame of one of these blocks is free already;
   *     those before it are free then
   */
  default void freeRange(long startPfn, long endPfn, int migratetype, int maxOrder) {
    for (long pfn = startPfn; pfn < endPfn; ) {
      int order = Math.min(maxOrder, Long.numberOfTrailingZeros(pfn));
      while (pfn + (1L << order) > endPfn) {
        order--;
      }
      freeToTail(pfn, order, migratetype);
      pfn += 1L << order;
    }
  }

  /**
   * Takes exactly this block out of whatever free block holds it; what is left of that one stays
   * free on its list. If it is free in several smaller blocks that do not join, all of them go.
   *
   * @return false, and nothing is changed, if not every frame of it is free
   * @throws io.mm4j.api.MisuseException if it is no aligned block of the zone
   * @throws UnsupportedOperationException without the capability {@code takesExactly}
   */
  boolean take(long pfn, int order);

  /**
   * How many frames of this block are free: 0 to {@code 1 << order}. Any order up to {@link
   * io.mm4j.api.memory.Pages#MAX_PAGE_ORDER}, whatever the plugin's largest. O({@code 1 << order})
   * at worst.
   *
   * @throws io.mm4j.api.MisuseException if it is no aligned block of the zone
   */
  int freePagesIn(long pfn, int order);

  /**
   * The order of the free block that begins at this frame, or -1 if none begins there, as at every
   * frame outside the zone. The kernel's {@code PageBuddy()} and {@code buddy_order()}.
   */
  int freeOrderAt(long pfn);

  /**
   * The block at the head of a list, or {@link #NONE}: what {@link #allocateFrom} would take. Which
   * block that is, follows from the plugin's {@link FrameAllocatorProvider.Choice}.
   */
  long head(int order, int migratetype);

  /**
   * Moves every free block of the pageblock that holds {@code pfn} to the lists of another
   * migratetype and gives the pageblock that type. A free block that is larger than the pageblock
   * moves as a whole, and its other pageblock takes the type as well. A pageblock that is free as a
   * whole is freed anew, so it joins its buddy if the new type allows it. Blocks that are on the
   * right list already are moved and counted like others. The kernel's {@code
   * move_freepages_block()}. A plugin without migratetypes gives the pageblock its type and counts
   * its free frames.
   *
   * @param pfn a frame of the zone
   * @return how many frames were moved
   */
  int movePageblock(long pfn, int migratetype);

  /** Free frames in all; O(1). */
  long freePages();

  /** Free blocks of exactly this order, 0 to 10; O(1) or O(migratetypes). */
  long freeBlocks(int order);

  @Override
  long freeBlocks(int order, int migratetype);

  /** Visits every free block in ascending order of its first frame. The visitor changes nothing. */
  void forEachFree(FreeBlockVisitor visitor);

  /**
   * Bytes of the plugin's own tables as they are now, array headers left out, what would be made
   * later not counted; -1 if it does not say. Creation and the first split in a section allocate
   * nothing else worth mentioning, so the two can be compared.
   */
  default long metadataBytes() {
    return -1;
  }

  /**
   * Walks everything - lists, tables, alignment, containment, merging where promised - and compares
   * it with the fast counters. Throws {@link io.mm4j.api.CorruptStateError} at the first
   * contradiction.
   */
  void validate();

  /** Receives free blocks. */
  @FunctionalInterface
  interface FreeBlockVisitor {
    /** One free block. */
    void block(long pfn, int order, int migratetype);
  }
}
