// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.boot;

import io.mm4j.api.InputException;
import io.mm4j.api.kernel.KernelForm;
import io.mm4j.api.kernel.LowMemory;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.BootEvents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.NumaTopology;
import io.mm4j.api.memory.Pageblocks;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.apiguardian.api.API;

/**
 * Divides a memory map into nodes and zones the way an architecture does: {@code free_area_init()}
 * of mm/mm_init.c, {@code zone_sizes_init()} of arch/x86/mm/init.c.
 *
 * <p>x86-64: DMA below 16 MiB, DMA32 below 4 GiB, Normal above. x86-32: DMA below 16 MiB, Normal to
 * the end of lowmem, HighMem above. Frame 0 is never used. A node begins and ends with its memory.
 * {@code kernelcore=} and {@code movablecore=} cut a zone Movable off the end of the highest zone
 * of each node.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class ZoneLayouts {
  private static final long DMA_END = (16L << 20) >>> Pages.PAGE_SHIFT;
  private static final long DMA32_END = (1L << 32) >>> Pages.PAGE_SHIFT;
  private static final long MAX_BLOCK = 1L << Pages.MAX_PAGE_ORDER;

  /** A zone of the whole machine, before it is divided among the nodes. */
  private record Kind(ZoneType type, long startPfn, long endPfn) {}

  private ZoneLayouts() {}

  /** x86-64 with one node. */
  public static MemoryLayout x86_64(MemoryMap map) {
    return of(Architecture.X86_64, map, NumaTopology.single(map), BootOptions.NONE);
  }

  /**
   * The layout of a machine.
   *
   * @param firmwareMap what the firmware says; {@code options} are applied to it here
   * @param topology the nodes, if {@code options} do not ask for fake ones
   * @throws InputException if less than 1 MiB of usable RAM is left
   */
  public static MemoryLayout of(
      Architecture arch, MemoryMap firmwareMap, NumaTopology topology, BootOptions options) {
    return of(arch, firmwareMap, topology, options, BootEvents.NONE);
  }

  /**
   * The same.
   *
   * @param events is told of each step
   */
  public static MemoryLayout of(
      Architecture arch,
      MemoryMap firmwareMap,
      NumaTopology topology,
      BootOptions options,
      BootEvents events) {
    events.firmware(firmwareMap);
    MemoryMap addressed = options.apply(firmwareMap, events);
    KernelForm form = KernelForm.of(arch);
    MemoryMap map = addressed.limited(arch.physicalEnd());
    if (map.usableBytes() < addressed.usableBytes()) {
      events.mapChanged(
          String.format(
              Locale.ROOT, "%s addresses memory below 0x%x only", arch.id(), arch.physicalEnd()),
          map);
    }
    if (arch.is64Bit()
        && (options.vmalloc() != LowMemory.NOT_GIVEN || options.highmem() != LowMemory.NOT_GIVEN)) {
      throw new InputException(
          "all RAM of x86-64 is lowmem, and its vmalloc area has a fixed place",
          options.vmalloc() != LowMemory.NOT_GIVEN ? "vmalloc=" : "highmem=",
          "--machine x86-32, x86-pae, x86-32-2.4");
    }
    LowMemory low =
        LowMemory.of(
            arch, form, map.endOfRam() >>> Pages.PAGE_SHIFT, options.vmalloc(), options.highmem());
    if (low.endPfn() < map.endOfRam() >>> Pages.PAGE_SHIFT) {
      map = map.limited(low.endPfn() << Pages.PAGE_SHIFT);
      events.mapChanged("highmem=: RAM above is not used", map);
    }
    if (map.usableBytes() < 1 << 20) {
      throw new InputException(
          "a machine with " + map.usableBytes() + " bytes of RAM", "memory", "at least 1M");
    }
    NumaTopology real = options.numaOff() ? NumaTopology.single(map) : topology;
    NumaTopology given =
        options.fakeNodes() > 0 ? NumaTopology.fake(map, options.fakeNodes()) : real;
    NumaTopology numa = populated(map, given);
    List<Kind> kinds = kinds(arch, low.lowPfn(), map.endOfRam() >>> Pages.PAGE_SHIFT);
    long[] movable = movableStarts(map, numa, kinds, options);
    List<Node> nodes = new ArrayList<>();
    for (int id = 0; id < numa.memory().size(); id++) {
      NumaTopology.Span span = numa.memory().get(id);
      List<Zone> zones = new ArrayList<>();
      for (Kind kind : kinds) {
        long end = Math.min(kind.endPfn, Math.min(span.endPfn(), movable[id]));
        add(zones, arch, map, id, kind.type, Math.max(kind.startPfn, span.startPfn()), end);
      }
      long end = Math.min(span.endPfn(), map.endOfRam() >>> Pages.PAGE_SHIFT);
      add(zones, arch, map, id, ZoneType.MOVABLE, movable[id], end);
      nodes.add(new Node(id, zones, numa.distances().get(id)));
    }
    MemoryLayout layout = new MemoryLayout(map, nodes, low.lowPfn());
    events.zones(reasons(options, movable), layout);
    return layout;
  }

  private static String reasons(BootOptions options, long... movable) {
    String nodes =
        options.fakeNodes() > 0
            ? "numa=fake=: nodes of about equal size, in units of 32 MiB"
            : options.numaOff() ? "numa=off: one node" : "nodes as the machine has them";
    if (options.kernelcore().isNone() && options.movablecore().isNone()) {
      return nodes + "; no zone Movable without kernelcore= or movablecore=";
    }
    long some = Arrays.stream(movable).filter(start -> start != Long.MAX_VALUE).count();
    return nodes
        + "; kernelcore= and movablecore= leave "
        + (some == 0 ? "nothing for zone Movable" : "zone Movable on " + some + " of them");
  }

  /** Each node from its first to its last memory: {@code get_pfn_range_for_nid()}. */
  private static NumaTopology populated(MemoryMap map, NumaTopology given) {
    List<NumaTopology.Span> spans = new ArrayList<>();
    for (NumaTopology.Span span : given.memory()) {
      long first = Long.MAX_VALUE;
      long end = 0;
      for (MemoryMap.Range range : map.ranges()) {
        long from = Math.max(span.startPfn(), Pages.pfnUp(range.start()));
        long to = Math.min(span.endPfn(), Pages.pfnDown(range.end()));
        if (range.type() == MemoryMap.Type.USABLE && from < to) {
          first = Math.min(first, from);
          end = Math.max(end, to);
        }
      }
      spans.add(first < end ? new NumaTopology.Span(first, end) : span);
    }
    return new NumaTopology(spans, given.distances());
  }

  private static List<Kind> kinds(Architecture arch, long lowmem, long end) {
    return arch.is64Bit()
        ? List.of(
            new Kind(ZoneType.DMA, 1, Math.min(DMA_END, end)),
            new Kind(ZoneType.DMA32, DMA_END, Math.min(DMA32_END, end)),
            new Kind(ZoneType.NORMAL, DMA32_END, end))
        : List.of(
            new Kind(ZoneType.DMA, 1, Math.min(DMA_END, end)),
            new Kind(ZoneType.NORMAL, DMA_END, lowmem),
            new Kind(ZoneType.HIGHMEM, lowmem, end));
  }

  /**
   * Where zone Movable begins on each node, {@link Long#MAX_VALUE} for none: the core memory is
   * spread evenly over the nodes, from their beginnings, and what lies below the highest zone
   * counts towards it. Models {@code find_zone_movable_pfns_for_nodes()}.
   */
  private static long[] movableStarts(
      MemoryMap map, NumaTopology numa, List<Kind> kinds, BootOptions options) {
    int nodes = numa.memory().size();
    long[] starts = new long[nodes];
    Arrays.fill(starts, Long.MAX_VALUE);
    long end = map.endOfRam() >>> Pages.PAGE_SHIFT;
    long total = map.usablePages(1, end);
    long core = options.kernelcore().pages(total);
    long movable = options.movablecore().pages(total);
    if (movable > 0) {
      long wanted = Pages.alignUp(movable, MAX_BLOCK);
      core = Math.max(core, total - Math.min(total, wanted));
    }
    if (core == 0 || core >= total) {
      return starts;
    }
    long highest = 0;
    for (Kind kind : kinds) {
      highest = kind.startPfn < kind.endPfn ? kind.startPfn : highest;
    }
    long remaining = core;
    for (int id = 0; id < nodes; id++) {
      NumaTopology.Span span = numa.memory().get(id);
      long share = remaining / (nodes - id);
      long pfn = pfnAfter(map, span, share);
      pfn = Pages.alignUp(Math.max(pfn, Math.min(highest, span.endPfn())), MAX_BLOCK);
      remaining -= Math.min(remaining, map.usablePages(span.startPfn(), pfn));
      starts[id] = pfn < span.endPfn() ? pfn : Long.MAX_VALUE;
    }
    return starts;
  }

  /** The frame up to which the span has this many usable pages. */
  private static long pfnAfter(MemoryMap map, NumaTopology.Span span, long pages) {
    long low = span.startPfn();
    long high = span.endPfn();
    while (low < high) {
      long middle = (low + high) >>> 1;
      if (map.usablePages(span.startPfn(), middle) < pages) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private static void add(
      List<Zone> zones,
      Architecture arch,
      MemoryMap map,
      int node,
      ZoneType type,
      long start,
      long end) {
    long present = start < end ? map.usablePages(start, end) : 0;
    if (present > 0) {
      Pageblocks types = new Pageblocks(start, end, Migratetype.MOVABLE, arch.pageblockOrder());
      zones.add(new Zone(type, node, start, end, present, present, types));
    }
  }
}
