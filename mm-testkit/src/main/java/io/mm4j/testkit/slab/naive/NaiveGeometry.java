// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabFlags;

/**
 * The numbers of a cache as Linux 6.18 has them with pages of 4 KiB, written down step by step:
 * what {@code /sys/kernel/slab} and {@code /proc/slabinfo} of a real machine show.
 */
public final class NaiveGeometry {
  public final int align;

  /** Bytes before the object. */
  public final int left;

  /** Where the object's own room ends: after it red zone or padding up to 8. */
  public final int inuse;

  /** Where the link of a free object is. */
  public final int link;

  /** Where the next thing after object and link is. */
  public final int afterLink;

  public final int size;
  public final int order;
  public final int objects;
  public final int minPartial;
  public final int cpuPartial;

  /** With these flags, debug flags among them, on a machine with so many CPUs. */
  public NaiveGeometry(KmemCacheArgs args, int flags, int cpus) {
    align = align(args, flags);
    boolean red = (flags & SlabFlags.SLAB_RED_ZONE) != 0;
    boolean poison = (flags & SlabFlags.SLAB_POISON) != 0;
    boolean user = (flags & SlabFlags.SLAB_STORE_USER) != 0;
    boolean asked = user && (flags & SlabFlags.SLAB_KMALLOC) != 0;
    boolean sacred = (args.ctor() != null || (flags & SlabFlags.SLAB_TYPESAFE_BY_RCU) != 0);
    int bytes = args.objectBytes();
    int room = roundUp(bytes, 8);
    if (red && room == bytes) {
      room += 8;
    }
    inuse = room;
    boolean placed = args.freeptrOffset() >= 0;
    if (poison || (sacred && !placed) || (red && (bytes < 8 || asked))) {
      link = room;
      room += 8;
    } else if (sacred) {
      link = args.freeptrOffset();
    } else {
      link = bytes / 2 / 8 * 8;
    }
    afterLink = room;
    if (user) {
      room += 64 + (asked ? 4 : 0);
    }
    int before = 0;
    if (red) {
      before = roundUp(8, align);
      room += 8 + before;
    }
    left = before;
    size = roundUp(room, align);
    order = order(size, cpus);
    objects = (4096 << order) / size;
    int log = 0;
    while (2 << log <= size) {
      log++;
    }
    minPartial = Math.min(10, Math.max(5, log / 2));
    boolean debug = (flags & SlabFlags.SLAB_DEBUG_FLAGS) != 0;
    cpuPartial = debug ? 0 : size >= 4096 ? 6 : size >= 1024 ? 24 : size >= 256 ? 52 : 120;
  }

  /** {@code slab_ksize()}: as far as nothing of the allocator lies behind the object. */
  public int usable(KmemCacheArgs args, int flags) {
    if ((flags & (SlabFlags.SLAB_RED_ZONE | SlabFlags.SLAB_POISON)) != 0) {
      return args.objectBytes();
    }
    return (flags & (SlabFlags.SLAB_TYPESAFE_BY_RCU | SlabFlags.SLAB_STORE_USER)) != 0
        ? inuse
        : size;
  }

  private static int align(KmemCacheArgs args, int flags) {
    int align = Math.max(8, args.align());
    if ((flags & SlabFlags.SLAB_HWCACHE_ALIGN) != 0) {
      int line = 64;
      while (args.objectBytes() * 2 <= line) {
        line /= 2;
      }
      align = Math.max(align, line);
    }
    return align;
  }

  private static int order(int size, int cpus) {
    int bits = 0;
    while (cpus >> bits != 0) {
      bits++;
    }
    int wanted = 4 * (bits + 1);
    int most = Math.max(1, (4096 << 3) / size);
    int least = orderOf(Math.min(wanted, most) * size);
    for (int waste = 16; waste >= 2; waste /= 2) {
      for (int order = least; order <= 3; order++) {
        if ((4096 << order) % size <= (4096 << order) / waste) {
          return order;
        }
      }
    }
    return orderOf(size);
  }

  static int orderOf(int bytes) {
    int order = 0;
    while (4096 << order < bytes) {
      order++;
    }
    return order;
  }

  static int roundUp(int value, int unit) {
    return (value + unit - 1) / unit * unit;
  }

  /** {@code kmalloc_size_roundup()}. */
  public static long kmalloc(long bytes) {
    if (bytes == 0) {
      return 0;
    }
    if (bytes > 8192) {
      long room = 4096;
      while (room < bytes) {
        room *= 2;
      }
      return room;
    }
    for (int size : KMALLOC) {
      if (bytes <= size) {
        return size;
      }
    }
    throw new IllegalStateException();
  }

  /** The sizes of {@code kmalloc()}. */
  static final int[] KMALLOC = {8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192};
}
