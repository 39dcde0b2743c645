// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import io.mm4j.api.MisuseException;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * What a cache is to be: the arguments of {@code kmem_cache_create()} and {@code struct
 * kmem_cache_args} (Linux 6.18).
 *
 * @param name shown in /proc/slabinfo
 * @param objectBytes the size of an object, 1 to 4 MiB
 * @param align a power of two, or 0 for that of a pointer
 * @param flags bits of {@link SlabFlags}
 * @param useroffset where the part of an object begins that may be copied to user space
 * @param usersize the bytes of that part; 0 for none
 * @param ctor makes a fresh object, or null
 * @param freeptrOffset where in an object of a cache with constructor or {@code
 *     SLAB_TYPESAFE_BY_RCU} the allocator may keep its link while the object is free; {@link
 *     #NO_OFFSET} if nowhere, so that it goes behind the object
 * @param sheafCapacity objects of a per-cpu sheaf, or 0 for a cache without sheaves
 */
@API(status = API.Status.EXPERIMENTAL)
public record KmemCacheArgs(
    String name,
    int objectBytes,
    int align,
    int flags,
    int useroffset,
    int usersize,
    @Nullable ObjectConstructor ctor,
    int freeptrOffset,
    int sheafCapacity) {
  /** No place in the object. */
  public static final int NO_OFFSET = -1;

  /** {@code KMALLOC_MAX_SIZE}: the largest object, the largest block of the page allocator. */
  public static final int MAX_BYTES = 4 << 20;

  /**
   * Checks the values.
   *
   * @throws MisuseException for a value that no kernel accepts; says which
   */
  public KmemCacheArgs {
    String what = "name=" + name + " objectBytes=" + objectBytes + " align=" + align;
    if (name.isEmpty() || name.chars().anyMatch(c -> c <= ' ')) {
      throw new MisuseException("a cache has a name without blanks: " + what);
    }
    if (objectBytes < 1 || objectBytes > MAX_BYTES) {
      throw new MisuseException("an object has 1 to " + MAX_BYTES + " bytes: " + what);
    }
    if (align < 0 || Integer.bitCount(align) > 1 || align > MAX_BYTES) {
      throw new MisuseException("an alignment is 0 or a power of two: " + what);
    }
    if (usersize < 0 || useroffset < 0 || useroffset > objectBytes - usersize) {
      throw new MisuseException(
          "the part for user space lies in the object: "
              + what
              + " useroffset="
              + useroffset
              + " usersize="
              + usersize);
    }
    boolean keeps = ctor != null || (flags & SlabFlags.SLAB_TYPESAFE_BY_RCU) != 0;
    if (freeptrOffset != NO_OFFSET
        && (!keeps
            || freeptrOffset < 0
            || freeptrOffset % Long.BYTES != 0
            || freeptrOffset > objectBytes - Long.BYTES)) {
      throw new MisuseException(
          "a place for the link is a multiple of 8 in an object with constructor or"
              + " SLAB_TYPESAFE_BY_RCU: "
              + what
              + " freeptrOffset="
              + freeptrOffset);
    }
    if (sheafCapacity < 0) {
      throw new MisuseException("a sheaf has 0 objects or more: sheafCapacity=" + sheafCapacity);
    }
  }

  /** A plain cache of objects of this size, aligned as a pointer. */
  public static KmemCacheArgs of(String name, int objectBytes) {
    return new KmemCacheArgs(name, objectBytes, 0, 0, 0, 0, null, NO_OFFSET, 0);
  }

  /** The same with another alignment. */
  public KmemCacheArgs withAlign(int bytes) {
    return new KmemCacheArgs(
        name, objectBytes, bytes, flags, useroffset, usersize, ctor, freeptrOffset, sheafCapacity);
  }

  /** The same with other flags. */
  public KmemCacheArgs withFlags(int bits) {
    return new KmemCacheArgs(
        name, objectBytes, align, bits, useroffset, usersize, ctor, freeptrOffset, sheafCapacity);
  }

  /** The same with a part that may be copied to user space. */
  public KmemCacheArgs withUser(int offset, int bytes) {
    return new KmemCacheArgs(
        name, objectBytes, align, flags, offset, bytes, ctor, freeptrOffset, sheafCapacity);
  }

  /** The same with a constructor. */
  public KmemCacheArgs withCtor(ObjectConstructor constructor) {
    return new KmemCacheArgs(
        name,
        objectBytes,
        align,
        flags,
        useroffset,
        usersize,
        constructor,
        freeptrOffset,
        sheafCapacity);
  }

  /** The same with a place for the link of a free object. */
  public KmemCacheArgs withFreeptrOffset(int offset) {
    return new KmemCacheArgs(
        name, objectBytes, align, flags, useroffset, usersize, ctor, offset, sheafCapacity);
  }

  /** The same with sheaves of so many objects. */
  public KmemCacheArgs withSheaves(int objects) {
    return new KmemCacheArgs(
        name, objectBytes, align, flags, useroffset, usersize, ctor, freeptrOffset, objects);
  }
}
