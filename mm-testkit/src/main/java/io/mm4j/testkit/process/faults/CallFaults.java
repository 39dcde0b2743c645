// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Explainer;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.SpaceSetup;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Address spaces that answer calls wrongly, each in one way. */
final class CallFaults {
  private CallFaults() {}

  static final class ForgetsNoReplace extends DelegatingSpace {
    ForgetsNoReplace(AddressSpace inner) {
      super(inner, ForgetsNoReplace::new);
    }

    @Override
    public long mmap(long addr, long len, long prot, long flags, long fd, long offset) {
      boolean fixed = (flags & Bits.MAP_FIXED_NOREPLACE) != 0;
      long wrong = fixed ? (flags & ~Bits.MAP_FIXED_NOREPLACE) | Bits.MAP_FIXED : flags;
      return super.mmap(addr, len, prot, wrong, fd, offset);
    }
  }

  static final class HalfMunmap extends DelegatingSpace {
    HalfMunmap(AddressSpace inner) {
      super(inner, HalfMunmap::new);
    }

    @Override
    public long munmap(long addr, long len) {
      long result = super.munmap(addr, len);
      for (long at = addr; result == -Errno.EPERM && at < addr + len; at += Bits.PAGE) {
        if (super.munmap(at, Bits.PAGE) != 0) {
          break;
        }
      }
      return result;
    }
  }

  static final class IgnoresTheLimit extends DelegatingSpace {
    IgnoresTheLimit(AddressSpace inner) {
      super(inner, IgnoresTheLimit::new);
    }

    @Override
    public long setrlimit(ResourceLimit resource, long bytes, long struct) {
      return resource == ResourceLimit.AS ? 0 : super.setrlimit(resource, bytes, struct);
    }
  }

  static final class RoundsTheBreak extends DelegatingSpace {
    RoundsTheBreak(AddressSpace inner) {
      super(inner, RoundsTheBreak::new);
    }

    @Override
    public long brk(long addr) {
      return super.brk(Bits.align(addr));
    }
  }

  static final class ProtectsOneMore extends DelegatingSpace {
    ProtectsOneMore(AddressSpace inner) {
      super(inner, ProtectsOneMore::new);
    }

    @Override
    public long mprotect(long addr, long len, long prot) {
      long result = super.mprotect(addr, len, prot);
      if (result == 0 && len != 0) {
        super.mprotect(addr + Bits.align(len), Bits.PAGE, prot);
      }
      return result;
    }
  }

  static final class ForgetsDontDump extends DelegatingSpace {
    ForgetsDontDump(AddressSpace inner) {
      super(inner, ForgetsDontDump::new);
    }

    @Override
    public long madvise(long addr, long len, long advice) {
      return advice == 16 ? 0 : super.madvise(addr, len, advice);
    }
  }

  static final class LosesAPage extends DelegatingSpace {
    LosesAPage(AddressSpace inner) {
      super(inner, LosesAPage::new);
    }

    @Override
    public long mremap(long addr, long oldLen, long newLen, long flags, long newAddr) {
      long result = super.mremap(addr, oldLen, newLen, flags, newAddr);
      if (!Errno.isError(result) && result != addr) {
        super.madvise(result, Bits.PAGE, 4);
      }
      return result;
    }
  }

  /** A move that is refused says that it was done. */
  static final class SaysMoved extends DelegatingSpace {
    SaysMoved(AddressSpace inner) {
      super(inner, SaysMoved::new);
    }

    @Override
    public long mremap(long addr, long oldLen, long newLen, long flags, long newAddr) {
      long result = super.mremap(addr, oldLen, newLen, flags, newAddr);
      return result == -Errno.EINVAL ? newAddr : result;
    }
  }

  static final class WritesReadOnly extends DelegatingSpace {
    WritesReadOnly(AddressSpace inner) {
      super(inner, WritesReadOnly::new);
    }

    @Override
    public TouchOutcome write(long addr, int value) {
      TouchOutcome right = super.write(addr, value);
      return right.kind() == TouchOutcome.Kind.SEGV_ACCERR
          ? new TouchOutcome(TouchOutcome.Kind.OK, addr, TouchOutcome.UNKNOWN)
          : right;
    }
  }

  static final class DiscardsOneLess extends DelegatingSpace {
    DiscardsOneLess(AddressSpace inner) {
      super(inner, DiscardsOneLess::new);
    }

    @Override
    public long madvise(long addr, long len, long advice) {
      boolean shorter = advice == 4 && len > Bits.PAGE;
      return super.madvise(addr, shorter ? len - Bits.PAGE : len, advice);
    }
  }

  static final class AllResident extends DelegatingSpace {
    AllResident(AddressSpace inner) {
      super(inner, AllResident::new);
    }

    @Override
    public long mincore(long addr, long len, long vec, ByteSink sink) {
      return super.mincore(addr, len, vec, value -> sink.accept(1));
    }
  }

  static final class ForksAll extends DelegatingSpace {
    ForksAll(AddressSpace inner) {
      super(inner, ForksAll::new);
    }

    @Override
    public @Nullable AddressSpace fork() {
      super.madvise(Bits.PAGE, SpaceSetup.TASK_SIZE - Bits.PAGE, 11);
      return super.fork();
    }
  }

  /** The break is one for parent and child. */
  static final class SharesTheBreak extends DelegatingSpace {
    private final List<AddressSpace> children = new ArrayList<>();

    SharesTheBreak(AddressSpace inner) {
      super(inner, SharesTheBreak::new);
    }

    @Override
    public @Nullable AddressSpace fork() {
      AddressSpace child = super.fork();
      if (child != null) {
        children.add(child);
      }
      return child;
    }

    @Override
    public long brk(long addr) {
      children.forEach(child -> child.brk(addr));
      return super.brk(addr);
    }
  }

  /** Shows a seal that it does not have. */
  static final class ForgetsTheSeal extends DelegatingSpace {
    private final List<long[]> sealed = new ArrayList<>();

    ForgetsTheSeal(AddressSpace inner) {
      super(inner, ForgetsTheSeal::new);
    }

    @Override
    public long mseal(long addr, long len, long flags) {
      sealed.add(new long[] {addr, addr + len});
      return 0;
    }

    @Override
    public void forEachVma(Consumer<VmaInfo> consumer) {
      super.forEachVma(
          v -> {
            List<String> flags = new ArrayList<>(v.flags());
            if (sealed.stream().anyMatch(s -> s[0] < v.end() && v.start() < s[1])) {
              flags.add("sl");
            }
            consumer.accept(
                new VmaInfo(
                    v.start(),
                    v.end(),
                    v.perms(),
                    v.offsetBytes(),
                    v.name(),
                    v.file(),
                    flags,
                    v.pages()));
          });
    }
  }

  /** MAP_FIXED that fails for want of memory leaves a hole. */
  static final class LeavesAHole extends DelegatingSpace {
    LeavesAHole(AddressSpace inner) {
      super(inner, LeavesAHole::new);
    }

    @Override
    public long mmap(long addr, long len, long prot, long flags, long fd, long offset) {
      long result = super.mmap(addr, len, prot, flags, fd, offset);
      if (result == -Errno.ENOMEM && (flags & Bits.MAP_FIXED) != 0) {
        super.munmap(addr, Bits.PAGE);
      }
      return result;
    }
  }

  /** What failed once fails for ever. */
  static final class NeverTriesAgain extends DelegatingSpace {
    private boolean failed;

    NeverTriesAgain(AddressSpace inner) {
      super(inner, NeverTriesAgain::new);
    }

    @Override
    public long mprotect(long addr, long len, long prot) {
      long result = failed ? -Errno.ENOMEM : super.mprotect(addr, len, prot);
      failed = result == -Errno.ENOMEM;
      return result;
    }

    @Override
    public long mmap(long addr, long len, long prot, long flags, long fd, long offset) {
      long result = failed ? -Errno.ENOMEM : super.mmap(addr, len, prot, flags, fd, offset);
      failed = result == -Errno.ENOMEM;
      return result;
    }
  }

  /** Takes the reasons for the decision. */
  static final class RefusesListeners extends DelegatingSpace {
    private boolean heard;

    RefusesListeners(AddressSpace inner) {
      super(inner, RefusesListeners::new);
    }

    @Override
    public void explainTo(@Nullable Explainer explainer) {
      heard = explainer != null;
      super.explainTo(explainer);
    }

    @Override
    public long munmap(long addr, long len) {
      return heard ? -Errno.EINVAL : super.munmap(addr, len);
    }
  }

  /** Leaves a process as it was. */
  static final class NeverExits extends DelegatingSpace {
    NeverExits(AddressSpace inner) {
      super(inner, NeverExits::new);
    }

    @Override
    public void exit() {
      validate();
    }
  }

  /** Sets a limit of the parent, too. */
  static final class SharesLimits extends DelegatingSpace {
    private final @Nullable AddressSpace parent;

    SharesLimits(AddressSpace inner) {
      super(inner, child -> new SharesLimits(child, inner));
      parent = null;
    }

    private SharesLimits(AddressSpace child, AddressSpace parent) {
      super(child, grandchild -> new SharesLimits(grandchild, child));
      this.parent = parent;
    }

    @Override
    public long setrlimit(ResourceLimit resource, long softBytes, long structAddr) {
      if (parent != null) {
        parent.setrlimit(resource, softBytes, structAddr);
      }
      return super.setrlimit(resource, softBytes, structAddr);
    }
  }

  /** Forks no more after MADV_DONTFORK. */
  static final class ChildOfNothing extends DelegatingSpace {
    private boolean advised;

    ChildOfNothing(AddressSpace inner) {
      super(inner, ChildOfNothing::new);
    }

    @Override
    public long madvise(long addr, long len, long advice) {
      advised |= advice == 10;
      return super.madvise(addr, len, advice);
    }

    @Override
    public @Nullable AddressSpace fork() {
      return advised ? null : super.fork();
    }
  }
}
