// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.kernel.rules.AreaRules.rule;
import static io.mm4j.testkit.kernel.rules.SpaceBench.PAGE;
import static io.mm4j.testkit.kernel.rules.SpaceBench.hex;

import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.kernel.rules.SpaceBench.Kind;
import io.mm4j.testkit.kernel.rules.SpaceBench.Shape;
import java.util.ArrayList;
import java.util.List;

/** Which memory an area has: of which zone, or the slab allocator's. */
public final class ZoneRules {
  private static final long NO_ADDRESS = KernelSpace.NO_ADDRESS;

  private ZoneRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "KS-03",
            "vmalloc-32",
            "vmalloc_32 has frames below 4 GiB, and none of DMA as long as there are others;"
                + " vmalloc may have higher ones.",
            "Devices with 32 address lines reach no more.",
            "vmalloc_32 GFP_VMALLOC32",
            "the zone is not asked for",
            ZoneRules::below4Gib,
            Shape.ABOVE_4G,
            Kind.X86_64,
            Kind.LA57),
        rule(
            "KS-04",
            "vmalloc-32-lowmem",
            "Of 32 bits vmalloc_32 has frames of lowmem, of zone Normal first, and vmalloc has high"
                + " memory first; the tables of both lie in lowmem.",
            "Devices with 32 address lines reach no more, and the kernel no table without a slot.",
            "vmalloc_32 GFP_VMALLOC32; __GFP_HIGHMEM of vmalloc; GFP_PGTABLE_KERNEL",
            "the zone is not asked for",
            ZoneRules::lowmem,
            Shape.HIGH,
            Kind.X86_32,
            Kind.X86_32_24,
            Kind.X86_PAE),
        rule(
            "KS-11",
            "kvmalloc",
            "kvmalloc has an object of the slab allocator if it is small or there is one, else an"
                + " area; kvfree knows which.",
            "Most requests are small, some are not.",
            "__kvmalloc_node, kvfree",
            "the second try is left out, or the first",
            ZoneRules::kvmalloc,
            Shape.SLAB));
  }

  private static void below4Gib(SpaceBench b, Seeded random) {
    long low = b.space.vmalloc32(b.cpu(), (30 + random.below(600)) * PAGE);
    int count = (int) (b.areas.bytes(low) / PAGE) - 1;
    for (long pfn : b.checkArea(low, count)) {
      check(pfn < 1 << 20, b.what + ": a frame below 4 GiB", hex(pfn));
      noDma(b, pfn);
    }
    for (int i = 0; i < 2; i++) {
      long any =
          i == 0 ? b.space.vmalloc(b.cpu(), 50 * PAGE) : b.space.vmallocUser(b.cpu(), 50 * PAGE);
      long[] frames = b.checkArea(any, 50);
      for (long pfn : frames) {
        check(pfn >= 1 << 20, b.what + ": a frame of the highest zone", hex(pfn));
      }
      b.forget(frames);
      b.space.vfree(b.cpu(), any);
    }
    b.space.vfree(b.cpu(), low);
    b.end();
  }

  /** As long as a higher zone has frames nobody gets those of DMA. */
  private static void noDma(SpaceBench b, long pfn) {
    boolean dma =
        b.machine.zones().stream()
            .map(ManagedZone::zone)
            .anyMatch(zone -> zone.type() == ZoneType.DMA && zone.contains(pfn));
    check(!dma, b.what + ": a frame of a zone above DMA", hex(pfn));
  }

  private static void lowmem(SpaceBench b, Seeded random) {
    long end = b.machine.layout().lowmemEndPfn();
    check(end < b.machine.layout().endPfn(), b.what + ": high memory", "none");
    long low = b.space.vmalloc32(b.cpu(), 100 * PAGE);
    for (long pfn : b.checkArea(low, 100)) {
      check(pfn < end, b.what + ": a frame of lowmem", hex(pfn));
      noDma(b, pfn);
    }
    for (int i = 0; i < 3; i++) {
      long bytes = (99 - i) * PAGE;
      long any =
          switch (i) {
            case 0 -> b.space.vmalloc(b.cpu(), bytes);
            case 1 -> b.space.vzalloc(b.cpu(), bytes);
            default -> b.space.vmallocUser(b.cpu(), bytes);
          };
      long[] frames = b.checkArea(any, 99 - i);
      for (long pfn : frames) {
        check(pfn >= end, b.what + ": a frame of high memory", hex(pfn));
      }
      b.forget(frames);
      b.space.vfree(b.cpu(), any);
    }
    var map = b.machine.memory().memMap();
    for (long pfn = end; pfn < map.endPfn(); pfn++) {
      if (map.owner(pfn) == FrameOwner.PAGE_TABLE) {
        throw new RuleViolation(b.what + ": tables in lowmem", "one in frame " + hex(pfn));
      }
    }
    b.space.vfree(b.cpu(), low);
    b.end();
  }

  private static void kvmalloc(SpaceBench b, Seeded random) {
    for (int i = 0; i < 12; i++) {
      long bytes = 1L + random.below(4096);
      long small = b.space.kvmalloc(b.cpu(i), bytes);
      check(
          small != NO_ADDRESS && !b.space.layout().isVmalloc(small),
          b.what + ": an object of the slab allocator for " + bytes + " bytes",
          hex(small));
      b.fills(small & -8, 4);
      b.space.kvfree(b.cpu(i), small);
    }
    long large = b.space.kvmalloc(b.cpu(), (5L << 20) + random.below(4096));
    check(
        b.space.layout().isVmalloc(large),
        b.what + ": an area for more than a slab allocator has",
        hex(large));
    b.fills(large + (5 << 20) - 8, 6);
    b.space.kvfree(b.cpu(), large);
    b.space.kvfree(b.cpu(), NO_ADDRESS);
    withoutMemory(b);
    checkEqual(0, b.space.vmallocPages(), b.what + ": pages of areas");
    b.validate();
  }

  /** A small object for which there is no memory is no area either. */
  private static void withoutMemory(SpaceBench b) {
    List<Long> small = new ArrayList<>();
    takeAll(b, small);
    for (int n = 1; n <= 4; n++) {
      // There is memory again from the n-th request on: too late for the object, not for an area.
      b.pages.doBefore(n, () -> b.pages.leave(Long.MAX_VALUE));
      takeAll(b, small);
    }
    b.pages.doBefore(0, () -> {});
    b.pages.leave(Long.MAX_VALUE);
    small.forEach(address -> b.space.kvfree(b.cpu(), address));
    checkEqual(0, b.areas.stats().areas(), b.what + ": areas");
  }

  /** Small objects until there is none, of what the slab allocator has. */
  private static void takeAll(SpaceBench b, List<Long> small) {
    long next;
    do {
      b.pages.leave(0);
      next = b.space.kvmalloc(b.cpu(), PAGE);
      check(!b.space.layout().isVmalloc(next), b.what + ": an object, or nothing", "an area");
      if (next != NO_ADDRESS) {
        small.add(next);
      }
    } while (next != NO_ADDRESS);
  }
}
