// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/** The resource limits that memory calls look at; soft limits in bytes. */
@API(status = API.Status.EXPERIMENTAL)
public enum ResourceLimit {
  /** {@code RLIMIT_AS}: size of the address space. */
  AS,
  /** {@code RLIMIT_DATA}: private writable memory that is not a stack, and the heap. */
  DATA,
  /** {@code RLIMIT_STACK}: size of a mapping that grows down. */
  STACK,
  /** {@code RLIMIT_MEMLOCK}: locked memory. */
  MEMLOCK;

  /** No limit, as the kernel writes it: all bits set. Compare limits as unsigned numbers. */
  public static final long INFINITY = -1L;
}
