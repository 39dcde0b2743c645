// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.InputException;
import java.util.ArrayList;
import java.util.List;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * The firmware's map of physical memory (e820): ranges of bytes, each with a type, sorted, without
 * overlap. What no range covers is a hole. Ranges of one type that touch are one range, as after
 * {@code e820__update_table()}: a page that lies in both is whole.
 *
 * @param ranges sorted by start
 */
@API(status = API.Status.MAINTAINED)
public record MemoryMap(List<Range> ranges) {
  /** What a range is. */
  public enum Type {
    /** RAM for the system. */
    USABLE,
    /** Not to be touched. */
    RESERVED,
    /** ACPI tables, usable after they were read. */
    ACPI_DATA,
    /** ACPI non-volatile storage. */
    ACPI_NVS,
    /** Known to be bad. */
    UNUSABLE
  }

  /**
   * A range of physical addresses.
   *
   * @param start first byte
   * @param end one past the last byte
   * @param type what it is
   */
  public record Range(long start, long end, Type type) {
    /** Checks the order of the ends. */
    public Range {
      if (start < 0 || end <= start) {
        throw new InputException(
            String.format("range 0x%x-0x%x is empty or turned round", start, end),
            "memory map",
            "0 <= start < end");
      }
    }

    /** Bytes. */
    public long bytes() {
      return end - start;
    }
  }

  /** Sorts the ranges, refuses overlaps and joins neighbours of one type. */
  public MemoryMap {
    List<Range> sorted = new ArrayList<>(ranges);
    sorted.sort((a, b) -> Long.compare(a.start(), b.start()));
    for (int i = 1; i < sorted.size(); i++) {
      if (sorted.get(i).start() < sorted.get(i - 1).end()) {
        throw new InputException(
            String.format("ranges overlap at 0x%x", sorted.get(i).start()),
            "memory map",
            "ranges without overlap");
      }
    }
    ranges = joined(sorted);
  }

  private static List<Range> joined(List<Range> sorted) {
    List<Range> list = new ArrayList<>();
    for (Range range : sorted) {
      Range last = list.isEmpty() ? null : list.getLast();
      if (last != null && last.end() == range.start() && last.type() == range.type()) {
        list.set(list.size() - 1, new Range(last.start(), range.end(), range.type()));
      } else {
        list.add(range);
      }
    }
    return List.copyOf(list);
  }

  /**
   * The map that firmware of a PC of this size shows: 640 KiB below the video hole, then memory
   * from 1 MiB, with the PCI hole from 3 GiB to 4 GiB.
   *
   * @param bytes RAM in all, at least 1 MiB
   */
  public static MemoryMap pc(long bytes) {
    List<Range> list = new ArrayList<>();
    long low = 0x9fc00;
    list.add(new Range(0, low, Type.USABLE));
    list.add(new Range(low, 0x100000, Type.RESERVED));
    long hole = 0xc000_0000L;
    long below = Math.min(bytes, hole);
    if (below > 0x100000) {
      list.add(new Range(0x100000, below, Type.USABLE));
    }
    if (bytes > hole) {
      list.add(new Range(0x1_0000_0000L, 0x1_0000_0000L + (bytes - hole), Type.USABLE));
    }
    return new MemoryMap(list);
  }

  /** Bytes of usable RAM. */
  public long usableBytes() {
    return ranges.stream().filter(r -> r.type() == Type.USABLE).mapToLong(Range::bytes).sum();
  }

  /** One past the last usable byte. */
  public long endOfRam() {
    return ranges.stream()
        .filter(r -> r.type() == Type.USABLE)
        .mapToLong(Range::end)
        .max()
        .orElse(0);
  }

  /** The map with a range laid over it; what was there before is cut away. */
  public MemoryMap overlaid(Range over) {
    List<Range> list = new ArrayList<>();
    for (Range r : ranges) {
      if (r.start() < Math.min(r.end(), over.start())) {
        list.add(new Range(r.start(), Math.min(r.end(), over.start()), r.type()));
      }
      if (Math.max(r.start(), over.end()) < r.end()) {
        list.add(new Range(Math.max(r.start(), over.end()), r.end(), r.type()));
      }
    }
    list.add(over);
    return new MemoryMap(list);
  }

  /**
   * The map in which what is of one type in a range is of another: {@code e820__range_update()} and
   * {@code e820__range_remove()}.
   *
   * @param oldType which parts change; null for all that is there
   * @param newType what they become; null if they are no memory any more
   */
  public MemoryMap retyped(long start, long end, @Nullable Type oldType, @Nullable Type newType) {
    List<Range> list = new ArrayList<>();
    for (Range r : ranges) {
      long from = Math.max(r.start(), start);
      long to = Math.min(r.end(), end);
      if (from >= to || (oldType != null && r.type() != oldType)) {
        list.add(r);
        continue;
      }
      if (r.start() < from) {
        list.add(new Range(r.start(), from, r.type()));
      }
      if (newType != null) {
        list.add(new Range(from, to, newType));
      }
      if (to < r.end()) {
        list.add(new Range(to, r.end(), r.type()));
      }
    }
    return new MemoryMap(list);
  }

  /** The map without usable memory from this address on: {@code mem=}. */
  public MemoryMap limited(long limit) {
    List<Range> list = new ArrayList<>();
    for (Range r : ranges) {
      if (r.type() != Type.USABLE || r.end() <= limit) {
        list.add(r);
      } else if (r.start() < limit) {
        list.add(new Range(r.start(), limit, r.type()));
      }
    }
    return new MemoryMap(list);
  }

  /** Pages of usable memory in {@code [startPfn, endPfn)}; parts of pages do not count. */
  public long usablePages(long startPfn, long endPfn) {
    long pages = 0;
    for (Range r : ranges) {
      if (r.type() == Type.USABLE) {
        long from = Math.max(startPfn, (r.start() + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT);
        pages += Math.max(0, Math.min(endPfn, r.end() >>> Pages.PAGE_SHIFT) - from);
      }
    }
    return pages;
  }
}
