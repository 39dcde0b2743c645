// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.llfree;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.Options;

/** Provides the frame allocator {@code llfree}. */
public final class LlfreeProvider implements FrameAllocatorProvider {
  private static final Capabilities CAPABILITIES =
      new Capabilities(
          false,
          true,
          true,
          false,
          true,
          Pages.MAX_PAGE_ORDER,
          LlfreeFrameAllocator.MAX_ZONE_PAGES,
          Choice.RESERVED_TREES);

  /** For the service loader. */
  public LlfreeProvider() {}

  @Override
  public String name() {
    return "llfree";
  }

  @Override
  public String summary() {
    return "counters over bit fields with reserved trees, after LLFree (ATC'23)";
  }

  @Override
  public Capabilities capabilities() {
    return CAPABILITIES;
  }

  @Override
  public FrameAllocator create(Zone zone, Options options) {
    return new LlfreeFrameAllocator(zone);
  }
}
