// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.junit.PluginSuite;

/** Every rule over every page allocator that is found. */
class PageAllocatorKitTest extends PluginSuite<PageAllocatorProvider> {
  PageAllocatorKitTest() {
    super(Spi.PAGE_ALLOCATOR);
  }

  @Override
  protected int tries() {
    return Integer.getInteger("mm.tries", 5);
  }
}
