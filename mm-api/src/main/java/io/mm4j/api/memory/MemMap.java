// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

/**
 * {@code mem_map}: what is known of every page frame, as a struct of arrays that is reached by pfn.
 * There is no object per page; a section that nobody touched costs nothing and reads as boot left
 * it: {@link FrameOwner#NONE} where the memory map has a hole, {@link FrameOwner#RESERVED} or, once
 * given to the page allocator, {@link FrameOwner#FREE} elsewhere, with zeroes.
 *
 * <p>Models {@code struct page} of include/linux/mm_types.h. Fields of the kernel's unions share
 * storage here too where the kernel's do: {@code mapcount} is meaningless for a free or slab frame.
 *
 * <p>Who may write: {@code owner} the floor that gives or takes the frame; {@code private}, {@code
 * mapping}, {@code index} the holder named by {@code owner}; {@code refcount} through {@link #get},
 * by anybody who holds a reference; {@code order} the page allocator.
 *
 * <p>References: the page allocator hands a block out with the refcount of its first frame at 1
 * (all frames of it after {@code split_page}). Whoever keeps the frame longer takes one more with
 * {@link #get}. A reference is given up by {@code PageAllocator.freePages}, never by writing the
 * count: the last one gives the block back. Tails of a block have a count of 0 until the block is
 * split; {@link #head} leads from any frame of a block to its first.
 *
 * <p>Threads: plain fields; the owner of the frame writes, different frames may be written at once.
 * {@link #get}, {@link #putUnlessLast}, {@link #setFlags}, {@link #setOwner} and {@link #setOrder}
 * are atomic towards each other, as any holder of a reference may take or give up one. Complexity:
 * O(1) each.
 */
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
   * prep_new_page()}.
   */
  void prepare(long pfn, int order, FrameOwner owner);

  /**
   * Makes a block nobody's in one step: every frame has this owner (free, or on a per-cpu list),
   * and everything else that is known of it becomes 0. The kernel's {@code free_pages_prepare()}.
   */
  void release(long pfn, int order, FrameOwner owner);

  /**
   * Lets one frame be what another was, for a migrator: owner, flags, refcount, mapcount, private,
   * mapping and index. The source keeps its owner, so that it is still accounted for, and is
   * otherwise empty with a refcount of 1. Links are the holder's to change. Both have order 0. The
   * kernel's {@code folio_migrate_mapping()} and {@code folio_migrate_flags()}.
   */
  default void move(long destinationPfn, long sourcePfn) {
    FrameOwner owner = owner(sourcePfn);
    setOwner(destinationPfn, owner);
    setFlags(destinationPfn, flags(sourcePfn));
    setRefcount(destinationPfn, refcount(sourcePfn));
    setMapcount(destinationPfn, mapcount(sourcePfn));
    setPrivateData(destinationPfn, privateData(sourcePfn));
    setMapping(destinationPfn, mapping(sourcePfn));
    setIndex(destinationPfn, index(sourcePfn));
    release(sourcePfn, 0, owner);
    setRefcount(sourcePfn, 1);
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

  /** Sets the count; for the page allocator. */
  void setRefcount(long pfn, int count);

  /** {@code get_page()}: one more reference, for somebody who has one. */
  void get(long pfn);

  /**
   * {@code put_page_testzero()} without its zero: gives a reference up if others are left.
   *
   * @return false, and nothing is changed, if it is the last one or there is none: giving that up
   *     is the page allocator's
   */
  boolean putUnlessLast(long pfn);

  /** How many page-table entries map the frame. */
  int mapcount(long pfn);

  /** Sets it. */
  void setMapcount(long pfn, int count);

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

  /** Sets it. */
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
