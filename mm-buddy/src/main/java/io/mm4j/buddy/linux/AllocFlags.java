// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;

/**
 * What a request may do while it looks for a page: the flags {@code ALLOC_*} of mm/internal.h
 * (Linux 6.18), and how they follow from the request.
 */
final class AllocFlags {
  /** The lowest bits name the watermark to keep: min, low or high. */
  static final int WMARK_MIN = 0;

  static final int WMARK_LOW = 1;
  static final int WMARK_HIGH = 2;
  static final int WMARK_MASK = 3;

  /** Everything may be used. */
  static final int NO_WATERMARKS = 4;

  /** Cannot wait: another quarter of the minimum, if MIN_RESERVE is set too. */
  static final int NON_BLOCK = 0x10;

  /** Half of the minimum may be used; the same bit as {@link Gfp#__GFP_HIGH}. */
  static final int MIN_RESERVE = 0x20;

  /** Types are not mixed within a pageblock. */
  static final int NOFRAGMENT = 0x100;

  /** Pageblocks of the high-order atomic reserve may serve. */
  static final int HIGHATOMIC = 0x200;

  /** kswapd may be woken; the same bit as {@link Gfp#__GFP_KSWAPD_RECLAIM}. */
  static final int KSWAPD = 0x800;

  /** Those that reach below the min watermark. */
  static final int RESERVES = NON_BLOCK | MIN_RESERVE | HIGHATOMIC;

  private AllocFlags() {}

  /** {@code gfp_to_alloc_flags()}: of the slow path. */
  static int ofGfp(int gfp, int order, boolean defragMode) {
    int flags = WMARK_MIN | (gfp & (Gfp.__GFP_HIGH | Gfp.__GFP_KSWAPD_RECLAIM));
    boolean cannotWait = (gfp & Gfp.__GFP_DIRECT_RECLAIM) == 0;
    if (cannotWait && (gfp & Gfp.__GFP_NOMEMALLOC) == 0) {
      flags |= NON_BLOCK;
      if (order > 0 && (flags & MIN_RESERVE) != 0) {
        flags |= HIGHATOMIC;
      }
    }
    return defragMode ? flags | NOFRAGMENT : flags;
  }

  /**
   * {@code __gfp_pfmemalloc_flags()}: whether the request may ignore the watermarks, because it
   * helps to free memory.
   */
  static int reserves(int gfp, Cpu cpu) {
    if ((gfp & Gfp.__GFP_NOMEMALLOC) != 0) {
      return 0;
    }
    boolean helps = (gfp & Gfp.__GFP_MEMALLOC) != 0 || (cpu.flags() & Cpu.PF_MEMALLOC) != 0;
    return helps ? NO_WATERMARKS : 0;
  }

  /** The flags in words, for explanations. */
  static String describe(int flags) {
    if ((flags & NO_WATERMARKS) != 0) {
      return "no watermarks";
    }
    StringBuilder out =
        new StringBuilder(
            switch (flags & WMARK_MASK) {
              case WMARK_LOW -> "watermark low";
              case WMARK_HIGH -> "watermark high";
              default -> "watermark min";
            });
    append(out, flags, MIN_RESERVE, "half of min may be used");
    append(out, flags, NON_BLOCK, "cannot wait");
    append(out, flags, HIGHATOMIC, "high-order atomic reserve");
    append(out, flags, NOFRAGMENT, "without mixing types in a pageblock");
    return out.toString();
  }

  private static void append(StringBuilder out, int flags, int flag, String words) {
    if ((flags & flag) != 0) {
      out.append(", ").append(words);
    }
  }
}
