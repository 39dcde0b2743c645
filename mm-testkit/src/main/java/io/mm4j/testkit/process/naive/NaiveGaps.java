// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Uapi;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * User space of any layout as a list of ranges that are taken, and where the next mapping goes: as
 * {@link NaivePlaces}, and with what only some processes have - 32 bits, a legacy layout with a
 * base of its own, pages of the pool, MAP_ABOVE4G.
 */
public final class NaiveGaps {
  private static final long HUGE = 1L << 21;
  private static final long LEGACY_64 = 1L << 40;
  private static final long LEGACY_32 = 1L << 28;

  private record Taken(long end, boolean growsDown) {}

  /**
   * A layout.
   *
   * @param lowest the lowest address that may be mapped
   * @param gapBytes the guard gap below what grows down
   */
  public record Layout(
      boolean topDown, boolean compat32, long taskSize, long base, long lowest, long gapBytes) {}

  private final Layout layout;
  private final TreeMap<Long, Taken> taken = new TreeMap<>();

  /** Nothing is taken. */
  public NaiveGaps(Layout layout) {
    this.layout = layout;
  }

  /** What begins at or above an address, -1 if nothing does. */
  public long startFrom(long addr) {
    Long at = taken.ceilingKey(addr);
    return at == null ? -1 : at;
  }

  /** How many pages are taken. */
  public long pages() {
    long bytes = 0;
    for (Map.Entry<Long, Taken> range : taken.entrySet()) {
      bytes += range.getValue().end - range.getKey();
    }
    return bytes / Bits.PAGE;
  }

  /** A range is taken, in place of what was there. */
  public void take(long start, long end, boolean growsDown) {
    free(start, end);
    taken.put(start, new Taken(end, growsDown));
  }

  /** A range is free. */
  public void free(long start, long end) {
    Map.Entry<Long, Taken> below = taken.lowerEntry(start);
    if (below != null && below.getValue().end > start) {
      Taken cut = below.getValue();
      taken.put(below.getKey(), new Taken(start, cut.growsDown));
      taken.put(start, cut);
    }
    Map.Entry<Long, Taken> last = taken.lowerEntry(end);
    if (last != null && last.getValue().end > end) {
      taken.put(end, last.getValue());
    }
    taken.subMap(start, end).clear();
  }

  /** The address, or a negated errno, of an mmap whose length is of whole pages. */
  public long place(
      MappedFile.@Nullable Kind kind, boolean pool, long addr, long len, long off, long flags) {
    boolean fixed = (flags & Uapi.MAP_FIXED) != 0;
    long hint = fixed ? addr : addr & -Bits.PAGE;
    if (!fixed && hint != 0 && hint < layout.lowest) {
      hint = layout.lowest;
    }
    if (Long.compareUnsigned(len, layout.taskSize) > 0) {
      return -Errno.ENOMEM;
    }
    long at = pool ? ofPool(hint, len, flags) : aligned(kind, hint, len, off, flags);
    if (Errno.isError(at)) {
      return at;
    }
    return Long.compareUnsigned(at, layout.taskSize - len) > 0 ? -Errno.ENOMEM : at;
  }

  private long ofPool(long hint, long len, long flags) {
    if ((flags & Uapi.MAP_FIXED) != 0 && hint % HUGE != 0) {
      return -Errno.EINVAL;
    }
    return plain(hint + HUGE - 1 & -HUGE, len, HUGE, flags);
  }

  private long aligned(MappedFile.@Nullable Kind kind, long hint, long len, long off, long flags) {
    boolean isPrivate = (flags & Uapi.MAP_SHARED) == 0;
    boolean aligns =
        kind == null
            ? isPrivate && hint == 0 && len % HUGE == 0
            : kind == MappedFile.Kind.EXT4 || (kind == MappedFile.Kind.DEV_ZERO && isPrivate);
    long border = off + HUGE - 1 & -HUGE;
    if (aligns && !layout.compat32 && off + len - border >= HUGE) {
      long wide = plain(hint, len + HUGE, Bits.PAGE, flags);
      if (wide == hint) {
        return hint;
      }
      if (!Errno.isError(wide)) {
        long step = off - wide & HUGE - 1;
        return wide + (layout.topDown && step == 0 ? HUGE : step);
      }
    }
    return plain(hint, len, Bits.PAGE, flags);
  }

  private long plain(long hint, long len, long align, long flags) {
    if ((flags & Uapi.MAP_FIXED) != 0) {
      return hint;
    }
    boolean low = !layout.compat32 && (flags & Uapi.MAP_32BIT) != 0;
    boolean down = layout.topDown && !low;
    long end = low ? 0x80000000L : layout.taskSize;
    if (Long.compareUnsigned(len, end) > 0) {
      return -Errno.ENOMEM;
    }
    if (hint != 0 && hint <= end - len && fits(hint, len)) {
      return hint;
    }
    if (down) {
      boolean high = !layout.compat32 && (flags & Uapi.MAP_ABOVE4G) != 0;
      long found = highest(high ? 1L << 32 : Bits.PAGE, layout.base, len, align);
      if (found != -Errno.ENOMEM) {
        return found;
      }
    }
    return lowest(low ? 0x40000000L : legacyBase(), end, len, align);
  }

  private long legacyBase() {
    long third = layout.taskSize / 3 + Bits.PAGE - 1 & -Bits.PAGE;
    long above = layout.base - third;
    boolean drawn = above > 0 && above < (layout.compat32 ? LEGACY_32 : LEGACY_64);
    return drawn && !layout.topDown ? layout.base : third;
  }

  /** The first range that ends above an address. */
  private Map.@Nullable Entry<Long, Taken> behind(long at) {
    Map.Entry<Long, Taken> below = taken.floorEntry(at);
    return below != null && below.getValue().end > at ? below : taken.higherEntry(at);
  }

  /** Where a range and the guard gap below it begin. */
  private long start(Map.Entry<Long, Taken> range) {
    long gap = range.getValue().growsDown ? layout.gapBytes : 0;
    return Math.max(0, range.getKey() - gap);
  }

  private boolean fits(long at, long len) {
    Map.Entry<Long, Taken> behind = behind(at);
    return behind == null || at + len <= start(behind);
  }

  /** Goes down from gap to gap; what is found ends as high as its alignment allows. */
  private long highest(long low, long high, long len, long align) {
    long all = len + align - Bits.PAGE;
    long floor = Math.max(low, layout.lowest);
    long top = high;
    while (top - floor >= all) {
      Map.Entry<Long, Taken> below = taken.lowerEntry(top);
      long bottom = below == null ? floor : Math.max(floor, below.getValue().end);
      if (top - bottom < all) {
        top = below == null ? floor : Math.min(top, below.getKey());
        continue;
      }
      Map.Entry<Long, Taken> behind = behind(top - all);
      if (behind == null || start(behind) >= top) {
        return top - len & -align;
      }
      if (start(behind) == 0) {
        return -all; // beyond all addresses: there is no second search
      }
      top = start(behind);
    }
    return -Errno.ENOMEM;
  }

  private long lowest(long low, long high, long len, long align) {
    long all = len + align - Bits.PAGE;
    long at = Math.max(low, layout.lowest);
    while (high - at >= all) {
      Map.Entry<Long, Taken> behind = behind(at);
      if (behind == null || start(behind) >= at + all) {
        return at + align - 1 & -align;
      }
      at = behind.getValue().end;
    }
    return -Errno.ENOMEM;
  }
}
