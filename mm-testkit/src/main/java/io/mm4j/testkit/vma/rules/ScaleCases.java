// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vma.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Growth;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Trial;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Cases of indexes that are larger than random scripts make them, and read by several threads. */
public final class ScaleCases {
  private static final int MANY = 7000;
  private static final int READERS = 3;
  private static final int VMAS = 200;

  /** Rounds of each reader, and afterwards as many as take one of them this long. */
  private static final int ROUNDS = 200;

  private static final int MOST_ROUNDS = 20_000;
  private static final double TIME_NS = 300e6;

  private ScaleCases() {}

  private static final class Case extends Rule<VmaIndexProvider> {
    private final Consumer<VmaIndex> body;

    Case(RuleInfo info, Consumer<VmaIndex> body) {
      super(Spi.VMA_INDEX, info);
      this.body = body;
    }

    @Override
    public boolean seeded() {
      return false;
    }

    @Override
    public Trial<VmaSubject> trial(VmaIndexProvider provider, Options options, long seed) {
      int most = Math.min(provider.capabilities().maxVmas(), 1 << 16);
      Operation<VmaSubject> whole =
          new Operation<>() {
            @Override
            public void apply(VmaSubject subject) {
              body.accept(subject.index());
            }

            @Override
            public String toString() {
              return info().name();
            }
          };
      return new Trial<>() {
        @Override
        public List<Operation<VmaSubject>> operations() {
          return List.of(whole);
        }

        @Override
        public VmaSubject open() {
          return new VmaSubject(provider.create(most, options), most);
        }
      };
    }
  }

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        new Case(
            new RuleInfo(
                "VI-18",
                "many-readers",
                "Any number of threads may look up at once, and each gets its own answer.",
                "Page faults of all threads of a process read under one lock for reading.",
                "mmap_read_lock, lock_vma_under_rcu",
                "what was found last is kept in more than one word, or a search has scratch"
                    + " fields"),
            ScaleCases::readers),
        new Case(
            new RuleInfo(
                "VI-17",
                "dense-at-any-size",
                "With thousands of VMAs, too, erased handles come back before new ones are made.",
                "Arrays beside the index are as long as capacity() says.",
                "kmem_cache_free, kmem_cache_alloc of vm_area_struct",
                "the list of free handles has an end"),
            ScaleCases::dense));
  }

  private static void dense(VmaIndex index) {
    int[] handles = new int[MANY];
    for (int i = 0; i < MANY; i++) {
      handles[i] = index.insert(16L * i, 16L * i + 8);
    }
    int capacity = index.capacity();
    for (int round = 0; round < 2; round++) {
      int erased = round == 0 ? MANY / 2 : MANY;
      for (int i = 0; i < erased; i++) {
        index.erase(handles[round == 0 ? 2 * i : i]);
      }
      for (int i = 0; i < erased; i++) {
        int at = round == 0 ? 2 * i : i;
        handles[at] = index.insert(16L * at, 16L * at + 8);
        RuleViolation.check(
            handles[at] >= 0 && handles[at] < capacity,
            "one of " + capacity + " handles that were given before",
            "handle " + handles[at] + " for insert " + i + " after " + erased + " were erased");
      }
      RuleViolation.checkEqual(capacity, index.capacity(), "capacity()");
    }
  }

  /** Readers go over the VMAs from different ones, in different orders; the answers are known. */
  private static void readers(VmaIndex index) {
    int[] handles = new int[VMAS];
    for (int i = 0; i < VMAS; i++) {
      handles[i] = index.insert(64L * i + 16, 64L * i + 48);
    }
    readAtOnce(index, handles, ROUNDS);
    AtomicReference<@Nullable RuleViolation> none = new AtomicReference<>();
    double ns = Growth.costNs(() -> read(index, handles, 0, ROUNDS, none));
    readAtOnce(index, handles, (int) Math.clamp(ROUNDS * (TIME_NS / ns), ROUNDS, MOST_ROUNDS));
  }

  private static void readAtOnce(VmaIndex index, int[] handles, int rounds) {
    AtomicReference<@Nullable RuleViolation> failure = new AtomicReference<>();
    CountDownLatch start = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < READERS; t++) {
      int reader = t;
      Thread thread =
          new Thread(
              () -> {
                try {
                  start.await();
                  read(index, handles, reader, rounds, failure);
                } catch (RuleViolation e) {
                  failure.compareAndSet(null, e);
                } catch (RuntimeException e) {
                  failure.compareAndSet(null, new RuleViolation("no exception", e.toString()));
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              },
              "reader");
      thread.setDaemon(true);
      thread.start();
      threads.add(thread);
    }
    start.countDown();
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
    RuleViolation found = failure.get();
    if (found != null) {
      throw found;
    }
  }

  private static void read(
      VmaIndex index,
      int[] handles,
      int reader,
      int rounds,
      AtomicReference<@Nullable RuleViolation> failure) {
    for (int round = 0; round < rounds && failure.get() == null; round++) {
      for (int i = 0; i < VMAS; i++) {
        int at = (reader * VMAS / READERS + i * (2 * reader + 1) + round) % VMAS;
        equal(handles[at], index.find(64L * at + 20), "find inside VMA " + at);
        equal(handles[at], index.find(64L * at + 10), "find below VMA " + at);
        int next = at + 1 < VMAS ? handles[at + 1] : VmaIndex.NONE;
        equal(next, index.next(handles[at]), "next of VMA " + at);
        int prev = at > 0 ? handles[at - 1] : VmaIndex.NONE;
        equal(prev, index.prev(handles[at]), "prev of VMA " + at);
        equal(64L * at + 16, index.start(handles[at]), "start of VMA " + at);
        long low = 64L * at + 20;
        equal(64L * at + 48, index.gapAbove(low, VmaIndex.MAX_ADDRESS, 20), "gap above " + low);
        equal(at == 0 ? -1 : 64L * at - 4, index.gapBelow(0, low, 20), "gap below " + low);
      }
    }
  }

  private static void equal(long expected, long seen, String what) {
    RuleViolation.checkEqual(expected, seen, what + ", with other readers,");
  }
}
