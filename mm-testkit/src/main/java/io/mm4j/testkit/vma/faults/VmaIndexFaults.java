// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma.faults;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.vma.naive.NaiveVmaIndex;
import io.mm4j.testkit.vma.naive.NaiveVmaIndexes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntFunction;

/** VMA indexes that are wrong on purpose, each in one way. */
public final class VmaIndexFaults {
  private VmaIndexFaults() {}

  private static Fault<VmaIndexProvider> fault(
      String name, String what, List<String> rules, IntFunction<VmaIndex> create) {
    return new Fault<>(name, what, rules, new NaiveVmaIndexes(name, false, create));
  }

  public static List<Fault<VmaIndexProvider>> all() {
    return List.of(
        fault(
            "skips-touching",
            "next() steps over a VMA that touches.",
            List.of("VI-01", "VI-04", "VI-C05"),
            SkipsTouching::new),
        fault(
            "looks-at-start-only",
            "insert() lets a range reach into the VMA above.",
            List.of("VI-02", "VI-C02"),
            LooksAtStartOnly::new),
        fault(
            "end-is-inside",
            "find() takes the end of a VMA for part of it.",
            List.of("VI-03", "VI-C04"),
            EndIsInside::new),
        fault(
            "signed-addresses",
            "find() takes an address above 2^63 for one below all.",
            List.of("VI-03"),
            SignedAddresses::new),
        fault(
            "ring", "prev() of the first VMA is the last.", List.of("VI-04", "VI-C06"), Ring::new),
        fault(
            "window-is-not-cut",
            "gapAbove() begins below the window.",
            List.of("VI-05", "VI-C09"),
            WindowIsNotCut::new),
        fault(
            "lowest-in-gap",
            "gapBelow() returns the bottom of the highest gap.",
            List.of("VI-06", "VI-C08", "VI-C10"),
            LowestInGap::new),
        fault(
            "counts-inserts",
            "size() counts inserts.",
            List.of("VI-07", "VI-C01", "VI-C11"),
            CountsInserts::new),
        fault(
            "stale-start",
            "start() is what insert() was given.",
            List.of("VI-08"),
            StaleStart::new),
        fault("new-handles", "Handles are never used again.", List.of("VI-09"), NewHandles::new),
        fault(
            "unchecked-bounds",
            "setRange() does not look at the neighbours.",
            List.of("VI-10"),
            UncheckedBounds::new),
        fault(
            "shared-copy",
            "copy() returns the index itself.",
            List.of("VI-11", "VI-C12"),
            SharedCopy::new),
        fault("promises-all", "reserve() is always true.", List.of("VI-12"), PromisesAll::new),
        fault(
            "no-limit",
            "insert() does not know that the index is full.",
            List.of("VI-12", "VI-20"),
            NoLimit::new),
        fault(
            "clear-keeps-handles",
            "clear() leaves the handles counted.",
            List.of("VI-13"),
            ClearKeepsHandles::new),
        fault(
            "forgives",
            "erase() of a VMA that is not there does nothing.",
            List.of("VI-14"),
            Forgives::new),
        fault(
            "false-alarm",
            "validate() does not bear VMAs that touch.",
            List.of("VI-15", "VI-C03", "VI-C07"),
            FalseAlarm::new),
        fault(
            "forgets-handles",
            "Of handles above 3000, erased ones are not used again.",
            List.of("VI-17"),
            ForgetsHandles::new),
        fault(
            "linear",
            "Every call goes through the list from its beginning.",
            List.of("VI-19"),
            NaiveVmaIndex::new),
        fault(
            "one-reader",
            "find() keeps what it looks for in a field, and another find() changes it.",
            List.of("VI-18"),
            OneReader::new),
        new Fault<>(
            "scratch-field",
            "find() writes what it looks for into a field and reads it again at once.",
            List.of("VI-18"),
            new ScratchVmaIndexes()),
        new Fault<>(
            "static-scratch-field",
            "insert() writes where to into a field of all indexes and reads it again at once.",
            List.of("VI-30"),
            new SharedVmaIndexes()),
        fault(
            "refused-reserve-grows",
            "A reserve() that is refused makes capacity() larger.",
            List.of("VI-12"),
            RefusedReserveGrows::new),
        fault(
            "smaller-reserve-takes-back",
            "A reserve() of fewer than the one before makes capacity() smaller.",
            List.of("VI-12"),
            TakesBack::new),
        fault(
            "clear-keeps-reservations",
            "capacity() after clear() is what was reserved before.",
            List.of("VI-13"),
            KeepsReservations::new),
        fault(
            "copies-share-erased-handles",
            "A copy has the list of erased handles of what it is a copy of.",
            List.of("VI-31"),
            SharesErased::new),
        fault(
            "links-of-12-bits",
            "prev() has the lowest 12 bits of a handle.",
            List.of("VI-32"),
            ShortLinks::new),
        new Fault<>(
            "claims-no-objects",
            "It allocates and claims that it does not.",
            List.of("VI-16"),
            new NaiveVmaIndexes("claims-no-objects", true, NaiveVmaIndex::new)));
  }

  /** A fault that survives copying. */
  private abstract static class Wrong extends NaiveVmaIndex {
    private final IntFunction<Wrong> again;
    private final int most;

    Wrong(int maxVmas, IntFunction<Wrong> again) {
      super(maxVmas);
      this.again = again;
      most = maxVmas;
    }

    @Override
    public VmaIndex copy() {
      Wrong copy = again.apply(most);
      copy.become(this);
      return copy;
    }
  }

  private static final class RefusedReserveGrows extends Wrong {
    private int refused;

    RefusedReserveGrows(int maxVmas) {
      super(maxVmas, RefusedReserveGrows::new);
    }

    @Override
    public boolean reserve(int n) {
      boolean may = super.reserve(n);
      refused = may ? refused : n;
      return may;
    }

    @Override
    public int capacity() {
      return super.capacity() + refused;
    }
  }

  private static final class TakesBack extends Wrong {
    private int last;
    private int taken;

    TakesBack(int maxVmas) {
      super(maxVmas, TakesBack::new);
    }

    @Override
    public boolean reserve(int n) {
      boolean may = super.reserve(n);
      taken = may && n < last && n > 0 ? 1 : 0;
      last = may ? n : last;
      return may;
    }

    @Override
    public int capacity() {
      return super.capacity() - taken;
    }
  }

  private static final class KeepsReservations extends Wrong {
    private int reserved;

    KeepsReservations(int maxVmas) {
      super(maxVmas, KeepsReservations::new);
    }

    @Override
    public boolean reserve(int n) {
      boolean may = super.reserve(n);
      reserved = may ? Math.max(reserved, n) : reserved;
      return may;
    }

    @Override
    public int capacity() {
      return Math.max(super.capacity(), reserved);
    }
  }

  private static final class SharesErased extends NaiveVmaIndex {
    private final int most;
    private final List<Integer> erased;

    SharesErased(int maxVmas) {
      this(maxVmas, new ArrayList<>());
    }

    private SharesErased(int maxVmas, List<Integer> erased) {
      super(maxVmas, erased);
      most = maxVmas;
      this.erased = erased;
    }

    @Override
    public VmaIndex copy() {
      SharesErased copy = new SharesErased(most, erased);
      copy.become(this);
      return copy;
    }
  }

  private static final class ShortLinks extends Wrong {
    ShortLinks(int maxVmas) {
      super(maxVmas, ShortLinks::new);
    }

    @Override
    public int prev(int vma) {
      int prev = super.prev(vma);
      return prev == NONE ? NONE : prev & 0xfff;
    }
  }

  private static final class SkipsTouching extends Wrong {
    SkipsTouching(int maxVmas) {
      super(maxVmas, SkipsTouching::new);
    }

    @Override
    public int next(int vma) {
      int next = super.next(vma);
      return next != NONE && start(next) == end(vma) ? super.next(next) : next;
    }
  }

  private static final class LooksAtStartOnly extends Wrong {
    LooksAtStartOnly(int maxVmas) {
      super(maxVmas, LooksAtStartOnly::new);
    }

    @Override
    protected void checkFree(long start, long end, int except) {
      super.checkFree(start, end > start + 1 && end <= MAX_ADDRESS ? start + 1 : end, except);
    }
  }

  private static final class EndIsInside extends Wrong {
    EndIsInside(int maxVmas) {
      super(maxVmas, EndIsInside::new);
    }

    @Override
    public int find(long addr) {
      return super.find(addr > 0 ? addr - 1 : addr);
    }
  }

  private static final class SignedAddresses extends Wrong {
    SignedAddresses(int maxVmas) {
      super(maxVmas, SignedAddresses::new);
    }

    @Override
    public int find(long addr) {
      return addr < 0 ? first() : super.find(addr);
    }
  }

  private static final class Ring extends Wrong {
    Ring(int maxVmas) {
      super(maxVmas, Ring::new);
    }

    @Override
    public int prev(int vma) {
      int prev = super.prev(vma);
      return prev == NONE ? last() : prev;
    }
  }

  private static final class WindowIsNotCut extends Wrong {
    WindowIsNotCut(int maxVmas) {
      super(maxVmas, WindowIsNotCut::new);
    }

    @Override
    public long gapAbove(long low, long high, long length) {
      long gap = super.gapAbove(low, high, length);
      return gap == low && low > 0 && find(low - 1) == find(low) && containing(low - 1) == NONE
          ? low - 1
          : gap;
    }
  }

  private static final class LowestInGap extends Wrong {
    LowestInGap(int maxVmas) {
      super(maxVmas, LowestInGap::new);
    }

    @Override
    public long gapBelow(long low, long high, long length) {
      long gap = super.gapBelow(low, high, length);
      if (gap == NONE_ADDR) {
        return gap;
      }
      int above = find(gap);
      int below = above == NONE ? last() : prev(above);
      return Math.max(low, below == NONE ? 0 : end(below));
    }
  }

  private static final class CountsInserts extends Wrong {
    private int inserts;

    CountsInserts(int maxVmas) {
      super(maxVmas, CountsInserts::new);
    }

    @Override
    public int insert(long start, long end) {
      int vma = super.insert(start, end);
      inserts += vma == NONE ? 0 : 1;
      return vma;
    }

    @Override
    public int size() {
      return Math.max(inserts, super.size());
    }
  }

  private static final class StaleStart extends Wrong {
    private final Map<Integer, Long> starts = new HashMap<>();

    StaleStart(int maxVmas) {
      super(maxVmas, StaleStart::new);
    }

    @Override
    public int insert(long start, long end) {
      int vma = super.insert(start, end);
      starts.put(vma, start);
      return vma;
    }

    @Override
    public long start(int vma) {
      return starts.getOrDefault(vma, super.start(vma));
    }
  }

  private static final class NewHandles extends Wrong {
    NewHandles(int maxVmas) {
      super(maxVmas, NewHandles::new);
    }

    @Override
    protected int newHandle() {
      return neverUsed();
    }

    @Override
    public void validate() {}
  }

  private static final class UncheckedBounds extends Wrong {
    UncheckedBounds(int maxVmas) {
      super(maxVmas, UncheckedBounds::new);
    }

    @Override
    public void setRange(int vma, long start, long end) {
      move(vma, start, end);
    }
  }

  private static final class SharedCopy extends NaiveVmaIndex {
    SharedCopy(int maxVmas) {
      super(maxVmas);
    }

    @Override
    public VmaIndex copy() {
      return this;
    }
  }

  private static final class PromisesAll extends Wrong {
    PromisesAll(int maxVmas) {
      super(maxVmas, PromisesAll::new);
    }

    @Override
    public boolean reserve(int n) {
      return super.reserve(n) || n >= 0;
    }
  }

  private static final class NoLimit extends Wrong {
    NoLimit(int maxVmas) {
      super(maxVmas, NoLimit::new);
    }

    @Override
    protected boolean full() {
      return false;
    }
  }

  private static final class ClearKeepsHandles extends Wrong {
    ClearKeepsHandles(int maxVmas) {
      super(maxVmas, ClearKeepsHandles::new);
    }

    @Override
    public void clear() {
      while (first() != NONE) {
        erase(first());
      }
    }
  }

  private static final class Forgives extends Wrong {
    Forgives(int maxVmas) {
      super(maxVmas, Forgives::new);
    }

    @Override
    public void erase(int vma) {
      if (contains(vma)) {
        super.erase(vma);
      }
    }
  }

  private static final class FalseAlarm extends Wrong {
    FalseAlarm(int maxVmas) {
      super(maxVmas, FalseAlarm::new);
    }

    @Override
    public void validate() {
      for (int vma = first(); vma != NONE; vma = next(vma)) {
        int next = next(vma);
        if (next != NONE && start(next) == end(vma)) {
          throw new CorruptStateError("two VMAs touch: vma=" + vma);
        }
      }
    }
  }

  private static final class ForgetsHandles extends Wrong {
    ForgetsHandles(int maxVmas) {
      super(maxVmas, ForgetsHandles::new);
    }

    @Override
    protected int newHandle() {
      int handle = super.newHandle();
      return handle > 3000 && handle < capacity() - 1 ? neverUsed() : handle;
    }

    @Override
    public void validate() {}
  }

  /** The first find() of another thread than the maker's waits until one more comes by. */
  private static final class OneReader extends Wrong {
    private final Thread maker = Thread.currentThread();
    private final AtomicBoolean waits = new AtomicBoolean();
    private final CompletableFuture<Long> wanted = new CompletableFuture<>();

    OneReader(int maxVmas) {
      super(maxVmas, OneReader::new);
    }

    @Override
    public int find(long addr) {
      if (Thread.currentThread().equals(maker)) {
        return super.find(addr);
      }
      if (waits.compareAndSet(false, true)) {
        return super.find(wanted.completeOnTimeout(addr, 10, TimeUnit.SECONDS).join());
      }
      wanted.complete(addr);
      return super.find(addr);
    }
  }
}
