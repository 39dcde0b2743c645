// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.bitmap;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.Options;

/** Provides the frame allocator {@code bitmap}. */
public final class BitmapProvider implements FrameAllocatorProvider {
  private static final Capabilities CAPABILITIES =
      new Capabilities(
          false, true, true, false, false, Pages.MAX_PAGE_ORDER, 1L << 36, Choice.FIRST_FIT);

  /** For the service loader. */
  public BitmapProvider() {}

  @Override
  public String name() {
    return "bitmap";
  }

  @Override
  public String summary() {
    return "one bit a page, first fit: the simplest";
  }

  @Override
  public Capabilities capabilities() {
    return CAPABILITIES;
  }

  @Override
  public FrameAllocator create(Zone zone, Options options) {
    return new BitmapFrameAllocator(zone);
  }
}
