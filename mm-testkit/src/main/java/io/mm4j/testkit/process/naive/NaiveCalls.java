// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ResourceLimit;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** mmap, brk and setrlimit of the model. */
public final class NaiveCalls {
  private static final long HARD_MEMLOCK = 8L << 20;

  private final NaiveSpace space;
  private final NaiveTouches touches;

  NaiveCalls(NaiveSpace space, NaiveTouches touches) {
    this.space = space;
    this.touches = touches;
  }

  public long mmap(long addr, long len, long prot, long flags, int fd, long offset) {
    OpenFile open = null;
    if (offset % Bits.PAGE != 0) {
      return -Errno.EINVAL;
    }
    if ((flags & Bits.MAP_ANONYMOUS) == 0) {
      open = space.descriptors.get(fd);
      if (open == null) {
        return -Errno.EBADF;
      }
    }
    if (len == 0) {
      return -Errno.EINVAL;
    }
    long length = Bits.align(len);
    if (space.areas.size() > space.maxCount()) {
      return -Errno.ENOMEM;
    }
    boolean fixed = (flags & (Bits.MAP_FIXED | Bits.MAP_FIXED_NOREPLACE)) != 0;
    long hint = addr;
    if (!fixed) {
      hint = addr & -Bits.PAGE;
      hint = hint != 0 && hint < space.minAddr() ? Bits.align(space.minAddr()) : hint;
    }
    MappedFile file = open == null ? null : open.file();
    long pgoff = offset / Bits.PAGE;
    long placing = flags | (fixed ? Bits.MAP_FIXED : 0);
    long at = space.places.get(file, hint, length, pgoff, placing);
    if (Errno.isError(at)) {
      return at;
    }
    if ((flags & Bits.MAP_FIXED_NOREPLACE) != 0 && space.areas.first(at, at + length) != null) {
      return -Errno.EEXIST;
    }
    boolean shared = (flags & Bits.MAP_SHARED) != 0;
    long bits = (prot & Bits.ACCESS) | Bits.MAY_ACCESS | space.defFlags;
    bits |= (flags & Bits.MAP_GROWSDOWN) != 0 ? Bits.GROWSDOWN : 0;
    bits |= (flags & Bits.MAP_LOCKED) != 0 ? Bits.LOCKED : 0;
    bits |= (flags & Bits.MAP_STACK) != 0 ? Bits.NOHUGEPAGE : 0;
    if ((flags & Bits.MAP_LOCKED) != 0 && !space.canLock()) {
      return -Errno.EPERM;
    }
    if (!space.mayLock(bits, length)) {
      return -Errno.EAGAIN;
    }
    if (shared) {
      bits |= Bits.SHARED | Bits.MAYSHARE;
    }
    if (open != null) {
      long error = checkOpen(open, shared, (prot & Bits.WRITE) != 0);
      if (error != 0) {
        return error;
      }
      if (shared && !open.mode().canWrite()) {
        bits &= ~(Bits.SHARED | Bits.MAYWRITE);
      }
    }
    if ((flags & Bits.MAP_GROWSDOWN) != 0 && (open != null || shared)) {
      return -Errno.EINVAL;
    }
    if ((flags & Bits.MAP_NORESERVE) != 0 && space.config.sysctls().overcommitMemory() != 2) {
      bits |= Bits.NORESERVE;
    }
    if (open == null) {
      pgoff = shared ? 0 : at / Bits.PAGE;
    }
    long result = region(open, at, length, bits, pgoff);
    boolean populates = (bits & Bits.LOCKED) != 0 || (flags & Bits.MAP_POPULATE) != 0;
    if (populates && !Errno.isError(result)) {
      touches.populate(at, at + length, true);
    }
    return result;
  }

  private static long checkOpen(OpenFile open, boolean shared, boolean write) {
    if (shared && write && !open.mode().canWrite()) {
      return -Errno.EACCES;
    }
    return open.mode().canRead() ? 0 : -Errno.EACCES;
  }

  private long region(@Nullable OpenFile open, long at, long len, long flags, long pgoff) {
    long error = space.gather(at, at + len);
    if (error != 0) {
      return error;
    }
    long pages = len / Bits.PAGE;
    if (!space.mayExpand(flags, pages - space.gathered)) {
      return -Errno.ENOMEM;
    }
    long bits = flags;
    if ((flags & (Bits.NORESERVE | Bits.SHARED | Bits.WRITE)) == Bits.WRITE) {
      if (pages != space.gatheredCharged && !space.mayCommit(pages - space.gatheredCharged)) {
        return -Errno.ENOMEM;
      }
      bits |= Bits.ACCOUNT;
    }
    space.clear(at, at + len);
    OpenFile file = open;
    if (open == null && (flags & Bits.SHARED) != 0) {
      boolean promised = (flags & Bits.NORESERVE) == 0;
      if (promised && !space.mayCommit(pages)) {
        return -Errno.ENOMEM;
      }
      file =
          new OpenFile(
              new MappedFile("/dev/zero (deleted)", MappedFile.Kind.SHMEM, len),
              OpenFile.Mode.READ_WRITE);
      if (promised) {
        space.machine.chargeShared(file, pages);
      }
    }
    space.place(new Area(at, at + len, pgoff, bits, file), true, true);
    return at;
  }

  public long brk(long wanted) {
    MmLayout layout = space.config.layout();
    long old = space.brk;
    if (Long.compareUnsigned(wanted, layout.startBrk()) < 0) {
      return old;
    }
    long limit = Objects.requireNonNull(space.limits.get(ResourceLimit.DATA));
    long data = wanted - layout.startBrk() + layout.endData() - layout.startData();
    if (limit != ResourceLimit.INFINITY && Long.compareUnsigned(data, limit) > 0) {
      return old;
    }
    long newEnd = Bits.align(wanted);
    long oldEnd = Bits.align(old);
    boolean good = true;
    if (newEnd < oldEnd) {
      good = space.areas.first(newEnd, oldEnd) != null && space.unmap(newEnd, oldEnd) == 0;
    } else if (newEnd > oldEnd) {
      good = growHeap(oldEnd, newEnd);
    }
    if (!good) {
      return old;
    }
    space.brk = wanted;
    if (newEnd > oldEnd && (space.defFlags & Bits.LOCKED) != 0) {
      touches.populate(oldEnd, newEnd, true);
    }
    return wanted;
  }

  private boolean growHeap(long start, long end) {
    long len = end - start;
    Area next = space.areas.find(start);
    if (Errno.isError(space.places.get(null, start, len, 0, Bits.MAP_FIXED))
        || !space.mayLock(space.defFlags, len)
        || (next != null && end + Bits.PAGE > space.guardStart(next))) {
      return false;
    }
    long flags = Bits.READ | Bits.WRITE | Bits.MAY_ACCESS | Bits.ACCOUNT | space.defFlags;
    long pages = len / Bits.PAGE;
    if (!space.mayExpand(flags, pages)
        || space.areas.size() > space.maxCount()
        || !space.mayCommit(pages)) {
      return false;
    }
    boolean belongs = start > space.config.layout().startBrk();
    space.place(new Area(start, end, start / Bits.PAGE, flags, null), belongs, false);
    return true;
  }

  public long setrlimit(ResourceLimit resource, long bytes) {
    if (resource == ResourceLimit.MEMLOCK && Long.compareUnsigned(bytes, HARD_MEMLOCK) > 0) {
      return -Errno.EINVAL;
    }
    space.limits.put(resource, bytes);
    return 0;
  }
}
