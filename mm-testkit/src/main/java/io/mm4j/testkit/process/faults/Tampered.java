// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.process.naive.Bits;
import java.util.function.LongUnaryOperator;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Address spaces of which one kind of call is made with other arguments, or answers wrongly. */
final class Tampered extends DelegatingSpace {
  /** The calls that can be tampered with. */
  enum Call {
    MMAP,
    MPROTECT,
    MADVISE,
    MLOCK,
    MLOCKALL,
    MSYNC,
    MSEAL
  }

  /** Changes arguments in place; false when the call is left out and said to be done. */
  interface Arguments {
    boolean change(long[] args);
  }

  private final Call call;
  private final Arguments arguments;
  private final LongUnaryOperator result;

  private Tampered(AddressSpace inner, Call call, Arguments arguments, LongUnaryOperator result) {
    super(inner, child -> new Tampered(child, call, arguments, result));
    this.call = call;
    this.arguments = arguments;
    this.result = result;
  }

  /** Makes a kind of call with other arguments. */
  static UnaryOperator<AddressSpace> arguments(Call call, Arguments arguments) {
    return inner -> new Tampered(inner, call, arguments, r -> r);
  }

  /** Says instead of one error of a kind of call another, or that it was done. */
  static UnaryOperator<AddressSpace> error(Call call, int errno, int instead) {
    return inner ->
        new Tampered(inner, call, args -> true, r -> r == -(long) errno ? -(long) instead : r);
  }

  private interface Made {
    long with(long[] args);
  }

  private long tamper(Call which, Made made, long... args) {
    if (which != call) {
      return made.with(args);
    }
    return arguments.change(args) ? result.applyAsLong(made.with(args)) : 0;
  }

  @Override
  public long mmap(long addr, long len, long prot, long flags, long fd, long offset) {
    return tamper(
        Call.MMAP,
        a -> super.mmap(a[0], a[1], a[2], a[3], a[4], a[5]),
        addr,
        len,
        prot,
        flags,
        fd,
        offset);
  }

  @Override
  public long mprotect(long addr, long len, long prot) {
    return tamper(Call.MPROTECT, a -> super.mprotect(a[0], a[1], a[2]), addr, len, prot);
  }

  @Override
  public long madvise(long addr, long len, long advice) {
    return tamper(Call.MADVISE, a -> super.madvise(a[0], a[1], a[2]), addr, len, advice);
  }

  @Override
  public long mlock(long addr, long len) {
    return tamper(Call.MLOCK, a -> super.mlock(a[0], a[1]), addr, len);
  }

  @Override
  public long mlockall(long flags) {
    return tamper(Call.MLOCKALL, a -> super.mlockall(a[0]), flags);
  }

  @Override
  public long msync(long addr, long len, long flags) {
    return tamper(Call.MSYNC, a -> super.msync(a[0], a[1], a[2]), addr, len, flags);
  }

  @Override
  public long mseal(long addr, long len, long flags) {
    return tamper(Call.MSEAL, a -> super.mseal(a[0], a[1], a[2]), addr, len, flags);
  }

  // ---------------------------------------------------------------- other single defects

  /** Files are advised as soon as they are mapped. */
  static final class AdvisesFiles extends DelegatingSpace {
    private final int advice;

    AdvisesFiles(AddressSpace inner, int advice) {
      super(inner, child -> new AdvisesFiles(child, advice));
      this.advice = advice;
    }

    @Override
    public long mmap(long addr, long len, long prot, long flags, long fd, long offset) {
      long at = super.mmap(addr, len, prot, flags, fd, offset);
      if (!Errno.isError(at) && (flags & Bits.MAP_ANONYMOUS) == 0) {
        super.madvise(at, len, advice);
      }
      return at;
    }
  }

  /** Splits what it unmaps a part of. */
  static final class SplitsAtOnce extends DelegatingSpace {
    private static final int MADV_COLD = 20;

    SplitsAtOnce(AddressSpace inner) {
      super(inner, SplitsAtOnce::new);
    }

    @Override
    public long munmap(long addr, long len) {
      long _ = super.madvise(addr, len, MADV_COLD);
      return super.munmap(addr, len);
    }
  }

  /** A read maps the page of a file and none behind it. */
  static final class MapsNoneBehind extends DelegatingSpace {
    MapsNoneBehind(AddressSpace inner) {
      super(inner, MapsNoneBehind::new);
    }

    @Override
    public TouchOutcome read(long uaddr) {
      long behind = (uaddr & -Bits.PAGE) + Bits.PAGE;
      TouchOutcome outcome = super.read(uaddr);
      super.forEachVma(uaddr, behind, v -> drop(v, behind));
      return outcome;
    }

    private void drop(VmaInfo v, long behind) {
      if (v.file() != null && behind < v.end()) {
        super.madvise(behind, Math.min(15 * Bits.PAGE, v.end() - behind), 4);
      }
    }
  }

  /** The clock data has no end. */
  static final class ClockWithoutEnd extends DelegatingSpace {
    ClockWithoutEnd(AddressSpace inner) {
      super(inner, ClockWithoutEnd::new);
    }

    @Override
    public TouchOutcome read(long uaddr) {
      TouchOutcome right = super.read(uaddr);
      return right.kind() == TouchOutcome.Kind.BUS_ADRERR
          ? new TouchOutcome(TouchOutcome.Kind.OK, uaddr, TouchOutcome.UNKNOWN)
          : right;
    }
  }

  /** Debuggers see what is there and bring nothing. */
  static final class PeeksAtNothing extends DelegatingSpace {
    PeeksAtNothing(AddressSpace inner) {
      super(inner, PeeksAtNothing::new);
    }

    @Override
    public void peek(long uaddr, int bytes, long stackLimitBytes) {}
  }

  /** The vdso is shown where it was first. */
  static final class VdsoStays extends DelegatingSpace {
    private @Nullable Long first;

    VdsoStays(AddressSpace inner) {
      super(inner, VdsoStays::new);
    }

    @Override
    public MmFields fields() {
      EditedFields fields = new EditedFields(super.fields());
      if (first == null && fields.context != 0) {
        first = fields.context;
      }
      fields.context = first != null && fields.context != 0 ? first : fields.context;
      return fields.build();
    }
  }
}
