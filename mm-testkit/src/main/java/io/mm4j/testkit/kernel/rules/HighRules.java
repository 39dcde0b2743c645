// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.kernel.rules.AreaRules.rule;
import static io.mm4j.testkit.kernel.rules.SpaceBench.PAGE;
import static io.mm4j.testkit.kernel.rules.SpaceBench.hex;

import io.mm4j.api.kernel.KernelRegion;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.kernel.rules.SpaceBench.Kind;
import io.mm4j.testkit.kernel.rules.SpaceBench.Shape;
import java.util.ArrayList;
import java.util.List;

/** Addresses for high memory, and fixed ones. */
public final class HighRules {
  private static final long NO_ADDRESS = KernelSpace.NO_ADDRESS;
  private static final int LOCAL_SLOTS = 16;
  private static final Kind[] NARROW = {Kind.X86_32, Kind.X86_32_24, Kind.X86_PAE};

  private HighRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "KS-25",
            "kmap-window",
            "The pkmap area has 1024 slots, 512 with PAE, each used once, upwards; when all are in"
                + " use there is no address, and lowmem has its own.",
            "More high memory than addresses is what kmap is for.",
            "kmap_high, map_new_virtual, LAST_PKMAP",
            "the number of slots is one off, or lowmem takes some",
            HighRules::window,
            Shape.HIGH,
            NARROW),
        rule(
            "KS-26",
            "kmap-counts",
            "A frame that is mapped twice has one slot and needs two kunmaps; then its slot stays"
                + " mapped until the search comes round and flushes every unused one.",
            "Whoever shares a mapping must not lose it.",
            "kmap_high pkmap_count, kunmap_high, flush_all_zero_pkmaps",
            "a slot goes with the first kunmap, or is used again before the flush",
            HighRules::counts,
            Shape.HIGH,
            NARROW),
        rule(
            "KS-27",
            "kmap-local",
            "Each CPU has 16 local slots of its own, given back in the opposite order, and what is"
                + " given back is not there any more.",
            "Interrupts map in the middle of others' mappings.",
            "__kmap_local_pfn_prot, kunmap_local_indexed, KM_MAX_IDX",
            "two CPUs share slots, or any order is taken",
            HighRules::local,
            Shape.HIGH,
            NARROW),
        rule(
            "KS-28",
            "direct-map-of-64-bits",
            "Of 64 bits every frame has its address in the direct map: kmap and local mappings take"
                + " nothing.",
            "There is no high memory.",
            "kmap, page_address",
            "a slot is taken all the same",
            HighRules::direct,
            Shape.SMALL,
            Kind.X86_64,
            Kind.LA57),
        rule(
            "KS-29",
            "fixmap",
            "Slots of the fixmap are pages in a row from its top down; set_fixmap maps a page at"
                + " its slot with its memory type, in place of what was there, and clear_fixmap"
                + " leaves nothing.",
            "Addresses that are known when the kernel is compiled.",
            "fix_to_virt, __set_fixmap, clear_fixmap",
            "an index is one off, or an old translation is left in a TLB",
            HighRules::fixmap,
            Shape.SMALL));
  }

  private static int slots(SpaceBench b) {
    return b.kind == Kind.X86_PAE ? 512 : 1024;
  }

  private static void window(SpaceBench b, Seeded random) {
    long high = b.machine.layout().lowmemEndPfn();
    check(
        b.machine.layout().endPfn() - high > slots(b) + 10, b.what + ": high memory", "too little");
    long low = b.space.kmap(b.cpu(), 300);
    checkEqual(b.format.kernel().directMap() + 300 * PAGE, low, b.what + ": a frame of lowmem");
    b.space.kunmap(b.cpu(), 300);
    KernelRegion pkmap = b.space.layout().region("pkmap").orElseThrow();
    for (int i = 0; i < slots(b); i++) {
      long address = b.space.kmap(b.cpu(i), high + i);
      checkEqual(pkmap.start() + i * PAGE, address, b.what + ": slot " + i);
      checkEqual(high + i, b.leaf(address)[0] >>> 12 & 0xfffff, b.what + ": frame of slot " + i);
    }
    checkEqual(pkmap.last(), pkmap.start() + slots(b) * PAGE - 1, b.what + ": end of the window");
    b.fills(pkmap.start() + 8, 42);
    checkEqual(42, b.memory.getLong(high * PAGE + 8), b.what + ": what the first frame has");
    long none = b.space.kmap(b.cpu(), high + slots(b));
    checkEqual(NO_ADDRESS, none, b.what + ": a slot when all are in use");
    int which = random.below(slots(b));
    b.space.kunmap(b.cpu(), high + which);
    long again = b.space.kmap(b.cpu(), high + slots(b));
    checkEqual(pkmap.start() + which * PAGE, again, b.what + ": the slot that is free again");
    checkEqual(0, b.tables.mmu(b.cpu()).stale(), b.what + ": stale translations");
    b.space.kunmap(b.cpu(), high + slots(b));
    b.refused("kunmap of what has no slot", () -> b.space.kunmap(b.cpu(), high + slots(b) + 3));
    b.refused("kmap of no frame", () -> b.space.kmap(b.cpu(), b.machine.layout().endPfn()));
    b.refused("kmap of less than no frame", () -> b.space.kmap(b.cpu(), -1));
    b.rest();
    b.tables.validate();
  }

  private static void counts(SpaceBench b, Seeded random) {
    long high = b.machine.layout().lowmemEndPfn();
    long first = b.space.kmap(b.cpu(), high + 5);
    checkEqual(first, b.space.kmap(b.cpu(1), high + 5), b.what + ": a second kmap of a frame");
    long next = b.space.kmap(b.cpu(), high + 6);
    checkEqual(first + PAGE, next, b.what + ": the next frame");
    b.fills(first, 11);
    b.space.kunmap(b.cpu(), high + 5);
    checkEqual(11, b.reads(first), b.what + ": one of two has gone");
    b.space.kunmap(b.cpu(), high + 5);
    checkEqual(11, b.reads(first), b.what + ": both have gone, the slot stays mapped");
    b.refused("a third kunmap", () -> b.space.kunmap(b.cpu(), high + 5));
    checkEqual(first, b.space.kmap(b.cpu(), high + 5), b.what + ": it comes back without a flush");
    b.space.kunmap(b.cpu(), high + 5);
    // The search goes on behind the last slot, and comes round.
    for (int i = 2; i < slots(b); i++) {
      long address = b.space.kmap(b.cpu(), high + 10 + i);
      checkEqual(first + i * PAGE, address, b.what + ": slot " + i);
      b.space.kunmap(b.cpu(), high + 10 + i);
    }
    checkEqual(
        high + 5, b.leaf(first)[0] >>> 12 & 0xfffff, b.what + ": before the search is round");
    long round = b.space.kmap(b.cpu(), high + 7);
    checkEqual(first, round, b.what + ": after the flush");
    checkEqual(high + 7, b.access(0, first, 0) >>> 12, b.what + ": its frame by the CPU");
    long stays = b.space.kmap(b.cpu(), high + 6);
    checkEqual(first + PAGE, stays, b.what + ": what was in use over the flush");
    for (int i = 2; i < slots(b); i++) {
      checkEqual(0, b.leaf(first + i * PAGE)[0], b.what + ": slot " + i + " after the flush");
    }
    b.space.kunmap(b.cpu(), high + 6);
    b.space.kunmap(b.cpu(), high + 6);
    b.space.kunmap(b.cpu(), high + 7);
    b.rest();
    b.tables.validate();
  }

  private static void local(SpaceBench b, Seeded random) {
    long high = b.machine.layout().lowmemEndPfn();
    long low = b.space.kmapLocal(b.cpu(), 7);
    checkEqual(b.format.kernel().directMap() + 7 * PAGE, low, b.what + ": a frame of lowmem");
    b.space.kunmapLocal(b.cpu(), low);
    List<List<Long>> stacks = List.of(new ArrayList<>(), new ArrayList<>());
    KernelRegion fixmap = b.space.layout().region("fixmap").orElseThrow();
    for (int i = 0; i < LOCAL_SLOTS; i++) {
      for (int cpu = 0; cpu < 2; cpu++) {
        long at = b.space.kmapLocal(b.cpu(cpu), high + 2L * i + cpu);
        check(
            fixmap.contains(at) && !stacks.get(0).contains(at) && !stacks.get(1).contains(at),
            b.what + ": a slot of the fixmap of its own",
            hex(at));
        checkEqual(high + 2L * i + cpu, b.leaf(at)[0] >>> 12 & 0xfffff, b.what + ": its frame");
        stacks.get(cpu).add(at);
      }
    }
    b.refused("a seventeenth", () -> b.space.kmapLocal(b.cpu(), high));
    for (int cpu = 0; cpu < 2; cpu++) {
      List<Long> mine = stacks.get(cpu);
      var owner = b.cpu(cpu);
      long below = mine.get(random.below(LOCAL_SLOTS - 1));
      b.refused("not the last one", () -> b.space.kunmapLocal(owner, below));
      if (cpu == 0) {
        long others = stacks.get(1).getLast();
        b.refused("one of another CPU", () -> b.space.kunmapLocal(owner, others));
      }
      while (!mine.isEmpty()) {
        long at = mine.removeLast();
        check(b.access(cpu, at, 0) >= 0, b.what + ": a local mapping by its CPU", "a fault");
        b.space.kunmapLocal(owner, at + random.below(4096));
        check(b.access(cpu, at, 0) < 0, b.what + ": what was given back faults", "it does not");
        if (random.oneIn(3) && mine.size() < LOCAL_SLOTS - 1) {
          long again = b.space.kmapLocal(owner, high + 50);
          checkEqual(at, again, b.what + ": the slot that was given back");
          checkEqual(high + 50, b.access(cpu, at, 0) >>> 12, b.what + ": its frame");
          b.space.kunmapLocal(owner, again);
        }
      }
      b.refused("one too many", () -> b.space.kunmapLocal(owner, below));
    }
    b.rest();
    b.tables.validate();
  }

  private static void direct(SpaceBench b, Seeded random) {
    long direct = b.format.kernel().directMap();
    long tables = b.tables.tableFrames();
    for (int i = 0; i < 50; i++) {
      long pfn = 1L + random.below(4000);
      checkEqual(direct + pfn * PAGE, b.space.kmap(b.cpu(), pfn), b.what + ": kmap");
      checkEqual(direct + pfn * PAGE, b.space.kmapLocal(b.cpu(), pfn), b.what + ": kmap_local");
      b.space.kunmapLocal(b.cpu(), direct + pfn * PAGE);
      b.space.kunmap(b.cpu(), pfn);
    }
    checkEqual(tables, b.tables.tableFrames(), b.what + ": page tables");
    b.end();
  }

  private static void fixmap(SpaceBench b, Seeded random) {
    KernelRegion region = b.space.layout().region("fixmap").orElseThrow();
    long top = b.kind.isWide() ? region.last() + 1 : 0xffff_f000L;
    long slots = (top - region.start()) / PAGE;
    for (int index : new int[] {1, 2, 63, (int) slots}) {
      checkEqual(top - index * PAGE, b.space.fixToVirt(index), b.what + ": address of " + index);
    }
    b.refused("slot 0", () -> b.space.fixToVirt(0));
    b.refused("a slot below the fixmap", () -> b.space.fixToVirt((int) slots + 1));
    for (CacheMode mode : CacheMode.values()) {
      int index = 1 + random.below(63);
      long paddr = 0xfee0_0000L + random.below(100) * PAGE;
      long at = b.space.setFixmap(b.cpu(), index, paddr, mode);
      checkEqual(b.space.fixToVirt(index), at, b.what + ": address of set_fixmap");
      checkEqual(paddr >> 12, b.access(0, at, 0) >> 12, b.what + ": frame of a fixed address");
      long[] leaf = b.leaf(at);
      CacheMode seen = b.format.cache((int) leaf[1], leaf[0]);
      check(seen == mode, b.what + ": memory type " + mode, "" + seen);
      long other = b.space.setFixmap(b.cpu(1), index, paddr + PAGE, mode);
      checkEqual((paddr >> 12) + 1, b.access(0, other, 0) >> 12, b.what + ": what replaced it");
      b.space.clearFixmap(b.cpu(1), index);
      long root = b.tables.kernelRoot(b.cpu());
      checkEqual(PageTables.NOT_MAPPED, b.tables.translate(root, at), b.what + ": a cleared slot");
      b.faults(at, "a cleared slot");
    }
    b.refused("a part of a page", () -> b.space.setFixmap(b.cpu(), 3, 0x1001, CacheMode.UC));
    b.refused("a negative page", () -> b.space.setFixmap(b.cpu(), 3, -PAGE, CacheMode.UC));
    b.refused("a slot of CPUs", () -> b.space.setFixmap(b.cpu(), 64, PAGE, CacheMode.UC));
    b.end();
  }
}
