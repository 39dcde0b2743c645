// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.vmlist;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;

/** Provides the allocator of addresses {@code vmlist}. */
public final class VmlistProvider implements VmallocAllocatorProvider {
  /** For the service loader. */
  public VmlistProvider() {}

  @Override
  public String name() {
    return "vmlist";
  }

  @Override
  public String summary() {
    return "a sorted list, first fit, freed at once: Linux 2.4 and 2.6";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(false, false, true, false);
  }

  @Override
  public VmallocAllocator create(Floors floors, Options options) {
    return new VmlistAllocator(floors);
  }
}
