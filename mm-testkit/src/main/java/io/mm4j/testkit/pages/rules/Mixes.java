// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.Gfp;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Lists of operations that reach what the rules are about. */
final class Mixes {
  /** Requests that wait for reclaim. */
  static final List<Integer> PATIENT =
      List.of(
          Gfp.GFP_KERNEL,
          Gfp.GFP_HIGHUSER_MOVABLE,
          Gfp.GFP_KERNEL | Gfp.__GFP_RECLAIMABLE,
          Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY,
          Gfp.GFP_KERNEL | Gfp.__GFP_RETRY_MAYFAIL,
          Gfp.GFP_NOIO | Gfp.__GFP_NORETRY,
          Gfp.GFP_NOIO | Gfp.__GFP_RETRY_MAYFAIL,
          Gfp.GFP_KERNEL | Gfp.__GFP_HIGH,
          Gfp.GFP_KERNEL | Gfp.__GFP_NOMEMALLOC);

  /** Requests that cannot wait, so that they end where the watermarks say. */
  static final List<Integer> HASTY =
      List.of(
          Gfp.GFP_NOWAIT,
          Gfp.GFP_ATOMIC,
          Gfp.__GFP_HIGH,
          0,
          Gfp.GFP_ATOMIC | Gfp.__GFP_NOMEMALLOC,
          Gfp.GFP_NOWAIT | Gfp.__GFP_MEMALLOC,
          Gfp.GFP_DMA | Gfp.GFP_ATOMIC,
          Gfp.GFP_DMA32 | Gfp.GFP_NOWAIT,
          Gfp.GFP_NOWAIT | Gfp.__GFP_HIGHMEM | Gfp.__GFP_MOVABLE,
          Gfp.GFP_ATOMIC | Gfp.__GFP_HIGHMEM | Gfp.__GFP_MOVABLE,
          Gfp.GFP_NOWAIT | Gfp.__GFP_RECLAIMABLE,
          Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE,
          Gfp.GFP_ATOMIC | Gfp.__GFP_COMP,
          Gfp.GFP_NOWAIT | Gfp.__GFP_THISNODE,
          Gfp.GFP_ATOMIC | Gfp.__GFP_WRITE);

  /** Requests for which somebody is killed, and some for which nobody is. */
  private static final List<Integer> KILLING =
      List.of(
          Gfp.GFP_KERNEL,
          Gfp.GFP_KERNEL,
          Gfp.GFP_HIGHUSER_MOVABLE,
          Gfp.GFP_KERNEL | Gfp.__GFP_RECLAIMABLE,
          Gfp.GFP_KERNEL | Gfp.__GFP_NOFAIL,
          Gfp.GFP_NOFS | Gfp.__GFP_NOFAIL,
          Gfp.GFP_NOFS,
          Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY,
          Gfp.GFP_KERNEL | Gfp.__GFP_RETRY_MAYFAIL,
          Gfp.GFP_KERNEL | Gfp.__GFP_THISNODE,
          Gfp.GFP_KERNEL | Gfp.GFP_DMA,
          Gfp.GFP_KERNEL | Gfp.GFP_DMA32);

  /** One request for each migratetype. */
  private static final List<Integer> TYPES =
      List.of(
          Gfp.GFP_ATOMIC,
          Gfp.GFP_ATOMIC | Gfp.__GFP_MOVABLE,
          Gfp.GFP_ATOMIC | Gfp.__GFP_RECLAIMABLE);

  private final Seeded random;
  private final Ground ground;
  private final List<Operation<Twins>> list = new ArrayList<>();

  private Mixes(Seeded random, Ground ground) {
    this.random = random;
    this.ground = ground;
    if (random.oneIn(2)) {
      list.add(new TwinOp.Watch(true));
    }
  }

  /** Everything, in small and larger portions. */
  static List<Operation<Twins>> everyday(Seeded random, Ground ground) {
    Mixes mix = new Mixes(random, ground);
    mix.fill(HASTY, 9_000);
    for (int i = 0; i < 70; i++) {
      mix.list.add(mix.anything());
    }
    return mix.list;
  }

  private TwinOp anything() {
    int cpu = cpu();
    int number = random.below(100_000);
    return switch (random.weighted(30, 25, 2, 3, 2, 2, 2, 2, 2, 1, 1, 2, 3, 1, 3, 2, 1)) {
      case 0 -> allocate(HASTY, cpu);
      case 1 -> new TwinOp.Free(cpu, number, random.between(1, 4), portion());
      case 2 -> new TwinOp.Drain(cpu);
      case 3 -> new TwinOp.Thin(cpu, random.order(4), number, random.between(2, 64), 300);
      case 4 -> new TwinOp.Split(number);
      case 5 -> new TwinOp.Reference(cpu, number, random.between(1, 3));
      case 6 -> new TwinOp.Misuse(cpu, number, random.below(100));
      case 7 -> own(number);
      case 8 -> new TwinOp.Watch(random.oneIn(2));
      case 9 -> new TwinOp.Memalloc(cpu, random.oneIn(3));
      case 10 -> new TwinOp.RequestDrain(cpu, random.below(3));
      case 11 -> bulk(cpu, of(HASTY), random.between(-1, 3));
      case 12 -> new TwinOp.RunKswapd(cpu);
      case 13 -> new TwinOp.Retype(number, random.below(1_024), random.below(3));
      case 15 -> new TwinOp.FreeMixed(cpu, random.below(2), random.below(3));
      case 14 ->
          new TwinOp.Range(
              cpu,
              number,
              random.below(random.oneIn(2) ? 40 : 1_500),
              random.between(1, random.oneIn(2) ? 30 : 600));
      default -> new TwinOp.Allocate(cpu, Gfp.GFP_ATOMIC, random.order(10), -1, 20);
    };
  }

  /** Down to every mark with every right, and up again. */
  static List<Operation<Twins>> marks(Seeded random, Ground ground) {
    Mixes mix = new Mixes(random, ground);
    mix.fill(HASTY, 40_000);
    for (int i = 0; i < 45; i++) {
      int order = random.order(5);
      int node = random.oneIn(3) ? random.below(4) : -1;
      List<Integer> flags = random.oneIn(5) ? PATIENT : HASTY;
      mix.list.add(
          switch (random.weighted(12, 5, 1, 1, 1, 2, 1)) {
            case 0 -> new TwinOp.Allocate(mix.cpu(), mix.of(flags), order, node, 400 >> order);
            case 1 -> new TwinOp.Free(mix.cpu(), random.below(100_000), 1, random.between(1, 200));
            case 2 -> new TwinOp.Memalloc(mix.cpu(), random.oneIn(2));
            case 3 -> new TwinOp.Drain(mix.cpu());
            case 4 -> new TwinOp.RunKswapd(mix.cpu());
            case 5 -> mix.bulk(mix.cpu(), mix.of(flags), node);
            default -> new TwinOp.Cache(random.below(100_000), random.between(1, 400));
          });
    }
    return mix.list;
  }

  /** All memory of one type, some of it given back here and there, and asked for by another. */
  static List<Operation<Twins>> fragmenting(Seeded random, Ground ground) {
    Mixes mix = new Mixes(random, ground);
    if (random.oneIn(2)) {
      mix.halfOfEach();
    }
    for (int round = 0; round < 3; round++) {
      mix.list.add(
          new TwinOp.Allocate(
              mix.cpu(), mix.of(TYPES), random.order(4), -1, random.between(500, 4_000)));
      mix.list.add(new TwinOp.Allocate(mix.cpu(), mix.of(TYPES), 0, -1, 4_000));
      mix.list.add(mix.own(random.below(10_000)));
      for (int i = 0; i < random.between(1, 3); i++) {
        mix.list.add(
            new TwinOp.Thin(
                mix.cpu(),
                random.oneIn(3) ? random.order(4) : 0,
                random.below(64),
                random.between(2, 200),
                random.between(100, 2_500)));
      }
      if (random.oneIn(2)) {
        mix.list.add(new TwinOp.Drain(mix.cpu()));
      }
      if (random.oneIn(3)) {
        mix.list.add(new TwinOp.RunKswapd(mix.cpu()));
      }
      for (int i = 0; i < random.between(3, 8); i++) {
        int order = random.order(6);
        int gfp = random.oneIn(2) ? mix.of(TYPES) : mix.of(HASTY);
        mix.list.add(
            new TwinOp.Allocate(mix.cpu(), gfp, order, -1, random.between(1, 300) >> (order / 2)));
        if (random.oneIn(4)) {
          mix.list.add(new TwinOp.RunKswapd(mix.cpu()));
        }
      }
    }
    return mix.list;
  }

  /** Movable pages everywhere, every other one given back: exactly half of each pageblock fits. */
  private void halfOfEach() {
    int cpu = cpu();
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_ATOMIC | Gfp.__GFP_MOVABLE, 0, -1, 10_000));
    list.add(new TwinOp.Own(0, 10_000, random.oneIn(2) ? FrameOwner.ANON : FrameOwner.FILE));
    list.add(new TwinOp.Thin(cpu, 0, random.below(2), 2, 10_000));
    list.add(new TwinOp.Drain(cpu));
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_ATOMIC | Gfp.__GFP_RECLAIMABLE, 0, -1, 40));
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_ATOMIC, 0, -1, 40));
  }

  /** Rows of blocks out and in, on one CPU and from one to another. */
  static List<Operation<Twins>> rows(Seeded random, Ground ground) {
    Mixes mix = new Mixes(random, ground);
    if (random.oneIn(3)) {
      mix.fill(HASTY, 20_000);
    }
    for (int i = 0; i < 40; i++) {
      int order = random.oneIn(12) ? 9 : Math.min(3, random.order(3));
      int cpu = mix.cpu();
      int number = random.below(100_000);
      mix.list.add(
          switch (random.weighted(6, 7, 3, 1, 1, 1, 3)) {
            case 0 ->
                new TwinOp.Allocate(
                    cpu, mix.of(TYPES), order, -1, order == 9 ? 3 : random.between(1, 500));
            case 1 -> new TwinOp.Free(cpu, number, 1, random.between(1, 600));
            case 2 -> new TwinOp.Thin(cpu, order, number, 100, random.between(1, 500));
            case 3 -> new TwinOp.RequestDrain(cpu, random.below(3));
            case 4 -> new TwinOp.Watch(random.oneIn(2));
            case 5 -> new TwinOp.Drain(cpu);
            default ->
                new TwinOp.Turns(
                    cpu,
                    random.between(1, 3),
                    random.between(1, 3),
                    random.between(1, 70),
                    random.between(1, 12));
          });
    }
    return mix.list;
  }

  /** High orders that cannot wait, until pageblocks are reserved, used and given up. */
  static List<Operation<Twins>> reserving(Seeded random, Ground ground) {
    Mixes mix = new Mixes(random, ground);
    // All but some hundred pages, so that the first walk finds too little.
    mix.list.add(new TwinOp.Allocate(mix.cpu(), Gfp.GFP_NOWAIT, 10, -1, 200));
    if (random.oneIn(2)) {
      // More than a pageblock is reserved at once.
      mix.list.add(new TwinOp.Allocate(mix.cpu(), Gfp.GFP_ATOMIC, 10, -1, 2));
    }
    mix.list.add(new TwinOp.Allocate(mix.cpu(), Gfp.GFP_NOWAIT, 7, -1, 200));
    mix.list.add(new TwinOp.Allocate(mix.cpu(), Gfp.GFP_NOWAIT, 5, -1, 100));
    if (random.oneIn(4)) {
      mix.wholeReserve();
    }
    int after = random.below(40);
    int last = random.below(12);
    for (int i = 0; i < 40; i++) {
      if (i == after) {
        mix.afterReclaim();
      }
      if (i == last || i == last + 14) {
        mix.lastReserve();
      }
      if (i == last + 7) {
        mix.restingReserve();
      }
      int order = 1 + random.order(9);
      int cpu = mix.cpu();
      int number = random.below(100_000);
      mix.list.add(
          switch (random.weighted(10, 6, 4, 3, 2, 1, 2, 1, 1, 3)) {
            case 0 ->
                new TwinOp.Allocate(
                    cpu, Gfp.GFP_ATOMIC, order, -1, random.between(1, 60) >> (order / 2));
            case 1 -> new TwinOp.Free(cpu, number, random.between(1, 9), random.between(1, 40));
            case 2 -> new TwinOp.Allocate(cpu, mix.of(HASTY), 0, -1, random.between(1, 300));
            case 3 -> new TwinOp.Allocate(cpu, mix.of(PATIENT), random.order(4), -1, 60);
            case 4 -> new TwinOp.Allocate(cpu, Gfp.GFP_NOWAIT, random.order(6), -1, 60);
            case 5 -> new TwinOp.Drain(cpu);
            case 6 -> new TwinOp.Cache(number, random.between(1, 30));
            case 7 -> new TwinOp.RunKswapd(cpu);
            // Whatever the lists of the types have: only the reserve is left.
            case 8 -> new TwinOp.Allocate(cpu, Gfp.GFP_NOWAIT | Gfp.__GFP_MEMALLOC, 0, -1, 9_000);
            // Reclaim that gives something, but not enough.
            default ->
                new TwinOp.Allocate(
                    cpu, mix.of(PATIENT), random.between(2, 8), -1, random.between(1, 3));
          });
    }
    return mix.list;
  }

  /** A reserve of the largest order is free as a whole when memory is out. */
  private void wholeReserve() {
    int cpu = cpu();
    list.add(new TwinOp.Turns(cpu, 10, 0, 1, 1));
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY, 0, -1, 9_000));
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_KERNEL, 0, -1, 3));
  }

  /** Only the reserve is left, and somebody who cannot wait asks for single pages. */
  private void lastReserve() {
    int cpu = cpu();
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_ATOMIC, random.between(1, 3), -1, 3));
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_NOWAIT | Gfp.__GFP_MEMALLOC, 0, -1, 9_000));
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_NOWAIT, random.between(1, 3), -1, 2));
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_NOWAIT, 0, -1, 20));
  }

  /** Only the reserve is left; what comes back to it is asked for by Movable. */
  private void restingReserve() {
    int cpu = cpu();
    int order = random.between(1, 3);
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_NOWAIT | Gfp.__GFP_MEMALLOC, 0, -1, 9_000));
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_ATOMIC, order, -1, 4));
    list.add(new TwinOp.Turns(cpu, order, 0, 2, 1));
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_ATOMIC | Gfp.__GFP_MOVABLE, order, -1, 2));
  }

  /** Pages come back one by one, which helps nobody who needs more: is the last reserve kept? */
  private void afterReclaim() {
    int cpu = cpu();
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_NOWAIT | Gfp.__GFP_MEMALLOC, 0, -1, 9_000));
    list.add(new TwinOp.Free(cpu, random.below(100_000), 1, random.between(1, 3)));
    list.add(new TwinOp.Allocate(cpu, Gfp.GFP_ATOMIC, random.between(1, 3), -1, 1));
    for (int i = 0; i < 2; i++) {
      list.add(new TwinOp.CachePages(random.between(1, 3), 0));
      list.add(
          new TwinOp.Allocate(
              cpu, Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY, random.between(1, 3), -1, 1));
    }
  }

  /** Pages that are used again, with and without being cleared. */
  static List<Operation<Twins>> contents(Seeded random, Ground ground) {
    Mixes mix = new Mixes(random, ground);
    for (int i = 0; i < 60; i++) {
      int gfp =
          mix.of(HASTY)
              | (random.oneIn(2) ? Gfp.__GFP_ZERO : 0)
              | (random.oneIn(2) ? Gfp.__GFP_COMP : 0);
      mix.list.add(
          random.oneIn(2)
              ? new TwinOp.Allocate(mix.cpu(), gfp, random.order(5), -1, random.between(1, 12))
              : random.oneIn(4)
                  ? new TwinOp.Split(random.below(1_000))
                  : new TwinOp.Free(mix.cpu(), random.below(1_000), 1, random.between(1, 20)));
    }
    return mix.list;
  }

  /** Requests with masks, down to the marks of some nodes and beyond. */
  static List<Operation<Twins>> masked(Seeded random, Ground ground) {
    Mixes mix = new Mixes(random, ground);
    mix.fill(HASTY, 3_000);
    for (int i = 0; i < 60; i++) {
      int cpu = mix.cpu();
      int number = random.below(100_000);
      int order = random.order(6);
      mix.list.add(
          switch (random.weighted(14, 5, 2, 1, 2, 1, 1)) {
            case 0 -> mix.allocateOn(cpu, order);
            case 1 -> new TwinOp.Free(cpu, number, 1, random.between(1, 300));
            case 2 -> new TwinOp.Allocate(cpu, mix.of(HASTY), order, -1, mix.portion());
            case 3 -> new TwinOp.Memalloc(cpu, random.oneIn(3));
            case 4 -> new TwinOp.Cache(number, random.between(1, 200));
            case 5 -> new TwinOp.RunKswapd(cpu);
            default -> new TwinOp.Drain(cpu);
          });
    }
    return mix.list;
  }

  private StairOp allocateOn(int cpu, int order) {
    List<Integer> flags = random.oneIn(3) ? PATIENT : HASTY;
    int node = random.oneIn(2) ? random.below(4) : -1;
    int many = random.oneIn(3) ? 3_000 >> order : portion();
    return new StairOp.AllocateOn(cpu, of(flags), order, node, mask(), many);
  }

  private TwinOp bulk(int cpu, int gfp, int node) {
    return new TwinOp.Bulk(cpu, gfp, node, random.oneIn(3) ? mask() : null, portion(), taken());
  }

  /** Mostly some of four nodes; at times none, and at times more than there are. */
  private NodeMask mask() {
    return random.oneIn(30)
        ? NodeMask.of()
        : NodeMask.of(IntStream.range(0, 6).filter(n -> random.oneIn(n < 4 ? 2 : 8)).toArray());
  }

  /** All memory in use, and somebody who can give it up at the end. */
  static List<Operation<Twins>> outOfMemory(Seeded random, Ground ground) {
    Mixes mix = new Mixes(random, ground);
    mix.list.add(new TwinOp.Allocate(mix.cpu(), Gfp.GFP_NOWAIT, 10, -1, 100));
    mix.list.add(new TwinOp.Allocate(mix.cpu(), Gfp.GFP_NOWAIT, random.between(3, 6), -1, 2_000));
    mix.list.add(new TwinOp.Allocate(mix.cpu(), Gfp.GFP_NOWAIT, 0, -1, 5_000));
    for (int i = 0; i < 40; i++) {
      int cpu = mix.cpu();
      int number = random.below(100_000);
      int order = random.order(5);
      int many = random.between(1, 40);
      mix.list.add(
          switch (random.weighted(10, 5, 3, 2, 2, 1, 1)) {
            case 0 -> new TwinOp.Allocate(cpu, mix.of(KILLING), order, -1, many);
            case 1 -> new StairOp.Victims(number, random.between(0, 60), random.between(1, 8));
            case 2 -> new TwinOp.Cache(number, random.between(1, 30));
            case 3 -> mix.allocateOn(cpu, order);
            case 4 -> new TwinOp.Free(cpu, number, 1, random.between(1, 30));
            case 5 -> new StairOp.Flags(cpu, Cpu.PF_DUMPCORE);
            default -> new StairOp.Flags(cpu, 0);
          });
    }
    return mix.list;
  }

  /** Small blocks in plenty but no large one, and a reclaimer that has little. */
  static List<Operation<Twins>> inVain(Seeded random, Ground ground) {
    Mixes mix = new Mixes(random, ground);
    int all = Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE | Gfp.__GFP_MEMALLOC;
    mix.list.add(new TwinOp.Allocate(mix.cpu(), all, 0, -1, 40_000));
    // All but every eighth page, and of each block of order 6 one stays.
    mix.list.add(new TwinOp.Thin(mix.cpu(), 0, random.below(8), 8, 10_000));
    mix.list.add(new TwinOp.Drain(mix.cpu()));
    mix.list.add(new TwinOp.RunKswapd(mix.cpu()));
    for (int part = 0; part < 3; part++) {
      for (int runs = random.between(1, 18); runs > 0; runs--) {
        mix.wakeForBlock();
      }
      mix.list.add(new TwinOp.CachePages(random.oneIn(2) ? 1 : random.between(2, 90), 6));
    }
    // As much as is wanted, several times.
    mix.list.add(new TwinOp.CachePages(4_000, 6));
    for (int runs = 0; runs < 3; runs++) {
      mix.wakeForBlock();
    }
    return mix.list;
  }

  private void wakeForBlock() {
    list.add(new TwinOp.Allocate(cpu(), Gfp.GFP_NOWAIT, random.between(6, 10), -1, 2));
    list.add(new TwinOp.RunKswapd(cpu()));
  }

  /** Ranges in memory that is mostly free, with pages of processes here and there. */
  static List<Operation<Twins>> ranging(Seeded random, Ground ground) {
    Mixes mix = new Mixes(random, ground);
    int gfp = Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE;
    mix.list.add(new TwinOp.Allocate(mix.cpu(), gfp, 0, -1, random.between(200, 1_500)));
    mix.list.add(new TwinOp.Own(0, 2_000, FrameOwner.ANON));
    int part = random.between(10, 200);
    mix.list.add(new TwinOp.Thin(mix.cpu(), 0, random.below(64), part, 2_000));
    mix.list.add(new TwinOp.Drain(mix.cpu()));
    for (int i = 0; i < 12; i++) {
      int number = random.below(100_000);
      mix.list.add(
          random.oneIn(4)
              ? new TwinOp.Free(mix.cpu(), number, 1, random.between(1, 300))
              : new TwinOp.Range(mix.cpu(), number, random.below(1_500), random.between(1, 1_800)));
    }
    return mix.list;
  }

  /** Takes most of the memory, in large blocks first. */
  private void fill(List<Integer> flags, int pages) {
    for (int order = 10; order >= 4 && random.below(8) > 0; order -= random.between(1, 3)) {
      list.add(new TwinOp.Allocate(cpu(), of(flags), order, random.between(-1, 3), pages >> order));
    }
  }

  private TwinOp own(int number) {
    FrameOwner owner =
        switch (random.below(4)) {
          case 0 -> FrameOwner.SLAB;
          case 1 -> FrameOwner.FILE;
          default -> FrameOwner.ANON;
        };
    return new TwinOp.Own(number, random.below(4_000), owner);
  }

  private TwinOp allocate(List<Integer> flags, int cpu) {
    int order = random.oneIn(20) ? random.between(4, 10) : random.order(10);
    return new TwinOp.Allocate(
        cpu, of(flags), order, random.oneIn(3) ? random.below(4) : -1, portion());
  }

  private int of(List<Integer> flags) {
    return flags.get(random.below(flags.size()));
  }

  private int cpu() {
    return random.below(ground.cpus());
  }

  /** Which places of an array are taken, a bit each. */
  private int taken() {
    return random.oneIn(2) ? 0 : random.below(1 << random.between(0, 30));
  }

  private int portion() {
    return switch (random.weighted(3, 4, 2, 1)) {
      case 0 -> 1;
      case 1 -> random.between(2, 30);
      case 2 -> random.between(30, 200);
      default -> random.between(200, 700);
    };
  }
}
