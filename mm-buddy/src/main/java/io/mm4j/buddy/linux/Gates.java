// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.PcpList;
import java.lang.invoke.VarHandle;

/**
 * Opens and closes the fast paths of the per-cpu lists.
 *
 * <p>Who opens is the owner of the lists, at the end of a slow path, if nothing speaks against it:
 *
 * <ul>
 *   <li>nobody watches the allocator, and nobody has asked the CPU to give up its pages;
 *   <li>for allocations, the zone has more than its high watermark and all that it keeps from the
 *       requests that prefer it; for more than a page also a free block that is large enough, as
 *       the kernel looks for one before it looks at the lists;
 *   <li>for frees, the zone is not known to be short, and the lists have room.
 * </ul>
 *
 * <p>Who changes one of these closes, at once and for all CPUs concerned: first the change, then a
 * full fence, then the lists. The owner opens first and then looks once more, behind a fence of his
 * own; so one of the two sees what the other did. A list that was closed in vain opens at the next
 * slow path.
 */
final class Gates {
  private final Core core;

  Gates(Core core) {
    this.core = core;
  }

  /** Whether the fast paths of a CPU may be used at all. */
  private boolean mayOpen(Cpu cpu) {
    return core.events == null && !cpu.drainRequested();
  }

  /** The fronts of orders below may be open. */
  private int orders(Cpu cpu, ZoneState zone) {
    return mayOpen(cpu) ? zone.fastOrders() : 0;
  }

  /**
   * After an allocation came the slow way.
   *
   * @param list that of its order and type
   */
  void openFronts(Cpu cpu, ZoneState zone, PcpPages pcp, PcpList list) {
    if (list.isFrontOpen()) {
      return;
    }
    int orders = orders(cpu, zone);
    if (list.order() < orders) {
      zone.opens();
      pcp.openFronts(orders);
      VarHandle.fullFence();
      int now = orders(cpu, zone);
      if (now < orders) {
        pcp.closeFronts(now);
      }
    }
  }

  /**
   * After the number of pages on the lists, or their limit, was changed by a slow path.
   *
   * @param index the list that was in use
   */
  void openBacks(Cpu cpu, ZoneState zone, PcpPages pcp, int index) {
    if (!mayOpen(cpu) || zone.isShort()) {
      pcp.closeBacks();
      return;
    }
    pcp.openBacks(index);
    VarHandle.fullFence();
    if (!mayOpen(cpu) || zone.isShort()) {
      pcp.closeBacks();
    }
  }

  /** Sends everything of a CPU the slow way. Any thread. */
  void close(Cpu cpu) {
    for (ZoneState zone : core.zones) {
      PcpPages pcp = zone.pcps[cpu.id()];
      if (pcp != null) {
        pcp.closeFronts(0);
        pcp.closeBacks();
      }
    }
  }

  /** Sends everything the slow way, after a watcher has come. */
  void closeAll() {
    VarHandle.fullFence();
    core.cpus.all().forEach(this::close);
  }
}
