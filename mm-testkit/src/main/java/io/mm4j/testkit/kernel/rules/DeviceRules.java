// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.kernel.rules.AreaRules.rule;
import static io.mm4j.testkit.kernel.rules.SpaceBench.PAGE;
import static io.mm4j.testkit.kernel.rules.SpaceBench.hex;

import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.kernel.rules.SpaceBench.Kind;
import io.mm4j.testkit.kernel.rules.SpaceBench.Shape;
import java.util.List;

/** ioremap and coherent memory. */
public final class DeviceRules {
  private static final long NO_ADDRESS = KernelSpace.NO_ADDRESS;
  private static final long DEVICE = FailureRules.DEVICE;

  private DeviceRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "KS-20",
            "ioremap",
            "ioremap maps every page that a physical range touches, with the memory type that was"
                + " asked for and a guard page behind it, and returns the address of the range's"
                + " first byte; iounmap takes any address of that page.",
            "Drivers reach registers by it.",
            "__ioremap_caller, iounmap",
            "an end of the range is one page off, or the type is another",
            DeviceRules::ioremap,
            Shape.SMALL),
        rule(
            "KS-21",
            "ioremap-refuses-ram",
            "A range with any byte of RAM, or beyond what the CPU can address, is refused, and"
                + " nothing changes.",
            "RAM with two memory types is silent corruption.",
            "__ioremap_check_mem, __ioremap_caller phys_addr_valid",
            "only an end of the range is looked at",
            DeviceRules::refusesRam,
            Shape.SMALL),
        rule(
            "KS-22",
            "ioremap-large",
            "A large range is aligned to its size, up to a huge page, and mapped by huge leafs as"
                + " far as both addresses allow.",
            "A frame buffer would take thousands of entries.",
            "__get_vm_area_node IOREMAP_MAX_ORDER, vmap_try_huge_pmd",
            "alignment is that of a page",
            DeviceRules::large,
            Shape.SMALL),
        rule(
            "KS-23",
            "dma-coherent",
            "Coherent memory lies in a row, full of zeroes, at its address of the direct map, and"
                + " wholly below the device's mask; what the mask does not reach is given back.",
            "A device writes where it was told to.",
            "dma_direct_alloc, dma_coherent_ok",
            "the zone is not looked at, or the last byte is not",
            DeviceRules::coherent,
            Shape.SMALL),
        rule(
            "KS-24",
            "dma-mask-of-32-bits",
            "With RAM above 4 GiB a mask of 32 bits is served from below, one of 64 bits from"
                + " anywhere.",
            "A device writes where it was told to.",
            "dma_direct_optimal_gfp_mask",
            "the mask is compared with the first byte, or not at all",
            DeviceRules::mask32,
            Shape.ABOVE_4G,
            Kind.X86_64,
            Kind.LA57));
  }

  private static void ioremap(SpaceBench b, Seeded random) {
    for (CacheMode mode : CacheMode.values()) {
      long paddr = DEVICE + random.below(1 << 20);
      long bytes = 1L + random.below(40_000);
      long address = b.space.ioremap(b.cpu(), paddr, bytes, mode);
      check(b.space.layout().isVmalloc(address), b.what + ": an area for a device", hex(address));
      checkEqual(paddr % PAGE, address & (PAGE - 1), b.what + ": offset in the page");
      long first = paddr >>> 12;
      long last = (paddr + bytes - 1) >>> 12;
      long start = address & -PAGE;
      for (long pfn = first; pfn <= last; pfn++) {
        long at = start + (pfn - first) * PAGE;
        checkEqual(pfn, b.space.vmallocToPfn(at), b.what + ": page " + (pfn - first));
        long[] leaf = b.leaf(at);
        CacheMode seen = b.format.cache((int) leaf[1], leaf[0]);
        check(seen == mode, b.what + ": memory type " + mode, "" + seen);
        check(b.format.bits().isWrite(leaf[0]), b.what + ": it may be written", "it may not");
      }
      b.faults(start + (last - first + 1) * PAGE, "behind a device");
      b.validate();
      b.space.iounmap(b.cpu(), random.oneIn(2) ? address : start);
      checkEqual(KernelSpace.NO_PAGE, b.space.vmallocToPfn(start), b.what + ": after iounmap");
      b.refused("a second iounmap", () -> b.space.iounmap(b.cpu(), address));
      b.rest();
    }
    b.refused("no bytes", () -> b.space.ioremap(b.cpu(), DEVICE, 0, CacheMode.UC));
    b.refused("a negative address", () -> b.space.ioremap(b.cpu(), -PAGE, 1, CacheMode.UC));
    b.refused(
        "a range that wraps",
        () -> b.space.ioremap(b.cpu(), Long.MAX_VALUE - 9, PAGE, CacheMode.UC));
    b.end();
  }

  private static void refusesRam(SpaceBench b, Seeded random) {
    String before = b.state();
    for (MemoryMap.Range ram : b.machine.layout().map().ranges()) {
      if (ram.type() != MemoryMap.Type.USABLE) {
        continue;
      }
      none(b, ram.start(), 1, "the first byte of RAM");
      none(b, ram.end() - 1, 1, "the last byte of RAM");
      none(b, ram.end() - 1, 3 * PAGE, "a range that begins with the last byte of RAM");
      if (ram.start() > PAGE) {
        none(b, ram.start() - PAGE, PAGE + 1, "a range that ends with the first byte of RAM");
      }
      none(b, ram.start() + random.below(60_000), PAGE, "a page of RAM");
    }
    long last = b.machine.layout().map().endOfRam();
    none(b, 0xc0000, last - 0xc0000 + PAGE, "a range with RAM in its middle");
    int bits = b.kind.isWide() ? 52 : b.kind == Kind.X86_PAE ? 36 : 32;
    none(b, 1L << bits, PAGE, "what the CPU cannot address");
    none(b, (1L << bits) - PAGE, PAGE + 1, "a range that ends beyond");
    b.same(before, "ioremap of RAM");
    for (long beside : new long[] {0xff000, last}) {
      long address = b.space.ioremap(b.cpu(), beside, PAGE, CacheMode.UC);
      check(address != NO_ADDRESS, b.what + ": the page beside RAM at " + hex(beside), "none");
      checkEqual(beside >> 12, b.space.vmallocToPfn(address), b.what + ": its frame");
      b.space.iounmap(b.cpu(), address);
    }
    long top = b.space.ioremap(b.cpu(), (1L << bits) - PAGE, PAGE, CacheMode.UC);
    checkEqual(
        (1L << (bits - 12)) - 1, b.space.vmallocToPfn(top), b.what + ": the last page of all");
    b.space.iounmap(b.cpu(), top);
    b.end();
  }

  private static void none(SpaceBench b, long paddr, long bytes, String which) {
    long address = b.space.ioremap(b.cpu(), paddr, bytes, CacheMode.UC_MINUS);
    check(address == NO_ADDRESS, b.what + ": no mapping of " + which, hex(address));
  }

  private static void large(SpaceBench b, Seeded random) {
    long huge = b.format.bytes(2);
    long _ = b.space.ioremap(b.cpu(), DEVICE, PAGE, CacheMode.UC);
    long paddr = 0xe000_0000L;
    long bytes = 3 * huge + (1 + random.below(9)) * PAGE;
    long address = b.space.ioremap(b.cpu(), paddr, bytes, CacheMode.WC);
    long align =
        Math.min(Long.highestOneBit(2 * bytes - 1), b.format.bytes(b.kind.isWide() ? 3 : 2));
    checkEqual(0, address & (align - 1), b.what + ": misalignment of a large range");
    // a leaf of the top table is everybody's, and so none
    int level = b.format.shape().hasLeafs(2) && b.format.levels() > 2 ? 2 : 1;
    for (int i = 0; i < 3; i++) {
      checkEqual(level, b.leaf(address + i * huge)[1], b.what + ": level of leaf " + i);
    }
    checkEqual(1, b.leaf(address + 3 * huge)[1], b.what + ": level of what is left");
    for (int i = 0; i < 20; i++) {
      long offset = random.below((int) (bytes >>> 12)) * PAGE;
      checkEqual(
          (paddr + offset) >> 12, b.space.vmallocToPfn(address + offset), b.what + ": frame");
    }
    check(
        b.leaf(address)[1] == 1 || b.format.cache(2, b.leaf(address)[0]) == CacheMode.WC,
        b.what + ": the memory type of a huge leaf is WC",
        "another");
    b.validate();
    b.space.iounmap(b.cpu(), address);
    checkEqual(KernelSpace.NO_PAGE, b.space.vmallocToPfn(address + huge), b.what + ": unmapped");
    long exact = b.space.ioremap(b.cpu(), paddr, 2 * huge, CacheMode.WC);
    checkEqual(level, b.leaf(exact + huge)[1], b.what + ": level of the last huge page");
    b.space.iounmap(b.cpu(), exact);
    long again = b.space.ioremap(b.cpu(), paddr + 5 * PAGE, bytes, CacheMode.WC);
    checkEqual((paddr >> 12) + 5, b.space.vmallocToPfn(again), b.what + ": a misaligned range");
    checkEqual(1, b.leaf(again)[1], b.what + ": level of a misaligned range");
  }

  private static void coherent(SpaceBench b, Seeded random) {
    long[] dirty = b.pages(400);
    for (long pfn : dirty) {
      for (long at = pfn * PAGE; at < (pfn + 1) * PAGE; at += 64) {
        b.memory.putLong(at, -1);
      }
    }
    b.freePages(dirty);
    b.machine.pages().drainAllPages(b.cpu());
    long direct = b.format.kernel().directMap();
    for (int i = 0; i < 12; i++) {
      long free = b.freeOrTable();
      long bytes = 1L + (i == 0 ? 0 : random.below(60_000));
      long reach = 1L << (21 + random.below(4));
      long mask = (i % 3 == 0 ? 1L << 24 : i % 3 == 1 ? reach : 1L << 32) - 1;
      long address = b.space.dmaAllocCoherent(b.cpu(i), bytes, mask);
      if (address == NO_ADDRESS) {
        check(mask < (1 << 24) - 1, b.what + ": a block below 16 MiB", "none");
        checkEqual(free, b.freeOrTable(), b.what + ": free frames when there is no block");
        continue;
      }
      long bus = b.space.busAddress(address);
      checkEqual(direct + bus, address, b.what + ": the address of the direct map");
      long end = (bus + bytes + PAGE - 1) & -PAGE;
      check(end - 1 <= mask, b.what + ": the last byte is within " + hex(mask), hex(end - 1));
      for (long at = bus; at < end; at += 64) {
        checkEqual(0, b.memory.getLong(at), b.what + ": a word of coherent memory");
      }
      long wrong = 2 * bytes + PAGE;
      b.refused("another size", () -> b.space.dmaFreeCoherent(b.cpu(), wrong, address));
      b.refused("an inner address", () -> b.space.busAddress(address + PAGE));
      b.space.dmaFreeCoherent(b.cpu(i), bytes, address);
      checkEqual(free, b.freeOrTable(), b.what + ": free frames when it is given back");
      b.refused("a second time", () -> b.space.dmaFreeCoherent(b.cpu(), bytes, address));
    }
    String before = b.state();
    long tooLarge = b.space.dmaAllocCoherent(b.cpu(), (4 << 20) + 1, -1L >>> 1);
    checkEqual(NO_ADDRESS, tooLarge, b.what + ": a block larger than the largest");
    long tooLow = b.space.dmaAllocCoherent(b.cpu(), 2 * PAGE, PAGE - 1);
    checkEqual(NO_ADDRESS, tooLow, b.what + ": two pages within one");
    b.same(before, "two requests that nothing serves");
    b.refused("no bytes", () -> b.space.dmaAllocCoherent(b.cpu(), 0, 1 << 24));
    b.end();
  }

  private static void mask32(SpaceBench b, Seeded random) {
    for (int i = 0; i < 10; i++) {
      long bytes = 1L + random.below(50_000);
      long low = b.space.dmaAllocCoherent(b.cpu(i), bytes, (1L << 32) - 1);
      check(low != NO_ADDRESS, b.what + ": a block below 4 GiB", "none");
      long end = b.space.busAddress(low) + bytes;
      check(end <= 1L << 32, b.what + ": an end below 4 GiB", hex(end));
      long any = b.space.dmaAllocCoherent(b.cpu(i), bytes, -1L >>> 1);
      check(
          b.space.busAddress(any) >= 1L << 32,
          b.what + ": a block of the highest zone",
          hex(b.space.busAddress(any)));
      // Of the highest zone hardly anything is within this mask.
      long mask = (1L << 32) + random.below(1 << 20);
      long within = b.space.dmaAllocCoherent(b.cpu(i), bytes, mask);
      check(within != NO_ADDRESS, b.what + ": a block within " + hex(mask), "none");
      long last = ((b.space.busAddress(within) + bytes + PAGE - 1) & -PAGE) - 1;
      check(last <= mask, b.what + ": a last byte within " + hex(mask), hex(last));
      check(last >= 16 << 20, b.what + ": a block of the highest zone that will do", hex(last));
      b.space.dmaFreeCoherent(b.cpu(i), bytes, within);
      b.space.dmaFreeCoherent(b.cpu(i), bytes, any);
      b.space.dmaFreeCoherent(b.cpu(i), bytes, low);
      // One like it, within a mask that ends with the last byte of where such a block lies.
      long first = b.space.dmaAllocCoherent(b.cpu(i), bytes, -1L >>> 1);
      long reach = ((b.space.busAddress(first) + bytes + PAGE - 1) & -PAGE) - 1;
      b.space.dmaFreeCoherent(b.cpu(i), bytes, first);
      long second = b.space.dmaAllocCoherent(b.cpu(i), bytes, -1L >>> 1);
      b.space.dmaFreeCoherent(b.cpu(i), bytes, second);
      if (first == second) {
        long exact = b.space.dmaAllocCoherent(b.cpu(i), bytes, reach);
        checkEqual(first, exact, b.what + ": a block that ends where the mask does");
        b.space.dmaFreeCoherent(b.cpu(i), bytes, exact);
      }
    }
    b.end();
  }
}
