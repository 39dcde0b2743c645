// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/** The capabilities that memory calls ask for. */
@API(status = API.Status.EXPERIMENTAL)
public enum Capability {
  /** {@code CAP_IPC_LOCK}: locks memory beyond the limit. */
  IPC_LOCK,
  /** {@code CAP_IPC_OWNER}: reads and writes segments whatever their modes. */
  IPC_OWNER,
  /** {@code CAP_SYS_ADMIN}: takes the last pages of the overcommit reserve. */
  SYS_ADMIN,
  /** {@code CAP_SYS_NICE}: moves pages that others map, too. */
  SYS_NICE,
  /** {@code CAP_SYS_PTRACE}: answers faults of the kernel, and watches forks. */
  SYS_PTRACE,
  /** {@code CAP_SYS_RAWIO}: maps addresses below {@code mmap_min_addr}. */
  SYS_RAWIO,
  /** {@code CAP_SYS_RESOURCE}: raises hard limits. */
  SYS_RESOURCE
}
