// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slob;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;

/** Provides the slab allocator {@code slob}. */
public final class SlobProvider implements SlabAllocatorProvider {
  private static final Capabilities CAPABILITIES = new Capabilities(false, false, false, false);

  /** For the service loader. */
  public SlobProvider() {}

  @Override
  public String name() {
    return "slob";
  }

  @Override
  public String summary() {
    return "as Linux to 6.3 for small machines: first fit in pages that all caches share";
  }

  @Override
  public Capabilities capabilities() {
    return CAPABILITIES;
  }

  @Override
  public SlabAllocator create(Floors floors, Options options) {
    return new SlobAllocator(floors);
  }
}
