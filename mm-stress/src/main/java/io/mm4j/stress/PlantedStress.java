// SPDX-License-Identifier: Apache-2.0

package io.mm4j.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/**
 * The same machines, the same check, and one lock left out on purpose: the run of these must fail,
 * or the tool and the check find nothing.
 */
public final class PlantedStress {
  private PlantedStress() {}

  /** As {@link PcpStress.OneCpuTwoThreads}, but nobody takes the CPU's park lock. */
  @JCStressTest
  @Description("Two threads use one CPU's list, and its lock is left out.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "No harm this time.")
  @State
  public static class PcpWithoutItsLock {
    private final Box box = Box.borrow(Box.Kind.BUDDY);
    private final Worker first = new Worker(box, 0);
    private final Worker second = new Worker(box, 0);

    /** Fills the list, so that the actors do nothing but take from it. */
    public PcpWithoutItsLock() {
      first.asOwner(
          () -> {
            for (int i = 0; i < 24; i++) {
              first.take(Gfp.GFP_NOWAIT, 0);
            }
            first.giveAll();
          });
    }

    private static void work(Worker worker) {
      worker.bare(
          () -> {
            for (int i = 0; i < 6; i++) {
              worker.take(Gfp.GFP_NOWAIT, 0);
            }
          });
    }

    /** Takes pages. */
    @Actor
    public void first() {
      work(first);
    }

    /** Takes pages. */
    @Actor
    public void second() {
      work(second);
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }

  /** As {@link ZoneStress.SplitAndMerge}, but nobody takes the zone's lock. */
  @JCStressTest
  @Description("Two threads take from one zone's free lists, and its lock is left out.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "No harm this time.")
  @State
  public static class ZoneWithoutItsLock {
    private static final int BLOCKS = 6;

    private final Box box = Box.borrow(Box.Kind.BUDDY);
    private final FrameAllocator frames = box.largestZone().frames();
    private final Worker first = new Worker(box, 0);
    private final Worker second = new Worker(box, 1);

    private void work(Worker worker) {
      worker.bare(
          () -> {
            for (int i = 0; i < BLOCKS; i++) {
              long pfn = frames.allocate(0, Migratetype.MOVABLE);
              if (pfn != FrameAllocator.NONE) {
                worker.enter(pfn, 0);
              }
            }
          });
    }

    /** Takes blocks. */
    @Actor
    public void first() {
      work(first);
    }

    /** Takes blocks. */
    @Actor
    public void second() {
      work(second);
    }

    /** Makes them held pages for the check. */
    @Arbiter
    public void look(L_Result r) {
      String failed = first.failure() != null ? first.failure() : second.failure();
      if (failed != null) {
        r.r1 = "threw " + failed;
        return;
      }
      MemMap map = box.machine.memory().memMap();
      first.prepareAll(map);
      second.prepareAll(map);
      r.r1 = box.check(first, second);
    }
  }

  /** References counted by a read and a write instead of in one step. */
  @JCStressTest
  @Description("Two holders count a page's references without atomicity.")
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "As many as before: no harm this time.")
  @State
  public static class ReferencesWithoutAtomicity {
    private static final int LOOPS = 20_000;

    private final Box box = Box.borrow(Box.Kind.BUDDY);
    private final Worker holder = new Worker(box, 0);
    private final MemMap map = box.machine.memory().memMap();
    private final long pfn;

    /** One page, one reference. */
    public ReferencesWithoutAtomicity() {
      holder.asOwner(() -> holder.take(Gfp.GFP_NOWAIT, 0));
      pfn = holder.only();
    }

    /** Long enough that the other begins before it ends, whatever else the machine does. */
    private void work() {
      for (int i = 0; i < LOOPS; i++) {
        map.setRefcount(pfn, map.refcount(pfn) + 1);
        map.setRefcount(pfn, map.refcount(pfn) - 1);
      }
    }

    /** One more, one less. */
    @Actor
    public void one() {
      work();
    }

    /** One more, one less. */
    @Actor
    public void other() {
      work();
    }

    /** Counts. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = Integer.toString(map.refcount(pfn));
      map.setRefcount(pfn, 1);
      box.check(holder);
    }
  }

  /** As {@link SlabStress.TwoOwnersOfSheaves}, but both use one CPU, and nobody owns it. */
  @JCStressTest
  @Description("Two threads use one CPU's sheaf, and neither owns the CPU.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "No harm this time.")
  @State
  public static class SheafWithoutItsOwner {
    private final SlabBox box = SlabBox.borrow(SlabBox.Kind.SHEAVES);
    private final SlabWorker first = new SlabWorker(box, 0);
    private final SlabWorker second = new SlabWorker(box, 0);

    /** Works. */
    @Actor
    public void first() {
      first.bare(() -> first.live(150));
    }

    /** Works. */
    @Actor
    public void second() {
      second.bare(() -> second.live(150));
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }
}
