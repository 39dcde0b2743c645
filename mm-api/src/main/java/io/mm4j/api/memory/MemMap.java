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
 * mapping}, {@code index} the holder named by {@code owner}; {@code refcount} through {@link #get}
 * and {@link #put}, by anybody who holds a reference; {@code order} the page allocator.
 *
 * <p>References: the page allocator hands a block out with the refcount of its first frame at 1
 * (all frames of it after {@code split_page}). Whoever keeps the frame longer takes one more.
 * {@code put_page} by the last holder gives the frame back. Tails of a block have no count of their
 * own until the block is split.
 *
 * <p>Threads: plain fields; the owner of the frame writes. Complexity: O(1) each.
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

  /** Says who holds the frame from now on. */
  void setOwner(long pfn, FrameOwner owner);

  /**
   * Sets the owner of the frames {@code [startPfn, endPfn)} at boot, when nothing else is known of
   * them. Whole sections cost O(1) each, and no memory.
   */
  void initOwners(long startPfn, long endPfn, FrameOwner owner);

  /**
   * Makes a block ready for its new holder in one step: every frame has this owner and no flags;
   * the first one has the order and a refcount of 1, the others a refcount of 0. The kernel's
   * {@code prep_new_page()}.
   */
  void prepare(long pfn, int order, FrameOwner owner);

  /**
   * Makes a block nobody's in one step: every frame has this owner (free, or on a per-cpu list),
   * and everything else that is known of it becomes 0. The kernel's {@code free_pages_prepare()}.
   */
  void release(long pfn, int order, FrameOwner owner);

  /** {@code page->flags} without zone, node and section: bits of {@link PageFlags}. */
  int flags(long pfn);

  /** Replaces the flags. */
  void setFlags(long pfn, int flags);

  /** {@code page->_refcount}. */
  int refcount(long pfn);

  /** Sets the count; for the page allocator. */
  void setRefcount(long pfn, int count);

  /** {@code get_page()}: one more reference. */
  default void get(long pfn) {
    setRefcount(pfn, refcount(pfn) + 1);
  }

  /**
   * One reference less.
   *
   * @return the references that are left; at 0 the caller gives the frame back
   */
  default int put(long pfn) {
    int left = refcount(pfn) - 1;
    setRefcount(pfn, left);
    return left;
  }

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

  /** The order of the allocated block whose first frame this is. */
  int order(long pfn);

  /** Sets it. */
  void setOrder(long pfn, int order);

  /** {@code page->lru.next}: the next frame of the list it is on, or -1. */
  long lruNext(long pfn);

  /** {@code page->lru.prev}: the previous frame of the list it is on, or -1. */
  long lruPrev(long pfn);

  /** Sets both links. */
  void setLru(long pfn, long next, long prev);
}
