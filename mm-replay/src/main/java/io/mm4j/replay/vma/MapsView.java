// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.VmaInfo;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * The maps that an address space shows, line by line, kept beside it so that the difference that
 * one call made can be told without printing everything: a small address space is read whole, of a
 * large one only the lines near the ranges that the call names. A snapshot always reads it whole.
 */
final class MapsView {
  /** Up to so many lines a difference is found by reading them all. */
  private static final int SMALL = 512;

  private final AddressSpace mm;
  private final FileTable files;
  private final TreeMap<Long, MapsLine> lines = new TreeMap<>(Long::compareUnsigned);
  private long generation;

  /** Reads the address space as it is. */
  MapsView(AddressSpace mm, FileTable files) {
    this.mm = mm;
    this.files = files;
    readAll();
  }

  /** What a call changed. */
  record Change(List<MapsLine> removed, List<MapsLine> added) {
    static final Change NONE = new Change(List.of(), List.of());
  }

  /** The lines as last read, by start address. */
  NavigableMap<Long, MapsLine> lines() {
    return lines;
  }

  /** Reads the whole address space and forgets what was known. */
  Collection<MapsLine> readAll() {
    lines.clear();
    mm.forEachMap(vma -> lines.put(vma.start(), line(vma)));
    generation = mm.mapsGeneration();
    return lines.values();
  }

  /**
   * What changed since the last reading.
   *
   * @param ranges pairs of addresses, from and to; a change touches or adjoins one of them. From 0
   *     to -1 stands for everything
   */
  Change changeNear(long... ranges) {
    long now = mm.mapsGeneration();
    if (now == generation) {
      return Change.NONE;
    }
    generation = now;
    List<MapsLine> removed = new ArrayList<>();
    List<MapsLine> added = new ArrayList<>();
    if (lines.size() <= SMALL || wholeSpace(ranges)) {
      List<MapsLine> fresh = new ArrayList<>();
      mm.forEachMap(vma -> fresh.add(line(vma)));
      difference(new ArrayList<>(lines.values()), fresh, removed, added);
    } else {
      for (int i = 0; i + 1 < ranges.length; i += 2) {
        near(ranges[i], ranges[i + 1], removed, added);
      }
    }
    return new Change(removed, added);
  }

  private static boolean wholeSpace(long[] ranges) {
    return ranges.length == 2 && ranges[0] == 0 && ranges[1] == -1;
  }

  private void near(long from, long to, List<MapsLine> removed, List<MapsLine> added) {
    if (from < 0) {
      return; // above all user addresses; the gate page there never changes
    }
    long low = from == 0 ? 0 : from - 1;
    long high = to < 0 ? Long.MAX_VALUE : to + 1;
    while (true) {
      List<MapsLine> old = overlapping(low, high);
      List<MapsLine> fresh = new ArrayList<>();
      mm.forEachVma(low, high, vma -> fresh.add(line(vma)));
      long lowest = Math.min(low, Math.min(lowest(old, low), lowest(fresh, low)));
      long highest = unsignedMax(high, unsignedMax(highest(old, high), highest(fresh, high)));
      if (lowest == low && highest == high) {
        difference(old, fresh, removed, added);
        return;
      }
      low = lowest;
      high = highest;
    }
  }

  private static long lowest(List<MapsLine> list, long otherwise) {
    return list.isEmpty() ? otherwise : list.getFirst().start();
  }

  private static long highest(List<MapsLine> list, long otherwise) {
    return list.isEmpty() ? otherwise : list.getLast().end();
  }

  private static long unsignedMax(long a, long b) {
    return Long.compareUnsigned(a, b) >= 0 ? a : b;
  }

  /** The known lines that share an address with the range. */
  List<MapsLine> overlapping(long low, long high) {
    List<MapsLine> list = new ArrayList<>();
    Long first = lines.floorKey(low);
    for (MapsLine line : lines.tailMap(first == null ? low : first, true).values()) {
      if (Long.compareUnsigned(line.start(), high) >= 0) {
        break;
      }
      if (Long.compareUnsigned(line.end(), low) > 0) {
        list.add(line);
      }
    }
    return list;
  }

  private void difference(
      List<MapsLine> old, List<MapsLine> fresh, List<MapsLine> removed, List<MapsLine> added) {
    int o = 0;
    int f = 0;
    List<MapsLine> gone = new ArrayList<>();
    List<MapsLine> come = new ArrayList<>();
    while (o < old.size() || f < fresh.size()) {
      int order =
          o == old.size()
              ? 1
              : f == fresh.size()
                  ? -1
                  : Long.compareUnsigned(old.get(o).start(), fresh.get(f).start());
      if (order < 0) {
        gone.add(old.get(o++));
      } else if (order > 0) {
        come.add(fresh.get(f++));
      } else {
        if (!old.get(o).equals(fresh.get(f))) {
          gone.add(old.get(o));
          come.add(fresh.get(f));
        }
        o++;
        f++;
      }
    }
    gone.forEach(line -> lines.remove(line.start()));
    come.forEach(line -> lines.put(line.start(), line));
    removed.addAll(gone);
    added.addAll(come);
  }

  /** A VMA of the floor as a line of the recordings. */
  MapsLine line(VmaInfo vma) {
    String name = files.nameOf(vma.name(), vma.file());
    return new MapsLine(
        vma.start(), vma.end(), vma.perms(), vma.offsetBytes(), vma.hasInode(), name);
  }
}
