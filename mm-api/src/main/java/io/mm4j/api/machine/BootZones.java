// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.machine;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.plugin.Options;
import java.util.ArrayList;
import java.util.List;

/** The zones of a machine that boots, with what has their free blocks, and how they get them. */
final class BootZones {
  private BootZones() {}

  /** Makes the free blocks of each zone. */
  static List<ManagedZone> of(
      MemoryLayout layout, FrameAllocatorProvider provider, Options options) {
    List<ManagedZone> zones = new ArrayList<>();
    FrameAllocatorProvider.Capabilities capabilities = provider.capabilities(options);
    for (Zone zone : layout.zones()) {
      long cap = capabilities.maxZonePages();
      if (zone.spannedPages() > cap) {
        throw new InputException(
            zone + " has " + zone.spannedPages() + " pages",
            "frame-allocator=" + provider.name(),
            "zones of up to " + cap + " pages");
      }
      FrameAllocator frames =
          PluginChoice.made(Spi.FRAME_ALLOCATOR, provider, provider.create(zone, options));
      zones.add(new ManagedZone(zone, frames, capabilities));
    }
    return zones;
  }

  /** {@code memblock_free_all()}: what boot did not take goes to the zones, as managed memory. */
  static void release(
      BootAllocator boot, List<ManagedZone> zones, MemMap memMap, MachineConfig config) {
    boot.handOver(
        (start, end) -> {
          for (ManagedZone managed : zones) {
            long from = Math.max(start, managed.zone().startPfn());
            long to = Math.min(end, managed.zone().endPfn());
            if (from < to) {
              config.bootEvents().handedOver(managed.zone(), from, to);
              release(managed, memMap, from, to);
            }
          }
        });
    for (ManagedZone managed : zones) {
      if (config.countsManagedPages()) {
        long freed = managed.frames().freePages();
        managed.zone().adjustManagedPages(freed - managed.zone().managedPages());
      }
    }
  }

  /**
   * {@code adjust_managed_page_count()} for memory that somebody keeps from boot on: the reserves
   * of lower zones count it.
   */
  static void manage(List<ManagedZone> zones, MemoryMap.Range range) {
    long start = range.start() >>> Pages.PAGE_SHIFT;
    for (ManagedZone managed : zones) {
      if (managed.zone().contains(start)) {
        managed.zone().adjustManagedPages(range.bytes() >>> Pages.PAGE_SHIFT);
      }
    }
  }

  /** Frees a range in the largest aligned blocks. */
  private static void release(ManagedZone managed, MemMap memMap, long start, long end) {
    Pageblocks types = managed.zone().pageblocks();
    memMap.initOwners(start, end, FrameOwner.FREE);
    for (long pfn = start; pfn < end; ) {
      long runEnd = types.endOfRun(pfn, end);
      managed.frames().freeRange(pfn, runEnd, types.get(pfn), managed.capabilities().maxOrder());
      pfn = runEnd;
    }
  }
}
