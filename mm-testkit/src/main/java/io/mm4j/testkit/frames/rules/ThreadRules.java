// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Growth;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/** Rules about two threads, each with the lock of a zone of its own. */
public final class ThreadRules {
  private static final int CALLS_IN_TURN = 500;

  /** Calls at once: at least so many, and as many more as take one thread this long. */
  private static final int CALLS = 4000;

  private static final int MOST_CALLS = 2_000_000;
  private static final double TIME_NS = 200e6;

  private ThreadRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        new PlainRule(
            new RuleInfo(
                "FA-62",
                "zones-of-two-threads",
                "Two threads that work on two zones get the answers that each gets alone: in turn,"
                    + " call by call and block by block of a walk, and at once.",
                "The zone's lock guards a zone, not what zones share.",
                "include/linux/mmzone.h struct zone, spinlock_t lock",
                "a static field is used as scratch during a call, or from one call to the next"),
            (provider, options) -> null,
            (provider, options) -> {
              twoThreads(provider, options, CALLS, false);
              twoThreads(provider, options, CALLS_IN_TURN, true);
              twoThreads(provider, options, calls(provider, options), false);
            }));
  }

  /** A race needs time to be lost: quick plugins make more calls in it. */
  private static int calls(FrameAllocatorProvider provider, Options options) {
    double ns = Growth.costNs(new Worker(provider, options, 0, CALLS, 0, null));
    return (int) Math.clamp(CALLS * (TIME_NS / ns), CALLS, MOST_CALLS);
  }

  private static void twoThreads(
      FrameAllocatorProvider provider, Options options, int calls, boolean inTurn) {
    for (int round = 0; round < 2; round++) {
      Worker[] alone = new Worker[2];
      Worker[] together = new Worker[2];
      Turns turns = inTurn ? new Turns() : null;
      for (int i = 0; i < 2; i++) {
        long seed = 2L * round + i;
        alone[i] = new Worker(provider, options, seed, calls, i, null);
        together[i] = new Worker(provider, options, seed, calls, i, turns);
      }
      run(together);
      for (int i = 0; i < 2; i++) {
        alone[i].run();
        Throwable thrown = together[i].thrown;
        if (thrown != null && alone[i].thrown == null) {
          RuleViolation violation = new RuleViolation("the answers of one thread", "" + thrown);
          violation.initCause(thrown);
          throw violation;
        }
        if (alone[i].answers != together[i].answers) {
          throw new RuleViolation("the answers of one thread", "others, while another works");
        }
      }
    }
  }

  private static void run(Worker[] workers) {
    List<Thread> threads = new ArrayList<>();
    for (Worker worker : workers) {
      Thread thread = new Thread(worker, "zone");
      thread.setDaemon(true);
      thread.start();
      threads.add(thread);
    }
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Lets two threads go on in turn, so that the order of their calls is always the same. */
  private static final class Turns {
    private final Semaphore[] mine = {new Semaphore(1), new Semaphore(0)};

    void await(int thread) {
      mine[thread].acquireUninterruptibly();
    }

    void pass(int thread) {
      mine[1 - thread].release();
    }

    /** From now on the other thread has every turn. */
    void leave(int thread) {
      mine[1 - thread].release(1 << 20);
    }
  }

  /** A seeded life of one zone; what it answers comes to one number. */
  private static final class Worker implements Runnable {
    private final FrameAllocatorProvider provider;
    private final Options options;
    private final long seed;
    private final int calls;
    private final int number;
    private final @Nullable Turns turns;
    private @Nullable Throwable thrown;
    private long answers;

    Worker(
        FrameAllocatorProvider provider,
        Options options,
        long seed,
        int calls,
        int number,
        @Nullable Turns turns) {
      this.provider = provider;
      this.options = options;
      this.seed = seed;
      this.calls = calls;
      this.number = number;
      this.turns = turns;
    }

    @Override
    public void run() {
      if (turns != null) {
        turns.await(number);
      }
      try {
        work();
      } catch (RuntimeException | Error e) {
        thrown = e;
      } finally {
        if (turns != null) {
          turns.leave(number);
        }
      }
    }

    private void turn() {
      if (turns != null) {
        turns.pass(number);
        turns.await(number);
      }
    }

    private void answer(long value) {
      answers = answers * 31 + value;
      turn();
    }

    private void work() {
      Seeded random = new Seeded(seed);
      int maxOrder = provider.capabilities(options).maxOrder();
      FrameZone where = FrameZone.plain(2048 + random.below(1024));
      Zone zone = where.create();
      FrameAllocator frames = provider.create(zone, options);
      turn();
      frames.freeRange(zone.startPfn(), zone.endPfn(), Migratetype.MOVABLE, maxOrder);
      List<FrameSubject.Held> held = new ArrayList<>();
      for (int i = 0; i < calls; i++) {
        int order = Math.min(maxOrder, random.order(6));
        if (random.oneIn(2) && !held.isEmpty()) {
          FrameSubject.Held block = held.remove(random.below(held.size()));
          frames.free(block.pfn(), block.order(), Migratetype.MOVABLE);
          answer(frames.freePages());
        } else {
          long pfn = allocate(frames, random.oneIn(2), order, maxOrder);
          if (pfn != FrameAllocator.NONE) {
            held.add(new FrameSubject.Held(pfn, order));
          }
          answer(pfn);
        }
        long any = zone.startPfn() + random.below(where.frames());
        answer(frames.freeOrderAt(any) + frames.freePagesIn(any, 0));
        if (i % 128 == 0) {
          frames.forEachFree((pfn, o, type) -> answer(pfn + o));
        }
      }
      frames.validate();
      answer(frames.freePages());
    }

    private long allocate(FrameAllocator frames, boolean fromHead, int order, int maxOrder) {
      int type = Migratetype.MOVABLE;
      if (!fromHead) {
        return frames.allocate(order, type);
      }
      int from = Math.min(maxOrder, order + 1);
      answer(frames.head(from, type));
      return frames.allocateFrom(from, type, order, type);
    }
  }
}
