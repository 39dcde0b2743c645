// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Mount;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Makes a recorded call on an address space. Only what the caller passed goes in; the recorded
 * answer never does.
 */
final class CallDriver {
  /** The recorder read a word with ptrace before it let the program jump there. */
  private static final int PEEK_BYTES = 8;

  private static final long PAGE = 4096;
  private static final int PR_SET_MM_MAP = 14;

  /** The recorder's own RLIMIT_STACK. */
  private static final long RECORDER_STACK_BYTES = 8L << 20;

  /** No segment has an identifier with this bit and others. */
  private static final long NO_SEGMENT = 1L << 30;

  private final ProcessFloor floor;
  private final FileTable files;
  private final long limitStruct;
  private final long text;
  private final List<Long> segments = new ArrayList<>();
  private @Nullable String detail;
  private int value = TouchOutcome.UNKNOWN;

  /**
   * A driver for one recording.
   *
   * @param limitStruct where setrlimit's argument lies in user memory, 0 for nowhere
   * @param text where the program makes its calls: executed before each, 0 when page faults of the
   *     program itself are recorded
   */
  CallDriver(ProcessFloor floor, FileTable files, long limitStruct, long text) {
    this.floor = floor;
    this.files = files;
    this.limitStruct = limitStruct;
    this.text = text;
  }

  /** The program runs up to where it makes its calls. */
  void arrive(AddressSpace mm) {
    if (text != 0) {
      mm.execute(text);
    }
  }

  /** Makes the call; fork and exit are not made here. */
  Answer make(AddressSpace mm, VmaEvent.Call call) {
    detail = null;
    value = TouchOutcome.UNKNOWN;
    return switch (call.name()) {
      case MMAP ->
          address(
              mm.mmap(
                  call.arg(0),
                  call.arg(1),
                  call.arg(2),
                  call.arg(3),
                  descriptor(call, 4),
                  call.arg(5)));
      case MUNMAP -> plain(mm.munmap(call.arg(0), call.arg(1)));
      case MPROTECT -> plain(mm.mprotect(call.arg(0), call.arg(1), call.arg(2)));
      case MSYNC -> plain(mm.msync(call.arg(0), call.arg(1), call.arg(2)));
      case MREMAP ->
          address(mm.mremap(call.arg(0), call.arg(1), call.arg(2), call.arg(3), call.arg(4)));
      case BRK -> new Answer.Value(mm.brk(call.arg(0)), true);
      case MADVISE -> plain(mm.madvise(call.arg(0), call.arg(1), call.arg(2)));
      case MLOCK -> plain(mm.mlock(call.arg(0), call.arg(1)));
      case MUNLOCK -> plain(mm.munlock(call.arg(0), call.arg(1)));
      case MLOCK2 -> plain(mm.mlock2(call.arg(0), call.arg(1), call.arg(2)));
      case MLOCKALL -> plain(mm.mlockall(call.arg(0)));
      case MUNLOCKALL -> plain(mm.munlockall());
      case MSEAL -> plain(mm.mseal(call.arg(0), call.arg(1), call.arg(2)));
      case MINCORE -> mincore(mm, call);
      case SETRLIMIT ->
          plain(
              mm.setrlimit(CallReader.RESOURCES.get((int) call.arg(0)), call.arg(1), limitStruct));
      case READ -> touch(mm.read(call.arg(0)));
      case WRITE -> touch(mm.write(call.arg(0), (int) call.arg(1)));
      case EXEC -> {
        mm.peek(call.arg(0), PEEK_BYTES, RECORDER_STACK_BYTES);
        yield touch(mm.execute(call.arg(0)));
      }
      case FAULT ->
          touch(mm.fault(call.arg(0), call.arg(1) != 0, call.arg(2) != 0, call.arg(3) != 0));
      case WRPKRU -> wrpkru(mm, call);
      case CLEAR_REFS -> plain(mm.clearRefs((int) call.arg(0)));
      case SET_MM_MAP -> setMmMap(mm, call);
      case PAGEMAP_SCAN -> scan(mm, call);
      case MEMFD_CREATE -> memfd(mm, call);
      case USERFAULTFD -> userfaultfd(mm, call);
      case UNLINK -> {
        OpenFile open = files.open(call.open());
        if (open != null) {
          floor.unlink(open.file());
        }
        yield plain(open == null ? -Errno.EBADF : 0);
      }
      case TRUNCATE -> {
        OpenFile open = files.open(call.open());
        yield plain(open == null ? -Errno.EBADF : floor.truncate(open.file(), call.arg(1)));
      }
      case MOUNT -> {
        Mount mount =
            new Mount(CallReader.MOUNTED.get((int) call.arg(1)), call.arg(2), call.arg(3));
        long result = floor.mount(mount);
        if (result == 0) {
          files.mounted(Objects.requireNonNull(call.open()), mount);
        }
        yield plain(result);
      }
      case SET_VMA_NAME -> {
        String name = Objects.requireNonNull(call.open());
        yield plain(mm.setVmaName(call.arg(0), call.arg(1), name.equals("-") ? null : name));
      }
      case SYSCTL ->
          plain(
              floor.writeSysctl(
                  CallReader.SYSCTLS.get((int) call.arg(0)), Long.toString(call.arg(1))));
      case HUGEPAGES -> plain(floor.resizeHugePool(call.arg(0), call.arg(1)));
      case POOL -> plain(poolCount(call.arg(0), call.arg(1)));
      case PKEY_MPROTECT,
          SYS_READ,
          SYS_WRITE,
          PREAD64,
          PWRITE64,
          LSEEK,
          FTRUNCATE,
          FALLOCATE,
          FADVISE64,
          READAHEAD,
          FSYNC,
          FDATASYNC,
          FCNTL,
          SHMGET,
          SHMAT,
          SHMDT,
          SHMCTL,
          REMAP_FILE_PAGES,
          PKEY_ALLOC,
          PKEY_FREE,
          SETUID,
          SETGID,
          MBIND,
          SET_MEMPOLICY,
          GET_MEMPOLICY,
          SET_MEMPOLICY_HOME_NODE,
          MIGRATE_PAGES,
          MOVE_PAGES,
          PRCTL,
          PROCESS_MADVISE,
          CLOSE,
          UFFDIO_API,
          UFFDIO_REGISTER,
          UFFDIO_UNREGISTER,
          UFFDIO_WAKE,
          UFFDIO_COPY,
          UFFDIO_ZEROPAGE,
          UFFDIO_WRITEPROTECT,
          UFFDIO_CONTINUE,
          UFFDIO_POISON,
          UFFDIO_MOVE ->
          syscall(mm, call);
      case FORK, EXIT, OTHER ->
          throw new IllegalArgumentException("call=" + call.name() + " is not made here");
    };
  }

  /** Without keys the instruction does not exist. */
  private static Answer wrpkru(AddressSpace mm, VmaEvent.Call call) {
    try {
      mm.keyRights((int) call.arg(0));
      return plain(0);
    } catch (UnsupportedOperationException e) {
      return new Answer.Signal("SIGILL", "ILLOPN", 0);
    }
  }

  private long poolCount(long pageBytes, long which) {
    for (ProcessFloor.HugePages pool : floor.hugePools()) {
      if (pool.pageBytes() == pageBytes) {
        return switch ((int) which) {
          case 0 -> pool.total();
          case 1 -> pool.free();
          case 2 -> pool.reserved();
          case 3 -> pool.surplus();
          default -> -Errno.ENOENT;
        };
      }
    }
    return -Errno.ENOENT;
  }

  private Answer syscall(AddressSpace mm, VmaEvent.Call call) {
    Syscall syscall = Objects.requireNonNull(call.name().syscall());
    long[] args = call.args().stream().mapToLong(Long::longValue).toArray();
    String open = call.open();
    if (open != null) {
      args[call.name().keys().indexOf("fd")] = files.fd(open);
    }
    if (pointsToArguments(syscall)) {
      arguments(mm);
    }
    if (syscall == Syscall.SHMAT || syscall == Syscall.SHMCTL) {
      args[0] = segment(args[0]);
    }
    long raw = mm.syscall(syscall, args);
    if (syscall == Syscall.SHMGET && !Errno.isError(raw)) {
      return plain(number(raw));
    }
    return call.name().gives() == CallName.Gives.ADDRESS ? address(raw) : plain(raw);
  }

  private static boolean pointsToArguments(Syscall syscall) {
    return switch (syscall) {
      case PROCESS_MADVISE, MBIND, SET_MEMPOLICY, MIGRATE_PAGES, MOVE_PAGES -> true;
      default -> false;
    };
  }

  /** The identifier that a segment has here; recordings count them as they were first given. */
  private long segment(long number) {
    boolean known = number >= 0 && number < segments.size();
    return known ? segments.get((int) number) : number | NO_SEGMENT;
  }

  private long number(long id) {
    int at = segments.indexOf(id);
    if (at < 0) {
      segments.add(id);
    }
    return at < 0 ? segments.size() - 1L : at;
  }

  /** The recorder wrote what the call points to into the page of its arguments. */
  private void arguments(AddressSpace mm) {
    if (limitStruct != 0) {
      mm.write(limitStruct, TouchOutcome.UNKNOWN);
    }
  }

  private Answer memfd(AddressSpace mm, VmaEvent.Call call) {
    String name = Objects.requireNonNull(call.open());
    arguments(mm);
    long fd = mm.memfdCreate(name, call.arg(1));
    if (Errno.isError(fd)) {
      return failure(fd);
    }
    made(mm, name, fd);
    return new Answer.Value(0, false);
  }

  /** A log has a name for it; a recording says the number. */
  private Answer userfaultfd(AddressSpace mm, VmaEvent.Call call) {
    String name = call.open();
    long fd = mm.syscall(Syscall.USERFAULTFD, call.arg(0));
    if (name != null && !Errno.isError(fd)) {
      made(mm, name, fd);
    }
    return plain(fd);
  }

  /** Moves a new descriptor away from all others. */
  private void made(AddressSpace mm, String name, long fd) {
    long moved = mm.syscall(Syscall.DUP2, fd, files.nextMade());
    long _ = mm.syscall(Syscall.CLOSE, fd);
    files.made(name, (int) moved);
  }

  /** The vector of a mincore that worked, or what a scan found; else null. */
  @Nullable String detail() {
    return detail;
  }

  /** The byte that the last read gave, or {@link TouchOutcome#UNKNOWN}. */
  int value() {
    return value;
  }

  private long descriptor(VmaEvent.Call call, int at) {
    String open = call.open();
    return open == null ? call.arg(at) : files.fd(open);
  }

  private Answer mincore(AddressSpace mm, VmaEvent.Call call) {
    Runs runs = new Runs();
    Answer answer = plain(mm.mincore(call.arg(0), call.arg(1), call.arg(2), runs));
    if (answer instanceof Answer.Value) {
      detail = runs.text();
    }
    return answer;
  }

  /** The recorder wrote the struct to the page of its arguments. */
  private Answer setMmMap(AddressSpace mm, VmaEvent.Call call) {
    long addr = call.arg(0);
    if (limitStruct != 0 && (addr & -PAGE) == (limitStruct & -PAGE)) {
      long at = addr;
      for (int i = 2; i < 14; i++, at += Long.BYTES) {
        store(mm, at, call.arg(i), Long.BYTES);
      }
      store(mm, at, call.arg(14), Integer.BYTES);
      store(mm, at + Integer.BYTES, descriptor(call, 15), Integer.BYTES);
    }
    return plain(mm.syscall(Syscall.PRCTL, Uapi.PR_SET_MM, PR_SET_MM_MAP, addr, call.arg(1), 0));
  }

  private static void store(AddressSpace mm, long addr, long value, int bytes) {
    for (int i = 0; i < bytes; i++) {
      mm.write(addr + i, (int) (value >>> (i * Byte.SIZE)) & 255);
    }
  }

  /** The recorder wrote the struct to where the call reads it. */
  private Answer scan(AddressSpace mm, VmaEvent.Call call) {
    arguments(mm);
    PagemapScan request =
        new PagemapScan(
            call.arg(0),
            call.arg(1),
            call.arg(2),
            call.arg(3),
            call.arg(4),
            call.arg(5),
            call.arg(6),
            call.arg(7),
            call.arg(8),
            call.arg(9),
            call.arg(10),
            call.arg(11));
    PagemapScan.Found found = mm.pagemapScan(request);
    if (!Errno.isError(found.result())) {
      StringBuilder text = new StringBuilder("0x" + Long.toHexString(found.walkEnd()));
      for (PagemapScan.Region region : found.regions()) {
        text.append(String.format(":%x-%x:%x", region.start(), region.end(), region.categories()));
      }
      detail = text.toString();
    }
    return plain(found.result());
  }

  /** Bits as run lengths: {@code 1x3,0x2}. */
  private static final class Runs implements AddressSpace.ByteSink {
    private final StringBuilder out = new StringBuilder();
    private int bit = -1;
    private long count;

    @Override
    public void accept(int next) {
      accept(next, 1);
    }

    @Override
    public void accept(int next, long times) {
      if (next != bit) {
        flush();
        bit = next;
      }
      count += times;
    }

    private void flush() {
      if (count > 0) {
        out.append(out.isEmpty() ? "" : ",").append(bit).append('x').append(count);
        count = 0;
      }
    }

    String text() {
      flush();
      return out.toString();
    }
  }

  private static Answer address(long raw) {
    return Errno.isError(raw) ? failure(raw) : new Answer.Value(raw, true);
  }

  private static Answer plain(long raw) {
    return Errno.isError(raw) ? failure(raw) : new Answer.Value(raw, false);
  }

  private static Answer failure(long raw) {
    return new Answer.Failure(Errno.nameOf((int) -raw));
  }

  private Answer touch(TouchOutcome outcome) {
    value = outcome.value();
    return switch (outcome.kind()) {
      case OK -> new Answer.Ok();
      case SEGV_MAPERR -> new Answer.Signal("SIGSEGV", "MAPERR", outcome.uaddr());
      case SEGV_ACCERR -> new Answer.Signal("SIGSEGV", "ACCERR", outcome.uaddr());
      case SEGV_PKUERR -> new Answer.Signal("SIGSEGV", "PKUERR", outcome.uaddr());
      case SEGV_KERNEL -> new Answer.Signal("SIGSEGV", "KERNEL", outcome.uaddr());
      case BUS_ADRERR -> new Answer.Signal("SIGBUS", "ADRERR", outcome.uaddr());
      case UFFD_WAIT -> new Answer.Signal("WAITS", "UFFD", outcome.uaddr());
    };
  }
}
