// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.naive;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** {@code mem_map} as objects, made in runs of 512 frames when one of them is first asked for. */
public class NaiveMemMap implements MemMap {
  private static final int RUN = 512;
  private static final long FEW = 1 << 16;

  private static final class Frame {
    FrameOwner owner = FrameOwner.NONE;
    int flags;
    int refcount;
    int mapcount;
    int order;
    long privateData;
    long mapping;
    long index;
    long next = -1;
    long prev = -1;

    Frame(FrameOwner owner) {
      this.owner = owner;
    }

    boolean hasOnlyAnOwner() {
      return flags == 0
          && refcount == 0
          && mapcount == 0
          && order == 0
          && privateData == 0
          && mapping == 0
          && index == 0
          && next == -1
          && prev == -1;
    }

    boolean equalTo(Frame other) {
      return owner == other.owner
          && flags == other.flags
          && refcount == other.refcount
          && mapcount == other.mapcount
          && order == other.order
          && privateData == other.privateData
          && mapping == other.mapping
          && index == other.index
          && next == other.next
          && prev == other.prev;
    }
  }

  private final MemoryMap map;
  private final long endPfn;

  /** Whose the frames are from this number to the next one, as far as nobody wrote to them. */
  private final TreeMap<Long, FrameOwner> owners = new TreeMap<>(Map.of(0L, FrameOwner.NONE));

  /** All frames of a small machine, and of a large one by run. */
  private final Frame[] few;

  private final Map<Long, Frame[]> runs = new ConcurrentHashMap<>();

  /** Creates it with the owners that follow from the map. */
  public NaiveMemMap(MemoryLayout layout) {
    map = layout.map();
    endPfn = layout.endPfn();
    for (MemoryMap.Range range : map.ranges()) {
      long first = (range.start() + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT;
      long end = Math.min(endPfn, range.end() >>> Pages.PAGE_SHIFT);
      cover(first, end, FrameOwner.RESERVED);
    }
    few = endPfn <= FEW ? made(0, (int) endPfn) : new Frame[0];
  }

  private void cover(long start, long end, FrameOwner owner) {
    if (start < end) {
      FrameOwner after = owners.floorEntry(end).getValue();
      owners.subMap(start, end).clear();
      owners.put(start, owner);
      owners.putIfAbsent(end, after);
    }
  }

  private Frame[] made(long start, int count) {
    Frame[] frames = new Frame[count];
    for (int i = 0; i < count; i++) {
      frames[i] = new Frame(owners.floorEntry(start + i).getValue());
    }
    return frames;
  }

  private Frame frame(long pfn) {
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
    for (Map.Entry<Long, Frame[]> run : runs.entrySet()) {
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
    Frame first = frame(pfn);
    for (Map.Entry<Long, Frame[]> run : runs.entrySet()) {
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
      if (few.length > 0 || !plain || owners.floorEntry(at).getValue() != first.owner) {
        if (stop - at > FEW || !eachEqual(first, at, stop)) {
          return false;
        }
      }
      at = stop;
    }
    return true;
  }

  private boolean eachEqual(Frame first, long from, long to) {
    for (long at = from; at < to; at++) {
      if (!frame(at).equalTo(first)) {
        return false;
      }
    }
    return true;
  }

  @Override
  public long startPfn() {
    return 0;
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
  public FrameOwner owner(long pfn) {
    return frame(pfn).owner;
  }

  @Override
  public void setOwner(long pfn, FrameOwner owner) {
    frame(pfn).owner = owner;
  }

  @Override
  public void setOwners(long pfn, int order, FrameOwner owner) {
    for (long p = pfn; p < pfn + (1L << order); p++) {
      setOwner(p, owner);
    }
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
              frames[i].owner = owner;
            }
          }
        });
  }

  @Override
  public void prepare(long pfn, int order, FrameOwner owner) {
    for (long p = pfn; p < pfn + (1L << order); p++) {
      Frame frame = frame(p);
      frame.owner = owner;
      frame.order = order;
      frame.flags = 0;
      frame.refcount = p == pfn ? 1 : 0;
    }
  }

  @Override
  public void release(long pfn, int order, FrameOwner owner) {
    for (long p = pfn; p < pfn + (1L << order); p++) {
      Frame frame = frame(p);
      frame.owner = owner;
      frame.order = 0;
      frame.flags = 0;
      frame.refcount = 0;
      frame.mapcount = 0;
      frame.privateData = 0;
      frame.mapping = 0;
      frame.index = 0;
      frame.next = -1;
      frame.prev = -1;
    }
  }

  @Override
  public int flags(long pfn) {
    return frame(pfn).flags;
  }

  @Override
  public void setFlags(long pfn, int flags) {
    frame(pfn).flags = flags;
  }

  @Override
  public int refcount(long pfn) {
    return frame(pfn).refcount;
  }

  @Override
  public void setRefcount(long pfn, int count) {
    frame(pfn).refcount = count;
  }

  @Override
  public synchronized void get(long pfn) {
    frame(pfn).refcount++;
  }

  @Override
  public synchronized boolean putUnlessLast(long pfn) {
    Frame frame = frame(pfn);
    boolean more = frame.refcount > 1;
    frame.refcount -= more ? 1 : 0;
    return more;
  }

  @Override
  public int mapcount(long pfn) {
    return frame(pfn).mapcount;
  }

  @Override
  public void setMapcount(long pfn, int count) {
    frame(pfn).mapcount = count;
  }

  @Override
  public long privateData(long pfn) {
    return frame(pfn).privateData;
  }

  @Override
  public void setPrivateData(long pfn, long value) {
    frame(pfn).privateData = value;
  }

  @Override
  public long mapping(long pfn) {
    return frame(pfn).mapping;
  }

  @Override
  public void setMapping(long pfn, long handle) {
    frame(pfn).mapping = handle;
  }

  @Override
  public long index(long pfn) {
    return frame(pfn).index;
  }

  @Override
  public void setIndex(long pfn, long index) {
    frame(pfn).index = index;
  }

  @Override
  public int order(long pfn) {
    return frame(pfn).order;
  }

  @Override
  public void setOrder(long pfn, int order) {
    frame(pfn).order = order;
  }

  @Override
  public long lruNext(long pfn) {
    return frame(pfn).next;
  }

  @Override
  public long lruPrev(long pfn) {
    return frame(pfn).prev;
  }

  @Override
  public void setLru(long pfn, long next, long prev) {
    frame(pfn).next = next;
    frame(pfn).prev = prev;
  }
}
