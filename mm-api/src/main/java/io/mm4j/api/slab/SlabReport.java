// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * What the debug mode of a slab allocator has found: {@code slab_bug()} and {@code print_trailer()}
 * of mm/slub.c.
 *
 * @param kind what is wrong
 * @param cacheName the cache
 * @param object the object's first byte, or of a slab whose padding was written to that of the slab
 * @param paddr the first byte that is not as it should be; the object itself if it is not about
 *     bytes
 * @param allocated who allocated it last, if that is kept
 * @param freed who freed it last, if that is kept
 * @param text all of it in words: several lines, with the bytes
 */
@API(status = API.Status.EXPERIMENTAL)
public record SlabReport(
    Kind kind,
    String cacheName,
    long object,
    long paddr,
    @Nullable Track allocated,
    @Nullable Track freed,
    String text) {
  /** The kinds of finding. */
  public enum Kind {
    /** Bytes before the object were overwritten. */
    LEFT_REDZONE,
    /** Bytes behind the object, or behind what was asked for of it, were overwritten. */
    RIGHT_REDZONE,
    /** A free object was written to. */
    POISON,
    /** The link of a free object leads nowhere. */
    FREE_POINTER,
    /** Bytes behind the object's own data were overwritten. */
    PADDING,
    /** Bytes of a slab behind its last object were overwritten. */
    SLAB_PADDING,
    /** The object is free already. */
    DOUBLE_FREE,
    /** No object of this cache begins there. */
    INVALID_FREE,
    /** The numbers of a slab contradict its freelist. */
    COUNTERS,
    /** It is still there when its cache is destroyed. */
    LEAK
  }

  /**
   * {@code struct track}: who did something to an object.
   *
   * @param caller the method that called the allocator
   * @param cpu on which CPU; -1 if it is not known
   * @param ns when, on the machine's clock; -1 if it is not known
   */
  public record Track(String caller, int cpu, long ns) {
    @Override
    public String toString() {
      return caller + " cpu=" + cpu + " ns=" + ns;
    }
  }
}
