// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.vmalloc;

import io.mm4j.api.Cpu;
import org.apiguardian.api.API;

/**
 * Which addresses of the vmalloc area are in use: the address side of mm/vmalloc.c, without frames
 * and page tables, which stand above it once for all plugins.
 *
 * <p>An area is a range of whole pages, its guard page included. A freed area is not at once free:
 * a lazy plugin keeps it until {@link #purge}, because a TLB may still have translations of it.
 *
 * <p>Addresses are those of a kernel: either all of them are below 2 to the power of 63, or all of
 * them are above it. Ends are exclusive.
 *
 * <p>Threads: any, with a CPU of their own; a plugin guards itself with locks of the class {@link
 * io.mm4j.api.LockClass#VMAP} and calls nobody while it holds one.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface VmallocAllocator extends AutoCloseable {
  /** There is no room. */
  long NO_ADDRESS = 0;

  /** An area that no CPU has asked for: it never goes to a pool. */
  int NO_NODE = -1;

  /**
   * {@code alloc_vmap_area()}, without the purge that follows if there is no room.
   *
   * @param cpu who asks
   * @param bytes whole pages, the guard page included
   * @param align a power of two, at least 1; of less than a page means a page
   * @param start where to look from
   * @param end where to stop
   * @return the first address, or {@link #NO_ADDRESS}
   * @throws io.mm4j.api.MisuseException if the request makes no sense; nothing changes
   */
  long alloc(Cpu cpu, long bytes, long align, long start, long end);

  /**
   * {@code free_vmap_area_noflush()}: the area is no longer in use.
   *
   * @param address its first address
   * @throws io.mm4j.api.MisuseException if no area in use begins there; nothing changes
   */
  void free(Cpu cpu, long address);

  /** Bytes of the area in use that begins here, its guard page included; 0 if none does. */
  long bytes(long address);

  /** The first address of the area in use that an address lies in, or {@link #NO_ADDRESS}. */
  long find(long address);

  /** Tells every area in use, by address. Nothing may be changed meanwhile. */
  void forEach(AreaVisitor visitor);

  /** Tells every free range, by address: what {@link #alloc} may take, pools aside. */
  void forEachFree(AreaVisitor visitor);

  /**
   * Tells every area that was freed and waits for a purge, in any order; a plugin that is not lazy
   * has none.
   */
  default void forEachLazy(AreaVisitor visitor) {}

  /** Receives ranges. */
  @FunctionalInterface
  interface AreaVisitor {
    /** A range; the end is exclusive. */
    void range(long start, long end);
  }

  /** {@code vmap_lazy_nr}: pages of areas that were freed and not purged. */
  long lazyPages();

  /** {@code lazy_max_pages()}: when there are more, a purge is due. */
  long lazyMax();

  /** Whether there are so many freed pages that somebody should purge. */
  default boolean isPurgeDue() {
    return lazyPages() > lazyMax();
  }

  /**
   * {@code __purge_vmap_area_lazy()}: all freed areas become free.
   *
   * @param flush is called once before any of them can be handed out, with the range that holds all
   *     of them; not at all if there is none
   * @return how many areas
   */
  int purge(AreaVisitor flush);

  /**
   * {@code vmap_node_shrink_scan()}: what is kept in pools becomes free for everybody.
   *
   * @return how many areas
   */
  int shrink();

  /** Areas that are kept in pools now. */
  int pooled();

  /**
   * Forgets everything: no area, no free address. For callers that restore a recorded state; with
   * the capability {@link VmallocAllocatorProvider.Capabilities#takesExactly()}, as the next four.
   */
  default void clear() {
    throw new UnsupportedOperationException("clear of a plugin that does not take exactly");
  }

  /** Adds a free range to a state that is being restored. */
  default void addFree(long start, long end) {
    throw new UnsupportedOperationException("addFree of a plugin that does not take exactly");
  }

  /**
   * Puts a range into a pool, behind what is in it.
   *
   * @param node the CPU whose pool it is
   */
  default void addPooled(int node, long address, long bytes) {
    throw new UnsupportedOperationException("addPooled of a plugin that does not take exactly");
  }

  /**
   * Takes exactly this range; if it is an area of a pool, that one. What of it was not known as
   * free is in use from now on as well.
   *
   * @param node the CPU that is taken to have asked, or {@link #NO_NODE}; of an area of a pool it
   *     stays
   * @return how many of its pages were known as free; -1, and nothing changes, if a part is in use,
   *     freed and not purged, or in a pool
   */
  default long takeExactly(int node, long address, long bytes) {
    throw new UnsupportedOperationException("takeExactly of a plugin that does not take exactly");
  }

  /**
   * Undoes the {@link #alloc} that returned this address, if it was the last call that changes
   * anything or was to: the range goes back to where it came from.
   *
   * @throws io.mm4j.api.MisuseException after another call, also one that had nothing to give
   */
  default void undo(long address) {
    throw new UnsupportedOperationException("undo of a plugin that does not take exactly");
  }

  /** What there is now; walks everything. */
  VmallocStats stats();

  /** Walks everything; throws {@link io.mm4j.api.CorruptStateError} at the first contradiction. */
  void validate();

  /** No call is legal afterwards. */
  @Override
  default void close() {}
}
