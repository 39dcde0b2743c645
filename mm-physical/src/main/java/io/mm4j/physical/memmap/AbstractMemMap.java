// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What both memory models have in common: a frame number leads to columns and a place in them. */
abstract class AbstractMemMap implements MemMap {
  private final MemoryMap map;
  private final long endPfn;

  /** Usable ranges as frame numbers: start, end, start, end... ascending. */
  private final long[] present;

  AbstractMemMap(MemoryLayout layout) {
    map = layout.map();
    endPfn = layout.endPfn();
    present =
        map.ranges().stream()
            .filter(r -> r.type() == MemoryMap.Type.USABLE)
            .flatMapToLong(r -> java.util.stream.LongStream.of(firstPfn(r), endPfn(r)))
            .toArray();
  }

  /** Called once by the subclass, when its arrays are there. */
  final void initOwners() {
    for (MemoryMap.Range range : map.ranges()) {
      long end = Math.min(endPfn, endPfn(range));
      if (firstPfn(range) < end) {
        initOwners(firstPfn(range), end, FrameOwner.RESERVED);
      }
    }
  }

  private static long firstPfn(MemoryMap.Range range) {
    return (range.start() + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT;
  }

  private static long endPfn(MemoryMap.Range range) {
    return range.end() >>> Pages.PAGE_SHIFT;
  }

  /** The state word of a frame: see {@link PageColumns}. */
  abstract long state(long pfn);

  /** The frame's place in its columns. */
  abstract int at(long pfn);

  /** The columns of a frame, made if they are not there. */
  abstract PageColumns columns(long pfn);

  /** The columns of a frame, or null if nobody has written to them. */
  abstract @Nullable PageColumns columnsIfAny(long pfn);

  @Override
  public final long startPfn() {
    return 0;
  }

  @Override
  public final long endPfn() {
    return endPfn;
  }

  @Override
  public final boolean isPresent(long pfn) {
    int at = Arrays.binarySearch(present, pfn);
    // Between a start and an end: an odd insertion point, or the start itself.
    return pfn < endPfn && (at >= 0 ? at % 2 == 0 : (-at - 1) % 2 == 1);
  }

  @Override
  public final FrameOwner owner(long pfn) {
    return PageColumns.owner(state(pfn));
  }

  @Override
  public final void setOwner(long pfn, FrameOwner owner) {
    long[] state = columns(pfn).state;
    state[at(pfn)] = PageColumns.withOwner(state[at(pfn)], owner);
  }

  @Override
  public final void setOwners(long pfn, int order, FrameOwner owner) {
    long[] state = columns(pfn).state;
    int end = at(pfn) + (1 << order);
    for (int at = at(pfn); at < end; at++) {
      state[at] = PageColumns.withOwner(state[at], owner);
    }
  }

  @Override
  public final void prepare(long pfn, int order, FrameOwner owner) {
    columns(pfn).prepare(at(pfn), order, owner);
  }

  @Override
  public final void release(long pfn, int order, FrameOwner owner) {
    columns(pfn).release(at(pfn), order, owner);
  }

  @Override
  public final boolean releaseIfLast(long pfn, int order, FrameOwner owner) {
    if (pfn < 0 || pfn >= endPfn) {
      return false;
    }
    PageColumns columns = columnsIfAny(pfn);
    return columns != null && columns.releaseIfLast(at(pfn), order, owner);
  }

  @Override
  public final int flags(long pfn) {
    return PageColumns.flags(state(pfn));
  }

  @Override
  public final void setFlags(long pfn, int flags) {
    columns(pfn).setFlags(at(pfn), flags);
  }

  @Override
  public final int refcount(long pfn) {
    return PageColumns.refcount(state(pfn));
  }

  @Override
  public final void setRefcount(long pfn, int count) {
    long[] state = columns(pfn).state;
    state[at(pfn)] = PageColumns.withRefcount(state[at(pfn)], count);
  }

  @Override
  public final void get(long pfn) {
    columns(pfn).get(at(pfn));
  }

  @Override
  public final boolean putUnlessLast(long pfn) {
    return columns(pfn).putUnlessLast(at(pfn));
  }

  @Override
  public final int order(long pfn) {
    return PageColumns.order(state(pfn));
  }

  @Override
  public final void setOrder(long pfn, int order) {
    long[] state = columns(pfn).state;
    state[at(pfn)] = PageColumns.withOrder(state[at(pfn)], order);
  }

  @Override
  public final int mapcount(long pfn) {
    PageColumns columns = columnsIfAny(pfn);
    return columns == null ? 0 : columns.mapcount(at(pfn));
  }

  @Override
  public final void setMapcount(long pfn, int count) {
    columns(pfn).setMapcount(at(pfn), count);
  }

  @Override
  public final long privateData(long pfn) {
    PageColumns columns = columnsIfAny(pfn);
    return columns == null ? 0 : columns.privateData(at(pfn));
  }

  @Override
  public final void setPrivateData(long pfn, long value) {
    columns(pfn).setPrivateData(at(pfn), value);
  }

  @Override
  public final long mapping(long pfn) {
    PageColumns columns = columnsIfAny(pfn);
    return columns == null ? 0 : columns.mapping(at(pfn));
  }

  @Override
  public final void setMapping(long pfn, long handle) {
    columns(pfn).setMapping(at(pfn), handle);
  }

  @Override
  public final long index(long pfn) {
    PageColumns columns = columnsIfAny(pfn);
    return columns == null ? 0 : columns.index(at(pfn));
  }

  @Override
  public final void setIndex(long pfn, long index) {
    columns(pfn).setIndex(at(pfn), index);
  }

  @Override
  public final long lruNext(long pfn) {
    PageColumns columns = columnsIfAny(pfn);
    return columns == null ? -1 : columns.lruNext(at(pfn));
  }

  @Override
  public final long lruPrev(long pfn) {
    PageColumns columns = columnsIfAny(pfn);
    return columns == null ? -1 : columns.lruPrev(at(pfn));
  }

  @Override
  public final void setLru(long pfn, long next, long prev) {
    columns(pfn).setLru(at(pfn), next, prev);
  }
}
