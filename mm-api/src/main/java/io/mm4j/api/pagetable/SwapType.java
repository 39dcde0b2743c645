// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import org.apiguardian.api.API;

/**
 * What an absent entry is about: the types of include/linux/swap.h and the markers of
 * include/linux/swapops.h (Linux 6.18, with memory failure, migration and device memory configured
 * as distributions have it).
 */
@API(status = API.Status.EXPERIMENTAL)
public final class SwapType {
  /** How many types there are: {@code 1 << MAX_SWAPFILES_SHIFT}. */
  public static final int TYPES = 32;

  /** Lower types are swap files, and the offset is a slot. */
  public static final int MAX_SWAPFILES = 24;

  /** The frame of the offset is broken. */
  public static final int HWPOISON = 24;

  /** The frame of the offset is being moved; it was read-only and may be shared. */
  public static final int MIGRATION_READ = 25;

  /** The frame of the offset is being moved; it was read-only and one process's. */
  public static final int MIGRATION_READ_EXCLUSIVE = 26;

  /** The frame of the offset is being moved; it was writable. */
  public static final int MIGRATION_WRITE = 27;

  /** The frame of the offset is in a device, writable. */
  public static final int DEVICE_WRITE = 28;

  /** The frame of the offset is in a device, read-only. */
  public static final int DEVICE_READ = 29;

  /** A device has the frame of the offset for itself. */
  public static final int DEVICE_EXCLUSIVE = 30;

  /** No page at all; the offset has the bits of a marker. */
  public static final int MARKER = 31;

  /** A marker: write-protected by userfaultfd although nothing is there. */
  public static final int MARKER_UFFD_WP = 1;

  /** A marker: the page was lost. */
  public static final int MARKER_POISONED = 1 << 1;

  /** A marker: a guard page of {@code MADV_GUARD_INSTALL}. */
  public static final int MARKER_GUARD = 1 << 2;

  /** All bits of a marker. */
  public static final int MARKER_BITS = MARKER_UFFD_WP | MARKER_POISONED | MARKER_GUARD;

  private SwapType() {}
}
