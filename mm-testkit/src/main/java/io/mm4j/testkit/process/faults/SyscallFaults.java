// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.Floors;
import io.mm4j.testkit.vma.VmaIndexSuite;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The faults of the cases about files that change, segments, the pool and whole processes. */
final class SyscallFaults {
  /** Makes one call in another way. */
  interface Otherwise {
    long make(AddressSpace right, Syscall call, long[] args);
  }

  /** Where the cases have a page that a fault may write to. */
  static final long SCRATCH = 0x18000000L;

  private SyscallFaults() {}

  private static final class Wrapped extends DelegatingSpace {
    private final Otherwise otherwise;

    Wrapped(AddressSpace inner, Otherwise otherwise) {
      super(inner, child -> new Wrapped(child, otherwise));
      this.otherwise = otherwise;
    }

    @Override
    public long syscall(Syscall call, long... args) {
      return otherwise.make(inner, call, args);
    }
  }

  private static final class WithoutHints extends DelegatingSpace {
    WithoutHints(AddressSpace inner) {
      super(inner, WithoutHints::new);
    }

    @Override
    public long mmap(long addr, long len, long prot, long flags, long fd, long offset) {
      boolean looks =
          (flags & Uapi.MAP_FIXED) != 0 || (flags & (Uapi.MAP_HUGETLB | Uapi.MAP_32BIT)) == 0;
      return super.mmap(looks ? addr : 0, len, prot, flags, fd, offset);
    }
  }

  private static final class FindsLost extends DelegatingSpace {
    FindsLost(AddressSpace inner) {
      super(inner, FindsLost::new);
    }

    @Override
    public TouchOutcome read(long uaddr) {
      TouchOutcome seen = super.read(uaddr);
      boolean[] file = {false};
      inner.forEachVma(uaddr, uaddr + 1, vma -> file[0] = vma.name().contains("memfd:"));
      return file[0] && seen.kind() == TouchOutcome.Kind.BUS_ADRERR
          ? new TouchOutcome(TouchOutcome.Kind.OK, uaddr, 1)
          : seen;
    }
  }

  /** Address spaces that make one of their calls otherwise. */
  static Fault<VmaIndexProvider> call(
      String name, String what, Otherwise otherwise, String... rules) {
    return floor(
        name,
        what,
        right -> DelegatingSpace.floor(right, inner -> new Wrapped(inner, otherwise)),
        rules);
  }

  /** A floor that is wrong. */
  static Fault<VmaIndexProvider> floor(
      String name,
      String what,
      java.util.function.UnaryOperator<ProcessFloor> floor,
      String... rules) {
    return new Fault<>(
        name, what, Arrays.asList(rules), new Floors.Wrong(name, VmaIndexSuite.correct(), floor));
  }

  /** A floor that says that it wrote this file under /proc/sys, and keeps what it had. */
  static Fault<VmaIndexProvider> unheard(String name, String what, String sysctl, String rule) {
    return floor(
        name,
        what,
        right ->
            new DelegatingFloor(right) {
              @Override
              public long writeSysctl(String written, String value) {
                return written.equals(sysctl) ? 0 : super.writeSysctl(written, value);
              }
            },
        rule);
  }

  static List<Fault<VmaIndexProvider>> all() {
    return List.of(
        call(
            "segments-without-modes",
            "Everybody may do everything with a segment.",
            (mm, call, a) ->
                call == Syscall.SHMGET
                    ? mm.syscall(call, a[0], a[1], a[2] | 0777)
                    : mm.syscall(call, a),
            "AS-74",
            "AS-90"),
        call(
            "root-is-nobody",
            "Nobody attaches a segment to run what is in it.",
            (mm, call, a) ->
                call == Syscall.SHMAT && (a[2] & Uapi.SHM_EXEC) != 0
                    ? -Errno.EACCES
                    : mm.syscall(call, a),
            "AS-75"),
        call(
            "promises-what-it-has-not",
            "A segment is promised ten pages, however large it is.",
            (mm, call, a) ->
                call == Syscall.SHMGET
                    ? mm.syscall(call, a[0], Math.min(a[1], 10 * Bits.PAGE), a[2])
                    : mm.syscall(call, a),
            "AS-76",
            "AS-F43"),
        call(
            "forgets-the-seal-of-exec",
            "MFD_NOEXEC_SEAL seals nothing.",
            (mm, call, a) -> {
              boolean asks = call == Syscall.FCNTL && a[1] == Uapi.F_GET_SEALS;
              return asks ? mm.syscall(call, a) & ~Uapi.F_SEAL_EXEC : mm.syscall(call, a);
            },
            "AS-77"),
        floor(
            "no-hints-for-the-pool",
            "Hints for pages of the pool and with MAP_32BIT are not looked at.",
            right -> DelegatingSpace.floor(right, WithoutHints::new),
            "AS-78",
            "AS-79",
            "AS-88"),
        call(
            "shrinks-to-pages",
            "A file that shrinks keeps the whole of its last page.",
            (mm, call, a) ->
                call == Syscall.FTRUNCATE && a[1] > 0
                    ? mm.syscall(call, a[0], a[1] + Bits.PAGE - 1 & -Bits.PAGE)
                    : mm.syscall(call, a),
            "AS-F01"),
        call(
            "reads-all-or-nothing",
            "A read or write that meets memory that cannot be accessed says EFAULT.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              boolean cut = result > 0 && a.length > 2 && result < a[2];
              return cut && call == Syscall.PREAD64 ? -Errno.EFAULT : result;
            },
            "AS-F02"),
        call(
            "punches-whole-pages",
            "A hole takes every page of which it has a part.",
            (mm, call, a) -> {
              if (call != Syscall.FALLOCATE || (a[1] & Uapi.FALLOC_FL_PUNCH_HOLE) == 0) {
                return mm.syscall(call, a);
              }
              long from = a[2] & -Bits.PAGE;
              return mm.syscall(call, a[0], a[1], from, a[2] + a[3] - from);
            },
            "AS-F03"),
        call(
            "switches-nothing-off",
            "PR_SET_THP_DISABLE says that it was done.",
            (mm, call, a) ->
                call == Syscall.PRCTL && a[0] == Uapi.PR_SET_THP_DISABLE ? 0 : mm.syscall(call, a),
            "AS-98"),
        call(
            "punches-nothing",
            "A hole is punched in words only.",
            (mm, call, a) ->
                call == Syscall.FALLOCATE && (a[1] & Uapi.FALLOC_FL_PUNCH_HOLE) != 0
                    ? 0
                    : mm.syscall(call, a),
            "AS-97"),
        floor(
            "keeps-the-tail",
            "MS_SYNC only starts to write, and fsync does nothing.",
            right ->
                DelegatingSpace.floor(
                    right,
                    inner ->
                        new DelegatingSpace(inner, space -> space) {
                          @Override
                          public long msync(long addr, long len, long flags) {
                            return super.msync(addr, len, flags == 4 ? 1 : flags);
                          }
                        }),
            "AS-F04"),
        call(
            "seals-nothing",
            "A seal says that it was set.",
            (mm, call, a) -> call == Syscall.FCNTL ? 0 : mm.syscall(call, a),
            "AS-F05"),
        floor(
            "holds-everything",
            "madvise says of what no file system can hold that it is invalid.",
            right ->
                DelegatingSpace.floor(
                    right, Tampered.error(Tampered.Call.MADVISE, Errno.EFBIG, Errno.EINVAL)),
            "AS-F06"),
        floor(
            "written-at-once",
            "Every file was written at once.",
            right ->
                DelegatingSpace.floor(
                    right,
                    inner ->
                        new DelegatingSpace(inner, space -> space) {
                          @Override
                          public void installFd(int fd, @Nullable OpenFile open) {
                            super.installFd(fd, open == null ? null : atOnce(open));
                          }
                        }),
            "AS-F07"),
        call(
            "detaches-a-part",
            "shmdt unmaps the first part of an attachment only.",
            (mm, call, a) ->
                call == Syscall.SHMDT ? mm.munmap(a[0], Bits.PAGE) : mm.syscall(call, a),
            "AS-F08"),
        floor(
            "pool-without-promises",
            "Every MAP_HUGETLB is MAP_NORESERVE.",
            right ->
                DelegatingSpace.floor(
                    right,
                    Tampered.arguments(
                        Tampered.Call.MMAP,
                        args -> {
                          args[3] |= (args[3] & Uapi.MAP_HUGETLB) != 0 ? Uapi.MAP_NORESERVE : 0;
                          return true;
                        })),
            "AS-F09",
            "AS-F10"),
        floor(
            "finds-what-was-lost",
            "A page of a file of huge pages is found whoever has lost it.",
            right -> DelegatingSpace.floor(right, FindsLost::new),
            "AS-F10"),
        floor(
            "memory-files-in-small",
            "MFD_HUGETLB is not looked at.",
            right ->
                DelegatingSpace.floor(
                    right,
                    inner ->
                        new DelegatingSpace(inner, space -> space) {
                          @Override
                          public long memfdCreate(String name, long flags) {
                            return super.memfdCreate(name, flags & ~(long) Uapi.MFD_HUGETLB);
                          }
                        }),
            "AS-F14",
            "AS-F15"),
        floor(
            "huge-pages-of-one-size",
            "The size of huge pages that a call names is not looked at.",
            right -> DelegatingSpace.floor(right, OneSize::new),
            "AS-F30",
            "AS-F31",
            "AS-F32"),
        call(
            "writes-back-first",
            "A file is written out before it gets another size.",
            (mm, call, a) -> {
              if (call == Syscall.FTRUNCATE) {
                long _ = mm.syscall(Syscall.FSYNC, a[0]);
              }
              return mm.syscall(call, a);
            },
            "AS-F16"),
        floor(
            "names-nothing",
            "A name is taken and forgotten.",
            right ->
                DelegatingSpace.floor(
                    right,
                    inner ->
                        new DelegatingSpace(inner, space -> space) {
                          @Override
                          public long setVmaName(long addr, long len, @Nullable String name) {
                            long right = super.setVmaName(addr, len, name);
                            return right == 0 ? super.setVmaName(addr, len, null) : right;
                          }
                        }),
            "AS-F17"),
        call(
            "rearranges-nothing",
            "remap_file_pages says that it was done.",
            (mm, call, a) -> call == Syscall.REMAP_FILE_PAGES ? 0 : mm.syscall(call, a),
            "AS-F11"),
        call(
            "takes-every-key",
            "pkey_mprotect does not look at its key.",
            (mm, call, a) ->
                call == Syscall.PKEY_MPROTECT ? mm.mprotect(a[0], a[1], a[2]) : mm.syscall(call, a),
            "AS-F12"),
        unheard(
            "sysctls-of-boot",
            "What is written under /proc/sys/vm holds for processes to come.",
            "max_map_count",
            "AS-F13"),
        floor(
            "sees-what-is-there",
            "PAGEMAP_SCAN says of no page that it was written to.",
            right -> DelegatingSpace.floor(right, NothingWritten::new),
            "AS-F18"),
        floor(
            "forgets-nothing",
            "clear_refs takes every number and does nothing.",
            right ->
                DelegatingSpace.floor(
                    right,
                    inner ->
                        new DelegatingSpace(inner, space -> space) {
                          @Override
                          public long clearRefs(int type) {
                            return 0;
                          }
                        }),
            "AS-F19"),
        call(
            "places-stay",
            "PR_SET_MM says that it was done.",
            (mm, call, a) ->
                call == Syscall.PRCTL && a[0] == Uapi.PR_SET_MM ? 0 : mm.syscall(call, a),
            "AS-F20",
            "AS-F21"),
        floor(
            "reads-what-is-asked",
            "Nothing is read ahead.",
            FloorFaults::withoutReadAhead,
            "AS-F22",
            "AS-F27",
            "AS-64"),
        call(
            "seeks-from-anywhere",
            "lseek takes what it does not know for the beginning.",
            (mm, call, a) ->
                call == Syscall.LSEEK && (a[2] < 0 || a[2] > 2)
                    ? mm.syscall(call, a[0], a[1], 0)
                    : mm.syscall(call, a),
            "AS-69"),
        call(
            "holes-of-whole-pages",
            "A hole that ends within a page leaves the bytes before its end.",
            (mm, call, a) -> {
              boolean hole = call == Syscall.FALLOCATE && (a[1] & Uapi.FALLOC_FL_PUNCH_HOLE) != 0;
              long length = hole ? a[3] - (a[2] + a[3]) % Bits.PAGE : 0;
              return hole && length > 0
                  ? mm.syscall(call, a[0], a[1], a[2], length)
                  : mm.syscall(call, a);
            },
            "AS-65"),
        call(
            "failed-writes-leave-nothing",
            "A write that could copy nothing leaves the size alone.",
            (mm, call, a) -> {
              long end = call == Syscall.PWRITE64 ? mm.syscall(Syscall.LSEEK, a[0], 0, 2) : 0;
              long result = mm.syscall(call, a);
              if (call == Syscall.PWRITE64 && result == -Errno.EFAULT) {
                long _ = mm.syscall(Syscall.FTRUNCATE, a[0], end);
              }
              return result;
            },
            "AS-F23"),
        call(
            "allocates-filled-pages",
            "fallocate fills the pages that it makes, and mincore shows them.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              for (long at = 0; call == Syscall.FALLOCATE && a[1] == 0 && at < a[3]; ) {
                long _ = mm.syscall(Syscall.PREAD64, a[0], SCRATCH, 1, a[2] + at);
                at += Bits.PAGE;
              }
              return result;
            },
            "AS-F24"),
        call(
            "small-ranges-are-nothing",
            "A hole within a page changes nothing but its bytes.",
            (mm, call, a) ->
                call == Syscall.FALLOCATE && a[3] < Bits.PAGE ? 0 : mm.syscall(call, a),
            "AS-F25"),
        call(
            "fallocate-truncates",
            "A file that fallocate makes larger is truncated to its new size.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              return call == Syscall.FALLOCATE && a[1] == 0 && result == 0
                  ? mm.syscall(Syscall.FTRUNCATE, a[0], a[2] + a[3])
                  : result;
            },
            "AS-F26"),
        call(
            "seals-for-now",
            "F_SEAL_FUTURE_WRITE is taken and forgotten.",
            (mm, call, a) ->
                call == Syscall.FCNTL
                        && a[1] == Uapi.F_ADD_SEALS
                        && a[2] == Uapi.F_SEAL_FUTURE_WRITE
                    ? 0
                    : mm.syscall(call, a),
            "AS-F28"),
        call(
            "writes-as-mappings-do",
            "A write makes the whole folio dirty.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              if (call == Syscall.PWRITE64 && result > 0) {
                long at = mm.mmap(0, Bits.PAGE, 3, 1, a[0], a[3] & -Bits.PAGE);
                TouchOutcome _ = mm.write(at, 7);
                long _ = mm.munmap(at, Bits.PAGE);
              }
              return result;
            },
            "AS-F29"),
        call(
            "grows-without-its-last-page",
            "A file that grows loses what was on its last page.",
            (mm, call, a) -> {
              long end = call == Syscall.FTRUNCATE ? mm.syscall(Syscall.LSEEK, a[0], 0, 2) : 0;
              if (end > 0 && a[1] > end) {
                int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
                long last = (end - 1) & -Bits.PAGE;
                long _ = mm.syscall(Syscall.FALLOCATE, a[0], hole, last, Bits.PAGE);
              }
              return mm.syscall(call, a);
            },
            "AS-F45"));
  }

  /** Takes the default size for any. */
  private static final class OneSize extends DelegatingSpace {
    private static final long SIZE = 63L << Uapi.MAP_HUGE_SHIFT;

    OneSize(AddressSpace inner) {
      super(inner, OneSize::new);
    }

    @Override
    public long mmap(long addr, long len, long prot, long flags, long fd, long offset) {
      return super.mmap(addr, len, prot, flags & ~SIZE, fd, offset);
    }

    @Override
    public long memfdCreate(String name, long flags) {
      return super.memfdCreate(name, flags & ~SIZE);
    }
  }

  private static final class NothingWritten extends DelegatingSpace {
    NothingWritten(AddressSpace inner) {
      super(inner, NothingWritten::new);
    }

    @Override
    public PagemapScan.Found pagemapScan(PagemapScan scan) {
      PagemapScan.Found found = super.pagemapScan(scan);
      return new PagemapScan.Found(
          found.result(),
          found.walkEnd(),
          found.regions().stream()
              .map(
                  r ->
                      new PagemapScan.Region(
                          r.start(), r.end(), r.categories() & ~PagemapScan.WRITTEN))
              .toList());
    }
  }

  private static OpenFile atOnce(OpenFile open) {
    MappedFile file = open.file();
    return file.isSparse() || file.writtenBytes() == 0
        ? open
        : new OpenFile(
            new MappedFile(file.name(), file.kind(), file.sizeBytes(), file.content()),
            open.mode());
  }
}
