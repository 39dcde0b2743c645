// SPDX-License-Identifier: Apache-2.0

package io.mm4j.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;

import io.mm4j.api.page.Gfp;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/** What happens under a zone's lock: splits and merges, the atomic reserve, ranges. */
public final class ZoneStress {
  private ZoneStress() {}

  /** Blocks that go past the per-cpu lists: every call splits or merges. */
  @JCStressTest
  @Description("Two CPUs split and merge large blocks of one zone.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost; all merged again.")
  @State
  public static class SplitAndMerge {
    private final Box box = Box.borrow(Box.Kind.BUDDY);
    private final Worker first = new Worker(box, 0);
    private final Worker second = new Worker(box, 1);

    private static void work(Worker worker) {
      for (int order = 8; order >= 4; order--) {
        worker.take(Gfp.GFP_NOWAIT, order);
        worker.take(Gfp.GFP_NOWAIT, order - 4);
        worker.give((worker.next() & 1) == 0);
      }
    }

    /** Works. */
    @Actor
    public void first() {
      first.asOwner(() -> work(first));
    }

    /** Works. */
    @Actor
    public void second() {
      second.asOwner(() -> work(second));
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }

  /** The page allocator without per-cpu lists of its own. */
  @JCStressTest
  @Description("Two CPUs allocate and free from frame-allocator=llfree.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class Llfree {
    private final Box box = Box.borrow(Box.Kind.LLFREE);
    private final Worker first = new Worker(box, 0);
    private final Worker second = new Worker(box, 1);

    /** Works. */
    @Actor
    public void first() {
      first.asOwner(() -> first.live(20));
    }

    /** Works. */
    @Actor
    public void second() {
      second.asOwner(() -> second.live(20));
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }

  /** The simplest of the frame allocators. */
  @JCStressTest
  @Description("Two CPUs allocate and free from frame-allocator=bitmap.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class Bitmap {
    private final Box box = Box.borrow(Box.Kind.BITMAP);
    private final Worker first = new Worker(box, 0);
    private final Worker second = new Worker(box, 1);

    /** Works. */
    @Actor
    public void first() {
      first.asOwner(() -> first.live(20));
    }

    /** Works. */
    @Actor
    public void second() {
      second.asOwner(() -> second.live(20));
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }

  /**
   * Memory is short: one CPU reserves pageblocks by atomic requests, the other makes it give up.
   */
  @JCStressTest
  @Description("Atomic requests reserve pageblocks while another CPU's requests free them.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Reserve and pageblocks agree.")
  @State
  public static class AtomicReserve {
    private final Box box = Box.borrow(Box.Kind.SHORT);
    private final Worker atomic = new Worker(box, 0);
    private final Worker other = new Worker(box, 1);

    /** Takes from the reserve, and gives back. */
    @Actor
    public void atomic() {
      atomic.asOwner(
          () -> {
            for (int i = 0; i < 4; i++) {
              atomic.take(Gfp.GFP_ATOMIC, 1 + (atomic.next() & 1));
            }
            atomic.give(true);
          });
    }

    /** Asks for more than there is. */
    @Actor
    public void other() {
      other.asOwner(
          () -> {
            other.take(Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY, 0);
            other.take(Gfp.GFP_KERNEL, 2);
            other.give(true);
          });
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(atomic, other);
    }
  }
}
