// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.plugin.Sizes;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apiguardian.api.API;

/**
 * Allocation flags with the bits of Linux 6.18 on x86-64 (include/linux/gfp_types.h), as recordings
 * carry them.
 */
@API(status = API.Status.MAINTAINED)
public final class Gfp {
  /** From zone DMA. */
  public static final int __GFP_DMA = 0x1;

  /** Zone HIGHMEM may serve. */
  public static final int __GFP_HIGHMEM = 0x2;

  /** From zone DMA32 or below. */
  public static final int __GFP_DMA32 = 0x4;

  /** The page can be moved; with {@link #__GFP_HIGHMEM} zone MOVABLE may serve. */
  public static final int __GFP_MOVABLE = 0x8;

  /** Slab pages that a shrinker can free. */
  public static final int __GFP_RECLAIMABLE = 0x10;

  /** May go into part of the reserve. */
  public static final int __GFP_HIGH = 0x20;

  /** May start I/O. */
  public static final int __GFP_IO = 0x40;

  /** May call into file systems. */
  public static final int __GFP_FS = 0x80;

  /** Zeroed. */
  public static final int __GFP_ZERO = 0x100;

  /** May reclaim itself, and so wait. */
  public static final int __GFP_DIRECT_RECLAIM = 0x400;

  /** May wake kswapd. */
  public static final int __GFP_KSWAPD_RECLAIM = 0x800;

  /** Will be written soon. */
  public static final int __GFP_WRITE = 0x1000;

  /** No complaint on failure. */
  public static final int __GFP_NOWARN = 0x2000;

  /** Tries hard, may fail. */
  public static final int __GFP_RETRY_MAYFAIL = 0x4000;

  /** Must not fail. */
  public static final int __GFP_NOFAIL = 0x8000;

  /** Gives up early. */
  public static final int __GFP_NORETRY = 0x1_0000;

  /** May use all reserves. */
  public static final int __GFP_MEMALLOC = 0x2_0000;

  /** A compound block. */
  public static final int __GFP_COMP = 0x4_0000;

  /** Never the emergency reserves. */
  public static final int __GFP_NOMEMALLOC = 0x8_0000;

  /** Only from the nodes of the cpuset. */
  public static final int __GFP_HARDWALL = 0x10_0000;

  /** Only from the named node. */
  public static final int __GFP_THISNODE = 0x20_0000;

  /** Charged to a memory control group. */
  public static final int __GFP_ACCOUNT = 0x40_0000;

  /** Both kinds of reclaim. */
  public static final int __GFP_RECLAIM = __GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM;

  /** Cannot wait; may use part of the reserve. */
  public static final int GFP_ATOMIC = __GFP_HIGH | __GFP_KSWAPD_RECLAIM;

  /** The kernel's usual request. */
  public static final int GFP_KERNEL = __GFP_RECLAIM | __GFP_IO | __GFP_FS;

  /** As usual, and charged. */
  public static final int GFP_KERNEL_ACCOUNT = GFP_KERNEL | __GFP_ACCOUNT;

  /** Cannot wait, no reserve. */
  public static final int GFP_NOWAIT = __GFP_KSWAPD_RECLAIM | __GFP_NOWARN;

  /** No I/O. */
  public static final int GFP_NOIO = __GFP_RECLAIM;

  /** No file system. */
  public static final int GFP_NOFS = __GFP_RECLAIM | __GFP_IO;

  /** For user space, reachable by the kernel. */
  public static final int GFP_USER = __GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_HARDWALL;

  /** For ISA devices. */
  public static final int GFP_DMA = __GFP_DMA;

  /** For 32-bit devices. */
  public static final int GFP_DMA32 = __GFP_DMA32;

  /** For user space. */
  public static final int GFP_HIGHUSER = GFP_USER | __GFP_HIGHMEM;

  /** For user space, movable: what a page fault asks for. */
  public static final int GFP_HIGHUSER_MOVABLE = GFP_HIGHUSER | __GFP_MOVABLE;

  /** Huge pages, without effort. */
  public static final int GFP_TRANSHUGE_LIGHT =
      (GFP_HIGHUSER_MOVABLE | __GFP_COMP | __GFP_NOMEMALLOC | __GFP_NOWARN) & ~__GFP_RECLAIM;

  /** Huge pages, with direct reclaim. */
  public static final int GFP_TRANSHUGE = GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM;

  private static final Map<String, Integer> NAMES = new LinkedHashMap<>();

  static {
    for (var field : Gfp.class.getFields()) {
      try {
        NAMES.put(field.getName(), field.getInt(null));
      } catch (IllegalAccessException e) {
        throw new AssertionError(e);
      }
    }
  }

  private Gfp() {}

  /** Every name that {@link #parse} knows. */
  public static Set<String> names() {
    return Collections.unmodifiableSet(NAMES.keySet());
  }

  /**
   * {@code gfp_migratetype()}: the lists that a request is served from.
   *
   * @return {@link Migratetype#UNMOVABLE}, {@link Migratetype#MOVABLE} or {@link
   *     Migratetype#RECLAIMABLE}
   */
  public static int migratetype(int gfp) {
    return (gfp & (__GFP_MOVABLE | __GFP_RECLAIMABLE)) >>> 3;
  }

  /** {@code gfp_zone()}: the highest zone that may serve the request. */
  public static ZoneType highestZone(int gfp) {
    if ((gfp & __GFP_DMA) != 0) {
      return ZoneType.DMA;
    }
    if ((gfp & __GFP_DMA32) != 0) {
      return ZoneType.DMA32;
    }
    if ((gfp & __GFP_HIGHMEM) != 0) {
      return (gfp & __GFP_MOVABLE) != 0 ? ZoneType.MOVABLE : ZoneType.HIGHMEM;
    }
    return ZoneType.NORMAL;
  }

  /**
   * Reads flags in the kernel's spelling, joined by {@code |}: {@code GFP_KERNEL|__GFP_ZERO}, or a
   * number.
   *
   * @param where for messages
   */
  public static int parse(String text, String where) {
    int gfp = 0;
    for (String part : text.split("\\|", -1)) {
      String name = part.strip();
      Integer bits = NAMES.get(name.toUpperCase(Locale.ROOT));
      if (bits == null) {
        if (name.isEmpty() || !Character.isDigit(name.charAt(0))) {
          throw new InputException(
              "'" + name + "' is not an allocation flag",
              where,
              "a number, or names joined by | of: " + String.join(" ", NAMES.keySet()));
        }
        long number = Sizes.parseNumber(name, where);
        if (number >>> 32 != 0) {
          throw new InputException(
              "'" + name + "' has more bits than allocation flags", where, "0 to 0xffffffff");
        }
        bits = (int) number;
      }
      gfp |= bits;
    }
    return gfp;
  }

  /** Writes flags as ftrace does: the largest names first, joined by {@code |}. */
  public static String format(int gfp) {
    StringBuilder out = new StringBuilder();
    int rest = gfp;
    while (rest != 0) {
      String best = null;
      int bestBits = 0;
      for (Map.Entry<String, Integer> entry : NAMES.entrySet()) {
        int bits = entry.getValue();
        if ((bits & rest) == bits && Integer.bitCount(bits) > Integer.bitCount(bestBits)) {
          best = entry.getKey();
          bestBits = bits;
        }
      }
      if (best == null) {
        best = "0x" + Integer.toHexString(rest);
        bestBits = rest;
      }
      out.append(out.isEmpty() ? "" : "|").append(best);
      rest &= ~bestBits;
    }
    return out.isEmpty() ? "0" : out.toString();
  }
}
