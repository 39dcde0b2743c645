// SPDX-License-Identifier: Apache-2.0

package org.example.nextfit;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.Options;

/** Provides the frame allocator {@code next-fit}. */
public final class NextFitProvider implements FrameAllocatorProvider {
  private static final Capabilities CAPABILITIES =
      new Capabilities(false, true, true, false, false, Pages.MAX_PAGE_ORDER, 1L << 36, Choice.ANY);

  /** For the service loader. */
  public NextFitProvider() {}

  @Override
  public String name() {
    return "next-fit";
  }

  @Override
  public String summary() {
    return "a search goes on where the last one ended";
  }

  @Override
  public Capabilities capabilities() {
    return CAPABILITIES;
  }

  @Override
  public FrameAllocator create(Zone zone, Options options) {
    return new NextFitFrameAllocator(zone);
  }
}
