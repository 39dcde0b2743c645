// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.mm.ProtectionKeys;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Calls about a process as a whole, and two that others are made of: prctl (kernel/sys.c),
 * remap_file_pages (mm/mmap.c), process_madvise (mm/madvise.c), pkey_alloc (mm/mprotect.c) of Linux
 * 6.18.
 */
final class ProcessCalls {
  private static final long MDWE_REFUSE_EXEC_GAIN = 1;
  private static final long PKEY_RIGHTS = 3;
  private static final long PR_SET_VMA_ANON_NAME = 0;

  /** {@code ANON_VMA_NAME_MAX_LEN}, with the zero at the end. */
  private static final int MOST_NAME = 80;

  private final Mm mm;
  private final Touch touch;
  private final MmapCall mmap;
  private final MadviseCall madvise;
  private final SetMm setMm;

  ProcessCalls(Mm mm, Touch touch, MmapCall mmap, MadviseCall madvise) {
    this.mm = mm;
    this.touch = touch;
    this.mmap = mmap;
    this.madvise = madvise;
    setMm = new SetMm(mm, touch);
  }

  /** remap_file_pages, which Linux does by mmap since 4.0. */
  long remapFilePages(long addr, long len, long prot, long pgoff, long flagBits) {
    long start = addr & Mm.PAGE_MASK;
    long size = len & Mm.PAGE_MASK;
    long end = start + size;
    if (prot != 0
        || Long.compareUnsigned(end, start) <= 0
        || Long.compareUnsigned(pgoff + (size >>> 12), pgoff) < 0) {
      return mm.error(Errno.EINVAL, "a protection, an empty range, or an offset that wraps");
    }
    Vma vma = mm.vmas.lookup(start);
    if (vma == null || !vma.has(VmFlags.SHARED)) {
      return mm.error(Errno.EINVAL, "no shared mapping there");
    }
    OpenFile file = vma.file;
    for (Vma at = vma; Long.compareUnsigned(end, at.end) > 0; ) {
      Vma next = mm.vmas.next(at);
      if (next == null
          || next.start != at.end
          || !Objects.equals(next.file, vma.file)
          || next.flags != vma.flags) {
        return mm.error(Errno.EINVAL, "the range is not of one mapping");
      }
      at = next;
    }
    if (file == null) {
      return mm.error(Errno.EINVAL, "no file is mapped there");
    }
    long flags =
        (flagBits & Uapi.MAP_NONBLOCK) | Uapi.MAP_SHARED | Uapi.MAP_FIXED | Uapi.MAP_POPULATE;
    flags |= vma.has(VmFlags.LOCKED) ? Uapi.MAP_LOCKED : 0;
    long result = mmap.file(file, start, size, vma.flags & VmFlags.ACCESS, flags, pgoff);
    return Errno.isError(result) ? result : 0;
  }

  /** process_madvise of one range. */
  long madvise(boolean self, long addr, long len, long adviceArg, long flags) {
    if (flags != 0) {
      return mm.error(Errno.EINVAL, "unknown flags");
    }
    int advice = (int) adviceArg;
    if (len < 0) {
      return mm.error(Errno.EINVAL, "negative length");
    }
    long bytes = Math.min(len, Integer.MAX_VALUE & Mm.PAGE_MASK);
    if (!mm.userRange(addr, bytes)) {
      return mm.error(Errno.EFAULT, "the range is not in user space");
    }
    boolean forOthers =
        advice == Uapi.MADV_COLD
            || advice == Uapi.MADV_PAGEOUT
            || advice == Uapi.MADV_WILLNEED
            || advice == Uapi.MADV_COLLAPSE;
    if (!self && !forOthers) {
      return mm.error(Errno.EINVAL, "this advice can be given to oneself only");
    }
    long result = madvise.madvise(addr, bytes, advice);
    return Errno.isError(result) ? result : bytes;
  }

  /** pkey_free. */
  long pkeyFree(long key) {
    return mm.keys != null && mm.keys.free((int) key)
        ? 0
        : mm.error(Errno.EINVAL, "no such protection key was allocated, or the CPU has none");
  }

  /**
   * pkey_alloc: the lowest free key, with its rights. Where there are none, the first time the only
   * key is found free, its rights cannot be set ({@code arch_set_user_pkey_access}), and it is not
   * given back; later none is free.
   */
  long pkeyAlloc(long flags, long rights) {
    if (flags != 0 || (rights & ~PKEY_RIGHTS) != 0) {
      return mm.error(Errno.EINVAL, "unknown flags or rights");
    }
    ProtectionKeys keys = mm.keys;
    if (keys != null) {
      int key = keys.allocate();
      if (key == ProtectionKeys.NONE) {
        return mm.error(Errno.ENOSPC, "all protection keys are allocated");
      }
      keys.rights(key, (int) rights);
      return key;
    }
    if (mm.pkeyLost) {
      return mm.error(Errno.ENOSPC, "the CPU has no protection keys");
    }
    mm.pkeyLost = true;
    return mm.error(Errno.EINVAL, "the CPU has no protection keys");
  }

  /**
   * setuid of a process whose user, real and saved, are one ({@code __sys_setuid}, kernel/sys.c);
   * CAP_SETUID is root's.
   */
  long setuid(long uid) {
    if ((int) uid == -1) {
      return mm.error(Errno.EINVAL, "no such user");
    }
    long user = uid & 0xffff_ffffL;
    if (mm.uid != 0 && mm.uid != user) {
      return mm.error(Errno.EPERM, "only root becomes another user");
    }
    if (mm.uid == 0 && user != 0) {
      mm.dropCapabilities();
    }
    mm.dumpable &= mm.uid == user;
    mm.uid = user;
    return 0;
  }

  /** setgid, likewise. */
  long setgid(long gid) {
    if ((int) gid == -1) {
      return mm.error(Errno.EINVAL, "no such group");
    }
    long group = gid & 0xffff_ffffL;
    if (mm.uid != 0 && mm.gid != group) {
      return mm.error(Errno.EPERM, "only root changes its group");
    }
    mm.dumpable &= mm.gid == group;
    mm.gid = group;
    return 0;
  }

  /** prctl. */
  long prctl(long[] a) {
    return switch ((int) a[0]) {
      case Uapi.PR_SET_THP_DISABLE -> setThpDisable(a);
      case Uapi.PR_GET_THP_DISABLE ->
          (a[1] | a[2] | a[3] | a[4]) != 0
              ? mm.error(Errno.EINVAL, "arguments that must be 0")
              : mm.thpDisable;
      case Uapi.PR_SET_MDWE -> setMdwe(a);
      case Uapi.PR_GET_MDWE ->
          (a[1] | a[2] | a[3] | a[4]) != 0
              ? mm.error(Errno.EINVAL, "arguments that must be 0")
              : mm.mdwe;
      case Uapi.PR_SET_MEMORY_MERGE -> setMemoryMerge(a);
      case Uapi.PR_GET_MEMORY_MERGE ->
          (a[1] | a[2] | a[3] | a[4]) != 0 || !mm.context.hasKsm
              ? mm.error(Errno.EINVAL, "arguments that must be 0")
              : mm.mergesAny ? 1 : 0;
      case Uapi.PR_SET_MM -> setMm.set((int) a[1], a[2], a[3], a[4]);
      case Uapi.PR_SET_VMA -> setVma(a);
      default -> mm.error(Errno.EINVAL, "not about memory, or not modelled");
    };
  }

  /** {@code prctl_set_vma}; the name is read from user memory. */
  private long setVma(long[] a) {
    if (!mm.context.anonVmaNames || a[1] != PR_SET_VMA_ANON_NAME) {
      return mm.error(Errno.EINVAL, "the kernel has no names of anonymous VMAs, or no such option");
    }
    if (a[4] == 0) {
      return setVmaName(a[2], a[3], null);
    }
    StringBuilder name = new StringBuilder();
    for (int i = 0; i < MOST_NAME; i++) {
      TouchOutcome byteRead = touch.access(a[4] + i, Touch.Access.READ, TouchOutcome.UNKNOWN);
      if (!byteRead.ok()) {
        return mm.error(Errno.EFAULT, "the name cannot be read");
      }
      int value = byteRead.value();
      if (value <= 0) { // a byte that nobody knows ends it, too
        return setVmaName(a[2], a[3], name.toString());
      }
      name.append((char) value);
    }
    return mm.error(Errno.EINVAL, "the name is longer than 79 bytes");
  }

  /** {@code PR_SET_VMA_ANON_NAME} with the name at hand. */
  long setVmaName(long addr, long len, @Nullable String name) {
    if (!mm.context.anonVmaNames) {
      return mm.error(Errno.EINVAL, "the kernel has no names of anonymous VMAs");
    }
    if (name != null && (name.length() >= MOST_NAME || !name.chars().allMatch(ProcessCalls::may))) {
      return mm.error(Errno.EINVAL, "the name is longer than 79 bytes, or has bytes it may not");
    }
    return madvise.setName(addr, len, name);
  }

  /** {@code is_valid_name_char}. */
  private static boolean may(int letter) {
    return letter > 0x1f && letter < 0x7f && "\\`$[]".indexOf(letter) < 0;
  }

  private long setThpDisable(long[] a) {
    boolean disable = a[1] != 0;
    boolean wrong =
        (a[3] | a[4]) != 0 || (!disable && a[2] != 0) || (a[2] & ~Mm.EXCEPT_ADVISED) != 0;
    if (wrong) {
      return mm.error(Errno.EINVAL, "unknown flags, or arguments that must be 0");
    }
    mm.thpDisable = disable ? 1 | a[2] : 0;
    return 0;
  }

  /** {@code ksm_enable_merge_any} and {@code ksm_disable_merge_any}. */
  private long setMemoryMerge(long[] a) {
    if ((a[2] | a[3] | a[4]) != 0 || !mm.context.hasKsm) {
      return mm.error(Errno.EINVAL, "arguments that must be 0, or a kernel without KSM");
    }
    boolean on = a[1] != 0;
    if (on == mm.mergesAny) {
      return 0;
    }
    mm.mergesAny = on;
    for (Vma vma = mm.vmas.first(); vma != null; vma = mm.vmas.next(vma)) {
      boolean can = vma.special == Vma.Special.NONE && VmFlags.canMergePages(vma.flags);
      vma.flags = on ? vma.flags | (can ? VmFlags.MERGEABLE : 0) : vma.flags & ~VmFlags.MERGEABLE;
    }
    mm.vmas.changed();
    return 0;
  }

  private long setMdwe(long[] a) {
    long bits = a[1];
    if ((a[2] | a[3] | a[4]) != 0
        || (bits & ~(MDWE_REFUSE_EXEC_GAIN | Mm.MDWE_NO_INHERIT)) != 0
        || bits == Mm.MDWE_NO_INHERIT) {
      return mm.error(Errno.EINVAL, "unknown bits, or arguments that must be 0");
    }
    if (mm.mdwe != 0 && mm.mdwe != bits) {
      return mm.error(Errno.EPERM, "it cannot be taken back");
    }
    mm.mdwe = bits;
    return 0;
  }

  /** {@code map_deny_write_exec}. */
  static boolean deniesExec(Mm mm, long oldFlags, long newFlags) {
    return (mm.mdwe & MDWE_REFUSE_EXEC_GAIN) != 0
        && (newFlags & VmFlags.EXEC) != 0
        && ((newFlags & VmFlags.WRITE) != 0 || (oldFlags & VmFlags.EXEC) == 0);
  }
}
