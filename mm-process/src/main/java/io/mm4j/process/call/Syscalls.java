// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.vma.Vma;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The calls that have no method of their own, by their numbers, so to speak. */
public final class Syscalls {
  private static final int MOST_ARGUMENTS = 6;

  private final Mm mm;
  private final FileCalls files;
  private final SizeCalls sizes;
  private final SegmentCalls segments;
  private final ProcessCalls process;
  private final FileAdvice advice;
  private final PolicyCalls policies;
  private final ProcessVm others;
  private final UffdCalls uffds;
  private final MprotectCall mprotect;

  Syscalls(
      Mm mm,
      Touch touch,
      FlagChange change,
      MmapCall mmap,
      Unmapper unmapper,
      MprotectCall mprotect,
      MadviseCall madvise) {
    this.mm = mm;
    this.mprotect = mprotect;
    files = new FileCalls(mm, touch);
    sizes = new SizeCalls(mm);
    segments = new SegmentCalls(mm, mmap, unmapper, touch);
    process = new ProcessCalls(mm, touch, mmap, madvise);
    advice = new FileAdvice(mm);
    policies = new PolicyCalls(mm, touch, change);
    others = new ProcessVm(mm, touch);
    uffds = new UffdCalls(mm, touch);
  }

  /** memfd_create. */
  public long memfdCreate(String name, long flags) {
    return sizes.memfdCreate(name, flags);
  }

  /** prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME). */
  public long setVmaName(long addr, long len, @Nullable String name) {
    return process.setVmaName(addr, len, name);
  }

  /** The policy of a VMA as numa_maps shows it. */
  public String policy(Vma vma) {
    return policies.text(vma);
  }

  private long dup2(int from, int to) {
    OpenFile open = mm.descriptors.get(from);
    if (open == null || to < 0) {
      return mm.error(Errno.EBADF, "no such descriptor");
    }
    OpenFile before = mm.descriptors.put(to, open);
    if (before != null) {
      mm.context.files.closed(before.file());
    }
    return to;
  }

  private long close(int fd) {
    OpenFile open = mm.descriptors.remove(fd);
    if (open == null) {
      return mm.error(Errno.EBADF, "no such descriptor");
    }
    mm.context.files.closed(open.file());
    return 0;
  }

  /** Makes one; missing arguments are 0. */
  public long make(Syscall call, long[] args) {
    long[] a = Arrays.copyOf(args, MOST_ARGUMENTS);
    return switch (call) {
      case READ ->
          uffds.isOne(a[0])
              ? uffds.read(a[0], a[1], a[2])
              : files.atPosition(false, a[0], a[1], a[2]);
      case WRITE -> files.atPosition(true, a[0], a[1], a[2]);
      case PREAD64 -> files.at(false, a[0], a[1], a[2], a[3]);
      case PWRITE64 -> files.at(true, a[0], a[1], a[2], a[3]);
      case LSEEK -> files.lseek(a[0], a[1], a[2]);
      case FTRUNCATE -> sizes.ftruncate(a[0], a[1]);
      case FALLOCATE -> sizes.fallocate(a[0], a[1], a[2], a[3]);
      case FADVISE64 -> advice.fadvise(a[0], a[1], a[2], a[3]);
      case READAHEAD -> advice.readahead(a[0], a[1], a[2]);
      case FSYNC, FDATASYNC -> sizes.fsync(a[0]);
      case CLOSE -> close((int) a[0]);
      case DUP2 -> dup2((int) a[0], (int) a[1]);
      case FCNTL -> sizes.fcntl(a[0], a[1], a[2]);
      case PIPE2 -> files.pipe2(a[0], a[1]);
      case MEMFD_SECRET -> sizes.memfdSecret(a[0]);
      case SHMGET -> segments.shmget(a[0], a[1], a[2]);
      case SHMAT -> segments.shmat(a[0], a[1], a[2]);
      case SHMDT -> segments.shmdt(a[0]);
      case SHMCTL -> segments.shmctl(a[0], a[1], a[2]);
      case REMAP_FILE_PAGES -> process.remapFilePages(a[0], a[1], a[2], a[3], a[4]);
      case PKEY_MPROTECT -> mprotect.mprotect(a[0], a[1], a[2], (int) a[3]);
      case PKEY_ALLOC -> process.pkeyAlloc(a[0], a[1]);
      case PKEY_FREE -> process.pkeyFree(a[0]);
      case SETUID -> process.setuid(a[0]);
      case SETGID -> process.setgid(a[0]);
      case MBIND -> policies.mbind(a[0], a[1], a[2], a[3], a[4], a[5]);
      case SET_MEMPOLICY -> policies.setMempolicy(a[0], a[1], a[2]);
      case GET_MEMPOLICY -> policies.getMempolicy(a[0], a[1], a[2], a[3], a[4]);
      case SET_MEMPOLICY_HOME_NODE -> policies.setHomeNode(a[0], a[1], a[2], a[3]);
      case MIGRATE_PAGES -> policies.migratePages(a[0], a[1], a[2]);
      case MOVE_PAGES -> policies.movePage(a[0], a[1], a[2]);
      case PRCTL -> process.prctl(a);
      case PROCESS_VM_READV -> others.transfer(false, a);
      case PROCESS_VM_WRITEV -> others.transfer(true, a);
      case USERFAULTFD -> uffds.open(a[0]);
      case UFFDIO_API,
          UFFDIO_REGISTER,
          UFFDIO_UNREGISTER,
          UFFDIO_WAKE,
          UFFDIO_COPY,
          UFFDIO_ZEROPAGE,
          UFFDIO_WRITEPROTECT,
          UFFDIO_CONTINUE,
          UFFDIO_POISON,
          UFFDIO_MOVE ->
          uffds.ioctl(call, a);
      case PROCESS_MADVISE -> process.madvise(a[0] != 0, a[1], a[2], a[3], a[4]);
    };
  }
}
