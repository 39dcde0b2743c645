// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import io.mm4j.api.slab.KmemCache.Tunables;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabFlags;

/**
 * What a slab of mm/slab.c looks like, found by trying: {@code kmem_cache_create()} and {@code
 * kmem_cache_estimate()} of Linux 2.4.20, {@code calculate_slab_order()} and {@code
 * enable_cpucache()} of 2.6.32.
 */
public final class ArrayGeometry {
  private static final int PAGE = 4096;

  /** {@code sizeof(kmem_bufctl_t)}. */
  private static final int BUFCTL = 4;

  /**
   * The machine, as far as it matters.
   *
   * @param old 2.4, else 2.6
   * @param word bytes of a pointer
   * @param large more than 32 MiB
   * @param cpus how many there are
   */
  public record Kernel(boolean old, int word, boolean large, int cpus) {
    int line() {
      return old && word == 4 ? 32 : 64;
    }

    /** {@code struct slab}: list, colouroff, s_mem, inuse, free, and from 2.6 on the node. */
    int descriptor() {
      return 4 * word + 8 + (old ? 0 : word);
    }
  }

  public final int align;
  public final int size;
  public final int order;
  public final int objects;
  public final Tunables tunables;

  /** Bytes of a slab before its first object, without colour, and without marks before objects. */
  public final int before;

  /** Marks before an object. */
  public final int marks;

  public final int colourOff;
  public final int colours;

  /** Finds it. */
  public ArrayGeometry(Kernel kernel, KmemCacheArgs args) {
    boolean line = (args.flags() & SlabFlags.SLAB_HWCACHE_ALIGN) != 0;
    align = Math.max(Math.max(8, args.align()), line ? part(kernel, args.objectBytes()) : 0);
    boolean red = !kernel.old && align <= 8 && (args.flags() & SlabFlags.SLAB_RED_ZONE) != 0;
    marks = red ? 8 : 0;
    int bytes = marked(kernel, args);
    size = up(bytes, align);
    boolean off = bytes >= PAGE / 8;
    int at = 0;
    while (number(kernel, off, at) == 0 || !isGoodEnough(kernel, args, off, at)) {
      at++;
    }
    order = at;
    objects = number(kernel, off, order);
    int management = management(kernel, objects);
    int rest = left(kernel, off, order);
    if (off && rest >= management) {
      off = false;
      rest -= management;
    }
    before = off ? 0 : management;
    colourOff = Math.max(kernel.line(), align);
    colours = Math.max(1, rest / colourOff);
    tunables = tunables(kernel);
  }

  /** How much of a cache line an object takes that is aligned to it. */
  private static int part(Kernel kernel, int bytes) {
    int part = kernel.line();
    int words = up(bytes, kernel.word);
    while (kernel.old ? words < part / 2 : words <= part / 2) {
      part /= 2;
    }
    return part;
  }

  /** The bytes of an object with red zones and the number of who used it. */
  private int marked(Kernel kernel, KmemCacheArgs args) {
    boolean red = marks > 0;
    boolean may = !kernel.old && align <= 8;
    boolean user = may && (args.flags() & SlabFlags.SLAB_STORE_USER) != 0;
    int bytes = up(args.objectBytes(), red ? 8 : kernel.word);
    return bytes + (red ? 16 : 0) + (user ? red ? 8 : kernel.word : 0);
  }

  private int management(Kernel kernel, int number) {
    return up(
        kernel.descriptor() + number * BUFCTL, kernel.old ? Math.max(kernel.line(), align) : align);
  }

  private int number(Kernel kernel, boolean off, int order) {
    int number = 0;
    while (used(kernel, off, number + 1) <= PAGE << order) {
      number++;
    }
    return number;
  }

  private int used(Kernel kernel, boolean off, int number) {
    return number * size + (off ? 0 : management(kernel, number));
  }

  private int left(Kernel kernel, boolean off, int order) {
    return (PAGE << order) - used(kernel, off, number(kernel, off, order));
  }

  private boolean isGoodEnough(Kernel kernel, KmemCacheArgs args, boolean off, int order) {
    boolean account = !kernel.old && (args.flags() & SlabFlags.SLAB_RECLAIM_ACCOUNT) != 0;
    int enough = (kernel.old ? 1 : 0) + (kernel.large ? 1 : 0);
    return account || order >= enough || left(kernel, off, order) * 8 <= PAGE << order;
  }

  private Tunables tunables(Kernel kernel) {
    boolean one = kernel.cpus == 1;
    if (kernel.old) {
      int limit = one || size > PAGE ? 0 : size > 1024 ? 60 : size > 256 ? 124 : 252;
      return new Tunables(limit, limit / 2, 0);
    }
    int limit = size > 131072 ? 1 : size > PAGE ? 8 : size > 1024 ? 24 : size > 256 ? 54 : 120;
    return new Tunables(limit, (limit + 1) / 2, one || size > PAGE ? 0 : 8);
  }

  private static int up(int bytes, int unit) {
    return (bytes + unit - 1) / unit * unit;
  }
}
