// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.frames.naive.NaiveFrameAllocator;

/** The kit's naive frames for zones of any size: it is the free blocks that cost. */
final class WideFrames implements FrameAllocatorProvider {
  private final boolean takesExactly;

  WideFrames() {
    this(true);
  }

  /** Whether it says that it can take any block that is asked for. */
  WideFrames(boolean takesExactly) {
    this.takesExactly = takesExactly;
  }

  @Override
  public String name() {
    return "naive";
  }

  @Override
  public String summary() {
    return "a sorted map of blocks, for zones of any size";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(true, takesExactly, true, true, false, Pages.MAX_PAGE_ORDER, 1L << 40);
  }

  @Override
  public FrameAllocator create(Zone zone, Options options) {
    return new NaiveFrameAllocator(zone, Pages.MAX_PAGE_ORDER);
  }
}
