// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.plugin.Options;

/** Provides the kernel's mappings {@code linux}. */
public final class LinuxSpaceProvider implements KernelSpaceProvider {
  /** For the service loader. */
  public LinuxSpaceProvider() {}

  @Override
  public String name() {
    return "linux";
  }

  @Override
  public String summary() {
    return "vmalloc, ioremap, coherent memory, kmap and the fixmap, over any allocator of"
        + " addresses";
  }

  @Override
  public KernelSpace create(Floors floors, Options options) {
    return new LinuxSpace(floors);
  }
}
