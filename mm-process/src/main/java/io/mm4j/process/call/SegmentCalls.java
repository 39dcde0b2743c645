// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.IpcPerm;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.mm.SegmentUse;
import io.mm4j.process.mm.Segments;
import io.mm4j.process.mm.Segments.Segment;
import io.mm4j.process.page.HugePool;
import io.mm4j.process.vma.Vma;

/**
 * System V shared memory: {@code newseg}, {@code do_shmat}, {@code ksys_shmdt}, {@code shmctl}
 * (ipc/shm.c, Linux 6.18). Each shmat opens the segment's file anew, so that two attachments never
 * merge.
 */
final class SegmentCalls {
  /** {@code ipcid_to_idx} (ipc/util.h): the bits of an identifier that are its index. */
  private static final int INDEX = 0x7fff;

  private static final long READS = 4;
  private static final long WRITES = 2;
  private static final long EXECUTES = 1;
  private static final int SHMID_DS_BYTES = 112;
  private static final int SHMINFO_BYTES = 72;
  private static final int SHM_INFO_BYTES = 48;

  /** Places in {@code struct ipc64_perm}. */
  private static final int UID = 4;

  private static final int GID = 8;
  private static final int MODE = 20;

  private final Mm mm;
  private final MmapCall mmap;
  private final Unmapper unmapper;
  private final Touch touch;

  SegmentCalls(Mm mm, MmapCall mmap, Unmapper unmapper, Touch touch) {
    this.mm = mm;
    this.mmap = mmap;
    this.unmapper = unmapper;
    this.touch = touch;
  }

  /** shmget. */
  long shmget(long keyArg, long bytes, long flags) {
    long key = (int) keyArg;
    Segments segments = mm.context.segments;
    Segment found = segments.find(key);
    if (found != null) {
      if ((flags & (Uapi.IPC_CREAT | Uapi.IPC_EXCL)) == (Uapi.IPC_CREAT | Uapi.IPC_EXCL)) {
        return mm.error(Errno.EEXIST, "a segment has this key");
      }
      if (Long.compareUnsigned(bytes, found.bytes()) > 0) {
        return mm.error(Errno.EINVAL, "the segment of this key is smaller");
      }
      return found.perm().denies(mm, (flags >> 6 | flags >> 3 | flags) & 7)
          ? mm.error(Errno.EACCES, "the mode of the segment does not allow it")
          : found.id();
    }
    if (key != Segments.PRIVATE && (flags & Uapi.IPC_CREAT) == 0) {
      return mm.error(Errno.ENOENT, "no segment has this key");
    }
    if (bytes == 0 || Long.compareUnsigned(bytes, segments.mostBytes()) > 0) {
      return mm.error(Errno.EINVAL, "a segment has 1 byte to kernel.shmmax");
    }
    if (segments.isTooMuch(bytes)) {
      return mm.error(Errno.ENOSPC, "more pages of all segments than kernel.shmall");
    }
    if ((flags & Uapi.SHM_HUGETLB) != 0) {
      return huge(key, bytes, flags);
    }
    if (bytes < 0) {
      return mm.error(Errno.EINVAL, "larger than any file");
    }
    // With vm.overcommit_memory 2 the wish not to reserve does not count.
    boolean reserve = (flags & Uapi.SHM_NORESERVE) == 0 || mm.sysctls().overcommitMemory() == 2;
    long pages = reserve ? (bytes + Mm.PAGE - 1) >>> 12 : 0;
    if (pages != 0 && !mm.accounting.chargeShared(pages)) {
      return mm.error(Errno.ENOMEM, "overcommit");
    }
    if (segments.isFull()) {
      mm.accounting.unchargeShared(pages);
      return full();
    }
    MappedFile file = Segments.file(key, MappedFile.Kind.TMPFS, bytes);
    return segments.add(key, bytes, made(flags), pages, file, mm.pid).id();
  }

  private long full() {
    return mm.error(Errno.ENOSPC, "as many segments as there can be (kernel.shmmni)");
  }

  /** {@code hugetlb_file_setup}; {@code vm.hugetlb_shm_group} is 0. */
  private long huge(long key, long bytes, long flags) {
    HugePool pool = mm.context.hugePools().ofLog(flags >>> Uapi.MAP_HUGE_SHIFT & 63);
    if (pool == null) {
      return mm.error(Errno.EINVAL, "no huge pages of this size");
    }
    if (!mm.capable(Capability.IPC_LOCK) && mm.gid != 0) {
      return mm.error(Errno.EPERM, "SHM_HUGETLB without CAP_IPC_LOCK, and not in the group");
    }
    long pages = (bytes + pool.pageBytes() - 1) / pool.pageBytes();
    MappedFile file = Segments.file(key, pool.fileKind(), pages * pool.pageBytes());
    boolean reserve = (flags & Uapi.SHM_NORESERVE) == 0;
    boolean room = !reserve || pages <= pool.total() + pool.mostSurplus();
    if (room && mm.context.segments.isFull()) {
      return full();
    }
    if (reserve
        && (!room || !mm.huge.of(pool.level()).promiseFile(mm.context.files.of(file), 0, pages))) {
      mm.context.files.closed(file);
      return mm.error(Errno.ENOMEM, "the pool has not so many huge pages");
    }
    return mm.context.segments.add(key, bytes, made(flags), 0, file, mm.pid).id();
  }

  private IpcPerm made(long flags) {
    return new IpcPerm(mm, flags & IpcPerm.RIGHTS);
  }

  /** shmat: an address, or a negated errno. */
  long shmat(long id, long addrIn, long flags) {
    if ((int) id < 0) {
      return mm.error(Errno.EINVAL, "no identifier");
    }
    long addr = addrIn;
    long map = Uapi.MAP_SHARED;
    boolean remap = (flags & Uapi.SHM_REMAP) != 0;
    if (addr != 0) {
      if ((addr & Mm.PAGE - 1) != 0) {
        if ((flags & Uapi.SHM_RND) == 0) {
          return mm.error(Errno.EINVAL, "address not page-aligned, without SHM_RND");
        }
        addr &= Mm.PAGE_MASK;
        if (addr == 0 && remap) {
          return mm.error(Errno.EINVAL, "SHM_REMAP needs an address");
        }
      }
      map |= Uapi.MAP_FIXED;
    } else if (remap) {
      return mm.error(Errno.EINVAL, "SHM_REMAP needs an address");
    }
    boolean readOnly = (flags & Uapi.SHM_RDONLY) != 0;
    long prot =
        Uapi.PROT_READ
            | (readOnly ? 0 : Uapi.PROT_WRITE)
            | ((flags & Uapi.SHM_EXEC) != 0 ? Uapi.PROT_EXEC : 0);
    Segment segment = mm.context.segments.get(id);
    if (segment == null) {
      return mm.error(Errno.EINVAL, "no segment has this identifier");
    }
    long rights = READS | (readOnly ? 0 : WRITES) | ((flags & Uapi.SHM_EXEC) != 0 ? EXECUTES : 0);
    if (segment.perm().denies(mm, rights)) {
      return mm.error(Errno.EACCES, "the mode of the segment does not allow it");
    }
    if (addr != 0 && !remap) {
      long end = addr + segment.file().sizeBytes();
      if (Long.compareUnsigned(end, addr) < 0 || mm.vmas.intersection(addr, end) != null) {
        return mm.error(Errno.EINVAL, "something is mapped there, without SHM_REMAP");
      }
    }
    OpenFile open =
        new OpenFile(segment.file(), readOnly ? OpenFile.Mode.READ_ONLY : OpenFile.Mode.READ_WRITE);
    long at = addr;
    long how = map;
    return mm.context.segments.attach(
        segment, () -> mmap.file(open, at, segment.file().sizeBytes(), prot, how, 0));
  }

  /** shmdt: all parts of the attachment that would begin at an address. */
  long shmdt(long addr) {
    if ((addr & Mm.PAGE - 1) != 0) {
      return mm.error(Errno.EINVAL, "address not page-aligned");
    }
    OpenFile attached = null;
    long end = 0;
    long result = -Errno.EINVAL;
    Vma vma = mm.vmas.find(addr);
    while (vma != null && (attached == null || vma.end - addr <= end)) {
      long from = vma.start;
      long to = vma.end;
      boolean part = vma.pgoff == (from - addr) >>> 12 && isAttachment(vma);
      if (part && (attached == null || attached.equals(vma.file))) {
        attached = vma.file;
        end = Mm.pageAlign(vma.backing == null ? 0 : vma.backing.sizeBytes());
        long _ = unmapper.unmap(from, to); // ksys_shmdt does not ask: a sealed part stays
        result = 0;
      }
      vma = mm.vmas.find(to);
    }
    return result == 0 ? 0 : mm.error(Errno.EINVAL, "no segment is attached there");
  }

  /** {@code vm_ops == &shm_vm_ops}. */
  static boolean isAttachment(Vma vma) {
    return vma.backing != null && vma.backing.isSegment();
  }

  /** shmctl. */
  long shmctl(long id, long cmd, long buf) {
    if ((int) id < 0) {
      return mm.error(Errno.EINVAL, "no identifier");
    }
    return switch ((int) cmd) {
      case (int) Uapi.IPC_INFO -> info(buf);
      case (int) Uapi.SHM_INFO -> use(buf);
      case (int) Uapi.SHM_STAT, (int) Uapi.SHM_STAT_ANY ->
          statAt((int) id & INDEX, buf, cmd == Uapi.SHM_STAT_ANY);
      case (int) Uapi.IPC_RMID,
          (int) Uapi.IPC_SET,
          (int) Uapi.IPC_STAT,
          (int) Uapi.SHM_LOCK,
          (int) Uapi.SHM_UNLOCK ->
          ofOne(id, cmd, buf);
      default -> mm.error(Errno.EINVAL, "no command");
    };
  }

  /** What is done with one segment, of which the identifier is given. */
  private long ofOne(long id, long cmd, long buf) {
    if (cmd == Uapi.IPC_SET && !touch.kernelRead(buf, SHMID_DS_BYTES)) {
      return mm.error(Errno.EFAULT, "struct shmid_ds cannot be read");
    }
    Segment segment = mm.context.segments.get(id);
    if (segment == null) {
      return mm.error(Errno.EINVAL, "no segment has this identifier");
    }
    return switch ((int) cmd) {
      case (int) Uapi.IPC_STAT -> stat(segment, buf, false);
      case (int) Uapi.SHM_LOCK, (int) Uapi.SHM_UNLOCK -> lock(segment, cmd == Uapi.SHM_LOCK);
      default -> down(segment, cmd, buf);
    };
  }

  /** {@code shmctl_stat}. */
  private long stat(Segment segment, long buf, boolean anybody) {
    if (!anybody && segment.perm().denies(mm, READS)) {
      return mm.error(Errno.EACCES, "the mode of the segment does not allow it");
    }
    if (!touch.kernelWrite(buf, SHMID_DS_BYTES)) {
      return mm.error(Errno.EFAULT, "struct shmid_ds cannot be written");
    }
    describe(segment, new UserBytes(mm, buf));
    return 0;
  }

  /** The same of an index, or of an identifier, whose lower bits are one; gives the identifier. */
  private long statAt(int index, long buf, boolean anybody) {
    Segment segment = mm.context.segments.at(index);
    if (segment == null) {
      return mm.error(Errno.EINVAL, "no segment has this index");
    }
    long error = stat(segment, buf, anybody);
    return error != 0 ? error : segment.id();
  }

  /** {@code shmctl_ipc_info}: the limits; gives the highest index. */
  private long info(long buf) {
    if (!touch.kernelWrite(buf, SHMINFO_BYTES)) {
      return mm.error(Errno.EFAULT, "struct shminfo cannot be written");
    }
    UserBytes to = new UserBytes(mm, buf);
    Segments segments = mm.context.segments;
    to.number(segments.mostBytes(), Long.BYTES); // shmmax
    to.number(1, Long.BYTES); // shmmin
    to.number(segments.most(), Long.BYTES); // shmmni
    to.number(segments.most(), Long.BYTES); // shmseg
    to.number(segments.mostPages(), Long.BYTES); // shmall
    to.fill(0, 4L * Long.BYTES);
    return segments.highestIndex();
  }

  /** {@code shmctl_shm_info}: what all of them have; gives the highest index. */
  private long use(long buf) {
    if (!touch.kernelWrite(buf, SHM_INFO_BYTES)) {
      return mm.error(Errno.EFAULT, "struct shm_info cannot be written");
    }
    long pages = 0;
    long inMemory = 0;
    for (Segment segment : mm.context.segments.all()) {
      pages += Segments.pages(segment);
      inMemory += mm.context.files.framesOf(segment.file());
    }
    UserBytes to = new UserBytes(mm, buf);
    to.number(mm.context.segments.all().size(), Long.BYTES); // used_ids, and padding
    to.number(pages, Long.BYTES);
    to.number(inMemory, Long.BYTES);
    to.fill(0, 3L * Long.BYTES); // there is no swap
    return mm.context.segments.highestIndex();
  }

  /** {@code shmctl_down}: who owns or made it may remove it and give it away. */
  private long down(Segment segment, long cmd, long buf) {
    if (!segment.perm().mayChange(mm)) {
      return mm.error(Errno.EPERM, "neither owner nor maker of the segment");
    }
    if (cmd == Uapi.IPC_RMID) {
      mm.context.segments.remove(segment);
      return 0;
    }
    IpcPerm perm = segment.perm();
    long uid = load(buf + UID, perm.uid());
    long gid = load(buf + GID, perm.gid());
    if (!perm.change(uid, gid, load(buf + MODE, perm.mode()))) {
      return mm.error(Errno.EINVAL, "no such user or group");
    }
    segment.use().changed();
    return 0;
  }

  /** A number of four bytes in user memory; what it was before if nobody here knows it. */
  private long load(long addr, long before) {
    long value = 0;
    for (int i = 0; i < Integer.BYTES; i++) {
      int next = touch.access(addr + i, Touch.Access.READ, TouchOutcome.UNKNOWN).value();
      if (next < 0) {
        return before;
      }
      value |= (long) next << (i * Byte.SIZE);
    }
    return value;
  }

  /** {@code shmctl_do_lock}. */
  private long lock(Segment segment, boolean on) {
    if (!mm.capable(Capability.IPC_LOCK)
        && (!segment.perm().isOwner(mm) || (on && mm.limit(ResourceLimit.MEMLOCK) == 0))) {
      return mm.error(Errno.EPERM, "neither CAP_IPC_LOCK nor owner, or RLIMIT_MEMLOCK is 0");
    }
    if (segment.file().kind() != MappedFile.Kind.TMPFS) {
      return 0; // huge pages of the pool stay in memory anyhow
    }
    if (!on) {
      mm.context.segments.unlock(segment);
      return 0;
    }
    return mm.context.segments.lock(segment, mm)
        ? 0
        : mm.error(Errno.ENOMEM, "RLIMIT_MEMLOCK: the user has locked too much");
  }

  /** {@code struct shmid64_ds}: without a clock its times and PIDs are not known. */
  private void describe(Segment segment, UserBytes to) {
    IpcPerm perm = segment.perm();
    to.number(mm.context.segments.keyOf(segment), Integer.BYTES);
    to.number(perm.uid(), Integer.BYTES);
    to.number(perm.gid(), Integer.BYTES);
    to.number(perm.creatorUid(), Integer.BYTES);
    to.number(perm.creatorGid(), Integer.BYTES);
    to.number(perm.mode(), Integer.BYTES);
    to.number(segment.id() >>> 15, Short.BYTES); // seq
    to.number(0, Short.BYTES + Integer.BYTES + 2 * Long.BYTES);
    to.number(segment.bytes(), Long.BYTES);
    if (mm.context.hasClock()) {
      SegmentUse use = segment.use();
      to.number(use.attachedSeconds(), Long.BYTES);
      to.number(use.detachedSeconds(), Long.BYTES);
      to.number(use.changedSeconds(), Long.BYTES);
      to.number(use.creator(), Integer.BYTES);
      to.number(use.last(), Integer.BYTES);
    } else {
      to.unknown(4 * Long.BYTES);
    }
    to.number(mm.context.files.of(segment.file()).vmas().size(), Long.BYTES);
    to.number(0, 2 * Long.BYTES);
  }
}
