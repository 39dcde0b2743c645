// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.testkit.RuleResult.Outcome;
import io.mm4j.testkit.frames.naive.NaiveFrameAllocator;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import io.mm4j.testkit.suites.TestKit;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Plugins that do not come to an end, or to which no heap is enough: the rule fails, and says so.
 */
class PatienceTest {
  private static final Duration SHORT = Duration.ofMillis(500);

  private final CountDownLatch end = new CountDownLatch(1);

  /** Lets the threads that were left behind go. */
  @AfterEach
  void release() {
    end.countDown();
  }

  /** Allocates a few blocks, then waits for ever, deaf to interrupts. */
  private final class Loops extends NaiveFrameAllocator {
    private int left = 7;

    Loops(Zone zone) {
      super(zone, Pages.MAX_PAGE_ORDER);
    }

    @Override
    public long allocate(int order, int migratetype) {
      if (left-- == 0) {
        loopForEver();
      }
      return super.allocate(order, migratetype);
    }

    private void loopForEver() {
      boolean again = true;
      while (again) {
        try {
          end.await();
          again = false;
        } catch (InterruptedException e) {
          again = end.getCount() > 0;
        }
      }
    }
  }

  private FrameAllocatorProvider looping(boolean inCreate) {
    return new NaiveFrames(
        "loops",
        zone -> {
          Loops loops = new Loops(zone);
          if (inCreate) {
            loops.loopForEver();
          }
          return loops;
        });
  }

  @SuppressWarnings("unchecked") // the rule's id says whose rule it is
  private static Rule<FrameAllocatorProvider> rule(String id) {
    Rule<?> rule = TestKit.rule(id, "test");
    assertEquals(Spi.FRAME_ALLOCATOR, rule.spi());
    return (Rule<FrameAllocatorProvider>) rule;
  }

  /**
   * Runs a rule over the plugin that loops. On a loaded machine a step that does not loop may take
   * longer than a short patience: then again with twice of it, up to half a minute.
   */
  private RuleResult stuck(String rule, boolean inCreate) {
    Duration patience = SHORT;
    while (true) {
      RuleResult result =
          RuleRunner.create()
              .seed(17)
              .patience(patience)
              .run(rule(rule), looping(inCreate), Map.of());
      if (result.report().contains("loopForEver") || patience.toSeconds() > 30) {
        return result;
      }
      patience = patience.multipliedBy(2);
    }
  }

  @Test
  void aRuleWhosePluginLoopsFailsAndSaysWhere() {
    RuleResult result = stuck("FA-01", false);
    assertEquals(Outcome.FAILED, result.outcome());
    assertTrue(result.stuck());
    RuleResult.Failure failure = Objects.requireNonNull(result.failure());
    assertTrue(failure.seed() >= 17, result.report());
    String report = result.report();
    assertTrue(report.contains("FA-01"), report);
    assertTrue(report.contains("frame-allocator=loops"), report);
    assertTrue(report.contains("loopForEver"), report);
    assertTrue(report.contains("PatienceTest.java"), report);
    assertTrue(report.contains("--rule FA-01 --seed " + failure.seed()), report);
    assertTrue(report.contains("did not come to an end"), report);
  }

  @Test
  void onePluginThatLoopsWhenItIsCreated() {
    RuleResult result = stuck("FA-G01", true);
    assertTrue(result.stuck(), result.report());
    assertTrue(result.report().contains("creation"), result.report());
  }

  @Test
  void aRuleForWhosePluginTheHeapIsTooSmallFails() {
    FrameAllocatorProvider vast =
        new NaiveFrames(
            "vast",
            zone -> {
              throw new OutOfMemoryError("Java heap space");
            });
    RuleResult result = RuleRunner.create().seed(17).run(rule("FA-01"), vast, Map.of());
    assertEquals(Outcome.FAILED, result.outcome());
    assertFalse(result.stuck());
    String report = result.report();
    assertTrue(report.contains("Java heap space"), report);
    assertTrue(report.contains("MiB is enough (-Xmx)"), report);
    assertTrue(report.contains("--rule FA-01 --seed 17"), report);
    assertTrue(report.contains("the plugin threw"), report);
  }

  @Test
  void othersAreNotTouchedByIt() {
    RuleRunner runner = RuleRunner.create().patience(Duration.ofSeconds(60));
    RuleResult good = runner.tries(3).run(rule("FA-01"), new NaiveFrames(), Map.of());
    assertEquals(Outcome.PASSED, good.outcome(), good.report());
    assertFalse(good.stuck());
    assertThrows(
        InputException.class,
        () -> runner.run(rule("FA-01"), new NaiveFrames(), Map.of("nosuch", "1")));
  }
}
