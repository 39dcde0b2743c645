// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.Cpus;
import io.mm4j.api.MisuseException;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.vmalloc.naive.Habit;
import io.mm4j.testkit.vmalloc.naive.NaiveVmalloc;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A plugin's allocator beside the kit's own, which does what Linux does with the same requests. */
final class VmBench {
  static final long PAGE = 4096;

  /** A kind of machine. */
  enum Kind {
    X86_64(0xffff_c900_0000_0000L, 0xffff_e900_0000_0000L, -PAGE, true, 2),
    ONE_CPU(0xffff_c900_0000_0000L, 0xffff_e900_0000_0000L, -PAGE, true, 1),
    FIVE_CPUS(0xffa0_0000_0000_0000L, 0xffd2_0000_0000_0000L, -PAGE, true, 5),
    X86_32(0xf7ff_e000L, 0xff7f_e000L, 0xff7f_e000L, false, 2);

    final long start;
    final long end;
    final long top;
    final boolean wide;
    final int cpus;

    Kind(long start, long end, long top, boolean wide, int cpus) {
      this.start = start;
      this.end = end;
      this.top = top;
      this.wide = wide;
      this.cpus = cpus;
    }
  }

  final Kind kind;
  final VmallocAllocator it;
  final NaiveVmalloc model;
  final VmallocAllocatorProvider.Capabilities can;
  final List<Long> live = new ArrayList<>();
  private final Cpus cpus;

  VmBench(VmallocAllocatorProvider provider, Options options, Kind kind) {
    this.kind = kind;
    can = provider.capabilities();
    cpus = new Cpus(kind.cpus, 1);
    var floors =
        new VmallocAllocatorProvider.Floors(
            kind.cpus, kind.start, kind.end, kind.top, kind.wide, Map.of());
    it = provider.create(floors, options);
    Set<Habit> habits = EnumSet.noneOf(Habit.class);
    if (!can.lazy()) {
      habits.add(Habit.EAGER);
    }
    if (!can.pools()) {
      habits.add(Habit.NO_POOL);
      habits.add(Habit.ALIGNED_LOWEST);
    }
    model = new NaiveVmalloc(floors, habits);
  }

  Cpu cpu(int id) {
    return cpus.get(id % kind.cpus);
  }

  boolean hasPools() {
    return can.pools() && kind.wide && kind.cpus > 1;
  }

  /** A request over the whole vmalloc area. */
  long alloc(int cpu, long pages, long align) {
    return alloc(cpu, pages, align, kind.start, kind.end);
  }

  /** A request, compared with what the model says; 0 if there is no room. */
  long alloc(int cpu, long pages, long align, long from, long to) {
    long bytes = pages * PAGE;
    int pooled = model.pooled();
    boolean pooledHere = it.pooled() == pooled;
    long expected = model.alloc(cpu(cpu), bytes, align, from, to);
    boolean fromPool = model.pooled() < pooled;
    if (expected != VmallocAllocator.NO_ADDRESS) {
      model.undo(expected);
    }
    boolean free = align <= PAGE || fromPool || !can.pools();
    long got = it.alloc(cpu(cpu), bytes, align, from, to);
    String what =
        String.format("%s: alloc on CPU %d, %d pages, align 0x%x", kind, cpu, pages, align);
    check(pooledHere, what + ": as many areas in pools as before", it.toString());
    if (got == VmallocAllocator.NO_ADDRESS) {
      checkEqual(expected, got, what);
      return got;
    }
    check((got & (Math.max(align, PAGE) - 1)) == 0, what + " is aligned", hex(got));
    check(got >= from && got + bytes <= to, what + " lies in its window", hex(got));
    if (free && can.lowestFirst()) {
      check(got == expected, what + " = " + hex(expected), hex(got));
    } else if (!fromPool) {
      Holes holes = new Holes(bytes, align, from, to);
      model.forEachFree(holes);
      check(
          holes.allowed.contains(got) || !can.lowestFirst(),
          what + " lies in the lowest long hole or a lower one that fits",
          hex(got));
    }
    int node = hasPools() && from == kind.start && to == kind.end ? cpu % kind.cpus : -1;
    long known = model.takeExactly(node, got, bytes);
    checkEqual(pages, known, what + " at " + hex(got) + ": pages that were free");
    checkEqual(model.pooled(), it.pooled(), what + ": areas in pools");
    live.add(got);
    return got;
  }

  /** Where an aligned request may go: in holes up to the first with room for any alignment. */
  private static final class Holes implements VmallocAllocator.AreaVisitor {
    final List<Long> allowed = new ArrayList<>();
    private final long bytes;
    private final long align;
    private final long from;
    private final long to;
    private boolean done;

    Holes(long bytes, long align, long from, long to) {
      this.bytes = bytes;
      this.align = align;
      this.from = from;
      this.to = to;
    }

    @Override
    public void range(long start, long end) {
      long low = Math.max(start, from);
      long high = Math.min(end, to);
      long address = (low + align - 1) & -align;
      if (!done && low < high && address >= low && high - address >= bytes) {
        allowed.add(address);
        done = end - start >= bytes + align - 1;
      }
    }
  }

  /** A range is taken, or refused, as the model does. */
  void takeExactly(int cpu, long address, long bytes) {
    int node = hasPools() ? cpu % kind.cpus : VmallocAllocator.NO_NODE;
    long expected = model.takeExactly(node, address, bytes);
    String what = kind + ": pages known as free of " + hex(address) + "-" + hex(address + bytes);
    checkEqual(expected, it.takeExactly(node, address, bytes), what);
    checkEqual(model.pooled(), it.pooled(), what + ": areas in pools");
    if (expected >= 0) {
      live.add(address);
    }
  }

  void free(int cpu, long address) {
    it.free(cpu(cpu), address);
    model.free(cpu(cpu), address);
    live.remove(address);
    checkEqual(model.lazyPages(), it.lazyPages(), kind + ": freed pages after a free");
    check(
        it.isPurgeDue() == model.isPurgeDue(),
        kind + ": a purge is " + (model.isPurgeDue() ? "" : "not ") + "due",
        "otherwise; lazyPages=" + it.lazyPages());
  }

  void purge() {
    List<Long> told = new ArrayList<>();
    long[] lazyAtFlush = {-1};
    int expected =
        model.purge(
            (from, to) -> {
              told.add(from);
              told.add(to);
            });
    List<Long> seen = new ArrayList<>();
    int count =
        it.purge(
            (from, to) -> {
              seen.add(from);
              seen.add(to);
              lazyAtFlush[0] = it.lazyPages();
            });
    checkEqual(expected, count, kind + ": areas that were purged");
    same(told, seen, kind + ": what is flushed");
    check(
        seen.isEmpty() || lazyAtFlush[0] > 0,
        kind + ": the flush comes before the areas are free",
        "freed pages during it: " + lazyAtFlush[0]);
    checkEqual(model.lazyPages(), it.lazyPages(), kind + ": freed pages after a purge");
    checkEqual(model.pooled(), it.pooled(), kind + ": areas in pools after a purge");
  }

  void shrink() {
    checkEqual(model.shrink(), it.shrink(), kind + ": areas that pools gave back");
    checkEqual(0, it.pooled(), kind + ": areas in pools");
  }

  /** Compares all that can be seen. */
  void compare() {
    same(ranges(model, true), ranges(it, true), kind + ": areas in use");
    same(ranges(model, false), ranges(it, false), kind + ": free ranges");
    check(model.stats().equals(it.stats()), kind + ": " + model.stats(), "" + it.stats());
    checkEqual(can.lazy() ? model.lazyMax() : 0, it.lazyMax(), kind + ": lazy_max_pages");
    for (long address : live) {
      long bytes = model.bytes(address);
      checkEqual(bytes, it.bytes(address), kind + ": bytes of " + hex(address));
      checkEqual(address, it.find(address + bytes - 1), kind + ": area of its last byte");
      checkEqual(model.find(address + bytes), it.find(address + bytes), kind + ": byte beyond");
      if (bytes > PAGE) {
        checkEqual(0, it.bytes(address + PAGE), kind + ": bytes of the middle of an area");
      }
    }
    it.validate();
  }

  /** Compares what waits for a purge, which comes in any order. */
  void compareLazy() {
    same(lazy(model), lazy(it), kind + ": areas that wait for a purge");
  }

  private static List<String> lazy(VmallocAllocator areas) {
    List<String> list = new ArrayList<>();
    areas.forEachLazy((from, to) -> list.add(hex(from) + "-" + hex(to)));
    list.sort(null);
    return list;
  }

  private static void same(List<?> expected, List<?> seen, String what) {
    check(expected.equals(seen), what + ": " + brief(expected), brief(seen));
  }

  private static String brief(List<?> list) {
    return list.size() > 20 ? list.subList(0, 20) + "... of " + list.size() : list.toString();
  }

  private static List<String> ranges(VmallocAllocator areas, boolean used) {
    List<String> list = new ArrayList<>();
    VmallocAllocator.AreaVisitor add = (from, to) -> list.add(hex(from) + "-" + hex(to));
    if (used) {
      areas.forEach(add);
    } else {
      areas.forEachFree(add);
    }
    return list;
  }

  /** Frees everything, and looks whether one free range is left. */
  void end() {
    for (long address : List.copyOf(live)) {
      free(0, address);
    }
    purge();
    shrink();
    compare();
    same(List.of(hex(kind.start) + "-" + hex(kind.top)), ranges(it, false), kind + ": at the end");
  }

  /** A call that must be refused, and that must change nothing. */
  void refused(String what, Runnable call) {
    boolean thrown = false;
    try {
      call.run();
    } catch (MisuseException e) {
      thrown = true;
    }
    check(thrown, kind + ": misuse is refused: " + what, "it is not");
    compare();
  }

  long anyLive(Seeded random) {
    return live.get(random.below(live.size()));
  }

  static String hex(long address) {
    return "0x" + Long.toHexString(address);
  }
}
