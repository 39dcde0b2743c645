// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import org.jspecify.annotations.Nullable;

/**
 * Where a mapping goes, found by looking at every gap in turn: the rules of {@code
 * __get_unmapped_area}, {@code arch_get_unmapped_area_topdown} and {@code thp_get_unmapped_area}.
 */
final class NaivePlaces {
  private static final long HUGE = 1L << 21;

  private final NaiveSpace space;

  NaivePlaces(NaiveSpace space) {
    this.space = space;
  }

  /** An address or a negated errno; {@code addr} as rounded by the caller. */
  long get(@Nullable MappedFile file, long addr, long len, long pgoff, long flags) {
    long taskSize = space.config.layout().taskSize();
    if (Long.compareUnsigned(len, taskSize) > 0) {
      return -Errno.ENOMEM;
    }
    long at = search(file, addr, len, pgoff, flags);
    if (Errno.isError(at)) {
      return at;
    }
    if (Long.compareUnsigned(at, taskSize - len) > 0) {
      return -Errno.ENOMEM;
    }
    if (at % Bits.PAGE != 0) {
      return -Errno.EINVAL;
    }
    return at < space.config.sysctls().mmapMinAddr() ? -Errno.EPERM : at;
  }

  private long search(@Nullable MappedFile file, long addr, long len, long pgoff, long flags) {
    boolean aligns =
        file == null
            ? (flags & Bits.MAP_SHARED) == 0 && addr == 0 && len % HUGE == 0
            : file.kind() == MappedFile.Kind.EXT4;
    long off = file == null ? 0 : pgoff * Bits.PAGE;
    long firstBorder = (off + HUGE - 1) & -HUGE;
    if (aligns && off + len - firstBorder >= HUGE) {
      long wide = plain(addr, len + HUGE, flags);
      if (!Errno.isError(wide)) {
        if (wide == addr) {
          return addr;
        }
        long step = (off - wide) & (HUGE - 1);
        return wide + (space.config.layout().topDown() && step == 0 ? HUGE : step);
      }
    }
    return plain(addr, len, flags);
  }

  private long plain(long hint, long len, long flags) {
    if ((flags & Bits.MAP_FIXED) != 0) {
      return hint;
    }
    boolean low = (flags & Bits.MAP_32BIT) != 0;
    long taskSize = space.config.layout().taskSize();
    long limit = low ? 0x80000000L : taskSize;
    if (Long.compareUnsigned(len, limit) > 0) {
      return -Errno.ENOMEM;
    }
    if (hint != 0 && Long.compareUnsigned(limit - len, hint) >= 0) {
      Area area = space.areas.find(hint);
      if (area == null || hint + len <= space.guardStart(area)) {
        return hint;
      }
    }
    if (space.config.layout().topDown() && !low) {
      long at = highest(Bits.PAGE, space.config.layout().mmapBase(), len);
      if (at >= 0) {
        return at;
      }
    }
    long third = Bits.align(taskSize / 3);
    return lowest(low ? 0x40000000L : third, limit, len);
  }

  /** The highest gap below a limit; one that violates a guard gap makes that gap the limit. */
  private long highest(long low, long high, long len) {
    long floor = Math.max(low, space.minAddr());
    long limit = high;
    while (true) {
      long at = -1;
      long gapStart = floor;
      for (Area area : space.areas.all()) {
        at = higher(at, gapStart, Math.min(limit, area.start), len);
        gapStart = Math.max(gapStart, area.end);
      }
      at = higher(at, gapStart, limit, len);
      if (at < 0) {
        return -Errno.ENOMEM;
      }
      Area behind = space.areas.find(at);
      if (behind == null || space.guardStart(behind) >= at + len) {
        return at;
      }
      limit = space.guardStart(behind);
    }
  }

  private static long higher(long best, long gapStart, long gapEnd, long len) {
    return gapEnd - gapStart >= len ? gapEnd - len : best;
  }

  private long lowest(long low, long high, long len) {
    long floor = Math.max(low, space.minAddr());
    while (true) {
      long at = floor;
      for (Area area : space.areas.all()) {
        if (area.end > at && Math.min(area.start, high) - at < len) {
          at = area.end;
        }
      }
      if (high - at < len) {
        return -Errno.ENOMEM;
      }
      Area behind = space.areas.find(at);
      if (behind == null || space.guardStart(behind) >= at + len) {
        return at;
      }
      floor = behind.end;
    }
  }
}
