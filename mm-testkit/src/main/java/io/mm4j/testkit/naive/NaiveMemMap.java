// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.naive;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;

/** {@code mem_map} as an array of objects. */
public class NaiveMemMap implements MemMap {
  private static final class Frame {
    FrameOwner owner = FrameOwner.NONE;
    boolean present;
    int flags;
    int refcount;
    int mapcount;
    int order;
    long privateData;
    long mapping;
    long index;
    long next = -1;
    long prev = -1;
  }

  private final Frame[] frames;

  /** Creates it with the owners that follow from the map. */
  public NaiveMemMap(MemoryLayout layout) {
    frames = new Frame[Math.toIntExact(layout.endPfn())];
    for (int i = 0; i < frames.length; i++) {
      frames[i] = new Frame();
    }
    for (MemoryMap.Range range : layout.map().ranges()) {
      long first = (range.start() + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT;
      long end = Math.min(frames.length, range.end() >>> Pages.PAGE_SHIFT);
      for (long pfn = first; pfn < end; pfn++) {
        frame(pfn).owner = FrameOwner.RESERVED;
        frame(pfn).present = range.type() == MemoryMap.Type.USABLE;
      }
    }
  }

  private Frame frame(long pfn) {
    return frames[Math.toIntExact(pfn)];
  }

  @Override
  public long startPfn() {
    return 0;
  }

  @Override
  public long endPfn() {
    return frames.length;
  }

  @Override
  public boolean isPresent(long pfn) {
    return pfn >= 0 && pfn < frames.length && frame(pfn).present;
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
    initOwners(pfn, pfn + (1L << order), owner);
  }

  @Override
  public void initOwners(long startPfn, long endPfn, FrameOwner owner) {
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      setOwner(pfn, owner);
    }
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
      boolean present = frame(p).present;
      frames[(int) p] = new Frame();
      frame(p).owner = owner;
      frame(p).present = present;
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
