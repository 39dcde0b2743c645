// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.tlb;

import io.mm4j.api.MisuseException;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.MmuStats;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.vmalloc.entry.Entries;
import io.mm4j.vmalloc.root.Root;
import io.mm4j.vmalloc.root.Roots;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One CPU's side of paging.
 *
 * <p>The TLB has a {@link TlbArray} for each size of page. A translation is the physical address of
 * the page with its rights in the lowest bits: those of all levels together, as the walk found
 * them.
 *
 * <p>Flushes that another CPU asks for reach this one as a number that has grown: of the root, or
 * of the kernel's addresses. It is compared before each access, and if it differs the identifier,
 * or everything, is forgotten. That is when an interrupt of Linux would have done it at the latest.
 */
public final class LinuxMmu implements Mmu {
  private static final long MAY_WRITE = WRITE;
  private static final long MAY_USER = USER;
  private static final long MAY_FETCH = FETCH;
  private static final long DIRTY = 1 << 6;
  private static final long RIGHTS = 0xfff;

  /** Above so many pages all of a root is forgotten: {@code tlb_single_page_flush_ceiling}. */
  private static final int FLUSH_CEILING = 33;

  private final PageTableFormat format;
  private final Roots roots;
  private final AtomicLong kernelGeneration;
  private final TlbWalk walk;
  private final TlbArray[] arrays;
  private final int asids;

  /** What {@link #switchTo} has given each identifier to, and what had been flushed by then. */
  private final @Nullable Root[] owners = new Root[DYNAMIC_ASIDS + 1];

  private final long[] seen = new long[DYNAMIC_ASIDS + 1];
  private int lastGiven;

  private volatile @Nullable Root current;
  private int asid;
  private long seenOfCurrent;
  private long seenOfKernel;

  private long hits;
  private long misses;
  private long faults;
  private long switches;
  private long reused;
  private long flushes;
  private long flushed;
  private long fromOthers;
  private long evicted;

  /**
   * With nothing loaded.
   *
   * @param kernelGeneration how often translations of the kernel's addresses were to be forgotten
   * @param withAsids whether the CPU tells address spaces apart
   */
  public LinuxMmu(
      PageTableFormat format,
      Entries entries,
      Roots roots,
      AtomicLong kernelGeneration,
      boolean withAsids) {
    this.format = format;
    this.roots = roots;
    this.kernelGeneration = kernelGeneration;
    this.seenOfKernel = kernelGeneration.get();
    this.walk = new TlbWalk(format, entries);
    this.asids = withAsids ? 1 << 12 : 1;
    arrays = new TlbArray[Integer.bitCount(format.shape().leafLevels())];
    int made = 0;
    for (int level = 1; level <= format.levels(); level++) {
      if (format.shape().hasLeafs(level)) {
        int sets = level == 1 ? 64 : level == 2 ? 8 : 1;
        arrays[made++] = new TlbArray(level, format.shift(level), sets, 4);
      }
    }
  }

  @Override
  public int asids() {
    return asids;
  }

  @Override
  public long root() {
    Root now = current;
    return now == null ? PageTables.NO_ROOT : now.pfn;
  }

  /** Whether this root is loaded. Any thread. */
  public boolean hasLoaded(Root root) {
    return current == root;
  }

  @Override
  public int asid() {
    return asid;
  }

  @Override
  public void switchTo(long root) {
    if (root == PageTables.NO_ROOT) {
      unload();
      return;
    }
    Root next = roots.get(root);
    if (next == current) {
      return;
    }
    catchUp();
    switches++;
    if (asids == 1) {
      load(next, NO_ASID, false);
      return;
    }
    remember();
    int found = 0;
    for (int i = 1; i <= DYNAMIC_ASIDS; i++) {
      if (owners[i] == next) {
        found = i;
      }
    }
    boolean good = found != 0 && seen[found] == next.generation();
    if (found == 0) {
      found = lastGiven % DYNAMIC_ASIDS + 1;
      lastGiven = found;
      owners[found] = next;
    }
    if (good) {
      reused++;
    }
    load(next, found, good);
    remember();
  }

  /** What was flushed of the root that is loaded, for when it comes back. */
  private void remember() {
    if (asid != NO_ASID && asid <= DYNAMIC_ASIDS && owners[asid] == current && current != null) {
      seen[asid] = seenOfCurrent;
    }
  }

  private void unload() {
    if (current != null) {
      catchUp();
      remember();
      if (asids == 1) {
        flushAsid(NO_ASID);
      }
      current = null;
      asid = NO_ASID;
    }
  }

  @Override
  public void loadDirectory(long root, int newAsid, boolean keep) {
    if (newAsid < 0 || newAsid >= asids || (keep && asids == 1)) {
      throw new MisuseException(
          "identifier outside 0 to " + (asids - 1) + ": asid=" + newAsid + " keep=" + keep);
    }
    Root next = roots.get(root);
    switches++;
    if (keep) {
      reused++;
    }
    load(next, newAsid, keep);
  }

  private void load(Root next, int newAsid, boolean keep) {
    current = next;
    asid = newAsid;
    seenOfCurrent = next.generation();
    if (!keep) {
      forget(newAsid, false);
    }
  }

  @Override
  public long access(long address, int kind) {
    Root root = current;
    if (root == null) {
      throw new MisuseException("no root is loaded: address=0x" + Long.toHexString(address));
    }
    if (root.generation() != seenOfCurrent || kernelGeneration.get() != seenOfKernel) {
      catchUp();
    }
    for (TlbArray array : arrays) {
      int at = array.find(address, asid);
      if (at != TlbArray.NONE) {
        long value = array.value(at);
        long wanted = kind & (MAY_WRITE | MAY_USER | MAY_FETCH);
        if ((value & wanted) == wanted && ((kind & WRITE) == 0 || (value & DIRTY) != 0)) {
          hits++;
          return (value & ~RIGHTS) | (address & ((1L << array.shift) - 1));
        }
        // The hardware looks again: more may be allowed now, or the dirty bit is to be set.
        array.drop(at);
      }
    }
    return miss(root, address, kind);
  }

  private long miss(Root root, long address, int kind) {
    misses++;
    long found = walk.fill(root.pfn, address, kind);
    if (found < 0) {
      faults++;
      return found;
    }
    for (TlbArray array : arrays) {
      if (array.level == walk.level) {
        int owner = walk.global ? TlbArray.GLOBAL : asid;
        if (array.put(address, owner, walk.value)) {
          evicted++;
        }
      }
    }
    return found;
  }

  @Override
  public long cached(long address) {
    if (current == null) {
      return PageTables.NOT_MAPPED;
    }
    catchUp();
    for (TlbArray array : arrays) {
      int at = array.find(address, asid);
      if (at != TlbArray.NONE) {
        return (array.value(at) & ~RIGHTS) | (address & ((1L << array.shift) - 1));
      }
    }
    return PageTables.NOT_MAPPED;
  }

  /** What others have asked to be forgotten. */
  private void catchUp() {
    long kernelNow = kernelGeneration.get();
    if (kernelNow != seenOfKernel) {
      seenOfKernel = kernelNow;
      flushed += forget(TlbArray.EMPTY, true);
      fromOthers++;
    }
    Root root = current;
    if (root != null && root.generation() != seenOfCurrent) {
      seenOfCurrent = root.generation();
      flushed += forget(asid, false);
      fromOthers++;
    }
  }

  /**
   * {@link PageTables#flushRange} on this CPU.
   *
   * @param generation that of the root, which this flush has begun
   */
  public void flush(Root root, long generation, long start, long end) {
    if (current != root) {
      return; // when it comes back its number tells
    }
    if (seenOfCurrent == generation - 1) {
      seenOfCurrent = generation;
      if ((end - start) >>> 12 <= FLUSH_CEILING && end != start) {
        flushSpan(start, end);
      } else {
        flushAsid(asid);
      }
    }
    catchUp();
  }

  /** {@link PageTables#flushKernelRange} on this CPU. */
  public void flushKernel(long generation, long start, long end) {
    if (seenOfKernel == generation - 1) {
      seenOfKernel = generation;
      flushes++;
      flushed += forgetSpan(TlbArray.EMPTY, start, end);
    }
    catchUp();
  }

  @Override
  public void flushOne(long address) {
    flushSpan(address, address + 1);
  }

  @Override
  public void flushSpan(long start, long end) {
    flushes++;
    flushed += forgetSpan(asid, start, end);
  }

  /** What touches a span, of an identifier or of any (EMPTY), and what is global. */
  private int forgetSpan(int of, long start, long end) {
    int gone = 0;
    for (TlbArray array : arrays) {
      long first = start >>> array.shift;
      long last = (end - 1) >>> array.shift;
      for (int i = 0; i < array.size(); i++) {
        long page = array.address(i) >>> array.shift;
        boolean mine = of == TlbArray.EMPTY || array.asid(i) == of;
        if (!array.isEmpty(i)
            && (mine || array.asid(i) == TlbArray.GLOBAL)
            && page - first <= last - first
            && page - first >= 0) {
          array.drop(i);
          gone++;
        }
      }
    }
    return gone;
  }

  @Override
  public void flushAsid(int which) {
    flushes++;
    flushed += forget(which, false);
  }

  @Override
  public void flushAll(boolean global) {
    flushes++;
    flushed += forget(TlbArray.EMPTY, global);
  }

  /** All of an identifier or of any (EMPTY), without or with what is global. */
  private int forget(int of, boolean global) {
    int gone = 0;
    for (TlbArray array : arrays) {
      for (int i = 0; i < array.size(); i++) {
        boolean isGlobal = array.asid(i) == TlbArray.GLOBAL;
        boolean goes = isGlobal ? global : of == TlbArray.EMPTY || array.asid(i) == of;
        if (goes && !array.isEmpty(i)) {
          array.drop(i);
          gone++;
        }
      }
    }
    return gone;
  }

  @Override
  public int size() {
    return (int)
        Arrays.stream(arrays)
            .mapToLong(
                a -> {
                  long full = 0;
                  for (int i = 0; i < a.size(); i++) {
                    full += a.isEmpty(i) ? 0 : 1;
                  }
                  return full;
                })
            .sum();
  }

  @Override
  public int stale() {
    return stale(new long[1]);
  }

  @Override
  public long firstStale() {
    long[] first = new long[1];
    stale(first);
    return first[0];
  }

  private int stale(long[] first) {
    catchUp();
    remember();
    int count = 0;
    for (TlbArray array : arrays) {
      for (int i = 0; i < array.size(); i++) {
        Root root = array.isEmpty(i) ? null : reachableThrough(array.asid(i), array.address(i));
        if (root != null && isStale(root, array, i)) {
          if (count == 0) {
            first[0] = array.address(i);
          }
          count++;
        }
      }
    }
    return count;
  }

  /**
   * The root by which translations of an identifier are judged, if an access may find them, or
   * null. What is global of the kernel's addresses is its own root's, as another one may have yet
   * to receive the top entry.
   */
  private @Nullable Root reachableThrough(int of, long address) {
    Root now = current;
    Root kernel = roots.kernel();
    if (of == TlbArray.GLOBAL && kernel != null && format.kernel().contains(address)) {
      return kernel;
    }
    if (of == asid || of == TlbArray.GLOBAL) {
      return now;
    }
    Root owner = of <= DYNAMIC_ASIDS ? owners[of] : null;
    return owner != null && owner.isAlive() && seen[of] == owner.generation() ? owner : null;
  }

  /** Whether any page of a translation leads elsewhere, or allows more than the tables say. */
  private boolean isStale(Root root, TlbArray array, int at) {
    long value = array.value(at);
    long start = array.address(at);
    for (long inside = 0; inside < 1L << array.shift; inside += 1L << 12) {
      long now = walk.look(root.pfn, start + inside);
      boolean differs = now < 0 || (now & ~RIGHTS) != (value & ~RIGHTS) + inside;
      if (differs || (value & RIGHTS & ~now) != 0) {
        return true;
      }
    }
    return false;
  }

  @Override
  public MmuStats stats() {
    return new MmuStats(
        hits, misses, faults, switches, reused, flushes, flushed, fromOthers, evicted);
  }

  @Override
  public String toString() {
    return "mmu root=" + root() + " asid=" + asid + " of " + format.name();
  }
}
