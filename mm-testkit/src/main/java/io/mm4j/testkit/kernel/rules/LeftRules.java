// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.kernel.rules.AreaRules.rule;
import static io.mm4j.testkit.kernel.rules.SpaceBench.PAGE;

import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.kernel.rules.SpaceBench.Kind;
import io.mm4j.testkit.kernel.rules.SpaceBench.Shape;
import java.util.ArrayList;
import java.util.List;

/** Areas that have all of memory, by the nodes that it is of, and what is left at the end. */
public final class LeftRules {
  private static final long NO_ADDRESS = KernelSpace.NO_ADDRESS;

  private LeftRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        rule(
            "KS-31",
            "pages-by-node",
            "When areas have every frame that there is, /proc/vmallocinfo says of each how many of"
                + " its pages are of which node, to the first and the last frame of each.",
            "Who looks for what fills a node looks there.",
            "show_numa_info (Linux 6.18)",
            "a frame at the border of a node is another node's, or nobody's",
            LeftRules::nodes,
            Shape.NODES,
            Kind.X86_64,
            Kind.LA57),
        rule(
            "KS-32",
            "closed-as-it-is",
            "A machine can be closed whatever is still there - areas with lists of their own and"
                + " without, touched, mapped, of devices, freed later, waiting for a purge -, and"
                + " every frame comes back.",
            "Not everybody frees before the power goes; the next test begins with a new machine.",
            "mm4j's contract of Machine.close",
            "something is freed twice, or what hangs on another is forgotten",
            LeftRules::closed,
            Shape.HIGH));
  }

  private static void nodes(SpaceBench b, Seeded random) {
    long most = SpaceBench.NODE_PAGES;
    List<Long> areas = new ArrayList<>();
    List<Integer> pages = new ArrayList<>();
    for (int large = 1200; large > 0; ) {
      int count = 1 + random.below(large);
      long area = b.space.vmalloc(b.cpu(random.below(2)), count * PAGE);
      if (area == NO_ADDRESS) {
        large = Math.min(large / 2, count - 1);
        continue;
      }
      areas.add(area);
      pages.add(count);
    }
    List<String> lines = b.space.vmallocinfo().lines().toList();
    long[] all = new long[SpaceBench.NODES];
    for (int i = 0; i < areas.size(); i++) {
      long[] counts = new long[SpaceBench.NODES];
      for (int page = 0; page < pages.get(i); page++) {
        counts[(int) (b.space.vmallocToPfn(areas.get(i) + page * PAGE) / most)]++;
      }
      StringBuilder wanted = new StringBuilder();
      for (int node = 0; node < counts.length; node++) {
        wanted.append(counts[node] == 0 ? "" : " N" + node + "=" + counts[node]);
        all[node] += counts[node];
      }
      String begins = String.format("0x%016x-", areas.get(i));
      String line = lines.stream().filter(l -> l.startsWith(begins)).findFirst().orElse("");
      int from = line.indexOf(" N");
      check(
          from > 0 && line.substring(from).contentEquals(wanted),
          b.what + ": a line that ends with" + wanted,
          line);
    }
    for (int node = 1; node < all.length; node++) {
      check(all[node] > most / 2, b.what + ": most frames of node " + node, "" + all[node]);
    }
    areas.forEach(area -> b.space.vfree(b.cpu(), area));
    b.end();
  }

  private static void closed(SpaceBench b, Seeded random) {
    KernelSpace s = b.space;
    int listed = b.kind.isWide() ? 513 : 1025;
    long[] pfns = b.pages(9);
    for (int i = 0; i < 60; i++) {
      var cpu = b.cpu(random.below(2));
      int few = 1 + random.below(9);
      long address =
          switch (random.below(8)) {
            case 0 -> s.vmalloc(cpu, few * PAGE);
            case 1 -> s.vzalloc(cpu, (listed + few) * PAGE);
            case 2 -> s.vmap(cpu, pfns, few);
            case 3 -> s.vmMapRam(cpu, pfns, few);
            case 4 -> s.ioremap(cpu, FailureRules.DEVICE, few * PAGE, CacheMode.UC);
            case 5 -> s.dmaAllocCoherent(cpu, few * PAGE, 0xffff_ffffL);
            case 6 -> touched(b, s.vmallocAtTouch(cpu, few * PAGE), few);
            default -> later(b, s.vmalloc(cpu, few * PAGE), random);
          };
      check(address != NO_ADDRESS || b.free() < 2L * listed, b.what + ": memory", "none");
    }
    int index = 1 + random.below(60);
    check(s.setFixmap(b.cpu(), index, FailureRules.DEVICE, CacheMode.UC) != 0, "a slot", "none");
    for (long pfn : pfns) {
      check(s.kmap(b.cpu(), pfn) != NO_ADDRESS, b.what + ": an address by kmap", "none");
    }
    b.validate();
    b.freePages(pfns); // what is mapped to them goes, and they are nobody's
  }

  private static long touched(SpaceBench b, long area, int pages) {
    long root = b.tables.kernelRoot(b.cpu());
    for (int page = 0; page < pages; page += 2) {
      boolean mended = b.space.fault(b.cpu(), root, area + page * PAGE);
      check(mended, b.what + ": a touch is mended", "it is not");
    }
    return area;
  }

  /** Freed now or later, some of it before the end. */
  private static long later(SpaceBench b, long area, Seeded random) {
    if (random.oneIn(3)) {
      b.space.vfree(b.cpu(), area);
      return area;
    }
    b.space.vfreeAtomic(b.cpu(), area);
    if (random.oneIn(3)) {
      int freed = b.space.runDeferred(b.cpu());
      check(freed > 0, b.what + ": areas that are freed later", "" + freed);
    }
    return area;
  }
}
