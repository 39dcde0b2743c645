// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.model;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.Gfp;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/** Lists of operations that reach what the rules are about. */
final class Mixes {
  /** Requests of the usual kinds. */
  static final List<Integer> USUAL =
      List.of(
          Gfp.GFP_KERNEL,
          Gfp.GFP_HIGHUSER_MOVABLE,
          Gfp.GFP_KERNEL | Gfp.__GFP_RECLAIMABLE,
          Gfp.GFP_ATOMIC,
          Gfp.GFP_NOWAIT,
          Gfp.GFP_HIGHUSER,
          Gfp.GFP_KERNEL | Gfp.__GFP_COMP,
          Gfp.GFP_KERNEL | Gfp.__GFP_ZERO);

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

  private Mixes() {}

  /** Everything, in small and larger portions. */
  static List<Operation<Twins>> everyday(Seeded random, Ground ground) {
    List<Operation<Twins>> list = new ArrayList<>();
    fill(random, ground, list);
    while (list.size() < 150) {
      int cpu = random.below(ground.cpus());
      int number = random.below(100_000);
      list.add(
          switch (random.weighted(30, 25, 2, 3, 2, 2, 2, 2, 2, 1, 1, 2)) {
            case 0 -> allocate(random, ground, HASTY, cpu);
            case 1 -> new TwinOp.Free(cpu, number, random.between(1, 4), portion(random));
            case 2 -> new TwinOp.Drain(cpu);
            case 3 -> new TwinOp.Thin(cpu, random.order(4), number, random.between(2, 64), 300);
            case 4 -> new TwinOp.Split(number);
            case 5 -> new TwinOp.Reference(cpu, number, random.between(1, 3));
            case 6 -> new TwinOp.Misuse(cpu, number, random.below(100));
            case 7 -> own(random, number);
            case 8 -> new TwinOp.Watch(random.oneIn(2));
            case 9 -> new TwinOp.Memalloc(cpu, random.oneIn(3));
            case 10 -> new TwinOp.RequestDrain(cpu, random.below(3));
            default -> new TwinOp.Allocate(cpu, Gfp.GFP_ATOMIC, random.order(10), -1, 20);
          });
    }
    return list;
  }

  /** Takes most of the memory, in large blocks first. */
  private static void fill(Seeded random, Ground ground, List<Operation<Twins>> list) {
    for (int order = 10; order >= 4 && random.below(8) > 0; order -= random.between(1, 3)) {
      int gfp = HASTY.get(random.below(HASTY.size()));
      list.add(
          new TwinOp.Allocate(
              random.below(ground.cpus()), gfp, order, random.between(-1, 3), 10_000 >> order));
    }
    if (random.oneIn(2)) {
      list.add(new TwinOp.Watch(true));
    }
  }

  private static TwinOp own(Seeded random, int number) {
    FrameOwner owner =
        switch (random.below(4)) {
          case 0 -> FrameOwner.SLAB;
          case 1 -> FrameOwner.FILE;
          default -> FrameOwner.ANON;
        };
    return new TwinOp.Own(number, random.below(2_000), owner);
  }

  private static TwinOp allocate(Seeded random, Ground ground, List<Integer> flags, int cpu) {
    int gfp = flags.get(random.below(flags.size()));
    int order = random.oneIn(20) ? random.between(4, 10) : random.order(10);
    return new TwinOp.Allocate(
        cpu, gfp, order, random.oneIn(3) ? random.below(4) : -1, portion(random));
  }

  private static int portion(Seeded random) {
    return switch (random.weighted(3, 4, 2, 1)) {
      case 0 -> 1;
      case 1 -> random.between(2, 30);
      case 2 -> random.between(30, 300);
      default -> random.between(300, 1_500);
    };
  }
}
