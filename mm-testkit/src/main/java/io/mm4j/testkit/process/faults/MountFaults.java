// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import java.util.List;

/** The faults of the cases about file systems with a size, secret memory, pipes, collapse. */
final class MountFaults {
  private static final int NORESERVE = 0x4000;

  private MountFaults() {}

  static List<Fault<VmaIndexProvider>> all() {
    return List.of(
        SyscallFaults.call(
            "holes-keep-their-blocks",
            "fallocate says that it has made a hole, and takes no page out of the file.",
            (mm, call, a) ->
                call == Syscall.FALLOCATE && (a[1] & Uapi.FALLOC_FL_PUNCH_HOLE) != 0
                    ? 0
                    : mm.syscall(call, a),
            "AS-F46"),
        SyscallFaults.floor(
            "promises-nothing",
            "Every mapping is made as if it had MAP_NORESERVE.",
            right ->
                DelegatingSpace.floor(
                    right,
                    Tampered.arguments(
                        Tampered.Call.MMAP,
                        args -> {
                          args[3] |= NORESERVE;
                          return true;
                        })),
            "AS-F47"),
        SyscallFaults.call(
            "no-secrets",
            "memfd_secret makes a file as memfd_create does.",
            (mm, call, a) ->
                call == Syscall.MEMFD_SECRET && a[0] == 0
                    ? mm.memfdCreate("secretmem", 0)
                    : mm.syscall(call, a),
            "AS-F48"),
        SyscallFaults.floor(
            "collapses-its-own",
            "MADV_COLLAPSE of shared memory says that it has worked.",
            right -> DelegatingSpace.floor(right, OnlyPrivate::new),
            "AS-F59"),
        SyscallFaults.call(
            "writes-parts-of-pages",
            "A write is made byte by byte.",
            (mm, call, a) -> {
              if (call != Syscall.WRITE) {
                return mm.syscall(call, a);
              }
              long done = 0;
              long last = 1;
              while (done < a[2] && last > 0) {
                last = mm.syscall(call, a[0], a[1] + done, 1);
                done += Math.max(0, last);
              }
              return done > 0 ? done : last;
            },
            "AS-F49"));
  }

  private static final class OnlyPrivate extends DelegatingSpace {
    OnlyPrivate(AddressSpace inner) {
      super(inner, OnlyPrivate::new);
    }

    @Override
    public long madvise(long addr, long len, long advice) {
      boolean[] shared = {false};
      inner.forEachVma(addr, addr + 1, vma -> shared[0] = vma.flags().contains("sh"));
      boolean skips = advice == Uapi.MADV_COLLAPSE && shared[0];
      return skips ? 0 : super.madvise(addr, len, advice);
    }
  }
}
