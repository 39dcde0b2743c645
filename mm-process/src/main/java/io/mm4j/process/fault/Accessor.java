// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.fault;

/** Who makes accesses ({@code FAULT_FLAG_}, include/linux/mm_types.h, Linux 6.18). */
public enum Accessor {
  /** The program itself ({@code FAULT_FLAG_USER}). */
  PROGRAM,

  /** The kernel, for a call of the program. */
  KERNEL,

  /**
   * A debugger ({@code access_remote_vm}): it does not let go of the address space, so a fault that
   * would wait is not tried again ({@code FAULT_FLAG_ALLOW_RETRY} is missing).
   */
  PEEK
}
