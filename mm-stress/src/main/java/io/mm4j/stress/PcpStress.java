// SPDX-License-Identifier: Apache-2.0

package io.mm4j.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;

import io.mm4j.api.LockOrder;
import io.mm4j.api.page.Gfp;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/** Per-cpu lists: their owners, and those who drain them from elsewhere. */
public final class PcpStress {
  private PcpStress() {}

  /** One CPU works, the other drains it whenever its park lock is free. */
  @JCStressTest
  @Description("A CPU allocates and frees; another one drains all lists meanwhile.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class RemoteDrain {
    private final Box box = Box.borrow(Box.Kind.BUDDY);
    private final Worker owner = new Worker(box, 0);
    private final Worker drainer = new Worker(box, 1);

    /** Works in several turns, so that its park lock is free in between. */
    @Actor
    public void owner() {
      for (int turn = 0; turn < 4; turn++) {
        owner.asOwner(() -> owner.live(8));
      }
    }

    /** Drains. */
    @Actor
    public void drainer() {
      for (int turn = 0; turn < 4; turn++) {
        drainer.asOwner(drainer::drainAll);
      }
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(owner, drainer);
    }
  }

  /**
   * The park lock of the first CPU is held all the time, so that the other's {@code tryLock} fails
   * and it can only ask; the owner answers at its next slow path.
   */
  @JCStressTest
  @Description("A CPU allocates and frees; another one may not drain it and asks it to.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "The owner has served every request.")
  @State
  public static class RefusedDrain {
    private final Box box = Box.borrow(Box.Kind.BUDDY);
    private final Worker owner = new Worker(box, 0);
    private final Worker drainer = new Worker(box, 1);

    /** Takes the lock on behalf of the first actor. */
    public RefusedDrain() {
      owner.cpu.parkLock().lock();
      owner.bare(() -> owner.live(6));
      // The lock is the first actor's from here on, and not that of whoever makes the states.
      LockOrder.forget();
    }

    /** Works, being the owner. */
    @Actor
    public void owner() {
      owner.bare(() -> owner.live(30));
    }

    /** Asks. */
    @Actor
    public void drainer() {
      drainer.asOwner(drainer::drainAll);
    }

    /** Lets the owner free one page more: a slow path if somebody has asked. */
    @Arbiter
    public void look(L_Result r) {
      owner.bare(
          () -> {
            owner.take(Gfp.GFP_NOWAIT, 0);
            owner.give(false);
          });
      boolean open = owner.cpu.drainRequested();
      owner.cpu.parkLock().unlock();
      String verdict = box.check(owner, drainer);
      r.r1 = open ? "a request was never served; " + verdict : verdict;
    }
  }

  /** Both CPUs work on their own lists and meet at the zone's lock, in refills and drains. */
  @JCStressTest
  @Description("Two CPUs allocate and free at once, each on its own lists.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class TwoOwners {
    private final Box box = Box.borrow(Box.Kind.BUDDY);
    private final Worker first = new Worker(box, 0);
    private final Worker second = new Worker(box, 1);

    /** Works. */
    @Actor
    public void first() {
      first.asOwner(() -> first.live(40));
    }

    /** Works. */
    @Actor
    public void second() {
      second.asOwner(() -> second.live(40));
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }

  /** Two threads use one CPU in turns, as {@code Cpus.acquire} lets them. */
  @JCStressTest
  @Description("Two threads share one CPU under its park lock.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class OneCpuTwoThreads {
    private final Box box = Box.borrow(Box.Kind.BUDDY);
    private final Worker first = new Worker(box, 0);
    private final Worker second = new Worker(box, 0);

    /** Works. */
    @Actor
    public void first() {
      for (int turn = 0; turn < 3; turn++) {
        first.asOwner(() -> first.live(5));
      }
    }

    /** Works. */
    @Actor
    public void second() {
      for (int turn = 0; turn < 3; turn++) {
        second.asOwner(() -> second.live(5));
      }
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }

  /** Both drain, and both are drained. */
  @JCStressTest
  @Description("Two CPUs free what they have and drain each other.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class DrainEachOther {
    private final Box box = Box.borrow(Box.Kind.BUDDY);
    private final Worker first = new Worker(box, 0);
    private final Worker second = new Worker(box, 1);

    /** Begins with pages on both lists. */
    public DrainEachOther() {
      first.asOwner(() -> first.live(10));
      second.asOwner(() -> second.live(10));
    }

    private static void work(Worker worker) {
      worker.asOwner(
          () -> {
            worker.give(true);
            worker.take(Gfp.GFP_NOWAIT, 0);
          });
      worker.asOwner(worker::drainAll);
      worker.asOwner(() -> worker.live(4));
    }

    /** Works and drains. */
    @Actor
    public void first() {
      work(first);
    }

    /** Works and drains. */
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
}
