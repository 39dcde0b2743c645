// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.kernel.rules.AreaRules.rule;
import static io.mm4j.testkit.kernel.rules.SpaceBench.PAGE;
import static io.mm4j.testkit.kernel.rules.SpaceBench.hex;

import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.kernel.rules.SpaceBench.Kind;
import io.mm4j.testkit.kernel.rules.SpaceBench.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Faults at the kernel's addresses, stale translations, and what is told of areas. */
public final class FaultRules {
  private FaultRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "KS-14",
            "first-touch",
            "An area that is populated on touch has no frame at first and gets the one of the page"
                + " that is touched, once; its guard page is never mended, and vfree gives back"
                + " what came.",
            "Large areas of which little is used cost little.",
            "mm4j's contract of KernelSpace.vmallocAtTouch; VM_SPARSE areas of bpf arenas",
            "the whole area is filled, a page is filled twice, or the guard page is",
            FaultRules::firstTouch,
            Shape.SMALL),
        rule(
            "KS-15",
            "vmalloc-fault",
            "On x86-32-2.4 a page directory that was there before sees a new area after one fault,"
                + " and has the entry only then; a fault behind the area is not mended and not"
                + " counted.",
            "Page directories of 2.4 learn of vmalloc areas by faults.",
            "arch/i386/mm/fault.c vmalloc_fault (Linux 2.4)",
            "the kernel's tables are not looked at, or anything is mended",
            FaultRules::vmallocFault,
            Shape.SMALL,
            Kind.X86_32_24),
        rule(
            "KS-16",
            "no-vmalloc-fault",
            "Elsewhere a page directory that was there before sees a new area at once, and no"
                + " vmalloc_fault is counted; a fault behind the area is not mended.",
            "There is nothing to learn where top tables are made at boot or written at once.",
            "preallocate_vmalloc_pages, arch_sync_kernel_mappings",
            "top entries are not published, or a fault is mended that is none",
            FaultRules::noVmallocFault,
            Shape.SMALL,
            Kind.X86_64,
            Kind.LA57,
            Kind.X86_32,
            Kind.X86_PAE),
        rule(
            "KS-17",
            "no-stale-translation",
            "A freed area's addresses are not used again before every CPU has forgotten its frames:"
                + " at once, or by a purge.",
            "A stale translation of a new area is silent corruption.",
            "__purge_vmap_area_lazy flush_tlb_kernel_range; unmap_vm_area of 2.6",
            "the flush is left out, or comes after the addresses are free",
            FaultRules::stale,
            Shape.SMALL),
        rule(
            "KS-18",
            "purge-when-due",
            "A free that makes a purge due is followed by it: never do more pages wait than may.",
            "Addresses and pools would run out.",
            "free_vmap_area_noflush drain_vmap_work",
            "nobody purges",
            FaultRules::purged,
            Shape.SMALL),
        rule(
            "KS-30",
            "purge-when-full",
            "Where there is no room for an area, what was freed is purged, though that is not due,"
                + " and the area is made.",
            "Addresses of 32 bits are few.",
            "alloc_vmap_area overflow: reclaim_and_purge_vmap_areas",
            "the request fails though its addresses were freed",
            FaultRules::full,
            Shape.SMALL,
            Kind.X86_32,
            Kind.X86_32_24,
            Kind.X86_PAE),
        rule(
            "KS-19",
            "vmallocinfo",
            "/proc/vmallocinfo has a line for each area, by vmap node and address: its range and"
                + " bytes with the guard page, the caller, pages and nodes of what is its own, the"
                + " physical address of a device, its kind; then what waits for a purge.",
            "Leaks of the kernel are looked for there.",
            "vmalloc_info_show, show_numa_info, show_purge_info (Linux 6.18)",
            "a field is left out, or told of a kind that has none",
            FaultRules::info,
            Shape.SMALL));
  }

  private static void firstTouch(SpaceBench b, Seeded random) {
    int count = 20 + random.below(100);
    long root = b.tables.newRoot(b.cpu());
    long area = b.space.vmallocAtTouch(b.cpu(), count * PAGE - random.below(4096));
    checkEqual(0, b.space.vmallocPages(), b.what + ": frames before any touch");
    checkEqual((count + 1) * PAGE, b.areas.bytes(area), b.what + ": bytes with the guard page");
    Set<Integer> touched = new HashSet<>();
    for (int i = 0; i < 12; i++) {
      int page = i == 0 ? count - 1 : i == 1 ? 0 : random.below(count);
      long free = b.freeOrTable();
      boolean isNew = touched.add(page);
      boolean mended = b.space.fault(b.cpu(i), root, area + page * PAGE + random.below(4096));
      check(mended, b.what + ": a touch of page " + page + " is mended", "it is not");
      long pfn = b.space.vmallocToPfn(area + page * PAGE);
      check(pfn >= 0, b.what + ": its frame", "none");
      checkEqual(page, b.map.index(pfn), b.what + ": the page that its frame is of");
      checkEqual(touched.size(), b.space.vmallocPages(), b.what + ": frames after touches");
      checkEqual(free - (isNew ? 1 : 0), b.freeOrTable(), b.what + ": free frames after a touch");
    }
    for (int page = 0; page < count; page++) {
      boolean has = b.space.vmallocToPfn(area + page * PAGE) >= 0;
      check(has == touched.contains(page), b.what + ": touched pages " + touched, "page " + page);
    }
    check(!b.space.fault(b.cpu(), root, area + count * PAGE), b.what + ": guard page", "mended");
    check(!b.space.fault(b.cpu(), root, area - 1), b.what + ": the page before", "mended");
    long plain = b.space.vmalloc(b.cpu(), PAGE);
    check(!b.space.fault(b.cpu(), root, plain + PAGE), b.what + ": another guard page", "mended");
    checkEqual(touched.size() + 1, b.space.vmallocPages(), b.what + ": frames at the end");
    b.validate();
    b.space.vfree(b.cpu(), plain);
    b.space.vfree(b.cpu(), area);
    checkEqual(0, b.space.vmallocPages(), b.what + ": frames when it is freed");
    b.tables.freeRoot(b.cpu(), root);
    b.end();
  }

  private static void vmallocFault(SpaceBench b, Seeded random) {
    long early = b.tables.newRoot(b.cpu());
    int count = 1 + random.below(20);
    long area = b.space.vmalloc(b.cpu(), count * PAGE);
    long syncs = b.tables.kernelSyncs();
    checkEqual(
        PageTables.NOT_MAPPED, b.tables.translate(early, area), b.what + ": before the fault");
    check(
        !b.space.fault(b.cpu(), early, area + count * PAGE),
        b.what + ": a fault behind the area is not mended",
        "it is");
    long before = b.tables.kernelSyncs();
    Mmu mmu = b.tables.mmu(b.cpu(1));
    long other = b.tables.newRoot(b.cpu());
    mmu.switchTo(other);
    check(
        mmu.access(area, 0) >= 0, b.what + ": a newer directory has it from the start", "a fault");
    mmu.switchTo(PageTables.NO_ROOT);
    checkEqual(before, b.tables.kernelSyncs(), b.what + ": faults of a newer directory");
    check(b.space.fault(b.cpu(), early, area), b.what + ": the fault is mended", "it is not");
    checkEqual(syncs + 1, b.tables.kernelSyncs(), b.what + ": entries that were copied");
    checkEqual(
        b.space.vmallocToPfn(area),
        b.tables.translate(early, area) >> 12,
        b.what + ": the frame by the old directory");
    long second = b.space.vmalloc(b.cpu(), PAGE);
    check(
        b.tables.translate(early, second) >= 0,
        b.what + ": the next area needs no fault",
        "it does");
    checkEqual(syncs + 1, b.tables.kernelSyncs(), b.what + ": entries copied at last");
    b.space.vfree(b.cpu(), second);
    b.space.vfree(b.cpu(), area);
    b.tables.freeRoot(b.cpu(), other);
    b.tables.freeRoot(b.cpu(), early);
    b.end();
  }

  private static void noVmallocFault(SpaceBench b, Seeded random) {
    long early = b.tables.newRoot(b.cpu());
    int count = 1 + random.below(20);
    long area = b.space.vmalloc(b.cpu(), count * PAGE);
    long device = b.space.ioremap(b.cpu(), FailureRules.DEVICE, PAGE, CacheMode.UC_MINUS);
    for (long at : new long[] {area, area + count * PAGE - 1, device}) {
      long there = b.tables.translate(b.tables.kernelRoot(b.cpu()), at);
      checkEqual(there, b.tables.translate(early, at), b.what + ": an old directory at " + hex(at));
      check(there >= 0, b.what + ": something at " + hex(at), "nothing");
      check(b.space.fault(b.cpu(), early, at), b.what + ": it is mapped: mended", "it is not");
    }
    check(
        !b.space.fault(b.cpu(), early, area + count * PAGE),
        b.what + ": a fault behind the area is not mended",
        "it is");
    check(!b.space.fault(b.cpu(), early, PAGE), b.what + ": an address of a process", "mended");
    checkEqual(0, b.tables.kernelSyncs(), b.what + ": vmalloc_faults");
    b.space.iounmap(b.cpu(), device);
    b.space.vfree(b.cpu(), area);
    b.tables.freeRoot(b.cpu(), early);
    b.end();
  }

  private static void stale(SpaceBench b, Seeded random) {
    long[] old = b.pages(6);
    long[] now = b.pages(6);
    List<Long> areas = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      long area = b.space.vmap(b.cpu(i), old, 6);
      for (int page = 0; page < 6; page++) {
        long paddr = b.access(1, area + page * PAGE, 0);
        checkEqual(old[page], paddr >> 12, b.what + ": frame of page " + page);
      }
      areas.add(area);
    }
    areas.forEach(area -> b.space.vunmap(b.cpu(), area));
    if (b.areasCan.lazy()) {
      // they wait: what comes now lies elsewhere
      long other = b.space.vmap(b.cpu(), now, 6);
      check(!areas.contains(other), b.what + ": addresses that wait for a purge", "used again");
      b.space.vunmap(b.cpu(), other);
      int purged = b.space.purge(b.cpu());
      checkEqual(5, purged, b.what + ": areas that were purged");
    }
    for (int i = 0; i < 4; i++) {
      long area = b.space.vmap(b.cpu(i), now, 6);
      for (int page = 0; page < 6; page++) {
        long paddr = b.access(1, area + page * PAGE, 0);
        checkEqual(now[page], paddr >> 12, b.what + ": frame by the other CPU of page " + page);
      }
      checkEqual(0, b.tables.mmu(b.cpu(1)).stale(), b.what + ": stale translations");
      areas.set(i, area);
    }
    areas.forEach(area -> b.space.vunmap(b.cpu(), area));
    int _ = b.space.purge(b.cpu());
    b.faults(areas.getFirst(), "what was purged");
    b.freePages(now);
    b.freePages(old);
    b.end();
  }

  private static void purged(SpaceBench b, Seeded random) {
    long[] pfns = new long[3000];
    long pfn = b.page();
    Arrays.fill(pfns, pfn);
    for (int i = 0; i < 12; i++) {
      int count = 2000 + random.below(1000);
      long area = b.space.vmap(b.cpu(i), pfns, count);
      check(area != KernelSpace.NO_ADDRESS, b.what + ": room for the next area", "none");
      b.space.vunmap(b.cpu(i), area);
      check(
          !b.areas.isPurgeDue(),
          b.what + ": at most " + b.areas.lazyMax() + " pages wait",
          "" + b.areas.lazyPages());
    }
    b.freePage(pfn);
    b.end();
  }

  private static void full(SpaceBench b, Seeded random) {
    long[] pfns = new long[12_000 + random.below(2000)];
    long pfn = b.page();
    Arrays.fill(pfns, pfn);
    List<Long> areas = new ArrayList<>();
    long area = b.space.vmap(b.cpu(), pfns, pfns.length);
    while (area != KernelSpace.NO_ADDRESS) {
      areas.add(area);
      area = b.space.vmap(b.cpu(), pfns, pfns.length);
    }
    check(areas.size() > 3, b.what + ": areas that fill the space", "" + areas.size());
    String before = b.state();
    long[] more = Arrays.copyOf(pfns, pfns.length + 1); // which has no guard page
    more[pfns.length] = pfn;
    long bytes = pfns.length * PAGE;
    for (long other :
        new long[] {
          b.space.vmallocAtTouch(b.cpu(), bytes),
          b.space.ioremap(b.cpu(), 0xe000_0000L, bytes, CacheMode.UC),
          b.space.vmMapRam(b.cpu(), more, more.length)
        }) {
      checkEqual(KernelSpace.NO_ADDRESS, other, b.what + ": an address where there is no room");
    }
    b.same(before, "calls for which there is no room");
    int which = random.below(areas.size());
    b.space.vunmap(b.cpu(), areas.remove(which));
    check(!b.areas.isPurgeDue(), b.what + ": no purge is due", "one is");
    long again = b.space.vmap(b.cpu(), pfns, pfns.length);
    check(again != KernelSpace.NO_ADDRESS, b.what + ": an area where one was freed", "none");
    areas.add(again);
    areas.forEach(a -> b.space.vunmap(b.cpu(), a));
    b.freePage(pfn);
    b.end();
  }

  private static void info(SpaceBench b, Seeded random) {
    List<Line> lines = new ArrayList<>();
    boolean wide = b.kind.isWide();
    int count = 1 + random.below(30);
    long[] pfns = b.pages(5);
    String own = wide ? " N0=" : "";
    lines.add(
        new Line(
            b.space.vmalloc(b.cpu(), count * PAGE),
            count + 1,
            " vmalloc pages=" + count + " vmalloc" + (wide ? own + count : "")));
    lines.add(
        new Line(
            b.space.vmallocUser(b.cpu(1), 3 * PAGE),
            4,
            " vmalloc_user pages=3 vmalloc user" + (wide ? own + 3 : "")));
    int large = wide ? 513 : 1025;
    lines.add(
        new Line(
            b.space.vzalloc(b.cpu(), large * PAGE),
            large + 1,
            " vzalloc pages=" + large + " vmalloc vpages" + (wide ? own + large : "")));
    lines.add(
        new Line(
            b.space.vmalloc32(b.cpu(), 2 * PAGE),
            3,
            " vmalloc_32 pages=2 vmalloc" + (wide ? own + 2 : "")));
    lines.add(
        new Line(
            b.space.vmallocHuge(b.cpu(1), 4 * PAGE),
            5,
            " vmalloc_huge pages=4 vmalloc" + (wide ? own + 4 : "")));
    int owned = lines.size();
    lines.add(new Line(b.space.vmap(b.cpu(), pfns, 5), 6, " vmap vmap"));
    lines.add(new Line(b.space.vmMapRam(b.cpu(1), pfns, 4), 4, " vm_map_ram"));
    long device = b.space.ioremap(b.cpu(), FailureRules.DEVICE + 12, 2 * PAGE, CacheMode.UC_MINUS);
    int digits = wide || b.kind == Kind.X86_PAE ? 16 : 8;
    String phys = String.format("0x%0" + digits + "x", FailureRules.DEVICE);
    lines.add(new Line(device - 12, 4, " ioremap phys=" + phys + " ioremap"));
    long touched = b.space.vmallocAtTouch(b.cpu(), 9 * PAGE);
    lines.add(new Line(touched, 10, " vmalloc_at_touch sparse"));
    List<String> text = b.space.vmallocinfo().lines().toList();
    for (Line line : lines) {
      long found = text.stream().filter(line.toString(wide)::equals).count();
      check(
          found == 1, b.what + ": the line '" + line.toString(wide) + "'", String.join("\n", text));
    }
    checkEqual(lines.size() + 1, text.size(), b.what + ": lines; a list of frames has one");
    lowDevice(b, digits);
    checkOrder(b, text);
    check(
        b.space.fault(b.cpu(), b.tables.kernelRoot(b.cpu()), touched + PAGE),
        b.what + ": a touch is mended",
        "it is not");
    String sparse = lines.getLast().toString(wide);
    check(b.space.vmallocinfo().contains(sparse + "\n"), sparse, b.space.vmallocinfo());
    b.space.vfree(b.cpu(), touched);
    b.space.iounmap(b.cpu(), device);
    b.space.vmUnmapRam(b.cpu(), lines.get(owned + 1).start, 4);
    b.space.vunmap(b.cpu(), lines.get(owned).start);
    for (int i = 0; i < owned; i++) {
      b.space.vfree(b.cpu(), lines.get(i).start);
    }
    List<String> left = b.space.vmallocinfo().lines().toList();
    for (int i = 0; i < lines.size() && b.areasCan.lazy(); i++) {
      Line gone = new Line(lines.get(i).start, lines.get(i).pages, " unpurged vm_area");
      check(left.contains(gone.toString(wide)), "'" + gone.toString(wide) + "'", "" + left);
    }
    checkEqual(b.areas.stats().lazyAreas(), left.size(), b.what + ": lines of what waits");
    int _ = b.space.purge(b.cpu());
    check(b.space.vmallocinfo().isEmpty(), b.what + ": nothing is left", b.space.vmallocinfo());
    b.freePages(pfns);
    b.end();
  }

  /** A physical address has all its digits. */
  private static void lowDevice(SpaceBench b, int digits) {
    long device = b.space.ioremap(b.cpu(), 0xa0000, PAGE, CacheMode.UC_MINUS);
    String phys = String.format(" phys=0x%0" + digits + "x ioremap", 0xa0000);
    check(b.space.vmallocinfo().contains(phys), phys, b.space.vmallocinfo());
    b.space.iounmap(b.cpu(), device);
    int _ = b.space.purge(b.cpu());
  }

  /** By the node that follows from the address, and by address in each. */
  private static void checkOrder(SpaceBench b, List<String> text) {
    int nodes = b.areasCan.pools() && b.kind.isWide() ? 2 : 1;
    long last = -1;
    int lastNode = 0;
    for (String line : text) {
      long start = Long.parseUnsignedLong(line.substring(2, line.indexOf('-')), 16);
      int node = (int) Long.remainderUnsigned(start >>> 16, nodes);
      boolean next = node > lastNode;
      check(
          next || (node == lastNode && (last == -1 || Long.compareUnsigned(start, last) > 0)),
          b.what + ": lines by node and address",
          String.join("\n", text));
      last = start;
      lastNode = node;
    }
  }

  private record Line(long start, long pages, String rest) {
    String toString(boolean wide) {
      String address = wide ? "0x%016x" : "0x%08x";
      return String.format(
              address + "-" + address + " %7d", start, start + pages * PAGE, pages * PAGE)
          + rest;
    }
  }
}
