// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.CallFlags;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uffd;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.mm.Userfaults;
import io.mm4j.process.uffd.Userfaultfd;
import java.util.Objects;

/**
 * userfaultfd and its ioctls (fs/userfaultfd.c, Linux 6.18): checks of words in the kernel's order,
 * and the answers that it leaves in the struct of the call, if that lies in user memory.
 */
final class UffdCalls {
  private static final int ENOTTY = 25;
  private static final int API_BYTES = 24;

  /** {@code UFFD_API_IOCTLS}. */
  private static final long API_IOCTLS = 1L << 63 | 3;

  /** What needs a mark of write protection in entries. */
  private static final long NEEDS_MARKS =
      Uffd.FEATURE_WP | Uffd.WP_HUGETLBFS_SHMEM | Uffd.WP_UNPOPULATED | Uffd.WP_ASYNC;

  /** What is not configured for 32 bits either. */
  private static final long NEEDS_64_BITS = NEEDS_MARKS | Uffd.MINOR_HUGETLBFS | Uffd.MINOR_SHMEM;

  private final Mm mm;
  private final Touch touch;
  private final UffdReads reads;

  UffdCalls(Mm mm, Touch touch) {
    this.mm = mm;
    this.touch = touch;
    this.reads = new UffdReads(mm, touch);
  }

  /** userfaultfd. */
  long open(long flagArg) {
    int flags = (int) flagArg;
    boolean may =
        (flags & Uffd.USER_MODE_ONLY) != 0
            || mm.capable(Capability.SYS_PTRACE)
            || mm.context.userfaults.isUnprivileged();
    if (!may) {
      return mm.error(
          Errno.EPERM,
          "who watches faults of the kernel needs CAP_SYS_PTRACE, vm.unprivileged_userfaultfd=1, or"
              + " UFFD_USER_MODE_ONLY");
    }
    if ((flags & ~(Uffd.CLOEXEC | Uffd.NONBLOCK | Uffd.USER_MODE_ONLY)) != 0) {
      return mm.error(Errno.EINVAL, "unknown flags");
    }
    Userfaultfd watch =
        new Userfaultfd((flags & Uffd.NONBLOCK) != 0, (flags & Uffd.USER_MODE_ONLY) != 0);
    return mm.context.userfaults.open(mm, watch, mm, () -> new UffdRange(mm).release(watch));
  }

  /** Whether a descriptor is a userfaultfd. */
  boolean isOne(long fd) {
    return mm.context.userfaults.of(mm, fd) != null;
  }

  /** read of a userfaultfd. */
  long read(long fd, long buf, long count) {
    return reads.read(Objects.requireNonNull(mm.context.userfaults.of(mm, fd)).watch(), buf, count);
  }

  /**
   * An ioctl.
   *
   * @param a the descriptor, where the struct is, and its fields
   */
  long ioctl(Syscall call, long[] a) {
    Userfaults.Opened opened = mm.context.userfaults.of(mm, a[0]);
    if (opened == null) {
      return mm.open((int) a[0]) == null
          ? mm.error(Errno.EBADF, "no such descriptor")
          : mm.error(ENOTTY, "no userfaultfd");
    }
    if (call == Syscall.UFFDIO_API) {
      return api(opened.watch(), a[1], a[2], a[3]);
    }
    if (!opened.watch().isInitialized()) {
      return mm.error(Errno.EINVAL, "UFFDIO_API has not chosen its features");
    }
    return new UffdIoctl(mm, touch, opened, a).make(call);
  }

  private static String names(long features) {
    return features == 0 ? "no feature" : CallFlags.UFFD_FEATURE.format(features);
  }

  /** {@code userfaultfd_api}. */
  private long api(Userfaultfd watch, long arg, long version, long wanted) {
    UffdStruct struct = new UffdStruct(mm, touch, arg, API_BYTES);
    if (!struct.isReadable()) {
      return mm.error(Errno.EFAULT, "the struct cannot be read");
    }
    long features =
        mm.context.frames().format().bits().uffdWp() == 0
            ? Uffd.FEATURES & ~NEEDS_64_BITS
            : Uffd.FEATURES;
    long error = 0;
    if (version != Uffd.API_VERSION) {
      error = mm.error(Errno.EINVAL, "the version is not UFFD_API");
    } else if ((wanted & Uffd.EVENT_FORK) != 0 && !mm.capable(Capability.SYS_PTRACE)) {
      error = mm.error(Errno.EPERM, "forks are watched with CAP_SYS_PTRACE");
    } else if ((wanted & ~features) != 0) {
      error = mm.error(Errno.EINVAL, "unknown features");
    }
    if (error == 0) {
      if (!struct.put(0, version) || !struct.put(8, features) || !struct.put(16, API_IOCTLS)) {
        return mm.error(Errno.EFAULT, "the struct cannot be written");
      }
      long more = (wanted & Uffd.WP_ASYNC) != 0 ? Uffd.WP_UNPOPULATED : 0;
      if (watch.initialize(wanted | more)) {
        if (mm.explaining()) {
          mm.because("uffd", "chosen: " + names(wanted | more) + "; there are " + names(features));
        }
        return 0;
      }
      error = mm.error(Errno.EINVAL, "UFFDIO_API was called before");
    }
    boolean cleared = struct.put(0, 0) && struct.put(8, 0) && struct.put(16, 0);
    return cleared ? error : mm.error(Errno.EFAULT, "the struct cannot be written");
  }
}
