// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A seeded life of one zone; what it answers comes to one number. */
final class ZoneLife implements Runnable {
  private final long seed;
  private final int calls;
  private final Turns.@Nullable Of turns;
  private final Seeded random;
  private final int maxOrder;
  private final FrameZone where;
  private final Zone zone;
  private final FrameAllocator frames;
  private final List<FrameSubject.Held> held = new ArrayList<>();
  private @Nullable Throwable thrown;
  private long answers;
  private int made;
  private boolean begun;

  /**
   * With a zone of its own, all frames of which are held.
   *
   * @param calls how many to make
   * @param turns taken before and after each answer, or null
   */
  ZoneLife(
      FrameAllocatorProvider provider,
      Options options,
      long seed,
      int calls,
      Turns.@Nullable Of turns) {
    this.seed = seed;
    this.calls = calls;
    this.turns = turns;
    random = new Seeded(seed);
    maxOrder = provider.capabilities(options).maxOrder();
    where = FrameZone.plain(2048 + random.below(1024));
    zone = where.create();
    frames = provider.create(zone, options);
  }

  /** The same life, as far as it has come, with nobody beside it. */
  ZoneLife alone(FrameAllocatorProvider provider, Options options) {
    int come = thrown == null ? made : made + 1;
    ZoneLife alone = new ZoneLife(provider, options, seed, come, null);
    alone.run();
    return alone;
  }

  /** The whole life. */
  @Override
  public void run() {
    if (turns != null) {
      turns.await();
    }
    while (made < calls && thrown == null) {
      call();
    }
    end();
    if (turns != null) {
      turns.leave();
    }
  }

  /** Whether its frames are free and it makes its calls. */
  boolean hasBegun() {
    return begun;
  }

  /** The next call, unless one has failed. */
  void call() {
    if (thrown == null) {
      guarded(this::makeCall);
    }
  }

  /** Looks at it as a whole. */
  void end() {
    if (thrown == null) {
      guarded(this::look);
    }
  }

  private void guarded(Runnable part) {
    try {
      part.run();
    } catch (RuntimeException | Error e) {
      thrown = e;
    }
  }

  /**
   * Throws if another life that was to be the same was not.
   *
   * @throws RuleViolation with what it has thrown, if that was it
   */
  void compare(ZoneLife together) {
    Throwable other = together.thrown;
    if (other != null && thrown == null) {
      RuleViolation violation = new RuleViolation("the answers of one thread", "" + other);
      violation.initCause(other);
      throw violation;
    }
    if (answers != together.answers) {
      throw new RuleViolation("the answers of one thread", "others, while another works");
    }
  }

  private void answer(long value) {
    answers = answers * 31 + value;
    if (turns != null) {
      turns.pass();
      turns.await();
    }
  }

  private void begin() {
    if (turns != null) {
      turns.pass();
      turns.await();
    }
    frames.freeRange(zone.startPfn(), zone.endPfn(), Migratetype.MOVABLE, maxOrder);
    begun = true;
  }

  private void makeCall() {
    if (!begun) {
      begin();
    }
    int order = Math.min(maxOrder, random.order(6));
    if (random.oneIn(2) && !held.isEmpty()) {
      FrameSubject.Held block = held.remove(random.below(held.size()));
      frames.free(block.pfn(), block.order(), Migratetype.MOVABLE);
      answer(frames.freePages());
    } else {
      long pfn = allocate(random.oneIn(2), order);
      if (pfn != FrameAllocator.NONE) {
        held.add(new FrameSubject.Held(pfn, order));
      }
      answer(pfn);
    }
    long any = zone.startPfn() + random.below(where.frames());
    answer(frames.freeOrderAt(any) + frames.freePagesIn(any, 0));
    if (made % 128 == 0) {
      frames.forEachFree((pfn, o, type) -> answer(pfn + o));
    }
    made++;
  }

  private void look() {
    frames.validate();
    answer(frames.freePages());
  }

  private long allocate(boolean fromHead, int order) {
    int type = Migratetype.MOVABLE;
    if (!fromHead) {
      return frames.allocate(order, type);
    }
    int from = Math.min(maxOrder, order + 1);
    answer(frames.head(from, type));
    return frames.allocateFrom(from, type, order, type);
  }
}
