// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Fragmentation;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import java.util.Locale;

/**
 * The files that follow from the free blocks of the zones: mm/vmstat.c of Linux 6.18. Zones come
 * node by node, lowest first; orders 0 to 10.
 */
public final class ZoneFiles {
  /** {@code NR_PAGE_ORDERS}. */
  public static final int ORDERS = 11;

  /** From here on {@code /proc/pagetypeinfo} stops counting a list. */
  private static final long COUNT_LIMIT = 100_000;

  private ZoneFiles() {}

  /** {@code /proc/buddyinfo}: {@code frag_show_print()}. */
  public static String buddyinfo(MachineView view) {
    StringBuilder out = new StringBuilder();
    for (ManagedZone managed : view.zones()) {
      out.append(format("Node %d, zone %8s ", node(managed), name(managed)));
      for (int order = 0; order < ORDERS; order++) {
        out.append(format("%6d ", managed.frames().freeBlocks(order)));
      }
      out.append('\n');
    }
    return out.toString();
  }

  /** {@code /proc/pagetypeinfo}: {@code pagetypeinfo_show()}. */
  public static String pagetypeinfo(MachineView view) {
    StringBuilder out = new StringBuilder();
    int pageblockOrder =
        view.zones().isEmpty()
            ? Pages.PAGEBLOCK_ORDER
            : view.zones().getFirst().zone().pageblocks().order();
    out.append(format("Page block order: %d\n", pageblockOrder));
    out.append(format("Pages per block:  %d\n\n", 1 << pageblockOrder));
    out.append(format("%-43s ", "Free pages count per migrate type at order"));
    for (int order = 0; order < ORDERS; order++) {
      out.append(format("%6d ", order));
    }
    out.append('\n');
    for (ManagedZone managed : view.zones()) {
      for (int type = 0; type < Migratetype.TYPES; type++) {
        out.append(
            format(
                "Node %4d, zone %8s, type %12s ",
                node(managed), name(managed), Migratetype.name(type)));
        for (int order = 0; order < ORDERS; order++) {
          boolean kept = order <= managed.capabilities().maxOrder();
          long count = kept ? managed.frames().freeBlocks(order, type) : 0;
          out.append(count < COUNT_LIMIT ? format("%6d ", count) : ">" + COUNT_LIMIT + " ");
        }
        out.append('\n');
      }
    }
    out.append(format("\n%-23s", "Number of blocks type "));
    for (int type = 0; type < Migratetype.TYPES; type++) {
      out.append(format("%12s ", Migratetype.name(type)));
    }
    out.append('\n');
    for (ManagedZone managed : view.zones()) {
      out.append(format("Node %d, zone %8s ", node(managed), name(managed)));
      for (long count : blockTypes(managed.zone(), view.map())) {
        out.append(format("%12d ", count));
      }
      out.append('\n');
    }
    return out.toString();
  }

  /** Pageblocks of each type, without those whose whole section is a hole. */
  private static long[] blockTypes(Zone zone, MemoryMap map) {
    long[] counts = new long[Migratetype.TYPES];
    long section = -1;
    boolean present = false;
    for (long pfn = zone.startPfn();
        pfn < zone.endPfn();
        pfn = zone.pageblocks().start(pfn) + zone.pageblocks().pages()) {
      if (pfn / Pages.PAGES_PER_SECTION != section) {
        section = pfn / Pages.PAGES_PER_SECTION;
        present = hasMemory(map, section << Pages.SECTION_SIZE_BITS);
      }
      if (present) {
        counts[zone.pageblocks().get(pfn)]++;
      }
    }
    return counts;
  }

  private static boolean hasMemory(MemoryMap map, long start) {
    long end = start + (1L << Pages.SECTION_SIZE_BITS);
    return map.ranges().stream()
        .anyMatch(r -> r.type() == MemoryMap.Type.USABLE && r.start() < end && r.end() > start);
  }

  /** {@code /sys/kernel/debug/extfrag/unusable_index}: thousandths of the free memory. */
  public static String unusableIndex(MachineView view) {
    StringBuilder out = new StringBuilder();
    for (ManagedZone managed : view.zones()) {
      out.append(format("Node %d, zone %8s ", node(managed), name(managed)));
      for (int order = 0; order < ORDERS; order++) {
        int index = Fragmentation.unusableIndex(managed.frames(), order);
        out.append(format("%d.%03d ", index / 1000, index % 1000));
      }
      out.append('\n');
    }
    return out.toString();
  }

  /** {@code /sys/kernel/debug/extfrag/extfrag_index}: -1.000 where a request would succeed. */
  public static String extfragIndex(MachineView view) {
    StringBuilder out = new StringBuilder();
    for (ManagedZone managed : view.zones()) {
      out.append(format("Node %d, zone %8s ", node(managed), name(managed)));
      for (int order = 0; order < ORDERS; order++) {
        int index = Fragmentation.extfragIndex(managed.frames(), order);
        out.append(format("%2d.%03d ", index / 1000, index < 0 ? -index % 1000 : index % 1000));
      }
      out.append('\n');
    }
    return out.toString();
  }

  private static int node(ManagedZone managed) {
    return managed.zone().nodeId();
  }

  private static String name(ManagedZone managed) {
    return managed.zone().type().procName();
  }

  @SuppressWarnings("AnnotateFormatMethod") // a shorthand for this file
  private static String format(String form, Object... values) {
    return String.format(Locale.ROOT, form, values);
  }
}
