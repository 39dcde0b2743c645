// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.ZoneStats;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A machine in the state that a report shows: its zones, watermarks and free blocks. Where blocks
 * lie is nowhere said, and decides nothing; they are laid out from the beginning of each zone, the
 * largest first, each type in pageblocks of its own.
 */
public final class ReportMachine {
  /** Zones from the lowest to the highest. */
  private static final List<ZoneType> ORDER =
      List.of(ZoneType.DMA, ZoneType.DMA32, ZoneType.NORMAL, ZoneType.HIGHMEM, ZoneType.MOVABLE);

  private static final long DMA_END = 4096;
  private static final long DMA32_END = 1L << 20;
  private static final long CHUNK = 1L << Pages.MAX_PAGE_ORDER;
  private static final long MAX_PAGES = 1L << 34;

  private final MemoryReport report;
  private final List<ReportedZone> zones;
  private final List<String> notes = new ArrayList<>();
  private final int migratetype;
  private final boolean atomic;

  /** Whether the report shows a zone HighMem. */
  private final boolean highMem;

  /**
   * A machine for one request.
   *
   * @param gfp the flags, for what only some requests may use
   */
  public ReportMachine(MemoryReport report, int gfp) {
    this.report = report;
    this.migratetype = Gfp.migratetype(gfp);
    this.atomic = (gfp & Gfp.__GFP_HIGH) != 0;
    zones =
        report.zones().stream()
            .sorted(
                Comparator.comparingInt((ReportedZone z) -> z.node)
                    .thenComparingInt(z -> ORDER.indexOf(z.type)))
            .filter(z -> z.blockPages() > 0 || (z.managed != 0 && !isEmpty(z)))
            .toList();
    notes.addAll(report.notes());
    highMem = zones.stream().anyMatch(z -> z.type == ZoneType.HIGHMEM);
  }

  /**
   * Whether a zone DMA keeps nothing from the second kind of zone, and something from the third:
   * with DMA32 that would be Normal, which then would be there. Kernels of 32-bit machines say this
   * of a zone DMA that has all of their low memory: the kinds are DMA, Normal, HighMem, Movable.
   */
  private static boolean keepsFromHighMem(ReportedZone zone) {
    return zone.type == ZoneType.DMA
        && zone.managed > DMA_END
        && zone.protection.size() == 4
        && zone.protection.get(1) == 0
        && zone.protection.get(2) > 0;
  }

  /** A zone that a kernel before 3.10 printed though the machine has none of it. */
  private static boolean isEmpty(ReportedZone zone) {
    return zone.present == 0 && zone.free <= 0;
  }

  /** What had to be taken for granted, in words. */
  public List<String> notes() {
    return notes;
  }

  /** Boots it, with its free blocks in place. */
  public Machine boot(MachineConfig config) {
    config.architecture(highMem ? Architecture.X86_PAE : Architecture.X86_64);
    MemoryLayout layout = layout();
    sysctls(config);
    Machine machine = config.layout(layout).contents(false).releaseMemory(false).boot();
    try {
      load(machine);
      compare(machine);
    } catch (RuntimeException e) {
      machine.close();
      throw e;
    }
    return machine;
  }

  private MemoryLayout layout() {
    List<MemoryMap.Range> ranges = new ArrayList<>();
    List<List<Zone>> nodes = new ArrayList<>();
    long cursor = 0;
    boolean sized = true;
    for (ReportedZone zone : zones) {
      while (nodes.size() <= zone.node) {
        nodes.add(new ArrayList<>());
      }
      if (zone.blockPages() > MAX_PAGES) {
        throw new InputException(
            zone + " has " + zone.blockPages() + " pages in free blocks",
            "the report",
            "at most " + MAX_PAGES);
      }
      long needed = BlockLayout.layOut(usable(zone), (page, order, type) -> {}) + CHUNK;
      sized &= zone.managed > 0 || zone.present > 0;
      long managed = zone.managed > 0 ? zone.managed : zone.present > 0 ? zone.present : size(zone);
      // Kernels before 3.10 count present pages without those that boot took and gave back.
      managed = Math.max(managed, Math.max(zone.free, zone.blockPages()));
      long present = Math.max(managed, zone.present);
      if (present > MAX_PAGES) {
        throw new InputException(
            zone + " has " + present + " pages", "the report", "at most " + MAX_PAGES);
      }
      long start = Math.max(cursor, natural(zone));
      long span = up(Math.max(present, needed));
      cursor = start + span;
      long first = zone.type == ZoneType.DMA && start == 0 ? 1 : start;
      nodes
          .get(zone.node)
          .add(
              new Zone(
                  zone.type,
                  zone.node,
                  first,
                  start + span,
                  Math.min(present, span - 1),
                  Math.min(managed, span - 1),
                  Migratetype.MOVABLE));
      ranges.add(
          new MemoryMap.Range(
              first << Pages.PAGE_SHIFT,
              (start + span) << Pages.PAGE_SHIFT,
              MemoryMap.Type.USABLE));
    }
    if (!sized) {
      notes.add(
          "the text does not say how large the zones are: taken from what is usual and from their"
              + " free blocks; the watermarks follow from that. A zoneinfo beside it tells");
    }
    List<Node> list = new ArrayList<>();
    for (int id = 0; id < nodes.size(); id++) {
      List<Integer> distances = new ArrayList<>();
      for (int other = 0; other < nodes.size(); other++) {
        distances.add(other == id ? 10 : 20);
      }
      list.add(new Node(id, nodes.get(id), distances));
    }
    return new MemoryLayout(new MemoryMap(ranges), list);
  }

  /** How large a zone may be of which only the free blocks are known. */
  private static long size(ReportedZone zone) {
    long free = Math.max(zone.blockPages(), Math.max(0, zone.free));
    return switch (zone.type) {
      case DMA -> Math.max(3840, free);
      case DMA32 -> Math.max(DMA32_END * 3 / 4 - DMA_END, free);
      default -> Math.max(1L << 18, Long.highestOneBit(Math.max(1, free)) * 4);
    };
  }

  private long natural(ReportedZone zone) {
    boolean dma32 = zones.stream().anyMatch(z -> z.type == ZoneType.DMA32);
    return switch (zone.type) {
      case DMA -> 0;
      case DMA32 -> DMA_END;
      default -> dma32 ? DMA32_END : DMA_END;
    };
  }

  private static long up(long pages) {
    return (pages + 1023) & -1024;
  }

  /** {@code vm.*} that give the watermarks and reserves of the report. */
  private void sysctls(MachineConfig config) {
    long min = 0;
    long scale = 0;
    boolean known = true;
    for (ReportedZone zone : zones) {
      known &= zone.min >= 0;
      min += zone.type == ZoneType.HIGHMEM || zone.type == ZoneType.MOVABLE ? 0 : zone.min;
      long step = zone.low - zone.min;
      if (zone.low >= 0 && zone.managed > 0 && step > zone.min / 4 + 1) {
        scale = Math.max(scale, Math.round(step * 10_000.0 / zone.managed));
      }
    }
    Map<String, String> all = new HashMap<>();
    if (known && min > 0) {
      all.put("min_free_kbytes", Long.toString(min * 4));
      all.put("watermark_scale_factor", Long.toString(Math.clamp(scale, 1, 3000)));
    }
    String ratios = reserves();
    if (!ratios.isEmpty()) {
      all.put("lowmem_reserve_ratio", ratios);
    }
    all.putAll(report.sysctls());
    if (known && min > 0 && report.sysctls().isEmpty()) {
      all.put("recorded_watermarks", exactly(all));
    }
    all.forEach(config::recordedSysctl);
  }

  /**
   * The report's marks to the page: what is worked out from a sum differs by a little, and a report
   * is written when it is a little that is missing.
   */
  private String exactly(Map<String, String> basis) {
    StringBuilder text = new StringBuilder();
    for (String name :
        List.of("min_free_kbytes", "watermark_scale_factor", "lowmem_reserve_ratio")) {
      text.append(basis.getOrDefault(name, "")).append(';');
    }
    int kinds = highMem ? 4 : 5;
    List<String> parts = new ArrayList<>();
    for (ReportedZone zone : zones) {
      if (zone.low < zone.min || zone.high < zone.low) {
        continue;
      }
      StringBuilder part = new StringBuilder();
      part.append(zone.node).append(' ').append(zone.type.procName());
      part.append(' ').append(zone.min).append(' ').append(zone.low).append(' ').append(zone.high);
      List<Long> kept = zone.protection;
      if (zones.size() == 1 && keepsFromHighMem(zone)) {
        // This machine has no HighMem: what asks for it asks for Movable at least.
        kept = List.of(kept.get(0), kept.get(0), kept.get(1), kept.get(2));
      }
      // As many as this machine has kinds of zone, or without the youngest of them (Device, or
      // Movable), which then is kept from as the one before it.
      boolean nothing = kept.stream().allMatch(pages -> pages == 0);
      if (!kept.isEmpty() && (nothing || kept.size() == kinds || kept.size() == kinds - 1)) {
        for (int k = 0; k < kinds; k++) {
          part.append(' ').append(nothing ? 0 : kept.get(Math.min(k, kept.size() - 1)));
        }
      }
      parts.add(part.toString());
    }
    return text.append(String.join(";", parts)).toString();
  }

  /** The ratio of each zone from what it keeps from the next higher one. */
  private String reserves() {
    List<ReportedZone> own = zones.stream().filter(z -> z.node == zones.getFirst().node).toList();
    StringBuilder ratios = new StringBuilder();
    boolean any = false;
    for (ZoneType type : ORDER) {
      boolean there = own.stream().anyMatch(z -> z.type == type);
      if ((type == ZoneType.DMA32 && highMem) || (type == ZoneType.HIGHMEM && !highMem)) {
        continue;
      }
      long ratio = type == ZoneType.DMA || type == ZoneType.DMA32 ? 256 : 32;
      if (there) {
        ReportedZone zone = own.stream().filter(z -> z.type == type).findFirst().orElseThrow();
        long above =
            own.stream()
                .filter(z -> ORDER.indexOf(z.type) > ORDER.indexOf(type))
                .mapToLong(z -> Math.max(0, z.managed))
                .sum();
        long kept = zone.protection.stream().mapToLong(Long::longValue).max().orElse(0);
        if (kept > 0 && above > 0) {
          ratio = Math.max(1, Math.round((double) above / kept));
          any = true;
        } else if (kept == 0 && above > 0 && !zone.protection.isEmpty()) {
          ratio = 0;
          any = true;
        }
      }
      boolean last = type == ZoneType.MOVABLE;
      ratios.append(ratios.isEmpty() ? "" : " ").append(last ? 0 : ratio);
    }
    return any ? ratios.toString() : "";
  }

  private void load(Machine machine) {
    long left = 0;
    for (ReportedZone zone : zones) {
      ManagedZone managed =
          machine.zones().stream()
              .filter(z -> z.zone().nodeId() == zone.node && z.zone().type() == zone.type)
              .findFirst()
              .orElseThrow();
      long start = up(managed.zone().startPfn());
      long[][] rows = usable(zone);
      BlockLayout.layOut(
          rows, (page, order, type) -> put(machine, managed, start + page, order, type));
      for (long[] row : typed(zone)) {
        for (int order = 0; order < row.length; order++) {
          left += row[order] << order;
        }
      }
      for (long[] row : rows) {
        for (int order = 0; order < row.length; order++) {
          left -= row[order] << order;
        }
      }
    }
    if (left > 0) {
      notes.add(
          String.format(
              Locale.ROOT,
              "%,d free pages are not for this request (CMA, the atomic reserve, isolated) and are"
                  + " left out",
              left));
    }
    machine.pages().freeBlocksChanged();
  }

  /** The blocks that the request may use, by the type of the list that they are on. */
  private long[][] usable(ReportedZone zone) {
    long[][] all = typed(zone);
    long[][] rows = new long[Migratetype.TYPES][];
    for (int type = 0; type < rows.length; type++) {
      boolean usable = type < Migratetype.PCPTYPES || (type == Migratetype.HIGHATOMIC && atomic);
      rows[type] = usable ? all[type].clone() : new long[ReportedZone.ORDERS];
    }
    if (migratetype == Migratetype.MOVABLE) {
      for (int order = 0; order < ReportedZone.ORDERS; order++) {
        rows[Migratetype.MOVABLE][order] += all[ReportedZone.CMA][order];
      }
    }
    return rows;
  }

  private static void put(Machine machine, ManagedZone managed, long pfn, int order, int type) {
    machine.memory().memMap().release(pfn, order, FrameOwner.FREE);
    for (long p = pfn; p < pfn + (1L << order); p += Pages.PAGEBLOCK_NR_PAGES) {
      managed.zone().pageblocks().set(p, type);
    }
    managed.frames().free(pfn, order, type);
  }

  /** The blocks by type: where the report does not say, what serves this request best. */
  private long[][] typed(ReportedZone zone) {
    long[][] rows = new long[zone.blocks.length][];
    for (int type = 0; type < rows.length; type++) {
      rows[type] = zone.blocks[type].clone();
    }
    long[] any = rows[ReportedZone.ANY_TYPE];
    boolean typesKnown = zone.blockPagesOfTypes() > 0;
    for (int order = 0; order < ReportedZone.ORDERS; order++) {
      if (any[order] > 0 && !typesKnown) {
        rows[type(zone.letters[order])][order] += any[order];
      }
      any[order] = 0;
    }
    if (!zone.blocksKnown && zone.free > 0) {
      String note =
          zone
              + ": no line says how its "
              + zone.free
              + " free pages lie: taken as blocks as large as can be, so that only watermarks and"
              + " reserves decide";
      if (!notes.contains(note)) {
        notes.add(note);
      }
      int most = ReportedZone.ORDERS - 1;
      rows[migratetype][most] += zone.free >> most;
      for (int order = 0; order < most; order++) {
        rows[migratetype][order] += zone.free >> order & 1;
      }
    }
    return rows;
  }

  private int type(@org.jspecify.annotations.Nullable String letters) {
    if (letters == null || letters.isEmpty()) {
      return migratetype;
    }
    String own = migratetype == Migratetype.MOVABLE ? "M" : migratetype == 0 ? "U" : "ER";
    for (int i = 0; i < letters.length(); i++) {
      if (own.indexOf(letters.charAt(i)) >= 0) {
        return migratetype;
      }
    }
    for (int i = 0; i < letters.length(); i++) {
      switch (letters.charAt(i)) {
        case 'U' -> {
          return Migratetype.UNMOVABLE;
        }
        case 'M' -> {
          return Migratetype.MOVABLE;
        }
        case 'E' -> {
          return Migratetype.RECLAIMABLE;
        }
        default -> {
          // no list that every request may use
        }
      }
    }
    return letters.contains("C")
        ? ReportedZone.CMA
        : letters.contains("H") || letters.contains("R")
            ? Migratetype.HIGHATOMIC
            : Migratetype.ISOLATE;
  }

  /** Says where the machine's watermarks are not the report's. */
  private void compare(Machine machine) {
    var stats = machine.pages().stats();
    if (stats.isEmpty()) {
      return;
    }
    for (ZoneStats is : stats.get().zones()) {
      for (ReportedZone said : zones) {
        if (said.node != is.nodeId() || said.type != is.type()) {
          continue;
        }
        if (said.min >= 0 && Math.abs(said.min - is.min()) > Math.max(2, said.min / 50)) {
          notes.add(
              said + ": the report says min " + said.min + " pages, this machine has " + is.min());
        }
        long kept = said.protection.stream().mapToLong(Long::longValue).max().orElse(-1);
        long here = is.protection().stream().mapToLong(Long::longValue).max().orElse(0);
        if (kept >= 0 && Math.abs(kept - here) > Math.max(2, kept / 50)) {
          notes.add(
              said
                  + ": the report keeps up to "
                  + kept
                  + " pages as lowmem reserve, this machine "
                  + here);
        }
      }
    }
  }
}
