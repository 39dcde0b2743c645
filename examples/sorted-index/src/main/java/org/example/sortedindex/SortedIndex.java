// SPDX-License-Identifier: Apache-2.0

package org.example.sortedindex;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.MisuseException;
import io.mm4j.api.vma.VmaIndex;
import java.util.Arrays;

/**
 * VMAs as a sorted array of handles that is cut into blocks: a search is a binary search for the
 * block and one in it, an insert moves what is above in one block.
 *
 * <p>Layout: {@code starts[vma]} and {@code ends[vma]} are the bounds, {@code blockOf[vma]} is the
 * block that holds the handle, or null once it is erased; {@code order[0 .. blockCount)} are the
 * blocks by address, none of them empty. Erased handles are a stack in {@code free}.
 *
 * <p>Complexity: O(log n + B) to find, insert and erase with blocks of B = 64, and one of 32
 * inserts or so moves the list of blocks, n / B long; O(n) for gaps. Faster than trees for a few
 * hundred VMAs, as moving ints is cheap. Models nothing in Linux.
 */
final class SortedIndex implements VmaIndex {
  private static final int FIRST = 16;
  private static final int BLOCK = 64;

  /** Up to {@value #BLOCK} handles that follow one another. */
  private static final class Block {
    final int[] handles = new int[BLOCK];
    int size;

    /** Where it stands among the blocks. */
    int place;

    void add(int at, int vma) {
      System.arraycopy(handles, at, handles, at + 1, size - at);
      handles[at] = vma;
      size++;
    }

    void remove(int at) {
      size--;
      System.arraycopy(handles, at + 1, handles, at, size - at);
    }

    int last() {
      return handles[size - 1];
    }
  }

  private final int maxVmas;
  private long[] starts = new long[FIRST];
  private long[] ends = new long[FIRST];
  private Block[] blockOf = new Block[FIRST];
  private int[] free = new int[FIRST];
  private Block[] order = new Block[1];
  private int blockCount;
  private int size;
  private int freeCount;
  private int fresh;
  private int promised;

  SortedIndex(int maxVmas) {
    if (maxVmas < 1 || maxVmas > 1 << 20) {
      throw new MisuseException("maxVmas=" + maxVmas + " allowed: 1 to " + (1 << 20));
    }
    this.maxVmas = maxVmas;
  }

  /** The place of the first block that ends above an address; {@code blockCount} if none does. */
  private int blockAbove(long addr) {
    if (addr < 0) {
      return blockCount; // unsigned: above every VMA
    }
    int low = 0;
    int high = blockCount;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ends[order[middle].last()] > addr) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /** The place in a block of the first VMA that ends above an address. */
  private int placeAbove(Block block, long addr) {
    int low = 0;
    int high = block.size;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ends[block.handles[middle]] > addr) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  private static void checkRange(long start, long end) {
    if (start < 0 || start >= end || end > MAX_ADDRESS) {
      throw new MisuseException(String.format("not a range: start=0x%x end=0x%x", start, end));
    }
  }

  private void checkFree(int vma, long start, long end) {
    if (vma != NONE && starts[vma] < end && start < ends[vma]) {
      throw new MisuseException(
          String.format(
              "start=0x%x end=0x%x overlaps vma=%d start=0x%x end=0x%x",
              start, end, vma, starts[vma], ends[vma]));
    }
  }

  private Block block(int vma) {
    if (!contains(vma)) {
      throw new MisuseException("no such VMA: vma=" + vma + " size=" + size);
    }
    return blockOf[vma];
  }

  @Override
  public int insert(long start, long end) {
    checkRange(start, end);
    checkFree(find(start), start, end);
    if (size == maxVmas) {
      return NONE;
    }
    int vma = freeCount > 0 ? free[--freeCount] : fresh++;
    grow(fresh);
    starts[vma] = start;
    ends[vma] = end;
    size++;
    Block block = blockFor(start);
    block.add(placeAbove(block, start), vma);
    blockOf[vma] = block;
    return vma;
  }

  /** The block that takes a VMA which begins here: it has room. */
  private Block blockFor(long start) {
    if (blockCount == 0) {
      Block first = new Block();
      insertBlock(0, first);
      return first;
    }
    Block block = order[Math.min(blockAbove(start), blockCount - 1)];
    return block.size < BLOCK ? block : split(block, start);
  }

  /** Moves the upper half of a full block to one of its own. Returns where an address belongs. */
  private Block split(Block low, long start) {
    Block high = new Block();
    low.size = BLOCK / 2;
    high.size = BLOCK - low.size;
    System.arraycopy(low.handles, low.size, high.handles, 0, high.size);
    for (int i = 0; i < high.size; i++) {
      blockOf[high.handles[i]] = high;
    }
    insertBlock(low.place + 1, high);
    return ends[low.last()] > start ? low : high;
  }

  private void insertBlock(int at, Block block) {
    if (blockCount == order.length) {
      order = Arrays.copyOf(order, 2 * blockCount);
    }
    System.arraycopy(order, at, order, at + 1, blockCount - at);
    order[at] = block;
    blockCount++;
    renumber(at);
  }

  private void removeBlock(int at) {
    blockCount--;
    System.arraycopy(order, at + 1, order, at, blockCount - at);
    order[blockCount] = null;
    renumber(at);
  }

  private void renumber(int from) {
    for (int i = from; i < blockCount; i++) {
      order[i].place = i;
    }
  }

  private void grow(int needed) {
    if (needed > starts.length) {
      int length = Math.max(needed, starts.length * 2);
      starts = Arrays.copyOf(starts, length);
      ends = Arrays.copyOf(ends, length);
      blockOf = Arrays.copyOf(blockOf, length);
      free = Arrays.copyOf(free, length);
    }
  }

  @Override
  public void erase(int vma) {
    Block block = block(vma);
    block.remove(placeAbove(block, starts[vma]));
    if (block.size == 0) {
      removeBlock(block.place);
    }
    blockOf[vma] = null;
    free[freeCount++] = vma;
    size--;
  }

  @Override
  public void setRange(int vma, long start, long end) {
    checkRange(start, end);
    checkFree(prev(vma), start, MAX_ADDRESS);
    checkFree(next(vma), 0, end);
    starts[vma] = start;
    ends[vma] = end;
  }

  @Override
  public boolean reserve(int n) {
    if (n < 0) {
      throw new MisuseException("not a number of inserts: n=" + n);
    }
    if (n > maxVmas - size) {
      return false;
    }
    promised = Math.max(promised, fresh + Math.max(0, n - freeCount));
    grow(promised);
    return true;
  }

  @Override
  public int find(long addr) {
    int at = blockAbove(addr);
    return at == blockCount ? NONE : order[at].handles[placeAbove(order[at], addr)];
  }

  @Override
  public int first() {
    return size == 0 ? NONE : order[0].handles[0];
  }

  @Override
  public int last() {
    return size == 0 ? NONE : order[blockCount - 1].last();
  }

  @Override
  public int next(int vma) {
    Block block = block(vma);
    int at = placeAbove(block, starts[vma]) + 1;
    if (at < block.size) {
      return block.handles[at];
    }
    return block.place + 1 < blockCount ? order[block.place + 1].handles[0] : NONE;
  }

  @Override
  public int prev(int vma) {
    Block block = block(vma);
    int at = placeAbove(block, starts[vma]) - 1;
    if (at >= 0) {
      return block.handles[at];
    }
    return block.place > 0 ? order[block.place - 1].last() : NONE;
  }

  @Override
  public long start(int vma) {
    return starts[vma];
  }

  @Override
  public long end(int vma) {
    return ends[vma];
  }

  @Override
  public boolean contains(int vma) {
    return vma >= 0 && vma < fresh && blockOf[vma] != null;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public int capacity() {
    return Math.max(fresh, promised);
  }

  private static void checkGap(long low, long high, long length) {
    if (low < 0 || high > MAX_ADDRESS || length < 1) {
      throw new MisuseException(
          String.format("not a gap search: low=0x%x high=0x%x length=0x%x", low, high, length));
    }
  }

  @Override
  public long gapAbove(long low, long high, long length) {
    checkGap(low, high, length);
    long at = low;
    for (int vma = find(low); vma != NONE && starts[vma] < high; vma = next(vma)) {
      if (starts[vma] - at >= length) {
        return at;
      }
      at = Math.max(at, ends[vma]);
    }
    return high - at >= length ? at : NONE_ADDR;
  }

  /** The last VMA that begins below an address. */
  private int below(long addr) {
    if (addr <= 0) {
      return NONE;
    }
    int vma = find(addr - 1);
    if (vma == NONE) {
      return last();
    }
    return starts[vma] < addr ? vma : prev(vma);
  }

  @Override
  public long gapBelow(long low, long high, long length) {
    checkGap(low, high, length);
    long top = high;
    for (int vma = below(high); vma != NONE && ends[vma] > low; vma = prev(vma)) {
      if (top - ends[vma] >= length) {
        return top - length;
      }
      top = Math.min(top, starts[vma]);
    }
    return top - low >= length ? top - length : NONE_ADDR;
  }

  @Override
  public VmaIndex copy() {
    SortedIndex copy = new SortedIndex(maxVmas);
    copy.starts = starts.clone();
    copy.ends = ends.clone();
    copy.blockOf = new Block[blockOf.length];
    copy.free = free.clone();
    copy.order = new Block[order.length];
    copy.blockCount = blockCount;
    for (int i = 0; i < blockCount; i++) {
      Block block = new Block();
      block.size = order[i].size;
      block.place = i;
      System.arraycopy(order[i].handles, 0, block.handles, 0, block.size);
      for (int j = 0; j < block.size; j++) {
        copy.blockOf[block.handles[j]] = block;
      }
      copy.order[i] = block;
    }
    copy.size = size;
    copy.freeCount = freeCount;
    copy.fresh = fresh;
    return copy;
  }

  @Override
  public void clear() {
    starts = new long[FIRST];
    ends = new long[FIRST];
    blockOf = new Block[FIRST];
    free = new int[FIRST];
    order = new Block[1];
    blockCount = 0;
    size = 0;
    freeCount = 0;
    fresh = 0;
    promised = 0;
  }

  @Override
  public void validate() {
    long at = 0;
    int seen = 0;
    for (int i = 0; i < blockCount; i++) {
      Block block = order[i];
      CorruptStateError.check(
          block.place == i && block.size > 0,
          "block=" + i + " place=" + block.place + " size=" + block.size);
      for (int j = 0; j < block.size; j++) {
        int vma = block.handles[j];
        CorruptStateError.check(
            starts[vma] >= at && ends[vma] > starts[vma] && blockOf[vma] == block,
            "block=" + i + " vma=" + vma + " start=" + starts[vma] + " after=" + at);
        at = ends[vma];
      }
      seen += block.size;
    }
    CorruptStateError.check(
        seen == size && size + freeCount == fresh,
        "seen=" + seen + " size=" + size + " free=" + freeCount + " fresh=" + fresh);
  }
}
