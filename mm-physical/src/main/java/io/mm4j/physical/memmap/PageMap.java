// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.PageState;
import io.mm4j.api.memory.Pages;
import java.util.Arrays;

/**
 * {@code mem_map}: a state of 8 bytes for each frame that every allocation writes ({@link
 * FrameStates}), a row of 32 bytes for what a holder writes ({@link FrameRows}), and 8 or 16 bytes
 * of links ({@link FrameLinks}).
 *
 * <p>The states come by section as with SPARSEMEM - a section of which nobody has written a frame
 * is one byte, the owner that all its frames have - or as one array for all frames, holes included,
 * made at boot: {@code mem_map[]} of Linux 2.4. Rows and links come into being with the first write
 * to their chunk.
 *
 * <p>A frame that is not held has a row of zeroes and no links: that is what {@link PageState#HELD}
 * says, so that a bare frame is given back without a look at either.
 */
public final class PageMap implements MemMap {
  /** One past the highest frame number that the flat form can hold: 1 TiB. */
  public static final long MAX_FLAT_PFN = (1L << 40) >>> Pages.PAGE_SHIFT;

  private final long endPfn;
  private final FrameStates states;
  private final FrameRows rows;
  private final FrameLinks links;

  /** Usable ranges as frame numbers: start, end, start, end... ascending. */
  private final long[] present;

  private PageMap(MemoryLayout layout, FrameStates states) {
    this.endPfn = layout.endPfn();
    this.states = states;
    this.rows = new FrameRows(endPfn);
    this.links = new FrameLinks(endPfn);
    MemoryMap map = layout.map();
    this.present =
        map.ranges().stream()
            .filter(r -> r.type() == MemoryMap.Type.USABLE)
            .filter(r -> firstPfn(r) < endPfn(r)) // one within a page has no frame
            .flatMapToLong(r -> java.util.stream.LongStream.of(firstPfn(r), endPfn(r)))
            .toArray();
    for (MemoryMap.Range range : map.ranges()) {
      long end = Math.min(endPfn, endPfn(range));
      if (firstPfn(range) < end) {
        initOwners(firstPfn(range), end, FrameOwner.RESERVED);
      }
    }
  }

  /** By sections, with the owners that follow from the memory map. */
  public static PageMap sparse(MemoryLayout layout) {
    return new PageMap(layout, FrameStates.sparse(layout.endPfn()));
  }

  /** As one array, with the owners that follow from the memory map. */
  public static PageMap flat(MemoryLayout layout) {
    return new PageMap(layout, FrameStates.flat(layout.endPfn()));
  }

  private static long firstPfn(MemoryMap.Range range) {
    return (range.start() + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT;
  }

  private static long endPfn(MemoryMap.Range range) {
    return range.end() >>> Pages.PAGE_SHIFT;
  }

  @Override
  public FrameStates states() {
    return states;
  }

  @Override
  public long sameUntil(long pfn) {
    return Math.min(states.sameUntil(pfn), endPfn);
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
    int at = Arrays.binarySearch(present, pfn);
    // Between a start and an end: an odd insertion point, or the start itself.
    return pfn < endPfn && (at >= 0 ? at % 2 == 0 : (-at - 1) % 2 == 1);
  }

  @Override
  public void initOwners(long startPfn, long end, FrameOwner owner) {
    states.fill(startPfn, end, owner, endPfn);
  }

  @Override
  public FrameOwner owner(long pfn) {
    return PageState.owner(states.get(pfn));
  }

  @Override
  public void setOwner(long pfn, FrameOwner owner) {
    PageState.setOwner(states.words(pfn), states.at(pfn), owner);
  }

  @Override
  public void setOwners(long pfn, int order, FrameOwner owner) {
    set(pfn, pfn + (1L << order), ~PageState.OWNER_MASK, owner.code());
  }

  /** Gives frames new bits beside those that they keep; over the borders of sections. */
  private void set(long startPfn, long stopPfn, long keep, long bits) {
    for (long pfn = startPfn; pfn < stopPfn; ) {
      long[] words = states.words(pfn);
      int from = states.at(pfn);
      int to = (int) Math.min(words.length, from + (stopPfn - pfn));
      for (int at = from; at < to; at++) {
        words[at] = (words[at] & keep) | bits;
      }
      pfn += to - from;
    }
  }

  @Override
  public void prepare(long pfn, int order, FrameOwner owner) {
    long[] words = states.wordsIfAny(pfn);
    int at = states.at(pfn);
    if (order == 0 && at < words.length) { // so that the array need not check it again
      PageState.prepare(words, at, owner);
      return;
    }
    long stop = pfn + (1L << order);
    states.words(stop - 1); // there is such a frame, or nothing is changed
    set(pfn, stop, PageState.HELD, PageState.tail(order, owner));
    states.words(pfn)[at] |= PageState.ONE_REFERENCE;
  }

  @Override
  public void release(long pfn, int order, FrameOwner owner) {
    long stop = pfn + (1L << order);
    states.words(stop - 1);
    clear(pfn, stop);
    set(pfn, stop, 0, owner.code());
  }

  /** Clears the rows and links of the frames that are held. */
  private void clear(long startPfn, long stopPfn) {
    for (long pfn = nextHeld(startPfn, stopPfn); pfn < stopPfn; pfn = nextHeld(pfn + 1, stopPfn)) {
      rows.clear(pfn);
      links.clear(pfn);
    }
  }

  /** The first frame from this one on that is held, or the end. */
  private long nextHeld(long startPfn, long stopPfn) {
    for (long pfn = startPfn; pfn < stopPfn; ) {
      long[] words = states.wordsIfAny(pfn);
      int from = states.at(pfn);
      if (from >= words.length) {
        pfn = Math.min(stopPfn, states.sameUntil(pfn));
        continue;
      }
      int to = (int) Math.min(words.length, from + (stopPfn - pfn));
      for (int at = from; at < to; at++) {
        if ((words[at] & PageState.HELD) != 0) {
          return pfn + (at - from);
        }
      }
      pfn += to - from;
    }
    return stopPfn;
  }

  @Override
  public boolean releasePlain(long pfn, FrameOwner owner) {
    long[] words = states.wordsIfAny(pfn);
    int at = states.at(pfn);
    if (at >= words.length || !PageState.isPlainLast(words[at], 0)) {
      return false;
    }
    words[at] = owner.code();
    return true;
  }

  @Override
  public void hold(long pfn, int order, FrameOwner owner, int flags, long mapping, long index) {
    long[] words = states.wordsIfAny(pfn);
    int at = states.at(pfn);
    if (at >= words.length || !PageState.isPlainLast(words[at], order)) {
      throw refused("cannot be held", pfn, order);
    }
    rows.set(pfn, mapping, index);
    if (order > 0) {
      set(pfn + 1, pfn + (1L << order), ~PageState.OWNER_MASK, owner.code());
    }
    PageState.hold(words, at, owner, flags);
  }

  /** A page with one reference goes the short way. */
  @Override
  public boolean drop(long pfn, int order) {
    long[] words = states.wordsIfAny(pfn);
    int at = states.at(pfn);
    long[] chunk = rows.chunkIfAny(pfn);
    int row = FrameRows.at(pfn);
    if (order == 0 && at < words.length && row + FrameRows.COUNTS < chunk.length) {
      long old = words[at];
      if (PageState.isLastHeldPage(old)
          && chunk[row + FrameRows.COUNTS] == 0
          && PageState.replace(words, at, old, PageState.bare(old)) == old) {
        chunk[row] = 0;
        chunk[row + FrameRows.INDEX] = 0;
        chunk[row + FrameRows.PRIVATE] = 0;
        links.clear(pfn);
        return true;
      }
    }
    return dropBlock(pfn, order);
  }

  private boolean dropBlock(long pfn, int order) {
    long[] words = states.wordsIfAny(pfn);
    int at = states.at(pfn);
    if (at >= words.length) {
      throw refused("is not held", pfn, order);
    }
    for (long old = words[at]; ; ) {
      if (!PageState.isHeldBlock(old, order)) {
        throw refused("is not held", pfn, order);
      }
      boolean last = PageState.refcount(old) == 1;
      if (last) {
        checkUnmapped(pfn, order);
      }
      long now = last ? PageState.bare(old) : old - PageState.ONE_REFERENCE;
      long seen = PageState.replace(words, at, old, now);
      if (seen == old) {
        if (last) {
          forget(pfn, order);
        }
        return last;
      }
      old = seen;
    }
  }

  /** A frame of the block is mapped: whoever wants none to be is refused. */
  private void checkUnmapped(long pfn, int order) {
    if (rows.get(pfn, FrameRows.COUNTS) != 0) {
      throw refused("is mapped", pfn, order);
    }
    long stop = pfn + (1L << order);
    for (long p = nextHeld(pfn + 1, stop); p < stop; p = nextHeld(p + 1, stop)) {
      if (rows.get(p, FrameRows.COUNTS) != 0) {
        throw refused("is mapped", p, order);
      }
    }
  }

  /** The block is bare, and its first frame says so already: the rest of it does, too. */
  private void forget(long pfn, int order) {
    rows.clear(pfn);
    links.clear(pfn);
    if (order > 0) {
      long stop = pfn + (1L << order);
      clear(pfn + 1, stop);
      set(pfn + 1, stop, 0, PageState.tail(order, FrameOwner.KERNEL));
    }
  }

  private MisuseException refused(String what, long pfn, int order) {
    return new MisuseException(
        String.format(
            "%s: pfn=%d asked order=%d %s mapcount=%d entireMapcount=%d",
            what,
            pfn,
            order,
            PageState.describe(states.get(pfn)),
            mapcount(pfn),
            entireMapcount(pfn)));
  }

  @Override
  public boolean isHeld(long pfn) {
    return (states.get(pfn) & PageState.HELD) != 0;
  }

  @Override
  public void splitFolio(long pfn, int order, int toOrder) {
    long state = states.get(pfn);
    if (toOrder < 0
        || toOrder >= order
        || !PageState.isHeldBlock(PageState.withRefcount(state, 1), order)
        || PageState.refcount(state) != 0) {
      throw refused("cannot be split to order " + toOrder, pfn, order);
    }
    checkUnmapped(pfn, order);
    new FolioSplit(states, rows, pfn, state).into(order, toOrder);
  }

  @Override
  public void move(long destinationPfn, long sourcePfn) {
    long source = states.get(sourcePfn);
    long[] words = states.words(destinationPfn);
    int at = states.at(destinationPfn);
    long kept = words[at] & (PageState.TAG_MASK | PageState.HELD);
    words[at] = (source & ~PageState.TAG_MASK) | kept;
    rows.move(destinationPfn, sourcePfn);
    links.clear(sourcePfn);
    words = states.words(sourcePfn);
    words[states.at(sourcePfn)] =
        PageState.plain(0, PageState.tag(source)) | (source & PageState.OWNER_MASK);
  }

  @Override
  public int flags(long pfn) {
    return PageState.flags(states.get(pfn));
  }

  @Override
  public void setFlags(long pfn, int flags) {
    PageState.setFlags(states.words(pfn), states.at(pfn), flags);
  }

  @Override
  public int refcount(long pfn) {
    return PageState.refcount(states.get(pfn));
  }

  @Override
  public void setRefcount(long pfn, int count) {
    if (count < 0 || count > PageState.MAX_REFCOUNT) {
      throw new MisuseException("no number of references: pfn=" + pfn + " count=" + count);
    }
    long[] words = states.words(pfn);
    words[states.at(pfn)] = PageState.withRefcount(words[states.at(pfn)], count);
  }

  @Override
  public void get(long pfn) {
    PageState.get(states.words(pfn), states.at(pfn));
  }

  @Override
  public boolean tryGet(long pfn) {
    long[] words = states.wordsIfAny(pfn);
    int at = states.at(pfn);
    return at < words.length && PageState.tryGet(words, at);
  }

  @Override
  public boolean freeze(long pfn, int expected) {
    return PageState.freeze(states.words(pfn), states.at(pfn), expected);
  }

  @Override
  public void unfreeze(long pfn, int count) {
    PageState.unfreeze(states.words(pfn), states.at(pfn), count);
  }

  @Override
  public boolean putUnlessLast(long pfn) {
    return PageState.putUnlessLast(states.words(pfn), states.at(pfn));
  }

  @Override
  public int order(long pfn) {
    return PageState.order(states.get(pfn));
  }

  @Override
  public void setOrder(long pfn, int order) {
    if (order < 0 || order > Pages.MAX_FOLIO_ORDER) {
      throw new MisuseException("no order of a block: pfn=" + pfn + " order=" + order);
    }
    PageState.setOrder(states.words(pfn), states.at(pfn), order);
  }

  /** Writes to a row; nothing need be noted of a zero where there are zeroes. */
  private void set(long pfn, int place, long value) {
    if (value != 0) {
      PageState.noteHeld(states.words(pfn), states.at(pfn));
    } else if (!isHeld(pfn)) {
      return;
    }
    rows.set(pfn, place, value);
  }

  @Override
  public int mapcount(long pfn) {
    return rows.mapcount(pfn);
  }

  @Override
  public void setMapcount(long pfn, int count) {
    if (count != 0) {
      PageState.noteHeld(states.words(pfn), states.at(pfn));
    } else if (!isHeld(pfn)) {
      return;
    }
    rows.setMapcount(pfn, count);
  }

  @Override
  public int addMapcount(long pfn, int change) {
    return add(pfn, 0, change);
  }

  @Override
  public int entireMapcount(long pfn) {
    return rows.entireMapcount(pfn);
  }

  @Override
  public int addEntireMapcount(long pfn, int change) {
    return add(pfn, 32, change);
  }

  private int add(long pfn, int shift, int change) {
    if (change > 0) {
      PageState.noteHeld(states.words(pfn), states.at(pfn));
    }
    int count = rows.add(pfn, shift, change);
    if (count < 0) {
      throw refused("cannot be mapped " + change + " times more", pfn, order(pfn));
    }
    return count;
  }

  @Override
  public long privateData(long pfn) {
    return rows.get(pfn, FrameRows.PRIVATE);
  }

  @Override
  public void setPrivateData(long pfn, long value) {
    set(pfn, FrameRows.PRIVATE, value);
  }

  @Override
  public long mapping(long pfn) {
    return rows.get(pfn, FrameRows.MAPPING);
  }

  @Override
  public void setMapping(long pfn, long handle) {
    set(pfn, FrameRows.MAPPING, handle);
  }

  @Override
  public long index(long pfn) {
    return rows.get(pfn, FrameRows.INDEX);
  }

  @Override
  public void setIndex(long pfn, long index) {
    set(pfn, FrameRows.INDEX, index);
  }

  @Override
  public long lruNext(long pfn) {
    return links.next(pfn);
  }

  @Override
  public long lruPrev(long pfn) {
    return links.prev(pfn);
  }

  @Override
  public void setLru(long pfn, long next, long prev) {
    if (next != -1 || prev != -1) {
      PageState.noteHeld(states.words(pfn), states.at(pfn));
    }
    links.set(pfn, next, prev);
  }
}
