// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.kernel;

import org.apiguardian.api.API;

/** A provider of page tables that brings what the kernel maps over them. */
@API(status = API.Status.EXPERIMENTAL)
public interface KernelSpaceSource {
  /** Makes the kernel's own mappings. */
  KernelSpaceProvider kernelSpace();
}
