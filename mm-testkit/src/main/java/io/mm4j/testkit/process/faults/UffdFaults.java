// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uffd;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import java.util.List;
import java.util.function.UnaryOperator;

/** The faults of the cases about userfaultfd. */
final class UffdFaults {
  private UffdFaults() {}

  static List<Fault<VmaIndexProvider>> all() {
    return List.of(
        SyscallFaults.call(
            "watches-on",
            "A userfaultfd that is closed goes on to watch.",
            (mm, call, a) -> call == Syscall.CLOSE ? 0 : mm.syscall(call, a),
            "AS-F77"),
        SyscallFaults.call(
            "brings-unprotected",
            "UFFDIO_COPY does not look at UFFDIO_COPY_MODE_WP.",
            (mm, call, a) ->
                call == Syscall.UFFDIO_COPY
                    ? mm.syscall(call, a[0], a[1], a[2], a[3], a[4], a[5] & ~Uffd.COPY_WP)
                    : mm.syscall(call, a),
            "AS-106"),
        SyscallFaults.call(
            "copies-all-or-nothing",
            "UFFDIO_COPY that cannot bring all pages gives the error of the next one.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              return call == Syscall.UFFDIO_COPY && result == -Errno.EAGAIN
                  ? -Errno.EEXIST
                  : result;
            },
            "AS-F78"),
        SyscallFaults.call(
            "flags-before-rights",
            "userfaultfd looks at its flags first.",
            (mm, call, a) ->
                call == Syscall.USERFAULTFD && (a[0] & ~(long) Uffd.CLOEXEC & 2) != 0
                    ? -Errno.EINVAL
                    : mm.syscall(call, a),
            "AS-F79"),
        SyscallFaults.call(
            "protects-nothing",
            "UFFDIO_WRITEPROTECT says that it was done.",
            (mm, call, a) -> call == Syscall.UFFDIO_WRITEPROTECT ? 0 : mm.syscall(call, a),
            "AS-F80",
            "AS-F81",
            "AS-F82"),
        SyscallFaults.call(
            "protects-what-is-there",
            "UFFD_FEATURE_WP_UNPOPULATED is not looked at.",
            (mm, call, a) ->
                call == Syscall.UFFDIO_API
                    ? mm.syscall(call, a[0], a[1], a[2], a[3] & ~Uffd.WP_UNPOPULATED)
                    : mm.syscall(call, a),
            "AS-F81"),
        SyscallFaults.floor(
            "markers-go",
            "A marker goes with the page of a file.",
            right -> DelegatingSpace.floor(right, MarkersGo::new),
            "AS-F82"),
        SyscallFaults.call(
            "minor-is-missing",
            "UFFDIO_REGISTER_MODE_MINOR watches missing pages.",
            (mm, call, a) ->
                call == Syscall.UFFDIO_REGISTER && a[4] == Uffd.REGISTER_MINOR
                    ? mm.syscall(call, a[0], a[1], a[2], a[3], Uffd.REGISTER_MISSING)
                    : mm.syscall(call, a),
            "AS-F83"),
        SyscallFaults.call(
            "poison-is-nothing",
            "UFFDIO_POISON brings zeroes.",
            (mm, call, a) ->
                call == Syscall.UFFDIO_POISON
                    ? mm.syscall(Syscall.UFFDIO_ZEROPAGE, a)
                    : mm.syscall(call, a),
            "AS-F84"),
        SyscallFaults.call(
            "every-write-waits",
            "UFFD_FEATURE_WP_ASYNC is not looked at.",
            (mm, call, a) ->
                call == Syscall.UFFDIO_API
                    ? mm.syscall(call, a[0], a[1], a[2], a[3] & ~Uffd.WP_ASYNC)
                    : mm.syscall(call, a),
            "AS-F85",
            "AS-F92"),
        SyscallFaults.floor(
            "watches-where-it-was",
            "What mremap has moved is watched as before.",
            right -> DelegatingSpace.floor(right, WatchesOn::new),
            "AS-F86"),
        SyscallFaults.call(
            "no-events",
            "UFFD_FEATURE_EVENT_REMAP is not looked at.",
            (mm, call, a) ->
                call == Syscall.UFFDIO_API
                    ? mm.syscall(call, a[0], a[1], a[2], a[3] & ~Uffd.EVENT_REMAP)
                    : mm.syscall(call, a),
            "AS-F87"),
        SyscallFaults.call(
            "moves-holes",
            "UFFDIO_MOVE passes over what is not there.",
            (mm, call, a) ->
                call == Syscall.UFFDIO_MOVE
                    ? mm.syscall(
                        call, a[0], a[1], a[2], a[3], a[4], a[5] | Uffd.MOVE_ALLOW_SRC_HOLES)
                    : mm.syscall(call, a),
            "AS-F88"),
        SyscallFaults.call(
            "moves-small-pages",
            "UFFDIO_MOVE moves 2 MiB less a page, as if no page were huge.",
            (mm, call, a) ->
                call == Syscall.UFFDIO_MOVE && a[4] >= 1L << 21
                    ? mm.syscall(call, a[0], a[1], a[2], a[3], a[4] - 4096, a[5])
                    : mm.syscall(call, a),
            "AS-F94"),
        SyscallFaults.call(
            "tells-no-forks",
            "UFFD_FEATURE_EVENT_FORK is not looked at.",
            (mm, call, a) ->
                call == Syscall.UFFDIO_API
                    ? mm.syscall(call, a[0], a[1], a[2], a[3] & ~Uffd.EVENT_FORK)
                    : mm.syscall(call, a),
            "AS-F95"),
        SyscallFaults.call(
            "tells-pages",
            "UFFD_FEATURE_EXACT_ADDRESS is not looked at.",
            (mm, call, a) ->
                call == Syscall.UFFDIO_API
                    ? mm.syscall(call, a[0], a[1], a[2], a[3] & ~Uffd.EXACT_ADDRESS)
                    : mm.syscall(call, a),
            "AS-F89"));
  }

  /** Knows which descriptor of userfaultfd was opened last; -1 before. */
  private static class RememberingSpace extends DelegatingSpace {
    long fd = -1;

    RememberingSpace(AddressSpace inner, UnaryOperator<AddressSpace> around) {
      super(inner, around);
    }

    @Override
    public long syscall(Syscall call, long... a) {
      long result = super.syscall(call, a);
      fd = call == Syscall.USERFAULTFD ? result : fd;
      return result;
    }
  }

  private static final class MarkersGo extends RememberingSpace {
    private static final int DONTNEED = 4;

    MarkersGo(AddressSpace inner) {
      super(inner, MarkersGo::new);
    }

    @Override
    public long madvise(long addr, long len, long advice) {
      long result = super.madvise(addr, len, advice);
      if (advice == DONTNEED && fd >= 0) {
        long _ = super.syscall(Syscall.UFFDIO_WRITEPROTECT, fd, 0, addr, len, 0);
      }
      return result;
    }
  }

  private static final class WatchesOn extends RememberingSpace {
    WatchesOn(AddressSpace inner) {
      super(inner, WatchesOn::new);
    }

    @Override
    public long mremap(long addr, long oldLen, long newLen, long flags, long newAddr) {
      long result = super.mremap(addr, oldLen, newLen, flags, newAddr);
      if (fd >= 0 && !Errno.isError(result)) {
        long mode = Uffd.REGISTER_MISSING;
        long _ = super.syscall(Syscall.UFFDIO_REGISTER, fd, 0, result, newLen, mode);
      }
      return result;
    }
  }
}
