// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.kernel.rules.AreaRules.rule;
import static io.mm4j.testkit.kernel.rules.SpaceBench.PAGE;

import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.kernel.rules.SpaceBench.Kind;
import io.mm4j.testkit.kernel.rules.SpaceBench.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** More areas at once than a small table holds, and what happens between two steps of a call. */
public final class ManyRules {
  private static final long NO_ADDRESS = KernelSpace.NO_ADDRESS;
  private static final int STEPS = 500;
  private static final int FRAMES = 7;

  /** No address needs so many frames. */
  private static final int MOST = 20;

  private ManyRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "KS-33",
            "many-areas",
            "Of hundreds of areas that come and go in any order each is found by its own address"
                + " until it goes, none by another's, and each leads to its frames.",
            "A server has thousands.",
            "find_vm_area, insert_vmap_area, unlink_va",
            "one that comes, or goes, takes another out of the table",
            ManyRules::many,
            Shape.SMALL),
        rule(
            "KS-34",
            "kmap-without-frames",
            "If any single frame for the page tables of kmap, of a local mapping or of the fixmap"
                + " is refused there is no address and nothing is taken; made again there is one.",
            "Error paths run once in a thousand boots.",
            "lib/fault-inject.c fail_page_alloc; kmap_high, __kmap_local_pfn_prot, __set_fixmap",
            "a slot is taken that leads nowhere",
            ManyRules::withoutFrames,
            Shape.HIGH,
            Kind.X86_32,
            Kind.X86_32_24,
            Kind.X86_PAE),
        rule(
            "KS-35",
            "touched-meanwhile",
            "Two CPUs touch one page for the first time: it has one frame, the first one's, and the"
                + " second one's is free again.",
            "Each would write to a frame of its own.",
            "mm4j's contract of KernelSpace.fault; apply_to_page_range under init_mm's lock",
            "the second frame replaces the first, or is lost",
            ManyRules::meanwhile,
            Shape.SMALL));
  }

  private static void many(SpaceBench b, Seeded random) {
    long[] pfns = b.pages(FRAMES);
    TreeMap<Long, Integer> areas = new TreeMap<>();
    int most = 20 + random.below(180);
    for (int i = 0; i < STEPS; i++) {
      if (areas.size() < most && !random.oneIn(3)) {
        int count = 1 + random.below(FRAMES);
        long at = b.space.vmap(b.cpu(i), pfns, count);
        check(at != NO_ADDRESS, b.what + ": an area of " + count + " pages", "none");
        check(areas.put(at, count) == null, b.what + ": an address of its own", "another's");
      } else if (!areas.isEmpty()) {
        long at = any(areas, random);
        int count = areas.getOrDefault(at, 0);
        if (random.oneIn(8)) {
          b.refused("an address within it", () -> b.space.vunmap(b.cpu(), at + PAGE));
        }
        checkEqual(pfns[0], b.space.vmallocToPfn(at), b.what + ": its first frame");
        checkEqual(
            pfns[count - 1], b.space.vmallocToPfn(at + (count - 1) * PAGE), b.what + ": its last");
        b.space.vunmap(b.cpu(i), at);
        areas.remove(at);
        checkEqual(KernelSpace.NO_PAGE, b.space.vmallocToPfn(at), b.what + ": what was unmapped");
        if (random.oneIn(8)) {
          b.refused("a second vunmap", () -> b.space.vunmap(b.cpu(), at));
        }
      }
    }
    long lines = b.space.vmallocinfo().lines().filter(line -> line.endsWith(" vmap vmap")).count();
    checkEqual(areas.size(), lines, b.what + ": lines of /proc/vmallocinfo");
    b.validate();
    areas.forEach(
        (at, count) -> {
          checkEqual(pfns[0], b.space.vmallocToPfn(at), b.what + ": the first frame at the end");
          b.space.vunmap(b.cpu(), at);
        });
    b.freePages(pfns);
    b.end();
  }

  private static long any(Map<Long, Integer> areas, Seeded random) {
    List<Long> all = new ArrayList<>(areas.keySet());
    return all.get(random.below(all.size()));
  }

  private interface Mapping {
    long map();
  }

  private static void withoutFrames(SpaceBench b, Seeded random) {
    long high = b.machine.layout().lowmemEndPfn() + random.below(900);
    long first = refuses(b, "kmap", () -> b.space.kmap(b.cpu(), high));
    b.fills(first + 8, 6);
    checkEqual(6, b.memory.getLong(high * PAGE + 8), b.what + ": a word by kmap");
    checkEqual(first, b.space.kmap(b.cpu(), high), b.what + ": the same slot");
    b.space.kunmap(b.cpu(), high);
    b.space.kunmap(b.cpu(), high);
    b.refused("a third kunmap", () -> b.space.kunmap(b.cpu(), high));
    long local = refuses(b, "kmap_local", () -> b.space.kmapLocal(b.cpu(1), high + 1));
    checkEqual(high + 1, b.access(1, local, 0) >>> 12, b.what + ": the frame of a local mapping");
    b.space.kunmapLocal(b.cpu(1), local);
    b.refused("a second kunmap_local", () -> b.space.kunmapLocal(b.cpu(1), local));
    b.rest();
    b.tables.validate();
  }

  /** Each frame is refused in turn; the address in the end. */
  private static long refuses(SpaceBench b, String name, Mapping mapping) {
    for (int n = 1; n < MOST; n++) {
      String before = b.state();
      long allocations = b.pages.allocations();
      b.pages.failIn(n);
      long address = mapping.map();
      b.pages.failIn(0);
      boolean refused = b.pages.allocations() - allocations >= n;
      check(
          refused == (address == NO_ADDRESS),
          b.what + ": no address by " + name + " exactly if its frame " + n + " is refused",
          refused + " " + SpaceBench.hex(address));
      if (!refused) {
        return address;
      }
      b.same(before, name + " with its frame " + n + " refused");
    }
    throw new RuleViolation(b.what + ": an end of " + name, "none");
  }

  private static void meanwhile(SpaceBench b, Seeded random) {
    int pages = 700 + random.below(600);
    long area = b.space.vmallocAtTouch(b.cpu(), pages * PAGE);
    long root = b.tables.newRoot(b.cpu());
    for (int i = 0; i < 3; i++) {
      long at = area + (i * 200 + random.below(200)) * PAGE;
      // The table is there, so that a touch takes one frame.
      long beside = at ^ PAGE;
      boolean _ = beside >= area && b.space.fault(b.cpu(), root, beside);
      boolean table = b.space.vmallocToPfn(beside) != KernelSpace.NO_PAGE;
      if (table && b.space.vmallocToPfn(at) == KernelSpace.NO_PAGE) {
        both(b, root, at);
      }
    }
    b.space.vfree(b.cpu(), area);
    b.tables.freeRoot(b.cpu(), root);
    b.end();
  }

  private static void both(SpaceBench b, long root, long at) {
    long free = b.freeOrTable();
    long held = b.space.vmallocPages();
    long[] frame = {KernelSpace.NO_PAGE};
    b.pages.doBefore(
        1,
        () -> {
          check(b.space.fault(b.cpu(1), root, at + 5), b.what + ": the first touch", "refused");
          frame[0] = b.space.vmallocToPfn(at);
        });
    boolean mended = b.space.fault(b.cpu(), root, at);
    b.pages.doBefore(0, () -> {});
    check(mended, b.what + ": the second touch is mended", "it is not");
    checkEqual(frame[0], b.space.vmallocToPfn(at), b.what + ": the frame of the first touch");
    checkEqual(held + 1, b.space.vmallocPages(), b.what + ": frames of areas");
    checkEqual(free - 1, b.freeOrTable(), b.what + ": free frames and tables");
    b.validate();
  }
}
