// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.memory.ZoneType;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.rules.Ground.Place;
import io.mm4j.testkit.pages.rules.Ground.Span;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Machines drawn from a seed, large enough that every mark, boost and reserve matters. */
final class Grounds {
  private static final long FOUR_GIB = 1 << 20;

  private Grounds() {}

  /** Any machine. */
  static Ground any(Seeded random) {
    return switch (random.weighted(3, 3, 3)) {
      case 0 -> wide(random, 1);
      case 1 -> wide(random, random.between(2, 4));
      default -> narrow(random);
    };
  }

  /** x86-64: DMA and DMA32 on the first node only, Normal nearly everywhere, Movable at times. */
  static Ground wide(Seeded random, int count) {
    List<List<Span>> nodes = new ArrayList<>();
    long at = 1;
    boolean dma32 = !random.oneIn(3);
    int most = count > 1 ? 8_000 : 40_000;
    for (int id = 0; id < count; id++) {
      List<Span> spans = new ArrayList<>();
      boolean bare = id > 0 && random.oneIn(6);
      if (id == 0) {
        at = add(spans, ZoneType.DMA, at, random.between(1_000, 4_000));
        if (dma32) {
          add(spans, ZoneType.DMA32, 4_096, random.between(2_000, 9_000));
        }
        at = FOUR_GIB;
      }
      if (!bare) {
        at = add(spans, ZoneType.NORMAL, at, random.between(4_000, most));
        if (random.oneIn(3)) {
          at = add(spans, ZoneType.MOVABLE, at, random.between(2_000, 6_000));
        }
      }
      nodes.add(spans);
    }
    return machine(random, nodes, 5, false, false);
  }

  /** One node, small: what is done there is done to all of it. */
  static Ground small(Seeded random) {
    List<Span> spans = new ArrayList<>();
    if (random.oneIn(2)) {
      add(spans, ZoneType.DMA32, 4_096 + random.below(400), random.between(1_500, 3_000));
    }
    // Four pageblocks are the least that is ever boosted.
    int pages = random.oneIn(4) ? 2_048 : random.between(2_100, 7_000);
    add(spans, ZoneType.NORMAL, FOUR_GIB + random.below(400), pages);
    return machine(random, List.of(spans), 5, false, false);
  }

  /** Several nodes. */
  static Ground nodes(Seeded random) {
    return wide(random, random.between(2, 4));
  }

  /** x86-32: one node with DMA, Normal and HighMem. */
  static Ground narrow(Seeded random) {
    List<Span> spans = new ArrayList<>();
    long at = add(spans, ZoneType.DMA, 1, random.between(1_000, 4_000));
    at = add(spans, ZoneType.NORMAL, at, random.between(3_000, 20_000));
    at = add(spans, ZoneType.HIGHMEM, at, random.between(2_000, 20_000));
    if (random.oneIn(4)) {
      add(spans, ZoneType.MOVABLE, at, random.between(2_000, 4_000));
    }
    return machine(random, List.of(spans), 4, false, true);
  }

  /** One zone of which pageblocks can be reserved, and a lower one. */
  static Ground reserving(Seeded random) {
    List<Span> spans = new ArrayList<>();
    add(spans, ZoneType.DMA32, 4_096, random.between(4_000, 9_000));
    // One percent is a pageblock, or more.
    int pages = 51_200 + random.below(random.oneIn(4) ? 100 : 60_000);
    add(spans, ZoneType.NORMAL, FOUR_GIB, pages);
    Ground ground = machine(random, List.of(spans), 5, false, false);
    // A reserve that is larger than the mark is all that is left at times.
    return random.oneIn(2) ? withLowMarks(random, ground) : ground;
  }

  /** The same, with marks that some hundred pages meet. */
  static Ground reservingLow(Seeded random) {
    return withLowMarks(random, reserving(random));
  }

  /** One node, small, of which half is far more than its marks want. */
  static Ground plenty(Seeded random) {
    return withLowMarks(random, small(random));
  }

  private static Ground withLowMarks(Seeded random, Ground ground) {
    Map<String, String> vm = new TreeMap<>(ground.sysctls());
    vm.put("min_free_kbytes", "" + random.between(200, 900));
    vm.remove("watermark_scale_factor");
    return new Ground(
        ground.nodes(), ground.cpus(), vm, false, ground.pageblockOrder(), ground.words());
  }

  /** Small enough that its bytes are compared, too. */
  static Ground withBytes(Seeded random) {
    List<Span> spans = new ArrayList<>();
    long at = add(spans, ZoneType.DMA, 1, random.between(600, 1_500));
    add(spans, ZoneType.NORMAL, at, random.between(2_000, 4_000));
    return machine(random, List.of(spans), 4, true, true);
  }

  private static long add(List<Span> spans, ZoneType type, long at, int pages) {
    spans.add(new Span(type, at, at + pages));
    return at + pages;
  }

  private static Ground machine(
      Seeded random, List<List<Span>> nodes, int kinds, boolean contents, boolean narrow) {
    List<Place> places = new ArrayList<>();
    for (int id = 0; id < nodes.size(); id++) {
      List<Integer> distances = new ArrayList<>();
      for (int to = 0; to < nodes.size(); to++) {
        distances.add(to == id ? 10 : random.between(11, 14) + (random.oneIn(2) ? 10 : 0));
      }
      places.add(new Place(nodes.get(id), distances));
    }
    Map<String, String> vm = settings(random, kinds);
    int cpus = random.between(1, 4);
    int pageblockOrder = narrow && !random.oneIn(3) ? 10 : 9;
    return new Ground(places, cpus, vm, contents, pageblockOrder, !random.oneIn(8));
  }

  private static Map<String, String> settings(Seeded random, int kinds) {
    Map<String, String> vm = new TreeMap<>();
    if (random.oneIn(2)) {
      vm.put("min_free_kbytes", "" + random.between(200, 9_000));
    }
    if (random.oneIn(3)) {
      vm.put("watermark_boost_factor", "" + (random.oneIn(2) ? 0 : random.between(1, 60_000)));
    }
    if (random.oneIn(3)) {
      vm.put("watermark_scale_factor", "" + random.between(1, 400));
      vm.putIfAbsent("min_free_kbytes", "" + random.between(2_000, 9_000));
    }
    if (random.oneIn(2)) {
      vm.put("percpu_pagelist_high_fraction", "" + random.between(8, 400));
    }
    if (random.oneIn(3)) {
      List<String> ratios = new ArrayList<>();
      for (int i = 0; i < kinds; i++) {
        ratios.add("" + (random.oneIn(5) ? 0 : random.between(1, 300)));
      }
      vm.put("lowmem_reserve_ratio", String.join(" ", ratios));
    }
    if (random.oneIn(6)) {
      vm.put("defrag_mode", "1");
    }
    if (random.oneIn(4)) {
      vm.put("transparent_hugepage", "never");
    }
    return vm;
  }
}
