// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Seeded;
import java.util.List;

/**
 * What a machine is like: zone DMA to 4 MiB, zone Normal behind it, of which the last two fifths of
 * all memory are node 1's if there are two.
 *
 * @param frames of all memory
 * @param nodes one or two
 * @param cpus on the nodes in turn
 */
record Shape(long frames, int nodes, int cpus, Architecture architecture) {
  /** 20 MiB. */
  static final Shape USUAL = new Shape(5120, 2, 2, Architecture.X86_64);

  private static final long DMA_END = 1024;

  /** Small and large, with one CPU or several, of any architecture. */
  static Shape any(Seeded random) {
    Architecture[] all = Architecture.values();
    Architecture architecture = all[random.below(all.length)];
    long frames = List.of(5120L, 8193L, 8194L, 10_240L).get(random.below(4));
    int nodes = architecture == Architecture.X86_32_24 ? 1 : random.between(1, 2);
    return new Shape(frames, nodes, random.between(1, 3), architecture);
  }

  /** The first frame of node 1. */
  private long border() {
    return nodes == 1 ? frames : frames * 3 / 5;
  }

  int nodeOf(long paddr) {
    return paddr >>> Pages.PAGE_SHIFT < border() ? 0 : 1;
  }

  MemoryLayout layout() {
    MemoryMap map =
        new MemoryMap(
            List.of(new MemoryMap.Range(0, frames << Pages.PAGE_SHIFT, MemoryMap.Type.USABLE)));
    Zone dma = zone(ZoneType.DMA, 0, 0, DMA_END);
    Zone near = zone(ZoneType.NORMAL, 0, DMA_END, border());
    if (nodes == 1) {
      return new MemoryLayout(map, List.of(new Node(0, List.of(dma, near), List.of(10))));
    }
    Zone far = zone(ZoneType.NORMAL, 1, border(), frames);
    return new MemoryLayout(
        map,
        List.of(
            new Node(0, List.of(dma, near), List.of(10, 20)),
            new Node(1, List.of(far), List.of(20, 10))));
  }

  private static Zone zone(ZoneType type, int node, long start, long end) {
    long first = Math.max(1, start); // frame 0 is nobody's
    return new Zone(type, node, first, end, end - first, end - first, Migratetype.MOVABLE);
  }

  @Override
  public String toString() {
    return (frames >>> 8)
        + " MiB"
        + (frames % 256 == 0 ? "" : " and " + frames % 256 + " pages")
        + (nodes == 1 ? " on one node, " : " on two nodes, ")
        + cpus
        + (cpus == 1 ? " CPU" : " CPUs")
        + (architecture == Architecture.X86_64 ? "" : ", " + architecture.id());
  }
}
