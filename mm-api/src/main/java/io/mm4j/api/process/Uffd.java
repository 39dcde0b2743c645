// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * The words of userfaultfd (include/uapi/linux/userfaultfd.h, Linux 6.18): what {@link
 * Syscall#USERFAULTFD}, {@link Syscall#UFFDIO_API} and the calls beside them take and give.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class Uffd {
  /** {@code UFFD_API}: the only version of the interface. */
  public static final long API_VERSION = 0xAA;

  /** {@code O_CLOEXEC} of {@link Syscall#USERFAULTFD}. */
  public static final int CLOEXEC = 0x8_0000;

  /** {@code O_NONBLOCK}. */
  public static final int NONBLOCK = 0x800;

  /** {@code UFFD_USER_MODE_ONLY}: faults of the kernel are not told. */
  public static final int USER_MODE_ONLY = 1;

  /** {@code UFFDIO_REGISTER_MODE_MISSING}. */
  public static final long REGISTER_MISSING = 1;

  /** {@code UFFDIO_REGISTER_MODE_WP}. */
  public static final long REGISTER_WP = 2;

  /** {@code UFFDIO_REGISTER_MODE_MINOR}. */
  public static final long REGISTER_MINOR = 4;

  /** {@code UFFD_FEATURE_PAGEFAULT_FLAG_WP}. */
  public static final long FEATURE_WP = 1;

  /** {@code UFFD_FEATURE_EVENT_FORK}. */
  public static final long EVENT_FORK = 1 << 1;

  /** {@code UFFD_FEATURE_EVENT_REMAP}. */
  public static final long EVENT_REMAP = 1 << 2;

  /** {@code UFFD_FEATURE_EVENT_REMOVE}. */
  public static final long EVENT_REMOVE = 1 << 3;

  /** {@code UFFD_FEATURE_MISSING_HUGETLBFS}. */
  public static final long MISSING_HUGETLBFS = 1 << 4;

  /** {@code UFFD_FEATURE_MISSING_SHMEM}. */
  public static final long MISSING_SHMEM = 1 << 5;

  /** {@code UFFD_FEATURE_EVENT_UNMAP}. */
  public static final long EVENT_UNMAP = 1 << 6;

  /** {@code UFFD_FEATURE_SIGBUS}. */
  public static final long SIGBUS = 1 << 7;

  /** {@code UFFD_FEATURE_THREAD_ID}. */
  public static final long THREAD_ID = 1 << 8;

  /** {@code UFFD_FEATURE_MINOR_HUGETLBFS}. */
  public static final long MINOR_HUGETLBFS = 1 << 9;

  /** {@code UFFD_FEATURE_MINOR_SHMEM}. */
  public static final long MINOR_SHMEM = 1 << 10;

  /** {@code UFFD_FEATURE_EXACT_ADDRESS}. */
  public static final long EXACT_ADDRESS = 1 << 11;

  /** {@code UFFD_FEATURE_WP_HUGETLBFS_SHMEM}. */
  public static final long WP_HUGETLBFS_SHMEM = 1 << 12;

  /** {@code UFFD_FEATURE_WP_UNPOPULATED}. */
  public static final long WP_UNPOPULATED = 1 << 13;

  /** {@code UFFD_FEATURE_POISON}. */
  public static final long POISON = 1 << 14;

  /** {@code UFFD_FEATURE_WP_ASYNC}. */
  public static final long WP_ASYNC = 1 << 15;

  /** {@code UFFD_FEATURE_MOVE}. */
  public static final long MOVE = 1 << 16;

  /** {@code UFFD_API_FEATURES}: all of them, as on x86-64. */
  public static final long FEATURES = (1 << 17) - 1;

  /** {@code UFFDIO_COPY_MODE_DONTWAKE}, and of all calls that bring pages. */
  public static final long MODE_DONTWAKE = 1;

  /** {@code UFFDIO_COPY_MODE_WP}: brings a page that is write-protected. */
  public static final long COPY_WP = 2;

  /** {@code UFFDIO_CONTINUE_MODE_WP}. */
  public static final long CONTINUE_WP = 2;

  /** {@code UFFDIO_WRITEPROTECT_MODE_WP}: protects; without it protection is taken away. */
  public static final long WRITEPROTECT_WP = 1;

  /** {@code UFFDIO_WRITEPROTECT_MODE_DONTWAKE}. */
  public static final long WRITEPROTECT_DONTWAKE = 2;

  /** {@code UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES}. */
  public static final long MOVE_ALLOW_SRC_HOLES = 2;

  /** {@code UFFD_EVENT_PAGEFAULT}. */
  public static final int PAGEFAULT_MESSAGE = 0x12;

  /** {@code UFFD_EVENT_FORK}. */
  public static final int FORK_MESSAGE = 0x13;

  /** {@code UFFD_EVENT_REMAP}. */
  public static final int REMAP_MESSAGE = 0x14;

  /** {@code UFFD_EVENT_REMOVE}. */
  public static final int REMOVE_MESSAGE = 0x15;

  /** {@code UFFD_EVENT_UNMAP}. */
  public static final int UNMAP_MESSAGE = 0x16;

  /** {@code UFFD_PAGEFAULT_FLAG_WRITE}. */
  public static final long FAULT_WRITE = 1;

  /** {@code UFFD_PAGEFAULT_FLAG_WP}. */
  public static final long FAULT_WP = 2;

  /** {@code UFFD_PAGEFAULT_FLAG_MINOR}. */
  public static final long FAULT_MINOR = 4;

  /** Bytes of a {@code struct uffd_msg}. */
  public static final int MESSAGE_BYTES = 32;

  private Uffd() {}
}
