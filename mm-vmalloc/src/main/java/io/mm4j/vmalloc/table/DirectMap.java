// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.table;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.vmalloc.root.Root;

/**
 * RAM in the kernel's addresses: {@code init_mem_mapping()} of arch/x86/mm/init.c. All of the first
 * MiB and every usable range is mapped at a fixed offset, as far as lowmem reaches, with the
 * largest leafs that alignment and length allow.
 */
final class DirectMap {
  private static final long ISA_END = 1 << 20;

  private final PageTableFormat format;
  private final MemoryLayout layout;

  DirectMap(PageTableFormat format, MemoryLayout layout) {
    this.format = format;
    this.layout = layout;
  }

  /** Maps everything; false if there is no frame for a table. */
  boolean map(Cpu cpu, Root root, LinuxCursor cursor) {
    long end = layout.lowmemEndPfn() << Pages.PAGE_SHIFT;
    if (!map(cpu, root, cursor, 0, Math.min(ISA_END, end))) {
      return false;
    }
    for (MemoryMap.Range range : layout.map().ranges()) {
      long from = Math.max(ISA_END, Pages.pfnUp(range.start()) << Pages.PAGE_SHIFT);
      long to = Math.min(end, Pages.pfnDown(range.end()) << Pages.PAGE_SHIFT);
      if (range.type() == MemoryMap.Type.USABLE && from < to && !map(cpu, root, cursor, from, to)) {
        return false;
      }
    }
    return true;
  }

  private boolean map(Cpu cpu, Root root, LinuxCursor cursor, long from, long to) {
    long prot = format.kernelProt(PageTableFormat.READ | PageTableFormat.WRITE);
    long offset = format.kernel().directMap();
    if (from == to) {
      return true;
    }
    cursor.over(root, offset + from, offset + to);
    for (long paddr = from; paddr < to; ) {
      int level = largest(paddr, to);
      if (cursor.ensure(cpu, offset + paddr, level) != level) {
        return false;
      }
      cursor.set(format.leaf(level, paddr >>> Pages.PAGE_SHIFT, prot));
      paddr += format.bytes(level);
    }
    return true;
  }

  private int largest(long paddr, long end) {
    for (int level = format.levels(); level > 1; level--) {
      long bytes = format.bytes(level);
      if (format.shape().hasLeafs(level) && (paddr & bytes - 1) == 0 && end - paddr >= bytes) {
        return level;
      }
    }
    return 1;
  }
}
