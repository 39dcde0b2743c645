// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.faults;

import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.memory.naive.NaiveMemMap;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.naive.NaiveMemory;

/**
 * Provides machines whose mappings are counted without a lock. Made as a third party's provider is,
 * by its constructor, as the rule that finds it makes it once more.
 */
public final class CountsInTwoSteps implements PhysicalMemoryProvider {
  static final String NAME = "counts-mappings-in-two-steps";

  private final NaiveMemories naive =
      new NaiveMemories(
          NAME, (layout, contents) -> new NaiveMemory(layout, contents, new TwoSteps(layout)));

  @Override
  public String name() {
    return naive.name();
  }

  @Override
  public String summary() {
    return "addMapcount() reads, and then writes";
  }

  @Override
  public PhysicalMemory create(MemoryLayout layout, Contents contents, Options options) {
    return naive.create(layout, contents, options);
  }

  private static final class TwoSteps extends NaiveMemMap {
    TwoSteps(MemoryLayout layout) {
      super(layout);
    }

    @Override
    @SuppressWarnings("UnsynchronizedOverridesSynchronized") // the fault
    public int addMapcount(long pfn, int change) {
      int count = mapcount(pfn) + change;
      if (count < 0) {
        return super.addMapcount(pfn, change);
      }
      setMapcount(pfn, count);
      return count;
    }
  }
}
