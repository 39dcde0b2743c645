// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ResourceLimit;
import java.util.Objects;
import java.util.Set;

/**
 * Calls of the model that change flags of a range, area by area: mprotect, madvise, mlock, mseal.
 */
public final class NaiveFlagCalls {
  /** MADV_DONTNEED, FREE, REMOVE, DONTFORK, WIPEONFORK, DONTNEED_LOCKED, GUARD_INSTALL. */
  private static final Set<Integer> DISCARDING = Set.of(4, 8, 9, 10, 18, 24, 102);

  private final NaiveSpace space;
  private final NaiveTouches touches;

  NaiveFlagCalls(NaiveSpace space, NaiveTouches touches) {
    this.space = space;
    this.touches = touches;
  }

  private long modify(Area area, long start, long end, long flags) {
    return space.areas.modify(area, start, end, flags, space.maxCount()) == null
        ? -Errno.ENOMEM
        : 0;
  }

  // ---------------------------------------------------------------- mprotect

  public long mprotect(long addr, long len, long prot) {
    long both = Bits.PROT_GROWSDOWN | Bits.PROT_GROWSUP;
    if ((prot & both) == both || addr % Bits.PAGE != 0) {
      return -Errno.EINVAL;
    }
    if (len == 0) {
      return 0;
    }
    long end = addr + Bits.align(len);
    if ((prot & ~(Bits.ACCESS | Bits.PROT_SEM | both)) != 0) {
      return -Errno.EINVAL;
    }
    long at = addr;
    if ((prot & both) != 0) {
      Area first = space.areas.first(addr, end);
      boolean down = (prot & Bits.PROT_GROWSDOWN) != 0;
      if (first == null || (!down && first.start > addr)) {
        return -Errno.ENOMEM;
      }
      if (!down || !first.has(Bits.GROWSDOWN)) {
        return -Errno.EINVAL;
      }
      at = first.start;
    }
    do {
      Area area = space.areas.at(at);
      if (area == null) {
        return -Errno.ENOMEM;
      }
      long flags = (prot & Bits.ACCESS) | (area.flags & ~Bits.ACCESS);
      if ((flags & ~(flags >> 4) & Bits.ACCESS) != 0) {
        return -Errno.EACCES;
      }
      long to = Math.min(end, area.end);
      long error = protect(area, at, to, flags);
      if (error != 0) {
        return error;
      }
      at = Objects.requireNonNull(space.areas.at(to - 1)).end;
    } while (at < end);
    return 0;
  }

  private long protect(Area area, long start, long end, long wanted) {
    if (area.has(Bits.SEALED)) {
      return -Errno.EPERM;
    }
    long old = area.flags;
    long flags = wanted;
    if (flags == old) {
      return 0;
    }
    long pages = (end - start) / Bits.PAGE;
    if ((flags & Bits.WRITE) != 0) {
      if (!space.mayExpand(flags, pages) && space.mayExpand(old, pages)) {
        return -Errno.ENOMEM;
      }
      if ((old & (Bits.ACCOUNT | Bits.WRITE | Bits.SHARED | Bits.NORESERVE)) == 0) {
        if (!space.mayCommit(pages)) {
          return -Errno.ENOMEM;
        }
        flags |= Bits.ACCOUNT;
      }
    } else if (area.file == null && area.anon == null) {
      flags &= ~Bits.ACCOUNT;
    }
    Area changed = space.areas.modify(area, start, end, flags, space.maxCount());
    if (changed == null) {
      return -Errno.ENOMEM;
    }
    boolean lockedNow =
        (old & (Bits.WRITE | Bits.SHARED | Bits.LOCKED)) == Bits.LOCKED
            && (flags & Bits.WRITE) != 0;
    if (lockedNow) {
      touches.populate(changed, start, end);
    }
    return 0;
  }

  // ---------------------------------------------------------------- mlock and friends

  public long mlock(long addr, long len, boolean onFault) {
    if (!space.canLock()) {
      return -Errno.EPERM;
    }
    long start = addr & -Bits.PAGE;
    long end = Bits.align(addr + len);
    long more = (end - start) / Bits.PAGE;
    for (Area area : space.areas.all()) {
      if (area.has(Bits.LOCKED)) {
        more -= Math.max(0, Math.min(end, area.end) - Math.max(start, area.start)) / Bits.PAGE;
      }
    }
    if (!space.mayLockAll()
        && space.lockedPages() + more > space.limitPages(ResourceLimit.MEMLOCK)) {
      return -Errno.ENOMEM;
    }
    long error = lock(start, end, Bits.LOCKED | (onFault ? Bits.ONFAULT : 0));
    if (error != 0) {
      return error;
    }
    return touches.populate(start, end, false) == -Errno.EFAULT ? -Errno.ENOMEM : 0;
  }

  public long munlock(long addr, long len) {
    return lock(addr & -Bits.PAGE, Bits.align(addr + len), 0);
  }

  private long lock(long start, long end, long bits) {
    for (long at = start; at < end; ) {
      Area area = space.areas.at(at);
      if (area == null) {
        return -Errno.ENOMEM;
      }
      long to = Math.min(end, area.end);
      long error = lock(area, at, to, bits);
      if (error != 0) {
        return error;
      }
      at = Objects.requireNonNull(space.areas.at(to - 1)).end;
    }
    return 0;
  }

  private long lock(Area area, long start, long end, long bits) {
    long flags = (area.flags & ~(Bits.LOCKED | Bits.ONFAULT)) | bits;
    return flags == area.flags ? 0 : modify(area, start, end, flags);
  }

  public long mlockall(long flags) {
    if (flags == 0 || (flags & ~7) != 0 || flags == 4) {
      return -Errno.EINVAL;
    }
    if (!space.canLock()) {
      return -Errno.EPERM;
    }
    boolean current = (flags & 1) != 0;
    if (current
        && !space.mayLockAll()
        && space.totalPages() > space.limitPages(ResourceLimit.MEMLOCK)) {
      return -Errno.ENOMEM;
    }
    long bits = Bits.LOCKED | ((flags & 4) != 0 ? Bits.ONFAULT : 0);
    space.defFlags = (flags & 2) != 0 ? bits : 0;
    if (current) {
      lockAll(bits);
      touches.populate(0, Long.MAX_VALUE, true);
    }
    return 0;
  }

  public long munlockall() {
    space.defFlags = 0;
    lockAll(0);
    return 0;
  }

  private void lockAll(long bits) {
    long at = 0;
    for (Area area = space.areas.find(at); area != null; area = space.areas.find(at)) {
      at = area.end;
      lock(area, area.start, area.end, bits);
    }
  }

  // ---------------------------------------------------------------- madvise

  private static boolean known(int advice) {
    return (advice >= 0 && advice <= 25 && (advice < 5 || advice > 7))
        || advice == 102
        || advice == 103;
  }

  public long madvise(long addr, long len, int advice) {
    if (!known(advice) || addr % Bits.PAGE != 0) {
      return -Errno.EINVAL;
    }
    if (len == 0) {
      return 0;
    }
    long end = addr + Bits.align(len);
    if (advice == 22 || advice == 23) {
      return touches.populateAs(addr, end, advice == 23);
    }
    long holes = 0;
    for (long at = addr; at < end; ) {
      Area area = space.areas.find(at);
      if (area == null) {
        return -Errno.ENOMEM;
      }
      if (area.start > at) {
        holes = -Errno.ENOMEM;
        at = area.start;
        continue;
      }
      long to = Math.min(end, area.end);
      long error = advise(area, at, to, advice);
      if (error != 0) {
        return error;
      }
      at = Math.max(to, Objects.requireNonNull(space.areas.at(to - 1)).end);
    }
    return holes;
  }

  private long advise(Area area, long start, long end, int advice) {
    boolean discards = DISCARDING.contains(advice);
    if (discards && area.has(Bits.SEALED) && area.file == null && !area.has(Bits.WRITE)) {
      return -Errno.EPERM;
    }
    return switch (advice) {
      case 0 -> flags(area, start, end, Bits.RANDOM | Bits.SEQUENTIAL, 0);
      case 1 -> flags(area, start, end, Bits.SEQUENTIAL, Bits.RANDOM);
      case 2 -> flags(area, start, end, Bits.RANDOM, Bits.SEQUENTIAL);
      case 10 -> flags(area, start, end, 0, Bits.DONTFORK);
      case 11 -> flags(area, start, end, Bits.DONTFORK, 0);
      case 14 -> flags(area, start, end, Bits.NOHUGEPAGE, Bits.HUGEPAGE);
      case 15 -> flags(area, start, end, Bits.HUGEPAGE, Bits.NOHUGEPAGE);
      case 16 -> flags(area, start, end, 0, Bits.DONTDUMP);
      case 17 -> flags(area, start, end, Bits.DONTDUMP, 0);
      case 18 -> area.file != null ? -Errno.EINVAL : flags(area, start, end, 0, Bits.WIPEONFORK);
      case 19 -> flags(area, start, end, Bits.WIPEONFORK, 0);
      case 3 -> 0;
      case 12 ->
          area.any(Bits.SHARED | Bits.MAYSHARE) ? 0 : flags(area, start, end, 0, Bits.MERGEABLE);
      case 13 -> flags(area, start, end, Bits.MERGEABLE, 0);
      case 4, 24 -> {
        if (advice == 4 && area.has(Bits.LOCKED)) {
          yield -Errno.EINVAL;
        }
        space.contents.drop(start, end, true);
        yield 0;
      }
      case 8 -> {
        if (area.has(Bits.LOCKED) || area.file != null) {
          yield -Errno.EINVAL;
        }
        space.contents.free(start, end);
        yield 0;
      }
      case 20, 21 -> {
        if (area.has(Bits.LOCKED)) {
          yield -Errno.EINVAL;
        }
        if (advice == 21) {
          space.contents.pageOut(start, end);
        }
        yield 0;
      }
      case 9 -> {
        if (area.has(Bits.LOCKED) || area.file == null) {
          yield -Errno.EINVAL;
        }
        if (!area.has(Bits.SHARED | Bits.MAYWRITE)) {
          yield -Errno.EACCES;
        }
        space.machine.punch(
            Objects.requireNonNull(area.file).file(), area.pgoffAt(start), area.pgoffAt(end));
        yield 0;
      }
      case 102 -> {
        if (area.has(Bits.LOCKED)) {
          yield -Errno.EINVAL;
        }
        if (area.file == null) {
          space.areas.prepareAnon(area);
        }
        area.flags |= Bits.GUARDED;
        for (long at = start; at < end; at += Bits.PAGE) {
          space.contents.setGuard(at);
        }
        yield 0;
      }
      case 103 -> {
        space.contents.dropGuards(start, end);
        yield 0;
      }
      default -> throw new IllegalArgumentException("advice=" + advice + " is not modelled");
    };
  }

  private long flags(Area area, long start, long end, long without, long with) {
    long flags = (area.flags & ~without) | with;
    if (flags == area.flags) {
      return 0;
    }
    return modify(area, start, end, flags) == 0 ? 0 : -Errno.EAGAIN;
  }

  // ---------------------------------------------------------------- msync

  public long msync(long addr, long len, long flags) {
    boolean both = (flags & 5) == 5;
    if ((flags & ~7) != 0 || both || addr % Bits.PAGE != 0) {
      return -Errno.EINVAL;
    }
    long end = addr + Bits.align(len);
    long holes = 0;
    for (long at = addr; at < end; ) {
      Area area = space.areas.first(at, end);
      if (area == null || (area.start > at && flags == 1)) {
        return -Errno.ENOMEM;
      }
      holes = area.start > at ? -Errno.ENOMEM : holes;
      if ((flags & 2) != 0 && area.has(Bits.LOCKED)) {
        return -Errno.EBUSY;
      }
      at = area.end;
    }
    return holes;
  }

  // ---------------------------------------------------------------- mseal

  public long mseal(long addr, long len, long bits) {
    if (bits != 0 || addr % Bits.PAGE != 0) {
      return -Errno.EINVAL;
    }
    long end = addr + Bits.align(len);
    for (long at = addr; at < end; ) {
      Area area = space.areas.at(at);
      if (area == null) {
        return -Errno.ENOMEM;
      }
      at = area.end;
    }
    for (long at = addr; at < end; ) {
      Area area = Objects.requireNonNull(space.areas.at(at));
      long to = Math.min(end, area.end);
      if (!area.has(Bits.SEALED)) {
        long error = modify(area, at, to, area.flags | Bits.SEALED);
        if (error != 0) {
          return error;
        }
      }
      at = to;
    }
    return 0;
  }
}
