// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.memory.ZoneType;
import org.apiguardian.api.API;

/**
 * The flags of {@link PageAllocator#allocContigRange}, and those that the places are asked for with
 * to which it moves what is in use. Models {@code __alloc_contig_verify_gfp_mask()} of
 * mm/page_alloc.c and {@code alloc_migration_target()} of mm/migrate.c (Linux 6.18).
 */
@API(status = API.Status.EXPERIMENTAL)
public final class RangeFlags {
  /** How much effort may be made. */
  private static final int RECLAIM = Gfp.__GFP_IO | Gfp.__GFP_FS | Gfp.__GFP_RECLAIM;

  private static final int EFFORT = Gfp.__GFP_RETRY_MAYFAIL | Gfp.__GFP_NOWARN;

  /** Where, which is known already, and of what kind. */
  private static final int PLACE =
      Gfp.__GFP_DMA
          | Gfp.__GFP_HIGHMEM
          | Gfp.__GFP_DMA32
          | Gfp.__GFP_MOVABLE
          | Gfp.__GFP_RECLAIMABLE
          | Gfp.__GFP_WRITE
          | Gfp.__GFP_HARDWALL
          | Gfp.__GFP_THISNODE;

  private RangeFlags() {}

  /** Whether a range can be asked for so; not with NOFAIL or NORETRY, among others. */
  public static boolean isAllowed(int gfp) {
    return (gfp & ~(RECLAIM | EFFORT | PLACE | Gfp.__GFP_ZERO)) == 0;
  }

  /**
   * What a block that moves away is asked for with.
   *
   * @param gfp the range's flags
   * @param zone where the block lies
   * @param order its order
   * @param compound whether its frames are one page
   */
  public static int destination(int gfp, ZoneType zone, int order, boolean compound) {
    int flags = (gfp & (RECLAIM | EFFORT)) | Gfp.__GFP_MOVABLE | Gfp.__GFP_RETRY_MAYFAIL;
    if (order > 0) {
      flags = (flags & ~Gfp.__GFP_RECLAIM) | Gfp.GFP_TRANSHUGE;
      flags &= compound ? ~0 : ~Gfp.__GFP_COMP;
    }
    boolean high = zone == ZoneType.HIGHMEM || zone == ZoneType.MOVABLE;
    return high ? flags | Gfp.__GFP_HIGHMEM : flags;
  }
}
