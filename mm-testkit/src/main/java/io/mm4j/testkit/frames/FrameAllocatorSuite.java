// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.frames.faults.FrameFaults;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import io.mm4j.testkit.frames.rules.BlockRules;
import io.mm4j.testkit.frames.rules.CostRules;
import io.mm4j.testkit.frames.rules.DrmBuddyCases;
import io.mm4j.testkit.frames.rules.EffectRules;
import io.mm4j.testkit.frames.rules.GrowthRules;
import io.mm4j.testkit.frames.rules.ListRules;
import io.mm4j.testkit.frames.rules.LlfreeCases;
import io.mm4j.testkit.frames.rules.LongRangeRules;
import io.mm4j.testkit.frames.rules.MisuseRules;
import io.mm4j.testkit.frames.rules.OrderRules;
import io.mm4j.testkit.frames.rules.PageblockRules;
import io.mm4j.testkit.frames.rules.PairRules;
import io.mm4j.testkit.frames.rules.TakeRules;
import io.mm4j.testkit.frames.rules.ThreadRules;
import io.mm4j.testkit.frames.rules.TreeRules;
import io.mm4j.testkit.frames.rules.ViewRules;
import java.util.List;
import java.util.stream.Stream;

/** Everything about {@code frame-allocator}. */
public final class FrameAllocatorSuite {
  private FrameAllocatorSuite() {}

  /** The suite. */
  public static Suite<FrameAllocatorProvider> suite() {
    List<Rule<FrameAllocatorProvider>> rules =
        Stream.of(
                // before the compiler knows the plugin, so that races within a call take their time
                ThreadRules.all(),
                BlockRules.all(),
                ViewRules.all(),
                TakeRules.all(),
                ListRules.all(),
                MisuseRules.all(),
                PairRules.all(),
                EffectRules.all(),
                OrderRules.all(),
                PageblockRules.all(),
                TreeRules.all(),
                CostRules.all(),
                GrowthRules.all(),
                LongRangeRules.all(),
                DrmBuddyCases.all(),
                LlfreeCases.all())
            .flatMap(List::stream)
            .toList();
    return new Suite<>(Spi.FRAME_ALLOCATOR, new NaiveFrames(), rules, FrameFaults.all());
  }
}
