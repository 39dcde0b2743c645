// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma.naive;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.MisuseException;
import io.mm4j.api.vma.VmaIndex;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The naive model of a VMA index: a sorted list, searched from its beginning. Slow, and short
 * enough to be believed.
 *
 * <p>Every answer is linear in the number of VMAs. It refuses more than {@code maxVmas} VMAs. It is
 * also the trunk on which the indexes that are wrong on purpose grow.
 */
public class NaiveVmaIndex implements VmaIndex {
  private record Vma(int handle, long start, long end) {}

  private final List<Vma> vmas = new ArrayList<>();
  private final List<Integer> free;
  private final int maxVmas;
  private int handles;
  private int promised;

  /** An empty model that refuses more than {@code maxVmas} VMAs. */
  public NaiveVmaIndex(int maxVmas) {
    this(maxVmas, new ArrayList<>());
  }

  /** The same, with a list for erased handles. */
  protected NaiveVmaIndex(int maxVmas, List<Integer> free) {
    this.maxVmas = maxVmas;
    this.free = free;
  }

  public NaiveVmaIndex(NaiveVmaIndex other) {
    this(other.maxVmas);
    become(other);
  }

  /** Takes over everything of another. */
  public final void become(NaiveVmaIndex other) {
    vmas.addAll(other.vmas);
    List<Integer> erased = List.copyOf(other.free);
    free.clear();
    free.addAll(erased);
    handles = other.handles;
  }

  private static MisuseException misuse(String what, long a, long b) {
    return new MisuseException(
        what + " start=0x" + Long.toHexString(a) + " end=0x" + Long.toHexString(b));
  }

  /** The place of a handle in the list. */
  private int place(int vma) {
    for (int at = 0; at < vmas.size(); at++) {
      if (vmas.get(at).handle == vma) {
        return at;
      }
    }
    throw new MisuseException("no such VMA: vma=" + vma);
  }

  /** Whether no more VMAs fit. */
  protected boolean full() {
    return vmas.size() == maxVmas;
  }

  /** The handle of the next VMA: the one erased last, else a new one. */
  protected int newHandle() {
    return free.isEmpty() ? neverUsed() : free.removeLast();
  }

  /** A handle that was never used. */
  protected final int neverUsed() {
    return handles++;
  }

  /** Changes bounds without a look at them. */
  protected final void move(int vma, long start, long end) {
    vmas.set(place(vma), new Vma(vma, start, end));
  }

  /** Throws unless {@code [start, end)} is a range that overlaps no VMA but {@code except}. */
  protected void checkFree(long start, long end, int except) {
    if (start < 0 || start >= end || end > MAX_ADDRESS) {
      throw misuse("not a range", start, end);
    }
    for (Vma vma : vmas) {
      if (vma.handle != except && vma.start < end && start < vma.end) {
        throw misuse("overlaps", start, end);
      }
    }
  }

  private void add(Vma added) {
    int at = 0;
    while (at < vmas.size() && vmas.get(at).start < added.start) {
      at++;
    }
    vmas.add(at, added);
  }

  @Override
  public int insert(long start, long end) {
    checkFree(start, end, NONE);
    if (full()) {
      return NONE;
    }
    int handle = newHandle();
    add(new Vma(handle, start, end));
    return handle;
  }

  @Override
  public void erase(int vma) {
    vmas.remove(place(vma));
    free.add(vma);
  }

  @Override
  public void setRange(int vma, long start, long end) {
    int at = place(vma);
    checkFree(start, end, vma);
    boolean passes =
        (at > 0 && start < vmas.get(at - 1).end)
            || (at + 1 < vmas.size() && end > vmas.get(at + 1).start);
    if (passes) {
      throw misuse("passes a neighbour", start, end);
    }
    move(vma, start, end);
  }

  @Override
  public boolean reserve(int n) {
    if (n < 0) {
      throw new MisuseException("not a number of inserts: n=" + n);
    }
    if (n > maxVmas - vmas.size()) {
      return false;
    }
    promised = Math.max(promised, handles + Math.max(0, n - free.size()));
    return true;
  }

  @Override
  public int find(long addr) {
    for (Vma vma : vmas) {
      if (Long.compareUnsigned(addr, vma.end) < 0) {
        return vma.handle;
      }
    }
    return NONE;
  }

  @Override
  public int first() {
    return handleAt(0);
  }

  @Override
  public int last() {
    return handleAt(vmas.size() - 1);
  }

  @Override
  public int next(int vma) {
    return handleAt(place(vma) + 1);
  }

  @Override
  public int prev(int vma) {
    return handleAt(place(vma) - 1);
  }

  /** The handle at a place of the order, or NONE outside it. */
  public final int handleAt(int place) {
    return place >= 0 && place < vmas.size() ? vmas.get(place).handle : NONE;
  }

  @Override
  public long start(int vma) {
    return vmas.get(place(vma)).start;
  }

  @Override
  public long end(int vma) {
    return vmas.get(place(vma)).end;
  }

  @Override
  public boolean contains(int vma) {
    return vmas.stream().anyMatch(each -> each.handle == vma);
  }

  @Override
  public int size() {
    return vmas.size();
  }

  @Override
  public int capacity() {
    return Math.max(handles, promised);
  }

  /** The free ranges inside {@code [low, high)} that are long enough, lowest first. */
  private List<Long> gaps(long low, long high, long length, boolean fromAbove) {
    if (low < 0 || high > MAX_ADDRESS || length < 1) {
      throw misuse("not a gap search of length=" + length, low, high);
    }
    List<Long> found = new ArrayList<>();
    long at = 0;
    for (int i = 0; i <= vmas.size(); i++) {
      long from = Math.max(low, at);
      long to = Math.min(high, i < vmas.size() ? vmas.get(i).start : MAX_ADDRESS);
      if (to - from >= length) {
        found.add(fromAbove ? to - length : from);
      }
      at = i < vmas.size() ? vmas.get(i).end : at;
    }
    return found;
  }

  @Override
  public long gapAbove(long low, long high, long length) {
    List<Long> found = gaps(low, high, length, false);
    return found.isEmpty() ? NONE_ADDR : Collections.min(found);
  }

  @Override
  public long gapBelow(long low, long high, long length) {
    List<Long> found = gaps(low, high, length, true);
    return found.isEmpty() ? NONE_ADDR : Collections.max(found);
  }

  @Override
  public VmaIndex copy() {
    return new NaiveVmaIndex(this);
  }

  @Override
  public void clear() {
    vmas.clear();
    free.clear();
    handles = 0;
    promised = 0;
  }

  @Override
  public void validate() {
    long at = 0;
    for (Vma vma : vmas) {
      if (vma.start < at || vma.end <= vma.start) {
        throw new CorruptStateError("model is corrupt: vma=" + vma.handle);
      }
      at = vma.end;
    }
    if (handles != vmas.size() + free.size()) {
      throw new CorruptStateError("model is corrupt: handles=" + handles);
    }
  }
}
