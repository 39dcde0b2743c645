// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.slab.base.BaseCache;

/**
 * Where what of an object lies, and how many objects a slab has. Models {@code calculate_sizes()},
 * {@code calculate_order()} and {@code set_cpu_partial()} of mm/slub.c and {@code
 * calculate_alignment()} of mm/slab_common.c (Linux 6.18).
 *
 * <pre>
 *   | left red zone | object ... padding or red zone | link | tracks | size asked for | padding |
 *   0               redLeftPad                       +inuse          (+infoEnd)                 size
 * </pre>
 *
 * <p>The link of a free object lies in the middle of it, so that an overrun of the object before
 * does not reach it; behind it where the object's bytes must stay: with a constructor, RCU, poison,
 * or a red zone that begins where the request ended.
 *
 * @param inuse the object and the red zone or padding behind it
 * @param offset of the link from the object's first byte
 * @param align of the object
 * @param redLeftPad bytes before the object
 * @param size from object to object
 * @param order of a slab
 * @param minOrder the order of a slab when memory is short: one object
 */
record ObjectLayout(
    int inuse, int offset, int align, int redLeftPad, int size, int order, int minOrder) {
  /** {@code sizeof(struct track)} with a stack depot. */
  static final int TRACK = 32;

  /** A cache line, and {@code sizeof(void *)}. */
  private static final int LINE = 64;

  private static final int POINTER = Long.BYTES;
  private static final int MAX_OBJECTS = 32767;

  /** The layout of objects of a cache with these flags, debug flags among them. */
  static ObjectLayout of(KmemCacheArgs args, int flags, SlubSettings settings) {
    int align = align(flags, args.align(), args.objectBytes());
    int inuse = up(args.objectBytes(), POINTER);
    boolean redZone = (flags & SlabFlags.SLAB_RED_ZONE) != 0;
    if (redZone && inuse == args.objectBytes()) {
      inuse += POINTER;
    }
    boolean keeps = args.ctor() != null || (flags & SlabFlags.SLAB_TYPESAFE_BY_RCU) != 0;
    boolean given = args.freeptrOffset() != KmemCacheArgs.NO_OFFSET;
    boolean origSize = keepsRequest(flags);
    boolean outside =
        (keeps && !given)
            || (flags & SlabFlags.SLAB_POISON) != 0
            || (redZone && (args.objectBytes() < POINTER || origSize));
    int size = inuse;
    int offset;
    if (outside) {
      offset = size;
      size += POINTER;
    } else {
      offset = keeps ? args.freeptrOffset() : (args.objectBytes() / 2) & -POINTER;
    }
    if ((flags & SlabFlags.SLAB_STORE_USER) != 0) {
      size += 2 * TRACK;
      if (origSize) {
        size += Integer.BYTES;
      }
    }
    int redLeftPad = 0;
    if (redZone) {
      redLeftPad = up(POINTER, align);
      size += POINTER + redLeftPad;
    }
    size = up(size, align);
    int order = order(size, settings, args);
    return new ObjectLayout(inuse, offset, align, redLeftPad, size, order, Pages.orderOf(size));
  }

  /** {@code slub_debug_orig_size()}: whether each object says what was asked for. */
  static boolean keepsRequest(int flags) {
    int both = SlabFlags.SLAB_STORE_USER | SlabFlags.SLAB_KMALLOC;
    return (flags & both) == both;
  }

  /** {@code calculate_alignment()}. */
  static int align(int flags, int wanted, int bytes) {
    return BaseCache.alignment(flags, wanted, bytes, LINE, POINTER);
  }

  /** {@code calculate_order()}. */
  private static int order(int size, SlubSettings settings, KmemCacheArgs args) {
    int max = settings.maxOrder();
    int most = Math.max(objects(max, size), 1);
    int wanted = Math.min(settings.minObjects(), most);
    int min = Math.max(settings.minOrder(), Pages.orderOf((long) wanted * size));
    if (objects(min, size) > MAX_OBJECTS) {
      return Pages.orderOf((long) size * MAX_OBJECTS) - 1;
    }
    for (int fraction = 16; fraction > 1; fraction /= 2) {
      for (int order = min; order <= max; order++) {
        int bytes = (int) Pages.PAGE_SIZE << order;
        if (bytes % size <= bytes / fraction) {
          return order;
        }
      }
    }
    int order = Pages.orderOf(size);
    if (order > Pages.MAX_PAGE_ORDER) {
      throw new MisuseException("no slab is so large: size=" + size + " " + args);
    }
    return order;
  }

  /** {@code order_objects()}. */
  static int objects(int order, int size) {
    return (int) ((Pages.PAGE_SIZE << order) / size);
  }

  /** Objects of a slab of the usual order. */
  int objects() {
    return objects(order, size);
  }

  /** Whether the link lies behind the object: {@code freeptr_outside_object()}. */
  boolean linkOutside() {
    return offset >= inuse;
  }

  /** Where the tracks begin: {@code get_info_end()}. */
  int infoEnd() {
    return linkOutside() ? inuse + POINTER : inuse;
  }

  /** {@code min_partial}. */
  int minPartial() {
    int log = 31 - Integer.numberOfLeadingZeros(size);
    return Math.clamp(log / 2, 5, 10);
  }

  /** {@code cpu_partial}: of a cache without debug flags. */
  int cpuPartial() {
    return size >= Pages.PAGE_SIZE ? 6 : size >= 1024 ? 24 : size >= 256 ? 52 : 120;
  }

  static int up(int value, int align) {
    return BaseCache.up(value, align);
  }
}
