// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.model;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import java.util.Arrays;
import java.util.BitSet;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A {@code mem_map} of objects that are made when a frame is first written, for zones that lie far
 * apart. It remembers which frames were written, so that few have to be compared.
 */
final class TouchedMap implements MemMap {
  private static final class Frame {
    FrameOwner owner;
    int flags;
    int refcount;
    int mapcount;
    int order;
    long privateData;
    long mapping;
    long index;
    long next = -1;
    long prev = -1;
    boolean touched;

    Frame(FrameOwner owner) {
      this.owner = owner;
    }

    /** As if it had never been used. */
    void release(FrameOwner freed) {
      owner = freed;
      flags = 0;
      refcount = 0;
      mapcount = 0;
      order = 0;
      privateData = 0;
      mapping = 0;
      index = 0;
      next = -1;
      prev = -1;
    }
  }

  private static final int CHUNK = 12;

  /** Frames that were written since the last look, once each. */
  private long[] touched = new long[64];

  private int touchedCount;
  private final MemoryLayout layout;
  private final @Nullable Frame[][] chunks;
  private final BitSet given = new BitSet();

  TouchedMap(MemoryLayout layout) {
    this.layout = layout;
    this.chunks = new Frame[((int) layout.endPfn() >> CHUNK) + 1][];
  }

  private FrameOwner atFirst(long pfn) {
    if (given.get((int) pfn)) {
      return FrameOwner.FREE;
    }
    return isPresent(pfn) ? FrameOwner.RESERVED : FrameOwner.NONE;
  }

  private @Nullable Frame[] chunk(long pfn) {
    int at = (int) pfn >> CHUNK;
    if (chunks[at] == null) {
      chunks[at] = new Frame[1 << CHUNK];
    }
    return chunks[at];
  }

  /** To be read. */
  private Frame seen(long pfn) {
    Frame frame = chunk(pfn)[(int) pfn & (1 << CHUNK) - 1];
    return frame == null ? new Frame(atFirst(pfn)) : frame;
  }

  /** To be written. */
  private Frame frame(long pfn) {
    @Nullable Frame[] chunk = chunk(pfn);
    int at = (int) pfn & (1 << CHUNK) - 1;
    Frame frame = chunk[at];
    if (frame == null) {
      frame = new Frame(atFirst(pfn));
      chunk[at] = frame;
    }
    if (!frame.touched) {
      frame.touched = true;
      if (touchedCount == touched.length) {
        touched = Arrays.copyOf(touched, 2 * touchedCount);
      }
      touched[touchedCount++] = pfn;
    }
    return frame;
  }

  /** Looks at every frame that was written since the last call. */
  void takeTouched(LongConsumer look) {
    for (int i = 0; i < touchedCount; i++) {
      look.accept(touched[i]);
      frame(touched[i]).touched = false;
    }
    touchedCount = 0;
  }

  /** Whether a frame was ever written. */
  boolean isKnown(long pfn) {
    return chunk(pfn)[(int) pfn & (1 << CHUNK) - 1] != null;
  }

  @Override
  public long startPfn() {
    return 0;
  }

  @Override
  public long endPfn() {
    return layout.endPfn();
  }

  @Override
  public boolean isPresent(long pfn) {
    for (MemoryMap.Range range : layout.map().ranges()) {
      if (pfn >= Pages.pfnUp(range.start()) && pfn < Pages.pfnDown(range.end())) {
        return range.type() == MemoryMap.Type.USABLE;
      }
    }
    return false;
  }

  @Override
  public FrameOwner owner(long pfn) {
    return seen(pfn).owner;
  }

  @Override
  public void setOwner(long pfn, FrameOwner owner) {
    frame(pfn).owner = owner;
  }

  @Override
  public void setOwners(long pfn, int order, FrameOwner owner) {
    for (long p = pfn; p < pfn + (1L << order); p++) {
      frame(p).owner = owner;
    }
  }

  @Override
  public void initOwners(long startPfn, long endPfn, FrameOwner owner) {
    given.set((int) startPfn, (int) endPfn, owner == FrameOwner.FREE);
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
      frame(p).release(owner);
    }
  }

  @Override
  public int flags(long pfn) {
    return seen(pfn).flags;
  }

  @Override
  public void setFlags(long pfn, int flags) {
    frame(pfn).flags = flags;
  }

  @Override
  public int refcount(long pfn) {
    return seen(pfn).refcount;
  }

  @Override
  public void setRefcount(long pfn, int count) {
    frame(pfn).refcount = count;
  }

  @Override
  public void get(long pfn) {
    frame(pfn).refcount++;
  }

  @Override
  public boolean putUnlessLast(long pfn) {
    boolean more = refcount(pfn) > 1;
    if (more) {
      frame(pfn).refcount--;
    }
    return more;
  }

  @Override
  public int mapcount(long pfn) {
    return seen(pfn).mapcount;
  }

  @Override
  public void setMapcount(long pfn, int count) {
    frame(pfn).mapcount = count;
  }

  @Override
  public long privateData(long pfn) {
    return seen(pfn).privateData;
  }

  @Override
  public void setPrivateData(long pfn, long value) {
    frame(pfn).privateData = value;
  }

  @Override
  public long mapping(long pfn) {
    return seen(pfn).mapping;
  }

  @Override
  public void setMapping(long pfn, long handle) {
    frame(pfn).mapping = handle;
  }

  @Override
  public long index(long pfn) {
    return seen(pfn).index;
  }

  @Override
  public void setIndex(long pfn, long index) {
    frame(pfn).index = index;
  }

  @Override
  public int order(long pfn) {
    return seen(pfn).order;
  }

  @Override
  public void setOrder(long pfn, int order) {
    frame(pfn).order = order;
  }

  @Override
  public long lruNext(long pfn) {
    return seen(pfn).next;
  }

  @Override
  public long lruPrev(long pfn) {
    return seen(pfn).prev;
  }

  @Override
  public void setLru(long pfn, long next, long prev) {
    Frame frame = frame(pfn);
    frame.next = next;
    frame.prev = prev;
  }
}
