// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import org.jspecify.annotations.Nullable;

/** Touches of the model: rights, stacks that grow, pages that come to be. */
public final class NaiveTouches {
  /** How a byte is accessed. */
  public enum Access {
    READ,
    WRITE,
    EXEC
  }

  private final NaiveSpace space;

  NaiveTouches(NaiveSpace space) {
    this.space = space;
  }

  /** One access to the first byte of a page. */
  public TouchOutcome touch(long addr, Access access, int value) {
    if (addr >> 47 != 0) { // not a process's, and perhaps of no translation at all
      return addr >> 47 == -1
          ? new TouchOutcome(Kind.SEGV_MAPERR, addr, TouchOutcome.UNKNOWN)
          : new TouchOutcome(Kind.SEGV_KERNEL, 0, TouchOutcome.UNKNOWN);
    }
    Area area = space.areas.find(addr);
    if (area == null || (area.start > addr && !grow(area, addr))) {
      return new TouchOutcome(Kind.SEGV_MAPERR, addr, TouchOutcome.UNKNOWN);
    }
    boolean write = access == Access.WRITE;
    if (!area.any(write ? Bits.WRITE : Bits.ACCESS)) {
      return new TouchOutcome(Kind.SEGV_ACCERR, addr, TouchOutcome.UNKNOWN);
    }
    Kind kind = fault(area, addr, write, false);
    if (kind == Kind.OK && access == Access.EXEC && !area.has(Bits.EXEC)) {
      kind = Kind.SEGV_ACCERR;
    }
    if (kind != Kind.OK) {
      return new TouchOutcome(kind, addr, TouchOutcome.UNKNOWN);
    }
    if (!write) {
      return new TouchOutcome(kind, addr, valueAt(area, addr));
    }
    OpenFile open = area.file;
    if (value >= 0) {
      if (open != null && area.has(Bits.SHARED)) {
        space.machine.write(open.file(), area.pgoffAt(addr), value);
      } else {
        space.contents.set(addr, value);
      }
    }
    return new TouchOutcome(kind, addr, TouchOutcome.UNKNOWN);
  }

  /** The first byte of a page that is present. */
  private int valueAt(Area area, long addr) {
    Integer own = space.contents.byteAt(addr);
    if (own != null) {
      return own;
    }
    OpenFile open = area.file;
    return open == null ? 0 : space.machine.byteOf(open.file(), area.pgoffAt(addr));
  }

  private boolean grow(Area area, long addr) {
    long to = addr & -Bits.PAGE;
    long pages = (area.start - to) / Bits.PAGE;
    if (!area.has(Bits.GROWSDOWN) || to < space.minAddr()) {
      return false;
    }
    Area prev = space.areas.prev(area.start);
    if (prev != null
        && !prev.has(Bits.GROWSDOWN)
        && prev.any(Bits.ACCESS)
        && to - prev.end < space.config.sysctls().stackGuardGapPages() * Bits.PAGE) {
      return false;
    }
    space.areas.prepareAnon(area);
    Long limit = space.limits.get(ResourceLimit.STACK);
    if (pages > area.pgoff
        || !space.mayExpand(area.flags, pages)
        || (limit != null && Long.compareUnsigned(area.end - to, limit) > 0)
        || !space.mayLock(area.flags, pages * Bits.PAGE)
        || !space.mayCommit(pages)) {
      return false;
    }
    space.areas.setStart(area, to);
    return true;
  }

  /** Makes a page present for an access that the area allows. */
  private Kind fault(Area area, long addr, boolean write, boolean populates) {
    Contents contents = space.contents;
    if (contents.isGuard(addr)) {
      return Kind.SEGV_MAPERR;
    }
    OpenFile open = area.file;
    boolean copies = write && !area.has(Bits.SHARED);
    if (open == null) {
      if (copies && contents.isAnon(addr)) {
        contents.wantWrite(addr, populates);
      } else if (copies) {
        space.areas.prepareAnon(area);
        contents.set(addr, 0);
      } else if (!contents.isPresent(addr)) {
        contents.setZeroPage(addr);
      }
      return Kind.OK;
    }
    if (contents.isAnon(addr)) {
      if (copies) {
        contents.wantWrite(addr, populates);
      }
      return Kind.OK;
    }
    if (copies) {
      space.areas.prepareAnon(area);
    }
    long page = area.pgoffAt(addr);
    if (page * Bits.PAGE >= open.file().sizeBytes()) {
      return Kind.BUS_ADRERR;
    }
    space.machine.readIn(open.file(), page, !area.has(Bits.RANDOM));
    if (copies) {
      contents.set(addr, space.machine.byteOf(open.file(), page));
    } else {
      space.machine.touch(open.file(), page);
    }
    return Kind.OK;
  }

  /** Makes a range present, as locking and MAP_POPULATE do. */
  long populate(long start, long end, boolean ignoreErrors) {
    for (Area area : space.areas.all()) {
      long from = Math.max(start, area.start);
      long to = Math.min(end, area.end);
      if (from >= to) {
        if (area.start >= end) {
          break;
        }
        continue;
      }
      long error = populate(area, from, to);
      if (error != 0 && !ignoreErrors) {
        return error;
      }
    }
    return 0;
  }

  /** The same for a part of one area. */
  long populate(Area area, long start, long end) {
    if (area.has(Bits.ONFAULT)) {
      return 0;
    }
    if (!area.any(Bits.ACCESS)) {
      return -Errno.EFAULT;
    }
    return faultIn(area, start, end, area.has(Bits.WRITE) && !area.has(Bits.SHARED));
  }

  private long faultIn(Area area, long start, long end, boolean write) {
    for (long at = start; at < end; at += Bits.PAGE) {
      if (fault(area, at, write, true) != Kind.OK) {
        return -Errno.EFAULT;
      }
    }
    return 0;
  }

  /** MADV_POPULATE_READ and MADV_POPULATE_WRITE. */
  long populateAs(long start, long end, boolean write) {
    for (long at = start; at < end; ) {
      Area area = space.areas.at(at);
      if (area == null) {
        return -Errno.ENOMEM;
      }
      if (!area.has(write ? Bits.WRITE : Bits.READ)) {
        return -Errno.EINVAL;
      }
      long to = Math.min(end, area.end);
      long error = faultIn(area, at, to, write);
      if (error != 0) {
        return error;
      }
      at = to;
    }
    return 0;
  }

  /** mincore: a letter for each page, or null with the error in {@code error[0]}. */
  @Nullable
  public String mincore(long addr, long len, long vec, long[] error) {
    StringBuilder out = new StringBuilder();
    if (addr % Bits.PAGE != 0) {
      error[0] = -Errno.EINVAL;
      return null;
    }
    long pages = Bits.align(len) / Bits.PAGE;
    for (long i = 0; i < pages; i++) {
      long at = addr + i * Bits.PAGE;
      if (space.areas.at(at) == null) {
        error[0] = -Errno.ENOMEM;
        return null;
      }
      int first = isResident(addr) ? 1 : 0; // the vector may lie in what is asked about
      if (touch(vec, Access.WRITE, i == 0 ? first : -1).kind() != Kind.OK) {
        error[0] = -Errno.EFAULT;
        return null;
      }
    }
    for (long i = 0; i < pages; i++) {
      out.append(isResident(addr + i * Bits.PAGE) ? '1' : '0');
    }
    return out.toString();
  }

  private boolean isResident(long at) {
    Area area = space.areas.at(at);
    return space.contents.isPresent(at) || (area != null && space.isCached(area, at));
  }
}
