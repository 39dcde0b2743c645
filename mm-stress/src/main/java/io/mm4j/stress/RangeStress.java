// SPDX-License-Identifier: Apache-2.0

package io.mm4j.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/** Ranges that are isolated, drained and taken while others work. */
public final class RangeStress {
  private static final int PAGES = 24;

  private RangeStress() {}

  /** Takes a small range near the end of the zone where the lists are fed from. */
  private static void range(Box box, Worker worker, long pfn) {
    worker.asOwner(
        () -> {
          if (box.pages.allocContigRange(worker.cpu, pfn, pfn + PAGES, Gfp.GFP_KERNEL)) {
            for (long p = pfn; p < pfn + PAGES; p++) {
              worker.enter(p, 0);
            }
          }
        });
  }

  private static long start(Box box) {
    return (box.largestZone().zone().startPfn() + 4L * Pages.PAGEBLOCK_NR_PAGES) & -1024L;
  }

  /** The pages of the range come and go. */
  @JCStressTest
  @Description("A CPU takes a range while another one allocates and frees.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "The range is whole or not taken.")
  @State
  public static class RangeAndOwner {
    private final Box box = Box.borrow(Box.Kind.BUDDY).migrating();
    private final Worker taker = new Worker(box, 0);
    private final Worker owner = new Worker(box, 1);

    /** Takes. */
    @Actor
    public void taker() {
      range(box, taker, start(box));
    }

    /** Works. */
    @Actor
    public void owner() {
      owner.asOwner(() -> owner.live(30));
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = isolated(box) ? "a pageblock stays isolated" : box.check(taker, owner);
    }
  }

  /** Two ranges in one pageblock: both isolate it. */
  @JCStressTest
  @Description("Two CPUs take two ranges of one pageblock.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "No pageblock stays isolated.")
  @State
  public static class TwoRanges {
    private final Box box = Box.borrow(Box.Kind.BUDDY).migrating();
    private final Worker first = new Worker(box, 0);
    private final Worker second = new Worker(box, 1);

    /** Takes the lower one. */
    @Actor
    public void first() {
      range(box, first, start(box));
    }

    /** Takes the upper one. */
    @Actor
    public void second() {
      range(box, second, start(box) + PAGES);
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = isolated(box) ? "a pageblock stays isolated" : box.check(first, second);
    }
  }

  /** Two ranges that overlap, for a page allocator that isolates frame by frame. */
  @JCStressTest
  @Description("Two CPUs take overlapping ranges from page-allocator=direct.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "No frame is given to both.")
  @State
  public static class DirectRanges {
    private final Box box = Box.borrow(Box.Kind.DIRECT).migrating();
    private final Worker first = new Worker(box, 0);
    private final Worker second = new Worker(box, 1);

    /** Takes the lower one. */
    @Actor
    public void first() {
      range(box, first, start(box));
    }

    /** Takes the upper one. */
    @Actor
    public void second() {
      range(box, second, start(box) + PAGES / 2);
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }

  private static boolean isolated(Box box) {
    var zone = box.largestZone().zone();
    for (long pfn = zone.startPfn(); pfn < zone.endPfn(); pfn += Pages.PAGEBLOCK_NR_PAGES) {
      if (zone.pageblocks().get(pfn) == Migratetype.ISOLATE) {
        return true;
      }
    }
    return false;
  }
}
