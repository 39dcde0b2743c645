// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slob;

import io.mm4j.api.memory.Pages;
import java.util.Arrays;

/**
 * Whose object begins where in the pages of the heap, 8 bytes by 8: the number of a cache, or less
 * than 0 of the one whose freed object was the last to begin there. A slob of the kernel knows
 * nothing of the kind: there {@code kmem_cache_free()} believes its caller.
 *
 * <p>In chunks of 2 MiB of RAM, a quarter of that each, from the first page of the heap in it on.
 *
 * <p>Threads: who holds an object writes what is known of its bytes; chunks come under this
 * object's lock.
 */
final class SlobOwners {
  private static final int SHIFT = 3;
  private static final int CHUNK_SHIFT = 21;
  private static final int PAGE_PLACES = (int) Pages.PAGE_SIZE >>> SHIFT;
  private static final int MASK = (1 << (CHUNK_SHIFT - SHIFT)) - 1;
  private static final short[] NO_PLACES = {};

  private volatile short[][] chunks = {};

  /** A page comes to the heap. */
  synchronized void clear(long pfn) {
    int number = (int) (pfn >>> (CHUNK_SHIFT - Pages.PAGE_SHIFT));
    int length = chunks.length;
    if (number >= length) {
      short[][] more = Arrays.copyOf(chunks, number + 1 + number / 2);
      Arrays.fill(more, length, more.length, NO_PLACES);
      chunks = more;
    }
    short[] chunk = chunks[number];
    if (chunk.length == 0) {
      chunks[number] = new short[MASK + 1];
    } else {
      int first = (int) (pfn << Pages.PAGE_SHIFT >>> SHIFT) & MASK;
      Arrays.fill(chunk, first, first + PAGE_PLACES, (short) 0);
    }
  }

  /**
   * The cache whose object begins in these 8 bytes of a page of the heap; below 0 if it is free.
   */
  int at(long paddr) {
    return chunks[(int) (paddr >>> CHUNK_SHIFT)][(int) (paddr >>> SHIFT) & MASK];
  }

  /** An object comes: it begins here, and nothing else begins within it. */
  void enter(long paddr, int bytes, int cacheId) {
    short[] chunk = chunks[(int) (paddr >>> CHUNK_SHIFT)];
    int first = (int) (paddr >>> SHIFT) & MASK;
    Arrays.fill(chunk, first, first + ((bytes - 1) >>> SHIFT) + 1, (short) 0);
    chunk[first] = (short) cacheId;
  }

  /** An object goes. */
  void leave(long paddr) {
    short[] chunk = chunks[(int) (paddr >>> CHUNK_SHIFT)];
    int place = (int) (paddr >>> SHIFT) & MASK;
    chunk[place] = (short) -chunk[place];
  }
}
