// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.lists;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import java.util.List;

/** Provides the frame allocator {@code buddy}. */
public final class BuddyProvider implements FrameAllocatorProvider {
  /** For the service loader. */
  public BuddyProvider() {}

  @Override
  public String name() {
    return "buddy";
  }

  @Override
  public String summary() {
    return "free lists by order and migratetype, as in Linux";
  }

  @Override
  public List<OptionSpec> options() {
    return List.of(
        new OptionSpec(
            "max-order",
            OptionSpec.Type.NUMBER,
            Integer.toString(Pages.MAX_PAGE_ORDER),
            "the largest block, 0 to 10: 2^order pages"));
  }

  @Override
  public Capabilities capabilities() {
    return capabilities(Pages.MAX_PAGE_ORDER);
  }

  @Override
  public Capabilities capabilities(Options options) {
    return capabilities(maxOrder(options));
  }

  private static Capabilities capabilities(int maxOrder) {
    return new Capabilities(
        true,
        true,
        true,
        true,
        false,
        maxOrder,
        BuddyFrameAllocator.MAX_ZONE_PAGES,
        Choice.KERNEL_LISTS);
  }

  @Override
  public FrameAllocator create(Zone zone, Options options) {
    return new BuddyFrameAllocator(zone, maxOrder(options));
  }

  private static int maxOrder(Options options) {
    long order = options.number("max-order");
    if (order > Pages.MAX_PAGE_ORDER) {
      throw new InputException(
          "max-order=" + order + " is too large",
          "frame-allocator=buddy",
          "0 to " + Pages.MAX_PAGE_ORDER);
    }
    return (int) order;
  }
}
