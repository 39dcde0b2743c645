// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import io.mm4j.api.memory.Pages;
import org.apiguardian.api.API;

/**
 * The sizes of {@code kmalloc()}. Each has an index: that of a power of two is its logarithm, 96
 * and 192 bytes have 1 and 2. Up to {@link #SMALL} bytes a table says the index of a request, for
 * more it is the logarithm rounded up.
 *
 * @param smallest the smallest size, a power of two of 8 to 64
 * @param largest the largest size that a cache has, a power of two from {@link #SMALL} on
 * @param oddSizes whether there are caches of 96 and 192 bytes
 */
@API(status = API.Status.EXPERIMENTAL)
public record KmallocSizes(int smallest, int largest, boolean oddSizes) {
  /** Up to so many bytes a table is asked. */
  public static final int SMALL = 192;

  /** One entry of it stands for so many bytes, as a shift. */
  public static final int SMALL_SHIFT = 3;

  /** There are fewer indexes. */
  public static final int INDEXES = 32;

  /** Linux 6.18 on x86-64 with pages of 4 KiB: 8 bytes to 8 KiB. */
  public static final KmallocSizes SLUB = new KmallocSizes(8, 8192, true);

  /** {@code malloc_sizes} of 2.4 and 2.6: 32 bytes to 128 KiB. */
  public static final KmallocSizes MALLOC_SIZES = new KmallocSizes(32, 128 << 10, true);

  /** {@code kmalloc_size_index}: the index of a request of up to {@link #SMALL} bytes. */
  public byte[] small() {
    byte[] table = new byte[SMALL >>> SMALL_SHIFT];
    for (int i = 0; i < table.length; i++) {
      int bytes = (i + 1) << SMALL_SHIFT;
      int index = 0;
      if (oddSizes && smallest <= 64 && bytes > 64 && bytes <= 96) {
        index = 1;
      } else if (oddSizes && bytes > 128) {
        index = 2;
      } else {
        index = 32 - Integer.numberOfLeadingZeros(Math.max(bytes, smallest) - 1);
      }
      table[i] = (byte) index;
    }
    return table;
  }

  /**
   * {@code kmalloc_index()}.
   *
   * @param bytes 1 to {@link #largest}
   */
  public int index(long bytes) {
    int last = (int) bytes - 1;
    return last < SMALL ? small()[last >>> SMALL_SHIFT] : 32 - Integer.numberOfLeadingZeros(last);
  }

  /** The size of an index; 0 if it has no cache. */
  public int bytes(int index) {
    if (index == 1 || index == 2) {
      return oddSizes ? 96 * index : 0;
    }
    int bytes = index < 3 || index > 30 ? 0 : 1 << index;
    return bytes >= smallest && bytes <= largest ? bytes : 0;
  }

  /**
   * {@code kmalloc_size_roundup()}: the bytes that a request gets; 0 for 0, and the request itself
   * if it is too large.
   */
  public long roundup(long bytes) {
    if (bytes <= 0 || bytes > KmemCacheArgs.MAX_BYTES) {
      return Math.max(bytes, 0);
    }
    return bytes <= largest ? bytes(index(bytes)) : Pages.PAGE_SIZE << Pages.orderOf(bytes);
  }

  /** {@code 96}, {@code 1k}, {@code 8k}: a size as the names of caches have it. */
  public static String shortName(int bytes) {
    return bytes >= 1 << 20
        ? (bytes >>> 20) + "M"
        : bytes >= 1024 ? (bytes >>> 10) + "k" : Integer.toString(bytes);
  }
}
