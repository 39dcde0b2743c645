// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.page.Gfp;
import java.util.Arrays;

/**
 * What a CPU has at hand, so that its fast paths are few loads away from everything they touch: for
 * each kind of request a {@link Front}, and the zone whose page it freed last. The fast paths look
 * nowhere else; the slow ones open what they found, and the next request finds it here.
 *
 * <p>Threads: the CPU's owner, except that a watcher closes it.
 */
final class CpuPages {
  /** The flags that choose zone and migratetype. */
  static final int KINDS =
      Gfp.__GFP_DMA
          | Gfp.__GFP_HIGHMEM
          | Gfp.__GFP_DMA32
          | Gfp.__GFP_MOVABLE
          | Gfp.__GFP_RECLAIMABLE;

  /** A reserve that no zone has to spare. */
  private static final long NEVER = Long.MAX_VALUE;

  /** By {@link #KINDS}: where pages of the CPU's own node are handed out. */
  final Front[] fronts = new Front[KINDS + 1];

  /** The frames that come back through the fast path: those of one zone, or none. */
  long startPfn;

  long pages;

  /** Of that zone: its pageblocks, the CPU's lists, and itself. */
  Pageblocks pageblocks;

  PcpPages pcp;
  PcpList[] lists;
  ZoneState zone;

  private final Front closed;

  /** With nothing open; the zone is only there so that fields are never null. */
  CpuPages(ZoneState anyZone) {
    zone = anyZone;
    pageblocks = anyZone.pageblocks;
    pcp = new PcpPages(0, 0, 0);
    lists = pcp.lists;
    closed = new Front(anyZone, pcp, new PcpList(), NEVER);
    close();
  }

  /** Whether requests of this kind come the slow way. */
  boolean isClosed(int gfp) {
    return fronts[gfp & KINDS].reserve() == NEVER;
  }

  /** From now on pages of this zone come back through the fast path. */
  void openBack(ZoneState newZone, PcpPages newPcp) {
    startPfn = newZone.startPfn;
    pages = newZone.endPfn - newZone.startPfn;
    pageblocks = newZone.pageblocks;
    pcp = newPcp;
    lists = newPcp.lists;
    zone = newZone;
  }

  /** Sends every next request the slow way. */
  void close() {
    Arrays.fill(fronts, closed);
    pages = 0;
  }
}
