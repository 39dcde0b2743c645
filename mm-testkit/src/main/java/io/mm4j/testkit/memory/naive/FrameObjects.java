// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.naive;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.PageState;
import io.mm4j.api.memory.Pages;

/** What every call of a {@code mem_map} does, with an object for each frame and one lock. */
public abstract class FrameObjects implements MemMap {
  /** For subclasses. */
  protected FrameObjects() {}

  /** A frame to be read. */
  protected abstract NaiveFrame frame(long pfn);

  /** A frame to be written. */
  protected NaiveFrame written(long pfn) {
    return frame(pfn);
  }

  @Override
  public long startPfn() {
    return 0;
  }

  @Override
  public FrameOwner owner(long pfn) {
    return frame(pfn).owner();
  }

  @Override
  public void setOwner(long pfn, FrameOwner owner) {
    written(pfn).owner(owner);
  }

  @Override
  public void setOwners(long pfn, int order, FrameOwner owner) {
    for (long p = pfn; p < pfn + (1L << order); p++) {
      written(p).owner(owner);
    }
  }

  @Override
  public void prepare(long pfn, int order, FrameOwner owner) {
    for (long p = pfn; p < pfn + (1L << order); p++) {
      written(p).become(owner, order, 0, p == pfn ? 1 : 0);
    }
  }

  @Override
  public void release(long pfn, int order, FrameOwner owner) {
    for (long p = pfn; p < pfn + (1L << order); p++) {
      NaiveFrame frame = written(p);
      frame.forget();
      frame.become(owner, 0, 0, 0);
    }
  }

  @Override
  public synchronized void hold(
      long pfn, int order, FrameOwner owner, int flags, long mapping, long index) {
    NaiveFrame first = frame(pfn);
    if (first.held() || first.refcount() != 1 || first.order() != order) {
      throw new MisuseException("not a bare block: pfn=" + pfn + " order=" + order);
    }
    setOwners(pfn, order, owner);
    first = written(pfn);
    first.held(true);
    first.flags(flags);
    first.mapping = mapping;
    first.index = index;
  }

  @Override
  public synchronized boolean drop(long pfn, int order) {
    checkHeld(pfn, order);
    if (frame(pfn).refcount() == 0) {
      throw new MisuseException("frozen: pfn=" + pfn);
    }
    if (frame(pfn).refcount() > 1) {
      written(pfn).refcount(written(pfn).refcount() - 1);
      return false;
    }
    checkUnmapped(pfn, order);
    for (long p = pfn; p < pfn + (1L << order); p++) {
      NaiveFrame frame = written(p);
      frame.forget();
      frame.owner(FrameOwner.KERNEL);
      frame.flags(0);
      frame.order(order);
      frame.refcount(p == pfn ? 1 : 0);
    }
    return true;
  }

  private void checkHeld(long pfn, int order) {
    if (!frame(pfn).held() || frame(pfn).order() != order) {
      throw new MisuseException("not a held block: pfn=" + pfn + " order=" + order);
    }
  }

  private void checkUnmapped(long pfn, int order) {
    for (long p = pfn; p < pfn + (1L << order); p++) {
      if (frame(p).isMapped()) {
        throw new MisuseException("mapped: pfn=" + p + " order=" + order);
      }
    }
  }

  @Override
  public boolean isHeld(long pfn) {
    return frame(pfn).held();
  }

  @Override
  public synchronized void splitFolio(long pfn, int order, int toOrder) {
    checkHeld(pfn, order);
    if (frame(pfn).refcount() != 0 || toOrder < 0 || toOrder >= order) {
      throw new MisuseException("cannot be split: pfn=" + pfn + " to order " + toOrder);
    }
    checkUnmapped(pfn, order);
    NaiveFrame first = written(pfn);
    boolean swapped = first.owner() == FrameOwner.SWAP_CACHE;
    boolean cached = swapped || first.owner() == FrameOwner.FILE;
    int size = 1 << toOrder;
    first.flags(first.flags() & ~PageFlags.PG_HEAD);
    for (long i = 0; i < 1L << order; i++) {
      NaiveFrame frame = written(pfn + i);
      frame.order(toOrder);
      frame.owner(first.owner());
      frame.refcount(0);
      if (i > 0) {
        frame.flags(frame.flags() & PageFlags.PG_ANON_EXCLUSIVE);
      }
      if (i % size == 0) {
        frame.refcount(cached ? 1 + size : 1);
        if (i > 0) {
          frame.held(true);
          frame.flags(
              frame.flags() | (first.flags() & ~(PageFlags.PG_LRU | PageFlags.PG_ANON_EXCLUSIVE)));
          frame.mapping = first.mapping;
          frame.index = first.index + i;
          frame.privateData = swapped ? first.privateData + i : 0;
        }
      }
    }
    for (long p = pfn; toOrder > 0 && p < pfn + (1L << order); p += size) {
      written(p).flags(written(p).flags() | PageFlags.PG_HEAD);
    }
  }

  @Override
  public void move(long destinationPfn, long sourcePfn) {
    NaiveFrame destination = written(destinationPfn);
    NaiveFrame source = written(sourcePfn);
    destination.owner(source.owner());
    destination.flags(source.flags());
    destination.refcount(source.refcount());
    destination.mapcount = source.mapcount;
    destination.entireMapcount = source.entireMapcount;
    destination.privateData = source.privateData;
    destination.mapping = source.mapping;
    destination.index = source.index;
    destination.held(destination.held() || source.held());
    source.forget();
    source.flags(0);
    source.refcount(1);
  }

  @Override
  public int flags(long pfn) {
    return frame(pfn).flags();
  }

  @Override
  public void setFlags(long pfn, int flags) {
    written(pfn).flags(flags);
  }

  @Override
  public int refcount(long pfn) {
    return frame(pfn).refcount();
  }

  @Override
  public void setRefcount(long pfn, int count) {
    if (count < 0 || count > PageState.MAX_REFCOUNT) {
      throw new MisuseException("pfn=" + pfn + " refcount=" + count);
    }
    written(pfn).refcount(count);
  }

  @Override
  public synchronized void get(long pfn) {
    int count = frame(pfn).refcount();
    if (count == 0 || count == PageState.MAX_REFCOUNT) {
      throw new MisuseException("pfn=" + pfn + " refcount=" + count);
    }
    written(pfn).refcount(written(pfn).refcount() + 1);
  }

  @Override
  public synchronized boolean tryGet(long pfn) {
    if (pfn >= endPfn()) {
      return false;
    }
    NaiveFrame frame = frame(pfn);
    if (!frame.held() || frame.refcount() == 0 || frame.refcount() == PageState.MAX_REFCOUNT) {
      return false;
    }
    written(pfn).refcount(written(pfn).refcount() + 1);
    return true;
  }

  @Override
  public synchronized boolean freeze(long pfn, int expected) {
    if (expected < 1 || frame(pfn).refcount() != expected) {
      return false;
    }
    written(pfn).refcount(0);
    return true;
  }

  @Override
  public synchronized void unfreeze(long pfn, int count) {
    if (frame(pfn).refcount() != 0 || count < 1 || count > PageState.MAX_REFCOUNT) {
      throw new MisuseException("pfn=" + pfn + " cannot be unfrozen to " + count);
    }
    written(pfn).refcount(count);
  }

  @Override
  public synchronized boolean putUnlessLast(long pfn) {
    if (frame(pfn).refcount() <= 1) {
      return false;
    }
    written(pfn).refcount(written(pfn).refcount() - 1);
    return true;
  }

  @Override
  public int mapcount(long pfn) {
    return frame(pfn).mapcount;
  }

  @Override
  public void setMapcount(long pfn, int count) {
    noteHeld(pfn, count != 0).mapcount = count;
  }

  /** A row is being written to: its frame is held, if there is something in it. */
  private NaiveFrame noteHeld(long pfn, boolean something) {
    NaiveFrame frame = written(pfn);
    frame.held(frame.held() || something);
    return frame;
  }

  @Override
  public synchronized int addMapcount(long pfn, int change) {
    int count = added(pfn, frame(pfn).mapcount, change);
    noteHeld(pfn, change > 0).mapcount = count;
    return count;
  }

  @Override
  public int entireMapcount(long pfn) {
    return frame(pfn).entireMapcount;
  }

  @Override
  public synchronized int addEntireMapcount(long pfn, int change) {
    int count = added(pfn, frame(pfn).entireMapcount, change);
    noteHeld(pfn, change > 0).entireMapcount = count;
    return count;
  }

  private static int added(long pfn, int count, int change) {
    long sum = (long) count + change;
    if (sum < 0 || sum > Integer.MAX_VALUE) {
      throw new MisuseException("pfn=" + pfn + " mapped " + sum + " times");
    }
    return (int) sum;
  }

  @Override
  public long privateData(long pfn) {
    return frame(pfn).privateData;
  }

  @Override
  public void setPrivateData(long pfn, long value) {
    noteHeld(pfn, value != 0).privateData = value;
  }

  @Override
  public long mapping(long pfn) {
    return frame(pfn).mapping;
  }

  @Override
  public void setMapping(long pfn, long handle) {
    noteHeld(pfn, handle != 0).mapping = handle;
  }

  @Override
  public long index(long pfn) {
    return frame(pfn).index;
  }

  @Override
  public void setIndex(long pfn, long index) {
    noteHeld(pfn, index != 0).index = index;
  }

  @Override
  public int order(long pfn) {
    return frame(pfn).order();
  }

  @Override
  public void setOrder(long pfn, int order) {
    if (order < 0 || order > Pages.MAX_FOLIO_ORDER) {
      throw new MisuseException("pfn=" + pfn + " order=" + order);
    }
    written(pfn).order(order);
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
    NaiveFrame frame = noteHeld(pfn, next != -1 || prev != -1);
    frame.next = next;
    frame.prev = prev;
  }
}
