// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

/**
 * Who has an address space: {@code mm_users}, {@code mm_count} and {@code cpu_vm_mask}. Without
 * tasks one caller has it until he ends it.
 */
public final class MmRefs {
  /** {@code mm_users}. */
  public int users = 1;

  /** {@code mm_count}: all users together count one. */
  public int count = 1;

  /** CPUs that have its page directory loaded, of the first 64. */
  public long cpus;

  /** Whether tasks count; only they end it then. */
  public boolean counted;
}
