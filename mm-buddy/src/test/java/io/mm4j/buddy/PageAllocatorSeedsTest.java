// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.junit.SeedSuite;

/** New seeds for every page allocator. */
class PageAllocatorSeedsTest extends SeedSuite<PageAllocatorProvider> {
  PageAllocatorSeedsTest() {
    super(Spi.PAGE_ALLOCATOR, 0.2);
  }
}
