// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.testkit.junit.SeedSuite;

/** New seeds for every slab allocator. */
class SlabAllocatorSeedsTest extends SeedSuite<SlabAllocatorProvider> {
  SlabAllocatorSeedsTest() {
    super(Spi.SLAB, 0.2);
  }
}
