// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** The faults of the cases about others' memory, O_PATH, use of segments and promises. */
final class OtherProcessFaults {
  private static final long PUNCH_HOLE = 3;
  private static final long SEEK_END = 2;
  private static final long HUGE_AT_A_PLACE = 0x40010;

  private OtherProcessFaults() {}

  static List<Fault<VmaIndexProvider>> all() {
    return List.of(
        SyscallFaults.call(
            "all-or-nothing",
            "process_vm_readv up to a hole gives an error and no short count.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              return call == Syscall.PROCESS_VM_READV && result == 4096 - 100
                  ? -Errno.EFAULT
                  : result;
            },
            "AS-F70"),
        SyscallFaults.call(
            "everybody-may-look",
            "process_vm_readv of another user's process finds nothing to copy.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              return call == Syscall.PROCESS_VM_READV && result == -Errno.EPERM ? 0 : result;
            },
            "AS-F71"),
        SyscallFaults.floor(
            "path-reads",
            "A descriptor of O_PATH can be read and mapped.",
            right -> DelegatingSpace.floor(right, Opened::new),
            "AS-F72"),
        SyscallFaults.floor(
            "no-time-goes-by",
            "The clock stands still.",
            right ->
                new DelegatingFloor(right) {
                  @Override
                  public void clock(LongSupplier realSeconds) {
                    long now = realSeconds.getAsLong();
                    super.clock(() -> now);
                  }
                },
            "AS-F73"),
        SyscallFaults.unheard(
            "nothing-is-forced",
            "kernel.shm_rmid_forced is not looked at.",
            "shm_rmid_forced",
            "AS-F74"),
        SyscallFaults.call(
            "holes-take-promises",
            "A hole in a file of huge pages takes back what was promised for it.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              if (call == Syscall.FALLOCATE && a[1] == PUNCH_HOLE) {
                long size = mm.syscall(Syscall.LSEEK, a[0], 0, SEEK_END);
                long _ = mm.syscall(Syscall.FTRUNCATE, a[0], a[2]);
                long _ = mm.syscall(Syscall.FTRUNCATE, a[0], size);
              }
              return result;
            },
            "AS-F75"),
        SyscallFaults.floor(
            "replaced-at-once",
            "What MAP_FIXED replaces gives its promises back before the new mapping asks.",
            right -> DelegatingSpace.floor(right, Replacing::new),
            "AS-F76"));
  }

  private static final class Replacing extends DelegatingSpace {
    Replacing(AddressSpace inner) {
      super(inner, Replacing::new);
    }

    @Override
    public long mmap(long addr, long len, long prot, long flags, long fd, long offsetBytes) {
      if ((flags & HUGE_AT_A_PLACE) == HUGE_AT_A_PLACE) {
        long _ = super.munmap(addr, len);
      }
      return super.mmap(addr, len, prot, flags, fd, offsetBytes);
    }
  }

  private static final class Opened extends DelegatingSpace {
    Opened(AddressSpace inner) {
      super(inner, Opened::new);
    }

    @Override
    public void installFd(int fd, @Nullable OpenFile file) {
      if (file != null && file.mode() == OpenFile.Mode.PATH) {
        super.installFd(fd, new OpenFile(file.file(), OpenFile.Mode.READ_ONLY));
      } else {
        super.installFd(fd, file);
      }
    }
  }
}
