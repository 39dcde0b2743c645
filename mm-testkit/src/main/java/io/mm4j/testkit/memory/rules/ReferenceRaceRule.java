// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Trial;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Phaser;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** PM-50: several threads, one frame. */
final class ReferenceRaceRule extends Rule<PhysicalMemoryProvider> {
  private static final long PFN = 0x110;
  private static final int THREADS = 3;
  private static final int ROUNDS = 600;

  /** The threads meet after so many rounds, so that none is done before the next one begins. */
  private static final int BURST = 20;

  private static final int MAPPINGS = 60_000;
  private static final int LIVES = 400;

  /** A thread that waits for what never comes gives up after so many looks. */
  private static final int LOOKS = 1 << 22;

  ReferenceRaceRule() {
    super(
        Spi.PHYSICAL_MEMORY,
        new RuleInfo(
            "PM-50",
            "references-of-threads",
            "Threads that take and give up references to one frame, map and unmap it, freeze and"
                + " unfreeze it all at once leave the counts as they were; and of those who race"
                + " for the last reference exactly one is told so.",
            "Reclaim, migration and processes meet at one page.",
            "include/linux/page_ref.h; mm/swap.c __folio_put",
            "a count is read and written in two steps, or a page is freed twice"));
  }

  @Override
  public boolean seeded() {
    return false;
  }

  @Override
  public Trial<?> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    return new OneCheck(
        () -> {
          try (PhysicalMemory memory =
              provider.create(MemorySubject.layout(), Contents.NONE, options)) {
            counts(memory.memMap());
            mappings(memory.memMap());
            lastOnes(memory.memMap());
          }
        });
  }

  private static void bare(MemMap map) {
    map.release(PFN, 0, FrameOwner.PCP);
    map.prepare(PFN, 0, FrameOwner.KERNEL);
  }

  @SuppressWarnings("ThreadPriorityCheck") // others go first; what is right does not hang on it
  private static void counts(MemMap map) {
    bare(map);
    map.hold(PFN, 0, FrameOwner.ANON, 0, 9, 1);
    AtomicInteger frozen = new AtomicInteger();
    AtomicInteger missing = new AtomicInteger();
    together(
        meeting -> {
          for (int i = 0; i < ROUNDS; i++) {
            if (i % BURST == 0) {
              meeting.arriveAndAwaitAdvance();
            }
            if (map.tryGet(PFN)) {
              map.addMapcount(PFN, 1);
              map.addEntireMapcount(PFN, 1);
              map.get(PFN);
              map.setFlags(PFN, PageFlags.PG_REFERENCED);
              Thread.yield(); // others come while it has its references
              map.addMapcount(PFN, -1);
              if (!map.putUnlessLast(PFN)) {
                missing.incrementAndGet();
              }
              map.addEntireMapcount(PFN, -1);
              if (map.drop(PFN, 0)) {
                missing.incrementAndGet();
              }
            }
            if (map.freeze(PFN, 1)) {
              frozen.incrementAndGet();
              map.unfreeze(PFN, 1);
            }
          }
        },
        THREADS);
    checkEqual(0, missing.get(), "references that were given and are not there");
    checkEqual(1, map.refcount(PFN), "refcount after " + frozen + " times frozen");
    checkEqual(0, map.mapcount(PFN), "mapcount");
    checkEqual(0, map.entireMapcount(PFN), "entire mapcount");
    checkEqual(9, map.mapping(PFN), "mapping");
    checkEqual(1, map.drop(PFN, 0) ? 1 : 0, "dropped at the end");
  }

  /** Nothing but mappings, so that most of them meet. */
  private static void mappings(MemMap map) {
    bare(map);
    map.hold(PFN, 0, FrameOwner.ANON, 0, 9, 1);
    together(
        meeting -> {
          meeting.arriveAndAwaitAdvance();
          for (int i = 0; i < MAPPINGS; i++) {
            map.addMapcount(PFN, 1);
            map.addEntireMapcount(PFN, 1);
          }
          for (int i = 0; i < MAPPINGS / 2; i++) {
            map.addMapcount(PFN, -1);
          }
        },
        THREADS);
    checkEqual(THREADS * MAPPINGS / 2, map.mapcount(PFN), "mapcount of many at once");
    checkEqual(THREADS * MAPPINGS, map.entireMapcount(PFN), "entire mapcount of many at once");
    map.setMapcount(PFN, 0);
    for (int i = 0; i < THREADS * MAPPINGS; i++) {
      map.addEntireMapcount(PFN, -1);
    }
    map.drop(PFN, 0);
  }

  /** A frame lives many times; somebody who looks for it all the time must not keep it. */
  @SuppressWarnings("ThreadPriorityCheck") // others go first; what is right does not hang on it
  private static void lastOnes(MemMap map) {
    AtomicInteger ends = new AtomicInteger();
    AtomicInteger lives = new AtomicInteger();
    bare(map);
    Runnable finder =
        () -> {
          for (int i = 0; i < LOOKS && lives.get() < LIVES; i++) {
            if (map.tryGet(PFN) && map.drop(PFN, 0)) {
              ends.incrementAndGet();
            }
          }
        };
    Runnable holder =
        () -> {
          for (int life = 1; life <= LIVES; life++) {
            map.hold(PFN, 0, FrameOwner.FILE, PageFlags.PG_UPTODATE, life, life);
            if (map.drop(PFN, 0)) {
              ends.incrementAndGet();
            }
            for (int i = 0; ends.get() < life; i++) {
              if (i == LOOKS) {
                lives.set(LIVES);
                throw new RuleViolation("the last reference of life " + life + " is dropped", "no");
              }
              Thread.yield();
            }
            lives.set(life);
          }
        };
    AtomicInteger number = new AtomicInteger();
    together(meeting -> (number.getAndIncrement() == 0 ? holder : finder).run(), 2);
    checkEqual(LIVES, ends.get(), "last references that were dropped");
    checkEqual(1, map.refcount(PFN), "refcount of the bare frame");
  }

  private static void together(Consumer<Phaser> work, int count) {
    Phaser meeting = new Phaser(count);
    AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  work.accept(meeting);
                } catch (RuntimeException | Error e) {
                  thrown.compareAndSet(null, e);
                } finally {
                  meeting.arriveAndDeregister();
                }
              },
              "frame");
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
    Throwable first = thrown.get();
    if (first != null) {
      RuleViolation violation = new RuleViolation("every call is legal and succeeds", "" + first);
      violation.initCause(first);
      throw violation;
    }
  }
}
