// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PcpZone;
import org.jspecify.annotations.Nullable;

/**
 * One CPU's fast paths, and what its slow ones need: the requests that are under way, and which
 * kinds of request know their lists.
 */
final class LinuxCpuPages extends CpuPages {
  private final Core core;
  private final PageRequests requests;
  private final PageReturns returns;

  /** Whether there are {@code FrameStates}; without them every block goes the slow way. */
  private final boolean fast;

  /** Requests of these kinds know their lists: a bit for each. */
  private int known;

  private @Nullable AllocContext context;

  LinuxCpuPages(Core core, Cpu cpu, PageRequests requests, PageReturns returns) {
    super(cpu, core.memMap.states());
    this.core = core;
    this.requests = requests;
    this.returns = returns;
    this.fast = !core.memMap.states().isEmpty();
  }

  @Override
  protected long allocSlow(int gfp, int order, int nodeId) {
    return requests.alloc(this, gfp, order, nodeId, null);
  }

  @Override
  protected void freeSlow(long pfn, int order) {
    returns.free(this, pfn, order);
  }

  @Override
  protected void prepare(long pfn, int order) {
    core.memMap.prepare(pfn, order, FrameOwner.KERNEL);
  }

  @Override
  protected boolean release(long pfn, int order) {
    MemMap map = core.memMap;
    if (order == 0) {
      return map.releasePlain(pfn, FrameOwner.PCP);
    }
    boolean plain = map.refcount(pfn) == 1 && map.order(pfn) == order && map.mapcount(pfn) == 0;
    if (plain) {
      map.release(pfn, order, FrameOwner.PCP);
    }
    return plain;
  }

  @Override
  protected void finish(long pfn, int gfp, int order) {
    if ((gfp & Gfp.__GFP_COMP) != 0 && order > 0) {
      core.memMap.setFlags(pfn, PageFlags.PG_HEAD);
    }
    if ((gfp & Gfp.__GFP_ZERO) != 0) {
      core.memory.clearPages(pfn, order);
    }
  }

  /** Requests of this kind prefer the zone that these lists are of. */
  void prefer(int gfp, PcpPages pcp) {
    int bit = 1 << (gfp & KINDS);
    if (fast && (known & bit) == 0) {
      known |= bit;
      for (int order = 0; order < ORDERS; order++) {
        setFront(gfp, pcp.lists[PcpPages.index(order, Gfp.migratetype(gfp))]);
      }
    }
  }

  /** Puts a block of a zone on the list that is its own, if that is open and it is untouched. */
  boolean freeTo(PcpZone zone, long pfn, int order) {
    if (!fast) {
      return false;
    }
    setBack(zone);
    return freeUntagged(pfn, order);
  }

  /** A request begins: of this CPU, perhaps in the middle of another one. */
  AllocContext enter() {
    AllocContext free = context;
    if (free == null) {
      free = new AllocContext(cpu());
      context = free;
    }
    while (free.busy) {
      if (free.inner == null) {
        free.inner = new AllocContext(cpu());
      }
      free = free.inner;
    }
    free.busy = true;
    return free;
  }
}
