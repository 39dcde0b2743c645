// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.faults;

import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.memory.naive.NaiveMemMap;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.naive.NaiveMemory;

/**
 * Provides machines that share a scratch field. Made as a third party's provider is, by its
 * constructor, as the rule that finds it makes it once more.
 */
public final class SharedScratch implements PhysicalMemoryProvider {
  private final NaiveMemories naive =
      new NaiveMemories(
          "shared-scratch",
          (layout, contents) -> new NaiveMemory(layout, contents, new Shared(layout)));

  @Override
  public String name() {
    return naive.name();
  }

  @Override
  public String summary() {
    return "hold() has a static scratch field";
  }

  @Override
  public PhysicalMemory create(MemoryLayout layout, Contents contents, Options options) {
    return naive.create(layout, contents, options);
  }

  private static final class Shared extends NaiveMemMap {
    private static long wanted;

    Shared(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public synchronized void hold(
        long pfn, int order, FrameOwner owner, int flags, long mapping, long index) {
      wanted = index;
      super.hold(pfn, order, owner, flags, mapping, wanted);
    }
  }
}
