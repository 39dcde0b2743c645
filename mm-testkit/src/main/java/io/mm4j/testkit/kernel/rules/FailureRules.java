// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.kernel.rules.SpaceBench.PAGE;

import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.kernel.rules.SpaceBench.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/** Memory that runs out, and frames that come back. */
public final class FailureRules {
  private static final long NO_ADDRESS = KernelSpace.NO_ADDRESS;

  /** A call asks for fewer frames than this. */
  private static final int MOST = 1500;

  private static final int STEPS = 60;

  /** A range of a device on every kind of machine. */
  static final long DEVICE = 0xfd00_0000L;

  private FailureRules() {}

  /** All of them. */
  public static List<Rule<PageTablesProvider>> all() {
    return List.of(
        new KernelRule(
            new RuleInfo(
                "KS-12",
                "every-allocation-fails",
                "If any single frame of a call is refused the call says so or is done all the same;"
                    + " what it took is back but for page tables, nothing contradicts anything, and"
                    + " made again it is done.",
                "Error paths run once in a thousand boots.",
                "lib/fault-inject.c fail_page_alloc; __vmalloc_area_node fail, vmap, ioremap",
                "frames or addresses that were there before stay"),
            FailureRules::failing,
            Shape.SMALL,
            false),
        new KernelRule(
            new RuleInfo(
                "KS-13",
                "frames-come-back",
                "After any row of calls, some of them refused a frame, every frame that was taken"
                    + " has come back: those of areas when they are freed, of page tables and of"
                    + " what is still there when the machine is closed.",
                "A frame that is lost is missing for ever.",
                "vfree, vunmap, iounmap, dma_free_coherent; kmemleak",
                "the last frame of something is left, or a table is forgotten"),
            FailureRules::comeBack,
            Shape.SMALL,
            true));
  }

  private record Call(String name, LongSupplier make, LongConsumer undo) {}

  private static void failing(SpaceBench b, Seeded random) {
    KernelSpace s = b.space;
    int count = 2 + random.below(7);
    int large = b.kind.isWide() ? 520 : 1030;
    long[] pfns = b.pages(count);
    long touched = s.vmallocAtTouch(b.cpu(), 3000 * PAGE);
    List<Call> calls = new ArrayList<>();
    calls.add(
        new Call("vmalloc", () -> s.vmalloc(b.cpu(), count * PAGE), a -> s.vfree(b.cpu(), a)));
    calls.add(
        new Call(
            "vmalloc with a list",
            () -> s.vmalloc(b.cpu(), large * PAGE),
            a -> s.vfree(b.cpu(), a)));
    calls.add(new Call("vzalloc", () -> s.vzalloc(b.cpu(), PAGE), a -> s.vfree(b.cpu(), a)));
    calls.add(
        new Call("vmalloc_huge", () -> s.vmallocHuge(b.cpu(), 2 << 20), a -> s.vfree(b.cpu(), a)));
    calls.add(new Call("vmap", () -> s.vmap(b.cpu(), pfns, count), a -> s.vunmap(b.cpu(), a)));
    calls.add(
        new Call(
            "vm_map_ram",
            () -> s.vmMapRam(b.cpu(), pfns, count),
            a -> s.vmUnmapRam(b.cpu(), a, count)));
    calls.add(
        new Call(
            "ioremap",
            () -> s.ioremap(b.cpu(), DEVICE, (9 << 20) + 5 * PAGE, CacheMode.UC_MINUS),
            a -> s.iounmap(b.cpu(), a)));
    calls.add(
        new Call(
            "dma_alloc_coherent",
            () -> s.dmaAllocCoherent(b.cpu(), 3 * PAGE, 0xff_ffffL),
            a -> s.dmaFreeCoherent(b.cpu(), 3 * PAGE, a)));
    calls.add(
        new Call(
            "set_fixmap",
            () -> s.setFixmap(b.cpu(), 2, DEVICE, CacheMode.UC),
            a -> s.clearFixmap(b.cpu(), 2)));
    // A row of small areas takes tables, too: each begins in another one.
    calls.add(
        new Call(
            "vmap of many",
            () -> s.vmap(b.cpu(), repeated(pfns[0], 2600), 2600),
            a -> s.vunmap(b.cpu(), a)));
    for (Call call : calls) {
      fails(b, call);
    }
    touchFails(b, touched);
    s.vfree(b.cpu(), touched);
    b.freePages(pfns);
    b.end();
  }

  private static long[] repeated(long pfn, int count) {
    long[] pfns = new long[count];
    Arrays.fill(pfns, pfn);
    return pfns;
  }

  /** Every allocation of a call is refused in turn. */
  private static void fails(SpaceBench b, Call call) {
    for (int n = 1; n <= MOST; n++) {
      String before = b.state();
      long allocations = b.pages.allocations();
      b.pages.failIn(n);
      long address = call.make.getAsLong();
      boolean refused = b.pages.allocations() - allocations >= n;
      b.pages.failIn(0);
      String when = call.name + " with its frame " + n + " refused";
      if (address == NO_ADDRESS) {
        check(refused, b.what + ": " + call.name + " with all frames is done", "it is not");
        b.same(before, when);
      } else {
        b.validate();
        call.undo.accept(address);
        b.same(before, when + " and all the same done, and undone");
      }
      if (!refused) {
        return;
      }
    }
    check(false, b.what + ": an end of " + call.name, "more than " + MOST + " allocations");
  }

  /** The first touch of a page far away takes a frame and tables. */
  private static void touchFails(SpaceBench b, long touched) {
    long at = touched + 2900 * PAGE;
    for (int n = 1; n <= MOST; n++) {
      String before = b.state();
      long allocations = b.pages.allocations();
      b.pages.failIn(n);
      boolean mended = b.space.fault(b.cpu(), b.tables.kernelRoot(b.cpu()), at);
      boolean refused = b.pages.allocations() - allocations >= n;
      b.pages.failIn(0);
      if (mended) {
        check(
            !refused, b.what + ": a touch whose frame " + n + " is refused is not mended", "it is");
        return;
      }
      check(refused, b.what + ": a touch with all frames is mended", "it is not");
      b.same(before, "a touch with its frame " + n + " refused");
    }
  }

  private static void comeBack(SpaceBench b, Seeded random) {
    KernelSpace s = b.space;
    List<Runnable> undo = new ArrayList<>();
    long[] pfns = b.pages(30);
    for (int i = 0; i < STEPS; i++) {
      var cpu = b.cpu(random.below(2));
      if (random.oneIn(3) && !undo.isEmpty()) {
        undo.remove(random.below(undo.size())).run();
        continue;
      }
      b.pages.failIn(random.oneIn(3) ? 1 + random.below(40) : 0);
      int count = AreaRules.size(random);
      int few = 1 + random.below(30);
      switch (random.below(9)) {
        case 0 -> areas(b, undo, s.vzalloc(cpu, count * PAGE));
        case 1 -> areas(b, undo, s.vmallocHuge(cpu, (1 + random.below(3)) << 20));
        case 2 -> areas(b, undo, s.vmalloc32(cpu, few * PAGE));
        case 3 -> {
          long area = s.vmallocAtTouch(cpu, few * PAGE);
          // the kernel's own tables, too, may have been refused their first frame
          long root = area == NO_ADDRESS ? PageTables.NO_ROOT : b.tables.kernelRoot(cpu);
          for (int k = 0; root != PageTables.NO_ROOT && k < few; k += 2) {
            boolean _ = s.fault(cpu, root, area + k * PAGE);
          }
          areas(b, undo, area);
        }
        case 4 -> {
          long area = s.vmap(cpu, pfns, few);
          if (area != NO_ADDRESS) {
            undo.add(() -> s.vunmap(b.cpu(), area));
          }
        }
        case 5 -> {
          long area = s.vmMapRam(cpu, pfns, few);
          if (area != NO_ADDRESS) {
            undo.add(() -> s.vmUnmapRam(b.cpu(1), area, few));
          }
        }
        case 6 -> {
          long area = s.ioremap(cpu, DEVICE + few * PAGE, count * PAGE, CacheMode.WC);
          if (area != NO_ADDRESS) {
            undo.add(() -> s.iounmap(b.cpu(1), area));
          }
        }
        case 7 -> {
          long block = s.dmaAllocCoherent(cpu, few * PAGE, 0xffff_ffffL);
          if (block != NO_ADDRESS) {
            undo.add(() -> s.dmaFreeCoherent(b.cpu(), few * PAGE, block));
          }
        }
        // some have a list of frames in an area of its own
        default -> areas(b, undo, s.vmalloc(cpu, (few > 22 ? 1030 + few : count) * PAGE - 1));
      }
      b.pages.failIn(0);
      if (i % 20 == 19) {
        b.validate();
      }
    }
    long large = s.vmalloc(b.cpu(), 1100 * PAGE);
    areas(b, undo, large);
    b.validate();
    if (random.oneIn(3)) {
      // what is left goes with the machine
      b.freePages(pfns);
      return;
    }
    while (!undo.isEmpty()) {
      undo.remove(random.below(undo.size())).run();
    }
    int _ = s.runDeferred(b.cpu());
    if (random.oneIn(2)) {
      int _ = s.purge(b.cpu());
      checkEqual(0, b.areas.lazyPages(), b.what + ": freed pages after a purge");
    }
    b.freePages(pfns);
    b.end();
  }

  private static void areas(SpaceBench b, List<Runnable> undo, long area) {
    if (area != NO_ADDRESS) {
      boolean later = undo.size() % 3 == 0;
      undo.add(
          () -> {
            if (later) {
              b.space.vfreeAtomic(b.cpu(1), area);
            } else {
              b.space.vfree(b.cpu(), area);
            }
          });
    }
  }
}
