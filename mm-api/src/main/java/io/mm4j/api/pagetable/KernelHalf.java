// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import org.apiguardian.api.API;

/**
 * Where Linux divides the linear addresses of an architecture. Addresses are unsigned.
 *
 * @param userEnd {@code TASK_SIZE_MAX}: one past the last address that a process can have
 * @param start the first address whose top-level entry belongs to the kernel ({@code
 *     KERNEL_PGD_BOUNDARY}); a multiple of what such an entry covers
 * @param directMap {@code PAGE_OFFSET}: the address of physical address 0
 * @param filledStart the first address for which the tables below the top one are made when the
 *     kernel's are ({@code preallocate_vmalloc_pages()}), so that all processes have them
 * @param filledEnd one past the last such address; equal to {@code filledStart} if there are none
 */
@API(status = API.Status.EXPERIMENTAL)
public record KernelHalf(
    long userEnd, long start, long directMap, long filledStart, long filledEnd) {
  /** Whether an address belongs to the kernel. */
  public boolean contains(long address) {
    return Long.compareUnsigned(address, start) >= 0;
  }
}
