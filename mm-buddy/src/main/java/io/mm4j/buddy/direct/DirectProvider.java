// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.direct;

import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;

/** Provides the page allocator {@code direct}. */
public final class DirectProvider implements PageAllocatorProvider {
  private static final Capabilities CAPABILITIES = new Capabilities(false, false, false);

  /** For the service loader. */
  public DirectProvider() {}

  @Override
  public String name() {
    return "direct";
  }

  @Override
  public String summary() {
    return "straight to the zones: no per-cpu lists, no watermarks";
  }

  @Override
  public Capabilities capabilities() {
    return CAPABILITIES;
  }

  @Override
  public PageAllocator create(Floors floors, Options options) {
    return new DirectPageAllocator(floors);
  }
}
