// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.process.naive.Bits;
import java.util.List;

/** The faults of the cases about what calls leave behind. */
final class EffectFaults {
  private static final int PAGEOUT = 21;

  private EffectFaults() {}

  static List<Fault<VmaIndexProvider>> all() {
    return List.of(
        SyscallFaults.floor(
            "tells-and-does-not-write",
            "mincore says what is resident, and leaves its vector as it was.",
            right -> DelegatingSpace.floor(right, WithoutVector::new),
            "AS-F33"),
        SyscallFaults.floor(
            "pages-nothing-out",
            "MADV_PAGEOUT is MADV_COLD.",
            right ->
                DelegatingSpace.floor(
                    right,
                    Tampered.arguments(
                        Tampered.Call.MADVISE,
                        args -> {
                          args[2] = args[2] == PAGEOUT ? Uapi.MADV_COLD : args[2];
                          return true;
                        })),
            "AS-F34"),
        SyscallFaults.floor(
            "keeps-what-may-drop",
            "MADV_PAGEOUT of droppable memory is MADV_COLD.",
            right -> DelegatingSpace.floor(right, KeepsDroppable::new),
            "AS-F34"),
        SyscallFaults.call(
            "everybody-is-one",
            "setuid and setgid say that they were done.",
            (mm, call, a) ->
                call == Syscall.SETUID || call == Syscall.SETGID ? 0 : mm.syscall(call, a),
            "AS-F35"),
        SyscallFaults.unheard(
            "no-page-more",
            "nr_overcommit_hugepages is not looked at.",
            "nr_overcommit_hugepages",
            "AS-F36"),
        SyscallFaults.call(
            "describes-nothing",
            "IPC_STAT says that it was done.",
            (mm, call, a) ->
                call == Syscall.SHMCTL && a[1] == Uapi.IPC_STAT ? 0 : mm.syscall(call, a),
            "AS-F37"),
        SyscallFaults.floor(
            "waits-for-neighbours",
            "A read of a file maps the pages beside it, wherever they come from.",
            right -> DelegatingSpace.floor(right, ReadsNeighbours::new),
            "AS-82"),
        SyscallFaults.call(
            "reads-the-new-end",
            "ftruncate reads the page that the file ends in.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              if (call == Syscall.FTRUNCATE && result == 0) {
                long _ = mm.syscall(Syscall.PREAD64, a[0], SyscallFaults.SCRATCH, 1, a[1] - 1);
              }
              return result;
            },
            "AS-89"),
        SyscallFaults.call(
            "remaps-what-is-gone",
            "remap_file_pages has no errors.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              return call == Syscall.REMAP_FILE_PAGES ? 0 : result;
            },
            "AS-F08"),
        SyscallFaults.call(
            "drops-what-took-nothing",
            "A write that could copy nothing leaves no page in the cache.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              if (call == Syscall.PWRITE64 && result == -Errno.EFAULT) {
                long end = mm.syscall(Syscall.LSEEK, a[0], 0, 2);
                long _ = mm.syscall(Syscall.FTRUNCATE, a[0], a[3] & -Bits.PAGE);
                long _ = mm.syscall(Syscall.FTRUNCATE, a[0], end);
              }
              return result;
            },
            "AS-F38"),
        SyscallFaults.floor(
            "time-stands-still",
            "What nobody knows is read as zero.",
            right -> DelegatingSpace.floor(right, Zeroes::new),
            "AS-F39"),
        SyscallFaults.call(
            "every-read-is-a-stream",
            "A read of a page brings the next one, too.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              if (call == Syscall.PREAD64 && result > 0) {
                long _ = mm.syscall(call, a[0], a[1], a[2], a[3] + Bits.PAGE);
              }
              return result;
            },
            "AS-F40"),
        SyscallFaults.call(
            "counts-segments",
            "Index and identifier are one number.",
            (mm, call, a) ->
                call == Syscall.SHMCTL && a[1] == Uapi.SHM_STAT
                    ? mm.syscall(call, a[0], Uapi.IPC_STAT, a[2])
                    : mm.syscall(call, a),
            "AS-F41"),
        SyscallFaults.call(
            "index-with-all-bits",
            "SHM_STAT finds no segment by more than an index.",
            (mm, call, a) ->
                call == Syscall.SHMCTL && a[1] == Uapi.SHM_STAT && a[0] > 0x7fff
                    ? -Errno.EINVAL
                    : mm.syscall(call, a),
            "AS-F41"));
  }

  private static final class ReadsNeighbours extends DelegatingSpace {
    ReadsNeighbours(AddressSpace inner) {
      super(inner, ReadsNeighbours::new);
    }

    @Override
    public TouchOutcome read(long uaddr) {
      TouchOutcome seen = super.read(uaddr);
      inner.forEachVma(
          uaddr,
          uaddr + 1,
          vma -> {
            if (!vma.name().isEmpty() && uaddr - Bits.PAGE >= vma.start()) {
              TouchOutcome _ = inner.read(uaddr - Bits.PAGE);
            }
          });
      return seen;
    }
  }

  private static final class KeepsDroppable extends DelegatingSpace {
    KeepsDroppable(AddressSpace inner) {
      super(inner, KeepsDroppable::new);
    }

    @Override
    public long madvise(long addr, long len, long advice) {
      boolean[] droppable = {false};
      inner.forEachVma(addr, addr + 1, vma -> droppable[0] = vma.flags().contains("dp"));
      boolean cold = advice == PAGEOUT && droppable[0];
      return super.madvise(addr, len, cold ? Uapi.MADV_COLD : advice);
    }
  }

  private static final class WithoutVector extends DelegatingSpace {
    WithoutVector(AddressSpace inner) {
      super(inner, WithoutVector::new);
    }

    @Override
    public long mincore(long addr, long len, long vec, ByteSink sink) {
      int before = inner.read(vec).value();
      int second = inner.read(vec + 1).value();
      long result = super.mincore(addr, len, vec, sink);
      TouchOutcome _ = inner.write(vec, before);
      TouchOutcome _ = inner.write(vec + 1, second);
      return result;
    }
  }

  private static final class Zeroes extends DelegatingSpace {
    Zeroes(AddressSpace inner) {
      super(inner, Zeroes::new);
    }

    @Override
    public TouchOutcome read(long uaddr) {
      TouchOutcome seen = super.read(uaddr);
      return seen.ok() && seen.value() == TouchOutcome.UNKNOWN
          ? new TouchOutcome(seen.kind(), seen.uaddr(), 0)
          : seen;
    }
  }
}
