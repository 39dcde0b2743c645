// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.PageState;
import io.mm4j.api.memory.Pages;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What both memory models have in common: a frame number leads to arrays and a place in them. */
abstract class AbstractMemMap implements MemMap {
  private final MemoryMap map;
  private final long endPfn;

  /** Usable ranges as frame numbers: start, end, start, end... ascending. */
  private final long[] present;

  private final FrameStates states;

  AbstractMemMap(MemoryLayout layout, FrameStates states) {
    this.states = states;
    map = layout.map();
    endPfn = layout.endPfn();
    present =
        map.ranges().stream()
            .filter(r -> r.type() == MemoryMap.Type.USABLE)
            .filter(r -> firstPfn(r) < endPfn(r)) // one within a page has no frame
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

  @Override
  public final FrameStates states() {
    return states;
  }

  private long state(long pfn) {
    return states.get(pfn);
  }

  private int at(long pfn) {
    return states.at(pfn);
  }

  private long[] states(long pfn) {
    return states.words(pfn);
  }

  @Override
  public final long sameUntil(long pfn) {
    return Math.min(states.sameUntil(pfn), endPfn);
  }

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
    return PageState.owner(state(pfn));
  }

  @Override
  public final void setOwner(long pfn, FrameOwner owner) {
    PageState.setOwner(states(pfn), at(pfn), owner);
  }

  @Override
  public final void setOwners(long pfn, int order, FrameOwner owner) {
    long[] states = states(pfn);
    int end = at(pfn) + (1 << order);
    for (int at = at(pfn); at < end; at++) {
      states[at] = PageState.withOwner(states[at], owner);
    }
  }

  @Override
  public final void prepare(long pfn, int order, FrameOwner owner) {
    long[] words = states.wordsIfAny(pfn);
    int at = at(pfn);
    if (at < words.length) { // so that the array need not check it again
      PageState.prepare(words, at, order, owner);
    } else {
      PageState.prepare(states(pfn), at, order, owner);
    }
  }

  @Override
  public final void release(long pfn, int order, FrameOwner owner) {
    PageColumns columns = columnsIfAny(pfn);
    if (columns != null) {
      columns.clear(at(pfn), order);
    }
    PageState.release(states(pfn), at(pfn), order, owner);
  }

  @Override
  public final boolean releasePlain(long pfn, FrameOwner owner) {
    long[] words = states.wordsIfAny(pfn);
    int at = at(pfn);
    if (at >= words.length || !PageState.isPlainLast(words[at], 0)) {
      return false;
    }
    PageState.release(words, at, 0, owner);
    return true;
  }

  @Override
  public final int flags(long pfn) {
    return PageState.flags(state(pfn));
  }

  @Override
  public final void setFlags(long pfn, int flags) {
    PageState.setFlags(states(pfn), at(pfn), flags);
  }

  @Override
  public final int refcount(long pfn) {
    return PageState.refcount(state(pfn));
  }

  @Override
  public final void setRefcount(long pfn, int count) {
    long[] states = states(pfn);
    states[at(pfn)] = PageState.withRefcount(states[at(pfn)], count);
  }

  @Override
  public final void get(long pfn) {
    PageState.get(states(pfn), at(pfn));
  }

  @Override
  public final boolean putUnlessLast(long pfn) {
    return PageState.putUnlessLast(states(pfn), at(pfn));
  }

  @Override
  public final int order(long pfn) {
    return PageState.order(state(pfn));
  }

  @Override
  public final void setOrder(long pfn, int order) {
    PageState.setOrder(states(pfn), at(pfn), order);
  }

  /** The columns of a frame that is about to be written to, and its state says so from now on. */
  private PageColumns columnsToWrite(long pfn) {
    PageState.noteHeld(states(pfn), at(pfn));
    return columns(pfn);
  }

  @Override
  public final int mapcount(long pfn) {
    PageColumns columns = columnsIfAny(pfn);
    return columns == null ? 0 : columns.mapcount(at(pfn));
  }

  @Override
  public final void setMapcount(long pfn, int count) {
    PageColumns columns = count == 0 ? columnsIfAny(pfn) : columnsToWrite(pfn);
    if (columns != null) {
      columns.setMapcount(at(pfn), count);
    }
  }

  @Override
  public final long privateData(long pfn) {
    PageColumns columns = columnsIfAny(pfn);
    return columns == null ? 0 : columns.privateData(at(pfn));
  }

  @Override
  public final void setPrivateData(long pfn, long value) {
    PageColumns columns = value == 0 ? columnsIfAny(pfn) : columnsToWrite(pfn);
    if (columns != null) {
      columns.setPrivateData(at(pfn), value);
    }
  }

  @Override
  public final long mapping(long pfn) {
    PageColumns columns = columnsIfAny(pfn);
    return columns == null ? 0 : columns.mapping(at(pfn));
  }

  @Override
  public final void setMapping(long pfn, long handle) {
    PageColumns columns = handle == 0 ? columnsIfAny(pfn) : columnsToWrite(pfn);
    if (columns != null) {
      columns.setMapping(at(pfn), handle);
    }
  }

  @Override
  public final long index(long pfn) {
    PageColumns columns = columnsIfAny(pfn);
    return columns == null ? 0 : columns.index(at(pfn));
  }

  @Override
  public final void setIndex(long pfn, long index) {
    PageColumns columns = index == 0 ? columnsIfAny(pfn) : columnsToWrite(pfn);
    if (columns != null) {
      columns.setIndex(at(pfn), index);
    }
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
    PageColumns columns = next == -1 && prev == -1 ? columnsIfAny(pfn) : columnsToWrite(pfn);
    if (columns != null) {
      columns.setLru(at(pfn), next, prev);
    }
  }
}
