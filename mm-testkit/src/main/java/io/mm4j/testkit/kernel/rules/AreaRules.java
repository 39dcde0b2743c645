// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.kernel.rules.SpaceBench.PAGE;
import static io.mm4j.testkit.kernel.rules.SpaceBench.hex;

import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.kernel.rules.SpaceBench.Kind;
import io.mm4j.testkit.kernel.rules.SpaceBench.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The vmalloc family and vmap. */
public final class AreaRules {
  private static final long NO_ADDRESS = KernelSpace.NO_ADDRESS;

  private AreaRules() {}

  static KernelRule rule(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      KernelRule.Body body,
      Shape shape,
      Kind... kinds) {
    return new KernelRule(
        new RuleInfo(id, name, statement, why, behind, failure), body, shape, false, kinds);
  }

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "KS-01",
            "vmalloc",
            "An area has as many pages as the bytes need, each mapped to a frame of its own that is"
                + " held as vmalloc's, and gone from the tables when it is freed.",
            "Virtually contiguous memory from scattered frames is what vmalloc is for.",
            "__vmalloc_node_range, vm_area_alloc_pages, vfree",
            "a page at an end is left out, or two have one frame",
            AreaRules::vmalloc,
            Shape.SMALL),
        rule(
            "KS-02",
            "zeroed",
            "vzalloc, vmalloc_user and pages at their first touch are full of zeroes, whatever the"
                + " frames had.",
            "A process would read the kernel's old memory.",
            "vzalloc, vmalloc_user __GFP_ZERO",
            "a flag is lost on the way",
            AreaRules::zeroed,
            Shape.SMALL),
        rule(
            "KS-05",
            "vmalloc-huge",
            "vmalloc_huge maps whole huge pages by leafs of level 2, aligned, on 64 bits and from"
                + " their size on; if there is no huge page it takes pages.",
            "One entry of the TLB in place of 512.",
            "vmalloc_huge, __vmalloc_node_range VM_ALLOW_HUGE_VMAP",
            "leafs of level 1 are used, or the second try is left out",
            AreaRules::huge,
            Shape.HIGH),
        rule(
            "KS-06",
            "guards-fault",
            "Whatever lies behind an area, the gap below the vmalloc area and what was freed and"
                + " purged fault, as not present; the bytes at both ends of an area do not.",
            "An overrun must not reach somebody's memory.",
            "VM_NO_GUARD, VMALLOC_OFFSET; test_vmalloc, KASAN vmalloc_oob",
            "the guard page is mapped, or an end is one page off",
            AreaRules::guards,
            Shape.SMALL),
        rule(
            "KS-07",
            "vmap",
            "vmap gives frames of the caller's addresses in their order: what is written through"
                + " one mapping is read through another; vunmap leaves them the caller's.",
            "Buffers are built from pages that somebody has already.",
            "vmap, vunmap",
            "the order is lost, or frames are freed that are not vmap's",
            AreaRules::vmap,
            Shape.SMALL),
        rule(
            "KS-08",
            "vm-map-ram",
            "vm_map_ram maps exactly the pages, with no guard page, and vm_unmap_ram of another"
                + " number is refused.",
            "File systems map many small buffers.",
            "vm_map_ram, vm_unmap_ram",
            "there is a guard page, or a part of a mapping goes",
            AreaRules::ram,
            Shape.SMALL),
        rule(
            "KS-09",
            "vfree-later",
            "What vfree_atomic was given stays as it is until the deferred work runs, which frees"
                + " all of it.",
            "Whoever frees in an interrupt may not wait.",
            "vfree_atomic, delayed_vfree_work",
            "it is freed at once, or something is left in the list",
            AreaRules::later,
            Shape.SMALL),
        rule(
            "KS-10",
            "misuse",
            "No bytes, frees of what is no area of this kind, inner addresses, second frees and"
                + " frames of other addresses are refused; more than all of RAM is not served; and"
                + " nothing changes.",
            "The mistake is named where it is made.",
            "WARN_ON of __vunmap, find_vm_area, vmalloc_to_page",
            "another area is freed, or addresses are taken for nothing",
            AreaRules::misuse,
            Shape.SMALL));
  }

  /** Sizes in pages: mostly small, some with more than a table of entries. */
  static int size(Seeded random) {
    return switch (random.below(8)) {
      case 0 -> 1;
      case 1 -> 500 + random.below(13);
      default -> 2 + random.below(30);
    };
  }

  private static void vmalloc(SpaceBench b, Seeded random) {
    List<Long> areas = new ArrayList<>();
    List<long[]> frames = new ArrayList<>();
    long held = 0;
    for (int i = 0; i < 14; i++) {
      if (i % 5 == 4) {
        int which = random.below(areas.size());
        long address = areas.remove(which);
        long[] pfns = frames.remove(which);
        b.space.vfree(b.cpu(i), address);
        b.checkGone(address, pfns);
        b.forget(pfns);
        held -= pfns.length;
      } else {
        int count = size(random);
        long bytes = count * PAGE - random.below(4096);
        long address = b.space.vmalloc(b.cpu(i), bytes);
        long[] pfns = b.checkArea(address, count);
        b.fills(address, i + 1);
        b.fills(address + (count - 1) * PAGE + 8, i + 2);
        checkEqual(i + 1, b.memory.getLong(pfns[0] * PAGE), b.what + ": a word of frame 0");
        long last = b.memory.getLong(pfns[count - 1] * PAGE + 8);
        checkEqual(i + 2, last, b.what + ": a word of the last frame");
        areas.add(address);
        frames.add(pfns);
        held += count;
      }
      checkEqual(held, b.space.vmallocPages(), b.what + ": pages of areas");
      b.validate();
    }
    for (int i = 0; i < areas.size(); i++) {
      b.space.vfree(b.cpu(i), areas.get(i));
      b.checkGone(areas.get(i), frames.get(i));
    }
    b.end();
  }

  private static void zeroed(SpaceBench b, Seeded random) {
    long[] dirty = b.pages(700);
    for (long pfn : dirty) {
      for (long at = pfn * PAGE; at < (pfn + 1) * PAGE; at += 8) {
        b.memory.putLong(at, random.next() | 1);
      }
    }
    b.freePages(dirty);
    b.machine.pages().drainAllPages(b.cpu());
    long zeroed = b.space.vzalloc(b.cpu(), 200 * PAGE);
    long user = b.space.vmallocUser(b.cpu(), 150 * PAGE);
    zero(b, b.checkArea(zeroed, 200), "vzalloc");
    zero(b, b.checkArea(user, 150), "vmalloc_user");
    long touched = b.space.vmallocAtTouch(b.cpu(), 120 * PAGE);
    for (int i = 0; i < 120; i++) {
      boolean good = b.space.fault(b.cpu(), b.tables.kernelRoot(b.cpu()), touched + i * PAGE + 5);
      check(good, b.what + ": a first touch is mended", "it is not");
    }
    zero(b, b.checkArea(touched, 120), "a touch");
    b.space.vfree(b.cpu(), touched);
    b.space.vfree(b.cpu(), user);
    b.space.vfree(b.cpu(), zeroed);
    b.end();
  }

  private static void zero(SpaceBench b, long[] pfns, String call) {
    for (long pfn : pfns) {
      for (long at = pfn * PAGE; at < (pfn + 1) * PAGE; at += 8) {
        checkEqual(0, b.memory.getLong(at), b.what + ": a word after " + call + " at " + hex(at));
      }
    }
  }

  private static void huge(SpaceBench b, Seeded random) {
    int order = b.format.order(2);
    int step = 1 << order;
    long small = b.space.vmallocHuge(b.cpu(), step * PAGE - 1 - random.below(4095));
    checkEqual(1, b.leaf(small)[1], b.what + ": level of what is smaller than a huge page");
    long[] smallFrames = b.checkArea(small, step);
    for (long pfn : smallFrames) {
      check(pfn >= 4096, b.what + ": a frame above the 16 MiB of ISA devices", hex(pfn));
    }
    long exact = b.space.vmallocHuge(b.cpu(), step * PAGE);
    long[] exactFrames = b.checkArea(exact, step);
    checkEqual(b.kind.isWide() ? 2 : 1, b.leaf(exact)[1], b.what + ": level of one huge page");
    b.space.vfree(b.cpu(), exact);
    b.forget(exactFrames);
    int count = 2 * step;
    long address = b.space.vmallocHuge(b.cpu(), count * PAGE - random.below(4096));
    long[] frames = b.checkArea(address, count);
    int level = b.kind.isWide() ? 2 : 1;
    checkEqual(level, b.leaf(address)[1], b.what + ": level of the first page's leaf");
    checkEqual(level, b.leaf(address + (step + 3) * PAGE)[1], b.what + ": level of another leaf");
    if (level == 2) {
      checkEqual(0, address % (step * PAGE), b.what + ": misalignment of a huge area");
      for (int i = 0; i < count; i++) {
        checkEqual(frames[i - i % step] + i % step, frames[i], b.what + ": frames in a row");
      }
    }
    b.fills(address + count * PAGE - 8, 77);
    checkEqual(
        77, b.memory.getLong(frames[count - 1] * PAGE + PAGE - 8), b.what + ": the last word");
    b.space.vfree(b.cpu(), address);
    b.checkGone(address, frames);
    b.forget(frames);
    b.space.vfree(b.cpu(), small);
    b.forget(smallFrames);
    // Where tables for pages were made before.
    int _ = b.space.purge(b.cpu());
    int _ = b.areas.shrink();
    long paged = b.space.vmalloc(b.cpu(), 3L * step * PAGE);
    b.space.vfree(b.cpu(), paged);
    int _ = b.space.purge(b.cpu());
    int _ = b.areas.shrink();
    long over = b.space.vmallocHuge(b.cpu(), 2L * step * PAGE);
    long[] overFrames = b.checkArea(over, 2 * step);
    b.fills(over + (step + 1) * PAGE, 9);
    checkEqual(9, b.memory.getLong(overFrames[step + 1] * PAGE), b.what + ": over old tables");
    b.space.vfree(b.cpu(), over);
    b.forget(overFrames);
    b.rest();
    // No huge page: every other frame is taken.
    List<Long> kept = new ArrayList<>();
    List<Long> freed = new ArrayList<>();
    for (long pfn; (pfn = b.machine.pages().allocPages(b.cpu(), Gfp.GFP_NOWAIT, 0)) >= 0; ) {
      (pfn % 2 == 0 ? kept : freed).add(pfn);
    }
    freed.forEach(b::freePage);
    b.machine.pages().drainAllPages(b.cpu());
    long pieces = b.space.vmallocHuge(b.cpu(), step * PAGE);
    long[] scattered = b.checkArea(pieces, step);
    int neighbours = 0;
    for (int i = 1; i < step; i++) {
      neighbours += scattered[i] == scattered[i - 1] + 1 ? 1 : 0;
    }
    check(
        neighbours < step / 2 || !b.kind.isWide(),
        b.what + ": pages from everywhere",
        neighbours + " neighbours");
    b.space.vfree(b.cpu(), pieces);
    kept.forEach(b::freePage);
    b.end();
  }

  private static void guards(SpaceBench b, Seeded random) {
    int count = size(random);
    long area = b.space.vmalloc(b.cpu(), count * PAGE);
    b.fills(area, 1);
    b.fills(area + count * PAGE - 8, 2);
    b.faults(area + count * PAGE, "the guard page of vmalloc");
    b.faults(area + count * PAGE + 4088, "the end of the guard page");
    long[] pfns = b.pages(3);
    long mapped = b.space.vmap(b.cpu(), pfns, 3);
    b.fills(mapped + 3 * PAGE - 8, 3);
    b.faults(mapped + 3 * PAGE, "the guard page of vmap");
    b.faults(b.space.layout().vmallocStart() - 1, "the gap below the vmalloc area");
    if (!b.kind.isWide()) {
      long end = b.space.layout().highMemory();
      b.fills(end - 8, b.reads(end - 8));
      b.faults(end, "the gap behind lowmem");
    }
    long touched = b.space.vmallocAtTouch(b.cpu(), 2 * PAGE);
    b.faults(touched, "a page that nobody has touched");
    b.space.vfree(b.cpu(), touched);
    b.space.vunmap(b.cpu(), mapped);
    b.space.vfree(b.cpu(), area);
    int _ = b.space.purge(b.cpu());
    b.faults(area, "a freed and purged area");
    b.faults(area + (count - 1) * PAGE, "its last page");
    b.faults(mapped + 2 * PAGE, "the last page of an unmapped area");
    b.freePages(pfns);
    b.end();
  }

  private static void vmap(SpaceBench b, Seeded random) {
    int count = 2 + size(random);
    long[] pfns = b.pages(count);
    for (int i = count - 1; i > 0; i--) {
      int other = random.below(i + 1);
      long pfn = pfns[i];
      pfns[i] = pfns[other];
      pfns[other] = pfn;
    }
    long[] given = pfns.clone();
    given[count - 1] = given[0];
    long one = b.space.vmap(b.cpu(), given, count);
    long two = b.space.vmap(b.cpu(1), pfns, count - 1);
    Arrays.fill(given, 0);
    for (int i = 0; i < count - 1; i++) {
      checkEqual(pfns[i], b.space.vmallocToPfn(one + i * PAGE), b.what + ": frame " + i);
      b.fills(one + i * PAGE + 16, 1000 + i);
      checkEqual(
          1000 + i, b.reads(two + i * PAGE + 16), b.what + ": page " + i + " by another map");
    }
    checkEqual(
        1000, b.reads(one + (count - 1) * PAGE + 16), b.what + ": a frame that is there twice");
    b.faults(two + (count - 1) * PAGE, "behind as many pages as were asked for");
    checkEqual((count + 1) * PAGE, b.areas.bytes(one), b.what + ": bytes with the guard page");
    checkEqual(0, b.space.vmallocPages(), b.what + ": pages that are vmalloc's own");
    b.validate();
    b.space.vunmap(b.cpu(), one);
    checkEqual(KernelSpace.NO_PAGE, b.space.vmallocToPfn(one), b.what + ": what was unmapped");
    checkEqual(1000, b.reads(two + 16), b.what + ": the other mapping stays");
    b.space.vunmap(b.cpu(), two);
    b.space.vunmap(b.cpu(), NO_ADDRESS);
    for (long pfn : pfns) {
      check(
          b.map.refcount(pfn) == 1 && b.map.owner(pfn) == FrameOwner.KERNEL,
          b.what + ": frames stay the caller's",
          b.map.owner(pfn) + " references=" + b.map.refcount(pfn));
    }
    b.refused("no frames", () -> b.space.vmap(b.cpu(), pfns, 0));
    b.refused("more frames than are given", () -> b.space.vmap(b.cpu(), pfns, count + 1));
    long end = b.machine.layout().endPfn();
    b.refused("a frame behind the last", () -> b.space.vmap(b.cpu(), new long[] {1, end}, 2));
    b.refused("less than no frame", () -> b.space.vmap(b.cpu(), new long[] {-1}, 1));
    b.freePages(pfns);
    b.end();
  }

  private static void ram(SpaceBench b, Seeded random) {
    int count = 1 + random.below(40);
    long[] pfns = b.pages(count);
    long address = b.space.vmMapRam(b.cpu(), pfns, count);
    checkEqual(count * PAGE, b.areas.bytes(address), b.what + ": bytes, without a guard page");
    for (int i = 0; i < count; i++) {
      checkEqual(pfns[i], b.space.vmallocToPfn(address + i * PAGE), b.what + ": frame " + i);
    }
    b.fills(address + count * PAGE - 8, 5);
    b.validate();
    b.refused("one page less", () -> b.space.vmUnmapRam(b.cpu(), address, count - 1));
    b.refused("one page more", () -> b.space.vmUnmapRam(b.cpu(), address, count + 1));
    b.refused("another kind", () -> b.space.vunmap(b.cpu(), address));
    b.space.vmUnmapRam(b.cpu(), address, count);
    checkEqual(KernelSpace.NO_PAGE, b.space.vmallocToPfn(address), b.what + ": what was unmapped");
    b.refused("a second time", () -> b.space.vmUnmapRam(b.cpu(), address, count));
    b.freePages(pfns);
    b.end();
  }

  private static void later(SpaceBench b, Seeded random) {
    List<Long> areas = new ArrayList<>();
    int count = 5 + random.below(10);
    for (int i = 0; i < count; i++) {
      areas.add(b.space.vmalloc(b.cpu(i), (1 + random.below(20)) * PAGE));
    }
    String before = b.state();
    for (long area : areas) {
      b.space.vfreeAtomic(b.cpu(1), area);
    }
    b.same(before, "vfree_atomic");
    b.fills(areas.getFirst(), 9);
    checkEqual(count, b.space.runDeferred(b.cpu()), b.what + ": areas that the work has freed");
    checkEqual(0, b.space.runDeferred(b.cpu()), b.what + ": areas that are left");
    b.end();
  }

  private static void misuse(SpaceBench b, Seeded random) {
    int count = 3 + random.below(9);
    long area = b.space.vmalloc(b.cpu(), count * PAGE);
    long[] pfns = b.pages(2);
    long mapped = b.space.vmap(b.cpu(), pfns, 2);
    long touched = b.space.vmallocAtTouch(b.cpu(), 3 * PAGE);
    b.refused("no bytes", () -> b.space.vmalloc(b.cpu(), 0));
    b.refused("less than no bytes", () -> b.space.vzalloc(b.cpu(), -PAGE));
    b.refused("no bytes at first touch", () -> b.space.vmallocAtTouch(b.cpu(), 0));
    b.refused("an address inside an area", () -> b.space.vfree(b.cpu(), area + PAGE));
    b.refused("a byte inside a page", () -> b.space.vfree(b.cpu(), area + 8));
    b.refused("what vmap has made", () -> b.space.vfree(b.cpu(), mapped));
    b.refused("what vmalloc has made", () -> b.space.vunmap(b.cpu(), area));
    b.refused("what is touched", () -> b.space.vunmap(b.cpu(), touched));
    b.refused("what no ioremap has made", () -> b.space.iounmap(b.cpu(), area));
    b.refused("what no vm_map_ram has made", () -> b.space.vmUnmapRam(b.cpu(), mapped, 2));
    b.refused("a frame of lowmem's address", () -> b.space.vmallocToPfn(PAGE));
    b.refused(
        "the address behind the vmalloc area",
        () -> b.space.vmallocToPfn(b.space.layout().vmallocEnd()));
    String before = b.state();
    long most = (b.totalPages() + 1) * PAGE;
    checkEqual(NO_ADDRESS, b.space.vmalloc(b.cpu(), most), b.what + ": an area larger than RAM");
    checkEqual(NO_ADDRESS, b.space.vmallocHuge(b.cpu(), most), b.what + ": a huge one");
    b.same(before, "a request for more than all of RAM");
    long lazy = b.areas.lazyPages();
    checkEqual(0, lazy, b.what + ": pages of addresses that were taken for it and freed");
    b.space.vfree(b.cpu(), NO_ADDRESS);
    b.space.vfree(b.cpu(), touched);
    b.space.vfree(b.cpu(), area);
    b.space.vunmap(b.cpu(), mapped);
    b.refused("a second vfree", () -> b.space.vfree(b.cpu(), area));
    b.refused("a second vunmap", () -> b.space.vunmap(b.cpu(), mapped));
    b.freePages(pfns);
    b.end();
  }
}
