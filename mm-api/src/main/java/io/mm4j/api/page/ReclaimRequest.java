// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.LockClass;
import io.mm4j.api.LockOrder;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.ZoneType;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * What the page allocator wants when it runs short. Models {@code struct scan_control} of
 * mm/vmscan.c and {@code struct oom_control} of include/linux/oom.h (Linux 6.18) as far as a
 * reclaimer needs them.
 *
 * @param cpu who asks
 * @param gfp the request's flags: whether I/O, file systems and waiting are allowed
 * @param order the block that could not be had
 * @param migratetype the type wanted
 * @param highestZone the highest zone that would serve
 * @param pages how many frames would be enough
 * @param nodes the nodes whose frames would serve; null for all
 * @param priority how hard to try, {@link #DEF_PRIORITY} to 0: a reclaimer looks at one part in
 *     {@code 1 << priority} of what it has. One less after every round that gained nothing
 * @param locksHeld the locks that the asking thread holds, a set of {@link LockClass#bit}
 * @param memcg the control group that is at its limit; null if the machine is short itself
 */
@API(status = API.Status.MAINTAINED)
public record ReclaimRequest(
    Cpu cpu,
    int gfp,
    int order,
    int migratetype,
    ZoneType highestZone,
    long pages,
    @Nullable NodeMask nodes,
    int priority,
    int locksHeld,
    @Nullable MemoryCgroup memcg) {
  /** How hard reclaim tries at first. */
  public static final int DEF_PRIORITY = 12;

  private static final int COSTLY_ORDER = 3;

  /** The first request of a thread that allocates, for any node. */
  public static ReclaimRequest of(Cpu cpu, int gfp, int order, long pages) {
    return of(cpu, gfp, order, pages, null, DEF_PRIORITY);
  }

  /** A request of a thread that allocates; what it holds and wants is looked up here. */
  public static ReclaimRequest of(
      Cpu cpu, int gfp, int order, long pages, @Nullable NodeMask nodes, int priority) {
    return new ReclaimRequest(
        cpu,
        gfp,
        order,
        Gfp.migratetype(gfp),
        Gfp.highestZone(gfp),
        pages,
        nodes,
        priority,
        LockOrder.held(),
        null);
  }

  /** Whether the asking thread may wait for a lock of this kind: it holds none of a later one. */
  public boolean mayTake(LockClass wanted) {
    return locksHeld >>> wanted.code() == 0;
  }

  /** Whether frames of this node would serve. */
  public boolean wantsNode(int nodeId) {
    return nodes == null || nodes.contains(nodeId);
  }

  /**
   * Whether the last resort may be asked for such a request. Not for one that cannot wait or
   * reclaims itself, gives up early or may fail, wants one node or more than 8 pages, writes a core
   * dump, needs memory below zone Normal, or may not call into file systems: {@code
   * __alloc_pages_may_oom()} of mm/page_alloc.c and {@code out_of_memory()} of mm/oom_kill.c.
   */
  public boolean mayKill() {
    int never = Gfp.__GFP_NORETRY | Gfp.__GFP_RETRY_MAYFAIL | Gfp.__GFP_THISNODE;
    int needed = Gfp.__GFP_DIRECT_RECLAIM | Gfp.__GFP_FS;
    return (gfp & needed) == needed
        && (gfp & never) == 0
        && (cpu.flags() & (Cpu.PF_MEMALLOC | Cpu.PF_DUMPCORE)) == 0
        && order <= COSTLY_ORDER
        && highestZone.compareTo(ZoneType.NORMAL) >= 0;
  }
}
