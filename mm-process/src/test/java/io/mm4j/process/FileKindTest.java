// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What a file is does not follow from its name. */
class FileKindTest {
  private static final long EXE_FILE = 13;

  @Test
  void aFileThatIsCalledLikeASegmentIsNone() {
    try (Rig rig = new Rig()) {
      MappedFile file = new MappedFile("/SYSV-notes", MappedFile.Kind.EXT4, 8192, at -> 0);
      rig.mm.installFd(5, new OpenFile(file, OpenFile.Mode.READ_ONLY));
      long at = rig.mm.mmap(0, 8192, Rig.READ, Uapi.MAP_SHARED, 5, 0);
      assertEquals(-Errno.EINVAL, rig.mm.syscall(Syscall.SHMDT, at));
      assertEquals(0, rig.mm.munmap(at, 8192));
    }
  }

  @Test
  void aFileThatIsCalledLikeAPipeTakesAdvice() {
    try (Rig rig = new Rig()) {
      MappedFile pipe = new MappedFile("pipe:[77]", MappedFile.Kind.PROC, 0);
      MappedFile file = new MappedFile("pipe:77", MappedFile.Kind.EXT4, 8192, at -> 0);
      rig.mm.installFd(5, new OpenFile(pipe, OpenFile.Mode.READ_ONLY));
      rig.mm.installFd(6, new OpenFile(file, OpenFile.Mode.READ_ONLY));
      assertEquals(-Errno.ESPIPE, rig.mm.syscall(Syscall.FADVISE64, 5, 0, -1, 99));
      assertEquals(-Errno.EINVAL, rig.mm.syscall(Syscall.READAHEAD, 5, 0, 1));
      assertEquals(0, rig.mm.syscall(Syscall.FADVISE64, 6, 0, 0, Uapi.POSIX_FADV_WILLNEED));
      assertEquals(0, rig.mm.syscall(Syscall.READAHEAD, 6, 0, 1));
    }
  }

  private static long exeFile(AddressSpace mm, long fd) {
    return mm.syscall(Syscall.PRCTL, Uapi.PR_SET_MM, EXE_FILE, fd, 0, 0);
  }

  @Test
  void whetherAMemfdMayBeExecutedIsItsMode() {
    try (Rig rig = new Rig()) {
      AddressSpace mm =
          rig.floor.createAddressSpace(
              AddressSpaceConfig.defaults().capabilities(Set.of(Capability.SYS_RESOURCE)));
      // EACCES of a program that may be executed: it is open for writing
      long plain = mm.memfdCreate("plain", Uapi.MFD_ALLOW_SEALING);
      assertEquals(-Errno.EACCES, exeFile(mm, plain));
      MappedFile code = new MappedFile("code", MappedFile.Kind.EXT4, 4096, at -> 0);
      mm.installFd(9, new OpenFile(code, OpenFile.Mode.READ_ONLY));
      long start = mm.layout().startCode() & -4096;
      long fixed = Uapi.MAP_PRIVATE | Uapi.MAP_FIXED;
      assertEquals(start, mm.mmap(start, 4096, Rig.READ, fixed, 9, 0));
      assertEquals(-Errno.EBUSY, exeFile(mm, plain));
      assertEquals(0, mm.syscall(Syscall.FCNTL, plain, Uapi.F_ADD_SEALS, Uapi.F_SEAL_EXEC));
      assertEquals(-Errno.EBUSY, exeFile(mm, plain), "sealed with its x bits");
      for (long huge : new long[] {0, Uapi.MFD_HUGETLB}) {
        long never = mm.memfdCreate("never", huge | Uapi.MFD_NOEXEC_SEAL);
        assertEquals(-Errno.EACCES, exeFile(mm, never), "huge=" + huge);
        long may = mm.memfdCreate("may", huge | Uapi.MFD_EXEC);
        assertEquals(-Errno.EBUSY, exeFile(mm, may), "huge=" + huge);
      }
      mm.exit();
    }
  }
}
