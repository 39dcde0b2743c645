// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.naive;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** {@code mem_map} as objects, made in runs of 512 frames when one of them is first asked for. */
public class NaiveMemMap extends FrameObjects {
  private static final int RUN = 512;
  private static final long FEW = 1 << 16;

  private final MemoryMap map;
  private final long endPfn;

  /** Where the states are, or nothing if each frame has its own. */
  private final FrameStates states;

  /** Whose the frames are from this number to the next one, as far as nobody wrote to them. */
  private final TreeMap<Long, FrameOwner> owners = new TreeMap<>(Map.of(0L, FrameOwner.NONE));

  /** All frames of a small machine, and of a large one by run. */
  private final NaiveFrame[] few;

  private final Map<Long, NaiveFrame[]> runs = new ConcurrentHashMap<>();

  /** Creates it with the owners that follow from the map; nobody else has its states. */
  public NaiveMemMap(MemoryLayout layout) {
    this(layout, FrameStates.NONE);
  }

  /**
   * Creates it with the owners that follow from the map.
   *
   * @param states a table that a page allocator's fast paths may look at, too
   */
  public NaiveMemMap(MemoryLayout layout, FrameStates states) {
    this.states = states;
    map = layout.map();
    endPfn = layout.endPfn();
    for (MemoryMap.Range range : map.ranges()) {
      long first = (range.start() + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT;
      long end = Math.min(endPfn, range.end() >>> Pages.PAGE_SHIFT);
      cover(first, end, FrameOwner.RESERVED);
    }
    few = endPfn <= FEW ? made(0, (int) endPfn) : new NaiveFrame[0];
  }

  private void cover(long start, long end, FrameOwner owner) {
    if (start < end) {
      FrameOwner after = owners.floorEntry(end).getValue();
      owners.subMap(start, end).clear();
      owners.put(start, owner);
      owners.putIfAbsent(end, after);
      if (!states.isEmpty()) {
        states.fill(start, end, owner, endPfn);
      }
    }
  }

  private NaiveFrame[] made(long start, int count) {
    NaiveFrame[] frames = new NaiveFrame[count];
    for (int i = 0; i < count; i++) {
      frames[i] =
          states.isEmpty() || start + i >= endPfn
              ? new NaiveFrame(owners.floorEntry(start + i).getValue())
              : new NaiveFrame(states.words(start + i), states.at(start + i));
    }
    return frames;
  }

  @Override
  public final FrameStates states() {
    return states;
  }

  @Override
  protected final NaiveFrame frame(long pfn) {
    if (pfn < 0 || pfn >= endPfn) {
      throw new IndexOutOfBoundsException("no such frame: pfn=" + pfn + " endPfn=" + endPfn);
    }
    if (few.length > 0) {
      return few[(int) pfn];
    }
    return runs.computeIfAbsent(pfn / RUN, run -> made(run * RUN, RUN))[(int) (pfn % RUN)];
  }

  /** Whether nothing but their owners is known of these frames. */
  public final boolean onlyOwners(long start, long end) {
    for (long pfn = start; pfn < Math.min(end, few.length); pfn++) {
      if (!few[(int) pfn].hasOnlyAnOwner()) {
        return false;
      }
    }
    for (Map.Entry<Long, NaiveFrame[]> run : runs.entrySet()) {
      for (int i = 0; i < RUN; i++) {
        long pfn = run.getKey() * RUN + i;
        if (pfn >= start && pfn < end && !run.getValue()[i].hasOnlyAnOwner()) {
          return false;
        }
      }
    }
    return true;
  }

  /** Whether all frames from the first one to the other, not included, read as the first does. */
  public final boolean allEqual(long pfn, long until) {
    NaiveFrame first = frame(pfn);
    for (Map.Entry<Long, NaiveFrame[]> run : runs.entrySet()) {
      for (int i = 0; i < RUN; i++) {
        long at = run.getKey() * RUN + i;
        if (at > pfn && at < until && !run.getValue()[i].equalTo(first)) {
          return false;
        }
      }
    }
    boolean plain = first.hasOnlyAnOwner();
    for (long at = pfn; at < until; ) {
      Long next = owners.higherKey(at);
      long stop = next == null ? until : Math.min(until, next);
      if (few.length > 0 || !plain || owners.floorEntry(at).getValue() != first.owner()) {
        if (stop - at > FEW || !eachEqual(first, at, stop)) {
          return false;
        }
      }
      at = stop;
    }
    return true;
  }

  private boolean eachEqual(NaiveFrame first, long from, long to) {
    for (long at = from; at < to; at++) {
      if (!frame(at).equalTo(first)) {
        return false;
      }
    }
    return true;
  }

  @Override
  public long endPfn() {
    return endPfn;
  }

  @Override
  public boolean isPresent(long pfn) {
    if (pfn < 0 || pfn >= endPfn) {
      return false;
    }
    long first = pfn << Pages.PAGE_SHIFT;
    for (MemoryMap.Range range : map.ranges()) {
      if (range.type() == MemoryMap.Type.USABLE
          && range.start() <= first
          && first + Pages.PAGE_SIZE <= range.end()) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void initOwners(long startPfn, long end, FrameOwner owner) {
    if (few.length > 0) {
      for (long pfn = startPfn; pfn < end; pfn++) {
        setOwner(pfn, owner);
      }
      return;
    }
    cover(startPfn, end, owner);
    runs.forEach(
        (run, frames) -> {
          for (int i = 0; i < RUN; i++) {
            long pfn = run * RUN + i;
            if (pfn >= startPfn && pfn < end) {
              frames[i].owner(owner);
            }
          }
        });
  }
}
