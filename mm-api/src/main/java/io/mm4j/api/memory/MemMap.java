// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import org.apiguardian.api.API;

/**
 * {@code mem_map}: what is known of every page frame, as a struct of arrays that is reached by pfn.
 * There is no object per page; a section that nobody touched costs nothing and reads as boot left
 * it: {@link FrameOwner#NONE} where the memory map has a hole, {@link FrameOwner#RESERVED} or, once
 * given to the page allocator, {@link FrameOwner#FREE} elsewhere, with zeroes.
 *
 * <p>Models {@code struct page} of include/linux/mm_types.h. Fields of the kernel's unions share
 * storage here too where the kernel's do: {@code mapcount} is meaningless for a free or slab frame.
 *
 * <p>Who may write: {@code owner} the floor that gives or takes the frame; the frame's <i>row</i> -
 * {@code private}, {@code mapping}, {@code index} and both mapcounts - and its links the holder
 * named by {@code owner}; {@code refcount} through {@link #get}, by anybody who holds a reference;
 * {@code order} the page allocator.
 *
 * <p>Holding: a block comes from the page allocator <i>bare</i>: owned by KERNEL, no flags, nothing
 * in its row. {@link #hold} says in one step what it is, {@link #drop} makes it bare again. A frame
 * is held as well once something other than 0 was written to its row or a link to it. Only held
 * frames can be found by others, so that only they give out references to somebody who has none
 * ({@link #tryGet}); a bare frame is what the kernel calls frozen, and costs no atomic step.
 *
 * <p>References: the page allocator hands a block out with the refcount of its first frame at 1
 * (all frames of it after {@code split_page}). Whoever keeps the frame longer takes one more with
 * {@link #get}. A reference is given up by {@code PageAllocator.freePages}, or by {@link #drop}
 * and, if that says so, {@code freePages}, never by writing the count: the last one gives the block
 * back. Tails of a block have a count of 0 until the block is split; {@link #head} leads from any
 * frame of a block to its first. Counts go up to {@link PageState#MAX_REFCOUNT}.
 *
 * <p>Threads: plain fields; the owner of the frame writes, different frames may be written at once.
 * What takes and gives up references ({@link #get}, {@link #tryGet}, {@link #putUnlessLast}, {@link
 * #drop}, {@link #freeze}, {@link #unfreeze}), {@link #setFlags}, {@link #setOwner} and {@link
 * #setOrder} are atomic towards each other, as any holder of a reference may take or give up one;
 * so are {@link #addMapcount} and {@link #addEntireMapcount}. What was written to a row before
 * {@link #hold} or {@link #unfreeze} is seen by whoever got a reference after it. Complexity: O(1)
 * each, or O({@code 1 << order}).
 *
 * <p>Misuse is {@link io.mm4j.api.MisuseException}, and nothing changes.
 */
@API(status = API.Status.MAINTAINED)
public interface MemMap {
  /** The lowest frame number. */
  long startPfn();

  /** One past the highest frame number. */
  long endPfn();

  /** Whether there is RAM behind this number: {@code pfn_valid()} and not a hole. */
  boolean isPresent(long pfn);

  /** Who holds the frame. */
  FrameOwner owner(long pfn);

  /**
   * The states of all frames - owner, order, flags and references - as a table that is reached
   * without a virtual call, for the page allocator's fast paths; {@link FrameStates#NONE} of a map
   * that keeps them otherwise, and that is then asked for each frame.
   */
  default FrameStates states() {
    return FrameStates.NONE;
  }

  /**
   * How far nobody has written: one past the last frame that is known to read as this one does, in
   * every field. {@code pfn + 1} if nothing is known. Walks over large machines step by it.
   */
  default long sameUntil(long pfn) {
    return pfn + 1;
  }

  /** Says who holds the frame from now on. */
  void setOwner(long pfn, FrameOwner owner);

  /** Says who holds the {@code 1 << order} frames of a block from now on. */
  void setOwners(long pfn, int order, FrameOwner owner);

  /**
   * Sets the owner of the frames {@code [startPfn, endPfn)} at boot, when nothing else is known of
   * them. Whole sections cost O(1) each, and no memory.
   */
  void initOwners(long startPfn, long endPfn, FrameOwner owner);

  /**
   * Makes a block ready for its new holder in one step: every frame has this owner, this order and
   * no flags; the first one has a refcount of 1, the others of 0. The kernel's {@code
   * prep_new_page()}, and {@code prep_compound_gigantic_folio()} for a range of single frames: up
   * to order {@link Pages#MAX_FOLIO_ORDER}.
   */
  void prepare(long pfn, int order, FrameOwner owner);

  /**
   * Makes a block nobody's in one step: every frame has this owner (free, or on a per-cpu list),
   * and everything else that is known of it becomes 0. The kernel's {@code free_pages_prepare()}.
   */
  void release(long pfn, int order, FrameOwner owner);

  /**
   * Holds a bare block to which the caller has the only reference: in one step every frame has this
   * owner, and the first one these flags, mapping and index; its mapcounts and private are 0. From
   * now on others may find the block. What {@code folio_add_new_anon_rmap()} and {@code
   * filemap_add_folio()} write before the page is mapped or in the page cache, but for their
   * counts.
   *
   * @param order the order with which it was handed out
   * @param flags bits of {@link PageFlags}
   * @throws io.mm4j.api.MisuseException if it is not the first frame of a bare block of this order
   *     with one reference
   */
  void hold(long pfn, int order, FrameOwner owner, int flags, long mapping, long index);

  /**
   * Gives up a reference to a held block. If it was the last one, the block is bare again, as
   * {@link #hold} found it: its frames are owned by KERNEL, without flags, their rows are 0, and
   * they are on no list. The caller still has that reference, and gives the block back:
   *
   * <pre>{@code
   * if (memMap.drop(pfn, order)) {
   *   pages.freePages(cpu, pfn, order);
   * }
   * }</pre>
   *
   * <p>The kernel's {@code folio_put_testzero()} and what {@code free_pages_prepare()} clears.
   *
   * @return whether it was the last reference
   * @throws io.mm4j.api.MisuseException if it is not the first frame of a held block of this order,
   *     it is frozen, or the last reference would go while a frame of it is mapped
   */
  boolean drop(long pfn, int order);

  /** Whether the frame is held: see above. */
  boolean isHeld(long pfn);

  /**
   * Splits a frozen block into held blocks of a smaller order, each what the whole was: its owner,
   * its mapping, the index that its place has, and its flags - but for {@link PageFlags#PG_HEAD},
   * which it has if it is larger than a page; {@link PageFlags#PG_LRU}, which only the first keeps,
   * as its links; and {@link PageFlags#PG_ANON_EXCLUSIVE}, which each frame has for itself. {@code
   * private} stays with the first one; in the swap cache each has its own entry, counted on from
   * it. A block has one reference, the caller's, and of the caches' owners ({@link
   * FrameOwner#FILE}, {@link FrameOwner#SWAP_CACHE}) one more for each frame. The kernel's {@code
   * __split_folio_to_order()} and {@code folio_ref_unfreeze()} of {@code __folio_split()},
   * mm/huge_memory.c.
   *
   * @param toOrder smaller than {@code order}
   * @throws io.mm4j.api.MisuseException if it is not the first frame of a held block of this order,
   *     is not frozen, or a frame of it is mapped
   */
  void splitFolio(long pfn, int order, int toOrder);

  /**
   * Lets one frame be what another was, for a migrator: owner, flags, refcount, mapcount, private,
   * mapping and index; it is held if it or the source was. The source keeps its owner, so that it
   * is still accounted for, and is otherwise empty with a refcount of 1. Links are the holder's to
   * change. Both have order 0. A source that is frozen leaves its destination frozen. The kernel's
   * {@code folio_migrate_mapping()} and {@code folio_migrate_flags()}.
   */
  void move(long destinationPfn, long sourcePfn);

  /**
   * The same for a block: the first frame as above, and of the others owner, mapcount, private,
   * mapping and index. Both are blocks of this order.
   */
  default void move(long destinationPfn, long sourcePfn, int order) {
    if (order == 0) {
      move(destinationPfn, sourcePfn);
      return;
    }
    FrameOwner owner = owner(sourcePfn);
    setFlags(destinationPfn, flags(sourcePfn));
    setRefcount(destinationPfn, refcount(sourcePfn));
    for (long i = 0; i < 1L << order; i++) {
      setOwner(destinationPfn + i, owner);
      setMapcount(destinationPfn + i, mapcount(sourcePfn + i));
      setPrivateData(destinationPfn + i, privateData(sourcePfn + i));
      setMapping(destinationPfn + i, mapping(sourcePfn + i));
      setIndex(destinationPfn + i, index(sourcePfn + i));
    }
    release(sourcePfn, order, owner);
    prepare(sourcePfn, order, owner);
  }

  /**
   * Releases a single frame if this was the last reference to it and nobody left anything: it has
   * order 0 and a refcount of 1, and its mapcount, private, mapping and index are 0. Links are not
   * looked at here; a map that can tell cheaply that they were never written should.
   *
   * @param pfn a frame of the map
   * @return false, and nothing is changed, if it is otherwise or the map cannot tell cheaply
   */
  default boolean releasePlain(long pfn, FrameOwner owner) {
    if (refcount(pfn) != 1
        || order(pfn) != 0
        || mapcount(pfn) != 0
        || privateData(pfn) != 0
        || mapping(pfn) != 0
        || index(pfn) != 0) {
      return false;
    }
    release(pfn, 0, owner);
    return true;
  }

  /** {@code page->flags} without zone, node and section: bits of {@link PageFlags}. */
  int flags(long pfn);

  /** Replaces the flags. */
  void setFlags(long pfn, int flags);

  /** {@code page->_refcount}. */
  int refcount(long pfn);

  /**
   * Sets the count, 0 to {@link PageState#MAX_REFCOUNT}; for the page allocator.
   *
   * @throws io.mm4j.api.MisuseException if the count is another one; then nothing has changed
   */
  void setRefcount(long pfn, int count);

  /**
   * {@code get_page()}: one more reference, for somebody who has one.
   *
   * @throws io.mm4j.api.MisuseException if there is none, or one too many
   */
  void get(long pfn);

  /**
   * {@code folio_try_get()}, {@code get_page_unless_zero()}: a reference for somebody who has none
   * and found the frame where it may just have gone. Whoever gets one must look again whether it is
   * still the frame that was meant. The page allocator moves a block out of a range by such a
   * reference: a block whose owner can move it ({@link io.mm4j.api.page.Migrator}) but that is bare
   * stays where it is, and the range is refused. Difference: the kernel gives references to pages
   * out of any allocation, here only to held frames.
   *
   * @param pfn the first frame of a block
   * @return false if there is no such frame, or it is not held, has no reference or is frozen, or
   *     has too many
   */
  boolean tryGet(long pfn);

  /**
   * {@code folio_ref_freeze()}: if there are exactly so many references, all of them the caller's
   * or known to it, there are none from now on, and nobody gets one until {@link #unfreeze}.
   *
   * @param expected 1 or more
   * @return false, and nothing is changed, if there are others
   */
  boolean freeze(long pfn, int expected);

  /**
   * {@code folio_ref_unfreeze()}: ends {@link #freeze} with so many references.
   *
   * @throws io.mm4j.api.MisuseException if there are references, or the count is not between 1 and
   *     {@link PageState#MAX_REFCOUNT}
   */
  void unfreeze(long pfn, int count);

  /**
   * {@code put_page_testzero()} without its zero: gives a reference up if others are left.
   *
   * @return false, and nothing is changed, if it is the last one or there is none: giving that up
   *     is the page allocator's
   */
  boolean putUnlessLast(long pfn);

  /** How many page-table entries map the frame by itself: {@code _mapcount + 1}. */
  int mapcount(long pfn);

  /** Sets it. */
  void setMapcount(long pfn, int count);

  /**
   * Counts mappings that come, or go if negative; atomic.
   *
   * @return how many there are now
   * @throws io.mm4j.api.MisuseException if that would be fewer than none, or more than an int holds
   */
  int addMapcount(long pfn, int change);

  /**
   * How many huge entries map a block as a whole: {@code _entire_mapcount + 1} of its first frame;
   * these do not count in {@link #mapcount}.
   */
  int entireMapcount(long pfn);

  /** As {@link #addMapcount}, for entries that map the whole block. */
  int addEntireMapcount(long pfn, int change);

  /** {@code page->private}: the holder's own. */
  long privateData(long pfn);

  /** Sets it. */
  void setPrivateData(long pfn, long value);

  /** {@code page->mapping}: the holder's typed handle of what the frame belongs to. */
  long mapping(long pfn);

  /** Sets it. */
  void setMapping(long pfn, long handle);

  /** {@code page->index}: the place within the mapping, in pages. */
  long index(long pfn);

  /** Sets it. */
  void setIndex(long pfn, long index);

  /** The order of the allocated block that this frame lies in; 0 if it is in none. */
  int order(long pfn);

  /** The first frame of the allocated block that this frame lies in: {@code compound_head()}. */
  default long head(long pfn) {
    return pfn & -(1L << order(pfn));
  }

  /**
   * Sets it, 0 to {@link Pages#MAX_FOLIO_ORDER}.
   *
   * @throws io.mm4j.api.MisuseException if the order is another one; then nothing has changed
   */
  void setOrder(long pfn, int order);

  /**
   * {@code page->lru.next}: the next frame of the list it is on, or -1. {@link FrameList} keeps
   * such lists.
   */
  long lruNext(long pfn);

  /** {@code page->lru.prev}: the previous frame of the list it is on, or -1. */
  long lruPrev(long pfn);

  /** Sets both links. */
  void setLru(long pfn, long next, long prev);
}
