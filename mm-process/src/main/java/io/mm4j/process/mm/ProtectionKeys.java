// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

/**
 * The protection keys of an address space and the rights that its thread has with them
 * (arch/x86/include/asm/pkeys.h, arch/x86/mm/pkeys.c and mm/mprotect.c of Linux 6.18; written after
 * the sources, as the recorded CPU has none).
 *
 * <p>Differs: the rights ({@code PKRU}) are a thread's, and here all threads of an address space
 * have the same.
 */
public final class ProtectionKeys {
  /** No key: what {@code pkey_mprotect} takes for mprotect. */
  public static final int NONE = -1;

  /** {@code arch_max_pkey()}. */
  private static final int KEYS = 16;

  /** {@code init_pkru_value}: nothing but key 0 may be used. */
  private static final int INITIAL_RIGHTS = 0x55555554;

  private static final int DISABLE_ACCESS = 1;
  private static final int DISABLE_BOTH = 3;

  /** {@code pkey_allocation_map}, a bit each. */
  private int allocated = 1;

  private int executeOnly = NONE;
  private int rights = INITIAL_RIGHTS;

  /** Those of a program that begins. */
  public ProtectionKeys() {}

  /** {@code arch_dup_pkeys}: those of a child. */
  ProtectionKeys(ProtectionKeys parent) {
    allocated = parent.allocated;
    executeOnly = parent.executeOnly;
    rights = parent.rights;
  }

  /** {@code mm_pkey_alloc}: the lowest key that is free, {@link #NONE} without one. */
  public int allocate() {
    int key = Integer.numberOfTrailingZeros(~allocated);
    if (key >= KEYS) {
      return NONE;
    }
    allocated |= 1 << key;
    return key;
  }

  /** {@code mm_pkey_is_allocated}: the key of memory that is only executed seems not to be. */
  public boolean isAllocated(int key) {
    return key >= 0 && key < KEYS && key != executeOnly && ((allocated >>> key) & 1) != 0;
  }

  /** {@code mm_pkey_free}: false if it is not allocated. */
  public boolean free(int key) {
    boolean may = isAllocated(key);
    allocated &= may ? ~(1 << key) : -1;
    return may;
  }

  /**
   * {@code __execute_only_pkey}: the key of memory that is only executed, which nobody may read;
   * {@link #NONE} if none is free.
   */
  public int executeOnly() {
    int key = executeOnly == NONE ? allocate() : executeOnly;
    if (key != NONE && (executeOnly == NONE || allows(key, false))) {
      rights(key, DISABLE_ACCESS);
    }
    executeOnly = key;
    return key;
  }

  /** Whether memory of this key is only executed ({@code vma_is_pkey_exec_only}). */
  public boolean isExecuteOnly(int key) {
    return key == executeOnly;
  }

  /** {@code arch_set_user_pkey_access}: 1 takes all accesses away, 2 writes. */
  public void rights(int key, int disabled) {
    int shift = 2 * key;
    rights = (rights & ~(DISABLE_BOTH << shift)) | (disabled << shift);
  }

  /** {@code PKRU}. */
  public int rights() {
    return rights;
  }

  /** {@code WRPKRU}. */
  public void rights(int value) {
    rights = value;
  }

  /** {@code __pkru_allows_pkey}. */
  public boolean allows(int key, boolean write) {
    int disabled = (rights >>> (2 * key)) & DISABLE_BOTH;
    return (disabled & DISABLE_ACCESS) == 0 && !(write && disabled != 0);
  }
}
