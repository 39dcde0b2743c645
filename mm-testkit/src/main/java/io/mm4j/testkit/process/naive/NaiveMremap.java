// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import org.jspecify.annotations.Nullable;

/** mremap of the model, in all its modes. */
public final class NaiveMremap {
  private final NaiveSpace space;
  private final NaiveTouches touches;

  NaiveMremap(NaiveSpace space, NaiveTouches touches) {
    this.space = space;
    this.touches = touches;
  }

  public long mremap(long addr, long oldBytes, long newBytes, long flags, long newAddr) {
    boolean fixed = (flags & Bits.MREMAP_FIXED) != 0;
    boolean keeps = (flags & Bits.MREMAP_DONTUNMAP) != 0;
    long oldLen = Bits.align(oldBytes);
    long newLen = Bits.align(newBytes);
    long taskSize = space.config.layout().taskSize();
    if (addr % Bits.PAGE != 0 || newLen == 0 || newLen > taskSize) {
      return -Errno.EINVAL;
    }
    if (fixed || keeps) {
      if (Long.compareUnsigned(newAddr, taskSize - newLen) > 0
          || newAddr % Bits.PAGE != 0
          || (flags & Bits.MREMAP_MAYMOVE) == 0
          || (keeps && oldLen != newLen)
          || (addr + oldLen > newAddr && newAddr + newLen > addr)) {
        return -Errno.EINVAL;
      }
      if (space.areas.size() + 2 >= space.maxCount() - 3) {
        return -Errno.ENOMEM;
      }
    }
    return fixed && oldLen == newLen
        ? moveAll(addr, oldLen, newAddr, keeps)
        : one(addr, oldLen, newLen, flags, newAddr);
  }

  /** All areas of a range, each at its old distance from the one before. */
  private long moveAll(long start, long len, long newAddr, boolean keeps) {
    Area first = space.areas.first(start, start + len);
    if (len == 0 || first == null || first.start > start) {
      return -Errno.EFAULT;
    }
    long from = start;
    for (Area area = first;
        area != null && area.start < start + len;
        area = from < start + len ? space.areas.find(from) : null) {
      long at = Math.max(area.start, start);
      long bytes = Math.min(area.end, start + len) - at;
      from = area.end;
      long error = allowed(area, at, bytes, bytes, true);
      long to = newAddr + (at - start);
      long moved = error != 0 ? error : moveTo(at, bytes, bytes, to, true, keeps);
      if (Errno.isError(moved)) {
        return moved;
      }
    }
    return newAddr;
  }

  private long one(long addr, long oldLen, long newLen, long flags, long newAddr) {
    boolean fixed = (flags & Bits.MREMAP_FIXED) != 0;
    boolean keeps = (flags & Bits.MREMAP_DONTUNMAP) != 0;
    Area area = space.areas.at(addr);
    if (area == null) {
      return -Errno.EFAULT;
    }
    long error = allowed(area, addr, oldLen, newLen, fixed || keeps);
    if (error != 0) {
      return error;
    }
    boolean locked = area.has(Bits.LOCKED);
    long result;
    if (fixed || keeps) {
      result = moveTo(addr, oldLen, newLen, newAddr, fixed, keeps);
    } else if (newLen == oldLen) {
      return addr;
    } else if (newLen < oldLen) {
      error = space.munmap(addr + newLen, oldLen - newLen);
      return error != 0 ? error : addr;
    } else if (canGrow(area, addr, oldLen, newLen)) {
      result = grow(area, addr, newLen - oldLen);
    } else if ((flags & Bits.MREMAP_MAYMOVE) == 0) {
      return -Errno.ENOMEM;
    } else {
      result = place(area, addr, oldLen, newLen, 0, false, false);
    }
    if (locked && newLen > oldLen && !Errno.isError(result)) {
      touches.populate(result + oldLen, result + newLen, true);
    }
    return result;
  }

  private long allowed(Area area, long addr, long oldLen, long newLen, boolean elsewhere) {
    if (area.has(Bits.SEALED)) {
      return -Errno.EPERM;
    }
    boolean grows = newLen > oldLen;
    if (!grows && !elsewhere) {
      return 0;
    }
    if (oldLen == 0 && !area.any(Bits.SHARED | Bits.MAYSHARE)) {
      return -Errno.EINVAL;
    }
    if (Math.min(oldLen, newLen) > area.end - addr) {
      return -Errno.EFAULT;
    }
    if (!grows) {
      return 0;
    }
    if (!space.mayLock(area.flags, newLen - oldLen)) {
      return -Errno.EAGAIN;
    }
    return space.mayExpand(area.flags, (newLen - oldLen) / Bits.PAGE) ? 0 : -Errno.ENOMEM;
  }

  private boolean canGrow(Area area, long addr, long oldLen, long newLen) {
    long end = addr + newLen;
    return area.end == addr + oldLen
        && space.areas.first(area.end, end) == null
        && !Errno.isError(space.places.get(null, area.start, end - area.start, 0, Bits.MAP_FIXED));
  }

  private long grow(Area area, long addr, long delta) {
    if (area.has(Bits.ACCOUNT) && !space.mayCommit(delta / Bits.PAGE)) {
      return -Errno.ENOMEM;
    }
    long from = area.end;
    space.place(area.like(from, from + delta, area.pgoffAt(from)), true, true);
    return addr;
  }

  private long moveTo(
      long addr, long oldLen, long newLen, long newAddr, boolean fixed, boolean keeps) {
    if (fixed) {
      long error = space.munmap(newAddr, newLen);
      if (error != 0) {
        return error;
      }
    }
    long left = oldLen;
    if (newLen < oldLen) {
      long error = space.munmap(addr + newLen, oldLen - newLen);
      if (error != 0) {
        return error;
      }
      left = newLen;
    }
    Area area = space.areas.at(addr);
    if (area == null) {
      return -Errno.EFAULT;
    }
    if (keeps && !space.mayExpand(area.flags, left / Bits.PAGE)) {
      return -Errno.ENOMEM;
    }
    return place(area, addr, left, newLen, newAddr, fixed, keeps);
  }

  private long place(
      Area area, long addr, long oldLen, long newLen, long newAddr, boolean fixed, boolean keeps) {
    long mapFlags = (fixed ? Bits.MAP_FIXED : 0) | (area.has(Bits.MAYSHARE) ? Bits.MAP_SHARED : 0);
    @Nullable MappedFile file = area.file == null ? null : area.file.file();
    long to = space.places.get(file, newAddr, newLen, area.pgoffAt(addr), mapFlags);
    if (Errno.isError(to)) {
      return to;
    }
    if (space.areas.size() >= space.maxCount() - 3) {
      return -Errno.ENOMEM;
    }
    long charge = (keeps ? newLen : newLen - oldLen) / Bits.PAGE;
    if (area.has(Bits.ACCOUNT) && !space.mayCommit(charge)) {
      return -Errno.ENOMEM;
    }
    long pgoff = area.pgoffAt(addr);
    if (area.file == null && area.anon == null) {
      pgoff = to / Bits.PAGE;
    }
    space.place(area.like(to, to + newLen, pgoff), true, true);
    space.contents.move(addr, to, oldLen);
    if (keeps) {
      unlock(addr, oldLen);
    } else if (oldLen != 0) {
      space.unmap(addr, addr + oldLen);
    }
    return to;
  }

  /** The old area stays, empty: unlocked, and without identity if it was moved as a whole. */
  private void unlock(long addr, long len) {
    Area old = space.areas.at(addr);
    if (old != null) {
      space.lockedByDontUnmap += old.has(Bits.LOCKED) ? old.pages() : 0;
      old.flags &= ~(Bits.LOCKED | Bits.ONFAULT);
      if (old.start == addr && old.end == addr + len) {
        old.anon = null;
        old.inherited = false;
      }
    }
  }
}
