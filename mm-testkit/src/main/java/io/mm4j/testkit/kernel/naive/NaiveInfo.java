// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.naive;

import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Zone;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** The lines of /proc/vmallocinfo. */
final class NaiveInfo {
  private final KernelSpaceProvider.Floors floors;
  private final Set<SpaceHabit> habits;
  private final boolean wide;

  NaiveInfo(KernelSpaceProvider.Floors floors, Set<SpaceHabit> habits) {
    this.floors = floors;
    this.habits = habits;
    this.wide = floors.architecture().is64Bit();
  }

  String text(SortedMap<Long, NaiveArea> known) {
    int nodes = floors.areasCan().pools() && wide ? Math.min(128, floors.cpus().count()) : 1;
    if (habits.contains(SpaceHabit.INFO_BY_ADDRESS)) {
      nodes = 1;
    }
    StringBuilder text = new StringBuilder();
    for (int node = 0; node < nodes; node++) {
      for (NaiveArea area : known.values()) {
        if (Long.remainderUnsigned(area.address >>> 16, nodes) == node) {
          text.append(line(area)).append('\n');
        }
      }
    }
    if (!habits.contains(SpaceHabit.INFO_WITHOUT_UNPURGED)) {
      floors
          .areas()
          .forEachLazy((from, to) -> text.append(range(from, to)).append(" unpurged vm_area\n"));
    }
    return text.toString();
  }

  private String range(long from, long to) {
    String address = wide ? "0x%016x" : "0x%08x";
    long shown = habits.contains(SpaceHabit.INFO_WITHOUT_GUARD) ? to - from - 4096 : to - from;
    return String.format(address + "-" + address + " %7d", from, to, shown);
  }

  private String line(NaiveArea area) {
    String head = range(area.address, area.address + area.bytes) + " " + area.caller;
    boolean long16 = wide || floors.architecture() == Architecture.X86_PAE;
    return switch (area.kind) {
      case RAM -> head;
      case VMAP ->
          habits.contains(SpaceHabit.COUNTS_VMAP)
              ? head + " pages=" + area.frames.size() + " vmap"
              : head + " vmap";
      case IOREMAP ->
          head
              + (area.paddr == 0
                  ? ""
                  : String.format(long16 ? " phys=0x%016x" : " phys=0x%08x", area.paddr))
              + " ioremap";
      case TOUCHED -> head + " sparse";
      case VMALLOC ->
          head
              + count(area)
              + " vmalloc"
              + (area.caller.equals("vmalloc_user") ? " user" : "")
              + (area.list == 0 ? "" : " vpages")
              + nodes(area);
    };
  }

  private static String count(NaiveArea area) {
    return area.frames.isEmpty() ? "" : " pages=" + area.frames.size();
  }

  private String nodes(NaiveArea area) {
    TreeMap<Integer, Integer> counts = new TreeMap<>();
    for (long pfn : area.frames) {
      for (Zone zone : floors.layout().zones()) {
        if (pfn >= zone.startPfn() && pfn < zone.endPfn()) {
          boolean one = habits.contains(SpaceHabit.INFO_OF_ONE_NODE);
          counts.merge(one ? 0 : zone.nodeId(), 1, Integer::sum);
        }
      }
    }
    StringBuilder text = new StringBuilder();
    counts.forEach((node, count) -> text.append(wide ? " N" + node + "=" + count : ""));
    return text.toString();
  }
}
