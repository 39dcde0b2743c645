// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import io.mm4j.api.InputException;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabFlags;
import java.util.Map;

/**
 * The numbers of a cache as Linux 6.18 has them with pages of 4 KiB, written down step by step:
 * what {@code /sys/kernel/slab} and {@code /proc/slabinfo} of a real machine show.
 */
public final class NaiveGeometry {
  /** {@code MAX_OBJS_PER_PAGE}. */
  private static final int MANY = 32_767;

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

  /**
   * What a machine was booted with.
   *
   * @param max the largest order of a slab of several objects
   * @param min the least order
   * @param wanted objects of a slab
   */
  public record Orders(int max, int min, int wanted) {
    /** With these parameters, on a machine with so many CPUs. */
    public static Orders of(Map<String, String> settings, int cpus) {
      int min = number(settings, "slub_min_order", 0, 10);
      int max = Math.max(min, number(settings, "slub_max_order", 3, 10));
      int wanted = number(settings, "slub_min_objects", 0, 32_767);
      int bits = 0;
      while (cpus >> bits != 0) {
        bits++;
      }
      return new Orders(max, min, wanted == 0 ? 4 * (bits + 1) : wanted);
    }

    private static int number(Map<String, String> settings, String name, int usual, int most) {
      String text = settings.get(name);
      long value = text == null ? usual : Long.parseLong(text);
      if (value < 0 || value > most) {
        throw new InputException(name + "=" + text, name, "0 to " + most);
      }
      return (int) value;
    }
  }

  /** With these flags, debug flags among them, on a machine with so many CPUs. */
  public NaiveGeometry(KmemCacheArgs args, int flags, int cpus) {
    this(args, flags, Orders.of(Map.of(), cpus));
  }

  /** The same on a machine that was booted with other orders. */
  public NaiveGeometry(KmemCacheArgs args, int flags, Orders orders) {
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
    order = order(size, orders);
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

  private static int order(int size, Orders orders) {
    int most = Math.max(1, (4096 << orders.max) / size);
    int wanted = Math.min(orders.wanted, most);
    int least = Math.max(orders.min, orderOf((long) wanted * size));
    if ((4096 << least) / size > MANY) {
      return orderOf((long) size * MANY) - 1;
    }
    for (int waste = 16; waste >= 2; waste /= 2) {
      for (int order = least; order <= orders.max; order++) {
        if ((4096 << order) % size <= (4096 << order) / waste) {
          return order;
        }
      }
    }
    return orderOf(size);
  }

  static int orderOf(long bytes) {
    int order = 0;
    while (4096L << order < bytes) {
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
