// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.page;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;

/** Provides the slab allocator {@code page}. */
public final class PageSlabProvider implements SlabAllocatorProvider {
  private static final Capabilities CAPABILITIES = new Capabilities(false, false, false, false);

  /** For the service loader. */
  public PageSlabProvider() {}

  @Override
  public String name() {
    return "page";
  }

  @Override
  public String summary() {
    return "pages of its own for every object: the simplest, works without bytes";
  }

  @Override
  public Capabilities capabilities() {
    return CAPABILITIES;
  }

  @Override
  public SlabAllocator create(Floors floors, Options options) {
    return new PageSlabAllocator(floors);
  }
}
