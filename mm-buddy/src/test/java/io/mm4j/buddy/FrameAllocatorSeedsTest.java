// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.testkit.junit.SeedSuite;

/** New seeds for every frame allocator. */
class FrameAllocatorSeedsTest extends SeedSuite<FrameAllocatorProvider> {
  FrameAllocatorSeedsTest() {
    super(Spi.FRAME_ALLOCATOR, 0.2);
  }
}
