// SPDX-License-Identifier: Apache-2.0

package io.mm4j.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;

import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/** Objects: two CPUs with one cache, frees of the other's objects, shrinking, other caches. */
public final class SlabStress {
  private SlabStress() {}

  /** Objects that one CPU takes and the other frees. */
  private static final class Passing {
    private final SlabBox box;
    private final SlabWorker first;
    private final SlabWorker second;
    private final Queue<Long> passed = new ConcurrentLinkedQueue<>();

    Passing(SlabBox.Kind kind) {
      box = SlabBox.borrow(kind);
      first = new SlabWorker(box, 0);
      second = new SlabWorker(box, 1);
    }

    /** The first CPU takes objects and passes them on. */
    void passOn() {
      for (int turn = 0; turn < 24; turn++) {
        first.asOwner(
            () -> {
              first.take();
              first.pass(passed);
            });
      }
    }

    /** The second one frees what was passed on, and takes objects while there is none. */
    void free() {
      for (int turn = 0; turn < 24; turn++) {
        second.asOwner(
            () -> {
              Long object = passed.poll();
              if (object == null) {
                second.take();
              } else {
                second.enter(object);
                second.give(false);
              }
            });
      }
    }

    /** What was passed on and not freed is the first one's. */
    String check() {
      passed.forEach(first::enter);
      passed.clear();
      return box.check(first, second);
    }
  }

  /** Works in several turns, so that its park lock is free in between. */
  private static void inTurns(SlabWorker worker) {
    for (int turn = 0; turn < 4; turn++) {
      worker.asOwner(() -> worker.live(12));
    }
  }

  /** Shrinks the cache, and with it what the other CPU keeps. */
  private static void shrinkInTurns(SlabWorker worker) {
    for (int turn = 0; turn < 4; turn++) {
      worker.asOwner(worker::shrink);
      worker.asOwner(() -> worker.live(3));
    }
  }

  /** One CPU takes objects, the other frees them: slabs of slub. */
  @JCStressTest
  @Description("One CPU allocates, the other frees.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class RemoteFree {
    private final Passing objects = new Passing(SlabBox.Kind.SLUB);

    /** Takes. */
    @Actor
    public void first() {
      objects.passOn();
    }

    /** Frees. */
    @Actor
    public void second() {
      objects.free();
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = objects.check();
    }
  }

  /** One CPU takes objects, the other frees them: sheaves of slub. */
  @JCStressTest
  @Description("One CPU allocates, the other frees.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class RemoteFreeOfSheaves {
    private final Passing objects = new Passing(SlabBox.Kind.SHEAVES);

    /** Takes. */
    @Actor
    public void first() {
      objects.passOn();
    }

    /** Frees. */
    @Actor
    public void second() {
      objects.free();
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = objects.check();
    }
  }

  /** One CPU takes objects, the other frees them: arrays of slab. */
  @JCStressTest
  @Description("One CPU allocates, the other frees.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class RemoteFreeOfArrays {
    private final Passing objects = new Passing(SlabBox.Kind.SLAB);

    /** Takes. */
    @Actor
    public void first() {
      objects.passOn();
    }

    /** Frees. */
    @Actor
    public void second() {
      objects.free();
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = objects.check();
    }
  }

  /** One CPU takes objects, the other frees them: pages of slob. */
  @JCStressTest
  @Description("One CPU allocates, the other frees.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class RemoteFreeOfSlob {
    private final Passing objects = new Passing(SlabBox.Kind.SLOB);

    /** Takes. */
    @Actor
    public void first() {
      objects.passOn();
    }

    /** Frees. */
    @Actor
    public void second() {
      objects.free();
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = objects.check();
    }
  }

  /** Both CPUs work on one cache and meet at its node. */
  @JCStressTest
  @Description("Two CPUs allocate and free at once from one cache.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class TwoOwners {
    private final SlabBox box = SlabBox.borrow(SlabBox.Kind.SLUB);
    private final SlabWorker first = new SlabWorker(box, 0);
    private final SlabWorker second = new SlabWorker(box, 1);

    /** Works. */
    @Actor
    public void first() {
      first.asOwner(() -> first.live(60));
    }

    /** Works. */
    @Actor
    public void second() {
      second.asOwner(() -> second.live(60));
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }

  /** Both CPUs work on one cache and meet at its node. */
  @JCStressTest
  @Description("Two CPUs allocate and free at once from one cache.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class TwoOwnersOfSheaves {
    private final SlabBox box = SlabBox.borrow(SlabBox.Kind.SHEAVES);
    private final SlabWorker first = new SlabWorker(box, 0);
    private final SlabWorker second = new SlabWorker(box, 1);

    /** Works. */
    @Actor
    public void first() {
      first.asOwner(() -> first.live(60));
    }

    /** Works. */
    @Actor
    public void second() {
      second.asOwner(() -> second.live(60));
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }

  /** One CPU works, the other shrinks: parked CPUs are flushed, working ones asked. */
  @JCStressTest
  @Description("A CPU allocates and frees; another one shrinks the cache.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class ShrinkMeanwhile {
    private final SlabBox box = SlabBox.borrow(SlabBox.Kind.SHEAVES);
    private final SlabWorker first = new SlabWorker(box, 0);
    private final SlabWorker second = new SlabWorker(box, 1);

    /** Works. */
    @Actor
    public void first() {
      inTurns(first);
    }

    /** Shrinks. */
    @Actor
    public void second() {
      shrinkInTurns(second);
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }

  /** One CPU works, the other shrinks: parked CPUs are flushed, working ones asked. */
  @JCStressTest
  @Description("A CPU allocates and frees; another one shrinks the cache.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class ShrinkArraysMeanwhile {
    private final SlabBox box = SlabBox.borrow(SlabBox.Kind.SLAB);
    private final SlabWorker first = new SlabWorker(box, 0);
    private final SlabWorker second = new SlabWorker(box, 1);

    /** Works. */
    @Actor
    public void first() {
      inTurns(first);
    }

    /** Shrinks. */
    @Actor
    public void second() {
      shrinkInTurns(second);
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }

  /** Caches come and go beside the one that is worked with. */
  @JCStressTest
  @Description("A CPU allocates and frees; another one creates and destroys caches.")
  @Outcome(id = Box.WHOLE, expect = ACCEPTABLE, desc = "Nothing lost, held twice or miscounted.")
  @State
  public static class OtherCachesMeanwhile {
    private final SlabBox box = SlabBox.borrow(SlabBox.Kind.SHEAVES);
    private final SlabWorker first = new SlabWorker(box, 0);
    private final SlabWorker second = new SlabWorker(box, 1);

    /** Works. */
    @Actor
    public void first() {
      inTurns(first);
    }

    /** Creates and destroys. */
    @Actor
    public void second() {
      for (int turn = 0; turn < 3; turn++) {
        second.asOwner(
            () -> {
              KmemCache other = box.slabs.kmemCacheCreate(KmemCacheArgs.of("other", 700));
              box.slabs.kmemCacheDestroy(second.cpu, other);
            });
        second.asOwner(() -> second.live(6));
      }
    }

    /** Looks. */
    @Arbiter
    public void look(L_Result r) {
      r.r1 = box.check(first, second);
    }
  }
}
