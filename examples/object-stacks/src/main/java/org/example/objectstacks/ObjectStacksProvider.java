// SPDX-License-Identifier: Apache-2.0

package org.example.objectstacks;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;

/** Provides the slab allocator {@code object-stacks}. */
public final class ObjectStacksProvider implements SlabAllocatorProvider {
  private static final Capabilities CAPABILITIES = new Capabilities(false, false, false, false);

  /** For the service loader. */
  public ObjectStacksProvider() {}

  @Override
  public String name() {
    return "object-stacks";
  }

  @Override
  public String summary() {
    return "slots of powers of two, and stacks of free objects";
  }

  @Override
  public Capabilities capabilities() {
    return CAPABILITIES;
  }

  @Override
  public SlabAllocator create(Floors floors, Options options) {
    return new ObjectStacksSlabAllocator(floors);
  }
}
