// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.vmalloc.VmallocAllocator;
import java.util.Locale;

/**
 * The text of /proc/vmallocinfo: {@code vmalloc_info_show()} of mm/vmalloc.c, Linux 6.18. Areas
 * come by vmap node, which follows from the address, and by address in each; then what waits for a
 * purge. An area of vmap has no number of pages, as they are not its own.
 *
 * <p>Differences: the caller is the name of the call, without offset and length.
 */
final class VmallocInfo {
  private static final int MAX_NODES = 128;

  /** {@code vmap_zone_size}: so many addresses in a row have the same node. */
  private static final int ZONE_SHIFT = Pages.PAGE_SHIFT + 4;

  private final VmAreas areas;
  private final MemoryLayout layout;
  private final int nodes;
  private final boolean numa;
  private final int digits;
  private final int physDigits;

  VmallocInfo(KernelSpaceProvider.Floors floors, VmAreas areas) {
    this.areas = areas;
    this.layout = floors.layout();
    Architecture architecture = floors.architecture();
    this.numa = architecture.is64Bit();
    this.nodes =
        floors.areasCan().pools() && numa ? Math.clamp(floors.cpus().count(), 1, MAX_NODES) : 1;
    this.digits = numa ? 16 : 8;
    this.physDigits = numa || architecture == Architecture.X86_PAE ? 16 : 8;
  }

  String text() {
    StringBuilder text = new StringBuilder();
    VmallocAllocator addresses = areas.addresses();
    for (int node = 0; node < nodes; node++) {
      int wanted = node;
      addresses.forEach(
          (start, end) -> {
            VmArea area = nodeOf(start) == wanted ? areas.get(start) : null;
            if (area != null) {
              range(text, start, end);
              describe(text, area);
              text.append('\n');
            }
          });
    }
    addresses.forEachLazy(
        (start, end) -> {
          range(text, start, end);
          text.append(" unpurged vm_area\n");
        });
    return text.toString();
  }

  private int nodeOf(long address) {
    return (int) Long.remainderUnsigned(address >>> ZONE_SHIFT, nodes);
  }

  private void range(StringBuilder text, long start, long end) {
    String form = "0x%0" + digits + "x-0x%0" + digits + "x %7d";
    text.append(String.format(Locale.ROOT, form, start, end, end - start));
  }

  private void describe(StringBuilder text, VmArea area) {
    text.append(' ').append(area.caller);
    switch (area.kind) {
      case RAM -> {}
      case VMAP -> text.append(" vmap");
      case IOREMAP -> {
        if (area.paddr != 0) {
          text.append(String.format(Locale.ROOT, " phys=0x%0" + physDigits + "x", area.paddr));
        }
        text.append(" ioremap");
      }
      case VMALLOC -> frames(text, area);
    }
  }

  private void frames(StringBuilder text, VmArea area) {
    int count = area.atTouch ? 0 : area.filled; // VM_SPARSE has no nr_pages
    text.append(count > 0 ? " pages=" + count : "");
    text.append(area.atTouch ? " sparse" : " vmalloc");
    text.append(area.user ? " user" : "");
    text.append(area.listArea != KernelSpace.NO_ADDRESS ? " vpages" : "");
    long[] counts = new long[layout.nodes().size()];
    for (int i = 0; i < count && numa; i++) {
      long pfn = area.pfns[i];
      for (int n = 0; n < counts.length; n++) {
        boolean here =
            layout.nodes().get(n).zones().stream()
                .anyMatch(z -> pfn >= z.startPfn() && pfn < z.endPfn());
        counts[n] += here ? 1 : 0;
      }
    }
    for (int n = 0; n < counts.length; n++) {
      if (counts[n] > 0) {
        text.append(" N").append(n).append('=').append(counts[n]);
      }
    }
  }
}
