// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.shell;

import static io.mm4j.api.CorruptStateError.check;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.ManagedZone;

/** Whether the floors of a machine agree with each other: each checks itself, and frames add up. */
public final class FloorsCheck {
  private FloorsCheck() {}

  /**
   * Every floor checks itself; then each frame of each zone is looked at: it is in a free block and
   * nobody's, on a per-cpu list, or held by one owner, and the sums are those that the floors say.
   * Nobody else may use the machine meanwhile.
   *
   * @throws io.mm4j.api.CorruptStateError at the first contradiction
   */
  public static void all(Machine machine) {
    machine.validate();
    MemMap memMap = machine.memory().memMap();
    long pcp = 0;
    for (ManagedZone managed : machine.zones()) {
      Zone zone = managed.zone();
      long[] inBlocks = new long[1];
      managed
          .frames()
          .forEachFree(
              (pfn, order, type) -> {
                inBlocks[0] += 1L << order;
                for (long p = pfn; p < pfn + (1L << order); p = memMap.sameUntil(p)) {
                  FrameOwner owner = memMap.owner(p);
                  check(
                      owner == FrameOwner.FREE,
                      zone + ": in a free block, but " + owner + "'s: pfn=" + p);
                }
              });
      long[] byOwner = new long[FrameOwner.values().length];
      for (long pfn = zone.startPfn(), next; pfn < zone.endPfn(); pfn = next) {
        next = Math.min(memMap.sameUntil(pfn), zone.endPfn());
        byOwner[memMap.owner(pfn).code()] += next - pfn;
      }
      long free = byOwner[FrameOwner.FREE.code()];
      check(
          free == inBlocks[0] && free == managed.frames().freePages(),
          zone
              + ": frames that are nobody's="
              + free
              + " in free blocks="
              + inBlocks[0]
              + " freePages="
              + managed.frames().freePages());
      long boot = byOwner[FrameOwner.NONE.code()] + byOwner[FrameOwner.RESERVED.code()];
      long given = zone.endPfn() - zone.startPfn() - boot;
      check(
          given == zone.managedPages(),
          zone + ": frames with a state=" + given + " managedPages=" + zone.managedPages());
      pcp += byOwner[FrameOwner.PCP.code()];
    }
    check(
        pcp == machine.pages().pcpPages(),
        "frames on per-cpu lists=" + pcp + " pcpPages=" + machine.pages().pcpPages());
  }
}
