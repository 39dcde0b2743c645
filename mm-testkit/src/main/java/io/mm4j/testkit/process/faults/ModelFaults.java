// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmEvents;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The faults of the rules with a model of their own, of refusals and of round trips. */
final class ModelFaults {
  private static final int PR_SET_MM_BRK = 7;
  private static final int WHENCE_END = 2;
  private static final long WIDE = 1L << 16;
  private static final long HUGE = 1L << 21;
  private static final long GIGA = 1L << 30;
  private static final long PAGE = 1L << 12;

  private ModelFaults() {}

  static List<Fault<VmaIndexProvider>> all() {
    return List.of(
        SyscallFaults.call(
            "no-descriptor-is-invalid",
            "ftruncate of what is not open is EINVAL.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              boolean other = call == Syscall.FTRUNCATE && result == -Errno.EBADF;
              return other ? -Errno.EINVAL : result;
            },
            "AS-80"),
        SyscallFaults.call(
            "never-out-of-keys",
            "A protection key is refused in the same way each time.",
            (mm, call, a) -> call == Syscall.PKEY_ALLOC ? -Errno.EINVAL : mm.syscall(call, a),
            "AS-81"),
        SyscallFaults.call(
            "gives-nothing-away",
            "IPC_SET says that it was done.",
            (mm, call, a) ->
                call == Syscall.SHMCTL && a[1] == Uapi.IPC_SET ? 0 : mm.syscall(call, a),
            "AS-90"),
        SyscallFaults.floor(
            "promises-nothing",
            "Pages of the pool are promised to nobody.",
            right ->
                new DelegatingFloor(right) {
                  @Override
                  public HugePages hugePages() {
                    HugePages p = right.hugePages();
                    return new HugePages(
                        p.pageBytes(), p.total(), p.free(), 0, p.surplus(), p.overcommit());
                  }
                },
            "AS-83",
            "AS-115"),
        SyscallFaults.floor(
            "finds-any-number",
            "PAGEMAP_SCAN does not look at how many pages are wanted.",
            right -> DelegatingSpace.floor(right, FindsAnyNumber::new),
            "AS-84"),
        SyscallFaults.call(
            "sets-no-break",
            "PR_SET_MM_BRK says that it was done.",
            (mm, call, a) -> {
              boolean ofBreak =
                  call == Syscall.PRCTL && a[0] == Uapi.PR_SET_MM && a[1] == PR_SET_MM_BRK;
              long before = mm.fields().brk();
              long result = mm.syscall(call, a);
              if (ofBreak && result == 0) {
                long _ = mm.syscall(call, a[0], a[1], before, 0, 0);
              }
              return result;
            },
            "AS-85"),
        SyscallFaults.floor(
            "stack-ends-before",
            "A mapping that ends where the stack begins is not called [stack].",
            right -> DelegatingSpace.floor(right, StackEndsBefore::new),
            "AS-85"),
        SyscallFaults.call(
            "drops-its-neighbours",
            "POSIX_FADV_DONTNEED drops what lies in the same 64 KiB.",
            (mm, call, a) -> {
              boolean drops = call == Syscall.FADVISE64 && a[3] == Uapi.POSIX_FADV_DONTNEED;
              long from = a[1] & -WIDE;
              return drops && a[1] > 0 && a[2] > 0
                  ? mm.syscall(call, a[0], from, (a[1] + a[2] - from + WIDE - 1) & -WIDE, a[3])
                  : mm.syscall(call, a);
            },
            "AS-101"),
        SyscallFaults.call(
            "no-hole-at-the-end",
            "A hole that ends where its file ends is not made.",
            (mm, call, a) -> {
              boolean hole = call == Syscall.FALLOCATE && (a[1] & Uapi.FALLOC_FL_PUNCH_HOLE) != 0;
              return hole && a[2] + a[3] == mm.syscall(Syscall.LSEEK, a[0], 0, WHENCE_END)
                  ? 0
                  : mm.syscall(call, a);
            },
            "AS-102"),
        SyscallFaults.floor(
            "large-is-huge",
            "What is mapped of 2 MiB and more seems to begin with a huge page.",
            right -> DelegatingSpace.floor(right, LargeIsHuge::new),
            "AS-104"),
        SyscallFaults.floor(
            "narrow-is-not-huge",
            "Processes of 3 GiB seem to have no huge pages.",
            right -> DelegatingSpace.floor(right, NarrowIsNotHuge::new),
            "AS-100"),
        SyscallFaults.floor(
            "reads-one-more",
            "A read brings the page behind, too.",
            right -> DelegatingSpace.floor(right, ReadsOneMore::new),
            "AS-107"),
        SyscallFaults.floor(
            "faults-of-nobody",
            "No fault is told as one of the process.",
            right -> DelegatingSpace.floor(right, FaultsOfNobody::new),
            "AS-109"),
        SyscallFaults.call(
            "reads-nothing-of-others",
            "process_vm_readv says that it was done.",
            (mm, call, a) -> call == Syscall.PROCESS_VM_READV ? 1 : mm.syscall(call, a),
            "AS-108"),
        SyscallFaults.call(
            "locks-no-segment",
            "SHM_LOCK says that it was done.",
            (mm, call, a) ->
                call == Syscall.SHMCTL && a[1] == Uapi.SHM_LOCK ? 0 : mm.syscall(call, a),
            "AS-116"),
        SyscallFaults.floor(
            "discards-to-the-border",
            "MADV_DONTNEED ends at the border of a page directory.",
            right -> DelegatingSpace.floor(right, DiscardsToTheBorder::new),
            "AS-117"),
        SyscallFaults.call(
            "no-room-is-no-memory",
            "A file system that is full says that memory is out.",
            (mm, call, a) -> {
              long result = mm.syscall(call, a);
              return result == -Errno.ENOSPC ? -Errno.ENOMEM : result;
            },
            "AS-118"),
        SyscallFaults.floor(
            "children-never-end",
            "The exit of a child leaves everything to it.",
            right -> DelegatingSpace.floor(right, inner -> new NeverEnds(inner, false)),
            "AS-86",
            "AS-F42"));
  }

  private static final class StackEndsBefore extends DelegatingSpace {
    StackEndsBefore(AddressSpace inner) {
      super(inner, StackEndsBefore::new);
    }

    @Override
    public void forEachVma(Consumer<VmaInfo> consumer) {
      long stack = fields().places().startStack();
      super.forEachVma(
          v ->
              consumer.accept(
                  v.end() != stack || v.file() != null
                      ? v
                      : new VmaInfo(
                          v.start(), v.end(), v.perms(), 0, "", null, v.flags(), v.pages())));
    }
  }

  private static final class FindsAnyNumber extends DelegatingSpace {
    FindsAnyNumber(AddressSpace inner) {
      super(inner, FindsAnyNumber::new);
    }

    @Override
    public PagemapScan.Found pagemapScan(PagemapScan scan) {
      return super.pagemapScan(
          new PagemapScan(
              scan.argUaddr(),
              scan.size(),
              scan.flags(),
              scan.start(),
              scan.end(),
              scan.vec(),
              scan.vecLen(),
              0,
              scan.inverted(),
              scan.mask(),
              scan.anyof(),
              scan.returned()));
    }
  }

  private static final class DiscardsToTheBorder extends DelegatingSpace {
    DiscardsToTheBorder(AddressSpace inner) {
      super(inner, DiscardsToTheBorder::new);
    }

    @Override
    public long madvise(long start, long length, long advice) {
      long within = GIGA - (start & GIGA - 1);
      boolean cut = advice == Uapi.MADV_DONTNEED && length > within;
      return super.madvise(start, cut ? within : length, advice);
    }
  }

  private static final class ReadsOneMore extends DelegatingSpace {
    ReadsOneMore(AddressSpace inner) {
      super(inner, ReadsOneMore::new);
    }

    @Override
    public TouchOutcome read(long uaddr) {
      TouchOutcome seen = super.read(uaddr);
      TouchOutcome _ = super.read(uaddr + PAGE);
      return seen;
    }
  }

  private static final class FaultsOfNobody extends DelegatingSpace {
    FaultsOfNobody(AddressSpace inner) {
      super(inner, FaultsOfNobody::new);
    }

    @Override
    public boolean watch(@Nullable MmEvents events) {
      return super.watch(
          events == null
              ? null
              : new MmEvents() {
                @Override
                public void pageFault(long uaddr, int errorCode) {
                  events.pageFault(uaddr, errorCode & ~USER);
                }
              });
    }
  }

  private static final class LargeIsHuge extends DelegatingSpace {
    LargeIsHuge(AddressSpace inner) {
      super(inner, LargeIsHuge::new);
    }

    @Override
    public VmaUsage usage(long vmaStart) {
      VmaUsage all = super.usage(vmaStart);
      long[] bytes = new long[1];
      super.forEachVma(vmaStart, vmaStart + 1, vma -> bytes[0] = vma.bytes());
      return bytes[0] < HUGE
          ? all
          : new VmaUsage(all.rssKb(), all.anonKb(), all.lockedKb(), HUGE >> 10);
    }
  }

  private static final class NarrowIsNotHuge extends DelegatingSpace {
    NarrowIsNotHuge(AddressSpace inner) {
      super(inner, NarrowIsNotHuge::new);
    }

    @Override
    public VmaUsage usage(long vmaStart) {
      VmaUsage all = super.usage(vmaStart);
      return layout().taskSize() > 1L << 32
          ? all
          : new VmaUsage(all.rssKb(), all.anonKb(), all.lockedKb(), 0);
    }
  }

  private static final class NeverEnds extends DelegatingSpace {
    private final boolean child;

    NeverEnds(AddressSpace inner, boolean child) {
      super(inner, other -> new NeverEnds(other, true));
      this.child = child;
    }

    @Override
    public void exit() {
      if (!child) {
        super.exit();
      }
    }
  }
}
