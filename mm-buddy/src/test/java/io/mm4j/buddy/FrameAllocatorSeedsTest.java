// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import static org.junit.jupiter.api.Assertions.assertNull;

import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.PluginInfo;
import io.mm4j.api.plugin.PluginRegistry;
import io.mm4j.api.plugin.Spi;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleResult;
import io.mm4j.testkit.RuleRunner;
import io.mm4j.testkit.TestKit;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.LongRange;

/**
 * New seeds on every build: jqwik only chooses them. Operations, models and shrinking are the kit's
 * own, and a failure prints the command that repeats it.
 */
class FrameAllocatorSeedsTest {
  private final PluginRegistry registry = PluginRegistry.discover();

  @Property(tries = 4, shrinking = ShrinkingMode.OFF)
  void everyRuleHolds(@ForAll @LongRange(min = 1, max = 1_000_000_000) long seed) {
    RuleRunner runner = RuleRunner.create().seed(seed).tries(1);
    for (PluginInfo plugin : registry.plugins(Spi.FRAME_ALLOCATOR)) {
      FrameAllocatorProvider provider =
          registry.provider(Spi.FRAME_ALLOCATOR, plugin.name(), "test");
      for (Rule<FrameAllocatorProvider> rule :
          TestKit.suite(Spi.FRAME_ALLOCATOR).orElseThrow().rules()) {
        if (rule.seeded()) {
          RuleResult result = runner.run(rule, provider, Map.of());
          assertNull(result.failure(), result::report);
        }
      }
    }
  }
}
