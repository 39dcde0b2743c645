// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.boot;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.RangeBootAllocator.RegionVisitor;
import java.util.Arrays;

/**
 * Sorted ranges of physical addresses without overlap, each with a node and flags; neighbours that
 * agree in both are one. Models {@code struct memblock_type} with {@code memblock_add_range()},
 * {@code memblock_isolate_range()} and {@code memblock_merge_regions()}.
 */
final class Regions {
  /** As many as there is room for at first. */
  static final int INITIAL = 128;

  private long[] starts = new long[INITIAL];
  private long[] ends = new long[INITIAL];
  private int[] nodes = new int[INITIAL];
  private int[] flags = new int[INITIAL];
  private int count;

  int count() {
    return count;
  }

  long start(int i) {
    return starts[i];
  }

  long end(int i) {
    return ends[i];
  }

  long size(int i) {
    return ends[i] - starts[i];
  }

  int node(int i) {
    return nodes[i];
  }

  int flags(int i) {
    return flags[i];
  }

  void forEach(RegionVisitor visitor) {
    for (int i = 0; i < count; i++) {
      visitor.region(starts[i], ends[i], nodes[i], flags[i]);
    }
  }

  /** One past the last byte of a range; what would lie beyond the last address is cut off. */
  static long end(long start, long bytes) {
    long end = start + bytes;
    return end < start ? Long.MAX_VALUE : end;
  }

  /** Adds what is not there yet; what is there keeps its node and flags. */
  void add(long start, long bytes, int node, int flag) {
    long end = end(start, bytes);
    long at = start;
    for (int i = 0; i < count && at < end; i++) {
      if (ends[i] <= at) {
        continue;
      }
      if (starts[i] >= end) {
        break;
      }
      if (at < starts[i]) {
        insert(i, at, starts[i], node, flag);
        i++;
      }
      at = ends[i];
    }
    if (at < end) {
      insert(place(at), at, end, node, flag);
    }
    merge();
  }

  void remove(long start, long bytes) {
    long end = end(start, bytes);
    isolate(start, end);
    for (int i = count - 1; i >= 0; i--) {
      if (starts[i] >= start && ends[i] <= end) {
        delete(i);
      }
    }
  }

  void setNode(long start, long bytes, int node) {
    long end = end(start, bytes);
    isolate(start, end);
    for (int i = 0; i < count; i++) {
      if (starts[i] >= start && ends[i] <= end) {
        nodes[i] = node;
      }
    }
    merge();
  }

  /** Cuts every range to whole units; what has none is dropped. */
  void trim(long align) {
    for (int i = count - 1; i >= 0; i--) {
      long start = Pages.alignUp(starts[i], align);
      long end = ends[i] & -align;
      if (start < end) {
        starts[i] = start;
        ends[i] = end;
      } else {
        delete(i);
      }
    }
  }

  /** Splits ranges so that none crosses either end. */
  private void isolate(long start, long end) {
    if (start >= end) {
      return; // nothing to keep apart
    }
    for (int i = 0; i < count; i++) {
      split(i, start);
      split(i, end);
    }
  }

  private void split(int i, long at) {
    if (starts[i] < at && at < ends[i]) {
      insert(i + 1, at, ends[i], nodes[i], flags[i]);
      ends[i] = at;
    }
  }

  private int place(long start) {
    int i = 0;
    while (i < count && starts[i] < start) {
      i++;
    }
    return i;
  }

  private void insert(int i, long start, long end, int node, int flag) {
    if (count == starts.length) {
      starts = Arrays.copyOf(starts, 2 * count);
      ends = Arrays.copyOf(ends, 2 * count);
      nodes = Arrays.copyOf(nodes, 2 * count);
      flags = Arrays.copyOf(flags, 2 * count);
    }
    shift(i, i + 1, count - i);
    starts[i] = start;
    ends[i] = end;
    nodes[i] = node;
    flags[i] = flag;
    count++;
  }

  private void delete(int i) {
    shift(i + 1, i, count - i - 1);
    count--;
  }

  private void shift(int from, int to, int length) {
    System.arraycopy(starts, from, starts, to, length);
    System.arraycopy(ends, from, ends, to, length);
    System.arraycopy(nodes, from, nodes, to, length);
    System.arraycopy(flags, from, flags, to, length);
  }

  private void merge() {
    for (int i = count - 1; i > 0; i--) {
      if (ends[i - 1] == starts[i] && nodes[i - 1] == nodes[i] && flags[i - 1] == flags[i]) {
        ends[i - 1] = ends[i];
        delete(i);
      }
    }
  }
}
