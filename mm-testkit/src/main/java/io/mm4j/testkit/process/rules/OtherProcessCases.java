// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of memory that another process reads and writes, and of descriptors that only name. */
public final class OtherProcessCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Debuggers and message passing read memory of others.",
          "bytes of another process that it never had, or an error where Linux has a short count");

  private static final long PAGE = Bits.PAGE;
  private static final int WRITE = 2;
  private static final long NOBODY = 65_534;

  /** Where a caller's own ranges are, and the other's. */
  private static final long LOCAL = FAR;

  private static final long REMOTE = FAR + 32;
  private static final long BUFFER = FAR + PAGE;

  private OtherProcessCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F70",
            "memory-of-another",
            "process_vm_readv and process_vm_writev copy between ranges of two processes, whatever"
                + " their lengths; the other's pages of a range are brought first, by its rights"
                + " and not beyond its mappings; a short count tells where it ended.",
            "process_vm_rw_core (mm/process_vm_access.c); LTP process_vm_readv02, 03, writev02",
            OtherProcessCases::copied),
        GROUP.rule(
            "AS-F71",
            "refusals-of-another",
            "Flags, too many ranges, ranges that cannot be read and negative lengths are refused"
                + " in this order, before the process is looked for; nothing to copy is 0; a"
                + " process of another user, or one that was another's, is refused.",
            "import_iovec, process_vm_rw, mm_access; LTP process_vm01",
            setup -> {
              setup.uid = 0;
              setup.gid = 0;
            },
            OtherProcessCases::refused),
        GROUP.rule(
            "AS-F72",
            "names-only",
            "A descriptor of O_PATH can be copied and closed; for whatever uses the file it is no"
                + " descriptor.",
            "fdget, FMODE_PATH; gVisor MmapFileWithOpath",
            OtherProcessCases::path));
  }

  private static void word(Rig rig, long at, long value) {
    for (int i = 0; i < Long.BYTES; i++) {
      rig.put(at + i, (int) (value >>> (i * Byte.SIZE)) & 255);
    }
  }

  private static void range(Rig rig, long at, long addr, long bytes) {
    word(rig, at, addr);
    word(rig, at + Long.BYTES, bytes);
  }

  private static long copy(Rig rig, Rig other, boolean write, long locals, long remotes) {
    Syscall call = write ? Syscall.PROCESS_VM_WRITEV : Syscall.PROCESS_VM_READV;
    return rig.mm.syscall(call, other.mm.pid(), LOCAL, locals, REMOTE, remotes, 0);
  }

  private static void copied(Rig rig) {
    rig.map(FAR, 4 * PAGE, RW);
    Rig other = rig.fork();
    other.map(A, 8 * PAGE, RW);
    for (int i = 0; i < 64; i++) {
      other.put(A + PAGE - 32 + i, i + 1);
    }
    range(rig, LOCAL, BUFFER, 10);
    range(rig, LOCAL + 16, BUFFER + PAGE - 5, 20);
    range(rig, REMOTE, A + PAGE - 4, 7);
    range(rig, REMOTE + 16, A + PAGE + 20, 40);
    rig.gives("read", 30, copy(rig, other, false, 2, 2));
    rig.has(BUFFER, 29);
    rig.has(BUFFER + 6, 35);
    rig.has(BUFFER + 7, 53);
    rig.has(BUFFER + PAGE - 5, 56);
    rig.has(BUFFER + PAGE, 61);
    range(rig, LOCAL, BUFFER, 1);
    range(rig, REMOTE, A + 2 * PAGE, 3 * PAGE);
    rig.gives("write of a byte", 1, copy(rig, other, true, 1, 1));
    other.has(A + 2 * PAGE, 29);
    Looks.pages(other, A, 8 * PAGE, "A5,.3");
    other.unmap(A + 6 * PAGE, PAGE);
    other.protect(A + 7 * PAGE, PAGE, WRITE);
    range(rig, LOCAL, BUFFER, 3 * PAGE);
    range(rig, REMOTE, A + 5 * PAGE + 100, 2 * PAGE);
    rig.gives("read up to a hole", PAGE - 100, copy(rig, other, false, 1, 1));
    range(rig, REMOTE, A + 7 * PAGE, PAGE);
    Looks.fails(rig, "no PROT_READ", Errno.EFAULT, copy(rig, other, false, 1, 1));
    rig.gives("write there", PAGE, copy(rig, other, true, 1, 1));
    other.protect(A, PAGE, READ);
    range(rig, REMOTE, A, PAGE);
    Looks.fails(rig, "no PROT_WRITE", Errno.EFAULT, copy(rig, other, true, 1, 1));
    rig.protect(FAR + 2 * PAGE, PAGE, READ);
    range(rig, LOCAL, BUFFER + 50, 2 * PAGE);
    range(rig, REMOTE, A, 2 * PAGE);
    rig.gives("to PROT_READ of its own", PAGE - 50, copy(rig, other, false, 1, 1));
    range(rig, LOCAL, FAR + 2 * PAGE, PAGE);
    Looks.fails(rig, "only there", Errno.EFAULT, copy(rig, other, false, 1, 1));
    range(rig, LOCAL, BUFFER, 4);
    range(rig, REMOTE, BUFFER + 100, 4);
    rig.gives("of itself", 4, copy(rig, rig, true, 1, 1));
    rig.has(BUFFER + 100, rig.mm.read(BUFFER).value());
  }

  private static long plain(Rig rig, long pid, long lvec, long locals, long rvec, long remotes) {
    return rig.mm.syscall(Syscall.PROCESS_VM_READV, pid, lvec, locals, rvec, remotes, 0);
  }

  private static void refused(Rig rig) {
    rig.map(FAR, 2 * PAGE, RW);
    range(rig, LOCAL, BUFFER, PAGE);
    range(rig, REMOTE, BUFFER, PAGE);
    long me = rig.mm.pid();
    long flags = rig.mm.syscall(Syscall.PROCESS_VM_READV, -1, -1, 1, -1, 1, 1);
    Looks.fails(rig, "flags", Errno.EINVAL, flags);
    Looks.fails(rig, "1025 of its own", Errno.EINVAL, plain(rig, me, -1, 1025, REMOTE, 1));
    Looks.fails(rig, "1025 of another", Errno.EINVAL, plain(rig, -1, LOCAL, 1, -1, 1025));
    Looks.fails(rig, "its own at -1", Errno.EFAULT, plain(rig, me, -1, 1, REMOTE, 1));
    Looks.fails(rig, "its own in a hole", Errno.EFAULT, plain(rig, me, A, 1, REMOTE, 1));
    Looks.fails(rig, "the other's at -1", Errno.EFAULT, plain(rig, -1, LOCAL, 1, -1, 1));
    Looks.fails(rig, "nobody", Errno.ESRCH, plain(rig, -1, LOCAL, 1, REMOTE, 1));
    rig.gives("nothing of another", 0, plain(rig, -1, LOCAL, 1, REMOTE, 0));
    rig.gives("nothing of its own", 0, plain(rig, -1, LOCAL, 0, -1, 1));
    range(rig, REMOTE, BUFFER, -1);
    Looks.fails(rig, "-1 bytes of another", Errno.EINVAL, plain(rig, -1, LOCAL, 1, REMOTE, 1));
    range(rig, REMOTE, -1, PAGE);
    Looks.fails(rig, "another at -1", Errno.EFAULT, plain(rig, me, LOCAL, 1, REMOTE, 1));
    range(rig, LOCAL, -1, PAGE);
    Looks.fails(rig, "to -1", Errno.EFAULT, plain(rig, me, LOCAL, 1, REMOTE, 1));
    range(rig, LOCAL, BUFFER, PAGE);
    range(rig, REMOTE, BUFFER, PAGE);
    Rig other = rig.fork();
    other.gives("setuid", 0, other.mm.syscall(Syscall.SETUID, NOBODY));
    Looks.fails(other, "another user", Errno.EPERM, plain(other, me, LOCAL, 1, REMOTE, 1));
    other.gives("itself", PAGE, plain(other, other.mm.pid(), LOCAL, 1, REMOTE, 1));
    Rig child = other.fork();
    Looks.fails(
        child, "once root's", Errno.EPERM, plain(child, other.mm.pid(), LOCAL, 1, REMOTE, 1));
    child.mm.exit();
    Looks.fails(
        rig, "one that has ended", Errno.ESRCH, plain(rig, child.mm.pid(), LOCAL, 1, REMOTE, 1));
  }

  private static void path(Rig rig) {
    int fd = CaseSetup.PATH;
    rig.map(FAR, PAGE, RW);
    Looks.fails(rig, "mmap", Errno.EBADF, rig.mm.mmap(A, PAGE, READ, 2, fd, 0));
    rig.gives("anonymous", A, rig.mm.mmap(A, PAGE, READ, 0x32, fd, 0));
    bad(rig, Syscall.READ, fd, FAR, 1);
    bad(rig, Syscall.PWRITE64, fd, FAR, 1, 0);
    bad(rig, Syscall.LSEEK, fd, 0, 0);
    bad(rig, Syscall.FTRUNCATE, fd, 0);
    bad(rig, Syscall.FALLOCATE, fd, 0, 0, 1);
    bad(rig, Syscall.FADVISE64, fd, 0, 0, 0);
    bad(rig, Syscall.READAHEAD, fd, 0, 1);
    bad(rig, Syscall.FSYNC, fd);
    bad(rig, Syscall.FCNTL, fd, Uapi.F_GET_SEALS, 0);
    rig.gives("dup2", 50, rig.mm.syscall(Syscall.DUP2, fd, 50));
    bad(rig, Syscall.FSYNC, 50);
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, fd));
  }

  private static void bad(Rig rig, Syscall call, long... args) {
    Looks.fails(rig, call + " of O_PATH", Errno.EBADF, rig.mm.syscall(call, args));
  }
}
