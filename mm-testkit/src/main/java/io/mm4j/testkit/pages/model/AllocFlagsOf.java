// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import java.util.Collection;
import java.util.EnumSet;
import java.util.Set;

/** What the flags of a request mean: functions of mm/page_alloc.c and gfp.h (Linux 6.18). */
public final class AllocFlagsOf {
  private AllocFlagsOf() {}

  /** {@code gfp_migratetype()}: whose lists serve the request. */
  public static int migratetype(int gfp) {
    if (has(gfp, Gfp.__GFP_MOVABLE)) {
      return Migratetype.MOVABLE;
    }
    return has(gfp, Gfp.__GFP_RECLAIMABLE) ? Migratetype.RECLAIMABLE : Migratetype.UNMOVABLE;
  }

  /**
   * {@code gfp_zone()}: the highest zone that may serve.
   *
   * @param kinds the kinds of zone that the kernel was built with; what it lacks means Normal
   */
  public static ZoneType highestZone(int gfp, Collection<ZoneType> kinds) {
    if (has(gfp, Gfp.__GFP_DMA)) {
      return orNormal(ZoneType.DMA, kinds);
    }
    if (has(gfp, Gfp.__GFP_DMA32)) {
      return orNormal(ZoneType.DMA32, kinds);
    }
    if (!has(gfp, Gfp.__GFP_HIGHMEM)) {
      return ZoneType.NORMAL;
    }
    return has(gfp, Gfp.__GFP_MOVABLE) ? ZoneType.MOVABLE : orNormal(ZoneType.HIGHMEM, kinds);
  }

  private static ZoneType orNormal(ZoneType type, Collection<ZoneType> kinds) {
    return kinds.contains(type) ? type : ZoneType.NORMAL;
  }

  /**
   * The first walk: the low watermark and {@code alloc_flags_nofragment()}.
   *
   * @param avoidsMixing whether the preferred zone asks for it: {@link #avoidsMixing}
   */
  public static AllocFlags first(int gfp, boolean avoidsMixing) {
    Set<AllocFlag> flags = EnumSet.noneOf(AllocFlag.class);
    if (has(gfp, Gfp.__GFP_KSWAPD_RECLAIM)) {
      flags.add(AllocFlag.KSWAPD);
    }
    if (avoidsMixing) {
      flags.add(AllocFlag.NO_FRAGMENT);
    }
    return new AllocFlags(Mark.LOW, flags);
  }

  /**
   * Whether the first walk keeps migratetypes apart: always in defrag mode; else only where the
   * preferred zone is Normal of a kernel that has DMA32, and on a machine of several nodes only if
   * that node has DMA32 memory to go to.
   */
  public static boolean avoidsMixing(
      boolean defragMode,
      ZoneType preferred,
      Collection<ZoneType> kinds,
      int nodes,
      boolean dma32OnThatNode) {
    if (defragMode) {
      return true;
    }
    return preferred == ZoneType.NORMAL
        && kinds.contains(ZoneType.DMA32)
        && (nodes == 1 || dma32OnThatNode);
  }

  /** The later walks: {@code gfp_to_alloc_flags()}. */
  public static AllocFlags slow(int gfp, int order, boolean defragMode) {
    Set<AllocFlag> flags = EnumSet.noneOf(AllocFlag.class);
    if (has(gfp, Gfp.__GFP_HIGH)) {
      flags.add(AllocFlag.MIN_RESERVE);
    }
    if (has(gfp, Gfp.__GFP_KSWAPD_RECLAIM)) {
      flags.add(AllocFlag.KSWAPD);
    }
    if (!has(gfp, Gfp.__GFP_DIRECT_RECLAIM) && !has(gfp, Gfp.__GFP_NOMEMALLOC)) {
      flags.add(AllocFlag.NON_BLOCK);
      if (order > 0 && has(gfp, Gfp.__GFP_HIGH)) {
        flags.add(AllocFlag.HIGHATOMIC);
      }
    }
    if (defragMode) {
      flags.add(AllocFlag.NO_FRAGMENT);
    }
    return new AllocFlags(Mark.MIN, flags);
  }

  /**
   * {@code gfp_pfmemalloc_allowed()}: whether the request may use every reserve.
   *
   * @param cpuFlags what runs on the CPU: {@link Cpu#flags()}
   */
  public static boolean mayIgnoreWatermarks(int gfp, int cpuFlags) {
    if (has(gfp, Gfp.__GFP_NOMEMALLOC)) {
      return false;
    }
    return has(gfp, Gfp.__GFP_MEMALLOC) || (cpuFlags & Cpu.PF_MEMALLOC) != 0;
  }

  /** Whether a flag of {@link Gfp} is set. */
  public static boolean has(int gfp, int flag) {
    return (gfp & flag) != 0;
  }
}
