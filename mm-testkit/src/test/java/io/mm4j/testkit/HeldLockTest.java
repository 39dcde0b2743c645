// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.testkit.RuleResult.Outcome;
import io.mm4j.testkit.frames.naive.NaiveFrameAllocator;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import io.mm4j.testkit.suites.TestKit;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A plugin that keeps a lock after a call fails the rule at that call. */
class HeldLockTest {
  /** Forgets a lock in its third allocation. */
  private static final class Forgets extends NaiveFrameAllocator {
    private final KernelLock lock = new KernelLock(LockClass.VMAP, "forgotten");
    private int left = 3;

    Forgets(Zone zone) {
      super(zone, Pages.MAX_PAGE_ORDER);
    }

    @Override
    public long allocate(int order, int migratetype) {
      left--;
      if (left == 0) {
        lock.lock();
      }
      return super.allocate(order, migratetype);
    }
  }

  @Test
  @SuppressWarnings("unchecked") // the rule's id says whose rule it is
  void aLockThatIsKeptIsNamed() {
    Rule<?> rule = TestKit.rule("FA-01", "test");
    assertEquals(Spi.FRAME_ALLOCATOR, rule.spi());
    RuleResult result =
        RuleRunner.create()
            .run(
                (Rule<FrameAllocatorProvider>) rule,
                new NaiveFrames("forgets", Forgets::new),
                Map.of());
    assertEquals(Outcome.FAILED, result.outcome());
    assertTrue(result.report().contains("held: [VMAP]"), result.report());
  }
}
