// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.Uffd;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import java.util.List;

/** The faults of the rules about what touches and populated memory leave. */
final class TouchFaults {
  private static final long PAGE = 1L << 12;

  private TouchFaults() {}

  static List<Fault<VmaIndexProvider>> all() {
    return List.of(
        SyscallFaults.call(
            "ends-later",
            "A file that is cut keeps one more page.",
            (mm, call, a) ->
                call == Syscall.FTRUNCATE
                    ? mm.syscall(call, a[0], a[1] + PAGE)
                    : mm.syscall(call, a),
            "AS-110"),
        SyscallFaults.call(
            "keeps-holes",
            "FALLOC_FL_PUNCH_HOLE says that it was done.",
            (mm, call, a) ->
                call == Syscall.FALLOCATE && (a[1] & Uapi.FALLOC_FL_PUNCH_HOLE) != 0
                    ? 0
                    : mm.syscall(call, a),
            "AS-111"),
        SyscallFaults.floor(
            "waits-without-memory",
            "An access for which there is no memory waits.",
            right -> DelegatingSpace.floor(right, WaitsWithoutMemory::new),
            "AS-112"),
        SyscallFaults.call(
            "watches-writes-too",
            "UFFDIO_REGISTER_MODE_MINOR watches writes, too.",
            (mm, call, a) ->
                call == Syscall.UFFDIO_REGISTER && a[4] == Uffd.REGISTER_MINOR
                    ? mm.syscall(
                        call, a[0], a[1], a[2], a[3], Uffd.REGISTER_MINOR | Uffd.REGISTER_WP)
                    : mm.syscall(call, a),
            "AS-F91"),
        SyscallFaults.floor(
            "populates-to-read",
            "MADV_POPULATE_WRITE does not write.",
            right -> DelegatingSpace.floor(right, PopulatesToRead::new),
            "AS-F90"));
  }

  private static final class WaitsWithoutMemory extends DelegatingSpace {
    WaitsWithoutMemory(AddressSpace inner) {
      super(inner, WaitsWithoutMemory::new);
    }

    @Override
    public TouchOutcome write(long uaddr, int value) {
      TouchOutcome seen = super.write(uaddr, value);
      return seen.kind() == Kind.SEGV_MAPERR
          ? new TouchOutcome(Kind.UFFD_WAIT, uaddr, TouchOutcome.UNKNOWN)
          : seen;
    }
  }

  private static final class PopulatesToRead extends DelegatingSpace {
    PopulatesToRead(AddressSpace inner) {
      super(inner, PopulatesToRead::new);
    }

    @Override
    public long madvise(long addr, long len, long advice) {
      boolean writes = advice == Uapi.MADV_POPULATE_WRITE;
      return super.madvise(addr, len, writes ? Uapi.MADV_POPULATE_READ : advice);
    }
  }
}
