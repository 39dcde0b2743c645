// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.OpenFile;
import io.mm4j.testkit.process.naive.Area.Anon;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The areas of one model, by start, and the rule of merging: two that touch become one when the
 * border between them was changed by a call and flags (guard marks aside), open file and page
 * offsets agree, and their anonymous pages have one identity, or only one of the two has any and
 * got it in this process.
 */
public final class Areas {
  private final TreeMap<Long, Area> byStart = new TreeMap<>();

  int size() {
    return byStart.size();
  }

  public List<Area> all() {
    return new ArrayList<>(byStart.values());
  }

  /** The lowest area that ends above an address. */
  @Nullable Area find(long addr) {
    Map.Entry<Long, Area> at = byStart.floorEntry(addr);
    if (at != null && at.getValue().end > addr) {
      return at.getValue();
    }
    Map.Entry<Long, Area> above = byStart.higherEntry(addr);
    return above == null ? null : above.getValue();
  }

  /** The area that contains an address. */
  @Nullable
  public Area at(long addr) {
    Area area = find(addr);
    return area != null && area.start <= addr ? area : null;
  }

  /** The lowest area that overlaps a range. */
  @Nullable
  public Area first(long start, long end) {
    Area area = find(start);
    return area != null && area.start < end ? area : null;
  }

  @Nullable Area prev(long start) {
    Map.Entry<Long, Area> below = byStart.lowerEntry(start);
    return below == null ? null : below.getValue();
  }

  public void add(Area area) {
    byStart.put(area.start, area);
  }

  void remove(Area area) {
    byStart.remove(area.start);
  }

  /** Cuts an area in two at an address inside it; returns the upper part. */
  Area split(Area area, long addr) {
    Area upper = area.like(addr, area.end, area.pgoffAt(addr));
    area.end = addr;
    add(upper);
    return upper;
  }

  /** Moves the start of an area, with its page offset. */
  void setStart(Area area, long start) {
    byStart.remove(area.start);
    area.pgoff += (start - area.start) / Bits.PAGE;
    area.start = start;
    add(area);
  }

  /** Joins an area with the one that touches it from above; the lower one stays. */
  private Area join(Area lower, Area upper) {
    remove(upper);
    lower.end = upper.end;
    lower.flags |= upper.flags & Bits.GUARDED;
    if (lower.anon == null) {
      lower.anon = upper.anon;
      lower.inherited = upper.inherited;
    }
    return lower;
  }

  private static boolean agree(Area a, Area b) {
    if (a.anon == b.anon) {
      return true;
    }
    if (a.anon != null && b.anon != null) {
      return false;
    }
    return a.anon != null ? !a.inherited : !b.inherited;
  }

  /** Whether two areas that lie one behind the other may be one. */
  static boolean mergeable(Area lower, Area upper) {
    return lower.end == upper.start
        && ((lower.flags ^ upper.flags) & ~Bits.GUARDED) == 0
        && Objects.equals(lower.file, upper.file)
        && lower.pgoffAt(lower.end) == upper.pgoff
        && agree(lower, upper);
  }

  /**
   * Merges an area, whose borders a call has just made, with its neighbours; below first, above
   * only if all three agree.
   *
   * @return the area that now holds it
   */
  Area merge(Area area, boolean below, boolean above) {
    Area prev = below ? prev(area.start) : null;
    Area next = above ? byStart.get(area.end) : null;
    boolean left = prev != null && mergeable(prev, area);
    boolean right = next != null && mergeable(area, next);
    if (left && right) {
      Anon a = Objects.requireNonNull(prev).anon;
      Anon b = Objects.requireNonNull(next).anon;
      right = a == null || b == null || a == b;
    }
    Area whole = left ? join(Objects.requireNonNull(prev), area) : area;
    return right ? join(whole, Objects.requireNonNull(next)) : whole;
  }

  /**
   * A part of an area gets other flags: merged with neighbours at those of its borders that are the
   * area's, else cut out.
   *
   * @return the area that holds it, or null when the limit refuses a cut; cuts made before stay
   */
  @Nullable Area modify(Area area, long start, long end, long flags, int maxCount) {
    boolean below = start == area.start;
    boolean above = end == area.end;
    Area part = area.like(start, end, area.pgoffAt(start));
    part.flags = flags;
    Area prev = below ? prev(start) : null;
    Area next = above ? byStart.get(end) : null;
    boolean merges =
        (prev != null && mergeable(prev, part)) || (next != null && mergeable(part, next));
    Area middle = area;
    if (!below) {
      if (!merges && size() >= maxCount) {
        return null;
      }
      middle = split(middle, start);
    }
    if (!above) {
      if (!merges && size() >= maxCount) {
        return null;
      }
      split(middle, end);
    }
    middle.flags = flags | (middle.flags & Bits.GUARDED);
    return merge(middle, below, above);
  }

  /** Gives an area an identity for its first anonymous page; a fitting neighbour's if there is. */
  void prepareAnon(Area area) {
    if (area.anon != null) {
      return;
    }
    Area next = byStart.get(area.end);
    Area prev = prev(area.start);
    if (next != null && lends(next, area, next)) {
      area.anon = next.anon;
    } else if (prev != null && lends(prev, prev, area)) {
      area.anon = prev.anon;
    } else {
      area.anon = new Anon();
    }
    area.inherited = false;
  }

  /** Touching, same file and offsets, and flags that mprotect could make equal. */
  private static boolean lends(Area lender, Area lower, Area upper) {
    return lender.anon != null
        && !lender.inherited
        && lower.end == upper.start
        && Objects.equals(lower.file, upper.file)
        && ((lower.flags ^ upper.flags) & ~(Bits.ACCESS | Bits.GUARDED)) == 0
        && lower.pgoffAt(lower.end) == upper.pgoff;
  }

  /** Whether another area still shows this file. */
  boolean maps(OpenFile file) {
    return byStart.values().stream().anyMatch(area -> file.equals(area.file));
  }
}
