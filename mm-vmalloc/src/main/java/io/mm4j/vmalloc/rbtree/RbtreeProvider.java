// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.rbtree;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;

/** Provides the allocator of addresses {@code rbtree}. */
public final class RbtreeProvider implements VmallocAllocatorProvider {
  /** For the service loader. */
  public RbtreeProvider() {}

  @Override
  public String name() {
    return "rbtree";
  }

  @Override
  public String summary() {
    return "trees of free and used areas, pools for each CPU, lazy purging: Linux 6.18";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(true, true, true, true);
  }

  @Override
  public VmallocAllocator create(Floors floors, Options options) {
    return new RbtreeAllocator(floors);
  }
}
