// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.memory.naive.NaiveMemMap;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.naive.NaiveMemory;
import io.mm4j.testkit.pages.model.Marks;
import io.mm4j.testkit.pages.model.Settings;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A machine drawn from a seed: zones on nodes, CPUs and settings, and a way to boot it with the
 * kit's floors below a page allocator.
 *
 * @param layout its zones
 * @param cpus how many CPUs; they lie on the nodes in turn
 * @param sysctls {@code vm} settings, as given
 * @param plan the same for {@link Marks}
 */
record Drawn(MemoryLayout layout, int cpus, Map<String, String> sysctls, Marks.Plan plan) {
  private static final List<Integer> RATIOS_64 = List.of(256, 256, 32, 0, 0);
  private static final List<Integer> RATIOS_32 = List.of(256, 32, 0, 0);

  /** A machine of any size, of which nothing but the sizes will be used. */
  static Drawn anySize(Seeded random) {
    boolean wide = !random.oneIn(4);
    boolean large = wide && random.oneIn(3); // a server: thresholds have a largest value
    int nodes = wide ? random.weighted(0, 4, 2, 1, 1) : 1;
    List<Node> list = new ArrayList<>();
    long at = wide ? 1 << 20 : 227_326;
    for (int id = 0; id < nodes; id++) {
      List<Zone> zones = new ArrayList<>();
      if (id == 0) {
        zones.add(zone(ZoneType.DMA, 0, 1, 4096, 1 + random.below(4095)));
        if (wide && !random.oneIn(5)) {
          // Some where a twentieth of memory is less than what huge pages want.
          long pages = random.oneIn(3) ? 131_072 + random.below(150_000) : size(random, 20);
          zones.add(zone(ZoneType.DMA32, 0, 4096, 1 << 20, pages));
        } else if (!wide) {
          zones.add(zone(ZoneType.NORMAL, 0, 4096, 227_326, 1 + random.below(223_230)));
        }
      }
      boolean bare = id > 0 && random.oneIn(5);
      int kinds = bare ? 0 : random.oneIn(3) ? 2 : 1;
      for (int k = 0; k < kinds; k++) {
        long managed = size(random, large || random.oneIn(4) ? 31 : 23);
        long spanned = managed + random.below(managed / 8 + 1);
        ZoneType lower = wide ? ZoneType.NORMAL : ZoneType.HIGHMEM;
        zones.add(zone(k == 0 ? lower : ZoneType.MOVABLE, id, at, at + spanned, managed));
        at += spanned;
      }
      list.add(new Node(id, zones, distances(id, nodes)));
    }
    int mostCpus = large || random.oneIn(4) ? 200 : 9;
    return settings(random, wide, list, random.between(1, mostCpus));
  }

  /**
   * A machine of some megabytes on several nodes, with memory behind it and nothing else set.
   *
   * @param distances how far the nodes are from each other
   */
  static Drawn small(Seeded random, List<List<Integer>> distances) {
    List<Node> list = new ArrayList<>();
    boolean wide = !random.oneIn(3);
    long at = 0;
    for (int id = 0; id < distances.size(); id++) {
      List<Zone> zones = new ArrayList<>();
      boolean bare = id > 0 && random.oneIn(6);
      for (ZoneType type : wide ? Marks.KINDS_64 : Marks.KINDS_32) {
        boolean has =
            switch (type) {
              case DMA -> id == 0;
              case DMA32 -> true;
              // A small machine of 64 bits has nothing above 4 GiB.
              case NORMAL -> !wide && id == 0;
              case HIGHMEM -> true;
              case MOVABLE -> random.oneIn(3);
              case DEVICE -> false;
            };
        if (has && !bare) {
          long end = at + 1024L * random.between(1, 3);
          long start = Math.max(at, 1);
          zones.add(zone(type, id, start, end, end - start));
          at = end;
        }
      }
      list.add(new Node(id, zones, distances.get(id)));
    }
    int cpus = random.between(1, distances.size() + 1);
    return new Drawn(
        new MemoryLayout(ram(at), list),
        cpus,
        Map.of(),
        plan(wide, list, cpus, -1, true, 10, wide ? RATIOS_64 : RATIOS_32, 0));
  }

  /** One node with a single zone of some megabytes, and so many pages more. */
  static Drawn oneZone(Seeded random, int tail) {
    long end = 4096 + 1024L * random.between(2, 4) + tail;
    List<Node> nodes =
        List.of(new Node(0, List.of(zone(ZoneType.DMA32, 0, 4096, end, end - 4096)), List.of(10)));
    return new Drawn(
        new MemoryLayout(ram(end), nodes),
        1,
        Map.of(),
        plan(true, nodes, 1, -1, true, 10, RATIOS_64, 0));
  }

  private static Zone zone(ZoneType type, int node, long start, long end, long managed) {
    return new Zone(type, node, start, end, managed, managed, Migratetype.MOVABLE);
  }

  /** A number of pages with up to so many bits, each number of bits as likely. */
  private static long size(Seeded random, int bits) {
    long top = 1L << random.between(7, bits - 1);
    return top + random.below(top);
  }

  private static List<Integer> distances(int id, int nodes) {
    List<Integer> row = new ArrayList<>(Collections.nCopies(nodes, 20));
    row.set(id, 10);
    return row;
  }

  private static MemoryMap ram(long frames) {
    return new MemoryMap(
        List.of(new MemoryMap.Range(0, frames << Pages.PAGE_SHIFT, MemoryMap.Type.USABLE)));
  }

  private static Drawn settings(Seeded random, boolean wide, List<Node> nodes, int cpus) {
    Map<String, String> sysctls = new TreeMap<>();
    long minFree = -1;
    if (random.oneIn(4)) {
      minFree = random.oneIn(3) ? 0 : random.below(400_000);
      sysctls.put("min_free_kbytes", "" + minFree);
    }
    boolean huge = !random.oneIn(5);
    sysctls.put("transparent_hugepage", huge ? "madvise" : "never");
    int scale = 10;
    if (!random.oneIn(3)) {
      scale = random.between(1, 1000);
      sysctls.put("watermark_scale_factor", "" + scale);
    }
    List<Integer> ratios = new ArrayList<>(wide ? RATIOS_64 : RATIOS_32);
    if (random.oneIn(3)) {
      ratios.replaceAll(r -> random.oneIn(4) ? 0 : 1 + random.below(300));
      sysctls.put(
          "lowmem_reserve_ratio", String.join("\t", ratios.stream().map(String::valueOf).toList()));
    }
    int fraction = 0;
    if (random.oneIn(3)) {
      fraction = 8 + random.below(random.oneIn(2) ? 8 : 3000);
      sysctls.put("percpu_pagelist_high_fraction", "" + fraction);
    }
    return new Drawn(
        new MemoryLayout(ram(1024), nodes),
        cpus,
        sysctls,
        plan(wide, nodes, cpus, minFree, huge, scale, ratios, fraction));
  }

  private static Marks.Plan plan(
      boolean wide,
      List<Node> nodes,
      int cpus,
      long minFree,
      boolean huge,
      int scale,
      List<Integer> ratios,
      int fraction) {
    List<Integer> cpusOf = new ArrayList<>(Collections.nCopies(nodes.size(), 0));
    for (int cpu = 0; cpu < cpus; cpu++) {
      cpusOf.set(cpu % nodes.size(), cpusOf.get(cpu % nodes.size()) + 1);
    }
    List<Marks.Size> sizes = new ArrayList<>();
    for (Node node : nodes) {
      node.zones().forEach(z -> sizes.add(size(z)));
    }
    // Without PAE, a 32-bit kernel has no transparent huge pages.
    return new Marks.Plan(
        wide ? Marks.KINDS_64 : Marks.KINDS_32,
        sizes,
        cpusOf,
        minFree,
        huge && wide,
        scale,
        ratios,
        fraction);
  }

  private static Marks.Size size(Zone zone) {
    return new Marks.Size(zone.nodeId(), zone.type(), zone.managedPages());
  }

  /**
   * The machine; without its memory if that would be too much for the kit's floors.
   *
   * @param contents whether its memory has bytes
   * @param frames what keeps the free blocks; its name is naive
   */
  Machine boot(
      PageAllocatorProvider provider,
      Options options,
      boolean withMemory,
      boolean contents,
      FrameAllocatorProvider frames) {
    MemoryLayout small = new MemoryLayout(layout.map(), List.of());
    PluginRegistry registry =
        PluginRegistry.of(
            Map.of(
                Spi.PHYSICAL_MEMORY,
                List.of(
                    withMemory
                        ? new NaiveMemories()
                        : new NaiveMemories(
                            "naive",
                            (l, bytes) ->
                                new NaiveMemory(l, Contents.NONE, new NaiveMemMap(small)))),
                Spi.FRAME_ALLOCATOR,
                List.of(frames),
                Spi.PAGE_ALLOCATOR,
                List.of(provider)));
    return Settings.machine(sysctls)
        .layout(layout)
        .cpus(cpus)
        .contents(contents)
        .releaseMemory(withMemory)
        .registry(registry)
        .plugin(Spi.PHYSICAL_MEMORY, PluginSpec.of("naive"))
        .plugin(Spi.FRAME_ALLOCATOR, PluginSpec.of("naive"))
        .plugin(
            Spi.PAGE_ALLOCATOR,
            new PluginSpec(
                provider.name(), provider.options().isEmpty() ? Map.of() : options.asMap()))
        .boot();
  }

  /** The same machine anew: zones have state. */
  Drawn again() {
    List<Node> nodes = new ArrayList<>();
    for (Node node : layout.nodes()) {
      List<Zone> zones =
          node.zones().stream()
              .map(z -> zone(z.type(), z.nodeId(), z.startPfn(), z.endPfn(), z.managedPages()))
              .toList();
      nodes.add(new Node(node.id(), zones, node.distances()));
    }
    return new Drawn(new MemoryLayout(layout.map(), nodes), cpus, sysctls, plan);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(cpus + " CPUs, vm " + sysctls);
    for (Node node : layout.nodes()) {
      text.append("; node ").append(node.id()).append(' ').append(node.distances());
      node.zones()
          .forEach(
              z ->
                  text.append(' ')
                      .append(z.type().procName())
                      .append('=')
                      .append(z.managedPages()));
    }
    return text.toString();
  }
}
