// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.vma.Vma;

/**
 * {@code prctl(PR_SET_MM)} (kernel/sys.c, Linux 6.18, CONFIG_CHECKPOINT_RESTORE): says anew where
 * things of a program lie. What hangs on it are the names of heap and stack in maps, stat, VmExe,
 * and brk. One field needs CAP_SYS_RESOURCE; all at once, with PR_SET_MM_MAP, need none.
 *
 * <p>Differs: the auxiliary vector is checked and not kept. No file but one of memfd_create may be
 * executed, since modes are not kept, and no {@code exe_file} is: what holds the first code is it.
 */
final class SetMm {
  private static final int START_CODE = 1;
  private static final int END_CODE = 2;
  private static final int START_DATA = 3;
  private static final int END_DATA = 4;
  private static final int START_STACK = 5;
  private static final int START_BRK = 6;
  private static final int BRK = 7;
  private static final int ARG_START = 8;
  private static final int ENV_END = 11;
  private static final int AUXV = 12;
  private static final int EXE_FILE = 13;
  private static final int MAP = 14;
  private static final int MAP_SIZE = 15;

  /** {@code sizeof(struct prctl_mm_map)}. */
  private static final int MAP_BYTES = 104;

  /** {@code sizeof(mm->saved_auxv)}. */
  private static final long AUXV_BYTES = 448;

  private static final int FIELDS = 11;
  private static final int NO_FILE = -1;

  // Places of fields in struct prctl_mm_map.
  private static final int M_START_CODE = 0;
  private static final int M_END_CODE = 1;
  private static final int M_START_DATA = 2;
  private static final int M_END_DATA = 3;
  private static final int M_START_BRK = 4;
  private static final int M_BRK = 5;
  private static final int M_START_STACK = 6;
  private static final int M_ARG_START = 7;
  private static final int M_ARG_END = 8;
  private static final int M_ENV_START = 9;
  private static final int M_ENV_END = 10;

  private final Mm mm;
  private final Touch touch;

  SetMm(Mm mm, Touch touch) {
    this.mm = mm;
    this.touch = touch;
  }

  /** {@code prctl_set_mm()}; the arguments are those of prctl from the second on. */
  long set(int field, long addr, long arg4, long arg5) {
    boolean takesSize = field == AUXV || field == MAP || field == MAP_SIZE;
    if (arg5 != 0 || (arg4 != 0 && !takesSize)) {
      return mm.error(Errno.EINVAL, "arguments that must be 0");
    }
    if (field == MAP_SIZE) {
      return store(addr, MAP_BYTES) ? 0 : mm.error(Errno.EFAULT, "the size cannot be written");
    }
    if (field == MAP) {
      return map(addr, arg4);
    }
    if (!mm.capable(Capability.SYS_RESOURCE)) {
      return mm.error(Errno.EPERM, "PR_SET_MM needs CAP_SYS_RESOURCE");
    }
    if (field == EXE_FILE) {
      return exeFile((int) addr);
    }
    if (field == AUXV) {
      return auxv(addr, arg4);
    }
    if (Long.compareUnsigned(addr, mm.taskSize()) >= 0 || addr < mm.mmapMinAddr()) {
      return mm.error(Errno.EINVAL, "no address that a process may map");
    }
    return one(field, addr);
  }

  private long one(int field, long addr) {
    int at = place(field);
    if (at < 0) {
      return mm.error(Errno.EINVAL, "no such field");
    }
    long[] fields = now();
    fields[at] = addr;
    long error = check(fields);
    if (error != 0) {
      return error;
    }
    boolean ofStack = field == START_STACK || (field >= ARG_START && field <= ENV_END);
    if (ofStack && mm.vmas.find(addr) == null) {
      return mm.error(Errno.EFAULT, "nothing is mapped there or above");
    }
    take(fields);
    return 0;
  }

  private static int place(int field) {
    return switch (field) {
      case START_CODE -> M_START_CODE;
      case END_CODE -> M_END_CODE;
      case START_DATA -> M_START_DATA;
      case END_DATA -> M_END_DATA;
      case START_STACK -> M_START_STACK;
      case START_BRK -> M_START_BRK;
      case BRK -> M_BRK;
      default ->
          field >= ARG_START && field <= ENV_END ? M_ARG_START + (field - ARG_START) : NO_FILE;
    };
  }

  /** {@code prctl_set_mm_map()}. */
  private long map(long addr, long size) {
    if (size != MAP_BYTES) {
      return mm.error(Errno.EINVAL, "another size of struct prctl_mm_map");
    }
    if (!mm.userRange(addr, MAP_BYTES) || !touch.kernelRead(addr, MAP_BYTES)) {
      return mm.error(Errno.EFAULT, "struct prctl_mm_map cannot be read");
    }
    long[] fields = new long[FIELDS];
    for (int i = 0; i < FIELDS; i++) {
      fields[i] = load(addr + (long) i * Long.BYTES, Long.BYTES);
    }
    long behind = addr + (long) FIELDS * Long.BYTES;
    long auxv = load(behind, Long.BYTES);
    long auxvSize = load(behind + Long.BYTES, Integer.BYTES);
    int exe = (int) load(behind + Long.BYTES + Integer.BYTES, Integer.BYTES);
    long error = check(fields);
    if (error == 0 && auxvSize != 0) {
      error = auxv == 0 ? mm.error(Errno.EINVAL, "no auxiliary vector") : auxv(auxv, auxvSize);
    }
    if (error == 0 && exe != NO_FILE) {
      error =
          mm.capable(Capability.SYS_ADMIN)
              ? exeFile(exe)
              : mm.error(Errno.EPERM, "another program needs CAP_SYS_ADMIN");
    }
    if (error == 0) {
      take(fields);
    }
    return error;
  }

  /** {@code validate_prctl_map_addr()}: 0 or an error. */
  private long check(long[] f) {
    for (long value : f) {
      if (Long.compareUnsigned(value, mm.taskSize()) >= 0 || value < mm.mmapMinAddr()) {
        return mm.error(Errno.EINVAL, "a field is no address that a process may map");
      }
    }
    boolean ordered =
        f[M_START_CODE] < f[M_END_CODE]
            && f[M_START_DATA] <= f[M_END_DATA]
            && f[M_START_BRK] <= f[M_BRK]
            && f[M_ARG_START] <= f[M_ARG_END]
            && f[M_ENV_START] <= f[M_ENV_END];
    if (!ordered) {
      return mm.error(Errno.EINVAL, "an end before its start");
    }
    long limit = mm.limit(ResourceLimit.DATA);
    long data = f[M_BRK] - f[M_START_BRK] + (f[M_END_DATA] - f[M_START_DATA]);
    return limit != ResourceLimit.INFINITY && Long.compareUnsigned(data, limit) > 0
        ? mm.error(Errno.EINVAL, "RLIMIT_DATA: heap and data would exceed it")
        : 0;
  }

  private long[] now() {
    MmLayout layout = mm.layout();
    return new long[] {
      layout.startCode(),
      layout.endCode(),
      layout.startData(),
      layout.endData(),
      layout.startBrk(),
      mm.brk,
      layout.startStack(),
      layout.argStart(),
      layout.argEnd(),
      layout.envStart(),
      layout.envEnd()
    };
  }

  private void take(long[] f) {
    MmLayout layout = mm.layout();
    mm.placed(
        new MmLayout(
            layout.taskSize(),
            layout.mmapBase(),
            layout.topDown(),
            layout.compat32(),
            f[M_START_CODE],
            f[M_END_CODE],
            f[M_START_DATA],
            f[M_END_DATA],
            f[M_START_BRK],
            f[M_BRK],
            f[M_START_STACK],
            f[M_ARG_START],
            f[M_ARG_END],
            f[M_ENV_START],
            f[M_ENV_END]));
  }

  /** {@code prctl_set_auxv()}. */
  private long auxv(long addr, long bytes) {
    if (Long.compareUnsigned(bytes, AUXV_BYTES) > 0) {
      return mm.error(Errno.EINVAL, "an auxiliary vector of more than 448 bytes");
    }
    return bytes == 0 || (mm.userRange(addr, bytes) && touch.kernelRead(addr, bytes))
        ? 0
        : mm.error(Errno.EFAULT, "the auxiliary vector cannot be read");
  }

  /** {@code prctl_set_mm_exe_file()}. */
  private long exeFile(int fd) {
    OpenFile open = mm.open(fd);
    if (open == null) {
      return mm.error(Errno.EBADF, "no such descriptor");
    }
    if (!mm.context.files.of(open.file()).change().isExecutable()) {
      return mm.error(Errno.EACCES, "the file may not be executed");
    }
    Vma code = mm.vmas.lookup(mm.config.layout().startCode());
    return code != null && code.file != null
        ? mm.error(Errno.EBUSY, "the program is still mapped")
        : mm.error(Errno.EACCES, "the file is open for writing");
  }

  private long load(long addr, int bytes) {
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      TouchOutcome read = touch.access(addr + i, Touch.Access.READ, TouchOutcome.UNKNOWN);
      value |= Math.max(0, (long) read.value()) << (i * Byte.SIZE);
    }
    return value;
  }

  private boolean store(long addr, int value) {
    for (int i = 0; i < Integer.BYTES; i++) {
      int next = value >>> (i * Byte.SIZE) & 255;
      if (!touch.access(addr + i, Touch.Access.WRITE, next).ok()) {
        return false;
      }
    }
    return true;
  }
}
