// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * Receives what happens inside an {@link AddressSpace}: the kernel's tracepoints of address spaces
 * that no caller of the SPI could tell (include/trace/events/mmap.h, exceptions.h; Linux 6.18). Set
 * by {@link AddressSpace#watch}.
 *
 * <p>Called by the thread that makes the call: a receiver calls no floor.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface MmEvents {
  /** {@code X86_PF_PROT}: the page is there, and the access is not allowed. */
  int PROT = 1;

  /** {@code X86_PF_WRITE}. */
  int WRITE = 2;

  /** {@code X86_PF_USER}. */
  int USER = 4;

  /** {@code X86_PF_INSTR}. */
  int INSTR = 16;

  /** {@code MM_FILEPAGES}: resident pages of files. */
  int MM_FILEPAGES = 0;

  /** {@code MM_ANONPAGES}: resident anonymous pages. */
  int MM_ANONPAGES = 1;

  /** {@code MM_SHMEMPAGES}: resident pages of shared memory. */
  int MM_SHMEMPAGES = 3;

  /** {@code X86_PF_PK}: a protection key denies the access. */
  int PK = 32;

  /**
   * {@code page_fault_user} or, without {@link #USER}, {@code page_fault_kernel}: the CPU could not
   * make an access; told before the fault is handled.
   *
   * @param errorCode bits as x86 has them
   */
  default void pageFault(long uaddr, int errorCode) {}

  /**
   * {@code vm_unmapped_area}: a search for room has ended.
   *
   * @param search what was looked for
   * @param found an address, or a negated {@link Errno}
   */
  default void vmUnmappedArea(AreaSearch search, long found) {}

  /**
   * {@code rss_stat}: one counter of the resident set has changed (include/trace/events/kmem.h).
   *
   * @param pid of the process, where the kernel has a hash of its {@code mm_struct}
   * @param counter {@link #MM_FILEPAGES}, {@link #MM_ANONPAGES} or {@link #MM_SHMEMPAGES}
   * @param pages what it counts now
   */
  default void rssStat(int pid, int counter, long pages) {}

  /**
   * {@code struct vm_unmapped_area_info}.
   *
   * @param totalVmPages {@code mm->total_vm}
   * @param topDown {@code VM_UNMAPPED_AREA_TOPDOWN}
   * @param lengthBytes how much room
   * @param low the lowest address
   * @param high one past the highest
   * @param alignMask bits of the address that are those of the offset
   * @param alignOffset such an offset in bytes
   */
  record AreaSearch(
      long totalVmPages,
      boolean topDown,
      long lengthBytes,
      long low,
      long high,
      long alignMask,
      long alignOffset) {}
}
