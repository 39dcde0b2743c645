// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;

/** Makes the kernel's mappings {@code linux}. */
public final class LinuxSpaceProvider implements KernelSpaceProvider {
  /** Makes nothing yet. */
  public LinuxSpaceProvider() {}

  @Override
  public KernelSpace create(Floors floors) {
    return new LinuxSpace(floors);
  }
}
